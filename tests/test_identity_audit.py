"""Who customers are: no score sees it, and the audit says how far scores differ by it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfb_gpu import parts
from qfb_gpu.models import audit
from qfb_gpu.profile import FEATURES
from qfb_gpu.report.sections import identity_audit as page
from qfb_gpu.schema import SOURCES

IDENTITY = {name for name in SOURCES["customers"].names if name != "customer_id"}


def test_no_part_but_the_audit_reads_who_customers_are():
    """Related parties are found by what they share; the legal term of payment depends on size."""
    readers = {part.name for part in parts.PARTS if "customers" in (*part.needs, *part.may_use)}
    assert readers <= {"identity_audit", "related", "payment_terms"}
    assert not IDENTITY & {feature.name for feature in FEATURES}
    assert "customers" not in {feature.source for feature in FEATURES}


def cramers_v(groups, labels):
    """The bias-corrected V of two lists, by its formula in loops."""
    rows, columns, n = sorted(set(groups)), sorted(set(labels)), len(groups)
    chi2 = 0.0
    for row in rows:
        for column in columns:
            pairs = list(zip(groups, labels, strict=True))
            expected = groups.count(row) * labels.count(column) / n
            chi2 += (pairs.count((row, column)) - expected) ** 2 / expected
    r, c = len(rows), len(columns)
    phi2 = max(0.0, chi2 / n - (r - 1) * (c - 1) / (n - 1))
    smaller = min(m - (m - 1) ** 2 / (n - 1) for m in (r, c))
    return math.sqrt(phi2 / (smaller - 1))


def epsilon_squared(groups, numbers):
    """Kruskal and Wallis with mid-ranks and the correction for ties, by its formula in loops."""
    n = len(numbers)
    ranks = [
        sum(other < one for other in numbers) + (numbers.count(one) + 1) / 2 for one in numbers
    ]
    total = 0.0
    for group in set(groups):
        own = [rank for rank, g in zip(ranks, groups, strict=True) if g == group]
        total += sum(own) ** 2 / len(own)
    h = 12 / (n * (n + 1)) * total - 3 * (n + 1)
    h /= 1 - sum(numbers.count(v) ** 3 - numbers.count(v) for v in set(numbers)) / (n**3 - n)
    k = len(set(groups))
    return max(0.0, (h - k + 1) / (n - k))


@given(st.integers(0, 10**6), st.integers(2, 4), st.integers(2, 4))
@settings(max_examples=20, deadline=None)
def test_both_measures_are_their_formulas(seed, n_groups, n_labels):
    rng = np.random.default_rng(seed)
    groups = [f"g{i % n_groups}" for i in range(140)]
    labels = [f"l{i}" for i in rng.integers(0, n_labels, 140)]
    found = audit.difference(groups, labels)
    assert found.measure == "cramers_v"
    assert found.value == pytest.approx(cramers_v(groups, labels), abs=1e-9)
    numbers = rng.integers(0, 6, 140).astype(float).tolist()
    found = audit.difference(groups, numbers)
    assert found.measure == "epsilon_squared"
    assert found.value == pytest.approx(epsilon_squared(groups, numbers), abs=1e-9)


def test_what_is_decided_by_an_attribute_is_1_and_what_is_not_is_0():
    rng = np.random.default_rng(1)
    groups = rng.choice(["north", "south", "west"], 3000).tolist()
    decided = audit.difference(groups, ["A" if group == "north" else "B" for group in groups])
    assert decided.value == pytest.approx(1.0, abs=0.01)
    assert {decided.lowest, decided.highest} == {0.0, 1.0}
    by_chance = audit.difference(groups, rng.choice(["A", "B"], 3000).tolist())
    assert by_chance.value < 0.05
    assert audit.difference(groups, rng.random(3000).tolist()).value < 0.01
    shifted = [rng.normal(5.0 * (group == "west")) for group in groups]
    found = audit.difference(groups, shifted)
    assert found.value > 0.5
    assert found.highest_group == "west"


def test_the_label_told_is_the_one_whose_share_differs_most():
    north = ["A"] * 10 + ["B"] * 30 + ["C"] * 60
    south = ["A"] * 25 + ["B"] * 60 + ["C"] * 15
    found = audit.difference(["north"] * 100 + ["south"] * 100, north + south)
    assert found.label == "C"
    assert (found.lowest_group, found.lowest) == ("south", 0.15)
    assert (found.highest_group, found.highest) == ("north", 0.60)


def test_small_groups_nulls_and_constants():
    groups = ["a"] * 40 + ["b"] * 40 + ["c"] * 29 + [None] * 50
    values = [1.0] * 80 + [100.0] * 29 + [200.0] * 50
    found = audit.difference(groups, values)
    assert (found.n_groups, found.n_customers, found.value) == (2, 80, 0.0)
    assert math.isnan(found.p_value)
    almost = [1.0 - 1e-7 * (group == "a") for group in groups]
    assert audit.difference(groups, almost).value == 0.0
    assert audit.difference(groups, [None] * 159) is None
    assert audit.difference(["a"] * 90, ["x", "y"] * 45) is None
    assert audit.q_values([found, audit.difference(groups, values)])[0] != 0.0


def test_order_changes_no_bit():
    rng = np.random.default_rng(2)
    groups = rng.choice(["a", "b", "c"], 500).tolist()
    for values in (rng.random(500).tolist(), rng.choice(["x", "y"], 500).tolist()):
        order = rng.permutation(500)
        shuffled = audit.difference([groups[i] for i in order], [values[i] for i in order])
        assert shuffled == audit.difference(groups, values)


def test_the_page_escapes_and_is_left_out_where_there_is_nothing():
    import pyarrow as pa

    row = {
        "attribute": "region", "outcome": "tier", "measure": "cramers_v", "value": 0.4,
        "q_value": 0.001, "label": "A", "lowest_group": "<b>", "lowest": 0.1,
        "highest_group": "南", "highest": 0.5,
    }  # fmt: skip
    table = pa.Table.from_pylist([row, {**row, "label": None, "q_value": None}])
    shown = str(page.draw(lambda _name, columns: table.select(columns)))
    assert "&lt;b&gt;" in shown
    assert "<b>:" not in shown
    assert "1 of 2 comparisons" in shown
    assert page.draw(lambda _name, columns: table.slice(0, 0).select(columns)) is None
