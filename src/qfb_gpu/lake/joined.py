"""Small files cleaned together: a file a day would cost as much each as some ten thousand rows.

Rows of texts alone are joined, as those of CSV files: what becomes of one depends on no other row,
nor on its file. Which file a row is of is kept, and so is what each file counted.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.lake.readers import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from qfb_gpu.lake.clean import FilePlan

ROUNDED = "rounded: amount to the decimals of its currency"
ASSUMED = "assumed: currency, where a row has none: "
"""And the config's: how the count of such rows with an amount begins."""
_SMALL = 4
"""A batch is small that has less than this part of the rows that one may have."""


def joined(
    batches: Iterable[tuple[Batch, FilePlan]], n_rows: int
) -> Iterator[tuple[Batch, FilePlan]]:
    """Put small batches of files that are read in the same way together, in their order.

    Parameters
    ----------
    batches : iterable of (Batch, FilePlan)
    n_rows : int
        The most rows of a batch.
    """
    some: list[tuple[Batch, FilePlan]] = []
    n_some = 0
    for one in batches:
        size = one[0].rows.num_rows
        if some and not (n_some + size <= n_rows and _is_alike(some[0], one)):
            yield _together(some)
            some, n_some = [], 0
        if size * _SMALL < n_rows and _is_plain(*one):
            some.append(one)
            n_some += size
            continue
        if some:
            yield _together(some)
            some, n_some = [], 0
        yield one
    if some:
        yield _together(some)


def _is_plain(batch: Batch, plan: FilePlan) -> bool:
    """Return whether there is nothing about a batch but texts in its rows."""
    is_odd = batch.broken or batch.counts or batch.numbers is not None
    has_steps = plan.recipe is not None and plan.recipe.steps
    return not is_odd and not has_steps and all(map(pa.types.is_string, batch.rows.schema.types))


def _is_alike(one: tuple[Batch, FilePlan], other: tuple[Batch, FilePlan]) -> bool:
    ways = [(plan.mapped, plan.excludes, batch.rows.schema) for batch, plan in (one, other)]
    return one[1].part is other[1].part and ways[0] == ways[1]


def _together(some: list[tuple[Batch, FilePlan]]) -> tuple[Batch, FilePlan]:
    if len(some) == 1:
        return some[0]
    batches = [batch for batch, _ in some]
    rows = pa.concat_batches([batch.rows for batch in batches])
    numbers = np.concatenate([batch.row_numbers() for batch in batches])
    files = [(plan.number, plan.name, batch.rows.num_rows) for batch, plan in some]
    return Batch(rows, 0, numbers=numbers, files=files), some[0][1]


def counts_by_file(
    batch: Batch, judged: list[tuple[str, Any, list[str]]], noted: dict[str, Any]
) -> dict[int, Counter[str]]:
    """Return the measures of each file of a batch, by its number.

    Parameters
    ----------
    batch : Batch
    judged : list of (str, integer array, list of str)
        What becomes of a row, the number of the reason of each row (0: it does not), the reasons.
    noted : dict of measure to array of bool
        Whether it holds of a row; of rows that are kept it is counted.
    """
    found: dict[int, Counter[str]] = {}
    is_kept = np.all([code == 0 for _, code, _ in judged], axis=0)
    start = 0
    for number, _, n_rows in batch.files:
        counts = found.setdefault(number, Counter())
        rows = slice(start, start + n_rows)
        start += n_rows
        counts["rows"] += n_rows
        for measure, which in noted.items():
            counts[measure] += int((which & is_kept)[rows].sum())
        for kind, code, words in judged:
            for why, n in enumerate(np.bincount(code[rows])[1:].tolist()):
                counts[f"{kind}: {words[why]}"] += n
    return {number: +counts for number, counts in found.items()}


def named(
    rejects: pa.Table | None, names: Sequence[str], sizes: Sequence[int], reason: Any
) -> pa.Table | None:
    """Return the rejected rows of a batch with the names of their files."""
    if rejects is None:
        return None
    file = np.repeat(np.arange(len(names)), sizes)[reason > 0]
    return rejects.set_column(1, rejects.field(1), pa.array(names).take(pa.array(file)))
