"""Silver: a source's clean rows, one sorted Parquet file a bucket, in one Delta table.

``<lake>/<source>/bucket=<b>/part-<version>.parquet``. One customer is always in one bucket:
``uint64(customer_key) mod n_buckets``. Rows of ``transactions`` are sorted by customer key,
counterparty key, description key, direction, currency, date, amount and transaction key.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qfb_gpu.calendars import to_day
from qfb_gpu.counted import counted
from qfb_gpu.currencies import EXPONENT, currency_code
from qfb_gpu.errors import InputError, warn_caller
from qfb_gpu.keys import find
from qfb_gpu.lake import measures, pages
from qfb_gpu.lake.bucket_read import read_bucket, read_files
from qfb_gpu.lake.clean import FilePlan, clean
from qfb_gpu.lake.delta import (
    PartFile,
    files_by_partition,
    open_file,
    open_table,
    partition_files,
    table_files,
    table_schema,
)
from qfb_gpu.lake.ledgers import NUMERIC, ledger_of_silver
from qfb_gpu.lake.merge import merge
from qfb_gpu.lake.nothing_left import nothing_left
from qfb_gpu.lake.readers import Batch
from qfb_gpu.lake.rows import Rows
from qfb_gpu.lake.sources import excluded_headers, match_columns
from qfb_gpu.lake.spill import to_table
from qfb_gpu.lake.validity import VALIDITY, in_force
from qfb_gpu.schema import ATTRIBUTES, DIRECTIONS, SOURCES

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu.backend import Backend
    from qfb_gpu.config import Config, SourcePart
    from qfb_gpu.ledger import Ledger
    from qfb_gpu.schema import Table

_CURRENCIES = sorted(EXPONENT)
_RANDOM = {"txn_id", "txn_key", "memo", "amount_minor", "source_row"}
_PACKED = {"date", "amount_minor", "source_row", "silver_place"}
"""Whole numbers that seldom repeat: differences in few bits, which zstd makes hardly smaller."""
_ROW_GROUP = 1 << 20
_PAGE_ROWS = 1 << 14
_MOST_SMALL = 1 << 32
_IDS = ("txn_id", "customer_id", "counterparty_id")
_TEXTS = (*_IDS, "memo", "category", "channel")


def silver_table(rows: Rows, order: Any, schema: Table) -> pa.Table:
    """Return the rows of one bucket in the columns of silver, but for ``bucket``.

    Parameters
    ----------
    rows : Rows
    order : int64 array
        Which rows, in which order.
    schema : Table
    """
    small = order.astype(np.uint32) if rows.n_rows < _MOST_SMALL else order  # half the bytes
    take = partial(pc.take, indices=pa.array(small), boundscheck=False)
    columns: dict[str, pa.Array] = {}
    for column in schema.columns:
        if column.name == "amount":
            columns["amount_minor"] = take(rows.arrow["amount_minor"])
        elif column.name == "direction":
            code = rows.number("direction_code")[order]
            columns["direction"] = _labels(code.astype(np.int32), list(DIRECTIONS))
            columns["direction_code"] = pa.array(code)
        elif column.name == "currency":
            code = rows.number("currency_code")[order]
            columns["currency"] = _labels(_CURRENCY_ROW[code], _CURRENCIES)
            columns["currency_code"] = pa.array(code)
        else:
            columns[column.name] = take(rows.arrow[column.name])
    keyed = [name for name in ("customer", "counterparty", "txn") if f"{name}_id" in schema.names]
    for name in keyed:
        columns[f"{name}_key"] = rows.keys_of(f"{name}_id", columns[f"{name}_id"], take)
    if "description" in rows.coded:
        columns["description"] = take(rows.arrow["description"])
        columns["description_key"] = rows.keys_of("description", columns["description"], take)
    for name in ("source_file", "source_row"):
        columns[name] = take(rows.arrow[name])
    return pa.table(columns)


def without_unused(table: pa.Table) -> pa.Table:
    """Return a table whose coded columns have the texts of its rows in their files, and no others.

    Arrow keeps the texts of rows that were filtered out, and Parquet writes them all the same.
    """
    for at, field in enumerate(table.schema):
        if not pa.types.is_dictionary(field.type):
            continue
        column = table.column(at).combine_chunks()
        codes = column.indices.fill_null(-1).to_numpy()
        is_used = np.zeros(len(column.dictionary) + 1, bool)  # the last is null's
        is_used[codes] = True
        used = np.flatnonzero(is_used[:-1])
        if used.size == len(column.dictionary):
            continue
        place = np.full(is_used.size, -1, codes.dtype)
        place[used] = np.arange(used.size, dtype=codes.dtype)
        found = place[codes]
        made = pa.DictionaryArray.from_arrays(
            pa.array(found, mask=found < 0), column.dictionary.take(pa.array(used))
        )
        table = table.set_column(at, field, made)
    return table


_CURRENCY_ROW = np.zeros(26**3, np.int32)
_CURRENCY_ROW[[currency_code(name) for name in _CURRENCIES]] = np.arange(len(_CURRENCIES))


def _labels(codes: Any, names: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names))


def write_bucket(
    table_dir: Path, bucket: int, version: int, table: pa.Table, kind: str = ""
) -> PartFile:
    """Write a file of one bucket; it is in no version of the table yet."""
    name = f"bucket={bucket}/part-{version:06d}{kind}.parquet"
    path = table_dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    names = table.column_names
    packed = [name for name in names if name in _PACKED]
    squeezed = [f.name for f in table.schema if pa.types.is_string(f.type)]
    pq.write_table(
        _required(table),
        path,
        compression={n: "zstd" if n in squeezed else "none" for n in names},
        compression_level=dict.fromkeys(squeezed, 1),
        use_dictionary=[n for n in names if n not in _RANDOM and n not in packed],
        column_encoding=dict.fromkeys(packed, "DELTA_BINARY_PACKED"),
        row_group_size=_ROW_GROUP,
        write_statistics=[n for n in names if n in ("date", "description_key")],
        **pages.of_rows(_PAGE_ROWS),
        store_schema=False,
    )
    return PartFile(name, table.num_rows, {"bucket": str(bucket)}, {})


def _required(table: pa.Table) -> pa.Table:
    """Say of columns without nulls that they have none: no file has to say so of each row."""
    fields = [
        pa.field(f.name, f.type, nullable=column.null_count > 0)
        for f, column in zip(table.schema, table.columns, strict=True)
    ]
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields))


def write_together(table_dir: Path, bucket: int, version: int, files: list[Path]) -> PartFile:
    """Write the rows of a bucket's files as one; it is in no version of the table yet."""
    coded = [f.name for f in open_file(files[0]).schema_arrow if pa.types.is_string(f.type)]
    table = read_files(files, None, [name for name in coded if name not in _RANDOM])
    return write_bucket(table_dir, bucket, version, table, "-whole")


def schema_of(table_dir: Path, written: pa.Schema | None) -> pa.Schema:
    """Return the schema of a table after rows of ``written`` came; None: there were none.

    A table that never had rows has ids of customers alone: other columns come with the first row.
    """
    if written is not None:
        return plain_schema(written)
    return table_schema(table_dir) or plain_schema(pa.schema([("customer_id", pa.string())]))


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """Return the schema of a silver table: texts as texts, and the bucket."""
    fields = [
        pa.field(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type)
        for f in schema
    ]
    return pa.schema([*fields, pa.field("bucket", pa.int32())])


def read_spilled(files: list[Path]) -> pa.Table:
    """Return the rows of a bucket's files as they were before they were merged."""
    texts = [f.name for f in open_file(files[0]).schema_arrow if pa.types.is_string(f.type)]
    table = read_files(files, None, [name for name in texts if name != "txn_id"])
    drop = {"direction", "currency", "customer_key", "counterparty_key", "txn_key"}
    drop |= {"description", "description_key"}
    return table.drop_columns([name for name in table.column_names if name in drop])


def files_by_bucket(table_dir: Path) -> dict[int, list[Path]]:
    """Return the files of each bucket, the oldest first; empty where there is no table."""
    found = files_by_partition(table_dir, "bucket")
    return {int(bucket): files for bucket, files in found.items()}


def buckets_of_files(table_dir: Path, numbers: frozenset[int]) -> set[int]:
    """Return the buckets that hold rows of some files, by the files' numbers."""
    wanted = pa.array(sorted(numbers), pa.int32())
    found = set()
    for path in table_files(table_dir):
        column = open_file(path).read(columns=["source_file"]).column(0)
        if pc.any(pc.is_in(column, wanted)).as_py():
            found.add(int(path.parent.name.removeprefix("bucket=")))
    return found


def rows_after(table_dir: Path, column: str, day: int) -> int:
    """Return how many rows have a date after a day."""
    n_rows = 0
    for path in table_files(table_dir):
        dates = open_file(path).read(columns=[column]).column(0).cast(pa.int32())
        n_rows += pc.sum(pc.greater(dates, day)).as_py() or 0
    return n_rows


def buckets(lake_dir: Path, source: str = "transactions") -> list[int]:
    """Return the buckets of the payments, or of another source, that have rows, ascending."""
    table = open_table(lake_dir / source)
    if table is None:
        return []
    return sorted({int(p["bucket"]) for p in table.partitions()})


def repeating_texts(table_dir: Path, bucket: int) -> list[str]:
    """Return the text columns of a bucket that are dictionaries in its files."""
    files = partition_files(table_dir, "bucket", str(bucket))
    schema = open_file(files[0]).schema_arrow if files else []
    return [f.name for f in schema if pa.types.is_string(f.type) and f.name not in _RANDOM]


def columns_of(table_dir: Path, bucket: int) -> list[str]:
    """Return the columns of a bucket's files; none where there is no file."""
    files = partition_files(table_dir, "bucket", str(bucket))
    return open_file(files[0]).schema_arrow.names if files else []


def read_texts(
    lake_dir: Path, bucket: int, columns: list[str], rows: pa.Array | None = None
) -> pa.Table:
    """Return text columns of a bucket's payments in the row order of silver.

    Parameters
    ----------
    lake_dir : Path
    bucket : int
    columns : list of str
        Among txn_id, customer_id, counterparty_id, memo, category, channel.
    rows : integer Arrow array, optional
        Only these, as plain strings. Without it texts that repeat are dictionary-encoded, as they
        are in the file: no text is decoded for a row that nobody asks for.
    """
    coded = [name for name in columns if name not in _RANDOM]
    table = read_bucket(lake_dir / "transactions", bucket, columns, coded)
    if table is None:
        table = pa.table({name: pa.array([], pa.string()) for name in columns})
    if rows is None:
        return table
    picked = table.take(rows)
    return picked.cast(pa.schema([(name, pa.string()) for name in picked.column_names]))


def read_customers(lake_dir: Path, bucket: int, keys: Any, as_of_day: int) -> dict[str, pa.Array]:
    """Return what was known of some customers of a bucket on a day, null where nothing.

    Parameters
    ----------
    lake_dir : Path
    bucket : int
    keys : int64 NumPy array, shape (n_customers,)
        Hashes of the customers' ids.
    as_of_day : int
        Of several rows of a customer the one that held on this day, days since 1970-01-01.

    Returns
    -------
    dict of column of the source, but for the id, the validity and what is private (address,
    phone, account, legal representative), to array (n_customers,)
    """
    schema = SOURCES["customers"]
    kinds = {c.name: pa.date32() if c.kind == "date" else pa.string() for c in schema.columns}
    left_out = ("customer_id", *VALIDITY, *ATTRIBUTES)
    names = [name for name in schema.names if name not in left_out]
    columns = [*names, "customer_key", *VALIDITY]
    table = read_bucket(lake_dir / "customers", bucket, columns)
    if table is not None:
        table = table.filter(pa.array(in_force(table, as_of_day)))
    if table is None or not table.num_rows:
        return {name: pa.nulls(len(keys), kinds[name]) for name in names}
    place, is_there = find(table.column("customer_key").to_numpy(), keys, np)
    row = pa.array(place, mask=~is_there)
    return {name: table.column(name).cast(kinds[name]).take(row).combine_chunks() for name in names}


def read_ledger(lake_dir: Path, bucket: int, as_of_day: int, backend: Backend) -> Ledger:
    """Read the payments of one bucket up to a day; ``texts`` is None.

    Parameters
    ----------
    lake_dir : Path
    bucket : int
        One of :func:`buckets`.
    as_of_day : int
        Days since 1970-01-01; no later payment is read.
    backend : Backend
    """
    folder = lake_dir / "transactions"
    described = any(_is_described(path) for path in partition_files(folder, "bucket", str(bucket)))
    extra = ["description_key", "description"] if described else []
    table = read_bucket(folder, bucket, [*NUMERIC, *extra], ["description"])
    if table is None:
        msg = f"{lake_dir}: no payments in bucket {bucket}; it has {buckets(lake_dir)}"
        raise InputError(msg)
    return ledger_of_silver(table, as_of_day, backend, None)


def _is_described(path: Path) -> bool:
    """Return whether a payment of a file may have a description, by the file's statistics."""
    metadata = open_file(path).metadata
    place = metadata.schema.names.index("description_key")
    parts = [metadata.row_group(i).column(place).statistics for i in range(metadata.num_row_groups)]
    return any(part is None or part.min != 0 or part.max != 0 for part in parts)


def ledger_from_arrow(table: pa.Table, config: Config, backend: Backend) -> Ledger:
    """Clean a table in memory as ingest does, and return its payments up to ``config.as_of``.

    Parameters
    ----------
    table : pyarrow.Table
    config : Config
        The first part of ``sources.transactions`` says how columns map; its path is not used.
    backend : Backend

    Raises
    ------
    InputError
        A column is missing, or no row can be read.
    """
    part: SourcePart = config.sources["transactions"][0]
    schema = SOURCES["transactions"]
    mapped, problems = match_columns(part, schema, table.column_names, "the table")
    if problems:
        raise InputError(problems[0])
    excludes = excluded_headers(part, table.column_names)
    plan = FilePlan(0, "the table", "transactions", part, schema, mapped, excludes, config.currency)
    counts: Counter[str] = Counter()
    spilled, first, example = [], 0, None
    for chunk in table.select(plan.wanted).to_batches(max_chunksize=config.batch_rows):
        cleaned = clean(Batch(chunk, first), plan)
        spilled.append(to_table(cleaned))
        counts += cleaned.counts
        example = example or cleaned.rejects
        first += chunk.num_rows
    if not sum(part.num_rows for part in spilled):
        raise InputError(nothing_left("the table", counts, example))
    sums = np.array([part.lines == "sum"])
    merged = merge(Rows(spilled), schema, sums, ["the table"])
    counts["rejected: duplicate txn_id"] += sum(p.num_rows for p in spilled) - len(merged.order)
    _warn_of_left_out(counts)
    silver = silver_table(merged.rows, merged.order, schema)
    measures.check_sum(silver)
    there = [n for n in _TEXTS if n in _IDS or silver.column(n).null_count < silver.num_rows]
    texts = silver.select(there)
    return ledger_of_silver(silver, to_day(config.as_of), backend, texts)


def _warn_of_left_out(counts: Counter[str]) -> None:
    """Say how many rows of a table in memory are not looked at, and why: it keeps no rejects."""
    why = {reason: n for reason, n in (+counts).items() if reason.startswith("rejected: ")}
    if why:
        said = ", ".join(f"{n:,} {reason.removeprefix('rejected: ')}" for reason, n in why.items())
        msg = f"{sum(why.values()):,} of {counted(counts['rows'], 'row')} are left out: {said}"
        warn_caller(msg)
