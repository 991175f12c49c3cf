"""A night that was killed between two steps: what it goes on from has to be of the same lake."""

import datetime as dt
import shutil

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from qfb_gpu import engine, pipeline
from qfb_gpu._pipeline import kept as keeping
from qfb_gpu.calendars import load_calendar
from qfb_gpu.config import build_config
from qfb_gpu.errors import RunInterruptedError
from qfb_gpu.lake import gold, ingest, maintain
from qfb_gpu.lake.work import Workspace
from qfb_gpu.portfolio import generate_portfolio

AS_OF = dt.date(2024, 12, 31)
pytestmark = pytest.mark.usefixtures("no_mlflow")


def config_of(folder, **settings):
    """A night that groups customers as if there had been none before."""
    raw = {"as_of": AS_OF, "device": "cpu", "workers": 1, "n_buckets": 3,
           "segments": {"number_margin": 0.0, "least_margin": 0.0},
           "sources": {"transactions": {"path": "transactions"}}, **settings}  # fmt: skip
    return build_config(raw, base=folder, where="test")


@pytest.fixture(scope="module")
def bank(tmp_path_factory):
    """Payments of 20 customers, and the night of them."""
    folder = tmp_path_factory.mktemp("bank")
    table = generate_portfolio(20, 5, AS_OF, calendar=load_calendar("CN"))["transactions"]
    (folder / "transactions").mkdir()
    pq.write_table(table, folder / "transactions" / "a.parquet")
    pipeline.run(config_of(folder))
    return folder


@pytest.fixture
def night(bank, tmp_path):
    """A copy of them."""
    shutil.copytree(bank, tmp_path / "night")
    return tmp_path / "night"


def more(folder, name, customer):
    """Let some payments of a customer come, in a file of their own."""
    table = pq.read_table(folder / "transactions" / "a.parquet")
    ids = pc.unique(table["customer_id"]).to_pylist()
    few = table.filter(pc.equal(table["customer_id"], ids[customer])).slice(0, 9)
    txn = pc.binary_join_element_wise(few["txn_id"], name, "-")
    few = few.set_column(few.column_names.index("txn_id"), "txn_id", txn)
    pq.write_table(few, folder / "transactions" / f"{name}.parquet")


def tables_of(folder):
    names = [name for name in gold.tables(folder / "out") if name != "runs"]
    return {name: gold.read(folder / "out", name) for name in names}


def assert_same(left, right):
    assert left.keys() == right.keys()
    for name, table in left.items():
        assert table.to_pandas().equals(right[name].to_pandas()), name


def killed(monkeypatch, config, at, **how):
    """Run a night that dies where it would do something."""

    def dies(*_arguments, **_named):
        raise OSError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(at, dies)
        with pytest.raises(RunInterruptedError, match="no room"):
            pipeline.run(config, **how)


def test_buckets_of_another_number_are_not_taken_for_done(bank, night, monkeypatch):
    shutil.rmtree(night / "out")
    killed(monkeypatch, config_of(night, n_buckets=8), "qfb_gpu.pipeline.decide")
    pipeline.run(config_of(night))
    assert_same(tables_of(night), tables_of(bank))


def test_buckets_scored_by_other_code_are_not_taken_for_done(bank, night, monkeypatch):
    shutil.rmtree(night / "out")
    config, told = config_of(night), []
    with monkeypatch.context() as patch:
        patch.setattr(engine, "code", lambda: "older")
        killed(monkeypatch, config, "qfb_gpu.pipeline.decide")
    for file in (night / "out" / ".work").rglob("books*"):  # which older code did not write
        file.unlink()
    pipeline.run(config, lambda *stage: told.append(stage))
    assert ("score", 0, 3) in told
    assert_same(tables_of(night), tables_of(bank))


def test_customers_touched_since_an_update_died_are_not_lost(bank, night, monkeypatch):
    more(night, "b", 3)
    killed(monkeypatch, config_of(night), "qfb_gpu._pipeline.update.with_figures", update=True)
    more(night, "c", 7)
    ingest.ingest(config_of(night))
    (night / "transactions" / "c.parquet").unlink()
    result = pipeline.run(config_of(night), update=True)
    assert result.updated
    n_before = gold.read(bank / "out", "customer_profiles").num_rows
    assert gold.read(night / "out", "customer_profiles").num_rows == n_before


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_an_update_that_died_goes_on_where_its_folder_was_moved_to(night, monkeypatch, how):
    """It stopped for ever: its links led to where the folder had been, or became folders."""
    more(night, "b", 3)
    killed(monkeypatch, config_of(night), "qfb_gpu._pipeline.gather.make_lake", update=True)
    if how == "copied":
        shutil.copytree(night / "out", night / "there")
    shutil.move(night / "out", night / "gone")
    if how == "moved":
        shutil.move(night / "gone", night / "there")
    assert pipeline.run(config_of(night, output="there"), update=True).updated


def test_a_night_that_died_when_all_was_published_can_be_made_anew(bank, night, monkeypatch):
    shutil.rmtree(night / "out")
    killed(monkeypatch, config_of(night), "qfb_gpu._pipeline.kept.keep_monthly")
    assert keeping.load(night / "out") is None
    (night / "out" / "report.html").unlink()
    assert pipeline.run(config_of(night)).why_anew == "report.html"
    assert_same(tables_of(night), tables_of(bank))


@pytest.mark.parametrize("update", [False, True], ids=["whole", "update"])
def test_tables_of_a_night_that_died_are_not_taken_for_those_before(
    bank, night, monkeypatch, update
):
    more(night, "b", 3)
    killed(monkeypatch, config_of(night), "qfb_gpu.pipeline.write_report", update=update)
    assert not gold.read(night / "out", "stream_payments").equals(
        gold.read(bank / "out", "stream_payments")
    )
    (night / "transactions" / "b.parquet").unlink()
    result = pipeline.run(config_of(night), update=update)
    assert not result.unchanged
    assert "stream_payments" in result.why_anew
    found, before = tables_of(night), tables_of(bank)
    for name in ("segment_drift", "segment_moves"):  # they say what became of the night before
        del found[name], before[name]
    assert_same(found, before)
    assert pipeline.run(config_of(night), update=update).unchanged


def test_a_night_that_died_when_it_had_its_row_leaves_nothing_on_the_disk(night, monkeypatch):
    """Its intermediates, many times the tables, stayed until another night was run."""
    more(night, "b", 3)
    killed(monkeypatch, config_of(night), "qfb_gpu._pipeline.kept.save")
    assert list((night / "out" / ".work").glob("*/lake.json")) == []
    assert list((night / "out" / ".work").glob("*/score"))
    other = night / "out" / ".work" / "other"
    other.mkdir()
    result = pipeline.run(config_of(night))
    assert result.unchanged
    assert not (other.parent / result.run_id).exists()
    assert other.is_dir()  # of a night that goes on


def test_a_night_that_died_is_not_the_night_before_another_one(night, monkeypatch, tmp_path):
    """A night with a mended setting said who moved since the one that had died, the same day."""
    more(night, "b", 3)
    shutil.copytree(night, tmp_path / "other")
    day = AS_OF + dt.timedelta(days=40)
    mended = {"as_of": day, "payments": {"horizon_days": 60}}
    killed(monkeypatch, config_of(night, as_of=day), "qfb_gpu.pipeline.write_report")
    pipeline.run(config_of(night, **mended))
    pipeline.run(config_of(tmp_path / "other", **mended))
    found, unbroken = tables_of(night), tables_of(tmp_path / "other")
    assert found["segment_drift"].num_rows > 0
    assert_same(found, unbroken)


def quality_of(folder):
    return gold.read(folder / "out", "data_quality").to_pylist()


def test_a_night_that_fails_leaves_what_is_said_of_sources_as_of_the_last_night(night, monkeypatch):
    """`days old` and `out of range` were as of its own day, beside tables of the day before."""
    before, later = quality_of(night), {"as_of": AS_OF + dt.timedelta(days=40)}
    more(night, "b", 3)
    killed(monkeypatch, config_of(night, **later), "qfb_gpu.pipeline.decide")
    assert quality_of(night) == before
    (night / "transactions" / "b.parquet").unlink()
    killed(monkeypatch, config_of(night, **later), "qfb_gpu.pipeline._publish")
    assert quality_of(night) != before  # it died among its tables
    assert pipeline.run(config_of(night)).unchanged
    assert quality_of(night) == before


def test_an_update_publishes_what_is_said_of_sources_with_its_tables(night, monkeypatch):
    before = quality_of(night)
    more(night, "b", 3)
    killed(monkeypatch, config_of(night), "qfb_gpu._pipeline.update.with_figures", update=True)
    assert quality_of(night) == before
    assert pipeline.run(config_of(night), update=True).updated
    found = {row["measure"]: row["value"] for row in quality_of(night)}
    was = {row["measure"]: row["value"] for row in before}
    assert found["kept"] == was["kept"] + 9


def test_a_disk_that_is_full_as_a_night_begins_stops_it_midway(night, monkeypatch):
    """It was a backtrace: nothing turned it into words."""
    more(night, "b", 3)
    killed(monkeypatch, config_of(night), "qfb_gpu.lake.work.Workspace.begin")


@pytest.mark.parametrize("upkeep", [False, True], ids=["", "maintain"])
def test_a_night_that_died_goes_on_from_the_night_before_it(night, monkeypatch, tmp_path, upkeep):
    """Tiers and drift were those beside tonight's own profiles, as those were published.

    Upkeep in between, for want of room, joined the small files of those and deleted the others.
    """
    monkeypatch.setattr(maintain, "_FEW", 2)
    more(night, "b", 3)
    shutil.copytree(night, tmp_path / "other")
    later = {"as_of": AS_OF + dt.timedelta(days=40)}

    def dies(output, parts, publication):
        gold.publish(output, "customer_profiles", parts["customer_profiles"], publication)
        raise OSError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(gold, "publish_all", dies)
        with pytest.raises(RunInterruptedError, match="no room"):
            pipeline.run(config_of(night, **later))
    if upkeep:
        joined = [one.name for one in maintain.maintain(night / "out") if one.n_compacted]
        assert "payment_streams" in joined  # the night before is the newest
        assert "customer_profiles" not in joined
    pipeline.run(config_of(night, **later))
    pipeline.run(config_of(tmp_path / "other", **later))
    found, unbroken = tables_of(night), tables_of(tmp_path / "other")
    assert found["segment_drift"].num_rows > 0
    assert_same(found, unbroken)
    kept = [keeping.folder(folder / "out") for folder in (night, tmp_path / "other")]
    left, right = (Workspace(folder).load("fit", -1, "population") for folder in kept)
    assert (left["previous_tier"] >= 0).all()
    assert all((left[name] == right[name]).all() for name in ("customer_key", "previous_tier"))
