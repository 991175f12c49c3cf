"""Upkeep: the same rows in fewer files, and nothing deleted that a reader needs."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from full_disk import files_end_at
from typer.testing import CliRunner

from qfb_gpu import cli
from qfb_gpu.cli import app
from qfb_gpu.config import build_config
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.lake import delta, gold, lock
from qfb_gpu.lake import maintain as upkeep
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.lake.maintain import maintain


@pytest.fixture
def out(tmp_path):
    """Return an output folder with a gold table of many files, and what a dead run left."""
    made = tmp_path / "made"
    made.mkdir()
    for night in range(2):
        parts = []
        for number in range(20):
            parts.append(made / f"{night}-{number}.parquet")
            values = np.arange(5) + 100 * number + 10_000 * night
            pq.write_table(pa.table({"x": values, "t": [f"t{v}" for v in values]}), parts[-1])
        publication = gold.Publication(f"run{night}", night + 1)
        gold.publish(tmp_path / "out", "things", parts, publication)
    work = tmp_path / "out" / "lake" / "transactions" / "_ingest"
    work.mkdir(parents=True)
    (work / "spill.rows").write_bytes(b"x" * 5000)
    return tmp_path / "out"


def files(out):
    return {path.relative_to(out): path.stat().st_size for path in out.rglob("*") if path.is_file()}


def test_a_dry_run_says_what_would_be_done_and_does_nothing(out):
    before = files(out)
    said = CliRunner().invoke(app, ["maintain", str(out), "--dry-run"])
    assert "things: 20 files into 1" in said.output
    assert "leftovers: 1 file deleted, 5 KiB" in said.output
    assert "would free 5 KiB" in said.output
    after = files(out)
    assert {p: n for p, n in after.items() if p.name != ".lock"} == before


def test_rows_their_order_and_the_run_stay(out):
    before = gold.read(out, "things")
    note = delta.last_note(out / "things")["run_id"]
    (things, left) = maintain(out)
    assert (things.n_compacted, things.n_into) == (20, 1)
    assert (left.n_deleted, left.n_bytes) == (1, 5000)
    assert gold.read(out, "things").equals(before)
    assert len(delta.table_files(out / "things")) == 1
    assert delta.last_note(out / "things")["run_id"] == note
    old = DeltaTable(str(out / "things"), version=1)
    assert pa.table(old.to_pyarrow_table()).num_rows == 100  # who reads the old version goes on
    again = maintain(out)
    assert sum(one.n_compacted for one in again) == 0
    gold.publish(out, "things", [out.parent / "made" / "0-1.parquet"], gold.Publication("run2", 3))
    assert gold.read(out, "things").num_rows == 5


@pytest.mark.parametrize("n_into", [2, 3, 9])
def test_large_tables_become_several_files_in_the_order_of_their_rows(out, n_into, monkeypatch):
    before = gold.read(out, "things")
    sizes = [path.stat().st_size for path in delta.table_files(out / "things")]
    monkeypatch.setattr(upkeep, "_SMALL_BYTES", -(-sum(sizes) // n_into))
    (things, _) = maintain(out)
    made = delta.table_files(out / "things")
    assert (things.n_compacted, things.n_into) == (20, len(made))
    assert n_into - 2 <= len(made) <= n_into  # all but the last are of as many small ones
    assert gold.read(out, "things").equals(before)
    rows = [pq.read_table(path).num_rows for path in made]
    assert sum(rows) == before.num_rows
    assert len({*rows[:-1]}) == 1
    assert maintain(out)[0].n_compacted == 0


@pytest.mark.parametrize(("n_files", "is_done"), [(8, False), (9, True)])
def test_a_table_of_a_few_files_is_left_alone(tmp_path, n_files, is_done):
    parts = [tmp_path / f"{n}.parquet" for n in range(n_files)]
    for n, part in enumerate(parts):
        pq.write_table(pa.table({"x": [n]}), part)
    gold.publish(tmp_path / "out", "things", parts, gold.Publication("run", 1))
    (things, _) = maintain(tmp_path / "out")
    assert things.n_compacted == n_files * is_done
    assert gold.read(tmp_path / "out", "things")["x"].to_pylist() == list(range(n_files))


def test_what_no_version_needs_is_deleted(out):
    orphan = out / "things" / "part-000009-00000.parquet"
    orphan.write_bytes(b"left by a run that died")
    (things, _) = maintain(out)
    assert not orphan.exists()
    assert things.n_deleted >= 1


def test_a_folder_that_cannot_be_written_can_be_looked_at(out, monkeypatch):
    """``--dry-run`` asked for a writable folder."""

    def read_only(_folder):
        msg = "output: cannot write in it"
        raise ConfigError(msg)

    monkeypatch.setattr(lock, "check_writable", read_only)
    assert sum(one.n_bytes for one in maintain(out, dry_run=True)) == 5000
    with pytest.raises(ConfigError):
        maintain(out)


def test_tables_of_others_are_left_alone(out, tmp_path):
    """Their history was deleted: files that only older versions hold."""
    for folder in (out / "theirs", tmp_path / "bank" / "payments"):
        for n in range(3):
            write_deltalake(str(folder), pa.table({"x": [n]}), mode="overwrite")
    before = files(out / "theirs")
    assert [one.name for one in maintain(out)] == ["things", "leftovers"]
    assert files(out / "theirs") == before
    with pytest.raises(InputError, match="holds no table of a run"):
        maintain(tmp_path / "bank")


@pytest.mark.parametrize("name", ["contract_payments", "lake/transactions", "segments"])
def test_a_night_does_not_write_over_a_banks_table(tmp_path, name):
    """With ``output`` where the sources are; gold and silver have names that sources have, too."""
    rows = {"customer_id": ["C1"], "date": [dt.date(2024, 1, 1)], "amount": [1.5]}
    for _ in range(3):
        write_deltalake(str(tmp_path / name), pa.table(rows), mode="overwrite")
    before = files(tmp_path)
    pq.write_table(pa.table(rows), tmp_path / "t.parquet")
    raw = {"as_of": dt.date(2024, 12, 31), "output": ".",
           "sources": {"transactions": {"path": "t.parquet"}}}  # fmt: skip
    with pytest.raises(ConfigError, match=rf"{name} is a Delta table that qfb did not write"):
        ingest(build_config(raw, base=tmp_path, where="test"))
    assert {path: n for path, n in files(tmp_path).items() if path in before} == before


def test_a_folder_that_is_no_runs_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no table of a run"):
        maintain(tmp_path)


def test_runs_stay_in_their_order(tmp_path):
    for number in range(1, 13):
        row = {"run_id": f"r{number}", "n_payments": number}
        gold.append_run(tmp_path, row, gold.Publication(f"r{number}", number))
    maintain(tmp_path)
    gold.append_run(tmp_path, {"run_id": "r13"}, gold.Publication("r13", 13))
    wanted = [f"r{number}" for number in range(1, 14)]
    assert gold.read(tmp_path, "runs").column("run_id").to_pylist() == wanted
    assert gold.last_run(tmp_path) == "r13"


def test_on_a_full_disk_what_nothing_needs_goes_first_and_a_line_names_the_table(
    out, monkeypatch, capsys
):
    """It ended with exit code 1 without a name, had freed nothing, and kept half a file."""
    orphan, draft = (out / "things" / f"part-000009-00000.parquet{end}" for end in ("", ".tmp"))
    for file in (orphan, draft):
        file.write_bytes(b"left by a run that died")
    before = gold.read(out, "things")
    monkeypatch.setattr("sys.argv", ["qfb", "maintain", str(out)])
    with files_end_at(400), pytest.raises(SystemExit) as stopped:
        cli.main()
    said = capsys.readouterr().err
    assert (stopped.value.code, said.count("\n")) == (2, 1)
    assert f"qfb: {out / 'things'}" in said
    assert "see to that and run the same command again" in said
    assert not orphan.exists()
    assert not draft.exists()
    assert not (out / "lake" / "transactions" / "_ingest" / "spill.rows").exists()
    assert gold.read(out, "things").equals(before)
    assert len(list((out / "things").glob("*.parquet*"))) == 40  # of the newest two versions
    assert maintain(out)[0].n_compacted == 20
    assert gold.read(out, "things").equals(before)
