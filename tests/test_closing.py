"""The workers leave in a thread while a night is reported; whatever fails, they are gone after."""

import datetime as dt
import shutil
import threading
import time
from contextlib import contextmanager

import pyarrow.parquet as pq
import pytest

from qfb_gpu import pipeline
from qfb_gpu.calendars import load_calendar
from qfb_gpu.cluster import Pool
from qfb_gpu.config import build_config
from qfb_gpu.errors import RunInterruptedError
from qfb_gpu.lake import gold
from qfb_gpu.portfolio import generate_portfolio

AS_OF = dt.date(2024, 12, 31)
TABLES = ("payment_streams", "customer_profiles", "segments")


class Workers:
    """Stand for workers: a pool of this process, slow to close, and what became of it."""

    def __init__(self, failure=None):
        self.failure, self.closed_in = failure, []

    @contextmanager
    def open_pool(self, *_arguments):
        try:
            yield Pool()
        finally:
            time.sleep(0.3)
            self.closed_in.append(threading.current_thread())
            if self.failure is not None:
                raise self.failure


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("closing")
    tables = generate_portfolio(30, 5, AS_OF, calendar=load_calendar("CN"))
    pq.write_table(tables["transactions"], folder / "transactions.parquet")
    return folder / "transactions.parquet"


@pytest.fixture
def config(sources, tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline, "_log", lambda *_arguments: None)
    shutil.copy(sources, tmp_path)
    raw = {"as_of": AS_OF, "device": "cpu", "n_buckets": 2,
           "sources": {"transactions": {"path": sources.name}}}  # fmt: skip
    return build_config(raw, base=tmp_path, where="test")


def fail(*_arguments, **_settings):
    msg = "no room"
    raise ValueError(msg)


def test_workers_leave_beside_the_report_and_are_gone_at_the_end(config, monkeypatch):
    workers = Workers()
    monkeypatch.setattr(pipeline, "open_pool", workers.open_pool)
    publish, left = pipeline._publish, []

    def published(*arguments):
        left.extend(workers.closed_in)
        return publish(*arguments)

    monkeypatch.setattr(pipeline, "_publish", published)
    assert not pipeline.run(config).unchanged
    [thread] = workers.closed_in
    assert thread is not threading.main_thread()
    assert left == []  # they were still closing when tables were published


def test_workers_that_do_not_close_leave_a_night_that_is_published(config, monkeypatch):
    workers = Workers(RuntimeError("cannot stop"))
    monkeypatch.setattr(pipeline, "open_pool", workers.open_pool)
    with pytest.warns(RuntimeWarning, match=r"published, but its workers .*cannot stop") as said:
        result = pipeline.run(config)
    assert said[0].filename == __file__
    assert gold.last_run(config.output_dir) == result.run_id
    assert all(gold.read(config.output_dir, name).num_rows for name in TABLES)
    assert pipeline.run(config).unchanged


@pytest.mark.parametrize("where", ["publish_bucket", "write_report"])
def test_a_night_that_fails_leaves_no_workers_and_goes_on(config, monkeypatch, where):
    workers = Workers()
    with monkeypatch.context() as patch:
        patch.setattr(pipeline, "open_pool", workers.open_pool)
        patch.setattr(pipeline, where, fail)
        with pytest.raises(RunInterruptedError, match="no room"):
            pipeline.run(config)
    assert len(workers.closed_in) == 1
    assert not any(thread.name.startswith("ThreadPool") for thread in threading.enumerate())
    again = pipeline.run(config.model_copy(update={"workers": 1}))
    assert not again.unchanged
    assert gold.last_run(config.output_dir) == again.run_id


def test_a_night_and_its_workers_that_both_fail_tell_of_the_night(config, monkeypatch):
    workers = Workers(RuntimeError("cannot stop"))
    monkeypatch.setattr(pipeline, "open_pool", workers.open_pool)
    monkeypatch.setattr(pipeline, "write_report", fail)
    with pytest.raises(RunInterruptedError, match="no room"):
        pipeline.run(config)
    assert len(workers.closed_in) == 1
