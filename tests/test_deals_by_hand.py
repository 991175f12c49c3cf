"""Contracts, terms and orders of banks of a few rows, whose gold tables are known by heart."""

import datetime as dt

import deals_case
import numpy as np
import pyarrow as pa
import pytest

from qfb_gpu.parts import contract_tables, orders
from qfb_gpu.parts.contracts import CONTRACTS
from qfb_gpu.parts.orders import ORDERS
from qfb_gpu.parts.part import FEATURES
from qfb_gpu.parts.payment_terms import PAYMENT_TERMS
from qfb_gpu.parts.source_features import SOURCE_FEATURES

AS_OF = dt.date(2024, 12, 31)
CLAUSE = "合同签订后10个工作日内付30%，验收后30日内付70%"


def payments(*rows):
    """Return payments of customer A with party P: (id, date, amount, direction, currency)."""
    names = ("txn_id", "date", "amount", "direction", "currency")
    return of_rows(names, rows, customer_id="A", counterparty_id="P", memo=None)


def contracts(*rows):
    """Return contracts of A with P: (id, start, amount, currency, clause)."""
    names = ("contract_id", "start_date", "amount", "currency", "clause")
    end = {"end_date": dt.date(2025, 12, 31), "category": "goods"}
    return of_rows(names, rows, customer_id="A", counterparty_id="P", **end)


def links(*rows):
    return of_rows(("contract_id", "txn_id"), rows, customer_id="A")


def of_rows(names, rows, **same):
    columns = {name: [row[at] for row in rows] for at, name in enumerate(names)}
    columns |= {name: [value] * len(rows) for name, value in same.items()}
    texts = [name for name, values in columns.items() if all(v is None for v in values)]
    return pa.table({n: pa.array(v, pa.string() if n in texts else None)
                     for n, v in columns.items()})  # fmt: skip


def night(folder, paid, deals, linked, parts=(CONTRACTS,), as_of=AS_OF):
    tables = {"transactions": paid, "contracts": deals, "contract_payments": linked}
    return deals_case.Night(folder, tables, list(parts), as_of=as_of)


def test_a_payment_in_another_currency_is_told_in_its_own(tmp_path):
    start = dt.date(2024, 3, 1)
    paid = payments(("t1", dt.date(2024, 3, 5), 300.0, "out", "CNY"),
                    ("t2", dt.date(2024, 3, 6), 9000.0, "out", "JPY"))  # fmt: skip
    deals = contracts(("k1", start, 1000.0, "CNY", "预付30%，验收70%"))
    found = night(tmp_path, paid, deals, links(("k1", "t1"), ("k1", "t2")))
    rows = found.table("contract_payments")
    assert rows.currency.tolist() == ["CNY", "JPY"]
    assert rows.amount_minor.tolist() == [30_000, 9_000]
    assert rows.ratio.isna().tolist() == [False, True]
    assert found.table("contract_summary").paid_minor.tolist() == [30_000]


@pytest.mark.parametrize("received", [4, 5, 6])
def test_a_link_is_of_what_was_paid_where_a_receipt_has_its_number(tmp_path, received):
    """Receipts and payments may be numbered apart: the receipt was taken for a refund."""
    march = [dt.date(2024, 3, day) for day in (received, 5, 8)]
    paid = payments(("1", march[0], 77.0, "in", "CNY"), ("1", march[1], 300.0, "out", "CNY"),
                    ("2", march[2], 9.0, "in", "CNY"))  # fmt: skip
    deals = contracts(("k1", dt.date(2024, 3, 1), 1000.0, "CNY", "预付30%，验收70%"))
    found = night(tmp_path, paid, deals, links(("k1", "1"), ("k1", "2")))
    rows = found.table("contract_payments")
    assert rows.amount_minor.tolist() == [300_00, -9_00]
    assert rows.basis.tolist() == ["link", "link"]
    assert found.table("contract_summary").paid_minor.tolist() == [291_00]
    part = {part.name: part for part in SOURCE_FEATURES}["contracts_paid_features"]
    features = part.score(found.given(part))[FEATURES]
    assert features["contracts_paid_minor_active"].tolist() == [291_00]


@pytest.mark.parametrize(("as_of", "n_overdue"), [(14, 0), (15, 1), (16, 1)])
def test_a_node_is_overdue_at_the_end_of_its_due_date_in_part_or_whole(tmp_path, as_of, n_overdue):
    """Ten working days after 1 March 2024, a Friday, are 15 March; of k2 a third is paid."""
    start = dt.date(2024, 3, 1)
    paid = payments(("t1", dt.date(2024, 3, 5), 100.0, "out", "CNY"))
    deals = contracts(("k1", start, 500.0, "CNY", CLAUSE), ("k2", start, 1000.0, "CNY", CLAUSE))
    found = night(tmp_path, paid, deals, links(("k2", "t1")), as_of=dt.date(2024, 3, as_of))
    nodes = found.table("contract_nodes")
    assert nodes.due_date[0] == nodes.due_date[2] == dt.date(2024, 3, 15)
    assert nodes.status.tolist() == ["overdue" if n_overdue else "open", "open", "part", "open"]
    assert found.table("contract_summary").n_nodes_overdue.tolist() == [n_overdue, n_overdue]


def test_a_contract_that_is_paid_in_full_awaits_no_payment(tmp_path):
    start = dt.date(2024, 3, 1)
    paid = payments(("t1", dt.date(2024, 3, 5), 1000.0, "out", "CNY"),
                    ("t2", dt.date(2024, 3, 6), 300.0, "out", "CNY"))  # fmt: skip
    deals = contracts(("k1", start, 1000.0, "CNY", "预付30%，验收70%"),
                      ("k2", start, 1000.0, "CNY", "预付30%，验收70%"))  # fmt: skip
    found = night(tmp_path, paid, deals, links(("k1", "t1"), ("k2", "t2")))
    summary = found.table("contract_summary")
    assert summary.is_finished.tolist() == [True, False]
    assert summary.next_kind.isna().tolist() == [True, False]
    assert summary.next_amount.isna().tolist() == [True, False]
    assert summary.next_percent[1] == 70


def next_amounts(folder, first, clause="预付30%，验收70%"):
    """Return the summary of contracts of 1,000.00, of each of which one payment is known."""
    day = dt.date(2024, 3, 1)
    ids = [f"{at:03d}" for at in range(len(first))]
    paid = payments(*((f"t{at}", day, amount, "out", "CNY")
                      for at, amount in zip(ids, first, strict=True)))  # fmt: skip
    deals = contracts(*((f"k{at}", day, 1000.0, "CNY", clause) for at in ids))
    return night(folder, paid, deals, links(*((f"k{at}", f"t{at}") for at in ids))).table(
        "contract_summary"
    )


def test_what_is_promised_lies_within_the_range_of_the_next_amount(tmp_path):
    """A node that is paid in part says nothing of what nodes are paid: the rest is to come."""
    summary = next_amounts(tmp_path, [40.0, *[299.0] * 12])
    assert summary.next_amount.tolist() == [260.0, *[700.0] * 12]
    assert (summary.next_amount_high == summary.next_amount).all()
    assert summary.next_amount_low[1:].to_numpy() == pytest.approx(700 * 299 / 300)


def test_what_is_left_of_a_node_paid_in_part_varies_as_the_whole_does(tmp_path):
    """Of 300 in all 297 to 303 will be paid, so of 60 that are left 57 to 63, not 59.4 to 60.6."""
    summary = next_amounts(tmp_path, [240.0, *[297.0, 300.0, 303.0] * 4])
    ends = summary[["next_amount_low", "next_amount", "next_amount_high"]].iloc[0]
    assert ends.to_numpy() == pytest.approx([57.0, 60.0, 63.0])


@pytest.mark.parametrize("n", [0, 1, 9])
def test_few_nodes_tell_no_range_of_the_next_amount(tmp_path, n):
    summary = next_amounts(tmp_path, [40.0, *[300.0] * n])
    assert summary.next_amount[0] == 260
    assert summary[["next_amount_low", "next_amount_high"]].isna().all(axis=None)


@pytest.mark.parametrize("n", [10, 18, 19, 38, 39, 60])
def test_the_range_of_the_next_amount_is_that_of_a_sample(tmp_path, n):
    """The i-th of n holds i / (n + 1) of what comes; by plain quantiles of 10 they held 74 of 100."""
    paid = np.random.default_rng(n).permutation(np.arange(n) - n // 2) / 10 + 300
    summary = next_amounts(tmp_path, paid.tolist())
    least = max(i for i in range(1, n + 1) if i == 1 or 20 * i <= n + 1)
    ends = np.sort(paid)[[least - 1, n - least]]
    assert summary.next_amount_low[0] == pytest.approx(700 * ends[0] / 300)
    assert summary.next_amount_high[0] == pytest.approx(700 * ends[1] / 300)


def test_a_framework_contract_of_one_yuan_has_shares_above_0(tmp_path):
    paid = payments(("t1", dt.date(2024, 3, 5), 5e5, "out", "CNY"),
                    ("t2", dt.date(2024, 4, 5), 1.0, "out", "CNY"))  # fmt: skip
    deals = contracts(("k1", dt.date(2024, 3, 1), 1.0, "CNY", None))
    nodes = night(tmp_path, paid, deals, links(("k1", "t1"), ("k1", "t2"))).table("contract_nodes")
    assert nodes.percent_paid.tolist() == [5e7, 100]
    assert nodes.percent.tolist() == [5e7, 100]  # it was below 0


def test_working_days_of_a_clause_are_waited_from_the_signature(tmp_path):
    """The trigger was taken to be ten days before the due date, four days after the signature."""
    paid = payments(("t1", dt.date(2024, 3, 18), 300.0, "out", "CNY"))
    deals = contracts(("k1", dt.date(2024, 3, 1), 1000.0, "CNY", CLAUSE))
    found = night(tmp_path, paid, deals, links(("k1", "t1")), (CONTRACTS, PAYMENT_TERMS))
    terms = found.table("payment_terms").iloc[0]
    assert (terms.basis, terms.days_mean, terms.terms_days) == ("contracts", 17, 14)
    assert (terms.terms_share, terms.late_share) == (1, 0)


def test_what_is_paid_of_a_node_is_not_payable(tmp_path):
    """Of 300.00 due at the signature 100.00 are paid: all 300.00 were said to be payable."""
    paid = payments(("t1", dt.date(2024, 3, 5), 100.0, "out", "CNY"))
    deals = contracts(("k1", dt.date(2024, 3, 1), 1000.0, "CNY", CLAUSE))
    found = night(tmp_path, paid, deals, links(("k1", "t1")), (CONTRACTS, PAYMENT_TERMS))
    terms = found.table("payment_terms").iloc[0]
    assert (terms.n_open, terms.purchases_minor, terms.payable_minor) == (1, 300_00, 200_00)
    assert terms.dpo_days == pytest.approx(365 * 2 / 3)
    assert found.profile["terms_dpo_days"].tolist() == pytest.approx([365 * 2 / 3])


def test_a_supplier_depends_on_who_pays_it_whatever_was_ordered(tmp_path):
    """Of the payments of a year, three quarters are A's; half of them are of no order."""
    day = dt.timedelta(days=1)
    rows = [
        ("A", "S", AS_OF - 40 * day, 150.0, "CNY"), ("A", "S", AS_OF - 20 * day, 150.0, "CNY"),
        ("B", "S", AS_OF - 30 * day, 100.0, "CNY"), ("B", "S", AS_OF - 400 * day, 9e5, "CNY"),
        ("A", "S", AS_OF - 9 * day, 70.0, "USD"), ("B", "T", AS_OF - 9 * day, 5.0, "CNY"),
    ]  # fmt: skip
    names = ("customer_id", "counterparty_id", "date", "amount", "currency")
    paid = of_rows(names, rows, direction="out", memo=None)
    paid = paid.append_column("txn_id", pa.array([f"t{at}" for at in range(len(rows))]))
    orders = [
        ("o1", "A", 150.0, AS_OF - 90 * day), ("o2", "B", 100.0, AS_OF - 90 * day),
        ("o3", "B", 800.0, AS_OF - 10 * day), ("o4", "B", 800.0, AS_OF - 11 * day),
    ]  # fmt: skip
    names = ("order_id", "customer_id", "amount", "delivered_date")
    bought = of_rows(names, orders, supplier_id="S", order_date=AS_OF - 100 * day, item="x",
                     due_date=AS_OF - 90 * day, currency="CNY")  # fmt: skip
    tables = {"transactions": paid, "orders": bought}
    terms = deals_case.Night(tmp_path, tables, [PAYMENT_TERMS]).table("payment_terms")
    terms = terms[terms.basis == "orders"].set_index(["customer_id", "currency"])
    assert terms.dependency.to_dict() == {("A", "CNY"): 0.75, ("B", "CNY"): 0.25}
    assert terms.purchases_minor.tolist() == [150_00, 1_700_00]


def test_a_credit_note_changes_no_figure_of_payment_terms(tmp_path):
    day = dt.timedelta(days=1)
    paid = payments(("t1", AS_OF - 40 * day, 1513.37, "out", "CNY"),
                    ("t2", AS_OF - 20 * day, 507.91, "out", "CNY"),
                    ("t3", AS_OF - 10 * day, 613.19, "in", "CNY"))  # fmt: skip
    orders = [("o1", 1513.37, AS_OF - 80 * day), ("o2", 507.91, AS_OF - 30 * day),
              ("o3", -613.19, AS_OF - 70 * day), ("o4", 0.0, AS_OF - 70 * day)]  # fmt: skip
    names = ("order_id", "amount", "delivered_date")
    for kept in (orders[:2], orders):
        bought = of_rows(names, kept, customer_id="A", supplier_id="P", item="x", currency="CNY",
                         order_date=AS_OF - 100 * day, due_date=AS_OF - 90 * day)  # fmt: skip
        tables = {"transactions": paid, "orders": bought}
        one = deals_case.Night(tmp_path / str(len(kept)), tables, [PAYMENT_TERMS])
        terms = one.table("payment_terms").query("basis == 'orders'").iloc[0]
        assert (terms.n_invoices, terms.n_paid, terms.purchases_minor) == (2, 2, 2021_28)
        assert terms.days_mean == 25
        assert terms.days_weighted == pytest.approx((40 * 1513.37 + 10 * 507.91) / 2021.28)


def test_a_category_has_one_name_in_whatever_order_its_spellings_come(tmp_path):
    deals = contracts(*((f"k{at}", dt.date(2024, 3, 1), 10.0, "CNY", None) for at in range(3)))
    paid = payments(("t1", dt.date(2024, 3, 18), 3.0, "out", "CNY"))
    for at, names in enumerate((["goods", "Goods", None], [None, "Goods", "goods"])):
        other = with_column(deals, "category", names)
        groups = night(tmp_path / str(at), paid, other, links(("k0", "t1"))).table(
            "contract_groups"
        )
        found = groups[groups.group_by == "category"]
        assert dict(zip(found.group, found.n_contracts, strict=True)) == {
            "Goods": 2, "not given": 1,
        }  # fmt: skip


def test_nothing_is_said_of_a_supplier_or_item_that_orders_do_not_name(tmp_path):
    day = dt.timedelta(days=1)
    late = [
        (f"o{at}", (at % 2 and "S") or None, AS_OF - 400 * day, AS_OF - (300 - at) * day,
         AS_OF - 100 * day if at > 3 else None)
        for at in range(20)
    ]  # fmt: skip
    ahead = [("new", None, AS_OF - 9 * day, AS_OF + day, None)]
    names = ("order_id", "supplier_id", "order_date", "due_date", "delivered_date")
    rows = of_rows(names, late + ahead, customer_id="A", item=None, amount=5.0, currency="CNY")
    paid = payments(("t1", dt.date(2024, 3, 18), 3.0, "out", "CNY"))
    tables = {"transactions": paid, "orders": rows}
    risk = deals_case.Night(tmp_path, tables, [ORDERS]).table("order_risk").set_index("order_id")
    assert sorted(risk.index) == ["new", "o0", "o1", "o2", "o3"]
    for name in ("new", "o0", "o2"):
        assert not any(w in risk.reasons[name] for w in ("supplier", "item")), name
        assert "供应商" not in risk.reasons_zh[name]
    assert "overdue now: 1 other order of the supplier" in risk.reasons["o1"]  # o3, not itself
    assert np.isfinite(risk.score).all()


def test_suppliers_and_categories_that_came_with_an_update_have_no_mean_yet():
    """The mean of another group was told, or the update stopped: fitted are the groups before."""
    fitted = {"key": np.array([-5, 0, 7]), "payments_mean": np.array([1.0, 2.0, 3.0])}
    saved = deals_case.namespace(fitted=lambda _name: fitted)
    means = contract_tables._mean_of(saved, "suppliers", np.array([7, 3, -5, 9]))
    np.testing.assert_array_equal(means, [3.0, np.nan, 1.0, np.nan])


def test_a_number_of_another_payers_contract_in_a_memo_says_nothing(tmp_path):
    """It was the number of another contract only where both payers were in one bucket."""
    paid = payments(("t1", dt.date(2024, 3, 5), 317.53, "out", "CNY"),
                    ("t2", dt.date(2024, 3, 5), 5.0, "out", "CNY"))  # fmt: skip
    paid = with_column(paid, "customer_id", ["A", "B"])
    paid = with_column(paid, "memo", ["货款 900002", "x"])
    deals = contracts(("HT-900001", dt.date(2024, 3, 1), 1058.43, "CNY", "预付30%，验收70%"),
                      ("HT-900002", dt.date(2024, 3, 1), 1000.0, "CNY", "预付30%，验收70%"))  # fmt: skip
    for owner, found in (("B", 1), ("A", 0)):
        tables = (paid, with_column(deals, "customer_id", ["A", owner]), links(("none", "none")))
        rows = night(tmp_path / owner, *tables).table("contract_payments")
        assert rows.contract_id.tolist() == ["HT-900001"] * found


def with_column(table, name, values):
    return table.set_column(table.column_names.index(name), name, pa.array(values))


def test_a_bucket_without_open_orders_writes_the_types_of_all_others():
    """Its sums of nothing were whole numbers: customer_profiles could not be read."""
    risk = {n: np.empty(0) for n in ("probability_late", "status", "is_alert")}
    columns = orders._profile({"place": np.empty(0, np.int32)}, risk, 3)
    assert columns["risk_orders_late_expected"].dtype == np.float64
    assert columns["risk_orders_open"].dtype == np.int32
