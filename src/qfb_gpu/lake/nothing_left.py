"""When a source without a row to keep is refused, and what is said then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from qfb_gpu.counted import counted

if TYPE_CHECKING:
    from collections import Counter

    import pyarrow as pa

MANY = 100
"""Fewer new rows than this beside others that are kept may all be rejected."""


def refusal(
    source: str,
    counts: Counter[str],
    rejects: pa.Table | None,
    *,
    keeps: bool,
) -> str | None:
    """Return why a night stops at rows of which it can keep none, None where it does not.

    Parameters
    ----------
    source : str
    counts : Counter
        Of the rows that are read: ``rows``, ``rejected: ...``, ``excluded ...``.
    rejects : pyarrow.Table, optional
        Rejected rows, for an example.
    keeps : bool
        Whether silver keeps rows of earlier nights beside them.
    """
    if keeps and counts["rows"] < MANY:
        return None
    if may_be_empty("" if keeps else source, counts):
        return None
    return nothing_left(f"sources.{source}", counts, rejects)


def may_be_empty(source: str, counts: Counter[str]) -> bool:
    """Return whether a source without a row to keep is one that has none, not one misread.

    A month has no claims, perhaps; but there is no night without payments.
    """
    refused = any(n for reason, n in counts.items() if reason.startswith("rejected: "))
    return source != "transactions" and not refused


def nothing_left(where: str, counts: Counter[str], rejects: pa.Table | None) -> str:
    """Say why a source has no rows, in one line."""
    if not counts["rows"]:
        return f"{where}: has no rows; expected at least one below the header"
    reasons = {name: n for name, n in counts.items() if name.startswith(("rejected", "excluded"))}
    name, n_rows = max(reasons.items(), key=lambda item: item[1])
    example = ""
    if rejects is not None:
        rejects = rejects.filter(pc.field("reason") == name.removeprefix("rejected: "))
    if rejects is not None and rejects.num_rows:
        row = rejects.slice(0, 1).to_pylist()[0]
        example = f", e.g. row {row['row']} (from 0) of {row['file']}: {row['row_json'][:300]}"
    return (
        f"{where}: none of its {counted(counts['rows'], 'row')} can be kept; "
        f"{n_rows:,} {name}{example}; correct the mapping or the file"
    )
