"""Small files cleaned together: each row, each reject and each file's counts as by themselves."""

import datetime as dt
import json

import pytest
from deltalake import DeltaTable

from qfb_gpu.config import build_config
from qfb_gpu.lake import gold, job
from qfb_gpu.lake import manifest as state
from qfb_gpu.lake.ingest import ingest

HEADER = "txn_id,customer_id,date,amount,direction,memo"
ODD = {
    3: "t{n},C1,2024-02-30,5,in,no day",
    7: "t{n},C1,2024-01-05,1.005,in,to be rounded",
    11: "t0-0,C0,2024-01-01,1.00,in,there already",
    13: "t{n},,2024-01-05,5,in,",
    17: "t{n},C1,2024-01-05,5,?,no such word",
    19: "t{n},C1,2024-01-05,5,in,left out",
    23: ",,,,,",
    29: "t{n},C1,2024-01-05",
}
"""Every so many rows one of these."""


def lines_of(file, n_rows):
    """Return the rows of a small file, some of them odd."""
    for row in range(n_rows):
        n = file * 100 + row
        odd = next((text for every, text in ODD.items() if n % every == 1), None)
        usual = f"t{file}-{row},C{n % 5},2024-{n % 12 + 1:02d}-01,{n}.00,out,memo {n}"
        yield odd.format(n=n) if odd else usual


def written(folder):
    """Write forty small files, in three layouts; one is empty, one has a quote."""
    for file in range(40):
        header, lines = HEADER.split(","), list(lines_of(file, file % 9 * 5))
        if file % 10 == 4:
            header = header[::-1]
            lines = [",".join(line.split(",")[::-1]) for line in lines]
        if file == 8:
            lines.append('tq,C1,2024-01-05,5,in,"a, b\nc"')
        name = folder / "in" / f"{file:02d}.csv"
        name.write_text("\n".join([",".join(header), *lines]) + "\n", encoding="utf-8")


@pytest.fixture
def ingested(tmp_path):
    """Ingest the files into a folder of its own; return its manifest, rejects and rows."""
    (tmp_path / "in").mkdir()
    written(tmp_path)

    def call(name, **part):
        source = {"path": "in", "rounding": "half_even", **part, "exclude": [
            {"column": "memo", "values": ["left out"], "reason": "told so"}]}  # fmt: skip
        raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu", "n_buckets": 2, "output": name,
               "sources": {"transactions": source}}  # fmt: skip
        config = build_config(raw, base=tmp_path, where="test")
        ingest(config)
        lake = config.output_dir / "lake" / "transactions"
        rows = DeltaTable(str(lake)).to_pyarrow_table().to_pylist()
        rejects = gold.read(config.output_dir, "rejects").to_pylist()
        found = state.load(lake)
        return json.dumps([found.files, found.counts]), rejects, rows

    return call


def test_files_that_are_cleaned_together_are_as_by_themselves(ingested, monkeypatch):
    sizes = []
    clean = job.clean

    def counted(batch, plan):
        sizes.append(len(batch.files))
        return clean(batch, plan)

    monkeypatch.setattr(job, "clean", counted)
    together = ingested("together")
    n_together, sizes[:] = len(sizes), []
    monkeypatch.setattr(job, "joined", lambda batches, _n_rows: batches)
    alone = ingested("alone")
    assert together == alone
    assert len(together[1]) > 40
    assert {*sizes} == {0}
    assert n_together < 30 <= len(sizes)


def test_files_with_steps_of_preparation_are_not_joined(ingested, monkeypatch):
    steps = [{"op": "strip_chars", "column": "memo", "into": "memo", "chars": "*#"}]
    together = ingested("together", prepare=steps)
    monkeypatch.setattr(job, "joined", lambda batches, _n_rows: batches)
    assert together == ingested("alone", prepare=steps)


def test_a_file_a_day_costs_no_batch_a_day(tmp_path, monkeypatch):
    """Each took as long as some ten thousand rows: 731 days five times as long as one file."""
    (tmp_path / "in").mkdir()
    for day in range(50):
        line = f"t{day},C{day},2024-01-01,5.00,in,memo\n"
        (tmp_path / "in" / f"{day}.csv").write_text(f"{HEADER}\n{line}", encoding="utf-8")
    calls = []
    clean = job.clean
    monkeypatch.setattr(job, "clean", lambda *item: calls.append(item) or clean(*item))
    raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu",
           "sources": {"transactions": {"path": "in"}}}  # fmt: skip
    assert ingest(build_config(raw, base=tmp_path, where="test")).n_rows == 50
    assert len(calls) == 1
