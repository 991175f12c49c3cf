"""What a whole night advises on payment terms, as docs/payment-terms.md says it, in loops."""

import itertools
import math

import deals_case
import pandas as pd
import pytest
from naive import terms as naive

from qfb_gpu.finance import cycle
from qfb_gpu.parts.contracts import CONTRACTS
from qfb_gpu.parts.payment_terms import PAYMENT_TERMS

SMALL = ("micro", "small", "medium")
CAPS = {"CN": (60, None), "EU": (60, 60)}
"""Legal caps of a large firm and of any other."""
PRICES = (0, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64)
SETTINGS = {
    "as given": {},
    "a discount": {"discount": 0.004, "discount_days": 20, "pass_through": 0.5},
    "EU, dear failures": {"jurisdiction": "EU", "supplier_failure": 0.03, "policy_cap_days": 90,
                          "reference_rate": 0.025},
    "no cap but the law's": {"policy_cap_days": 365, "supplier_failure": 0.002,
                             "cost_of_capital": 0.15},
}  # fmt: skip
DEFAULT = {
    "jurisdiction": "CN", "policy_cap_days": 60, "cost_of_capital": 0.05, "discount": 0.0,
    "supplier_cost_of_capital": 0.08, "pass_through": 0.25, "supplier_failure": 0.005,
    "failure_cost": 0.3, "discount_days": 10, "reference_rate": 0.02,
}  # fmt: skip


@pytest.fixture(scope="module", params=list(itertools.product(SETTINGS, (61, 62))), ids=str)
def advised(request, tmp_path_factory):
    """Return the settings, the source tables, and the night."""
    name, seed = request.param
    tables = deals_case.portfolio(70, seed)
    one = deals_case.Night(tmp_path_factory.mktemp("advice"), tables, [CONTRACTS, PAYMENT_TERMS],
                           settings={"terms": SETTINGS[name]})  # fmt: skip
    return DEFAULT | SETTINGS[name], tables, one


def costs_of(set_, times=1.0, price=1.0):
    margin = 0.0005 if set_["jurisdiction"] == "CN" else (set_["reference_rate"] + 0.08) / 365
    return cycle.Costs(
        capital=set_["cost_of_capital"] * times,
        financing=set_["supplier_cost_of_capital"] * set_["pass_through"],
        failure=set_["supplier_failure"] * set_["failure_cost"] * price,
        discount=set_["discount"],
        discount_days=set_["discount_days"],
        late=margin,
    )


def caps_of(set_, tables):
    """Return the legal cap of each customer: None where the law sets none."""
    large, other = CAPS[set_["jurisdiction"]]
    sizes = tables["customers"].to_pandas().set_index("customer_id")["size"]
    return {who: other if str(size) in SMALL else large for who, size in sizes.items()}


def test_recommendations_are_those_of_trying_every_day(advised):
    set_, tables, one = advised
    legal_of = caps_of(set_, tables)
    terms = one.table("payment_terms")
    known = terms[terms.recommended_days.notna()]
    assert len(known) > 40
    for row in known.itertuples():
        legal = legal_of[row.customer_id]
        cap = min(set_["policy_cap_days"], math.inf if legal is None else legal)
        assert row.cap_days == cap
        assert row.cap_exceeded == (legal is not None and row.days_weighted > legal)
        agreed = cap if pd.isna(row.terms_days) else min(row.terms_days, legal or math.inf)
        for times, days, gain in (
            (1, row.recommended_days, row.yearly_gain_minor),
            (0.5, row.recommended_days_half_rate, row.yearly_gain_half_rate_minor),
            (2, row.recommended_days_double_rate, row.yearly_gain_double_rate_minor),
        ):
            costs = costs_of(set_, times)
            within = min(math.floor(agreed), cap)
            assert days == naive.best(agreed, within, row.dependency, costs)[0]
            is_bought = row.purchases_minor > 0
            assert pd.isna(gain) != is_bought
            if is_bought:
                now, then = (naive.cost(d, agreed, cap, row.dependency, costs)
                             for d in (row.days_weighted, days))  # fmt: skip
                assert gain == pytest.approx(row.purchases_minor * (now - then), abs=1)
        costs = costs_of(set_)
        assert row.negotiable_days == naive.best(cap, cap, row.dependency, costs)[0]
        if row.purchases_minor > 0:
            cash = row.purchases_minor * (row.recommended_days - row.days_weighted) / 365
            assert row.cash_released_minor == pytest.approx(cash, abs=0.51)
        assert row.binding == binding(row, agreed, cap, legal, set_)


def binding(row, agreed, cap, legal, set_):
    """Return what keeps the days from being more: the first that they meet."""
    days = row.recommended_days
    if days >= cap:
        return (
            "legal cap" if legal is not None and legal <= set_["policy_cap_days"] else "policy cap"
        )
    if days == math.floor(agreed):
        return "agreed terms"
    if days == set_["discount_days"] and set_["discount"] > 0:
        return "discount date"
    return "supplier distress" if days else "none"


def test_the_front_is_the_sum_over_all_pairs_and_no_row_is_beaten(advised):
    set_, _, one = advised
    terms, front = one.table("payment_terms"), one.table("payment_terms_front")
    assert len(front) > 1
    bought = terms[terms.recommended_days.notna() & (terms.purchases_minor > 0)]
    assert set(front.currency) == set(bought.currency)
    for currency, mine in bought.groupby("currency", observed=True):
        rows = []
        for price in PRICES:
            costs = costs_of(set_, 1, price)
            best = [naive.best(c, c, d, costs)[0]
                    for c, d in zip(mine.cap_days, mine.dependency, strict=True)]  # fmt: skip
            spent = mine.purchases_minor.to_numpy()
            cash = sum(s * (b - n) / 365 for s, b, n in
                       zip(spent, best, mine.days_weighted, strict=True))  # fmt: skip
            failure = set_["supplier_failure"] * set_["failure_cost"]
            risk = sum(s * failure * (1 + d) * (b / 60) ** 2 for s, b, d in
                       zip(spent, best, mine.dependency, strict=True))  # fmt: skip
            rows.append((price, sum(s * b for s, b in zip(spent, best, strict=True)) / sum(spent),
                         cash, risk))  # fmt: skip
        kept = naive.front([r[2] for r in rows], [r[3] for r in rows])
        wanted = [row for row, is_kept in zip(rows, kept, strict=True) if is_kept]
        found = front[front.currency == currency].sort_values("distress_price")
        names = ["distress_price", "days_weighted", "cash_released_minor", "supplier_risk_minor"]
        assert len(found) == len(wanted)
        for got, want in zip(found[names].to_numpy(), wanted, strict=True):
            assert got == pytest.approx(want, abs=0.51, rel=1e-9)
