"""Every part is fitted once, after what it reads, on the device or by the host beside it."""

import datetime as dt
from contextlib import nullcontext

import pyarrow.parquet as pq
import pytest

from qfb_gpu import parts
from qfb_gpu.calendars import load_calendar
from qfb_gpu.cluster import Pool
from qfb_gpu.config import build_config
from qfb_gpu.lake import gold
from qfb_gpu.parts.part import PAYMENT_GRAPH, PROFILES
from qfb_gpu.pipeline import run
from qfb_gpu.portfolio import generate_portfolio
from qfb_gpu.schema import SOURCE_NAMES

AS_OF = dt.date(2024, 12, 31)
SOURCES = ("transactions", "orders", "contracts", "claims", "events", "touches", "products")


class HostPool(Pool):
    """Stands for the processes of a host with a GPU: keeps which parts they were given."""

    def __init__(self):
        super().__init__()
        self.given = []

    def start(self, task, shared, buckets, after=None):
        if task is parts.fit_part:
            self.given += buckets
            assert shared.backend == "cpu"
        return super().start(task, shared, buckets, after)


def test_every_part_is_fitted_once():
    sources = tuple(SOURCE_NAMES)
    kinds = ("", PAYMENT_GRAPH, PROFILES)
    names = [name for waits in kinds for name in parts.fitted_after(sources, waits)]
    assert sorted(names) == sorted(part.name for part in parts.active(sources))


def test_parts_on_the_host_are_those_without_a_device():
    sources = tuple(SOURCE_NAMES)
    names = parts.fitted_after(sources, "")
    host = parts.on_host(names)
    assert {"churn", "next_product", "lifetime", "contracts"} <= set(host)
    assert set(names) - set(host) == {"behaviour", "risks"}
    assert parts.on_host(parts.fitted_after(sources, PAYMENT_GRAPH)) == []


@pytest.mark.usefixtures("no_mlflow")
def test_a_night_whose_host_fits_beside_the_device_gives_the_same(tmp_path, monkeypatch):
    tables = generate_portfolio(30, 11, AS_OF, calendar=load_calendar("CN"))
    for name in SOURCES:
        pq.write_table(tables[name], tmp_path / f"{name}.parquet")
    raw = {"as_of": AS_OF, "device": "cpu", "workers": 1, "n_buckets": 2,
           "sources": {name: {"path": f"{name}.parquet"} for name in SOURCES}}  # fmt: skip
    one, other = (
        build_config({**raw, "output": name}, base=tmp_path, where="test") for name in ("a", "b")
    )
    run(one)
    host = HostPool()
    monkeypatch.setattr("qfb_gpu.pipeline.open_host_pool", lambda *_: nullcontext(host))
    run(other)
    active = parts.fitted_after(SOURCES, "")
    assert sorted(host.given) == sorted([*parts.on_host(active), "lookalikes"])
    for name in gold.tables(one.output_dir):
        if name != "runs":
            same = gold.read(one.output_dir, name).equals(gold.read(other.output_dir, name))
            assert same, name
