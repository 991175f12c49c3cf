"""Rows put in place of some customers': by page or as a whole, the rows that they have now."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfb_gpu.lake import gold, pages
from qfb_gpu.lake import splice as splicing
from qfb_gpu.lake.splice import read_new, splice
from qfb_gpu.lake.texts import hash_texts

CUSTOMERS = [f"c{i:02}" for i in range(40)]
KEYS = dict(zip(CUSTOMERS, hash_texts(pa.array(CUSTOMERS)).tolist(), strict=True))
PAGE = 16


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(pages, "ROWS", PAGE)
    monkeypatch.setattr(pages, "FEW", 2)


def part(counts, night):
    """Return a part's rows: so many of each customer, by ascending key."""
    ids = [who for who in sorted(counts, key=KEYS.get) for _ in range(counts[who])]
    number = np.arange(len(ids))
    return pa.table({
        "customer_id": pa.array(ids, pa.string()),
        "txn_id": pa.array([f"{night}-{i}" for i in number], pa.string()),
        "role": pa.array([[None, "regular", f"of {night}"][i % 3] for i in number], pa.string()),
        "amount": pa.array(number * 1.5, mask=number % 4 == 0),
    })  # fmt: skip


def plain(table):
    return table.cast(pa.schema([(f.name, f.type) for f in part({}, "").schema])).combine_chunks()


counts = st.dictionaries(st.sampled_from(CUSTOMERS), st.integers(1, 2 * PAGE), max_size=30)


@settings(max_examples=80, deadline=None)
@given(before=counts, now=counts, gone=st.sets(st.sampled_from(CUSTOMERS), max_size=2))
def test_customers_have_the_rows_they_have_now(tmp_path_factory, before, now, gone):
    folder = tmp_path_factory.mktemp("splice")
    now = dict(sorted(now.items())[:3])
    changed = {*now, *gone} or {CUSTOMERS[0]}
    gold.write_part(folder / "old", part(before, "old"))
    others = {"c39": 5} if "c39" not in changed else {}
    gold.write_part(folder / "new", part(now | others, "new"))
    keys = np.sort(np.array([KEYS[who] for who in changed], np.int64))
    n_rows = splice(folder / "old", [read_new(folder / "new")], keys, folder / "spliced")
    rows = {who: [] for who in CUSTOMERS}
    for row in part(before, "old").to_pylist():
        rows[row["customer_id"]] += [row] if row["customer_id"] not in changed else []
    for row in part(now | others, "new").to_pylist():
        rows[row["customer_id"]] += [row] if row["customer_id"] in changed else []
    wanted = [row for who in sorted(rows, key=KEYS.get) for row in rows[who]]
    found = pq.read_table(folder / "spliced")
    assert n_rows == len(wanted)
    assert plain(found).to_pylist() == wanted


def test_few_customers_leave_most_pages_as_they_are(tmp_path, monkeypatch):
    gold.write_part(tmp_path / "old", part(dict.fromkeys(CUSTOMERS, 20), "old"))
    gold.write_part(tmp_path / "new", part({"c07": 3}, "new"))
    monkeypatch.setattr(splicing, "_merged", None)  # it is not asked
    keys = np.array([KEYS["c07"]], np.int64)
    n_rows = splice(tmp_path / "old", [read_new(tmp_path / "new")], keys, tmp_path / "spliced")
    assert n_rows == 39 * 20 + 3
    whole, now = (pages.opened((tmp_path / name).read_bytes()) for name in ("old", "spliced"))
    old, new = ({bytes(p.data) for p in one.columns["txn_id"].pages} for one in (whole, now))
    assert len(old & new) >= whole.n_pages - 3


def test_a_column_that_new_rows_lack_is_the_customers_old_one(tmp_path):
    gold.write_part(tmp_path / "old", part(dict.fromkeys(CUSTOMERS, 20), "old"))
    gold.write_part(tmp_path / "new", part({"c07": 3}, "new").drop_columns("amount"))
    keys = np.array([KEYS["c07"]], np.int64)
    splice(tmp_path / "old", [read_new(tmp_path / "new")], keys, tmp_path / "spliced")
    old, now = (pq.read_table(tmp_path / name) for name in ("old", "spliced"))
    first = next(row for row in old.to_pylist() if row["customer_id"] == "c07")
    mine = [row for row in now.to_pylist() if row["customer_id"] == "c07"]
    assert [row["amount"] for row in mine] == [first["amount"]] * 3


def test_customers_of_whom_nothing_is_left_are_shown_as_gone(tmp_path):
    gold.write_part(tmp_path / "old", part({"c01": 2, "c02": 1}, "old"))
    shown, keys = [], np.array([KEYS["c01"]], np.int64)
    target = tmp_path / "spliced"
    n_rows = splice(tmp_path / "old", [], keys, target, lambda *tables: shown.append(tables))
    [(gone, come)] = shown
    assert (n_rows, gone.num_rows, come.num_rows) == (1, 2, 0)
    assert pq.read_table(target)["customer_id"].to_pylist() == ["c02"]
