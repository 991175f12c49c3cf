"""Sources none of whose customers has a payment: most likely their ids are written in another way.

``001`` and ``1``, or ``1001.0`` of a column with gaps, are different customers; all that such a
source says would be missing in every profile. A customer is in the same bucket in all sources, so a
few buckets tell.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from qfb_gpu.errors import warn_caller
from qfb_gpu.lake.delta import open_file
from qfb_gpu.lake.silver import files_by_bucket
from qfb_gpu.schema import SOURCES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_LEAST, _ENOUGH = 20, 10_000
"""Fewer customers of a side say nothing; so many of both sides and no more are looked at."""


def tell_strangers(lake: Path, sources: Iterable[str]) -> None:
    """Warn of each source none of whose customers is one of the payments'.

    Parameters
    ----------
    lake : Path
    sources : iterable of str
        Those that are there; where either side has fewer than twenty customers nothing is told.
    """
    files = files_by_bucket(lake / "transactions")

    @cache
    def who_paid(bucket: int) -> set[str]:
        return _customers(files.get(bucket, []))

    for source in sources:
        if source != "transactions" and "customer_id" in SOURCES[source].names:
            said = _strangers(who_paid, files_by_bucket(lake / source))
            if said:
                warn_caller(f"sources.{source}: {said}")


def _strangers(who_paid: Callable[[int], set[str]], others: dict[int, list[Path]]) -> str:
    """Return what to say; nothing where a customer is of both, or too few are looked at."""
    ours: set[str] = set()
    theirs: set[str] = set()
    for bucket in sorted(others):
        ours |= who_paid(bucket)
        theirs |= _customers(others[bucket])
        if ours & theirs:
            return ""
        if min(len(ours), len(theirs)) >= _ENOUGH:
            break
    if min(len(ours), len(theirs)) < _LEAST:
        return ""
    return (
        f"none of the {len(theirs):,} customers looked at has a payment: it has e.g. "
        f"{min(theirs)!r}, transactions have {min(ours)!r}; where the ids are written in "
        "another way make them one (`prepare`), or map another column to customer_id"
    )


def _customers(files: list[Path]) -> set[str]:
    found: set[str] = set()
    for path in files:
        file = open_file(path, ["customer_id"])  # a bucket holds few texts, each many times
        column = file.read(columns=["customer_id"]).column(0)
        found |= {str(text) for text in pc.unique(column).to_pylist() if text is not None}
    return found
