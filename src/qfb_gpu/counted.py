"""Counts in sentences: one row, two rows."""

from __future__ import annotations


def counted(number: float, noun: str, many: str | None = None) -> str:
    """Return ``1 row`` or ``1,234 rows``; ``many`` where the plural is not the noun with an s."""
    whole = round(number)
    return f"{whole:,} {noun if whole == 1 else many or noun + 's'}"
