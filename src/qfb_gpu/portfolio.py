"""A seeded, labelled portfolio of firms and their payments, for demos, tests and benchmarks.

Source tables have the columns of :data:`qfb_gpu.schema.SOURCES`; their answers are under
``truth/``. What a customer holds depends on the seed, the settings and its number alone: not on
how many customers there are, nor on how they are cut into chunks.
"""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qfb_gpu._portfolio.block import TABLES, block_tables
from qfb_gpu._portfolio.setting import BLOCK, Days, Setting
from qfb_gpu.calendars import EPOCH, LAST_YEAR, load_calendar, to_day
from qfb_gpu.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from qfb_gpu.ledger import Calendar

__all__ = ["AS_OF", "TABLES", "generate_portfolio", "write_portfolio"]

AS_OF = dt.date(2024, 12, 31)
_UNIQUE = ("txn_id", "memo", "amount", "date", "stream_no", "order_id", "contract_id", "claim_id",
           "event_id", "session_id", "touch_id")  # fmt: skip
"""Columns that a dictionary would not make smaller."""
_MOST_MONTHS = 240
_MOST_CUSTOMERS = 10**9
_MOST_HARDNESS = 4.0
_MOST_THREADS = 1024
_FIRST_YEAR = 1995
_YEARS_AHEAD = 6


def generate_portfolio(
    n_customers: int,
    seed: int,
    as_of: dt.date = AS_OF,
    *,
    months: int = 24,
    hardness: float = 1.0,
    calendar: Calendar | None = None,
    tables: Collection[str] = TABLES,
) -> dict[str, pa.Table]:
    """Return a portfolio in memory.

    Parameters
    ----------
    n_customers : int
        At least 1; keep it to some ten thousand, :func:`write_portfolio` is for more.
    seed : int
        Not negative.
    as_of : date
        The last day of the window; nothing but what comes next in the truth is later.
    months : int
        Length of the window, 1 to 240.
    hardness : float
        0: clean (every payment on its day, amounts fixed or by rule), 1: as in a bank, 2: hard,
        at most 4.
    calendar : Calendar, optional
        Working days of the rolls; China's by default.
    tables : collection of str, optional
        Names of the tables wanted (``"transactions"``, ``"truth/streams"``, ...: see
        :data:`TABLES`), all by default. What only others need is not drawn; what a table holds
        does not depend on which others are made.

    Returns
    -------
    dict of str to Table
        ``transactions``, ``customers``, ... and ``truth/streams``, ``truth/stream_payments``, ...
        Amounts are decimals in units of the currency with two places.

    Raises
    ------
    ConfigError
        A number is out of its range, or no table has such a name.
    """
    setting = _setting(n_customers, seed, as_of, months, hardness, calendar)
    wanted = _wanted(tables)
    return _joined([block_tables(setting, *cut, wanted) for cut in _blocks(n_customers)])


def write_portfolio(  # noqa: PLR0913
    out: Path,
    n_customers: int,
    seed: int,
    *,
    as_of: dt.date = AS_OF,
    months: int = 24,
    hardness: float = 1.0,
    calendar: Calendar | None = None,
    chunk_customers: int = 2048,
    threads: int = 2,
    tables: Collection[str] = TABLES,
) -> dict[str, int]:
    """Write a portfolio of any size as Parquet, one file a table, in bounded memory.

    Parameters
    ----------
    out : Path
        Folder; made where it is missing. Files of the same name are replaced, when all are written.
    n_customers, seed, as_of, months, hardness, calendar, tables
        As in :func:`generate_portfolio`.
    chunk_customers : int
        Customers in a row group; memory grows with it, the content does not change.
    threads : int
        Blocks drawn at the same time.

    Returns
    -------
    dict of str to int
        Rows of each table.

    Raises
    ------
    ConfigError
        A number is out of its range, or no table has such a name.
    """
    setting = _setting(n_customers, seed, as_of, months, hardness, calendar)
    wanted = _wanted(tables)
    _check("chunk_customers", chunk_customers, 1, _MOST_CUSTOMERS)
    _check("threads", threads, 1, _MOST_THREADS)
    group = max(1, chunk_customers // BLOCK)
    rows: dict[str, int] = {}
    with _files(out) as writer_of:
        for made in _drawn(setting, wanted, list(_blocks(n_customers)), group, threads):
            for name, table in made.items():
                writer = writer_of(name, table.schema)
                writer.write_table(table, row_group_size=max(table.num_rows, 1))
                rows[name] = rows.get(name, 0) + table.num_rows
    return rows


@contextmanager
def _files(out: Path) -> Iterator[Callable[[str, pa.Schema], pq.ParquetWriter]]:
    """Give what gives the writer of a table; files come to their place when all are written.

    Else one that was stopped would leave tables of fewer customers that look whole.
    """
    writers: dict[str, pq.ParquetWriter] = {}
    drafts: dict[str, Path] = {}

    def writer(name: str, schema: pa.Schema) -> pq.ParquetWriter:
        if name not in writers:
            drafts[name] = out / f"{name}.parquet.tmp"
            writers[name] = _writer(drafts[name], schema)
        return writers[name]

    (out / "truth").mkdir(parents=True, exist_ok=True)
    try:
        yield writer
        for one in writers.values():
            one.close()
        for name, draft in drafts.items():
            draft.replace(out / f"{name}.parquet")
    except BaseException as error:
        for one in writers.values():
            with suppress(OSError, pa.ArrowException):
                one.close()
        for draft in drafts.values():
            draft.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(out)  # of a disk that is full nobody else says where
        raise


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    plain = [name for name in schema.names if name in _UNIQUE or name.endswith("_date")]
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[name for name in schema.names if name not in plain],
        store_decimal_as_integer=True,
    )


def _drawn(
    setting: Setting,
    wanted: Collection[str],
    blocks: list[tuple[int, int]],
    group: int,
    threads: int,
) -> Iterator[dict[str, pa.Table]]:
    """Draw blocks in threads, a few ahead, and give them in order, ``group`` at a time."""
    with ThreadPoolExecutor(threads) as pool:
        ahead: list[Any] = []
        waiting = iter(blocks)
        ready: list[dict[str, pa.Table]] = []
        while True:
            while len(ahead) < threads + 1 and (cut := next(waiting, None)) is not None:
                ahead.append(pool.submit(block_tables, setting, *cut, wanted))
            if not ahead:
                break
            ready.append(ahead.pop(0).result())
            if len(ready) == group:
                yield _joined(ready)
                ready = []
        if ready:
            yield _joined(ready)


def _joined(blocks: list[dict[str, pa.Table]]) -> dict[str, pa.Table]:
    return {name: pa.concat_tables([block[name] for block in blocks]) for name in blocks[0]}


def _blocks(n_customers: int) -> Iterator[tuple[int, int]]:
    """Give each block and how many of its customers there are."""
    for block in range(-(-n_customers // BLOCK)):
        yield block, min(BLOCK, n_customers - block * BLOCK)


def _setting(
    n_customers: int,
    seed: int,
    as_of: dt.date,
    months: int,
    hardness: float,
    calendar: Calendar | None,
) -> Setting:
    _check("n_customers", n_customers, 1, _MOST_CUSTOMERS)
    _check("seed", seed, 0, 2**63)
    _check("months", months, 1, _MOST_MONTHS)
    _check("hardness", hardness, 0, _MOST_HARDNESS)
    _check("the year of as_of", as_of.year, _FIRST_YEAR, LAST_YEAR - _YEARS_AHEAD)
    first = np.datetime64(as_of + dt.timedelta(1), "M") - np.timedelta64(months, "M")
    day_of_month = (as_of + dt.timedelta(1)).day
    start = int(first.astype("datetime64[D]").astype(int)) + min(day_of_month, 28) - 1
    _check("the window's first year", (EPOCH + dt.timedelta(start)).year, _FIRST_YEAR, 9999)
    days = Days(calendar or load_calendar("CN"))
    return Setting(seed, start, to_day(as_of), float(hardness), days)


def _wanted(tables: Collection[str]) -> frozenset[str]:
    unknown = sorted({tables} if isinstance(tables, str) else set(tables) - set(TABLES))
    if unknown or not tables:
        msg = (
            f"tables: expected a collection of table names, got {unknown or 'none'}: "
            f"choose from {', '.join(TABLES)}"
        )
        raise ConfigError(msg)
    return frozenset(tables)


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        msg = f"a portfolio needs {name} from {low} to {high}, got {value}: change it"
        raise ConfigError(msg)
