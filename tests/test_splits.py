"""A later night splits only what changed, and its answer is that of a full night to the bit."""

import datetime as dt
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from qfb_gpu import payments
from qfb_gpu.api import ledger_of
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar, to_day
from qfb_gpu.config import build_config
from qfb_gpu.lake import carry, gold
from qfb_gpu.ledger import Labelled
from qfb_gpu.payments import described as described_streams
from qfb_gpu.payments.splits import fingerprints
from qfb_gpu.pipeline import run
from qfb_gpu.portfolio import generate_portfolio

AS_OF = dt.date(2024, 12, 31)
BEFORE = dt.date(2024, 12, 20)
CPU = get_backend("cpu")
CN = load_calendar("CN")


@pytest.fixture(scope="module")
def transactions():
    tables = generate_portfolio(40, 9, AS_OF, calendar=CN, tables=("transactions",))
    return tables["transactions"]


def book(table, as_of):
    return ledger_of(table, as_of=as_of, calendar="CN", device="cpu")


def score(ledger, as_of, earlier=None):
    known = described = None
    if earlier is not None:
        known, described = earlier.splits, earlier.described
    return payments.score_streams(ledger, CN, to_day(as_of), CPU, known=known, described=described)


def assert_equal(left, right):
    for name in ("relation", "stream_of_payment", "role", "due_day"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name), name)
    for name, values in right.columns.items():
        got, wanted = (
            v.codes if isinstance(v, Labelled) else v for v in (left.columns[name], values)
        )
        assert got.dtype == wanted.dtype, name
        np.testing.assert_array_equal(got, wanted, name)
    for name in payments.SPLIT_COLUMNS:
        np.testing.assert_array_equal(getattr(left.splits, name), getattr(right.splits, name), name)
    for name in payments.DESCRIBED_COLUMNS:
        got, wanted = getattr(left.described, name), getattr(right.described, name)
        np.testing.assert_array_equal(got, wanted, name)


def changed_by(transactions):
    """Return the payments without one, and with every fiftieth of another amount."""
    fewer = transactions.filter(pc.not_equal(transactions["txn_id"], transactions["txn_id"][7]))
    amount = pc.add(fewer["amount"], pa.scalar(1)).cast(fewer.schema.field("amount").type)
    mixed = pc.if_else(pa.array(np.arange(fewer.num_rows) % 50 == 0), amount, fewer["amount"])
    return fewer.set_column(fewer.column_names.index("amount"), "amount", mixed)


@pytest.mark.parametrize("before", [BEFORE, AS_OF])
def test_a_later_night_equals_a_full_one(transactions, before):
    earlier = score(book(changed_by(transactions), before), before)
    now = book(transactions, AS_OF)
    assert_equal(score(now, AS_OF, earlier), score(now, AS_OF))


def test_removed_and_changed_payments_are_seen(transactions):
    earlier = score(book(transactions, AS_OF), AS_OF)
    now = book(changed_by(transactions), AS_OF)
    assert_equal(score(now, AS_OF, earlier), score(now, AS_OF))


def test_a_night_before_without_streams_is_no_help(transactions):
    now = book(transactions, AS_OF)
    long_ago = dt.date(2000, 1, 1)
    nothing = score(book(transactions, long_ago), long_ago)
    assert not nothing.relation.shape[0]
    assert_equal(score(now, AS_OF, nothing), score(now, AS_OF))


def refuse(*_, **__):
    msg = "nothing has changed"
    raise AssertionError(msg)


def test_what_is_known_is_not_split_again(transactions, monkeypatch):
    now = book(transactions, AS_OF)
    earlier = score(now, AS_OF)
    monkeypatch.setattr("qfb_gpu.payments.rounds.make_units", refuse)
    with pytest.raises(AssertionError, match="nothing has changed"):
        score(now, AS_OF)
    assert score(now, AS_OF, earlier).relation.shape[0] > 0


def test_only_what_changed_is_measured_again(transactions, monkeypatch):
    rows = []

    def counted(name):
        plain = getattr(described_streams, name)

        def measure(*arguments, **settings):
            size = arguments[3] if name == "gap_stats" else arguments[1][2]
            rows.append((name, size.shape[0]))
            return plain(*arguments, **settings)

        return measure

    earlier = score(book(transactions, AS_OF), AS_OF)
    n_streams = earlier.relation.shape[0]
    for name in ("gap_stats", "next_payments"):
        monkeypatch.setattr(described_streams, name, counted(name))
    score(book(transactions, AS_OF), AS_OF, earlier)
    assert rows == [("gap_stats", 0), ("next_payments", 0)]
    rows.clear()
    score(book(changed_by(transactions), AS_OF), AS_OF, earlier)
    [(_, measured), (_, forecast)] = rows
    assert 0 < measured == forecast < n_streams
    rows.clear()
    score(book(transactions, AS_OF), AS_OF + dt.timedelta(days=1), earlier)
    assert rows == [("gap_stats", 0), ("next_payments", n_streams)]


def test_a_fingerprint_tells_days_amounts_and_sizes_apart(transactions):
    ledger = book(transactions, AS_OF)
    ends = ledger.relation_offsets
    content = [
        (tuple(ledger.day[a:b].tolist()), tuple(ledger.amount_minor[a:b].tolist()))
        for a, b in pairwise(ends)
    ]
    prints = fingerprints(ledger, CPU)
    assert len(set(prints.tolist())) == len(set(content)) > 300


def night(folder, table, as_of):
    folder.mkdir(exist_ok=True)
    pq.write_table(table, folder / "payments.parquet")
    source = {"path": "payments.parquet", "columns": {n: n for n in table.column_names}}
    raw = {
        "as_of": as_of, "device": "cpu", "workers": 1, "n_buckets": 2,
        "sources": {"transactions": source},
    }  # fmt: skip
    config = build_config(raw, base=folder, where="test")
    run(config)
    return config.output_dir


OF_TWO_NIGHTS = {
    "segment_id", "segment_second_id", "segment_distance", "segment_margin", "tier",
}  # fmt: skip
"""What a night keeps of the one before on purpose (test_groups.py): names, and who is at a border."""


def test_a_second_night_publishes_what_a_first_one_would(transactions, tmp_path):
    night(tmp_path / "later", transactions, BEFORE)
    later = night(tmp_path / "later", transactions, AS_OF)
    whole = night(tmp_path / "whole", transactions, AS_OF)
    assert (later / "lake" / "carried").is_dir()
    for name in ("payment_streams", "stream_payments", "expected_payments", "customer_profiles"):
        tables = []
        for output in (later, whole):
            table = gold.read(output, name)
            table = table.drop_columns(sorted(OF_TWO_NIGHTS & set(table.column_names)))
            tables.append(table.sort_by([(c, "ascending") for c in table.column_names]))
        assert tables[0].equals(tables[1]), name


def test_another_stamp_or_a_broken_file_is_no_split(tmp_path):
    arrays = {"rest": np.arange(6, dtype=np.int32).reshape(2, 3), "none": np.zeros(0)}
    carry.save(tmp_path, 3, "a", arrays)
    for name, values in carry.load(tmp_path, 3, "a").items():
        np.testing.assert_array_equal(values, arrays[name], strict=True)
    assert carry.load(tmp_path, 3, "b") is None
    assert carry.load(tmp_path, 4, "a") is None
    [path] = (tmp_path / "carried").glob("*.arrow")
    path.write_bytes(path.read_bytes()[:40])
    assert carry.load(tmp_path, 3, "a") is None


def test_the_stamp_follows_the_calendar():
    assert carry.stamp_of(CN) == carry.stamp_of(load_calendar("CN"))
    assert carry.stamp_of(CN) != carry.stamp_of(load_calendar("GB"))
