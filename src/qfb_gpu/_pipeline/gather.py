"""The rows of silver of some customers, out of all buckets into a lake of their own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from qfb_gpu import profile
from qfb_gpu.backend import get_backend
from qfb_gpu.lake import delta, silver
from qfb_gpu.lake.bucket_read import read_bucket

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu._pipeline.update import Update

_APPLICATION = "qfb-update"
PAYMENTS_A_BUCKET = 1 << 20
"""Touched customers share a bucket until it holds so many payments."""


def take_out(update: Update, bucket: int) -> dict[str, Any]:
    """Take the touched customers' rows out of a bucket, and sum the payments of all by month."""
    night = update.night
    start = time.perf_counter()
    monthly = _monthly(update.lake, bucket, night.as_of_day)
    if monthly is not None:
        night.workspace.save("taken", bucket, "monthly", monthly, get_backend("cpu"))
        keys = update.customers(bucket)
        for source in night.sources:
            coded = silver.repeating_texts(update.lake / source, bucket)
            rows = read_bucket(update.lake / source, bucket, coded=coded, customers=keys)
            if rows is not None:
                pq.write_table(rows, _piece(update, bucket, source), compression="none")
    return {"seconds": {"take_out": time.perf_counter() - start}}


def _monthly(lake: Path, bucket: int, as_of_day: int) -> dict[str, Any] | None:
    """Sum all payments of a bucket up to a day by month; None where the bucket is gone."""
    names = ["date", "amount_minor", "direction_code", "currency_code"]
    table = read_bucket(lake / "transactions", bucket, names)
    if table is None:
        return None
    day = table.column("date").cast(pa.int32()).to_numpy()
    seen = day <= as_of_day
    amount, direction, currency = (table.column(name).to_numpy()[seen] for name in names[1:])
    return profile.monthly_of(day[seen], amount, direction, currency, get_backend("cpu"))


def make_lake(update: Update, buckets: list[int]) -> list[int]:
    """Write what was taken out of the buckets as a lake; return its buckets."""
    pieces = [b for b in buckets if _piece(update, b, "transactions").is_file()]
    sizes = [pq.read_metadata(_piece(update, b, "transactions")).num_rows for b in pieces]
    into = (np.cumsum([0, *sizes])[:-1] // PAYMENTS_A_BUCKET).tolist()
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
