"""Lines of a CSV file that a quote which is not closed took into one value.

A parser takes everything up to the next quote, or to the end of the file, for one text: the rows
in between would be gone without a word. A value one of whose further lines has as many separators
as a row is taken for such a one; its row is left out as a broken line, with all it swallowed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.lake.texts import text_buffers

if TYPE_CHECKING:
    from qfb_gpu.lake.readers import Batch

_LEAST_COLUMNS = 4
"""Of a file with fewer, a line of prose may have as many commas."""
_LEAST_BYTES = 8
"""A value that is shorter holds no row: a line end, four values of one byte, what is between."""


def without_swallowed(
    batch: Batch, others: dict[int, str], separator: str, n_columns: int
) -> Batch:
    """Return a batch of a CSV file without rows one of whose values holds further rows.

    Parameters
    ----------
    batch : Batch
        Of texts, its rows numbered one after the other but for the broken lines.
    others : dict of int to str
        What :func:`swallowing` found in the columns that are not among the batch's.
    separator : str
    n_columns : int
        Of the file.

    Returns
    -------
    Batch
        The same where there is no such row; else those rows are among its ``broken``.
    """
    found: dict[int, str] = {}
    for column in batch.rows.columns:
        found |= swallowing(column, separator, n_columns)
    found |= others
    if not found:
        return batch
    numbers = batch.row_numbers()
    keep = np.ones(batch.rows.num_rows, bool)
    keep[list(found)] = False
    batch.broken += [(int(numbers[row]), text) for row, text in sorted(found.items())]
    batch.numbers = numbers[keep]
    batch.rows = batch.rows.filter(pa.array(keep))
    return batch


def swallowing(column: Any, separator: str, n_columns: int) -> dict[int, str]:
    """Return the rows of a column whose text, or bytes, hold a whole row; what to say of each."""
    data, ends = text_buffers(column)
    if n_columns < _LEAST_COLUMNS or not len(column) or np.diff(ends).max() < _LEAST_BYTES:
        return {}
    whole = data.tobytes()  # in which a byte is looked for ten times as fast as in an array
    if b"\n" not in whole and b"\r" not in whole:
        return {}  # as nearly always: a look at the bytes, and at no row
    found = {}
    has_lines = pc.or_(*(pc.match_substring(column, end) for end in ("\n", "\r")))
    for at in np.flatnonzero(np.asarray(has_lines)).tolist():
        value = column[at].as_py()
        text = value if isinstance(value, str) else value.decode("utf-8", "replace")
        lines = text.splitlines()
        if any(line.count(separator) == n_columns - 1 for line in lines[1:]):
            said = f"a quote is not closed, it took {len(lines)} lines into one value: {text}"
            found[at] = said
    return found
