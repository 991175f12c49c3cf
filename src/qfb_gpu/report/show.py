"""A run's tables on a terminal."""

from __future__ import annotations

import datetime as dt
import difflib
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc
from rich.table import Table as Grid
from rich.text import Text

from qfb_gpu.counted import counted
from qfb_gpu.errors import InputError
from qfb_gpu.report.contents import ABOUT, OF_CUSTOMER
from qfb_gpu.schema import GOLD

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from rich.console import Console

    Read = Callable[[str, list[str] | None], pa.Table]

_NULL = "·"
_PER_CUSTOMER = ("payment_streams", "expected_payments")
_STREAM_COLUMNS = [
    "counterparty_id", "direction", "cadence", "period_days", "n_payments", "last_date", "status",
    "next_date", "next_date_earliest", "next_date_latest", "next_amount", "currency", "confidence",
]  # fmt: skip


def render(
    read: Read,
    tables: list[str],
    table: str | None,
    customer: str | None,
    limit: int,
    console: Console,
) -> None:
    """Print the list of tables, a table, or a customer.

    Parameters
    ----------
    read : callable
        Gives a gold table by name.
    tables : list of str
        The tables there are.
    table : str, optional
    customer : str, optional
        Rows of this customer only; without ``table`` the customer's profile.
    limit : int
        Most rows to print.

    Raises
    ------
    InputError
        No such table or customer; says which there are.
    """
    if not tables:
        msg = "no gold tables here; give the output folder of a `qfb run`"
        raise InputError(msg)
    if table is None and customer is None:
        _list(read, tables, console)
    elif table is None:
        _customer(read, tables, str(customer), limit, console)
    else:
        if table not in tables:
            msg = f"no table {table!r}; there are {', '.join(tables)}"
            raise InputError(msg)
        rows = read(table, None)
        if customer is not None:
            rows = _of_customer(rows, table, customer)
        _print(table, rows, limit, console)


def render_preview(previews: list[Any], console: Console) -> bool:
    """Print what :func:`qfb_gpu.lake.preview.preview` found; return whether all is well."""
    for part in previews:
        rows = f"about {counted(part.n_rows, 'row')}" if part.n_read or part.problems else "no rows"
        console.print(f"{part.where}: {counted(part.n_files, 'file')}, {rows}")
        for problem in part.problems:
            console.print(f"  wrong: {problem}", markup=False)
        if not part.problems:
            console.print(f"  columns: {', '.join(part.columns)}", markup=False)
            if not part.n_read:
                console.print("  the source is there: what is made of it will be empty")
                continue
            console.print(f"  of {counted(part.n_read, 'row')} tried {part.n_kept:,} can be kept")
            for reason, count in part.left_out.items():
                console.print(f"    {reason}: {count:,}", markup=False)
    return not any(part.problems for part in previews)


def _list(read: Read, tables: list[str], console: Console) -> None:
    grid = Grid("table", "rows", "what it holds", box=None)
    grid.columns[1].justify = "right"
    for name in [name for name in GOLD if name in tables]:
        grid.add_row(name, f"{read(name, None).num_rows:,}", ABOUT[name])
    console.print(grid)


def _of_customer(rows: pa.Table, table: str, customer: str) -> pa.Table:
    if "customer_id" not in rows.column_names:
        msg = f"table {table} has no customers; leave --customer out"
        raise InputError(msg)
    found = rows.filter(pc.equal(rows["customer_id"], customer))
    if rows.num_rows == 0:
        msg = f"table {table} has no rows"
        raise InputError(msg)
    if found.num_rows == 0:
        ids = pc.unique(rows["customer_id"].slice(0, 100_000)).to_pylist()
        near = difflib.get_close_matches(customer, ids, n=3, cutoff=0) or ids[:3]
        msg = f"table {table} has no customer {customer!r}; it has e.g. {', '.join(near)}"
        raise InputError(msg)
    return found


def _customer(read: Read, tables: list[str], customer: str, limit: int, console: Console) -> None:
    profile = _of_customer(read("customer_profiles", None), "customer_profiles", customer)
    row = profile.to_pylist()[0]
    console.print(
        f"{customer} as of {row['as_of']}: segment {row['segment_id']}, tier {row['tier']}, "
        f"{row['lifecycle']}, {row['main_currency']}"
    )
    blocks: dict[str, list[str]] = {}
    for name, value in row.items():
        block, _, rest = name.partition("_")
        if rest and value is not None and not isinstance(value, str | dt.date):
            blocks.setdefault(block, []).append(f"{rest} {_text(value)}")
    for block, facts in blocks.items():
        console.print(Text.assemble((f"{block:<13}", "bold"), ", ".join(facts)))
    streams = read("payment_streams", None)
    mine = streams.filter(pc.equal(streams["customer_id"], customer))
    regular = mine.filter(mine["is_regular"]).select(_STREAM_COLUMNS)
    _print(f"regular of {mine.num_rows} streams", regular, limit, console)
    expected = read("expected_payments", None)
    due = expected.filter(pc.equal(expected["customer_id"], customer)).sort_by("due_date")
    _print("expected payments", due.drop_columns(["customer_id"]), limit, console)
    for name, columns in OF_CUSTOMER.items():
        if name in tables:
            rows = read(name, None)
            own = rows.filter(pc.equal(rows["customer_id"], customer))
            if own.num_rows:
                _print(name.replace("_", " "), own.select(columns), limit, console)


def _print(title: str, rows: pa.Table, limit: int, console: Console) -> None:
    shown = rows.slice(0, limit)
    grid = Grid(title=f"{title}: {counted(rows.num_rows, 'row')}", title_justify="left", box=None)
    for name in shown.column_names:
        values = shown[name].to_pylist()
        is_number = any(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
        grid.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row in shown.to_pylist():
        grid.add_row(*(Text(_text(value)) for value in row.values()))
    console.print(grid)
    if rows.num_rows > limit:
        console.print(f"{rows.num_rows - limit:,} more; --limit shows more")


def _text(value: Any) -> str:
    if value is None:
        return _NULL
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1 else f"{value:,.2f}"
    return str(value)
