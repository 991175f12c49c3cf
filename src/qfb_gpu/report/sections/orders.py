"""Orders: which open ones will come late, why, and how well such warnings did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.report.charts.rows import rows
from qfb_gpu.report.figures.columns import column, numbers, read_or_none
from qfb_gpu.report.markup import (
    Html,
    card,
    cards,
    chinese,
    empty,
    esc,
    legend,
    name,
    section,
    table,
)
from qfb_gpu.report.sections.section import Section
from qfb_gpu.report.wording import count, day, money_exact, percent, plural

if TYPE_CHECKING:
    from qfb_gpu.report.figures.columns import Read

_ORDERS = [
    "order_id", "customer_id", "supplier_id", "due_date", "days_to_due", "status", "amount_minor",
    "currency", "probability_late", "probability_late_low", "probability_late_high", "score",
    "level", "is_alert", "method", "reasons", "reasons_zh",
]  # fmt: skip
_NIGHTS = [
    "date", "n_orders", "n_late", "auc", "auc_supplier", "precision", "precision_supplier",
    "recall", "brier", "brier_base", "lead_days",
]  # fmt: skip
_LEVELS = (("low", "mature"), ("watch", "early"), ("high", "out"), ("severe", "bad"))
_SHOWN = 20


def draw(read: Read) -> Html | None:
    """Return the section; None where the run scored no orders."""
    found = read_or_none(read, "order_risk", _ORDERS)
    if found is None:
        return None
    if not found.num_rows:
        why = "No order with a due date is open."
        return section("orders", "Orders", "订单风险", why, empty("Nothing to show."))
    tested = read_or_none(read, "order_backtest", _NIGHTS)
    nights = [] if tested is None else tested.to_pylist()
    ahead = found.filter(pc.equal(column(found, "status"), "open"))
    parts = cards(_levels(found), _test(nights))
    lead = _lead(ahead, found.num_rows - ahead.num_rows)
    return section("orders", "Orders", "订单风险", lead, parts, _table(ahead))


def _lead(ahead: pa.Table, n_overdue: int) -> str:
    expected = float(numbers(ahead, "probability_late").sum())
    alerts = int(numbers(ahead, "is_alert").sum())
    is_fitted = pc.all(pc.equal(column(ahead, "method"), "boosting")).as_py()
    how = "" if is_fitted in (True, None) else (
        " Too few past orders are known to fit a model: those least like the others come first."
    )  # fmt: skip
    return (
        f"{plural(ahead.num_rows, 'order')} open and not due yet, of which about {expected:.0f} "
        f"will not come in full by the due date; {plural(alerts, 'warning')} raised before that. "
        f"{plural(n_overdue, 'order')} overdue.{how}"
    )


def _levels(found: pa.Table) -> Html:
    names = {"status": column(found, "status"), "level": column(found, "level")}
    groups = pa.table(names).group_by(["status", "level"]).aggregate([([], "count_all")])
    number = {(one["status"], one["level"]): one["count_all"] for one in groups.to_pylist()}
    items = []
    for status in ("open", "overdue"):
        counts = [(level, kind, number.get((status, level), 0)) for level, kind in _LEVELS]
        parts = [(kind, float(n), f"{count(n)} {level}") for level, kind, n in counts]
        whole = count(sum(n for _, _, n in counts))
        items.append(("not due yet" if status == "open" else status, parts, whole))
    keys = legend(*((kind, level) for level, kind in _LEVELS))
    return card("Open orders by level", "未交订单风险等级", keys, rows(items))


def _test(nights: list[dict[str, Any]]) -> Html:
    title, zh = "Were past warnings right?", "回测"
    if not nights:
        return card(title, zh, empty("Too few orders have come to test the scores of past nights."))
    heads = [("Night", ""), ("Open", "n"), ("Late", "n"), ("AUC", "n"), ("Alerts right", "n"),
             ("By supplier's rate", "n min"), ("Days ahead", "n")]  # fmt: skip
    lines = [
        [
            day(one["date"]), count(one["n_orders"]), count(one["n_late"]), f"{one['auc']:.2f}",
            percent(one["precision"]), percent(one["precision_supplier"]),
            "–" if one["lead_days"] is None else f"{one['lead_days']:.0f}",
        ]
        for one in nights
    ]  # fmt: skip
    note = (
        "Each night was scored by a model that had seen only orders due before all of these "
        "nights. AUC: the chance that a late order had the higher score. Beside it, as many "
        "alerts chosen by the supplier's past late rate alone."
    )
    return card(title, zh, table(heads, lines, "Back-test of order warnings"), note=note)


def _table(ahead: pa.Table) -> Html:
    if not ahead.num_rows:
        return empty("Every open order is overdue: see the order_risk table.")
    by = [("score", "descending"), ("order_id", "ascending")]
    order = ahead.sort_by(by).slice(0, _SHOWN).to_pylist()
    heads = [("Order", ""), ("Buyer", "min"), ("Supplier", ""), ("Due", ""), ("Amount", "n min"),
             ("Late", "n"), ("Why", "")]  # fmt: skip
    lines = [
        [
            name(one["order_id"]), name(one["customer_id"]), name(one["supplier_id"]),
            f"{day(one['due_date'])}, in {plural(one['days_to_due'], 'day')}", _amount(one),
            _chance(one), _why(one),
        ]
        for one in order
    ]  # fmt: skip
    return card(
        "Most at risk before they are due", "到期前高风险订单",
        table(heads, lines, "Orders most at risk"), wide=True,
        note="The range is wide where few of the supplier's orders are known. All are in the "
        "order_risk table.",
    )  # fmt: skip


def _chance(one: dict[str, Any]) -> str:
    low, high = percent(one["probability_late_low"]), percent(one["probability_late_high"])
    return f"{percent(one['probability_late'])} ({low}–{high})"


def _amount(one: dict[str, Any]) -> str:
    if one["amount_minor"] is None or not one["currency"]:
        return "–"
    return money_exact(one["amount_minor"], one["currency"])


def _why(one: dict[str, Any]) -> Html:
    if not one["reasons"]:
        return Html("–")
    return Html(f"{esc(one['reasons'], 400)}<br>{chinese(one['reasons_zh'])}")


ORDERS = Section("orders", "Orders", "订单", draw)
