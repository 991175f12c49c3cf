"""A source none of whose customers has a payment is told: its ids are written in another way."""

import datetime as dt
import warnings

import pytest

from qfb_gpu.config import build_config
from qfb_gpu.lake.ingest import ingest

PAID = "".join(f"t{i},{i % 40:04d},2024-01-{i % 28 + 1:02d},5\n" for i in range(200))


def warned(folder, ids, n_buckets=4):
    """Ingest payments of forty customers and a table of customers; return what was warned of."""
    (folder / "t.csv").write_text("txn_id,customer_id,date,amount\n" + PAID, encoding="utf-8")
    (folder / "c.csv").write_text("customer_id\n" + "\n".join(ids) + "\n", encoding="utf-8")
    sources = {"transactions": {"path": "t.csv"}, "customers": {"path": "c.csv"}}
    raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu", "n_buckets": n_buckets,
           "sources": sources}  # fmt: skip
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        ingest(build_config(raw, base=folder, where="test"))
    return [str(one.message) for one in found]


@pytest.mark.parametrize("n_buckets", [1, 4])
@pytest.mark.parametrize("spelled", ["{}", "{:04d}.0", "'{:04d}"])
def test_ids_written_in_another_way_are_told(tmp_path, spelled, n_buckets):
    """A night made profiles without a single attribute, and said nothing."""
    ids = [spelled.format(i) for i in range(40)]
    (said,) = warned(tmp_path, ids, n_buckets)
    assert said.startswith("sources.customers: none of the ")
    assert f"it has e.g. {min(ids)!r}, transactions have '0000'" in said


@pytest.mark.parametrize(
    "ids",
    [[f"{i:04d}" for i in range(40)], [*(f"prospect {i}" for i in range(500)), *("0007", "0008")],
     [f"prospect {i}" for i in range(15)]],
    ids=["all pay", "two pay", "too few to tell"],
)  # fmt: skip
@pytest.mark.parametrize("n_buckets", [1, 4])
def test_nothing_is_told_of_customers_without_payments_beside_others(tmp_path, ids, n_buckets):
    assert warned(tmp_path, ids, n_buckets) == []
