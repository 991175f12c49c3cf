"""Another engine than last night's: nothing that its code made is left."""

import datetime as dt
import shutil

import pyarrow.parquet as pq
import pytest
from chinese_calendar import constants
from typer.testing import CliRunner

from qfb_gpu import calendars, engine, pipeline
from qfb_gpu._cli.models import _compared
from qfb_gpu.calendars import load_calendar
from qfb_gpu.cli import _summary, app
from qfb_gpu.config import build_config
from qfb_gpu.lake import carry, gold, recipe_tables
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.parts import registry
from qfb_gpu.portfolio import generate_portfolio

AS_OF = dt.date(2024, 12, 31)
pytestmark = pytest.mark.usefixtures("no_mlflow")


def config_of(folder, part="transactions.parquet"):
    raw = {"as_of": AS_OF, "device": "cpu", "workers": 1, "n_buckets": 1,
           "sources": {"transactions": part if isinstance(part, dict) else {"path": part}}}  # fmt: skip
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


def with_a_day_off(patch):
    """Let the package of China's days know of one more day off, as a newer one would."""
    more = {**constants.holidays, dt.date(2024, 11, 20): "off"}
    patch.setattr(constants, "holidays", more)
    calendars.load_calendar.cache_clear()


def test_days_off_of_a_newer_package_make_the_night_anew(night, monkeypatch):
    """It said that nothing had changed; an update put rows of both calendars in one table."""
    pipeline.run(config_of(night))
    try:
        with_a_day_off(monkeypatch)
        for update in (True, False):
            shutil.copytree(night, night.parent / str(update))
            result = pipeline.run(config_of(night.parent / str(update)), update=update)
            assert not result.unchanged
            assert not result.updated
            assert not result.of_other_code
    finally:
        calendars.load_calendar.cache_clear()


def test_silver_made_with_days_off_is_made_anew_by_a_newer_package(night, monkeypatch):
    """Working days that a step counts stayed those of the package that read the rows."""
    steps = [{"op": "working_days", "start": "date", "end": "date", "into": "days"}]
    part = {"path": "transactions.parquet", "prepare": steps}
    assert ingest(config_of(night, part)).changed
    assert not ingest(config_of(night, part)).changed
    monkeypatch.setattr(recipe_tables, "version", lambda _name: "9")
    assert ingest(config_of(night, part)).changed
    assert not ingest(config_of(night, part)).changed
    none = {**part, "prepare": []}
    assert ingest(config_of(night, none)).changed
    monkeypatch.setattr(recipe_tables, "version", lambda _name: "10")
    assert not ingest(config_of(night, none)).changed


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


def test_a_replay_of_the_folder_one_stands_in_lies_beside_it(bank, tmp_path, monkeypatch):
    """`qfb replay .` wrote into the output folder itself."""
    shutil.copytree(bank, tmp_path / "night")
    monkeypatch.chdir(tmp_path / "night" / "out")
    run_id = gold.last_run(bank / "out")
    monkeypatch.setattr(pipeline, "run", lambda _config: 1 / 0)
    with pytest.raises(ZeroDivisionError):  # it has made the folder by then
        CliRunner().invoke(app, ["replay", ".", run_id], catch_exceptions=False)
    assert (tmp_path / "night" / f"out-replay-{run_id}").is_dir()
    assert not list((tmp_path / "night" / "out").glob("*replay*"))
