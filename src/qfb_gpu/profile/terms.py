"""Features of orders: how they are delivered, and how long the customer takes to pay for them.

An order's payment is the first payment out to its supplier, of its exact amount and currency, on
the day of delivery or up to 180 days later, that pays no order delivered before it. Orders paid
in parts, in advance or several at once are not matched: ``terms_matched_share`` says how many are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.ledger import NULL_DAY, NULL_MINOR
from qfb_gpu.profile.feature import Feature, declared, ratio
from qfb_gpu.profile.grouped import YEAR, Grouped, grouped, largest_by, within
from qfb_kernels import order_payments as match

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger, SourceRows

HORIZON_DAYS = 180
LEGAL_DAYS = 60
"""Days from delivery within which a large enterprise pays a small or medium one: 《保障中小企业款项
支付条例》 (State Council Decree No. 802, 2025), article 9."""


def _row(name: str, unit: str, words: str, words_zh: str, dtype: Any = "float64") -> Feature:
    return Feature(f"terms_{name}", unit, words, words_zh, dtype, "orders")


TERMS = (
    _row("n_orders_90d", "orders", "orders placed in the last 90 days", "最近90天下单数", "int64"),
    _row("n_orders_365d", "orders", "orders placed in the last 365 days", "最近365天下单数",
         "int64"),
    _row("amount_minor_365d", "minor", "money of the orders placed in the last 365 days, main "
         "currency", "最近365天订单金额（主币种）",
         "int64"),
    _row("n_suppliers_365d", "counterparties",
         "distinct suppliers of the orders placed in the last 365 days",
         "最近365天下单的不同供应商数",
         "int64"),
    _row("n_open", "orders", "orders not delivered in full", "未全部交付的订单数", "int64"),
    _row("open_minor", "minor", "money of the orders not delivered in full, main currency",
         "未全部交付的订单金额（主币种）",
         "int64"),
    _row("n_overdue", "orders", "orders not delivered in full by the end of the promised day",
         "承诺交付日结束时仍未全部交付的订单数", "int64"),
    _row("delivery_late_share_365d", "share",
         "orders delivered after the promised day / orders delivered in the last 365 days that "
         "have a promised day",
         "最近365天晚于承诺日交付的订单 ÷ 最近365天交付且有承诺日的订单"),
    _row("delivery_delay_mean_days", "days",
         "mean days from the promised day to delivery, of the orders delivered late in the last "
         "365 days",
         "最近365天延迟交付的订单从承诺日到交付的平均天数"),
    _row("matched_share_365d", "share",
         "orders matched to a payment / orders, of the orders delivered in the last 365 days and "
         "at least 90 days ago",
         "最近365天交付且已满90天的订单中匹配到付款的占比"),
    _row("n_paid_365d", "orders", "matched orders paid in the last 365 days",
         "最近365天付款的已匹配订单数", "int64"),
    _row("days_to_pay_mean", "days",
         "mean days from delivery to payment of the orders in terms_n_paid_365d",
         "上述订单（terms_n_paid_365d）从交付到付款的平均天数"),
    _row("days_to_pay_std", "days",
         "population standard deviation of the days from delivery to payment of the same orders",
         "上述订单从交付到付款天数的总体标准差"),
    _row("days_to_pay_longest", "days", "longest of the days from delivery to payment of the "
         "same orders; null: none", "上述订单从交付到付款的最长天数（没有为空）"),
    _row("paid_after_60_share", "share",
         "share of the same orders that was paid more than 60 days after delivery",
         "上述订单中交付60天后才付款的占比"),
)  # fmt: skip


def terms_features(
    orders: SourceRows, ledger: Ledger, main_currency: Any, as_of_day: int, backend: Backend
) -> dict[str, Any]:
    """Return what :data:`TERMS` declares, a value per customer of the ledger.

    Parameters
    ----------
    orders : SourceRows
        The customer is the buyer.
    ledger : Ledger
    main_currency : int16 array, shape (n_customers,)
        From :func:`qfb_gpu.profile.main_currency`.
    """
    xp = backend.xp
    rows = grouped(orders, ledger.n_customers, as_of_day, backend)
    placed, money = within(rows.age("order_date"), YEAR), rows.money(main_currency)
    is_open = rows.column("delivered_date") == NULL_DAY
    supplier = rows.key("supplier")
    overdue = is_open & (rows.column("due_date") != NULL_DAY) & (rows.age("due_date") >= 0)
    found = {
        "n_orders_90d": rows.count(within(rows.age("order_date"), 90)),
        "n_orders_365d": rows.count(placed),
        "amount_minor_365d": rows.total(xp.where(placed, money, 0)),
        "n_suppliers_365d": rows.n_distinct(supplier, placed & (supplier != 0)),
        "n_open": rows.count(is_open),
        "open_minor": rows.total(xp.where(is_open, money, 0)),
        "n_overdue": rows.count(overdue),
        **_delivery(rows),
        **_paying(rows, ledger),
    }
    return declared(found, TERMS, backend)


def _delivery(rows: Grouped) -> dict[str, Any]:
    xp, due = rows.backend.xp, rows.column("due_date")
    delivered = within(rows.age("delivered_date"), YEAR) & (due != NULL_DAY)
    delay = xp.where(delivered, rows.column("delivered_date").astype("int64") - due, 0)
    late = delay > 0
    return {
        "delivery_late_share_365d": ratio(rows.count(late), rows.count(delivered), xp),
        "delivery_delay_mean_days": ratio(
            rows.total(xp.where(late, delay, 0)), rows.count(late), xp
        ),
    }


def _paying(rows: Grouped, ledger: Ledger) -> dict[str, Any]:
    xp = rows.backend.xp
    paid_day = payment_days(rows, ledger)
    paid = within(rows.as_of_day - paid_day.astype("int64"), YEAR)
    days = xp.where(paid, paid_day.astype("int64") - rows.column("delivered_date"), 0)
    n, total, squares = rows.count(paid), rows.total(days), rows.total(days * days)
    age = rows.age("delivered_date")
    ripe = within(age, YEAR) & (age >= 90)  # noqa: PLR2004
    longest = largest_by(rows.customer[paid], days[paid], rows.n_customers, rows.backend)
    return {
        "matched_share_365d": ratio(
            rows.count(ripe & (paid_day != NULL_DAY)), rows.count(ripe), xp
        ),
        "n_paid_365d": n,
        "days_to_pay_mean": ratio(total, n, xp),
        "days_to_pay_std": xp.sqrt(ratio(n * squares - total * total, n * n, xp)),
        "days_to_pay_longest": xp.where(longest < 0, xp.nan, longest.astype("float64")),
        "paid_after_60_share": ratio(rows.count(paid & (days > LEGAL_DAYS)), n, xp),
    }


def payment_days(rows: Grouped, ledger: Ledger) -> Any:
    """Return the day each kept order was paid, ``NULL_DAY`` where no payment matches: int32."""
    backend, xp = rows.backend, rows.backend.xp
    paid_day = xp.full(rows.kept.shape[0], NULL_DAY, dtype="int32")
    delivered, amount = rows.column("delivered_date"), rows.column("amount_minor")
    payee = rows.key("supplier")
    may = (delivered != NULL_DAY) & (payee != 0) & (amount != NULL_MINOR) & (amount > 0)
    places = xp.nonzero(may)[0]
    order = places[backend.lexsort((rows.customer[places], delivered[places]))]
    offsets = xp.searchsorted(rows.customer[order], xp.arange(rows.n_customers + 1))
    found = xp.full(order.shape[0], NULL_DAY, dtype="int32")
    taken = xp.zeros(ledger.n_payments, dtype="int8")
    backend.launch(
        match.order_payments_cpu, match.order_payments_gpu, rows.n_customers,
        delivered[order], amount[order], payee[order], rows.column("currency")[order],
        ledger.day, ledger.amount_minor, ledger.relation_offsets, ledger.counterparty_key,
        ledger.direction, ledger.currency, HORIZON_DAYS, offsets.astype("int64"),
        ledger.customer_offsets, taken, found,
    )  # fmt: skip
    paid_day[order] = found
    return paid_day
