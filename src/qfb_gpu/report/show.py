"""A run's tables on a terminal."""

from __future__ import annotations

import datetime as dt
import difflib
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.table import Table as Grid

from qfb_gpu.counted import counted
from qfb_gpu.errors import GIVE_OUTPUT, InputError
from qfb_gpu.report.asked import alike, has_left, of_who_left
from qfb_gpu.report.contents import ABOUT, IN_UNITS, OF_CUSTOMER
from qfb_gpu.report.grid import as_text, print_facts, print_rows
from qfb_gpu.schema import GOLD

if TYPE_CHECKING:
    from rich.console import Console

    from qfb_gpu.lake.gold import Reader as Read

_LONGEST = {"runs": 40}
"""Characters of a cell that are printed: what a night was made of is pages of JSON."""
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
    read : qfb_gpu.lake.gold.Reader
        Gives a gold table by name, whole or piece by piece.
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
        msg = f"no gold tables here; {GIVE_OUTPUT}"
        raise InputError(msg)
    if table is None and customer is None:
        _list(read, tables, console)
    elif table is None:
        _customer(read, tables, str(customer), limit, console)
    else:
        if table not in tables:
            msg = f"no table {table!r}; there are {', '.join(tables)}"
            raise InputError(msg)
        if customer is not None:
            _print(table, _of_customer(read, table, customer), limit, console)
            if has_left(read, customer):
                console.print(of_who_left(customer), markup=False)
        elif table == "runs":
            _print(table, _nights(read(table, None)), limit, console)
        else:
            _print(table, _first(read, table, limit), limit, console, _n_rows(read, table))


def render_preview(previews: list[Any], console: Console) -> bool:
    """Print what :func:`qfb_gpu.lake.preview.preview` found; return whether all is well."""
    for part in previews:
        n_rows = max(part.n_rows, part.n_read)  # the first is an estimate
        rows = f"about {counted(n_rows, 'row')}" if part.n_read or part.problems else "no rows"
        console.print(f"{part.where}: {counted(part.n_files, 'file')}, {rows}")
        for problem in part.problems:
            console.print(f"  wrong: {problem}", markup=False)
        for warning in part.warnings:
            console.print(f"  warning: {warning}", markup=False)
        if not part.problems:
            console.print(f"  columns: {', '.join(part.columns)}", markup=False)
            if not part.n_read:
                console.print("  the source is there: what is made of it will be empty")
                continue
            made = f" and {counted(part.n_made, 'row')} made of them" if part.n_made else ""
            tried = f"{counted(part.n_read, 'row')}{made} tried"
            console.print(f"  of {tried} {part.n_kept:,} can be kept")
            for reason, count in part.left_out.items():
                console.print(f"    {reason}: {count:,}", markup=False)
            for line in part.read.lines():
                console.print(f"  {line}", markup=False, highlight=False)
    return not any(part.problems for part in previews)


def _list(read: Read, tables: list[str], console: Console) -> None:
    grid = Grid("table", "rows", "what it holds", box=None)
    grid.columns[1].justify = "right"
    for name in [name for name in GOLD if name in tables]:
        grid.add_row(name, f"{_n_rows(read, name):,}", ABOUT[name])
    console.print(grid)


def _n_rows(read: Read, table: str) -> int:
    """Return how many rows a table has, by the ends of its files: it may not fit in memory."""
    return sum(int(pq.read_metadata(file).num_rows) for file in read.files(table))


def _first(read: Read, table: str, limit: int) -> pa.Table:
    """Return the rows of a table, in order, up to the piece that holds the last to be printed."""
    taken: list[pa.Table] = []
    for batch in read.batches(table, read.columns(table)):
        taken.append(batch)
        if sum(one.num_rows for one in taken) >= limit:
            break
    return pa.concat_tables(taken) if taken else read(table, None)


def _nights(runs: pa.Table) -> pa.Table:
    """Return the nights, the newest first, with the seconds of their stages in words."""
    runs = runs.take(pa.array(range(runs.num_rows - 1, -1, -1), pa.int64()))
    if "stages" not in runs.column_names:
        return runs
    words = []
    for text in runs["stages"].to_pylist():
        stages = {name: entry["seconds"] for name, entry in json.loads(text).items()}
        most = sorted(stages, key=lambda name: -stages[name])
        listed = ", ".join(f"{name} {stages[name]:.1f}" for name in most)
        words.append(f"{sum(stages.values()):.1f} s: {listed}")
    at = runs.column_names.index("stages")
    runs = runs.remove_column(at)
    return runs.add_column(runs.column_names.index("n_regular") + 1, "stages", pa.array(words))


def _mine(read: Read, table: str, customer: str, columns: list[str] | None = None) -> pa.Table:
    """Return a customer's rows of a table, found piece by piece."""
    wanted = list(dict.fromkeys(["customer_id", *(columns or read.columns(table))]))
    found = [
        batch.filter(pc.equal(batch["customer_id"], customer))
        for batch in read.batches(table, wanted)
    ]
    rows = pa.concat_tables(found) if found else read(table, wanted)
    return rows.select(columns or read.columns(table))


def _of_customer(read: Read, table: str, customer: str) -> pa.Table:
    if "customer_id" not in read.columns(table):
        msg = f"table {table} has no customers; leave --customer out"
        raise InputError(msg)
    if not _n_rows(read, table):
        msg = f"table {table} has no rows"
        raise InputError(msg)
    found = _mine(read, table, customer)
    if found.num_rows == 0:
        ids = (batch["customer_id"] for batch in read.batches(table, ["customer_id"]))
        written = alike(customer, ids)
        if written is not None:
            return _mine(read, table, written)
        if table == "customer_profiles" and has_left(read, customer):
            raise InputError(of_who_left(customer))
        rows = _first(read, table, 100_000)
        some = pc.unique(rows["customer_id"].slice(0, 100_000)).to_pylist()
        near = difflib.get_close_matches(customer, some, n=3, cutoff=0) or some[:3]
        msg = f"table {table} has no customer {customer!r}; it has e.g. {', '.join(near)}"
        raise InputError(msg)
    return found


def _customer(read: Read, tables: list[str], customer: str, limit: int, console: Console) -> None:
    profile = _of_customer(read, "customer_profiles", customer)
    row = profile.to_pylist()[0]
    customer = row["customer_id"]
    console.print(
        f"{customer} as of {row['as_of']}: segment {row['segment_id']}, tier {row['tier']}, "
        f"{row['lifecycle']}, {row['main_currency']}"
    )
    blocks: dict[str, list[str]] = {}
    for name, value in row.items():
        block, _, rest = name.partition("_")
        if rest and value is not None and not isinstance(value, str | dt.date):
            blocks.setdefault(block, []).append(f"{rest} {as_text(value)}")
    for block, facts in blocks.items():
        print_facts(block, facts, console)
    mine = _mine(read, "payment_streams", customer)
    regular = mine.filter(mine["is_regular"]).select(_STREAM_COLUMNS)
    _print(f"regular of {mine.num_rows} streams", regular, limit, console)
    due = _mine(read, "expected_payments", customer).sort_by("due_date")
    _print("expected payments", due.drop_columns(["customer_id"]), limit, console)
    for name, columns in OF_CUSTOMER.items():
        if name in tables:
            own = _mine(read, name, customer, columns)
            if own.num_rows:
                _print(name.replace("_", " "), own, limit, console)


def _print(
    title: str, rows: pa.Table, limit: int, console: Console, n_rows: int | None = None
) -> None:
    n_rows = rows.num_rows if n_rows is None else n_rows
    print_rows(title, rows.slice(0, limit), console, n_rows, _LONGEST.get(title), IN_UNITS)
    if n_rows > limit:
        console.print(f"{n_rows - limit:,} more; --limit shows more")
