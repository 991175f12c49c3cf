"""What an operator meets in a bad night: a line says which file it is about, nothing is lost."""

import datetime as dt
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from full_disk import files_end_at

from qfb_gpu import cli
from qfb_gpu._backend import ahead
from qfb_gpu.errors import InputError
from qfb_gpu.lake import delta, earlier, gold
from qfb_gpu.lake.work import Workspace
from qfb_gpu.parts import registry
from qfb_gpu.schema import GOLD

AS_OF = dt.date(2024, 12, 31)


def publish(out, name, table, run_id, number):
    part = out.parent / "part.parquet"
    pq.write_table(table, part)
    gold.publish(out, name, [part], gold.Publication(run_id, number))


def done(out, run_id, number, **changed):
    """Add a row to ``runs``."""
    row = dict.fromkeys(GOLD["runs"].names) | {"run_id": run_id, "as_of": AS_OF, **changed}
    gold.append_run(out, row, gold.Publication(run_id, number))


def test_of_a_night_that_was_run_again_after_another_the_last_row_counts(tmp_path):
    """A replay took the settings, the device and the models of the first time."""
    for number, run_id in enumerate("aba", 1):
        done(tmp_path / "out", run_id, number, device=f"cpu: {number}")
    assert registry.run_row(tmp_path / "out", "a")["device"] == "cpu: 3"
    assert registry.run_row(tmp_path / "out", "b")["device"] == "cpu: 2"


def test_a_replay_is_compared_with_the_tables_of_its_night_alone(tmp_path):
    """An empty table that an earlier night had left, and those of a later one that died, differed."""
    out, again = tmp_path / "out", tmp_path / "again"
    rows = pa.table({"x": [1, 2]})
    publish(out, "order_risk", rows, "z", 1)
    publish(out, "segments", rows, "z", 1)
    gold.publish_nothing(out, "order_risk", gold.Publication("y", 2))
    publish(out, "segments", rows, "a", 3)
    publish(out, "contagion", rows, "a", 3)
    done(out, "a", 3)
    for name in ("segments", "contagion"):
        publish(again, name, rows, "a", 1)
    assert registry.compare(out, again, "a") == {
        "order_risk": True, "segments": True, "contagion": True
    }  # fmt: skip
    publish(out, "segments", rows.slice(1), "later", 4)
    assert registry.of_later(out, "a") == ["data_quality", "rejects", "segments"]
    assert registry.compare(out, again, "a") == {"order_risk": True, "contagion": True}
    publish(out, "contagion", rows.slice(1), "a", 3)  # another's hand
    publish(again, "order_risk", rows, "a", 1)
    assert registry.compare(out, again, "a") == {"order_risk": False, "contagion": True}


def test_the_nights_that_were_done_are_asked_for_once(tmp_path, monkeypatch):
    out, rows = tmp_path / "out", pa.table({"x": [1]})
    for name in ("segments", "contagion", "associations"):
        publish(out, name, rows, "a", 1)
    done(out, "a", 1)
    asked, read = [], gold.read

    def counted(output, name, columns=None):
        asked.append(name)
        return read(output, name, columns)

    monkeypatch.setattr(gold, "read", counted)
    before = earlier.ReaderBefore(out, "b")
    for name in ("segments", "contagion", "associations"):
        assert before(name).equals(rows)
    assert asked == ["runs"]


@pytest.mark.parametrize("left", ["", "{", "\0\0\0\0"])
def test_a_mark_that_the_power_failed_over_says_nothing(tmp_path, left):
    """Every further run stopped at it."""
    work = Workspace(tmp_path / ".work" / "a")
    work.finish("score", 3, {"n": 1})
    assert work.finished("score", 3) == {"n": 1}
    (work.root / "score" / "3.json").write_text(left, encoding="utf-8")
    assert work.finished("score", 3) is None


def test_rows_of_the_nights_are_not_said_to_be_made_anew(tmp_path):
    """The line said to delete the table: it would be made anew."""
    done(tmp_path, "a", 1)
    [file] = (tmp_path / "runs").glob("*.parquet")
    content = file.read_bytes()
    file.write_bytes(b"garbage")
    for _ in range(2):
        with pytest.raises(
            InputError, match=r"put a copy of \S+runs back, or delete it .* earlier"
        ):
            gold.read(tmp_path, "runs")
        file.unlink(missing_ok=True)
    file.write_bytes(content)
    for log in (tmp_path / "runs" / "_delta_log").glob("*.json"):
        log.write_text("garbage", encoding="utf-8")
    with pytest.raises(InputError, match="put a copy of that folder back"):
        delta.open_table(tmp_path / "runs")


def test_who_cannot_start_a_helper_compiles_by_himself(monkeypatch):
    """A user who may have no more processes: the night ended before it began, with exit code 1."""

    def refused(*_arguments, **_named):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refused)
    assert ahead.start("qfb_gpu._backend.ahead") == []


def test_a_demo_without_room_names_its_config_and_leaves_none(tmp_path, monkeypatch, capsys):
    """It ended with exit code 1, without a name, and left an empty config."""
    monkeypatch.setattr(cli, "_generate", lambda *_: (tmp_path / "demo").mkdir())
    monkeypatch.setattr("sys.argv", ["qfb", "demo", "--out", str(tmp_path / "demo")])
    with files_end_at(10), pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    assert f"{tmp_path / 'demo' / 'qfb.toml'}: File too large" in capsys.readouterr().err
    assert list((tmp_path / "demo").iterdir()) == []
