"""Rows that leave silver, by the file they came from or by their content."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.counted import counted
from qfb_gpu.lake import manifest as state
from qfb_gpu.lake import silver
from qfb_gpu.lake.merge import forget_derived, mix
from qfb_gpu.lake.rejects import read_rejects
from qfb_gpu.lake.revive import Duplicates, file_numbers, is_duplicate
from qfb_gpu.lake.rows import Rows

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu.lake.manifest import Manifest
    from qfb_gpu.schema import Table

_ORIGIN = ("source_file", "source_row")


class FeedMismatchError(Exception):
    """A change feed takes away a row that is not there: everything has to be read again."""


@dataclass(slots=True)
class Leaving:
    """Rows that leave silver, and duplicates that may come back for them.

    Attributes
    ----------
    files : set of int
        Numbers of the files whose rows leave.
    buckets : set of int
        Where rows leave.
    back : dict of bucket to RecordBatch
        Duplicates of files that stay, to be merged again.
    rejects : Arrow table or None
        The rejected rows that stay rejected; None where the files of them stay as they are.
    """

    files: frozenset[int] = frozenset()
    buckets: set[int] = field(default_factory=set)
    back: dict[int, pa.RecordBatch] = field(default_factory=dict)
    rejects: pa.Table | None = None


def find_leaving(  # noqa: PLR0913
    table_dir: Path,
    after: Manifest,
    schema: Table,
    currency: str,
    gone: frozenset[int],
    n_kept: int,
    removed: set[int],
    removed_rejects: list[pa.Table],
) -> Leaving:
    """Find where rows leave, and the duplicates in those buckets that may come back.

    Parameters
    ----------
    table_dir : Path
    after : Manifest
        Of the version to make; the duplicates that stay rejected are counted in it anew.
    schema : Table
    currency : str
        Of rows that give none.
    gone : set of int
        Numbers of the files whose rows leave.
    n_kept : int
        How many of the manifest's files were there before.
    removed : set of int
        Buckets that lose rows by their content.
    removed_rejects : list of Arrow table
        Rejected rows that leave.
    """
    buckets = silver.buckets_of_files(table_dir, gone) | removed
    rejects = read_rejects(state.folder(table_dir), after.rejects)
    kept = enumerate(after.files)
    names = [None if f.get("gone") or n >= n_kept else f["name"] for n, f in kept]
    numbers = file_numbers(rejects, names)
    may_return = is_duplicate(rejects) & (numbers >= 0)
    stays = ~may_return & (numbers >= 0)
    back: dict[int, pa.RecordBatch] = {}
    picked = np.flatnonzero(may_return)
    if picked.size:
        some = rejects.take(pa.array(picked))
        found = Duplicates(some, numbers[picked], schema, after.n_buckets, currency)
        back = found.runs(buckets)
        stays[picked[~np.isin(found.bucket, sorted(buckets))]] = True
    left = _without_rejects(rejects.filter(pa.array(stays)), removed_rejects)
    duplicates = left.filter(pa.array(is_duplicate(left)))
    reasons = Counter(duplicates.column("reason").to_pylist())
    after.merged = {f"rejected: {reason}": n for reason, n in reasons.items()}
    return Leaving(gone, buckets, back, left)


def _without_rejects(rejects: pa.Table, removed: list[pa.Table]) -> pa.Table:
    """Take away rejected rows once each, by reason and content."""
    if not removed:
        return rejects
    gone = Counter(key for table in removed for key in _reject_keys(table))
    keep = []
    for key in _reject_keys(rejects):
        keep.append(gone[key] <= 0)
        gone[key] -= 1
    if any(n > 0 for n in gone.values()):
        msg = "a rejected row that leaves was not among the rejects"
        raise FeedMismatchError(msg)
    return rejects.filter(pa.array(keep, pa.bool_()))


def _reject_keys(rejects: pa.Table) -> list[tuple[str, str]]:
    columns = (rejects.column(name).to_pylist() for name in ("reason", "row_json"))
    return list(zip(*columns, strict=True))


def subtract(tables: list[pa.Table], removed: list[pa.Table], schema: Table) -> list[pa.Table]:
    """Take rows away once each, by their content whatever file they came from.

    Parameters
    ----------
    tables, removed : list of pyarrow.Table
        Spilled rows of one bucket.
    schema : Table

    Raises
    ------
    FeedMismatchError
        A row that leaves is not there.
    """
    n_present = sum(table.num_rows for table in tables)
    names = removed[0].column_names
    rows = Rows([table.select(names) for table in [*tables, *removed] if table.num_rows])
    key = _content(rows, schema)
    order = np.argsort(key, kind="stable")  # rows that are there come before those that leave
    starts = np.flatnonzero(np.append(True, key[order[1:]] != key[order[:-1]]))
    group = np.repeat(np.arange(starts.size), np.diff(np.append(starts, order.size)))
    leaves = order >= n_present
    n_leave = np.bincount(group, weights=leaves, minlength=starts.size).astype(np.int64)
    n_there = np.bincount(group, weights=~leaves, minlength=starts.size).astype(np.int64)
    if (n_leave > n_there).any():
        msg = f"not in silver: {counted(int((n_leave > n_there).sum()), 'row')} that leave"
        raise FeedMismatchError(msg)
    rank = np.arange(order.size) - starts[group]
    keep = np.ones(n_present, bool)
    keep[order[~leaves & (rank < n_leave[group])]] = False
    left, first = [], 0
    for table in tables:
        left.append(table.filter(pa.array(keep[first : first + table.num_rows])))
        first += table.num_rows
    return left


def _content(rows: Rows, schema: Table) -> Any:
    """Return a hash of each row's content; an id that was derived counts as none."""
    state_ = np.zeros(rows.n_rows, np.uint64)
    derived = forget_derived(rows) if schema.name == "transactions" else None
    for name in sorted(set(rows.arrow) - set(_ORIGIN)):
        is_text = name in rows.coded or pa.types.is_string(rows.arrow[name].type)
        values = rows.key(name) if is_text else rows.number(name)
        if name == "txn_id" and derived is not None:
            values = np.where(derived, 0, values)
        if values.dtype.kind == "f":
            values = np.ascontiguousarray(values, np.float64).view(np.int64)
        is_null = np.asarray(pc.is_null(rows.arrow[name])) if not is_text else False
        told = np.where(is_null, np.uint64(2), np.uint64(1))  # -1 is no null
        state_ = mix(state_, np.where(is_null, -1, values)) ^ told
    return state_
