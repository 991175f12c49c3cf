"""Another engine than last night's: nothing that its code made is left."""

import datetime as dt
import shutil

import pyarrow.parquet as pq
import pytest

from qfb_gpu import engine, pipeline
from qfb_gpu._cli.models import _compared
from qfb_gpu.calendars import load_calendar
from qfb_gpu.cli import _summary
from qfb_gpu.config import build_config
from qfb_gpu.lake import carry, gold
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.parts import registry
from qfb_gpu.portfolio import generate_portfolio

AS_OF = dt.date(2024, 12, 31)
pytestmark = pytest.mark.usefixtures("no_mlflow")


def config_of(folder):
    raw = {"as_of": AS_OF, "device": "cpu", "workers": 1, "n_buckets": 1,
           "sources": {"transactions": {"path": "transactions.parquet"}}}  # fmt: skip
    return build_config(raw, base=folder, where="test")


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    """Payments of 20 customers, and the night that other code made of them."""
    folder = tmp_path_factory.mktemp("bank")
    table = generate_portfolio(20, 5, AS_OF, calendar=load_calendar("CN"))["transactions"]
    pq.write_table(table, folder / "transactions.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "code", lambda: "older")
        pipeline.run(config_of(folder))
    return folder


@pytest.fixture
def night(bank, tmp_path):
    shutil.copytree(bank, tmp_path / "night")
    return tmp_path / "night"


def versions_of(out):
    return {name: gold.last_note(out / name)["run_id"] for name in gold.tables(out)}


@pytest.mark.parametrize("update", [False, True], ids=["whole", "update"])
def test_an_upgrade_makes_a_published_night_anew_and_says_so(night, capsys, update):
    """It said that nothing had changed."""
    out, before = night / "out", gold.last_run(night / "out")
    result = pipeline.run(config_of(night), update=update)
    assert not result.unchanged
    assert result.run_id != before
    assert {*versions_of(out).values()} >= {result.run_id}
    assert before not in versions_of(out).values()
    _summary(result)
    said = " ".join(capsys.readouterr().out.split())
    assert f"The engine's code is not that of run {before}, the last one: sources were read" in said
    assert said.startswith("A whole night, not an update: ") == update
    again = pipeline.run(config_of(night), update=update)
    assert again.unchanged
    assert not again.of_other_code


def test_an_upgrade_reads_sources_that_are_as_they_were(night):
    """Silver was what older code had made of them, for ever."""
    assert ingest(config_of(night)).changed
    assert not ingest(config_of(night)).changed


def test_an_upgrade_carries_no_streams_over(monkeypatch):
    calendar = load_calendar("CN")
    now = carry.stamp_of(calendar)
    monkeypatch.setattr(engine, "code", lambda: "older")
    assert carry.stamp_of(calendar) != now


def test_a_replay_by_other_code_compares_the_tables_and_says_so(bank, tmp_path, capsys):
    """Packages that came with the upgrade are no reason to refuse."""
    out, into = bank / "out", tmp_path / "again"
    before = gold.last_run(out)
    again = pipeline.run(registry.replay_config(out, before, into)).run_id
    assert again != before
    _compared(out, into, before, again)
    said = " ".join(capsys.readouterr().out.split())
    assert f"{engine.CODE}: that night was made by other code" in said
    n_tables = len(gold.tables(out)) - 1
    assert f"{n_tables} of {n_tables} gold tables are equal" in said
    assert registry.other_code(["numpy", "sources.claims"]) == []
    assert registry.other_code([engine.CODE, "numpy", "sources.claims"]) == [engine.CODE, "numpy"]
