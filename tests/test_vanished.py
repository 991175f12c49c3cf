"""A column that a later extract has under another name is missed, not taken for nothing."""

import datetime as dt
import subprocess
import sys
import warnings

import pytest

from qfb_gpu.config import build_config
from qfb_gpu.lake.ingest import ingest

HEADER = "txn_id,customer_id,date,amount,direction,currency,memo\n"


def rows(letter):
    """Return nine payments whose ids begin with a letter."""
    lines = (f"{letter}{i},c{i % 3},2024-01-{i + 1:02d},{i + 1},out,USD,m{i}" for i in range(9))
    return "\n".join(lines) + "\n"


def night(folder, files, **part):
    """Write files and ingest them; return what was warned of."""
    for name, content in files.items():
        (folder / "in").mkdir(exist_ok=True)
        (folder / "in" / name).write_text(content, encoding="utf-8")
    raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu",
           "sources": {"transactions": {"path": "in", **part}}}  # fmt: skip
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        ingest(build_config(raw, base=folder, where="test"))
    return [str(one.message) for one in found]


@pytest.mark.parametrize("name", ["a.csv", "b.csv"])
@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("direction", "so the sign of an amount decides, and without one below 0 all are received"),
        ("currency", "so all its amounts count as CNY"),
        ("memo", "so it is null in those rows"),
    ],
)
def test_a_column_that_was_renamed_upstream_is_told(tmp_path, name, column, words):
    """All payments became received, or yuan, without a word; a replaced file or a further one."""
    assert night(tmp_path, {"a.csv": HEADER + rows("t")}) == []
    (said,) = night(tmp_path, {name: HEADER.replace(column, "other") + rows("u")})
    assert said.startswith(f"sources.transactions: in/{name} has no column {column!r} any more")
    assert words in said
    assert "'other'" in said
    assert "\n" not in said


def test_what_changes_the_meaning_is_told_until_the_mapping_says_what_holds(tmp_path):
    night(tmp_path, {"a.csv": HEADER + rows("t")})
    fewer = "txn_id,customer_id,date,amount\nv1,c,2024-02-01,5\n"
    assert len(night(tmp_path, {"b.csv": fewer})) == 3
    assert len(night(tmp_path, {"c.csv": fewer.replace("v1", "v2")})) == 2
    assert night(tmp_path, {}) == []
    constants = {"currency": "CNY", "direction": "in"}
    assert night(tmp_path, {"d.csv": fewer.replace("v1", "v3")}, constants=constants) == []


def test_a_file_of_another_layout_beside_one_that_has_the_column_is_no_news(tmp_path):
    night(tmp_path, {"a.csv": HEADER + rows("t")})
    fewer = "txn_id,customer_id,date,amount\nv1,c,2024-02-01,5\n"
    assert night(tmp_path, {"b.csv": fewer, "c.csv": HEADER + rows("u")}) == []


def test_a_night_says_it_in_a_line_of_its_own(tmp_path):
    """It came as a warning of Python, at a line of the library that calls the command."""
    night(tmp_path, {"a.csv": HEADER + rows("t")})
    (tmp_path / "in" / "a.csv").write_text(HEADER.replace("memo", "note") + rows("u"))
    config = tmp_path / "q.toml"
    config.write_text('as_of = 2000-01-01\ndevice = "cpu"\n[sources.transactions]\npath = "in"\n')
    done = subprocess.run(
        [sys.executable, "-m", "qfb_gpu", "run", str(config)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "qfb: sources.transactions: in/a.csv has no column 'memo' any more" in done.stderr
    assert "Warning" not in done.stderr
    assert done.returncode == 2  # no payment is so early
