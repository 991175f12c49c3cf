"""The functions for notebooks: a table in, the same kind of table back, no config, no files.

A table is a pandas, cuDF or Polars frame or an Arrow table with the columns of ``transactions``
(see :mod:`qfb_gpu.schema`); ``columns`` maps other names, as in the config.
"""

from __future__ import annotations

import datetime as dt
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from qfb_gpu import payments
from qfb_gpu import profile as profiles
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar, to_day
from qfb_gpu.config import Config, build_config
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.lake import gold, silver
from qfb_gpu.lake.sources import excluded_headers, match_columns
from qfb_gpu.ledger import Labelled
from qfb_gpu.models import segments
from qfb_gpu.prepare.columns import to_batch, without_views
from qfb_gpu.prepare.zones import refuse_zones
from qfb_gpu.schema import DIRECTIONS, GOLD, SOURCES
from qfb_gpu.tasks import currency_labels

if TYPE_CHECKING:
    from collections.abc import Callable

    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger, Streams


_OF_ROWS = (
    "amount_unit", "constants", "date_order", "decimal", "direction_values", "exclude", "lines",
    "rounding", "since", "time_zone",
)  # fmt: skip
"""Settings of a source that a table in memory may have, too."""
_IDS = ("customer_id", "counterparty_id")
_MANY = ("_id", "description")
"""How columns end whose texts are many.

As categories they would be ordered by first appearance, and Polars joins none to texts.
"""


class Scored(NamedTuple):
    """The payments of a table up to a day, their streams and what was decided of them."""

    ledger: Ledger
    streams: Streams
    decided: dict[str, Any]
    backend: Backend
    as_of: dt.date

    def table(self) -> pa.Table:
        """Return the columns of gold ``payment_streams``, a row per stream."""
        return _stream_table(self.ledger, self.decided, self.backend)


def scored(
    transactions: Any,
    *,
    as_of: dt.date,
    columns: dict[str, Any] | None = None,
    device: str = "auto",
    **settings: Any,
) -> Scored:
    """Return the streams of a table with the payments in them; as :func:`find_streams`."""
    return _scored(*_read(transactions, as_of, columns, device, settings)[:2])


def _scored(table: pa.Table, config: Config) -> Scored:
    backend = get_backend(config.device)
    ledger = silver.ledger_from_arrow(table, config, backend)
    return Scored(ledger, *_decided(ledger, config, backend), backend, config.as_of)


def ledger_of(
    transactions: Any,
    *,
    as_of: dt.date,
    columns: dict[str, Any] | None = None,
    device: str = "auto",
    **settings: Any,
) -> Ledger:
    """Return a table as the arrays that the stages work on; parameters as :func:`find_streams`.

    Returns
    -------
    Ledger
        See :mod:`qfb_gpu.ledger`; what :func:`qfb_gpu.payments.score_streams` takes.
    """
    table, config, _ = _read(transactions, as_of, columns, device, settings)
    return silver.ledger_from_arrow(table, config, get_backend(config.device))


def find_streams(
    transactions: Any,
    *,
    as_of: dt.date,
    columns: dict[str, Any] | None = None,
    device: str = "auto",
    **settings: Any,
) -> Any:
    """Find every regular payment of a table and its next date.

    Parameters
    ----------
    transactions : pandas.DataFrame, cudf.DataFrame, polars.DataFrame, pyarrow.Table or RecordBatch
        At least ``customer_id``, ``date`` and ``amount``; without a ``direction`` an amount below
        0 is paid, any other received. Rows after ``as_of`` are not seen, nor are columns that are
        not asked for.
    as_of : datetime.date
        The day of the view.
    columns : dict, optional
        Our column name to the table's, e.g. ``{"date": "booked_on"}``.
    device : {"auto", "cpu", "gpu"}
    **settings
        Keys of the config: ``currency``, ``calendar``, ``payments={"horizon_days": 30}``; and how
        rows are read, as of a source: ``amount_unit``, ``constants``, ``date_order``, ``decimal``,
        ``direction_values``, ``exclude``, ``lines``, ``rounding``, ``since``, ``time_zone``.

    Returns
    -------
    the kind of table that came in
        The columns of gold ``payment_streams``, a row per stream. In pandas days are
        ``datetime64``. Ids and descriptions are texts, words of which there are few categories;
        in Arrow ids are texts of the type in which they came, codes if they came as codes.

    Raises
    ------
    InputError
        A required column is missing, or no row can be read.
    """
    table, config, give_back = _read(transactions, as_of, columns, device, settings)
    return give_back(_scored(table, config).table())


def profile(
    transactions: Any,
    *,
    as_of: dt.date,
    columns: dict[str, Any] | None = None,
    device: str = "auto",
    **settings: Any,
) -> Any:
    """Return one row of features per customer; parameters as :func:`find_streams`.

    Returns
    -------
    the kind of table that came in
        The columns of gold ``customer_profiles`` but for the place in the network; segments
        are fitted on the customers of the table.
    """
    table, config, give_back = _read(transactions, as_of, columns, device, settings)
    backend = get_backend(config.device)
    ledger = silver.ledger_from_arrow(table, config, backend)
    if not ledger.n_customers:
        msg = f"as_of {config.as_of}: no payment is as early as that; give a later day"
        raise InputError(msg)
    _, decided = _decided(ledger, config, backend)
    features = profiles.customer_features(ledger, to_day(config.as_of), backend)
    kinds = {
        "direction": ledger.direction[decided["relation"]],
        "currency": ledger.currency[decided["relation"]],
    }
    regularity = profiles.regularity_features(
        {**decided, **kinds},
        ledger.relation_customer[decided["relation"]],
        features["main_currency"],
        to_day(config.as_of),
        backend,
    )
    features |= regularity
    model = segments.fit_segments(features, config.segments, backend)
    first = ledger.relation_offsets[ledger.customer_offsets[:-1]]
    rows = {
        "customer_id": _texts(ledger, "customer_id", first, backend),
        "as_of": backend.xp.full(ledger.n_customers, to_day(config.as_of), dtype="int32"),
        "segment_id": segments.assign(model, features, backend)[0],
        **profiles.standing(features, to_day(config.as_of), backend),
        **features,
        "main_currency": currency_labels(backend.to_host(features["main_currency"])),
    }
    return give_back(gold.to_arrow(rows, GOLD["customer_profiles"], backend))


def _list_columns(function: Any, columns: list[tuple[str, str]]) -> None:
    """Add to a function's help what the columns of its answer are."""
    listed = "\n".join(f"{name}\n    {words}" for name, words in columns)
    function.__doc__ = f"{inspect.cleandoc(function.__doc__ or '')}\n\nColumns\n-------\n{listed}\n"


_list_columns(
    find_streams,
    [(column.name, column.doc) for column in GOLD["payment_streams"].columns]
    + [("schedule_*", "the schedule in whole numbers; docs/more-columns.md")],
)
_list_columns(
    profile,
    [(column.name, column.doc) for column in GOLD["customer_profiles"].columns]
    + [(f.name, f"{f.formula} ({f.unit})") for f in profiles.FEATURES],
)


def _decided(ledger: Ledger, config: Config, backend: Backend) -> tuple[Streams, dict[str, Any]]:
    streams = payments.score_streams(
        ledger,
        load_calendar(config.calendar),
        to_day(config.as_of),
        backend,
        config.payments.horizon_days,
    )
    q_values = payments.q_values(streams.columns["p_value"], backend.xp)
    decided = payments.decide(
        {**streams.columns, "relation": streams.relation},
        q_values,
        config.payments.false_discovery_rate,
        backend.xp,
    )
    return streams, decided


def _stream_table(ledger: Ledger, decided: dict[str, Any], backend: Backend) -> pa.Table:
    relation = decided["relation"]
    first = ledger.relation_offsets[relation]
    rows = {
        **{name: values for name, values in decided.items() if name != "relation"},
        "customer_id": _texts(ledger, "customer_id", first, backend),
        "counterparty_id": _texts(ledger, "counterparty_id", first, backend),
        "direction": Labelled(ledger.direction[relation], DIRECTIONS),
        "currency": currency_labels(backend.to_host(ledger.currency[relation])),
    }
    return gold.to_arrow(rows, GOLD["payment_streams"], backend)


def _texts(ledger: Ledger, column: str, payment: Any, backend: Backend) -> pa.Array:
    rows = pa.array(backend.to_host(ledger.text_row[payment]))
    return ledger.texts.column(column).take(rows).combine_chunks()


def _config(
    as_of: dt.date,
    columns: dict[str, Any] | None,
    names: list[str],
    device: str,
    settings: dict[str, Any],
) -> Config:
    there = {name: name for name in SOURCES["transactions"].names if name in names}
    if columns is not None and not isinstance(columns, dict):
        msg = f"columns: expected a dict of our column to the table's, got {columns!r:.60}"
        raise ConfigError(msg)
    part = {"path": "memory", "columns": {**there, **(columns or {})}}
    part |= {name: settings[name] for name in settings if name in _OF_ROWS}
    rest = {name: value for name, value in settings.items() if name not in _OF_ROWS}
    raw = {"as_of": _day(as_of), "device": device, "sources": {"transactions": part}, **rest}
    return build_config(raw, base=Path.cwd(), where="settings")


def _day(as_of: Any) -> Any:
    """Return midnight of NumPy or pandas as its day; what has an hour is left to be refused."""
    if isinstance(as_of, np.datetime64):
        as_of = as_of.astype("datetime64[us]").item()
    is_midnight = isinstance(as_of, dt.datetime) and as_of.time() == dt.time()
    return as_of.date() if is_midnight else as_of


def _read(
    transactions: Any,
    as_of: dt.date,
    columns: dict[str, Any] | None,
    device: str,
    settings: dict[str, Any],
) -> tuple[pa.Table, Config, Callable[[pa.Table], Any]]:
    """Return the columns of a table that are read, as Arrow, and what gives its kind back."""
    kind = _kind_of(transactions)
    names = _names(transactions, kind)
    config = _config(as_of, columns, names, device, settings)
    part = config.sources["transactions"][0]
    mapped, problems = match_columns(part, SOURCES["transactions"], names, "the table")
    if problems:
        raise InputError(problems[0])
    wanted = {name for column in mapped.values() for name in column.names}
    wanted |= set(excluded_headers(part, names))
    if kind == "pandas":
        return _from_pandas(transactions, wanted), config, _to_pandas
    if kind in ("polars", "cudf"):
        transactions = transactions[[name for name in names if name in wanted]]
        if kind == "polars":
            made = sys.modules["polars"].from_arrow
            table = without_views(transactions.to_arrow(), pa.large_string())
            return table, config, lambda arrow: made(_plain(arrow))
        return transactions.to_arrow(), config, type(transactions).from_arrow
    table = pa.table(transactions) if kind == "batch" else transactions
    came = {name: table.schema.field(mapped[name].names[0]).type
            for name in _IDS if name in mapped and len(mapped[name].names) == 1}  # fmt: skip
    table = without_views(table.select([name for name in names if name in wanted]),
                          pa.large_string())  # fmt: skip
    if kind == "batch":
        return table, config, lambda arrow: to_batch(_as_came(arrow, came))
    return table, config, lambda arrow: _as_came(arrow, came)


def _names(table: Any, kind: str) -> list[str]:
    """Return the names of a table's columns; of pandas those of its index, too."""
    if kind in ("arrow", "batch"):
        return list(table.schema.names)
    levels = table.index.names if kind == "pandas" else []
    names = [str(name) for name in table.columns]
    return names + [str(name) for name in levels if name is not None and str(name) not in names]


def _kind_of(table: Any) -> str:
    """Return which library's table this is: arrow, batch, polars, cudf or pandas."""
    if isinstance(table, pa.Table | pa.RecordBatch):
        return "arrow" if isinstance(table, pa.Table) else "batch"
    kind = type(table)
    library = kind.__module__.partition(".")[0]
    if library == "polars" and hasattr(table, "to_arrow"):
        return "polars"
    if hasattr(table, "to_arrow") and hasattr(kind, "from_arrow"):
        return "cudf"
    if hasattr(table, "to_parquet") and hasattr(table, "iloc"):  # DuckDB has the first
        return "pandas"
    ways = {"polars": "collect", "duckdb": "to_arrow_table", "pyarrow": "read_all"}
    way = ways.get(library, "")
    hint = f"; give table.{way}()" if way and hasattr(table, way) else ""
    msg = f"expected a pandas, cuDF, Polars or Arrow table of transactions, got {kind.__name__}"
    raise InputError(msg + hint)


def _as_came(table: pa.Table, came: dict[str, pa.DataType]) -> pa.Table:
    """Return an Arrow table whose ids are texts of the type in which they came, codes if codes."""
    table = _plain(table)
    for name, kind in came.items():
        at = table.schema.get_field_index(name)
        if at < 0:
            continue
        texts = table.column(at)
        if pa.types.is_dictionary(kind):
            if _is_text(kind.value_type):
                texts = texts.cast(kind.value_type).dictionary_encode().cast(kind)
        elif _is_text(kind):
            texts = texts.cast(kind)
        table = table.set_column(at, name, texts)
    return table


def _is_text(kind: pa.DataType) -> bool:
    """Return whether values of an Arrow type are texts."""
    types = pa.types
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


def _to_pandas(table: pa.Table) -> Any:
    """Return a data frame with days as ``datetime64`` and ids as texts, which sort as texts do."""
    for at, field in enumerate(table.schema):
        if pa.types.is_date(field.type):
            days = table.column(at).cast(pa.timestamp("s"))
            table = table.set_column(at, field.name, days)
    return _plain(table).to_pandas()


def _plain(table: pa.Table) -> pa.Table:
    """Return a table whose ids are texts, not codes: they meet those of the table that came in."""
    for at, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type) and field.name.endswith(_MANY):
            texts = table.column(at).cast(field.type.value_type)
            table = table.set_column(at, field.name, texts)
    return table


def _from_pandas(table: Any, wanted: set[str]) -> pa.Table:
    """Return columns of a data frame as Arrow; a named level of its index is a column."""
    levels = [name for name in table.index.names if name is not None and name not in table.columns]
    if levels:
        table = table.reset_index(levels)
    table = table.loc[:, [str(name) in wanted for name in table.columns]]
    try:
        made = pa.Table.from_pandas(table, preserve_index=False)
    except (ValueError, TypeError, NotImplementedError) as error:  # Arrow raises one of them
        reason = ": ".join(str(word) for word in reversed(error.args))
        msg = (
            f"the table cannot be read: {reason}; give every column a name of its own and "
            "values of one type, e.g. table['customer_id'].astype(str)"
        )
        raise InputError(msg) from error
    for at, field in enumerate(made.schema):
        refuse_zones(table.iloc[:, at], field.type, f"the table: column {field.name!r}")
    return made
