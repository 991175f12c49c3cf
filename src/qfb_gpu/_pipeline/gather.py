"""The rows of silver of some customers, out of all buckets into a lake of their own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qfb_gpu import profile
from qfb_gpu._pipeline import kept as store
from qfb_gpu.backend import get_backend
from qfb_gpu.lake import delta, silver
from qfb_gpu.lake.bucket_read import read_bucket

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu._pipeline.update import Update

_APPLICATION = "qfb-update"
_NOT_SCORED = {"direction", "currency", "source_file", "source_row"}
"""Columns of payments that nothing is made of: labels of codes, and where a row came from."""
_SUMMED = ["date", "amount_minor", "direction_code", "currency_code"]
PAYMENTS_A_BUCKET = 1 << 20
"""Touched customers share a bucket until it holds so many payments."""


def take_out(update: Update, bucket: int) -> dict[str, Any]:
    """Take the touched customers' rows out of a bucket, and sum the payments of all by month."""
    night = update.night
    start = time.perf_counter()
    if _take(update, bucket, "transactions"):
        monthly = _monthly(update, bucket)
        night.workspace.save("taken", bucket, "monthly", monthly, get_backend("cpu"))
        for source in night.sources:
            if source != "transactions":
                _take(update, bucket, source)
    return {"seconds": {"take_out": time.perf_counter() - start}}


def _take(update: Update, bucket: int, source: str) -> bool:
    """Write the rows of a bucket's touched customers; return whether the bucket is there."""
    table_dir = update.lake / source
    coded, keys = silver.repeating_texts(table_dir, bucket), update.customers(bucket)
    columns = None
    if source == "transactions":
        names = silver.columns_of(table_dir, bucket)
        columns = [name for name in names if name not in _NOT_SCORED]
        coded = [name for name in coded if name not in _NOT_SCORED]
    rows = read_bucket(table_dir, bucket, columns, coded, customers=keys)
    if rows is not None:
        pq.write_table(rows, _piece(update, bucket, source), compression="none")
    return rows is not None


def _monthly(update: Update, bucket: int) -> dict[str, Any]:
    """Sum all payments of a bucket by month: what is kept, and the files that came since."""
    files = delta.partition_files(update.lake / "transactions", "bucket", str(bucket))
    known, kept = store.monthly(update.lake.parent, bucket)
    totals = [kept]
    if not known or not known <= {file.name for file in files}:  # it was written anew
        known, totals = set(), []
    totals += [_sums(file, update.night.as_of_day) for file in files if file.name not in known]
    return store.of_files(profile.add_monthly(totals), files)


def _sums(file: Path, as_of_day: int) -> dict[str, Any]:
    """Sum the payments of a file up to a day by month."""
    table = delta.open_file(file).read(columns=_SUMMED)
    day = table.column("date").cast(pa.int32()).to_numpy()
    amount, direction, currency = (table.column(name).to_numpy() for name in _SUMMED[1:])
    if day.size and day.max() > as_of_day:
        seen = day <= as_of_day
        day, amount, direction, currency = (c[seen] for c in (day, amount, direction, currency))
    return profile.monthly_of(day, amount, direction, currency, get_backend("cpu"))


def make_lake(update: Update, buckets: list[int]) -> list[int]:
    """Write what was taken out of the buckets as a lake; return its buckets."""
    pieces = [b for b in buckets if _piece(update, b, "transactions").is_file()]
    sizes = [pq.read_metadata(_piece(update, b, "transactions")).num_rows for b in pieces]
    into = (np.cumsum([0, *sizes])[:-1] // PAYMENTS_A_BUCKET).tolist()
    for piece, goes in zip(pieces, into, strict=True):
        gathered = {"gathered": np.array([goes], np.int32)}
        update.night.workspace.save("taken", piece, "into", gathered, get_backend("cpu"))
    for source in update.night.sources:
        parts = []
        for bucket in sorted(set(into)):
            files = [
                _piece(update, piece, source)
                for piece, goes in zip(pieces, into, strict=True)
                if goes == bucket and _piece(update, piece, source).is_file()
            ]
            if files:
                table = _together(files)
                parts.append(silver.write_bucket(update.night.lake / source, bucket, 1, table))
        if parts:
            schema = silver.plain_schema(table.schema)
            delta.commit(
                update.night.lake / source, parts, schema, partition_by=["bucket"],
                application=_APPLICATION, version=1,
            )  # fmt: skip
    return sorted(set(into))


def _piece(update: Update, bucket: int, source: str) -> Path:
    return update.night.workspace.folder("taken", bucket) / f"{source}.parquet"


def _together(files: list[Path]) -> pa.Table:
    """Return the rows of some files by customer, each of whom is in one file, and in order."""
    table = pa.concat_tables([pq.ParquetFile(file).read() for file in files])
    order = np.argsort(table.column("customer_key").to_numpy(), kind="stable")
    return table.take(pa.array(order))
