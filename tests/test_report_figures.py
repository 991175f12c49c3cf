"""What the page sums over columns is what plain loops over rows give."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from qfb_gpu.report.charts import svg
from qfb_gpu.report.charts.columns import Series, columns
from qfb_gpu.report.figures import cash, streams
from qfb_gpu.report.figures.exact import exact, rounded
from qfb_gpu.report.figures.reading import kept
from qfb_gpu.report.sections import churn, payment_terms
from qfb_gpu.report.wording import count, to_units


def test_a_column_is_read_once_whatever_asks_for_it():
    table = pa.table({"a": [1, 2], "b": ["x", "y"], "c": [0.5, None]})
    asked = []

    def read(name, columns):
        asked.append((name, columns))
        return table.select(columns)

    once = kept(read)
    assert once("t", ["b", "a"]).equals(table.select(["b", "a"]))
    assert once("t", ["a", "c", "b"]).equals(table.select(["a", "c", "b"]))
    assert once("t", ["c"]).equals(table.select(["c"]))
    assert asked == [("t", ["b", "a"]), ("t", ["c"])]
    with pytest.raises(KeyError):
        once("t", ["none"])


def parts_of(table, cuts):
    ends = [0, *cuts, table.num_rows]
    return [table.slice(low, high - low) for low, high in pairwise(ends)]


def draw_cuts(seed, n):
    return sorted(np.random.default_rng(seed).integers(0, n, 4).tolist())


def drawn_terms(n_rows, seed):
    draw = np.random.default_rng(seed)
    some = draw.random(n_rows) < 0.7
    gain = draw.choice([0, 5, 5, 700, -3, 9_000_000], n_rows)
    return pa.table(
        {
            "customer_id": [f"B{n:03d}" for n in draw.permutation(n_rows)],
            "counterparty_id": [f"S{n}" for n in draw.integers(0, 9, n_rows)],
            "currency": draw.choice(["CNY", "JPY", "KWD"], n_rows),
            "days_weighted": pa.array(draw.uniform(0, 120, n_rows), mask=~some),
            "recommended_days": pa.array(
                draw.choice([0, 15, 30, 59, 60, 90], n_rows).astype(np.int32), mask=~some
            ),
            "yearly_gain_minor": pa.array(gain, mask=draw.random(n_rows) < 0.1),
            "cap_exceeded": pa.array(draw.random(n_rows) < 0.3, mask=draw.random(n_rows) < 0.1),
        }
    )


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("n_rows", [1, 12, 13, 200])
def test_the_pairs_that_gain_most_are_those_of_a_plain_sort(n_rows, seed):
    table = drawn_terms(n_rows, seed)

    def order(one):
        units = to_units(one["yearly_gain_minor"], one["currency"])
        return -units, one["customer_id"], one["counterparty_id"]

    expected = sorted((one for one in table.to_pylist() if one["yearly_gain_minor"]), key=order)
    found = sorted(payment_terms._largest(table), key=order)
    assert found[:12] == expected[:12]
    counts = {code: table.column("currency").to_pylist().count(code) for code in ("CNY", "JPY")}
    counts["KWD"] = n_rows - sum(counts.values())
    with_rate = table.append_column("cost_of_capital", pa.array([0.05] * n_rows))
    of_all = [
        payment_terms._summed(with_rate.set_column(3, "days_weighted", pa.array([1.0] * n_rows)))
    ]
    assert payment_terms._main(of_all) == max(sorted(counts), key=lambda code: counts[code])


@pytest.mark.parametrize("seed", range(4))
def test_waits_are_counted_in_their_bins(seed):
    table = drawn_terms(150, seed)
    with_rate = table.append_column("cost_of_capital", pa.array([0.05] * 150))
    cut = draw_cuts(seed, 150)
    page = payment_terms._waits([payment_terms._summed(part) for part in parts_of(with_rate, cut)])
    for low, high in payment_terms._BINS:
        now, then = (
            sum(one is not None and low <= one < high for one in table.column(name).to_pylist())
            for name in ("days_weighted", "recommended_days")
        )
        label = f"{low}–{high}" if high < 10**6 else f"{low}+"
        assert f"{label} days: {now} pairs today, {then} recommended" in page


def test_the_likeliest_to_churn_come_first_ties_by_id():
    n = 40
    draw = np.random.default_rng(3)
    table = pa.table(
        {
            "customer_id": [f"C{k:02d}" for k in draw.permutation(n)],
            "churn_probability": draw.choice([0.1, 0.5, 0.9], n),
            "churn_probability_low": np.zeros(n),
            "churn_probability_high": np.ones(n),
            "churn_level": ["high"] * n,
            "churn_reasons_en": ["few payments"] * n,
            "churn_reasons_zh": ["付款少"] * n,
        }
    )
    page = churn._likeliest([churn._summed(part) for part in parts_of(table, [11, 23])])
    rows = sorted(table.to_pylist(), key=lambda o: (-o["churn_probability"], o["customer_id"]))
    places = [page.index(row["customer_id"]) for row in rows[:12]]
    assert places == sorted(places)
    assert not any(row["customer_id"] in page for row in rows[12:])


@pytest.mark.parametrize("seed", range(4))
def test_the_range_of_the_cumulative_net_is_that_of_a_plain_loop(seed):
    draw = np.random.default_rng(seed)
    ids = np.sort(draw.choice(1000, 30, replace=False)).astype(np.int64)
    lower, higher = draw.uniform(0, 9, 30), draw.uniform(0, 9, 30)
    stream = draw.choice(np.concatenate([ids[:20], [1001, 1002]]), 90)
    week, n_weeks = draw.integers(0, 5, 90), 5
    is_in = stream % 2 == 0
    below, above = cash._range(stream, week, is_in, n_weeks, (ids, lower, higher))
    for w in range(n_weeks):
        low = high = 0.0
        for k, one in enumerate(ids):
            times = int(((stream == one) & (week <= w)).sum())
            down, up = (lower[k], higher[k]) if one % 2 == 0 else (higher[k], lower[k])
            low, high = low + (times * down) ** 2, high + (times * up) ** 2
        assert rounded([below], n_weeks)[w] == pytest.approx(low)
        assert rounded([above], n_weeks)[w] == pytest.approx(high)


def test_listed_streams_are_the_largest_of_their_currency_ties_by_row():
    n = 60
    draw = np.random.default_rng(5)
    table = pa.table(
        {
            **{name: [None] * n for name in streams.COLUMNS},
            "confidence": pa.array([None] * n, pa.float64()),
            "n_payments": [1] * n,
            "customer_id": [f"C{k}" for k in range(n)],
            "currency": draw.choice(["CNY", "USD"], n),
            "is_regular": draw.random(n) < 0.8,
            "status": draw.choice(["mature", "stopped"], n),
            "amount_total_minor": draw.integers(0, 8, n),
            **{name: pa.array([None] * n, pa.date32()) for name in streams._DATES},
        }
    )
    rows = [
        one
        for one in table.to_pylist()
        if one["is_regular"] and one["status"] != "stopped" and one["currency"] == "CNY"
    ]
    rows.sort(key=lambda one: -one["amount_total_minor"])
    parts = [streams.summed(part) for part in parts_of(table, [0, 7, 31])]
    found = streams.collect(parts, ["CNY"], {"C1": "one"})
    lines = found.largest["CNY"]
    assert [line.customer for line in lines] == [one["customer_id"] for one in rows[:10]]
    assert streams.listed(parts, ["CNY"]) == {line.customer for line in lines}
    assert found.range_days is None


@pytest.mark.parametrize("seed", range(4))
def test_sums_of_floats_are_the_nearest_to_the_true_sum_in_any_pieces(seed):
    draw = np.random.default_rng(seed)
    values = draw.normal(0, 1, 500) * 10.0 ** draw.integers(-9, 12, 500)
    cells = draw.integers(0, 3, 500)
    pieces = [exact(values[at::7], cells[at::7]) for at in draw.permutation(7)]
    expected = [math.fsum(values[cells == cell]) for cell in range(3)]
    assert rounded(pieces, 3).tolist() == expected
    assert rounded([exact(np.zeros(0))], 2).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("most", [1, 8, 4000])
def test_sums_of_floats_of_any_size_are_the_same_some_at_a_time(monkeypatch, most):
    draw = np.random.default_rng(most)
    values = np.ldexp(draw.uniform(-1, 1, 40), draw.integers(-1080, 1010, 40))
    values[:6] = [5e-324, -5e-324, 0.0, -0.0, 1.5, np.nextafter(1.0, 2.0)]
    expected = [math.fsum(values)]
    monkeypatch.setattr("qfb_gpu.report.figures.exact._MOST", most)
    assert rounded([exact(values)]).tolist() == expected
    assert rounded([exact(-values)]).tolist() == [-expected[0]]


@pytest.mark.parametrize("seed", range(4))
def test_a_median_of_counted_days_is_numpys(seed):
    draw = np.random.default_rng(seed)
    for n in (1, 2, 5, 8, 101):
        days = draw.integers(-3, 9, n)
        counts = Counter(days.tolist())
        assert streams._median(counts) == float(np.median(days))
    assert streams._median(Counter()) is None


@pytest.mark.parametrize("most", [1, 2, 3, 4, 6, 9, 10, 11, 39, 97, 1001])
def test_the_marks_beside_counts_are_the_counts_they_stand_at(most):
    """Of one payment they were 0 0 0 0 1, of nine 0 2 5 7 10: quarters without their decimals."""
    marks = svg.ticks(0, most, whole=True)
    assert marks[-1] >= most
    assert len({later - earlier for earlier, later in pairwise(marks)}) == 1
    assert all(mark == int(mark) for mark in marks)
    assert 2 <= len(marks) <= 6
    drawn = columns(["a"], [Series("in", [most])], ["a"], "t", write=count)
    assert all(f">{count(mark)}</text>" in drawn for mark in marks)
