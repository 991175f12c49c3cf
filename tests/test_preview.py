"""What ``qfb check`` finds: every problem of every source, and nothing is written."""

from io import StringIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from qfb_gpu.config import build_config
from qfb_gpu.errors import InputError
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.lake.preview import preview
from qfb_gpu.report.show import render_preview

GOOD = {
    "txn_id": ["a", "b"],
    "customer_id": ["c", "c"],
    "date": ["2024-01-01", "2024-02-01"],
    "amount": ["1", "-2"],
}


@pytest.fixture
def check(tmp_path):
    def look(sources):
        raw = {"as_of": "2024-12-31", "device": "cpu", "sources": sources}
        found = preview(build_config(raw, base=tmp_path, where="test"))
        assert not (tmp_path / "out").exists()
        return found

    def write(name, columns=None):
        pq.write_table(pa.table(columns or GOOD), tmp_path / name)

    look.write = write
    return look


def test_a_good_source_is_described(check):
    check.write("p.parquet")
    (found,) = check({"transactions": {"path": "p.parquet", "constants": {"currency": "USD"}}})
    assert found.problems == []
    assert (found.where, found.n_files, found.n_rows) == ("sources.transactions", 1, 2)
    assert (found.n_read, found.n_kept, found.left_out) == (2, 2, {})
    assert "date = 'date'" in found.columns
    assert "currency is always 'USD'" in found.columns


def test_rows_that_a_step_makes_are_no_rows_left_out(check):
    check.write("p.parquet", {**GOOD, "direction": ["in|out", "in|sideways"]})
    step = {"op": "split_rows", "column": "direction", "separator": "|", "into": "direction",
            "place": "place"}  # fmt: skip
    (found,) = check({"transactions": {"path": "p.parquet", "prepare": [step]}})
    assert (found.n_read, found.n_made, found.n_kept) == (2, 2, 3)
    assert list(found.left_out.values()) == [1]
    shown = StringIO()
    assert render_preview([found], Console(file=shown, width=200))
    assert "of 2 rows and 2 rows made of them tried 3 can be kept" in shown.getvalue()


def test_all_problems_are_listed_not_only_the_first(check):
    check.write("p.parquet", {"id": ["a"], "customer": ["c"], "date": ["x"]})
    check.write("o.parquet", {"order_id": ["o"]})
    found = check({
        "transactions": {"path": "p.parquet"},
        "orders": {"path": "o.parquet"},
        "claims": {"path": "nowhere.parquet"},
        "open_banking": {"path": "p.parquet"},
    })  # fmt: skip
    assert [len(part.problems) for part in found] == [2, 1, 2, 1, 1]
    assert "no column 'customer_id'" in found[0].problems[0]
    assert "did you mean 'customer'?" in found[0].problems[0]
    assert "nowhere.parquet does not exist" in found[3].problems[0]
    assert found[1].where == "sources.open_banking (its transactions)"
    assert "p.parquet" in found[1].problems[0]


def test_rows_that_would_be_rejected_are_counted(check):
    check.write("p.parquet", {**GOOD, "amount": ["1", "much"]})
    (found,) = check({"transactions": {"path": "p.parquet"}})
    assert (found.n_read, found.n_kept) == (2, 1)
    assert found.left_out == {"rejected: amount is not a number": 1}


def test_the_parts_of_a_source_are_told_apart(check):
    check.write("a.parquet")
    found = check({"transactions": [{"path": "a.parquet"}, {"path": "b.parquet"}]})
    assert [part.where for part in found] == ["sources.transactions[0]", "sources.transactions[1]"]
    assert [bool(part.problems) for part in found] == [False, True]


def test_files_of_other_layouts_are_named(check):
    check.write("1.parquet")
    check.write("2.parquet", {**GOOD, "date": ["never", "never"]})
    check.write("3.parquet", {name: values for name, values in GOOD.items() if name != "amount"})
    (found,) = check({"transactions": {"path": "*.parquet"}})
    assert found.n_files == 3
    assert "3.parquet: no column 'amount'" in " ".join(found.problems)
    assert "2.parquet: none of its 2 rows can be kept" in " ".join(found.warnings)


UNDATED = {**GOOD, "date": ["never", "never"]}
MANY_UNDATED = {name: values * 50 for name, values in UNDATED.items()}


@pytest.mark.parametrize(
    ("first", "then", "is_taken"),
    [
        ([GOOD, UNDATED], [], True),
        ([GOOD, MANY_UNDATED], [], True),
        ([UNDATED, UNDATED], [], False),
        ([GOOD], [UNDATED], True),
        ([GOOD], [MANY_UNDATED], False),
        ([GOOD], [MANY_UNDATED, GOOD], True),
        ([GOOD, UNDATED], [UNDATED], True),
    ],
    ids=["two", "long", "none", "later", "later-long", "later-both", "twice"],
)
def test_check_stops_where_a_run_does_and_warns_where_that_rejects(tmp_path, first, then, is_taken):
    """One file of which no row can be kept: what ``ingest`` does of it is what is foreseen."""
    raw = {"as_of": "2024-12-31", "device": "cpu", "sources": {"transactions": {"path": "in"}}}
    config = build_config(raw, base=tmp_path, where="test")
    (tmp_path / "in").mkdir()
    for number, columns in enumerate(first):
        pq.write_table(pa.table(columns), tmp_path / "in" / f"{number}.parquet")
    if then:
        ingest(config)
    for number, columns in enumerate(then, len(first)):
        pq.write_table(pa.table(columns), tmp_path / "in" / f"{number}.parquet")
    (found,) = preview(config)
    assert bool(found.problems) != is_taken
    said = found.warnings if is_taken else found.problems
    assert said
    assert all("can be kept" in line and "never" in line for line in said)
    if not is_taken:
        with pytest.raises(InputError) as refused:
            ingest(config)
        assert str(refused.value) == found.problems[0]
        return
    n_good = [columns is GOOD for columns in first + then].count(True)
    rejected = ingest(config).n_rejected
    assert rejected == sum(len(c["date"]) for c in first + then) - 2 * min(n_good, 1)
