"""Pieces of a night that went or broke: made anew, or one line says what to do."""

import datetime as dt
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from qfb_gpu import cli
from qfb_gpu._schema import output
from qfb_gpu.config import build_config
from qfb_gpu.errors import ConfigError, InputError, RunInterruptedError
from qfb_gpu.lake import delta, gold, places
from qfb_gpu.models import store, versions
from qfb_gpu.pipeline import run

AS_OF = dt.date(2024, 12, 31)
LINES = [f"t{i},C{i % 4},P{i % 3},2024-{1 + i // 8:02d}-{5 + i % 8:02d},{100 + i % 4}.00,out"
         for i in range(96)]  # fmt: skip
pytestmark = pytest.mark.usefixtures("no_mlflow")


def config_of(folder, as_of=AS_OF):
    raw = {"as_of": as_of, "device": "cpu", "workers": 1,
           "sources": {"transactions": {"path": "t.csv"}}}  # fmt: skip
    return build_config(raw, base=folder, where="test")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lost")
    header = "txn_id,customer_id,counterparty_id,date,amount,direction"
    (folder / "t.csv").write_text("\n".join([header, *LINES]) + "\n", encoding="utf-8")
    run(config_of(folder))
    return folder


@pytest.fixture
def night(whole, tmp_path):
    shutil.copytree(whole, tmp_path / "night")
    return tmp_path / "night"


def tables_of(folder):
    return {name: gold.read(folder / "out", name) for name in gold.tables(folder / "out")}


def test_what_was_lost_of_the_same_night_is_made_anew(whole, night):
    """It used to say that the tables are current."""
    assert run(config_of(night)).unchanged
    (night / "out" / "report.html").unlink()
    shutil.rmtree(night / "out" / "segments")
    next((night / "out" / "expected_payments").glob("*.parquet")).unlink()
    next((night / "out" / "graph_nodes").glob("*.parquet")).write_bytes(b"PAR1")
    again = run(config_of(night))
    assert {*again.why_anew.split(", ")} == {
        "segments", "expected_payments", "graph_nodes", "report.html"
    }  # fmt: skip
    assert (night / "out" / "report.html").is_file()
    made, before = tables_of(night), tables_of(whole)
    assert [name for name in before if not made[name].equals(before[name])] == []
    assert run(config_of(night)).unchanged


@pytest.mark.parametrize("broken", ["segments", "lake/transactions"])
def test_a_log_that_cannot_be_read_is_one_line(night, broken, monkeypatch, capsys):
    """It was a backtrace of thirty lines, and the advice to run again."""
    for file in (night / "out" / broken / "_delta_log").glob("*.json"):
        file.write_text("garbage")
    (night / "qfb.toml").write_text(
        f"as_of = {AS_OF}\ndevice = 'cpu'\n[sources.transactions]\npath = 't.csv'\n",
        encoding="utf-8",
    )
    monkeypatch.setattr("sys.argv", ["qfb", "run", str(night / "qfb.toml")])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    said = capsys.readouterr().err
    assert (stopped.value.code, said.count("\n")) == (2, 1)
    assert f"{broken}: its Delta log cannot be read" in said
    assert "delete that folder" in said


@pytest.mark.parametrize("begun", ["contagion", "runs", "lake/transactions", "rejects"])
def test_a_table_that_was_only_begun_is_none(whole, tmp_path, begun):
    """A disk that was full at its first commit left a log without one; no night went on then."""
    shutil.copyfile(whole / "t.csv", tmp_path / "t.csv")
    log = tmp_path / "out" / begun / "_delta_log"
    log.mkdir(parents=True)
    (log / "00000000000000000000.json#1").write_bytes(b"")  # as delta-rs leaves its draft
    (log.parent / "part-000001-00000.parquet").write_bytes(b"PAR1")
    assert gold.tables(tmp_path / "out") == []
    assert not run(config_of(tmp_path)).unchanged
    made, before = tables_of(tmp_path), tables_of(whole)
    del made["runs"], before["runs"]
    assert [name for name in before if not made[name].equals(before[name])] == []


@pytest.mark.parametrize("broken", ["lake/transactions", "customer_profiles"])
def test_a_broken_file_is_named_and_what_holds_it(night, broken):
    """Of the profiles, because segments and tiers go on from those of the night before."""
    for file in (night / "out" / broken).rglob("*.parquet"):
        if "_ingest" not in file.parts:
            file.write_bytes(b"garbage")
    with pytest.raises(InputError, match=rf"lost or broken .*; delete \S+/{broken} and run again"):
        run(config_of(night, AS_OF - dt.timedelta(days=1)))
    shutil.rmtree(night / "out" / broken)
    assert not run(config_of(night, AS_OF - dt.timedelta(days=1))).unchanged


def test_a_file_is_not_called_broken_where_a_process_may_open_no_more(tmp_path):
    path = tmp_path / "part.parquet"
    pq.write_table(pa.table({"a": [1]}), path)
    assert delta.open_file(path).metadata.num_rows == 1
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, before[1]))
    try:
        with pytest.raises(InputError) as told:
            delta.open_file(path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert "ulimit -n" in str(told.value)
    assert "delete" not in str(told.value)


def test_a_log_is_not_called_broken_where_a_process_may_open_no_more(tmp_path):
    """By Python, which lists the log, or by delta-rs, whose errors have a number in words alone."""
    for _ in range(8):  # several commits are read at once
        write_deltalake(str(tmp_path), pa.table({"a": [1]}), mode="append")
    delta.open_table(tmp_path)
    n_open = max(int(one.name) for one in Path("/proc/self/fd").iterdir()) + 1
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    said = []
    for limit in range(3, n_open + 4):
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
        try:
            delta.open_table(tmp_path)
        except InputError as error:
            said.append(str(error))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert {"Errno 24" in one for one in said} == {True, False}
    assert all("ulimit -n" in one and "delete" not in one and "\n" not in one for one in said)


def test_every_folder_that_a_night_makes_is_one_that_is_looked_at_before_it(whole):
    out = whole / "out"
    known = {*(out / name for name in output.FOLDERS), *places.tables_of(out)}
    made = {one for folder in (out, out / "lake") for one in folder.iterdir() if one.is_dir()}
    assert out / "lake" / "carried" in made
    assert made <= known


@pytest.mark.parametrize(
    "name",
    [".work", "mlartifacts", "lake", "lake/kept", "lake/carried", "lake/transactions", "contagion",
     "models/text"],
)  # fmt: skip
def test_a_file_where_a_night_has_a_folder_is_named_before_it_begins(tmp_path, whole, name):
    """A night stopped at its very end, each time, and said that it can go on."""
    shutil.copyfile(whole / "t.csv", tmp_path / "t.csv")
    (tmp_path / "out" / name).parent.mkdir(parents=True)
    (tmp_path / "out" / name).write_text("x", encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"out/{name} is a file, where .* move it away"):
        run(config_of(tmp_path))
    assert not (tmp_path / "out" / "runs").exists()


def test_a_folder_in_the_place_of_the_report_is_named_before_a_night_begins(night):
    (night / "out" / "report.html").unlink()
    (night / "out" / "report.html").mkdir()
    with pytest.raises(ConfigError, match=r"report.html is a folder, .* move it away"):
        run(config_of(night, AS_OF - dt.timedelta(days=1)))


def test_a_manifest_that_cannot_be_read_is_named(night):
    for file in (night / "out" / "lake" / "transactions" / "_ingest").glob("manifest*"):
        file.write_text("{")
    with pytest.raises(InputError, match=r"is no manifest .* delete .*transactions and run again"):
        run(config_of(night))


@pytest.fixture(scope="module")
def known_store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    with store.opened(folder) as client:
        assert store.experiment(client, folder)
    return (folder / "mlflow.db").read_bytes()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda known: known[:20_000], "is a damaged database"),
        (lambda known: known[:90], "is a damaged database"),
        (lambda known: known[:4096] + os.urandom(len(known) - 4096), "is a damaged database"),
        (lambda known: known[:-40_960] + bytes(40_960), "is a damaged database"),
        (lambda _known: b"garbage", "is no SQLite database any more"),
        (None, "is a folder"),
    ],
)
def test_a_store_that_cannot_be_opened_is_named_before_a_night_begins(
    night, known_store, damage, words
):
    """It was a traceback, or a night that said it can go on and stopped there each time."""
    database = night / "out" / "mlflow.db"
    if damage is None:
        database.mkdir()
    else:
        database.write_bytes(damage(known_store))
    before = sorted(path.name for path in (night / "out").iterdir())
    with pytest.raises(InputError, match=rf"mlflow.db: {words}.*move it away"):
        run(config_of(night, AS_OF - dt.timedelta(days=1)))
    with pytest.raises(InputError, match=words):
        versions.versions(night / "out")
    assert {*(p.name for p in (night / "out").iterdir())} <= {*before, ".lock"}


def test_a_store_that_is_whole_or_not_yet_begun_stops_nothing(tmp_path, known_store):
    store.refuse_damaged(tmp_path)
    for content in (b"", known_store):
        (tmp_path / "mlflow.db").write_bytes(content)
        store.refuse_damaged(tmp_path)


@pytest.mark.parametrize("words", ["database or disk is full", "database is locked"])
def test_a_store_that_cannot_be_written_is_one_line_of_any_command(
    tmp_path, monkeypatch, capsys, words
):
    """It was a traceback through MLflow and SQLAlchemy."""
    with store.opened(tmp_path) as client:
        client.create_registered_model("churn")
        kind = type(client)

    def full(*_arguments, **_named):
        raise RuntimeError("of MLflow") from sqlite3.OperationalError(words)

    monkeypatch.setattr(kind, "search_registered_models", full)
    monkeypatch.setattr("sys.argv", ["qfb", "models", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    said = capsys.readouterr().err
    assert (stopped.value.code, said.count("\n")) == (2, 1)
    assert f"mlflow.db: {words}; see to that and run the same command again" in said


def test_a_page_that_is_broken_where_nobody_looked_is_said_of_the_store(tmp_path):
    with (
        pytest.raises(InputError, match=r"damaged database \(malformed\).*move it away"),
        store.opened(tmp_path),
    ):
        raise sqlite3.DatabaseError("malformed")


PanicException = type("PanicException", (BaseException,), {})  # as pyo3_runtime has it


def panics(*_arguments, **_named):
    raise PanicException("called `Option::unwrap()` on a `None` value")


def test_a_panic_of_delta_rs_stops_a_night_in_words(night, whole, monkeypatch):
    """It is no Exception: it was a backtrace, and workers were not told to end."""
    other = config_of(night, AS_OF - dt.timedelta(days=1))
    with monkeypatch.context() as patch:
        patch.setattr("deltalake.DeltaTable.create_write_transaction", panics)
        with pytest.raises(RunInterruptedError, match=r"delta-rs broke off: .*run the same"):
            run(other)
    with monkeypatch.context() as patch:
        patch.setattr("qfb_gpu.pipeline.decide", panics)
        with pytest.raises(RunInterruptedError, match="PanicException: .*run the same command"):
            run(other)
    assert not run(other).unchanged
    assert run(other).unchanged
    with monkeypatch.context() as patch:
        patch.setattr("deltalake.DeltaTable.__init__", panics)
        with pytest.raises(InputError, match="runs: its Delta log cannot be read .delta-rs broke"):
            delta.open_table(night / "out" / "runs")
    del whole


def test_a_panic_in_any_command_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["qfb", "check", "x.toml"])
    monkeypatch.setattr(cli, "load", panics)
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    said = capsys.readouterr().err
    assert (stopped.value.code, said.count("\n")) == (1, 1)
    assert "a library broke off (called `Option::unwrap()`" in said


def test_a_store_that_was_half_made_is_none(tmp_path, monkeypatch):
    """A disk that was full at MLflow's migrations left one that no later night could finish."""
    made = store._client

    def dies(database):
        database.write_bytes(b"SQLite format 3\0 half")
        database.with_name(f"{database.name}-journal").write_bytes(b"of that")
        raise OSError("no room")

    monkeypatch.setattr(store, "_client", dies)
    with pytest.raises(OSError, match="no room"), store.opened(tmp_path):
        pass
    assert not store.exists(tmp_path)
    monkeypatch.setattr(store, "_client", made)
    with store.opened(tmp_path) as client:
        assert store.experiment(client, tmp_path)
    assert store.exists(tmp_path)


def test_a_store_that_cannot_be_made_is_a_line_without_its_sql(tmp_path, monkeypatch):
    """It was a page of CREATE TABLE."""

    def full(_database):
        raise RuntimeError("[SQL: CREATE TABLE runs]") from sqlite3.OperationalError("disk full")

    monkeypatch.setattr(store, "_client", full)
    with pytest.raises(OSError, match="disk full: '.*mlflow.db'"), store.opened(tmp_path):
        pass


DIES = """
import os, sqlite3, sys
store = sqlite3.connect(sys.argv[1])
store.execute("PRAGMA cache_size = 5")  # so what is changed goes to the file before it is certain
store.execute("CREATE TABLE t (x)")
store.executemany("INSERT INTO t VALUES (?)", [("before" * 50,)] * 2000)
store.commit()
store.execute("UPDATE t SET x = 'after'")
os._exit(9)
"""


def test_a_copy_of_a_store_whose_writer_was_killed_is_as_it_was_before(tmp_path):
    """A replay took the file without the journal beside it: half of what was changed, and not."""
    (tmp_path / "copy").mkdir()
    database = tmp_path / "mlflow.db"
    subprocess.run([sys.executable, "-c", DIES, str(database)], check=False)
    assert database.with_name("mlflow.db-journal").stat().st_size
    store.copy(tmp_path, tmp_path / "copy")
    with closing(sqlite3.connect(tmp_path / "copy" / "mlflow.db")) as copied:
        assert copied.execute("SELECT DISTINCT x FROM t").fetchall() == [("before" * 50,)]


def test_the_store_follows_its_folder(tmp_path, monkeypatch):
    """A copy of a night used to write its reports and models into the folder it was copied from."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    with store.opened(here) as client:
        of_first = client.create_run(store.experiment(client, here)).info
    shutil.copytree(here, there)
    (there / "report.html").write_text("second night", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with store.opened(Path("there")) as client:  # `qfb models there` ended in a traceback
        experiment = store.experiment(client, there)
        run_id = client.create_run(experiment).info.run_id
        client.log_artifact(run_id, str(there / "report.html"))
        moved = client.get_run(of_first.run_id).info.artifact_uri
        assert (
            client.get_experiment(experiment).artifact_location == (there / "mlartifacts").as_uri()
        )
    assert [f.read_text() for f in there.rglob("artifacts/report.html")] == ["second night"]
    assert not list(here.rglob("report.html"))
    assert moved == of_first.artifact_uri.replace("/here/", "/there/")


@pytest.mark.parametrize("name", ["50%20more", "what?", "no#1", "a\\b", "two\nlines"])
def test_folders_whose_name_is_read_as_an_address_are_refused(tmp_path, name):
    """The first ended in 'File not found' midway, as the last did, others wrote elsewhere."""
    raw = {"as_of": AS_OF, "output": name, "sources": {"transactions": {"path": "t.csv"}}}
    with pytest.raises(ConfigError, match="give a folder without it"):
        build_config(raw, base=tmp_path, where="test")
    assert build_config({**raw, "output": "50% 多"}, base=tmp_path, where="test").output == "50% 多"


def test_a_folder_whose_name_is_too_long_for_a_database_is_refused(tmp_path):
    """SQLite takes 512 bytes: a night stopped at its end, each time, and said that it can go on."""
    beside = len(str(tmp_path)) + 1
    raw = {"as_of": AS_OF, "sources": {"transactions": {"path": "t.csv"}}}
    for n, is_long in ((480 - beside, False), (481 - beside, True)):
        name = "/".join(["x" * 99] * 9)[:n]
        if is_long:
            with pytest.raises(ConfigError, match="'output': the folder's name is 481 bytes long"):
                build_config({**raw, "output": name}, base=tmp_path, where="test")
            continue
        output = build_config({**raw, "output": name}, base=tmp_path, where="test").output_dir
        output.mkdir(parents=True)
        with store.opened(output) as client:
            assert store.experiment(client, output)


@pytest.mark.parametrize("how", ["time.sleep(60)", "exec('time.sleep(60)')"])
@pytest.mark.parametrize(
    "asked",
    [signal.SIGINT, signal.SIGTERM, signal.SIGHUP],
    ids=["Ctrl-C", "a scheduler", "a connection that ends"],
)
def test_who_is_stopped_says_how_to_go_on(asked, how, tmp_path):
    """They ended without a word, with 130, 143 and 129, whatever the help says of exit code 3.

    In a text that was being executed, as for a named tuple, with 130 after the word.
    """
    words = """
import signal, sys, time
from qfb_gpu import cli
from qfb_gpu._schema import output

def wait(*_, **__):
    sys.stdout.write("up")
    sys.stdout.flush()
    HOW

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and what nohup starts this one
cli._run, cli.load = wait, lambda *_: None
sys.argv = ["qfb", "run", "x.toml"]
cli.main()
"""
    (tmp_path / "asked.py").write_text(words.replace("HOW", how), encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-m", "asked"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={
            **os.environ,
            "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
        },
    ) as process:
        assert process.stdout.read(2) == b"up"
        time.sleep(0.1)  # until it sleeps
        process.send_signal(asked)
        said = process.communicate(timeout=30)[1]
    assert process.returncode == 3
    assert said == b"qfb: stopped; run the same command again to go on\n"


def test_a_user_without_a_folder_for_kernels_is_told_so(tmp_path):
    """A service's user without a home, and a package of root's: it was a traceback of 70 lines."""
    env = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator",
           "NUMBA_CACHE_DIR": "/dev/null/kernels"}  # fmt: skip
    (tmp_path / "qfb.toml").write_text(
        'as_of = 2024-12-31\n[sources.transactions]\npath = "x.csv"\n', encoding="utf-8"
    )
    command = [sys.executable, "-m", "qfb_gpu", "check", str(tmp_path / "qfb.toml")]
    said = subprocess.run(command, env={**os.environ, **env}, capture_output=True, check=False)
    assert (said.returncode, said.stderr.count(b"\n")) == (2, 1), said.stderr
    assert b"set NUMBA_CACHE_DIR to one" in said.stderr


def test_a_file_is_no_folder_for_a_portfolio(tmp_path, monkeypatch, capsys):
    (tmp_path / "there").write_text("", encoding="utf-8")
    monkeypatch.setattr(
        "sys.argv", ["qfb", "generate", "--customers", "2", "--out", str(tmp_path / "there")]
    )
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert (stopped.value.code, "is a file; give a folder" in capsys.readouterr().err) == (2, True)
