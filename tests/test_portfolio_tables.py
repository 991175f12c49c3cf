"""Orders, contracts, claims, journeys, contacts and products of the portfolio, and their truth."""

import datetime as dt
from collections import Counter, defaultdict
from decimal import Decimal

import pandas as pd
import pytest
from naive import portfolio as naive

from qfb_gpu.portfolio import AS_OF, generate_portfolio
from qfb_gpu.schema import SOURCES

N = 300
KINDS = ["预付款", "进度款", "到货款", "验收款", "结算款", "质保金"]
PROMISES = {("orders", "due_date"), ("contracts", "end_date")}
NOT_MADE = (("customers", "valid_from"), ("customers", "valid_to"))
DEALS = ("transactions", "contracts", "contract_payments", "orders", "truth/orders",
         "truth/contracts", "truth/contract_nodes")  # fmt: skip


@pytest.fixture(scope="module")
def real():
    return {name: naive.rows(table) for name, table in generate_portfolio(N, 5).items()}


@pytest.fixture(scope="module")
def clean():
    tables = generate_portfolio(N, 5, hardness=0, tables=DEALS)
    return {name: naive.rows(table) for name, table in tables.items()}


@pytest.fixture(scope="module")
def many():
    tables = generate_portfolio(
        3000, 2, tables=["events", "products", "touches", "truth/churn", "truth/next_product"]
    )
    return {name: table.to_pandas(date_as_object=False) for name, table in tables.items()}


def by(rows, *names):
    return {tuple(row[name] for name in names): row for row in rows}


def test_no_source_knows_what_comes_after_as_of(real):
    for name, table in SOURCES.items():
        for column in table.columns if name in real else ():
            if column.kind == "date" and (name, column.name) not in PROMISES | set(NOT_MADE):
                dates = [row[column.name] for row in real[name] if row[column.name]]
                assert dates, (name, column.name)
                assert max(dates) <= AS_OF, (name, column.name)


def test_every_row_belongs_to_a_customer_that_was_there(real):
    opened = {row["customer_id"]: row["opened_date"] for row in real["customers"]}
    first_date = {"orders": "order_date", "contracts": "start_date", "products": "opened_date"}
    for name in (set(SOURCES) & set(real)) - {"customers", "contract_payments"}:
        for row in real[name]:
            assert row[first_date.get(name, "date")] >= opened[row["customer_id"]], (name, row)


@pytest.mark.parametrize("portfolio", ["real", "clean"])
def test_nodes_of_a_contract_make_the_whole_and_are_really_paid(portfolio, request):
    tables = request.getfixturevalue(portfolio)
    payments = by(tables["transactions"], "customer_id", "txn_id")
    nodes = defaultdict(list)
    for node in tables["truth/contract_nodes"]:
        nodes[node["contract_id"]].append(node)
    truths = by(tables["truth/contracts"], "contract_id")
    assert len(truths) == len(tables["contracts"]) == len(nodes)
    for contract in tables["contracts"]:
        own, truth = nodes[contract["contract_id"]], truths[contract["contract_id"],]
        assert [node["node_no"] for node in own] == list(range(truth["n_nodes"]))
        assert sum(node["percent"] for node in own) == 100
        assert sum(node["amount"] for node in own) == contract["amount"]
        paid = [node for node in own if node["txn_id"] is not None]
        assert truth["paid_share"] == pytest.approx(sum(node["percent"] for node in paid) / 100)
        total = Decimal(0)
        for node in paid:
            payment = payments[contract["customer_id"], node["txn_id"]]
            assert payment["direction"] == "out"
            assert payment["counterparty_id"] in (contract["counterparty_id"], None)
            assert payment["currency"] == contract["currency"]
            assert (payment["date"], payment["amount"]) == (node["paid_date"], node["amount"])
            total += payment["amount"]
        assert total == sum(node["amount"] for node in paid)
        assert float(total / contract["amount"]) == pytest.approx(truth["paid_share"])


def test_node_is_unpaid_only_where_its_day_has_not_come_or_never_comes(real):
    kinds = Counter()
    for node in real["truth/contract_nodes"]:
        kinds[node["kind"]] += 1
        came = node["paid_date"] is not None and node["paid_date"] <= AS_OF
        assert (node["txn_id"] is not None) == came
        if node["paid_date"] is not None:
            assert node["late_days"] == (node["paid_date"] - node["due_date"]).days
        else:
            assert node["late_days"] is None
    assert set(kinds) == set(KINDS)


def test_contract_breaches_when_a_node_is_never_paid_or_two_months_late(real, clean):
    first_breach = {}
    for node in real["truth/contract_nodes"]:
        if node["late_days"] is None or node["late_days"] > 60:
            day = node["due_date"] + dt.timedelta(days=60)
            first_breach[node["contract_id"]] = min(day, first_breach.get(node["contract_id"], day))
    for row in real["truth/contracts"]:
        assert row["breach_date"] == first_breach.get(row["contract_id"])
        assert row["breached"] == (row["contract_id"] in first_breach)
    assert 0.03 < len(first_breach) / len(real["truth/contracts"]) < 0.25
    assert not any(row["breached"] for row in clean["truth/contracts"])


def test_links_are_true_and_some_are_missing(real, clean):
    for tables, low, high in ((real, 0.06, 0.2), (clean, 0, 0)):
        paid = {
            (node["contract_id"], node["txn_id"]): node
            for node in tables["truth/contract_nodes"]
            if node["txn_id"] is not None
        }
        links = {(row["contract_id"], row["txn_id"]) for row in tables["contract_payments"]}
        assert links == {key for key, node in paid.items() if node["is_linked"]}
        assert low <= 1 - len(links) / len(paid) <= high
        assert len(links) == len(tables["contract_payments"])


def test_clauses_say_the_nodes(real):
    nodes = defaultdict(lambda: defaultdict(float))
    for node in real["truth/contract_nodes"]:
        nodes[node["contract_id"]][node["kind"]] += node["percent"]
    terse = english = 0
    for contract in real["contracts"]:
        own = nodes[contract["contract_id"]]
        shares = naive.clause_shares(contract["clause"])
        english += contract["clause"].isascii()
        if shares is not None:
            terse += 1
            assert shares == own, contract["clause"]
        elif not contract["clause"].isascii():
            for kind in own:
                assert kind.removesuffix("款") in contract["clause"], (kind, contract["clause"])
    assert terse > 30
    assert english > 10
    assert {row["category"] for row in real["contracts"]} == {"goods", "works", "service", "lease"}


def test_memos_of_contract_payments_speak_of_them(real):
    payments = by(real["transactions"], "customer_id", "txn_id")
    memos = [
        payments[row["customer_id"], row["txn_id"]]["memo"] for row in real["contract_payments"]
    ]
    numbered = named = 0
    for link, memo in zip(real["contract_payments"], memos, strict=True):
        numbered += memo is not None and link["contract_id"][-9:] in memo
        named += memo is not None and any(kind in memo for kind in KINDS)
    assert numbered > len(memos) / 3
    assert named > len(memos) / 5


def test_clean_contracts_are_paid_on_the_day(clean):
    assert all(-1 < node["late_days"] <= 12 for node in clean["truth/contract_nodes"])


@pytest.mark.parametrize("portfolio", ["real", "clean"])
def test_orders_are_open_until_delivered_in_full(portfolio, request):
    tables = request.getfixturevalue(portfolio)
    truth = by(tables["truth/orders"], "order_id")
    still_open = 0
    for order in tables["orders"]:
        assert order["order_date"] < order["due_date"]
        assert order["amount"] > 0
        if order["delivered_date"] is not None:
            assert order["quantity_delivered"] == order["quantity"] > 0
            assert order["delivered_date"] > order["order_date"]
            assert (order["order_id"],) not in truth
            continue
        still_open += 1
        assert 0 <= order["quantity_delivered"] < order["quantity"]
        row = truth[order["order_id"],]
        assert row["delivered_in_full"] == (row["delivered_date"] is not None)
        if row["delivered_in_full"]:
            assert row["delivered_date"] > AS_OF
            assert row["delay_days"] == (row["delivered_date"] - order["due_date"]).days
        else:
            assert row["delay_days"] is None
    assert still_open == len(truth) > 50
    if portfolio == "clean":
        assert {row["delay_days"] for row in tables["truth/orders"]} == {0}
    else:
        assert any(0 < o["quantity_delivered"] < o["quantity"] for o in tables["orders"])
        assert {row["delivered_in_full"] for row in tables["truth/orders"]} == {True, False}


def test_delivered_orders_are_paid_after_their_terms(clean):
    """Clean buyers pay on the day: each payment's gap from delivery is one of the usual terms."""
    paid = defaultdict(list)
    for row in clean["transactions"]:
        if row["direction"] == "out" and row["memo"]:
            paid[row["customer_id"], row["amount"]].append(row["date"])
    found = overdue = 0
    for order in clean["orders"]:
        if order["delivered_date"] is None:
            continue
        dates = paid.get((order["customer_id"], order["amount"]), [])
        gaps = [(date - order["delivered_date"]).days for date in dates]
        fits = any(term <= gap <= term + 11 for gap in gaps for term in (0, 15, 30, 45, 60, 90))
        found += fits
        overdue += not fits and (AS_OF - order["delivered_date"]).days > 101
    assert found > len(clean["orders"]) / 2
    assert overdue == 0


def test_claims_run_in_order(real):
    for row in real["claims"]:
        assert row["date"] < row["submitted_date"]
        assert row["paid_date"] is None or row["paid_date"] > row["submitted_date"]
        assert row["amount"] > 0
    still_open = sum(row["paid_date"] is None for row in real["claims"])
    assert 0 < still_open < len(real["claims"]) / 10


def test_sessions_start_with_a_login_and_end_as_sessions_do(real):
    sessions = defaultdict(list)
    for row in real["events"]:
        sessions[row["customer_id"], row["session_id"]].append(row)
    lasts = Counter()
    for steps in sessions.values():
        assert steps[0]["step"] == "login"
        assert len({(step["date"], step["channel"]) for step in steps}) == 1
        names = [step["step"] for step in steps]
        assert ("apply" in names) == (names[-1] in ("submit", "abandon"))
        lasts[names[-1]] += 1
    assert set(lasts) == {"login", "view", "quote", "transfer", "submit", "abandon"}


def test_churn_shows_in_what_customers_do_before(many):
    churn = many["truth/churn"].set_index("customer_id")
    assert 0.03 < churn["churned"].mean() < 0.1
    dates = churn["churn_date"].dropna()
    assert (dates > pd.Timestamp(AS_OF)).all()
    events = many["events"].merge(churn, left_on="customer_id", right_index=True)
    recent = events["date"] > pd.Timestamp(AS_OF) - pd.Timedelta(days=90)
    share = recent.groupby(events["churned"]).mean()
    assert share[True] < 0.7 * share[False]
    closed = many["products"].merge(churn, left_on="customer_id", right_index=True)
    assert (closed["product_id"] == "account").sum() == len(churn)
    assert closed.loc[closed["product_id"] == "account", "closed_date"].isna().all()


def test_churn_thins_the_payments_too():
    tables = generate_portfolio(1000, 2, tables=["transactions", "truth/churn"])
    churn = tables["truth/churn"].to_pandas().set_index("customer_id")["churned"]
    payments = tables["transactions"].select(["customer_id", "date"]).to_pandas()
    recent = payments["date"] > AS_OF - dt.timedelta(days=60)
    share = recent.groupby(payments["customer_id"].map(churn)).mean()
    assert share[True] < 0.8 * share[False]


def test_interest_shows_before_the_next_product(many):
    following = many["truth/next_product"].set_index("customer_id")
    dates = following["opened_date"].dropna()
    assert 0.1 < len(dates) / len(following) < 0.4
    assert (dates > pd.Timestamp(AS_OF)).all()
    assert (dates <= pd.Timestamp(AS_OF) + pd.Timedelta(days=180)).all()
    held = set(zip(many["products"]["customer_id"], many["products"]["product_id"], strict=True))
    wanted = following.dropna()
    assert not held & set(zip(wanted.index, wanted["product_id"], strict=True))
    events = many["events"]
    recent = events[events["date"] > pd.Timestamp(AS_OF) - pd.Timedelta(days=30)]
    views = recent[recent["step"].isin(["view", "quote", "apply"])].groupby("customer_id").size()
    views = views.reindex(following.index, fill_value=0)
    soon = following["opened_date"] <= pd.Timestamp(AS_OF) + pd.Timedelta(days=30)
    assert views[soon].mean() > 2 * views[~soon].mean()


def test_products_close_after_they_open_and_orders_are_numbered_by_date(real):
    closed = [row for row in real["products"] if row["closed_date"] is not None]
    assert closed
    assert all(row["opened_date"] < row["closed_date"] for row in closed)
    dates = defaultdict(list)
    for row in sorted(real["orders"], key=lambda row: row["order_id"]):
        dates[row["order_id"][:12]].append(
            row["order_date"]
        )  # of a customer and a part of its trade
    assert all(days == sorted(days) for days in dates.values())


def test_openings_end_with_a_submitted_application(real):
    opened = {
        (row["customer_id"], row["opened_date"])
        for row in real["products"]
        if row["product_id"] != "account" and row["opened_date"] > dt.date(2023, 1, 1)
    }
    submitted = {(r["customer_id"], r["date"]) for r in real["events"] if r["step"] == "submit"}
    assert len(opened & submitted) > 0.9 * len(opened)


def test_contacts_are_answered_more_where_there_is_interest(many):
    touches, following = many["touches"], many["truth/next_product"]
    waiting = touches["responded"].isna()
    assert (touches.loc[waiting, "date"] > pd.Timestamp(AS_OF) - pd.Timedelta(days=30)).all()
    known = touches[~waiting].merge(
        many["products"].query("product_id != 'account'")[["customer_id", "opened_date"]],
        on="customer_id",
    )
    ahead = (known["opened_date"] - known["date"]).dt.days
    rate = known["responded"].astype(float).groupby((ahead > 0) & (ahead <= 60)).mean()
    assert rate[True] > 2 * rate[False]
    assert len(following) == 3000
