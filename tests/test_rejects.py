"""Rejected rows tried again: nothing twice, nothing lost, and what reading all anew would give."""

import datetime as dt
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from qfb_gpu.cli import app
from qfb_gpu.config import build_config, load_config
from qfb_gpu.errors import ConfigError
from qfb_gpu.lake import delta, gold
from qfb_gpu.lake.ingest import forget, ingest
from qfb_gpu.lake.joined import ROUNDED
from qfb_gpu.lake.retry import retry, wider_changes
from qfb_gpu.lake.revive import from_json

ROWS = {
    "txn_id": [f"t{i}" for i in range(8)],
    "customer_id": ["a", "b", "a", "b", "a", "b", "a", None],
    "date": ["2024-01-01"] * 7 + ["2024-01-02"],
    "amount": ["1.00", "2.345", "3.00", "4.00", "much", "6.00", "7.00", "8.00"],
    "direction": ["in", "out", "进", "进", "in", '出"\u0007', "in", "in"],
}  # fmt: skip


@pytest.fixture
def lake(tmp_path):
    class Lake:
        out = tmp_path / "out"

        def write(self, name="a.parquet", **columns):
            (tmp_path / "in").mkdir(exist_ok=True)
            pq.write_table(pa.table({**ROWS, **columns}), tmp_path / "in" / name)

        def config(self, **part):
            raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu", "n_buckets": 2,
                   "sources": {"transactions": {"path": "in/*.parquet", **part}}}  # fmt: skip
            return build_config(raw, base=tmp_path, where="test")

        def state(self):
            files = delta.table_files(self.out / "lake" / "transactions")
            rows = pa.concat_tables([pq.ParquetFile(path).read() for path in files]).to_pylist()
            rejects = gold.read(self.out, "rejects").to_pylist()
            counts = gold.read(self.out, "data_quality").to_pylist()
            return rows, sorted(map(str, rejects)), counts

    return Lake()


def test_words_that_nobody_knew_and_amounts_to_round_come_in(lake):
    lake.write()
    ingest(lake.config())
    words = {"进": "in", '出"\u0007': "out"}
    (first,) = retry(lake.config(direction_values=words))
    assert (first.n_tried, first.n_kept, first.n_left) == (6, 3, 3)
    fixed = lake.config(direction_values=words, rounding="half_even")
    (second,) = retry(fixed)
    assert (second.n_tried, second.n_kept, second.n_left) == (3, 1, 2)
    retried = lake.state()
    assert not ingest(fixed).changed
    forget(lake.out)
    counts = ingest(fixed).counts["transactions"]
    assert counts["kept"] == 6
    assert lake.state() == retried


def test_the_same_retry_twice_changes_nothing(lake):
    lake.write()
    ingest(lake.config())
    fixed = lake.config(direction_values={"进": "in"})
    retry(fixed)
    before = lake.state()
    (again,) = retry(fixed)
    assert again.n_kept == 0
    assert lake.state() == before


def test_a_retried_row_may_be_a_duplicate_and_makes_the_next_run_another(lake):
    lake.write()
    lake.write("b.parquet", direction=["in"] * 8, amount=["3.00"] * 8, customer_id=["a"] * 8)
    first = ingest(lake.config())
    fixed = lake.config(direction_values={"进": "in"})
    (result,) = retry(fixed)
    again = ingest(fixed)
    assert not again.changed
    assert again.inputs != first.inputs
    assert result.n_kept == 1  # t3 of b; t2 of a is there already
    counts = again.counts["transactions"]
    rejected = sum(n for name, n in counts.items() if name.startswith("rejected"))
    assert counts["rows"] == 16 == counts["kept"] + rejected
    assert again.n_rejected == rejected == gold.read(lake.out, "rejects").num_rows


@pytest.mark.parametrize(
    ("change", "word"),
    [({"date_order": "dmy"}, "date_order"), ({"direction_values": {"in": "out"}}, "direction_values"),
     ({"exclude": [{"column": "direction", "values": ["in"], "reason": "x"}]}, "exclude")],
)  # fmt: skip
def test_a_change_that_may_concern_rows_that_were_kept_is_refused(lake, change, word):
    lake.write()
    ingest(lake.config())
    with pytest.raises(ConfigError, match=f"{word} changed.*--only-rejected"):
        retry(lake.config(**change))
    retry(lake.config(**change), only_rejected=True)
    assert not ingest(lake.config(**change)).changed


def test_a_column_that_was_not_kept_means_reading_the_source(lake):
    lake.write(other=["1"] * 8)
    ingest(lake.config())
    before = lake.state()
    with pytest.raises(ConfigError, match="do not keep.*qfb run"):
        retry(lake.config(columns={"amount": "other"}), only_rejected=True)
    assert lake.state() == before


def test_counts_of_rows_tried_again_are_those_of_reading_anew(lake):
    """A row that stays rejected is rounded and prepared once, not once a try."""
    strip = {"op": "strip_chars", "column": "memo", "chars": "*", "into": "memo"}
    part = {"rounding": "half_even", "prepare": [strip]}
    lake.write(amount=["1.005"] * 8, memo=["*x*"] * 8)
    counts = ingest(lake.config(**part)).counts["transactions"]
    assert (counts["kept"], counts[ROUNDED]) == (4, 4)  # of the rows that are kept
    fixed = lake.config(**part, direction_values={"进": "in"})
    retry(fixed)
    retried = lake.state()
    forget(lake.out)
    counts = ingest(fixed).counts["transactions"]
    assert (counts["kept"], counts[ROUNDED]) == (6, 6)
    assert counts["prepare: 1 strip_chars (memo) changed"] == 8
    assert lake.state() == retried


@pytest.mark.parametrize("amount", [
    pa.array([1.5, float("inf"), float("-inf"), float("nan"), 0.1 + 0.2, 1e22, 2.5, 3.5]),
    pa.array([1, None, 2**62, 4, 5, -6, 7, 8]),
    pa.array([1, None, 3, 4, 2**62, 6, 7, 8]).dictionary_encode(),
])  # fmt: skip
def test_rows_that_stay_rejected_stay_as_they_came(lake, amount):
    """Numbers of Parquet stay numbers, and infinity, which JSON has not, is no broken row."""
    whole = pa.array([7, 8] * 4)
    lake.write(customer_id=whole, amount=amount, direction=["进"] * 8)
    lake.write("b.parquet")
    ingest(lake.config())
    rows = [json.loads(one["row_json"]) for one in gold.read(lake.out, "rejects").to_pylist()]
    assert [row["customer_id"] for row in rows[:8]] == whole.to_pylist()
    fixed = lake.config(direction_values={"进": "in"})
    retry(fixed)
    retried = lake.state()
    forget(lake.out)
    ingest(fixed)
    assert lake.state() == retried


def test_a_lake_of_before_may_hold_infinity_as_a_number():
    old = pa.chunked_array([['{"a": inf, "b": "x\\": inf,", "c": -inf}', '{"a": 1.50}']])
    rows = from_json(old).to_pylist()
    assert rows[0] == {"a": "inf", "b": 'x": inf,', "c": "-inf"}
    assert rows[1] == {"a": "1.50", "b": None, "c": None}


SPLIT = {"op": "split_rows", "column": "direction", "separator": "|", "into": "direction",
         "place": "place"}  # fmt: skip
GROUP = {"op": "group_texts", "column": "memo", "by": ["customer_id"], "separator": ",",
         "into": "memos"}  # fmt: skip


@pytest.mark.parametrize(
    ("step", "words"), [(SPLIT, "several rows of one"), (GROUP, "all rows of")]
)
def test_rows_that_cannot_be_prepared_alone_are_read_with_their_file(lake, step, words):
    """The other half of a split row was kept already: trying the row would pay it twice."""
    both = ["in|进", "进|进", *["in"] * 6]
    lake.write(txn_id=[None] * 8, amount=["1.00"] * 8, direction=both, memo=["m"] * 8)
    ingest(lake.config(prepare=[step]))
    before = lake.state()
    fixed = lake.config(prepare=[step], direction_values={"进": "in", "进|进": "in", "in|进": "in"})
    with pytest.raises(ConfigError, match=f"{words}.*qfb run"):
        retry(fixed)
    assert lake.state() == before
    retry(lake.config(prepare=[step]))  # nothing changed: nothing to be had of them
    assert lake.state() == before
    assert ingest(fixed).n_rows == (9 if step is SPLIT else 7)


def test_a_retry_that_is_refused_for_one_source_tries_none(lake, tmp_path):
    """Else gold would list rows as rejected that silver holds."""
    lake.write(memo=["m"] * 8)
    claims = {"claim_id": list("123"), "customer_id": ["a"] * 3, "amount": ["1.00", "2.005", "3.00"],
              "date": ["2024-01-01"] * 3, "submitted_date": ["2024-01-01"] * 3, "memo": ["m"] * 3}  # fmt: skip
    pq.write_table(pa.table(claims), tmp_path / "claims.parquet")

    def config(words, **part):
        transactions = {"path": "in/*.parquet", "direction_values": words}
        sources = {"transactions": transactions, "claims": {"path": "claims.parquet", **part}}
        raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu", "n_buckets": 2, "sources": sources}
        return build_config(raw, base=tmp_path, where="test")

    ingest(config({}, prepare=[GROUP]))
    before = lake.state()
    with pytest.raises(ConfigError, match="all rows of"):
        retry(config({"进": "in"}, prepare=[GROUP], rounding="half_even"))
    assert lake.state() == before
    assert not ingest(config({}, prepare=[GROUP])).changed
    first, second = retry(config({"进": "in"}, prepare=[GROUP]))  # the claims' settings stayed
    assert (first.n_kept, second.n_tried, second.n_left) == (2, 0, 1)


def test_what_changed_is_named():
    one = {"rounding": "reject", "direction_values": {"x": "in"}, "path": "p"}
    now = {"parts": [{**one, "rounding": "half_even"}], "currency": "CNY"}
    assert wider_changes({"parts": [one], "currency": "CNY"}, now) == []
    assert wider_changes({"parts": [one], "currency": "USD"}, now) == ["currency"]
    assert wider_changes({}, now) == ["the number of its parts"]
    changed = {**one, "direction_values": {"x": "out"}, "path": "q"}
    said = wider_changes({"parts": [one]}, {"parts": [changed]})
    assert said == ["direction_values", "path"]


def test_the_command_lists_and_retries(lake, tmp_path):
    lake.write()
    path = tmp_path / "qfb.toml"
    text = 'as_of = 2024-12-31\ndevice = "cpu"\n[sources.transactions]\npath = "in/*.parquet"\n'
    path.write_text(text, encoding="utf-8")
    ingest(load_config(path))
    shown = CliRunner().invoke(app, ["rejects", str(lake.out)])
    assert "transactions: 3 direction is an unknown word" in shown.output
    assert "e.g. row 2 (from 0) of in/a.parquet" in shown.output
    assert "rows rejected; qfb show" in shown.output
    refused = CliRunner().invoke(app, ["rejects", str(lake.out), "--retry"])
    assert "needs the mended config" in str(refused.exception)
    refused = CliRunner().invoke(app, ["rejects", str(lake.out), "--only-rejected"])
    assert "goes with --retry" in str(refused.exception)
    path.write_text(text + 'direction_values = { "进" = "in" }\n', encoding="utf-8")
    said = CliRunner().invoke(app, ["rejects", str(path), "--retry"])
    assert (
        "transactions: 6 rejected rows tried again, 2 of them kept now, 4 rejected" in said.output
    )


def test_rows_keep_odd_characters_in_their_json(lake):
    lake.write()
    ingest(lake.config())
    texts = gold.read(lake.out, "rejects").column("row_json").to_pylist()
    assert ROWS["direction"][5] in [json.loads(text)["direction"] for text in texts]
