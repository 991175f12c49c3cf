"""Rows of a source other than the payments, as they were known on the as-of date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.keys import find
from qfb_gpu.lake.bucket_read import read_bucket
from qfb_gpu.lake.pages import is_text
from qfb_gpu.lake.texts import hash_texts
from qfb_gpu.lake.validity import in_force
from qfb_gpu.ledger import NULL_DAY, NULL_MINOR, Labelled, SourceRows
from qfb_gpu.schema import SOURCES

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu.backend import Backend

KNOWN_FROM = {
    "orders": "order_date",
    "contracts": "start_date",
    "claims": "submitted_date",
    "cancellations": "date",
    "events": "date",
    "touches": "date",
    "products": "opened_date",
}
"""The day from which a row exists; a later row is not seen. A claim without one: from its date."""
KNOWN_LATER = {
    "orders": {
        "delivered_date": ("delivered_date", 0),
        "quantity_delivered": ("delivered_date", 0),
    },
    "claims": {"paid_date": ("paid_date", 0)},
    "touches": {"responded": ("date", 30)},
    "products": {"closed_date": ("closed_date", 0)},
}
"""Source to column to (date, days): the column is null before so many days after that date."""
_RARE = ("name", "clause", "session_id", "counterparty_name", "reference")


def read_rows(
    lake_dir: Path | None,
    bucket: int,
    source: str,
    as_of_day: int,
    customer_key: Any,
    backend: Backend,
) -> SourceRows:
    """Read what was known of a source in one bucket on a day.

    Parameters
    ----------
    lake_dir : Path or None
        None where the config has no such source: silver of an earlier night is not looked at.
    bucket : int
    source : str
        Any of ``SOURCES`` but transactions; where it has no silver, there are no rows.
    as_of_day : int
        Days since 1970-01-01. Rows that began later are left out, and what became known later
        (:data:`KNOWN_LATER`) is null: a night of the past sees what it would have seen.
    customer_key : int64 array of the backend, shape (n_customers,), ascending
        The ledger's customers.
    """
    schema = SOURCES[source]
    wanted = ["amount_minor" if c == "amount" else c for c in schema.names]
    found = None if lake_dir is None else read_bucket(lake_dir / source, bucket, wanted)
    table = _empty(source) if found is None else found
    if source == "customers":
        table = table.append_column("customer_key", pa.array(_key(table.column("customer_id"))))
        table = table.filter(pa.array(in_force(table, as_of_day)))
    table = _known(table, source, as_of_day)
    rare = [n for n in schema.names if n.endswith("_id") or n in _RARE]
    keys = {
        name.removesuffix("_id") + "_key": backend.asarray(_key(table.column(name)))
        for name in schema.names
        if name.endswith("_id")
    }
    columns = {n: _column(table.column(n), n, backend) for n in wanted if n not in rare}
    rows = keys["customer_key"]
    return SourceRows(
        source, columns, keys, table.select(rare), _places(rows, customer_key, backend)
    )


def _empty(source: str) -> pa.Table:
    kinds = {"date": pa.date32(), "int64": pa.int64(), "float64": pa.float64(), "bool": pa.bool_()}
    fields = [
        ("amount_minor" if c.name == "amount" else c.name, kinds.get(c.kind, pa.string()))
        for c in SOURCES[source].columns
    ]
    return pa.schema(fields).empty_table()


def _known(table: pa.Table, source: str, as_of_day: int) -> pa.Table:
    """Leave out rows that began later; make null what became known later."""
    if source in KNOWN_FROM:
        begun = table.column(KNOWN_FROM[source])
        if source == "claims":
            begun = pc.coalesce(begun, table.column("date"))
        table = table.filter(pc.less_equal(begun.cast(pa.int32()), as_of_day))
    known = {
        column: pc.less_equal(pc.add(table.column(date).cast(pa.int32()), days), as_of_day)
        for column, (date, days) in KNOWN_LATER.get(source, {}).items()
    }
    for column, is_known in known.items():
        values = table.column(column)
        # where there is no date yet the source says what it knows
        is_later = pc.invert(pc.coalesce(is_known, pa.scalar(value=True)))
        kept = pc.if_else(is_later, pa.scalar(None, values.type), values)
        table = table.set_column(table.column_names.index(column), column, kept)
    return table


def _key(texts: pa.ChunkedArray) -> Any:
    values = texts.combine_chunks()
    keys = hash_texts(values)
    if values.null_count:
        keys[np.asarray(values.is_null())] = 0
    return keys


def _column(column: pa.ChunkedArray, name: str, backend: Backend) -> Any:
    if name == "currency":
        return backend.asarray(_currency_codes(column))
    if is_text(column.type):
        coded = column.cast(pa.string()).combine_chunks().dictionary_encode()
        order = np.asarray(pc.sort_indices(coded.dictionary))
        rank = np.append(np.argsort(order), -1).astype(np.int32)
        codes = rank[coded.indices.fill_null(-1).to_numpy()]
        return Labelled(backend.asarray(codes), tuple(coded.dictionary.take(order).to_pylist()))
    if pa.types.is_date32(column.type):
        filled = column.cast(pa.int32()).fill_null(NULL_DAY)
    elif pa.types.is_boolean(column.type):
        filled = column.cast(pa.int8()).fill_null(-1)
    elif pa.types.is_floating(column.type):
        filled = column.fill_null(float("nan"))
    else:
        filled = column.cast(pa.int64()).fill_null(NULL_MINOR)
    return backend.asarray(filled.to_numpy())


def _currency_codes(column: pa.ChunkedArray) -> Any:
    from qfb_gpu.currencies import currency_code

    coded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    codes = [currency_code(name) for name in coded.dictionary.to_pylist()]
    return np.array([*codes, -1], np.int16)[coded.indices.fill_null(-1).to_numpy()]


def _places(keys: Any, customer_key: Any, backend: Backend) -> Any:
    """Return the row of each key among the customers, -1 where it is not there."""
    row, is_there = find(customer_key, keys, backend.xp)
    return backend.xp.where(is_there, row, -1).astype("int32")
