"""Orders: what was known of them, how late ones are found before they are due, and in words."""

import datetime as dt
import math
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import orders as naive

from qfb_gpu._config.risks import Orders as Settings
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar
from qfb_gpu.finance import orders_model, orders_reasons, orders_risk
from qfb_gpu.finance.levels import auc, level_of, rank_correlation
from qfb_gpu.finance.orders import FEATURES, NEVER, QUOTED, look_features, make_orders
from qfb_gpu.lake.texts import hash_texts
from qfb_gpu.ledger import NULL_DAY, NULL_MINOR
from qfb_gpu.parts import orders as orders_part
from qfb_gpu.portfolio import generate_portfolio

AS_OF = dt.date(2024, 12, 31)
AS_OF_DAY = 20_088
FIRST = 19_000

one_order = st.fixed_dictionaries(
    {
        "customer": st.integers(1, 3), "supplier": st.integers(0, 3), "item": st.integers(0, 2),
        "order": st.integers(0, 60), "lead": st.integers(0, 30),
        "after": st.none() | st.integers(-10, 40), "short": st.booleans(),
        "amount": st.none() | st.integers(1, 10**6), "currency": st.integers(1, 2),
    }
)  # fmt: skip


def as_orders(drawn):
    """Return orders as the naive reference reads them."""
    rows = []
    for one in drawn:
        due = one["order"] + one["lead"]
        closed = None if one["after"] is None else max(due + one["after"], one["order"])
        rows.append({**one, "due": due, "closed": closed, "full": None if one["short"] else closed})
    return rows


def columns(rows):
    """Return the source columns of orders."""
    return {
        **{n: np.array([r[n] for r in rows], np.int64) for n in ("customer", "supplier", "item")},
        "order_date": np.array([FIRST + r["order"] for r in rows], np.int32),
        "due_date": np.array([FIRST + r["due"] for r in rows], np.int32),
        "delivered_date": np.array(
            [NULL_DAY if r["closed"] is None else FIRST + r["closed"] for r in rows], np.int32
        ),
        "quantity": np.full(len(rows), 10.0),
        "quantity_delivered": np.array([4.0 if r["short"] else 10.0 for r in rows]),
        "amount_minor": np.array([r["amount"] or NULL_MINOR for r in rows], np.int64),
        "currency": np.array([r["currency"] for r in rows], np.int16),
    }


@settings(max_examples=30)
@given(st.lists(one_order, min_size=1, max_size=14), st.integers(0, 90))
def test_what_was_known_is_what_a_loop_over_all_orders_says(drawn, day):
    check_known(drawn, day)


@pytest.mark.parametrize("seed", range(6))
def test_what_was_known_of_orders_that_have_a_history_is_what_a_loop_says(seed):
    """Of the drawn orders a few have earlier ones of their supplier, with an amount or late."""
    rng, n = np.random.default_rng(seed), 40
    columns = {
        "customer": rng.integers(1, 4, n), "supplier": rng.integers(0, 4, n),
        "item": rng.integers(0, 3, n), "order": rng.integers(0, 61, n),
        "lead": rng.integers(0, 31, n), "after": rng.integers(-15, 41, n),
        "short": rng.random(n) < 0.2, "amount": rng.integers(0, 10**6, n),
        "currency": rng.integers(1, 3, n),
    }  # fmt: skip
    drawn = [dict(zip(columns, row, strict=True))
             for row in zip(*(of.tolist() for of in columns.values()), strict=True)]  # fmt: skip
    for one in drawn:
        one["after"] = None if one["after"] < -10 else one["after"]
        one["amount"] = None if one["amount"] < 10**5 else one["amount"]
    wanted = [one for day in (20, 45, 90) for one in check_known(drawn, day)]
    for name in ("pair_delay_days", "lead_ratio", "amount_ratio"):
        assert sum(not math.isnan(one[name]) for one in wanted) > 20, name


def check_known(drawn, day):
    rows, every = as_orders(drawn), []
    backend = get_backend("cpu")
    orders = make_orders(columns(rows), backend)
    row = np.arange(len(rows))
    found = look_features(orders, row, np.full(len(rows), FIRST + day), backend)
    for at in row:
        expected = naive.known(rows, at, day)
        every.append(expected)
        for name, value in expected.items():
            np.testing.assert_allclose(found[name][at], value, atol=6e-4, err_msg=name)
    return every


@pytest.mark.parametrize("times", [100, 7, 1_000_000])
def test_other_units_of_money_change_nothing_that_is_known(times):
    """Each amount's log was rounded to thousandths, so a ratio of two moved by up to two of them."""
    rng, n, backend = np.random.default_rng(times), 200, get_backend("cpu")
    row = {"customer": 1, "supplier": 2, "item": 3, "lead": 9, "after": 9, "short": False,
           "currency": 1}  # fmt: skip
    rows = as_orders([{**row, "order": int(day), "amount": int(amount)}
                      for day, amount in zip(rng.integers(0, 60, n), rng.integers(1, 10**6, n),
                                             strict=True)])  # fmt: skip
    given = columns(rows)
    more = {**given, "amount_minor": given["amount_minor"] * times}
    looks = np.arange(n), np.full(n, FIRST + 70)
    one, other = (look_features(make_orders(of, backend), *looks, backend) for of in (given, more))
    for name in FEATURES:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_orders_without_a_supplier_or_an_item_share_no_history():
    row = {"customer": 1, "order": 0, "lead": 10, "after": 20, "short": False, "amount": 5,
           "currency": 1}  # fmt: skip
    rows = as_orders([{**row, "supplier": n, "item": n} for n in [0] * 9 + [7] * 9])
    rows += as_orders([{**row, "supplier": n, "item": n, "order": 60} for n in (0, 7)])
    orders = make_orders(columns(rows), get_backend("cpu"))
    known = look_features(orders, np.array([18, 19]), np.full(2, FIRST + 61), get_backend("cpu"))
    for name in ("supplier_n_due", "pair_n_due", "item_n_due"):
        assert known[name].tolist() == [0, 9]
    assert known["supplier_known_days"].tolist() == [1, 61]
    assert np.isnan(known["lead_ratio"]).tolist() == [True, False]


def test_no_feature_sees_what_came_after_the_look():
    rng = np.random.default_rng(0)
    drawn = [{"customer": 1, "supplier": int(rng.integers(3)), "item": 0,
              "order": int(rng.integers(60)), "lead": 20, "after": int(rng.integers(-5, 9)),
              "short": False, "amount": 5, "currency": 1} for _ in range(60)]  # fmt: skip
    rows, backend = as_orders(drawn), get_backend("cpu")
    day = np.full(len(rows), FIRST + 45)
    seen = look_features(make_orders(columns(rows), backend), np.arange(60), day, backend)
    for row in rows:  # whatever comes from that day on is not known on it
        if row["closed"] >= 45:
            row["closed"] = row["full"] = None if row["supplier"] else row["closed"] + 99
    again = look_features(make_orders(columns(rows), backend), np.arange(60), day, backend)
    known = [at for at, row in enumerate(rows) if row["due"] < 45]
    assert len(known) > 10
    for name in FEATURES:
        np.testing.assert_array_equal(seen[name], again[name], err_msg=name)


@pytest.fixture(scope="module")
def portfolio():
    """Return generated orders as arrays, and which of the open ones will be late."""
    tables = generate_portfolio(
        200, 7, AS_OF, calendar=load_calendar("CN"), tables=["orders", "truth/orders"]
    )
    table, truth = tables["orders"], tables["truth/orders"].to_pylist()
    texts = {name: pa.array(table[name].cast(pa.string()).to_pylist())
             for name in ("customer_id", "supplier_id", "item")}  # fmt: skip
    given_columns = {
        "customer": hash_texts(texts["customer_id"]),
        "supplier": hash_texts(texts["supplier_id"]),
        "item": hash_texts(texts["item"]),
        **{name: table[name].cast(pa.int32()).fill_null(NULL_DAY).to_numpy()
           for name in ("order_date", "due_date", "delivered_date")},
        **{name: table[name].to_numpy() for name in ("quantity", "quantity_delivered")},
        "amount_minor": np.array([int(v * 100) for v in table["amount"].to_pylist()], np.int64),
        "currency": np.unique(table["currency"].cast(pa.string()).to_numpy(zero_copy_only=False),
                              return_inverse=True)[1].astype(np.int16),
    }  # fmt: skip
    late = {r["order_id"]: not r["delivered_in_full"] or r["delay_days"] > 0 for r in truth}
    return given_columns, np.array([late.get(i) for i in table["order_id"].to_pylist()])


@pytest.fixture(scope="module")
def scored(portfolio):
    orders = make_orders(portfolio[0], get_backend("cpu"))
    return orders, orders_risk.score_open(orders, AS_OF_DAY, Settings(), get_backend("cpu"))


def test_scores_before_the_due_date_tell_late_orders_from_others(portfolio, scored):
    _, risk = scored
    ahead = risk["status"] == 0
    late = portfolio[1][risk["row"]][ahead].astype(bool)
    p = risk["probability_late"][ahead]
    assert (risk["days_to_due"][ahead] > 0).all()
    backend = get_backend("cpu")
    # the pair's past late rate is what the generator draws from: no model can do much better
    best = auc(risk["pair_late_rate"][ahead], late, backend)
    assert auc(p, late, backend) > max(best - 0.05, 0.55)
    assert abs(p.mean() - late.mean()) < 3 * np.sqrt(0.2 / len(p))  # three standard errors
    low, high = risk["probability_late_low"][ahead], risk["probability_late_high"][ahead]
    assert ((low < p) & (p < high)).all()
    few = risk["supplier_n_due"][ahead] < 3
    assert (high - low)[few].mean() > (high - low)[~few].mean()


def test_an_overdue_order_is_late_and_its_default_grows_with_its_age(scored):
    _, risk = scored
    over = risk["status"] == 1
    assert (risk["probability_late"][over] == 1).all()
    assert risk["is_alert"][over].all()
    age, default = -risk["days_to_due"][over], risk["probability_default"][over]
    assert (default[age >= 60] == 1).all()
    assert default[age < 10].mean() < 0.5


def test_an_order_that_did_not_come_on_its_due_date_is_overdue_that_night(portfolio, scored):
    """Was "open" with the chance of the others, 35% on average, where all were late."""
    first, before = scored
    open_rows = before["row"][before["status"] == 0][:5]
    given = {**portfolio[0], "due_date": portfolio[0]["due_date"].copy()}
    given["due_date"][open_rows] = AS_OF_DAY
    orders = make_orders(given, get_backend("cpu"))
    risk = orders_risk.score_open(orders, AS_OF_DAY, Settings(), get_backend("cpu"))
    today = risk["days_to_due"] == 0
    assert today.sum() == (first.due_day[before["row"]] == AS_OF_DAY).sum() + open_rows.size
    assert (risk["status"][today] == 1).all()
    assert (risk["probability_late"][today] == 1).all()


def test_alerts_keep_to_their_budget(scored):
    _, risk = scored
    ahead = risk["status"] == 0
    chosen = risk["is_alert"][ahead]
    assert 0 < chosen.sum() <= max(1, int(0.1 * ahead.sum())) + 3  # equals come along
    assert risk["score"][ahead][chosen].min() >= risk["score"][ahead][~chosen].max()
    assert risk["is_alert"][~ahead].all()  # what is overdue needs no model
    assert (~ahead).any()


def test_a_back_test_night_sees_nothing_of_what_it_is_asked(portfolio):
    backend = get_backend("cpu")
    few = Settings(backtest_dates=1)
    tests = orders_model.backtest(make_orders(portfolio[0], backend), AS_OF_DAY, few, backend)
    assert [test.day for test in tests] == [AS_OF_DAY - 60]
    nights = orders_model.backtest(
        make_orders(portfolio[0], backend), AS_OF_DAY, Settings(backtest_dates=3), backend
    )
    assert [test.day for test in nights] == [AS_OF_DAY - 120, AS_OF_DAY - 90, AS_OF_DAY - 60]
    for test in tests:
        assert test.brier < test.brier_base * 1.05
        assert test.lead_days > 0
    later = {name: np.array(values) for name, values in portfolio[0].items()}
    after = later["delivered_date"] >= AS_OF_DAY - 60
    later["delivered_date"][after] = NULL_DAY  # what comes after the first night, all changed
    model = orders_model.fit_late(make_orders(portfolio[0], backend), AS_OF_DAY - 60, few, backend)
    other = orders_model.fit_late(make_orders(later, backend), AS_OF_DAY - 60, few, backend)
    some = np.random.default_rng(0).random((50, len(FEATURES)))
    assert np.array_equal(backend.predict_proba(model, some), backend.predict_proba(other, some))


def test_scores_do_not_depend_on_the_order_of_rows(portfolio, scored):
    orders, risk = scored
    turned = np.random.default_rng(1).permutation(len(orders.order_day))
    backend = get_backend("cpu")
    mixed = make_orders({n: v[turned] for n, v in portfolio[0].items()}, backend)
    again = orders_risk.score_open(mixed, AS_OF_DAY, Settings(), backend)
    place = {int(turned[row]): at for at, row in enumerate(again["row"])}
    at = np.array([place[int(row)] for row in risk["row"]])
    for name in ("probability_late", "probability_default", "anomaly", "score", "level",
                 "cluster_id", "density_cluster_id", "is_alert"):  # fmt: skip
        np.testing.assert_array_equal(risk[name], again[name][at], err_msg=name)


def test_few_orders_are_ranked_by_an_isolation_forest(portfolio):
    backend = get_backend("cpu")
    some = {name: values[:120] for name, values in portfolio[0].items()}
    risk = orders_risk.score_open(make_orders(some, backend), AS_OF_DAY, Settings(), backend)
    assert set(risk["method"]) == {orders_risk.METHODS.index("isolation_forest")}
    ahead = risk["status"] == 0
    assert (risk["score"][ahead] <= 50).all()
    assert ((risk["anomaly"] >= 0) & (risk["anomaly"] <= 1)).all()
    none = {name: values[:0] for name, values in portfolio[0].items()}
    empty = orders_risk.score_open(make_orders(none, backend), AS_OF_DAY, Settings(), backend)
    assert empty["row"].shape == (0,)


def test_reasons_quote_what_is_known():
    row = dict.fromkeys((*FEATURES, *QUOTED), 0.0) | {
        "pair_n_due": 8.0, "pair_failed": 4.0, "pair_delay_days": 6.0, "supplier_n_due": 20.0,
        "supplier_failed": 0.0, "amount_ratio": float("nan"), "item_n_due": 0, "item_failed": 0,
    }  # fmt: skip
    parts = np.zeros(len(FEATURES))
    parts[FEATURES.index("pair_late_rate")] = 0.8
    parts[FEATURES.index("supplier_late_rate")] = 0.7  # it never was late: not to be said
    parts[FEATURES.index("amount_ratio")] = 0.6  # not known
    codes, english, chinese = orders_reasons.explain(row, parts, -5)
    assert codes == ["pair_late"]
    assert english == [
        "the supplier was late to this buyer with 50% of 8 orders, 6 days on average"
    ]
    assert chinese == ["该供应商对本买方历史到期8单，50%未按期足额交付，平均延迟6天"]
    assert orders_reasons.explain(row, parts, 12)[0][0] == "overdue"
    assert [one[0] for one in orders_reasons.explain(row, parts, 0)] == [
        "overdue", "not delivered in full on its due date", "到期当日未交齐",
    ]  # fmt: skip


SAID = [  # code, what is known, what is said, and what is known where it is not said
    ("supplier_late", {"supplier_n_due": 20, "supplier_failed": 5, "pair_n_due": 8},
     "the supplier was late with 25% of 20 orders to all buyers",
     "该供应商历史到期20单，25%未按期足额交付", {"pair_n_due": 20}),
    ("supplier_worse", {"supplier_n_due": 25, "supplier_failed": 10, "recent_n_due": 5,
                        "recent_failed": 4},
     "the supplier has become later: 80% of 5 orders due in the last 180 days, 30% of 20 before",
     "该供应商延迟加重：近180天到期5单80%未按期，此前20单30%未按期", {"recent_failed": 2}),
    ("supplier_worse", {"supplier_n_due": 25, "supplier_failed": 10, "recent_n_due": 24,
                        "recent_failed": 10},
     "the supplier has become later: 42% of 24 orders due in the last 180 days, 0% of 1 before",
     "该供应商延迟加重：近180天到期24单42%未按期，此前1单0%未按期",
     {"recent_n_due": 25}),  # all it has are recent
    ("item_late", {"item_n_due": 10, "item_failed": 3}, "late were 30% of 10 orders of this item",
     "该品类历史到期10单，30%未按期", {"item_failed": 0}),
    ("buyer_late", {"buyer_n_due": 12, "buyer_failed": 3}, "late were 25% of 12 orders of this buyer",
     "本买方历史到期12单，25%未按期", {"buyer_failed": 0}),
    ("supplier_busy", {"supplier_n_open": 3, "supplier_n_year": 10},
     "open now: 3 orders of the supplier, which got 10 in a year",
     "该供应商未交订单3单，近一年接单10单", {"supplier_n_open": 0}),
    ("little_history", {"supplier_n_due": 9},
     "little is known of the supplier: 9 orders fell due so far", "该供应商履约记录少：仅9单已到期",
     {"supplier_n_due": 10}),
    ("short_lead", {"lead_days": 10, "lead_ratio": math.log(10 / 25)},
     "10 days from order to due date, with this supplier mostly 25",
     "约定交期10天，该供应商通常约定25天", {"lead_ratio": -0.39}),
    ("large_order", {"amount_ratio": math.log(3.5)}, "3.5 times the supplier's usual order",
     "金额为该供应商平常订单的3.5倍", {"amount_ratio": 0.39}),
    ("close_to_due", {"elapsed_share": 0.8, "days_to_due": 6},
     "not delivered 6 days before it is due, 80% of the lead time gone",
     "距到期6天仍未交齐，交期已过80%", {"elapsed_share": 0.5}),
    ("close_to_due", {"elapsed_share": 0.9, "days_to_due": 1},
     "not delivered 1 day before it is due, 90% of the lead time gone",
     "距到期1天仍未交齐，交期已过90%", {"days_to_due": 0}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "known", "english", "chinese", "unless"), SAID)
def test_reasons_say_what_the_figures_are_and_only_where_they_are_so(
    code, known, english, chinese, unless
):
    reason = next(one for one in orders_reasons.REASONS if one.code == code)
    nothing = dict.fromkeys([*FEATURES, *QUOTED], 0.0)
    nothing |= {"supplier_n_due": 99.0, "item_n_due": 5.0, "pair_n_due": 5.0}
    parts = np.zeros(len(FEATURES))
    parts[FEATURES.index(reason.features[0])] = 0.8
    said = orders_reasons.explain(nothing | known, parts, -6)
    assert said == ([code], [english], [chinese])
    assert not reason.of or not any(
        orders_reasons.explain(nothing | known, parts, -6, (reason.of,))
    )
    if unless is not None:
        assert orders_reasons.explain(nothing | known | unless, parts, -6) == ([], [], [])


@pytest.mark.parametrize(
    ("overdue_days", "n_overdue", "said"),
    [(-5, 1, 1), (-5, 2, 2), (0, 1, 1), (1, 1, None), (1, 2, 1), (12, 3, 2), (-5, 0, None)],
)
def test_an_overdue_order_is_none_of_the_others_that_are(overdue_days, n_overdue, said):
    """On its due date it is not yet one of those whose due date has gone by."""
    row = dict.fromkeys((*FEATURES, *QUOTED), 0.0) | {"supplier_overdue": float(n_overdue)}
    parts = np.zeros(len(FEATURES))
    parts[FEATURES.index("supplier_overdue")] = 0.8
    codes, english, chinese = orders_reasons.explain(row, parts, overdue_days)
    assert ("overdue" in codes) == (overdue_days >= 0)
    wanted = [f"overdue now: {said} other order{'s' * (said != 1)} of the supplier"] if said else []
    assert english[len(english) - len(wanted) :] == wanted
    assert codes.count("supplier_overdue") == len(wanted)
    assert not said or f"另有{said}单" in chinese[-1]


@pytest.mark.parametrize(
    ("overdue_days", "known", "said"),
    [
        (9, {"pair_n_due": 1, "pair_failed": 1}, None),
        (9, {"pair_n_due": 4, "pair_failed": 2},
         "the supplier was late to this buyer with 33% of 3 orders"),
        (-9, {"pair_n_due": 1, "pair_failed": 1},
         "the supplier was late to this buyer with 100% of 1 order"),
        (0, {"pair_n_due": 1, "pair_failed": 1},
         "the supplier was late to this buyer with 100% of 1 order"),
    ],
)  # fmt: skip
def test_an_overdue_order_is_no_reason_for_itself(overdue_days, known, said):
    """The only order of a pair was overdue because all orders of the pair had been late."""
    row = dict.fromkeys((*FEATURES, *QUOTED), 0.0) | {"pair_delay_days": math.nan} | known
    parts = np.zeros(len(FEATURES))
    parts[FEATURES.index("pair_late_rate")] = 0.8
    codes, english, _ = orders_reasons.explain(row, parts, overdue_days)
    assert english[overdue_days >= 0 :] == ([said] if said else [])
    assert ("pair_late" in codes) == (said is not None)


@pytest.mark.parametrize(("overdue_days", "n_recent"), [(180, 3), (181, 4)])
def test_an_overdue_order_is_recent_for_180_days(overdue_days, n_recent):
    row = dict.fromkeys((*FEATURES, *QUOTED), 0.0) | {
        "supplier_n_due": 9.0, "supplier_failed": 5.0, "recent_n_due": 4.0, "recent_failed": 4.0,
    }  # fmt: skip
    parts = np.zeros(len(FEATURES))
    parts[FEATURES.index("supplier_recent_rate")] = 0.8
    assert (
        f"100% of {n_recent} orders due" in orders_reasons.explain(row, parts, overdue_days)[1][1]
    )


def test_short_for_good_counts_as_failed():
    rows = as_orders([{"customer": 1, "supplier": 1, "item": 0, "order": 0, "lead": 9, "after": -3,
                       "short": True, "amount": 5, "currency": 1}])  # fmt: skip
    orders = make_orders(columns(rows), get_backend("cpu"))
    assert orders.failed.tolist() == [True]
    assert orders.full_day.tolist() == [NEVER]
    assert orders.closed_day.tolist() == [FIRST + 6]


@settings(max_examples=30)
@given(st.lists(one_order, min_size=1, max_size=14), st.integers(0, 120), st.integers(1, 12))
def test_what_was_delivered_short_is_no_longer_open(drawn, until, days):
    rows = as_orders(drawn)
    backend = get_backend("cpu")
    asked = Settings(default_after_days=days)
    made = make_orders(columns(rows), backend)
    of_late, still_open = orders_model.default_shares(made, FIRST + until, asked, backend)
    late = [
        (NEVER if one["full"] is None else one["full"] - one["due"],
         NEVER if one["closed"] is None else one["closed"] - one["due"])
        for one in rows
        if one["due"] < until - days and (one["full"] is None or one["full"] > one["due"])
    ]  # fmt: skip
    never = sum(came > days for came, _ in late)
    assert of_late == (never + 0.5) / (len(late) + 1)
    for age in range(days):
        open_ = [came for came, closed in late if closed > age]
        share = (sum(came > days for came in open_) + 0.5) / (len(open_) + 1)
        assert still_open[age] == share
    assert still_open[days] == 1


def test_auc_and_ranks_are_those_of_the_books(backend):
    xp = backend.xp
    score = xp.asarray([0.1, 0.4, 0.4, 0.8, np.nan])
    assert auc(score, xp.asarray([False, True, False, True, True]), backend) == 0.875
    assert np.isnan(auc(score[:2], xp.asarray([True, True]), backend))
    left, right = xp.asarray([1.0, 2.0, 2.0, 4.0]), xp.asarray([10.0, 20.0, 30.0, 40.0])
    assert rank_correlation(left, right, backend) == pytest.approx(0.9486832980505138)
    assert level_of(xp.asarray([10.0, 35.0, 64.9, 65.0, np.nan]), [35, 50, 65], xp).tolist() == [
        0, 1, 2, 3, -1,
    ]  # fmt: skip


def test_a_bucket_publishes_its_own_open_orders_in_their_order(portfolio):
    """Rows of the fit are by bucket, so that each is a slice of them."""
    n_buckets, given = 5, portfolio[0]
    bucket_of = np.random.default_rng(0).integers(0, n_buckets, given["customer"].size)
    bucket_of[bucket_of == 3] = 2  # a bucket without orders
    saved = _Saved(given, bucket_of, n_buckets)
    saved.found = orders_part.fit(saved)
    is_open = (given["delivered_date"] == NULL_DAY) & (given["order_date"] <= AS_OF_DAY)
    for bucket in range(n_buckets):
        rows = orders_part.publish(saved, bucket)["order_risk"]
        mine = np.flatnonzero(bucket_of == bucket)
        want = [str(row) for row in mine if is_open[row]]
        assert rows["order_id"].to_pylist() == want
        due = given["due_date"][mine][is_open[mine]]
        np.testing.assert_array_equal(rows["due_date"], due)
        np.testing.assert_array_equal(rows["days_to_due"], due - AS_OF_DAY)


class _Saved:
    """What the part's steps read, of orders in some buckets."""

    as_of_day, backend = AS_OF_DAY, get_backend("cpu")

    def __init__(self, given, bucket_of, n_buckets):
        self.buckets, self.found = tuple(range(n_buckets)), None
        self.config = SimpleNamespace(finance=SimpleNamespace(orders=Settings(backtest_dates=1)))
        rows = [np.flatnonzero(bucket_of == bucket) for bucket in self.buckets]
        place = np.zeros(bucket_of.size, np.int64)
        self.tables = [{n: v[mine] for n, v in {**given, "place": place}.items()} for mine in rows]
        names = ("order_id", "customer_id", "supplier_id")
        self.ids = [dict.fromkeys(names, pa.array(map(str, mine.tolist()))) for mine in rows]

    def scored(self, name, bucket):
        return self.tables[bucket] if name == "orders" else self.ids[bucket]

    scored_view = scored

    def fitted(self, name):
        return self.found[name]

    def customers(self, _bucket):
        return {"customer_key": np.zeros(1)}
