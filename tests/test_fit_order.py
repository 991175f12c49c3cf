"""Every part is fitted once, after what it reads, on the device or by the host beside it."""

import datetime as dt
from contextlib import nullcontext

import pyarrow.parquet as pq
import pytest

from qfb_gpu import parts
from qfb_gpu._pipeline.fitting import make_network
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
    """Stands for the processes of a host with a GPU: keeps what they were given."""

    def __init__(self, *, works):
        super().__init__()
        self.given = {}
        self._works = works

    @property
    def has_workers(self):
        return self._works

    def start(self, task, shared, buckets, *arguments, **options):
        night = shared[0] if isinstance(shared, tuple) else shared
        assert night.backend == "cpu"
        self.given.setdefault(task.__name__, []).extend(buckets)
        return super().start(task, shared, buckets, *arguments, **options)


def test_every_part_is_fitted_once():
    sources = tuple(SOURCE_NAMES)
    kinds = ("", PAYMENT_GRAPH, PROFILES)
    names = [
        name
        for waits in kinds
        for measured in (False, True)
        for name in parts.fitted_after(sources, waits, measured=measured)
    ]
    assert sorted(names) == sorted(part.name for part in parts.active(sources))


def test_a_part_that_measures_is_fitted_after_that_alone():
    """The night starts such fits when all buckets are measured, and asks for nothing else."""
    assert all(not part.waits for part in parts.PARTS if part.measure is not None)


def test_parts_on_the_host_are_those_without_a_device():
    sources = tuple(SOURCE_NAMES)
    names = parts.fitted_after(sources, "")
    host = parts.on_host(names)
    assert {"churn", "next_product", "lifetime", "contracts"} <= set(host)
    assert set(names) - set(host) == {"behaviour"}
    assert parts.on_host(parts.fitted_after(sources, PAYMENT_GRAPH)) == []


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bank")
    tables = generate_portfolio(30, 11, AS_OF, calendar=load_calendar("CN"))
    for name in SOURCES:
        pq.write_table(tables[name], folder / f"{name}.parquet")
    return folder


def made_and_read(night, name):
    """Make the network and fit at once who reads it: they ask for nothing of its analysis."""
    seconds = make_network(night, name)
    for part in parts.fitted_after(night.sources, PAYMENT_GRAPH):
        parts.fit_part(night, part)
    return seconds


@pytest.mark.usefixtures("no_mlflow")
@pytest.mark.parametrize("works", [True, False], ids=["processes", "one process"])
def test_a_night_whose_host_fits_beside_the_device_gives_the_same(bank, monkeypatch, works):
    raw = {"as_of": AS_OF, "device": "cpu", "workers": 1, "n_buckets": 2,
           "sources": {name: {"path": f"{name}.parquet"} for name in SOURCES}}  # fmt: skip
    one, other = (
        build_config({**raw, "output": f"{name}-{works}"}, base=bank, where="test")
        for name in ("a", "b")
    )
    run(one)
    host = HostPool(works=works)
    monkeypatch.setattr("qfb_gpu.pipeline.open_host_pool", lambda *_: nullcontext(host))
    monkeypatch.setattr("qfb_gpu._pipeline.fitting.make_network", made_and_read)
    run(other)
    active = parts.fitted_after(SOURCES, "")
    fits = [*parts.on_host(active), "lookalikes", *(["risks"] if works else [])]
    assert sorted(host.given.pop("fit_part")) == sorted(fits)
    by_bucket = {"publish_bucket": [0, 1], "save_profiles": [0, 1]}
    assert host.given == by_bucket | ({"measure_parts": [0, 1]} if works else {})
    for name in gold.tables(one.output_dir):
        if name != "runs":
            same = gold.read(one.output_dir, name).equals(gold.read(other.output_dir, name))
            assert same, name
