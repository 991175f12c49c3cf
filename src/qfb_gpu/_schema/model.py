"""What a table and a column are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["string", "date", "int8", "int32", "int64", "float64", "bool"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its dtype as users see it, and what it means."""

    name: str
    kind: Kind
    doc: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its key, then its columns in order (the key's among them)."""

    name: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """Return the column called ``name``; ``KeyError`` lists the columns there are."""
        for column in self.columns:
            if column.name == name:
                return column
        msg = f"table {self.name} has no column {name!r}; it has {self.names}"
        raise KeyError(msg)

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [column.name for column in self.columns]


def table(name: str, key: str, *rows: tuple[str, str, str] | tuple[str, str, str, bool]) -> Table:
    """Return a table: its name, its key as words, then (name, kind, meaning[, required])."""
    return Table(name, tuple(key.split()), tuple(Column(*row) for row in rows))  # type: ignore[arg-type]
