"""Rows on a screen: beside each other where they fit, else some columns after the others.

A table is a grid of texts. Of one that is wider than the screen the first column, which is a key,
begins each block; the rows are the same, in the same order, in every block.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from rich.cells import cell_len
from rich.table import Table as Grid
from rich.text import Text

from qfb_gpu.counted import counted
from qfb_gpu.currencies import EXPONENT

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    import pyarrow as pa
    from rich.console import Console

_NULL = "·"
_FOLDED = 24
"""Cells of a screen that a column of long texts has at least; they are folded in it."""
_PAGE = 4
"""A text of more than so many lines has the screen for itself."""
_BESIDE = 2
"""Cells of blanks around a column."""
_NAME = 13
"""Cells that the name of a block of features takes."""


def print_rows(
    title: str,
    rows: pa.Table,
    console: Console,
    n_rows: int | None = None,
    longest: int | None = None,
    in_units: AbstractSet[str] = frozenset(),
) -> None:
    """Print rows under their title.

    Parameters
    ----------
    title : str
    rows : pyarrow.Table
        What is printed.
    console : rich.console.Console
        Its width is that of the screen.
    n_rows : int, optional
        Rows there are, for the title; those of ``rows`` where not given.
    longest : int, optional
        Characters of a cell that are printed; all where not given.
    in_units : set of str
        Columns of money in units of the column ``currency``, printed with its decimals.
    """
    head = f"{title}: {counted(rows.num_rows if n_rows is None else n_rows, 'row')}"
    columns = {name: rows[name].to_pylist() for name in rows.column_names}
    cells = {name: [_cut(as_text(v), longest) for v in of] for name, of in columns.items()}
    for name in in_units & columns.keys() if "currency" in columns else ():
        pairs = zip(columns[name], columns["currency"], strict=True)
        cells[name] = [_money_text(value, currency) for value, currency in pairs]
    numbers = {name for name, of in columns.items() if _is_number(of)}
    print_columns(cells, console, head, numbers)


def print_columns(
    cells: dict[str, list[str]],
    console: Console,
    head: str | None = None,
    numbers: AbstractSet[str] = frozenset(),
) -> None:
    """Print columns of texts that are as long as each other.

    Parameters
    ----------
    cells : dict of str to list of str
        By name, in order.
    console : rich.console.Console
    head : str, optional
        A line above.
    numbers : set of str
        Columns whose texts end under each other.
    """
    names, texts = [*cells], [*cells.values()]
    widths = [
        max(cell_len(name), _wanted(max(map(cell_len, of), default=0), console.width))
        for name, of in cells.items()
    ]
    for block in blocks(widths, console.width):
        grid = Grid(title=head, title_justify="left", box=None)
        for column in block:
            side: Literal["right", "left"] = "right" if names[column] in numbers else "left"
            grid.add_column(Text(names[column]), justify=side, overflow="fold")
        for row in zip(*(texts[column] for column in block), strict=True):
            grid.add_row(*map(Text, row))
        console.print(grid)
        head = None


def blocks(widths: list[int], room: int) -> list[list[int]]:
    """Return which columns are printed beside each other, block by block.

    Parameters
    ----------
    widths : list of int
        Cells that each column needs, without the blanks around it.
    room : int
        Cells of the screen.

    Returns
    -------
    list of list of int
        Places of columns; every one is in a block, the first in all where it takes less than half
        of the screen.
    """
    needed = [width + _BESIDE for width in widths]
    key = [0] if needed and needed[0] < room / 2 else []
    found: list[list[int]] = [[]]
    left = room
    for column, width in enumerate(needed):
        if width > left and found[-1] not in ([], key):
            found.append(list(key))
            left = room - sum(needed[one] for one in key)
        found[-1].append(column)
        left -= width
    return found


def _wanted(longest: int, room: int) -> int:
    """Return the cells that texts of up to ``longest`` cells want; pages of JSON want all."""
    return room if longest > _PAGE * room else min(longest, _FOLDED)


def print_facts(name: str, facts: list[str], console: Console) -> None:
    """Print what is said of a subject, a comma between, and under each other where lines end."""
    room = max(console.width - _NAME, _FOLDED)
    lines = [""]
    for place, fact in enumerate(facts):
        text = fact if place == len(facts) - 1 else f"{fact},"
        if lines[-1] and cell_len(lines[-1]) + 1 + cell_len(text) > room:
            lines.append("")
        lines[-1] += f" {text}" if lines[-1] else text
    for place, line in enumerate(lines):
        begin = f"{'' if place else name:<{_NAME}}"
        console.print(Text.assemble((begin, "bold"), line), soft_wrap=True)


def as_text(value: Any) -> str:
    """Return a value as it is printed."""
    if value is None:
        return _NULL
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1 else f"{value:,.2f}"
    if isinstance(value, str) and value[:1] in ("[", "{") and "\\u" in value:
        return _readable(value)
    return str(value)


def _money_text(value: float | None, currency: str | None) -> str:
    """Return units of a currency with its decimals: two of CNY, none of JPY, three of KWD."""
    if value is None or currency not in EXPONENT:
        return as_text(value)
    return f"{value:,.{EXPONENT[currency]}f}"


def _readable(value: str) -> str:
    """Return JSON with its letters as letters, not as their numbers."""
    try:
        return json.dumps(json.loads(value), ensure_ascii=False)
    except ValueError:
        return value


def _is_number(values: list[Any]) -> bool:
    return any(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


def _cut(text: str, longest: int | None) -> str:
    return text if longest is None or len(text) <= longest else text[: longest - 1] + "…"
