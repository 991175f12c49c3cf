"""Rows of some customers of a gold table's part, put in place of those there were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qfb_gpu.keys import find
from qfb_gpu.lake import gold, pages
from qfb_gpu.lake.bucket_read import rows_of
from qfb_gpu.lake.delta import open_file
from qfb_gpu.lake.texts import hash_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    _Keyed = tuple[pa.Table, np.ndarray]

_OWNER = "customer_id"
_FEW = 64
"""With more touched customers nobody looks for pages that stay."""
_ROWS_A_PIECE = 400
"""Where a customer has fewer rows beside it, each row is picked: pieces would cost more."""
_STAY = 0.4
"""A part of whose pages fewer stay is read and written as a whole: that takes no longer."""
_MOST_A_PAGE = 2
"""With more customers than so many for each page, hardly one stays: nobody looks."""
_FAST = -3
"""Of zstd: a quarter faster, a quarter larger; the next whole night writes every part anew.

Of a part with pages that may stay; others are written with Snappy, which takes less time still.
"""


def splice(
    old: Path | None,
    new: Sequence[tuple[pa.Table, np.ndarray]],
    customer_keys: np.ndarray,
    target: Path,
    show: Callable[[pa.Table, pa.Table], None] | None = None,
) -> int:
    """Write a part in which some customers have other rows; return its number of rows.

    Parameters
    ----------
    old : Path or None
        The part as it is published; None where there is none.
    new : sequence of (Table, int64 array)
        What :func:`read_new` gives of some parts. Together all rows that the customers have now,
        and perhaps rows of others, which are no matter; at least one where ``old`` is None. A
        column that they lack is taken from the customer's first row in ``old``, null where that
        has none.
    customer_keys : int64 array, ascending
        Hashes of the customers' ids.
    target : Path
    show : callable(Table, Table), optional
        Given the customers' rows in ``old`` and those that they have now.

    Notes
    -----
    Rows ascend by customer key, as those of a whole night do; a customer's rows keep their order.
    """
    after = [_of(table, keys, customer_keys) for table, keys in new]
    if old is None:
        before, keys = after[0].slice(0, 0), np.zeros(0, np.int64)
    else:
        n_rows = _by_page(old, after, customer_keys, target, show)
        if n_rows is not None:
            return n_rows
        before, keys = _ascending(read_rows(old))
        after = [_completed(one, before, keys) for one in after]
    before, come = _together(before, after)
    now = _ascending(come)
    table = _merged((before, keys), now, customer_keys)
    if show is not None:
        show(_of(before, keys, customer_keys), now[0])
    gold.write_part(target, table, _FAST if pages.are_cut(table.num_rows) else gold.SNAPPY)
    return int(table.num_rows)


def read_rows(path: Path) -> pa.Table:
    """Return a part's rows; texts that repeat stay in their dictionaries."""
    metadata = open_file(path).metadata
    texts = _texts(metadata.schema.to_arrow_schema())
    file = pq.ParquetFile(path, metadata=metadata, read_dictionary=texts)
    return file.read(use_threads=False).unify_dictionaries()  # a thread has a bucket


def _texts(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if gold.repeats(field)]


def read_new(path: Path) -> tuple[pa.Table, np.ndarray]:
    """Return a part's rows by ascending key of their customers, and the keys."""
    return _ascending(read_rows(path))


def _keys(table: pa.Table) -> np.ndarray:
    """Return the key of each row's customer."""
    column = table.column(_OWNER).combine_chunks()
    hashes = hash_texts(column.dictionary.cast(pa.string()))
    keys: np.ndarray = hashes[column.indices.to_numpy()]
    return keys


def _of(table: pa.Table, keys: np.ndarray, customer_keys: np.ndarray) -> pa.Table:
    return table.take(pa.array(rows_of(customer_keys, keys)[0]))


def _ascending(table: pa.Table) -> _Keyed:
    """Return a table with its rows in order of their keys, and the keys."""
    keys = _keys(table)
    if (keys[1:] < keys[:-1]).any():
        order = np.argsort(keys, kind="stable")
        return table.take(pa.array(order)), keys[order]
    return table, keys


def _merged(before: _Keyed, after: _Keyed, customer_keys: np.ndarray) -> pa.Table:
    """Return the old rows, those of some customers replaced; in one chunk."""
    (old, old_keys), (new, new_keys) = before, after
    if old.num_rows > _ROWS_A_PIECE * customer_keys.size:
        return _replaced(before, after, customer_keys)
    gone, _ = rows_of(customer_keys, old_keys)
    rows = np.delete(np.arange(old_keys.size + new_keys.size), gone)
    order = np.argsort(np.append(old_keys, new_keys)[rows], kind="stable")
    return pa.concat_tables([old, new]).combine_chunks().take(pa.array(rows[order]))


def _together(before: pa.Table, after: list[pa.Table]) -> tuple[pa.Table, pa.Table]:
    """Return both with dictionaries that they share, which begin with those before."""
    together = pa.concat_tables([before, *after]).unify_dictionaries()
    return together.slice(0, before.num_rows), together.slice(before.num_rows)


def _replaced(before: _Keyed, after: _Keyed, customer_keys: np.ndarray) -> pa.Table:
    """Return the old rows with the new ones in place of some customers'; both by ascending key."""
    (old, old_keys), (new, new_keys) = before, after
    pieces, start = [], 0
    for key in customer_keys:
        first, last = np.searchsorted(old_keys, key), np.searchsorted(old_keys, key, side="right")
        begin, end = np.searchsorted(new_keys, key), np.searchsorted(new_keys, key, side="right")
        pieces += [old.slice(start, first - start), new.slice(begin, end - begin)]
        start = last
    pieces = [piece for piece in (*pieces, old.slice(start)) if piece.num_rows]
    return pa.concat_tables(pieces or [old.slice(0, 0)]).combine_chunks()


def _completed(after: pa.Table, before: pa.Table, keys: np.ndarray) -> pa.Table:
    """Return the new rows in the old columns, what they lack taken from the customer's old row."""
    there = {*after.column_names}
    missing = [name for name in before.column_names if name not in there]
    if missing:
        known, first = np.unique(keys, return_index=True)
        at, is_there = find(known, _keys(after), np)
        row = pa.array(first[at] if first.size else at, mask=~is_there)
        for name in missing:
            after = after.append_column(name, before.column(name).take(row))
    after = after.select(before.column_names)
    return after if after.schema.equals(before.schema) else after.cast(before.schema)


def _by_page(
    old: Path,
    after: list[pa.Table],
    customer_keys: np.ndarray,
    target: Path,
    show: Callable[[pa.Table, pa.Table], None] | None,
) -> int | None:
    """Write the part; its pages without rows of the customers stay the bytes that they are.

    Returns
    -------
    int, or None where nothing was written: few pages would stay, or they cannot be copied.
    """
    metadata = open_file(old).metadata
    found = _where(old, metadata.num_rows, customer_keys)
    if found is None:
        return None
    paged, keys, runs = found
    changed = [page for first, stop, _ in runs for page in range(first, stop)]
    texts = _texts(metadata.schema.to_arrow_schema())
    before = paged.read(changed, list(paged.columns), texts)
    starts = paged.starts
    its = np.concatenate([keys[:0], *(keys[starts[a] : starts[b]] for a, b, _ in runs)])
    rows, new = _together(before, [_completed(one, before, its) for one in after])
    if not all(map(_goes_on, before.columns, rows.columns)):
        return None
    now = _ascending(new)
    tables, at = [], 0
    for first, stop, customers in runs:
        own = its[at : at + starts[stop] - starts[first]]
        tables.append(_replaced((rows.slice(at, own.size), own), now, customers))
        at += own.size
    places = [(first, stop) for first, stop, _ in runs]
    if not gold.write_patched(target, paged, places, tables, _FAST):
        return None
    if show is not None:
        show(_of(before, its, customer_keys), now[0])
    return int(metadata.num_rows) - at + sum(table.num_rows for table in tables)


def _where(
    old: Path, n_rows: int, customer_keys: np.ndarray
) -> tuple[pages.Paged, np.ndarray, list[tuple[int, int, np.ndarray]]] | None:
    """Return a part's pages, the key of each row, and :func:`_runs`; None where few would stay."""
    n_pages = n_rows // pages.ROWS
    if n_pages < pages.FEW or customer_keys.size > min(_FEW, _MOST_A_PAGE * n_pages):
        return None
    data = pa.memory_map(str(old)).read_buffer()
    owners = pages.opened(data, [_OWNER])
    if owners is None:
        return None
    keys = _keys(owners.read(range(owners.n_pages), [_OWNER], [_OWNER]))
    if (keys[1:] < keys[:-1]).any():
        return None
    runs = _runs(owners, keys, customer_keys)
    n_stay = owners.n_pages - sum(stop - first for first, stop, _ in runs)
    paged = pages.opened(data) if n_stay >= _STAY * owners.n_pages else None
    return None if paged is None else (paged, keys, runs)


def _runs(
    paged: pages.Paged, keys: np.ndarray, customer_keys: np.ndarray
) -> list[tuple[int, int, np.ndarray]]:
    """Return the runs of pages where some customers have rows, or would have them.

    Returns
    -------
    list of (first page, page after the last, keys of the customers there)
    """
    begin, end = (np.searchsorted(keys, customer_keys, side) for side in ("left", "right"))
    rows = [np.minimum(place, keys.size - 1) for place in (begin, np.maximum(end - 1, begin))]
    found: list[tuple[int, int, np.ndarray]] = []
    for key, first, last in zip(customer_keys, *map(paged.page_of, rows), strict=True):
        if found and first <= found[-1][1]:
            start, stop, others = found.pop()
            found.append((start, max(stop, int(last) + 1), np.append(others, key)))
        else:
            found.append((int(first), int(last) + 1, np.array([key])))
    return found


def _goes_on(before: pa.ChunkedArray, now: pa.ChunkedArray) -> bool:
    """Return whether a column's dictionary, if it has one, begins with the one before."""
    if not pa.types.is_dictionary(before.type):
        return True
    old, new = (column.chunk(0).dictionary for column in (before, now))
    return bool(new.slice(0, len(old)).equals(old))
