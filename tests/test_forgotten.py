"""A customer whose rows left the sources is in no file of the lake: not even in a dictionary."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfb_gpu.config import build_config
from qfb_gpu.errors import InputError
from qfb_gpu.lake import silver
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.lake.maintain import maintain

GONE = ["GONE-CUSTOMER", "GONE-PARTY", "GONE-MEMO"]


def payments(n_others, *, with_gone):
    who = [f"c{n}" for n in range(n_others)] + ["GONE-CUSTOMER"] * with_gone
    n = len(who)
    return pa.table({
        "txn_id": [f"t{i}" for i in range(n)], "customer_id": who,
        "counterparty_id": [f"p{i}" for i in range(n_others)] + ["GONE-PARTY"] * with_gone,
        "date": [dt.date(2024, 1, 1 + i % 28) for i in range(n)], "amount": [1.5] * n,
        "memo": ["rent"] * n_others + ["GONE-MEMO"] * with_gone,
    })  # fmt: skip


def files_with(folder, words):
    found = set()
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        said = path.read_bytes()
        if path.suffix == ".parquet":  # ids and texts may be packed
            said += str(pq.read_table(path).to_pylist()).encode()
        found |= {(path.relative_to(folder).as_posix(), w) for w in words if w.encode() in said}
    return sorted(found)


@pytest.mark.parametrize("n_buckets", [1, 4])
def test_a_customer_who_left_the_sources_is_in_no_file(tmp_path, n_buckets):
    raw = {"as_of": "2024-12-31", "device": "cpu", "n_buckets": n_buckets,
           "sources": {"transactions": {"path": "in"}}}  # fmt: skip
    config = build_config(raw, base=tmp_path, where="test")
    (tmp_path / "in").mkdir()
    pq.write_table(payments(40, with_gone=0), tmp_path / "in/a.parquet")
    pq.write_table(payments(9, with_gone=3), tmp_path / "in/b.parquet")
    ingest(config)
    silver_dir = tmp_path / "out/lake/transactions"
    assert {word for _, word in files_with(silver_dir, GONE)} == set(GONE)
    pq.write_table(payments(9, with_gone=0), tmp_path / "in/b.parquet")
    ingest(config)
    newest = {p.as_posix() for p in silver_dir.rglob("part-000002*")}
    assert newest
    assert not [found for found in files_with(silver_dir, GONE) if "part-000002" in found[0]]
    maintain(tmp_path / "out")  # who reads the version before is not cut off
    assert files_with(silver_dir, GONE)
    rows = pq.read_table(silver_dir).num_rows
    maintain(tmp_path / "out", newest_only=True)
    assert files_with(tmp_path / "out", GONE) == []
    assert pq.read_table(silver_dir).num_rows <= rows
    assert {p.as_posix() for p in silver_dir.rglob("part-000002*")} == newest
    ingest(config)  # and the lake goes on


def test_the_version_before_stays_while_a_night_waits_to_go_on(tmp_path):
    raw = {"as_of": "2024-12-31", "sources": {"transactions": {"path": "p.parquet"}}}
    pq.write_table(payments(3, with_gone=0), tmp_path / "p.parquet")
    ingest(build_config(raw, base=tmp_path, where="test"))
    (tmp_path / "out/.work/abc").mkdir(parents=True)
    (tmp_path / "out/.work/abc/lake.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="night abc was stopped; run it to its end"):
        maintain(tmp_path / "out", newest_only=True)
    maintain(tmp_path / "out")


@given(st.lists(st.none() | st.sampled_from("abcdef"), max_size=12), st.integers(0, 2**12 - 1))
def test_unused_texts_go_and_rows_stay(texts, bits):
    coded = pa.array(texts, pa.string()).dictionary_encode()
    keep = pa.array([bool(bits >> i & 1) for i in range(len(texts))], pa.bool_())
    table = pa.table({"t": coded, "n": np.arange(len(texts))}).filter(keep)
    found = silver.without_unused(table)
    assert found.schema == table.schema
    assert found.to_pylist() == table.to_pylist()
    left = found.column("t").combine_chunks().dictionary.to_pylist()
    assert sorted(left) == sorted({t for t in table["t"].to_pylist() if t is not None})
