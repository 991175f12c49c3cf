"""A source of one file of payments, written and read as the tests of odd sources and values do."""

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq

from qfb_gpu.config import build_config
from qfb_gpu.lake import gold


def config_of(folder, content, **part):
    """Write a source, a table or the text of a CSV file; return the config that reads it."""
    path = folder / ("t.csv" if isinstance(content, str) else "t.parquet")
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    else:
        pq.write_table(content, path)
    raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu",
           "sources": {"transactions": {"path": path.name, **part}}}  # fmt: skip
    return build_config(raw, base=folder, where="test")


def table(**columns):
    """Return eight payments of one customer, with other columns in the place of the plain ones."""
    n_rows = 8
    plain = {
        "customer_id": pa.array(["C1"] * n_rows),
        "date": pa.array([dt.date(2024, 1, 1 + i) for i in range(n_rows)]),
        "amount": pa.array([1.5] * n_rows),
        "memo": pa.array([f"memo {i}" for i in range(n_rows)]),
    }
    return pa.table(plain | columns)


def measures(config):
    """Return the value of each measure of what was ingested."""
    rows = gold.read(config.output_dir, "data_quality").to_pylist()
    return {row["measure"]: row["value"] for row in rows}
