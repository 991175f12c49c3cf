"""Figures that are known of a part equal those that are made of its rows, whoever's rows changed."""

import datetime as dt
import os

import numpy as np
import pyarrow as pa
import pytest

from qfb_gpu.lake.spill import bucket_of
from qfb_gpu.lake.texts import hash_texts
from qfb_gpu.report import data
from qfb_gpu.report.figures import cash, part, portfolio, streams
from qfb_gpu.report.figures.known import Known
from qfb_gpu.report.figures.largest import KEPT, LISTED, Largest, by_key, exchange_largest
from qfb_gpu.schema import CADENCES, STATUSES

AS_OF = dt.date(2024, 12, 31)
ASKED = part.Asked(AS_OF, cash.Ahead(AS_OF + dt.timedelta(days=1), 30, is_given=True))
CURRENCIES = ["CNY", "USD", "EUR"]
N_BUCKETS = 3
IDS = [f"c{number}" for number in range(30)]


def tables(draw, ids, first_stream=0):
    """Return streams of some customers and what is expected of them, in order of their keys."""
    keys = hash_texts(pa.array(ids, pa.string()))
    owners = [ids[row] for row in np.argsort(keys) for _ in range(draw.integers(0, 9))]
    n = len(owners)
    flags = draw.random(n) < 0.5
    day = [AS_OF - dt.timedelta(days=int(d)) for d in draw.integers(0, 400, n)]
    later = [AS_OF + dt.timedelta(days=int(d)) for d in draw.integers(1, 9, n)]
    money = draw.integers(0, 5, n)  # of which many tie, and some streams have none
    low = draw.random(n) * 10
    found = pa.table({
        "customer_id": pa.array(owners, pa.string()),
        "counterparty_id": pa.array([f"p{x}" for x in draw.integers(0, 9, n)], pa.string()),
        "direction": pa.array(draw.choice(["in", "out"], n).tolist(), pa.string()),
        "currency": pa.array(draw.choice(CURRENCIES, n, p=[0.7, 0.25, 0.05]).tolist(), pa.string()),
        "is_regular": pa.array(flags),
        "status": pa.array(draw.choice(STATUSES, n).tolist(), pa.string()),
        "cadence": pa.array(draw.choice(CADENCES, n).tolist(), pa.string()),
        "period_days": draw.random(n), "n_payments": draw.integers(1, 600, n),
        "confidence": pa.array(draw.random(n), mask=draw.random(n) < 0.2),
        "amount_kind": pa.array(draw.choice(["fixed", "drifting"], n).tolist(), pa.string()),
        "amount_typical": draw.random(n), "amount_total_minor": money,
        "next_date": pa.array(later, pa.date32()),
        "next_date_earliest": pa.array(later, pa.date32(), mask=~flags),
        "next_date_latest": pa.array([d + dt.timedelta(days=3) for d in later], pa.date32()),
        "next_amount": low + 1.0, "next_amount_low": low,
        "next_amount_high": pa.array(low + draw.random(n) + 1.0, mask=draw.random(n) < 0.2),
        "last_date": pa.array(day, pa.date32()),
        "stream_id": pa.array(first_stream + np.arange(n), pa.int64()),
    })  # fmt: skip
    rows = np.repeat(np.arange(n), draw.integers(0, 4, n))
    due = [AS_OF + dt.timedelta(days=int(d)) for d in draw.integers(0, 40, rows.size)]
    expected = found.select(["customer_id", "stream_id", "direction", "currency"]).take(rows)
    expected = expected.append_column("due_date", pa.array(due, pa.date32()))
    amount = pa.array(draw.integers(1, 6, rows.size) / 7.0)
    return found, expected.append_column("amount", amount)


def of(table, ids, *, others=False):
    is_one = np.isin(np.array(table["customer_id"].to_pylist(), object), ids)
    return table.filter(pa.array(is_one != others))


def together(left, right):
    table = pa.concat_tables([left, right])
    keys = hash_texts(table["customer_id"].combine_chunks())
    return table.take(pa.array(np.argsort(keys, kind="stable")))


def shown(figures):
    """Return all that the page shows of a part."""
    one, ahead = [figures.streams], [figures.expected]
    return (
        streams.collect(one, CURRENCIES, {}), cash.collect(ahead, CURRENCIES, ASKED.ahead, {}),
        {kind: money for kind, money in cash.expected_totals(ahead).items() if money}, figures.streams.n_payments, figures.activity,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_a_part_with_other_rows_comes_to_what_it_is_read_as(seed):
    draw = np.random.default_rng(seed)
    before = tables(draw, IDS)
    figures, n_told = part.summed(*before, ASKED), 0
    for again in range(4):
        touched = draw.choice(IDS, 1 + seed % 3, replace=False).tolist()
        customers = np.sort(hash_texts(pa.array(touched, pa.string())))
        come = tables(draw, touched[seed % 2 :], 1000 * (again + 1))  # one may be gone
        gone = [of(table, touched) for table in before]
        before = [
            together(of(old, touched, others=True), new)
            for old, new in zip(before, come, strict=True)
        ]
        less, more = part.summed(*gone, ASKED), part.summed(*come, ASKED)
        read = part.summed(*before, ASKED)
        figures = part.exchanged(figures, less, more, customers)
        if figures is None:
            figures = read
            continue
        n_told += 1
        assert shown(figures) == shown(read)
    assert n_told > 0


def test_nothing_is_told_of_largest_rows_where_others_might_be_among_them():
    rows = [{"customer_id": f"c{at}", "size": 100 - at} for at in range(KEPT)]
    known = {"CNY": Largest(rows, is_all=False)}

    def without(n_gone):
        ids = pa.array([f"c{at}" for at in range(n_gone)], pa.string())
        keys = np.sort(hash_texts(ids))
        return exchange_largest(known, {}, ["CNY"], keys, lambda row: row["size"], by_key)

    stay = without(KEPT - LISTED)
    assert [row["size"] for row in stay["CNY"].rows] == [100 - at for at in range(LISTED, KEPT)]
    assert not stay["CNY"].is_all
    assert without(KEPT - LISTED + 1) is None
    all_known = {"CNY": Largest(rows[:3], is_all=True)}
    keys = hash_texts(pa.array(["c0"], pa.string()))
    found = exchange_largest(all_known, {}, ["CNY"], keys, lambda row: row["size"], by_key)
    assert found == {"CNY": Largest(rows[1:3], is_all=True)}


def test_what_is_written_down_is_known_again(tmp_path):
    found, expected = tmp_path / "found", tmp_path / "expected"
    for file in (found, expected):
        file.write_text("rows", encoding="utf-8")
    node = data.Node("a", is_customer=True, community=0, pagerank=0.1, degree_in=1, degree_out=2,
                     is_hub=True)  # fmt: skip
    known = Known()
    known.look(ASKED)
    figures = part.summed(*tables(np.random.default_rng(0), IDS), ASKED)
    known.keep([found, expected], figures)
    known.network = data.Network(
        1, 1, 0, 1, 0, 1, [("2", 1)], [(1, 2)], [node], [node], [data.Link(0, 0, 3)],
        [("1", 0.5)], {"CNY": [("1", 1.0)]},
    )  # fmt: skip
    known.save(tmp_path / "known.json")
    again = Known.load(tmp_path / "known.json")
    assert again.network == known.network
    assert again.asked == ASKED
    assert shown(again.figures([found, expected])) == shown(figures)
    again.look(part.Asked(None, ASKED.ahead))
    assert again.figures([found, expected]) is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[1]",
        '[{"what": 1}, null, "", null]',
        "[1, 2, 3, 4]",
        "[null, null, null]",
        '[null, null, "", {"dict": []}]',
        '[null, null, "", [1]]',
        "[null, null, 1, null]",
        '["day", null, "", null]',
        '[null, {"array": [1]}, "", null]',
    ],
)
def test_nothing_is_known_where_it_is_broken(tmp_path, content):
    path = tmp_path / "known.json"
    path.write_text(content, encoding="utf-8")
    known = Known.load(path)
    assert known.asked is None
    known.look(ASKED)
    assert known.figures([path, path]) is None
    assert known.network is None
    assert Known.load(tmp_path / "none.json").network is None


def test_tables_that_were_written_anew_are_not_known(tmp_path):
    files = [tmp_path / name for name in ("streams", "expected")]
    for file in files:
        file.write_text("rows", encoding="utf-8")
    known = Known()
    known.look(ASKED)
    none = part.summed(*tables(np.random.default_rng(0), []), ASKED)
    known.keep(files, none)
    (tmp_path / "linked").hardlink_to(files[0])
    assert known.figures([tmp_path / "linked", files[1]]) is none
    assert known.figures(files[:1]) is None
    files[0].write_text("other rows", encoding="utf-8")
    assert known.figures(files) is None
    assert known.figures([]) is None
    assert none.activity == portfolio.Activity([0] * 8, [0] * 6)


def test_files_of_one_size_written_at_a_time_are_not_taken_for_each_other(tmp_path):
    files = [tmp_path / name for name in "abcd"]
    for file in files:
        file.write_text(f"rows of {file.name}", encoding="utf-8")
        os.utime(file, ns=(10**18, 10**18))
    known, figures = Known(), part.joined([], ASKED)
    known.keep(files[:2], figures)
    assert known.figures(files[:2]) is figures
    assert known.figures(files[2:]) is None
    assert known.figures(files[1::-1]) is None


def in_buckets(tables_):
    """Return tables' rows bucket by bucket, in each by key: as a whole and of each bucket."""
    keys = [hash_texts(table["customer_id"].combine_chunks()) for table in tables_]
    buckets = [
        [
            table.take(pa.array(np.flatnonzero(bucket_of(key, N_BUCKETS) == bucket)))
            for table, key in zip(tables_, keys, strict=True)
        ]
        for bucket in range(N_BUCKETS)
    ]
    return [pa.concat_tables(parts) for parts in zip(*buckets, strict=True)], buckets


@pytest.mark.parametrize("rows_at_a_time", [1, 40, 10**6])
@pytest.mark.parametrize("seed", range(8))
def test_tables_by_bucket_come_to_what_they_are_read_as(
    seed, rows_at_a_time, tmp_path, monkeypatch
):
    monkeypatch.setattr("qfb_gpu.report.figures.known._ROWS", rows_at_a_time)
    draw = np.random.default_rng(seed)
    whole, buckets = in_buckets(tables(draw, IDS))
    files = [[tmp_path / f"{again}-{name}" for name in part.TABLES] for again in range(3)]
    for file in (file for pair in files for file in pair):
        file.write_text(file.name, encoding="utf-8")
    known = Known()
    known.look(ASKED)
    known.keep(files[0], part.joined([part.summed(*one, ASKED) for one in buckets], ASKED))
    assert shown(known.figures(files[0])) == shown(part.summed(*whole, ASKED))
    for again in (1, 2):
        touched = draw.choice(IDS, 3, replace=False).tolist()
        come = tables(draw, touched[1:], 1000 * again)
        gone = [of(table, touched) for table in whole]
        rest = [of(table, touched, others=True) for table in whole]
        whole, _ = in_buckets([together(*pair) for pair in zip(rest, come, strict=True)])
        keys = np.sort(hash_texts(pa.array(touched, pa.string())))
        sides = [in_buckets(side)[1] for side in (gone, come)]
        known.begin(files[again - 1], N_BUCKETS)
        for bucket in draw.permutation(N_BUCKETS).tolist():
            customers = keys[bucket_of(keys, N_BUCKETS) == bucket]
            known.show(bucket, customers, *(side[bucket] for side in sides))
        known.end(files[again])
        assert shown(known.figures(files[again])) == shown(part.summed(*whole, ASKED))


def test_tables_are_read_where_most_rows_are_others_or_they_were_not_known(tmp_path):
    files = [tmp_path / name for name in "abcd"]
    for file in files:
        file.write_text(file.name, encoding="utf-8")
    found = tables(np.random.default_rng(1), IDS)
    keys = np.sort(hash_texts(pa.array(IDS, pa.string())))
    for first in (files[:2], files[2:]):
        known = Known()
        known.look(ASKED)
        known.keep(files[:2], part.summed(*found, ASKED))
        known.begin(first, 1)
        if first == files[:2]:
            known.show(0, keys, found, found)
        known.end(files[2:])
        assert known.figures(files[2:]) is None
