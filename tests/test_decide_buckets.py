"""Which streams are regular, by bucket: on workers as here, and to the bit as of all at once."""

import datetime as dt
import pickle

import numpy as np
import pyarrow.parquet as pq
import pytest

from qfb_gpu import payments
from qfb_gpu._pipeline import between
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar
from qfb_gpu.cluster import Pool
from qfb_gpu.config import build_config
from qfb_gpu.lake import ingest, silver
from qfb_gpu.parts.part import WHOLE
from qfb_gpu.portfolio import generate_portfolio
from qfb_gpu.tasks import Night, score_bucket

AS_OF = dt.date(2024, 12, 31)
N_BUCKETS = 20


class Workers(Pool):
    """A pool whose tasks, and what they are told, cross to another process."""

    has_workers = True

    def run(self, task, shared, buckets):
        """Run the last task first; see the pool's own."""
        self.asked = list(buckets)
        for name in reversed(self.asked):
            told, with_what = pickle.loads(pickle.dumps((task, shared)))
            yield name, told(with_what, name)


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    folder = tmp_path_factory.mktemp("decide")
    tables = generate_portfolio(60, 5, AS_OF, calendar=load_calendar("CN"))
    pq.write_table(tables["transactions"], folder / "transactions.parquet")
    raw = {"as_of": AS_OF, "device": "cpu", "n_buckets": N_BUCKETS,
           "sources": {"transactions": {"path": "transactions.parquet"}}}  # fmt: skip
    config = build_config(raw, base=folder, where="test")
    ingest.ingest(config, lambda *_: None)
    made = Night.of(config, "cpu", "night")
    buckets = silver.buckets(made.lake)
    for bucket in buckets:
        score_bucket(made, bucket)
    return made, buckets


def decided(night, buckets):
    """Return the bytes of what was decided of each bucket."""
    folders = [night.workspace.folder("decide", bucket) for bucket in buckets]
    return [file.read_bytes() for folder in folders for file in sorted(folder.iterdir())]


def test_workers_decide_what_one_process_decides(night, monkeypatch):
    (night, buckets), cpu, workers = night, get_backend("cpu"), Workers()
    n_streams = between.decide(night, buckets, cpu, workers)
    assert not hasattr(workers, "asked")  # of so few streams this process is done sooner
    here = decided(night, buckets)
    assert len(here) == 2 * len(buckets)
    monkeypatch.setattr(between, "_WORTH", 0)
    assert between.decide(night, buckets, cpu, workers) == n_streams
    assert 1 < len(workers.asked) <= between._TASKS
    assert decided(night, buckets) == here


def test_buckets_are_decided_as_all_streams_at_once(night):
    night, buckets = night
    between.decide(night, buckets, get_backend("cpu"))
    load = night.workspace.load
    p = np.concatenate([load("score", b, "streams", ["p_value"])["p_value"] for b in buckets])
    q = np.concatenate([load("decide", b, "q_values")["q_value"] for b in buckets])
    assert q.tobytes() == payments.q_values(p, np).tobytes()
    known = load("decide", WHOLE, "q_values")
    assert known["p_value"].tolist() == sorted({one for one in p.tolist() if one == one})
