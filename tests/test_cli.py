"""The command line as a person uses it: results, one clear line, exit codes."""

import datetime as dt
import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qfb_gpu import cli, pipeline
from qfb_gpu.lake import gold

CONFIG = """
as_of = 2024-12-31
device = "cpu"
workers = 1
[sources.transactions]
path = "{path}"
columns = {{ txn_id = "ref", customer_id = "acct", counterparty_id = "peer", date = "booked", amount = "value" }}
"""


def payments(n=24):
    days = [dt.date(2023, 1, 5) + dt.timedelta(days=30 * i) for i in range(n)]
    return {
        "ref": [f"t{i}" for i in range(n)],
        "acct": ["a1"] * n,
        "peer": ["landlord"] * n,
        "booked": [day.isoformat() for day in days],
        "value": ["-1,000.00"] * n,
    }


@pytest.fixture
def project(tmp_path):
    def make(columns=None, text=CONFIG, name="payments.parquet"):
        pq.write_table(pa.table(columns or payments()), tmp_path / "payments.parquet")
        config = tmp_path / "night.toml"
        config.write_text(text.format(path=name), encoding="utf-8")
        return config

    return make


def call(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["qfb", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    captured = capsys.readouterr()
    code = stopped.value.code
    return (0 if code is None else code), captured.out, captured.err


def undocumented(output):
    """Return the columns of the gold tables that no page of docs/ names; of vectors the first."""
    docs = Path(__file__).parents[1] / "docs"
    pages = "".join(page.read_text(encoding="utf-8") for page in docs.glob("*.md"))
    missing = []
    for table in gold.tables(output):
        for name in gold.read(output, table).column_names:
            stem = re.sub(r"vector_\d+$", "vector_1", name)
            stem = re.sub(r"risk_[a-z]+_(low|high|level)$", "risk_contract_score", stem)
            stem = re.sub(r"risk_(volatility|demand|channel)_score$", "risk_contract_score", stem)
            if not re.search(rf"(?<!\w){re.escape(stem)}(?!\w)", pages):
                missing.append(f"{table}.{name}")
    return missing


def test_run_then_show_then_run_again(project, monkeypatch, capsys):
    config = project()
    code, out, err = call(monkeypatch, capsys, "run", config)
    assert (code, err) == (0, "")
    assert "24 payments of 1 customer," in out
    output = config.parent / "out"
    assert (output / "report.html").is_file()
    assert undocumented(output) == []
    code, out, _ = call(monkeypatch, capsys, "show", output, "payment_streams")
    assert code == 0
    assert "landlord" in out
    code, out, _ = call(monkeypatch, capsys, "show", output, "--customer", "a1")
    assert code == 0
    code, out, _ = call(monkeypatch, capsys, "run", config)
    assert code == 0
    assert "Nothing changed" in out


def test_a_bad_row_is_kept_with_its_reason(project, monkeypatch, capsys):
    columns = payments()
    columns["booked"][3] = "2024-13-45"
    columns["value"][5] = "about ten"
    columns["ref"][7] = columns["ref"][6]
    config = project(columns)
    code, out, _ = call(monkeypatch, capsys, "run", config)
    assert code == 0
    assert "21 payments" in out
    assert "3 rows rejected" in out
    code, out, _ = call(monkeypatch, capsys, "show", config.parent / "out", "rejects")
    assert code == 0
    for word in ("2024-13-45", "about ten", "duplicate"):
        assert word in out


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p(name="nowhere.parquet"), ["nowhere.parquet"]),
        (lambda p: p({**payments(), "booked_on": ["x"] * 24}, CONFIG.replace('"booked"', '"bookd"')),
         ["bookd", "booked"]),
        (lambda p: p(text="colour = 1\n" + CONFIG), ["colour"]),
        (lambda p: p({k: v[:0] for k, v in payments().items()}), ["no rows"]),
        (lambda p: p({**payments(), "booked": ["soon"] * 24}), ["soon"]),
    ],
    ids=["missing-file", "missing-column", "unknown-key", "empty", "unreadable-dates"],
)  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2(project, monkeypatch, capsys, make, words):
    config = make(project)
    code, _, err = call(monkeypatch, capsys, "run", config)
    assert code == 2
    assert err.startswith("qfb: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err


def test_check_says_what_is_wrong_before_a_night_is_spent(project, monkeypatch, capsys):
    code, out, _ = call(monkeypatch, capsys, "check", project())
    assert code == 0
    code, out, _ = call(
        monkeypatch, capsys, "check", project(text=CONFIG.replace('"peer"', '"pier"'))
    )
    assert code == 2
    assert "pier" in out


def test_check_reads_the_text_model_that_the_config_names(project, monkeypatch, capsys):
    config = project(text=CONFIG + '\n[text]\nmodel = "no_model"\n')
    code, _, err = call(monkeypatch, capsys, "check", config)
    assert code == 2
    assert "no_model" in err
    assert "qfb text train" in err


def test_models_of_a_folder_without_a_night(tmp_path, monkeypatch, capsys):
    code, _, err = call(monkeypatch, capsys, "models", tmp_path / "nowhere")
    assert code == 2
    assert "nowhere" in err


def test_what_the_engine_warns_of_is_said_in_a_line(monkeypatch, capsys):
    others = []
    monkeypatch.setattr(cli, "_warned_elsewhere", lambda *told: others.append(told[2]))
    cli._warned(RuntimeWarning("the disk is short"), RuntimeWarning, pipeline.__file__, 7)
    assert capsys.readouterr().err == "qfb: the disk is short\n"
    cli._warned(RuntimeWarning("overflow"), RuntimeWarning, "/elsewhere/array.py", 7)
    assert others == ["/elsewhere/array.py"]
    assert capsys.readouterr().err == ""


def test_a_run_that_died_goes_on(project, monkeypatch, capsys):
    config = project()

    def die(*_args, **_kwargs):
        raise MemoryError("no room")

    with monkeypatch.context() as broken:
        broken.setattr("qfb_gpu.pipeline.fit", die)
        code, _, err = call(broken, capsys, "run", config)
    assert code == 3
    assert "no room" in err
    assert "again" in err
    code, out, _ = call(monkeypatch, capsys, "run", config)
    assert code == 0
    assert "24 payments" in out


def test_another_gpu_less_machine_is_told_so(project, monkeypatch, capsys):
    from qfb_gpu.backend import get_backend
    from qfb_gpu.errors import BackendUnavailableError

    try:
        get_backend("gpu")
    except BackendUnavailableError:
        code, _, err = call(monkeypatch, capsys, "run", project(), "--device", "gpu")
        assert code == 2
        assert "gpu" in err
    else:
        pytest.skip("this machine has a working GPU")


def test_a_terminal_of_another_script_stops_nothing():
    """Logs of a job with LANG=en_US are Latin-1: what they cannot hold is written in escapes."""
    done = process("--help", PYTHONIOENCODING="latin-1", stdout=subprocess.PIPE)
    assert done.returncode == 0
    assert b"\\u91cf\\u5316\\u5e2e" in done.stdout


def process(*arguments, stdout, stderr=subprocess.PIPE, **environment):
    """Run the command in a process of its own, with its own standard output."""
    code = "import sys; from qfb_gpu.cli import main; sys.argv[0] = 'qfb'; main()"
    given = {**os.environ, **environment, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=given,
        stdout=stdout,
        stderr=stderr,
        timeout=240,
        check=False,
    )


def test_a_night_goes_on_where_nobody_reads_its_words(project):
    config = project()
    reads, writes = os.pipe()
    os.close(reads)  # qfb run night.toml | head -0
    done = process("run", config, stdout=writes)
    os.close(writes)
    assert (done.returncode, done.stderr) == (0, b"")
    assert gold.read(config.parent / "out", "payment_streams").num_rows == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_words_that_find_no_room_are_not_lost_unsaid(project):
    with Path("/dev/full").open("wb") as full:
        done = process("check", project(), stdout=full)
    assert done.returncode == 1
    assert b"could not be written: No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("asked", [(), ("run",)])
def test_help_that_finds_no_room_is_one_line(asked):
    """It was a backtrace of fifty lines, as it is not written by us."""
    with Path("/dev/full").open("wb") as full:
        done = process(*asked, "--help", stdout=full)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b"No space left on device; see to that" in done.stderr


def test_an_exit_code_is_right_where_nobody_hears_why(tmp_path):
    with Path("/dev/full").open("wb") as full:
        done = process("run", tmp_path / "none.toml", stdout=subprocess.PIPE, stderr=full)
    assert done.returncode == 2


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["generate", "--customers", "5", "--out", "file/deeper"], "file/deeper"),
        (["demo", "--customers", "5", "--out", "file"], "file/sources"),
        (["generate", "--customers", "5", "--out", "p", "--as-of", "9999-12-31"], "got 9999"),
        (["generate", "--customers", "5", "--out", "p", "--as-of", "0001-01-01"], "got 1:"),
        (["run", "none.toml", "--as-of", "yesterday"], "expected a day of the calendar as YYYY"),
        (["run", "none.toml", "--as-of", "2024-13-45"], "--as-of 2024-13-45: expected a day"),
        (["show", "nowhere"], "nowhere: no gold tables there; give the output folder"),
    ],
)
def test_a_folder_or_a_day_that_cannot_be_is_one_line(tmp_path, monkeypatch, capsys, asked, words):
    """They were backtraces."""
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("", encoding="utf-8")
    code, _, said = call(monkeypatch, capsys, *asked)
    assert (code, said.count("\n")) == (2, 1)
    assert words in said


def test_more_rows_than_arrow_counts_are_refused(tmp_path, monkeypatch, capsys):
    code, _, said = call(monkeypatch, capsys, "show", tmp_path, "runs", "--limit", "9" * 20)
    assert code == 2
    assert "--limit" in said


def test_a_locale_that_cannot_name_a_file_is_told_so(tmp_path):
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    log = tmp_path / "夜" / "payment_streams" / "_delta_log"
    log.mkdir(parents=True)
    (log / "00000000000000000000.json").write_text("{}", encoding="utf-8")
    done = process("show", tmp_path / "夜", stdout=subprocess.DEVNULL, **plain)
    assert done.returncode == 2
    assert b"names files in" in done.stderr
    assert b"set PYTHONUTF8=1" in done.stderr


def test_a_table_for_which_there_is_no_place_is_one_line(tmp_path):
    from qfb_gpu._cli.text import _give
    from qfb_gpu.errors import ConfigError

    with pytest.raises(ConfigError, match=r"--out .* cannot be written .*; give a file"):
        _give(pa.table({"a": [1]}), tmp_path)
