"""Intermediates of a run: as they are, and compressed where the disk is short."""

import datetime as dt
import shutil
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qfb_gpu import pipeline
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar
from qfb_gpu.config import build_config
from qfb_gpu.errors import RunInterruptedError
from qfb_gpu.lake import gold
from qfb_gpu.lake.work import Workspace, at_hand, is_short
from qfb_gpu.ledger import Labelled
from qfb_gpu.parts.part import WHOLE
from qfb_gpu.portfolio import generate_portfolio
from qfb_gpu.schema import SOURCES

AS_OF = dt.date(2024, 12, 31)
CPU = get_backend("cpu")


def columns(n):
    """Return a column of each kind that is saved."""
    drawn = np.random.default_rng(n)
    return {
        "whole": drawn.integers(-(2**62), 2**62, n),
        "day": drawn.integers(0, 9, n).astype(np.int16),
        "share": np.where(drawn.random(n) < 0.1, np.nan, drawn.random(n)),
        "is_in": drawn.random(n) < 0.5,
        "cadence": Labelled(drawn.integers(-1, 2, n).astype(np.int8), ("monthly", "weekly")),
        "name": pa.array([None if i % 7 == 3 else f"银行{i}" for i in range(n)], pa.string()),
    }


def plain(values):
    """Return what can be compared of a column."""
    if isinstance(values, Labelled):
        return values.codes.dtype.str, values.codes.tobytes(), values.labels
    if isinstance(values, pa.Array):
        return str(values.type), values.to_pylist()
    return values.dtype.str, values.tobytes()


@pytest.mark.parametrize("n", [0, 1, 5_000])
def test_a_compressed_file_says_what_one_that_is_not_says(tmp_path, n):
    saved = columns(n)
    for packed in (False, True):
        work = Workspace(tmp_path / str(packed), packed)
        work.save("score", 3, "streams", saved, CPU)
        expected = {name: plain(values) for name, values in saved.items()}
        loaded, view = work.load("score", 3, "streams"), work.view("score", 3, "streams")
        assert {name: plain(values) for name, values in loaded.items()} == expected
        assert {name: plain(view[name]) for name in view} == expected
        assert [*loaded] == [*view] == [*saved]
        some = work.load("score", 3, "streams", ["share", "whole"])
        assert [*some] == ["share", "whole"]
        assert plain(some["share"]) == expected["share"]
        with pytest.raises(KeyError):
            view["else"]


def test_a_view_of_a_compressed_file_reads_a_column_when_it_is_asked_for(tmp_path, monkeypatch):
    work = Workspace(tmp_path, packed=True)
    work.save("score", 0, "streams", columns(100), CPU)
    view = work.view("score", 0, "streams")
    asked, reads = pa.ipc.open_file, []

    def counted(source, options=None):
        reads.append(options.included_fields)
        return asked(source, options=options)

    monkeypatch.setattr(pa.ipc, "open_file", counted)
    first = view["share"]
    assert view["share"] is first
    assert view["day"].shape == (100,)
    assert reads == [[2], [1]]
    both = at_hand(view, ["share", "day"])
    assert reads == [[2], [1], [1, 2]]
    for name in ("share", "day"):
        np.testing.assert_array_equal(both[name], view[name])
    with pytest.raises(KeyError, match="none"):
        at_hand(view, ["day", "none"])
    mapped = {"day": first}
    assert at_hand(mapped, ["day"]) is mapped


@pytest.mark.parametrize("packed", [False, True])
def test_a_view_opens_its_file_once(tmp_path, monkeypatch, packed):
    Workspace(tmp_path).save("score", 3, "streams", columns(9), CPU)
    opened = []
    open_file = pa.ipc.open_file
    monkeypatch.setattr(pa.ipc, "open_file", lambda *a, **k: opened.append(a) or open_file(*a, **k))
    view = Workspace(tmp_path, packed).view("score", 3, "streams")  # the file says that it is plain
    assert {name: plain(view[name]) for name in view} == {
        name: plain(values) for name, values in columns(9).items()
    }
    assert len(opened) == 1


def test_what_is_of_all_buckets_stays_mapped(tmp_path):
    work, n = Workspace(tmp_path, packed=True), 100_000
    for bucket in (0, WHOLE):
        work.save("fit", bucket, "zeros", {"zero": np.zeros(n, np.int64)}, CPU)
    size = {b: (work.folder("fit", b) / "zeros.arrow").stat().st_size for b in (0, WHOLE)}
    assert size[WHOLE] > 8 * n > 100 * size[0]


@pytest.mark.parametrize(("megabytes", "short"), [(160, False), (140, True)])
def test_a_disk_is_short_below_what_a_night_leaves(tmp_path, monkeypatch, megabytes, short):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=megabytes * 10**6))
    assert is_short(tmp_path / "out", 10**6) is short


def test_what_an_interrupted_run_has_left_needs_no_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=140_000))
    assert is_short(tmp_path, 1_000)
    Workspace(tmp_path).save("score", 0, "zeros", {"zero": np.zeros(20_000, np.int8)}, CPU)
    assert not is_short(tmp_path, 1_000)


def test_what_other_runs_have_left_takes_no_disk(tmp_path):
    runs = [Workspace(tmp_path / name) for name in ("a", "b")]
    (tmp_path / "ingest").mkdir()
    for run in runs:
        run.begin({"transactions": "1"})
        run.save("score", 0, "zeros", {"zero": np.zeros(9)}, CPU)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "ingest"]
    runs[1].begin({"transactions": "1"})
    assert runs[1].has("score", 0, "zeros")
    runs[1].begin({"transactions": "2"})
    assert not runs[1].has("score", 0, "zeros")


def test_a_disk_that_may_not_do_is_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=10**9))
    with pytest.warns(RuntimeWarning, match=r"1\.2 GB in .*out until .* 1\.0 GB are free") as said:
        assert is_short(tmp_path / "out", 20_000_000)
    assert said[0].filename == __file__


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    tables = generate_portfolio(40, 3, AS_OF, calendar=load_calendar("CN"))
    named = [name for name in tables if name in SOURCES]
    for name in named:
        pq.write_table(tables[name], folder / f"{name}.parquet")
    return {name: {"path": str(folder / f"{name}.parquet")} for name in named}


def config_of(folder, sources, **settings):
    raw = {"as_of": AS_OF, "device": "cpu", "workers": 1, "n_buckets": 2, "sources": sources}
    return build_config({**raw, **settings}, base=folder, where="test")


def gold_of(config):
    names = [name for name in gold.tables(config.output_dir) if name != "runs"]
    return {name: gold.read(config.output_dir, name) for name in names}


@pytest.fixture(scope="module")
def plenty(sources, tmp_path_factory):
    config = config_of(tmp_path_factory.mktemp("plenty"), sources)
    pipeline.run(config)
    return gold_of(config)


def test_a_night_on_a_short_disk_has_the_same_gold(sources, plenty, tmp_path, monkeypatch):
    config, removed = config_of(tmp_path, sources), Workspace.remove
    monkeypatch.setattr(pipeline, "is_short", lambda _folder, _n: True)
    left = []

    def remove(self):
        assert self.packed
        left.extend(file.relative_to(self.root) for file in self.root.rglob("*.arrow"))
        removed(self)

    monkeypatch.setattr(Workspace, "remove", remove)
    pipeline.run(config)
    found = gold_of(config)
    assert found.keys() == plenty.keys()
    for name, table in found.items():
        assert table.equals(plenty[name]) or _same(table, plenty[name]), name
    names = {file.stem for file in left}
    assert "risks.latest" in names
    assert not names & {"risks.months", "risks.hhi", "churn.rows", "network.dated"}


def _same(left, right):
    """Return whether two tables are equal where NaN is equal to NaN."""
    return left.to_pandas().equals(right.to_pandas())


@pytest.mark.parametrize("packed", [False, True])
def test_a_run_that_died_while_it_published_fits_no_part_again(
    sources, plenty, tmp_path, monkeypatch, packed
):
    config, writes = config_of(tmp_path, sources), pipeline.write_whole_tables
    monkeypatch.setattr(pipeline, "is_short", lambda _folder, _n: packed)

    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(pipeline, "write_whole_tables", fail)
    with pytest.raises(RunInterruptedError, match="no space left"):
        pipeline.run(config)
    monkeypatch.setattr(pipeline, "write_whole_tables", writes)
    finish, done = Workspace.finish, []

    def watched(self, stage, bucket, summary):
        done.append((stage, bucket))
        finish(self, stage, bucket, summary)

    monkeypatch.setattr(Workspace, "finish", watched)
    pipeline.run(config)
    assert {stage for stage, _ in done} <= {"publish"}
    found = gold_of(config)
    for name, table in found.items():
        assert table.equals(plenty[name]) or _same(table, plenty[name]), name


def test_all_intermediates_are_deleted_but_not_what_a_link_leads_to(tmp_path):
    lent = tmp_path / "kept"
    lent.mkdir()
    (lent / "edges.arrow").touch()
    work = Workspace(tmp_path / "out" / ".work" / "night")
    work.begin({})
    for stage, bucket in (("score", 0), ("score", 1), ("publish", -1)):
        work.save(stage, bucket, "streams", columns(3), CPU)
    work.finish("score", 0, {})
    (work.root / "fit").mkdir()
    (work.root / "fit" / "-1").symlink_to(lent, target_is_directory=True)
    older = Workspace(work.root.with_name("older")).folder("score", 7)
    work.remove()
    assert [path.name for path in (tmp_path / "out").iterdir()] == []
    assert not older.exists()
    assert [path.name for path in lent.iterdir()] == ["edges.arrow"]
