"""Orders: which open ones will come late, why, and how well such warnings did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.report.charts.rows import rows
from qfb_gpu.report.figures.columns import added, column, kinds, numbers
from qfb_gpu.report.figures.exact import Exact, exact, rounded
from qfb_gpu.report.figures.reading import of_parts, read_or_none
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
    from collections import Counter

    from qfb_gpu.report.figures.reading import Read

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
    found = of_parts(read, "order_risk", _ORDERS, _summed)
    if found is None:
        return None
    if not any(part.n for part in found):
        why = "No order with a due date is open."
        return section("orders", "Orders", "订单风险", why, empty("Nothing to show."))
    tested = read_or_none(read, "order_backtest", _NIGHTS)
    nights = [] if tested is None else tested.to_pylist()
    parts = cards(_levels(found), _test(nights))
    return section("orders", "Orders", "订单风险", _lead(found), parts, _table(found))


@dataclass(frozen=True, slots=True)
class _Sums:
    """What the orders of a part come to: all, those that are not due yet (``ahead``), by level.

    Attributes
    ----------
    n, n_ahead, n_alerts : int
    late : Exact
        Of those ahead, how many are expected to be late.
    is_fitted : bool
        Every one of those ahead was scored by a model.
    levels : Counter of (status, level)
    first : Table
        Of those ahead the ones most at risk.
    """

    n: int
    n_ahead: int
    n_alerts: int
    late: Exact
    is_fitted: bool
    levels: Counter[tuple[str, str]]
    first: pa.Table


def _summed(found: pa.Table) -> _Sums:
    ahead = found.filter(pc.equal(column(found, "status"), "open"))
    return _Sums(
        n=found.num_rows,
        n_ahead=ahead.num_rows,
        n_alerts=int(numbers(ahead, "is_alert").sum()),
        late=exact(numbers(ahead, "probability_late")),
        is_fitted=pc.all(pc.equal(column(ahead, "method"), "boosting")).as_py() is not False,
        levels=kinds(found, ["status", "level"]),
        first=_first(ahead),
    )


def _first(ahead: pa.Table) -> pa.Table:
    return ahead.sort_by([("score", "descending"), ("order_id", "ascending")]).slice(0, _SHOWN)


def _lead(found: list[_Sums]) -> str:
    n, n_ahead, alerts = (
        sum(getattr(part, name_) for part in found) for name_ in ("n", "n_ahead", "n_alerts")
    )
    expected = float(rounded(part.late for part in found)[0])
    how = "" if all(part.is_fitted for part in found) else (
        " Too few past orders are known to fit a model: those least like the others come first."
    )  # fmt: skip
    return (
        f"{plural(n_ahead, 'order')} open and not due yet, of which about {expected:.0f} "
        f"will not come in full by the due date; {plural(alerts, 'warning')} raised before that. "
        f"{plural(n - n_ahead, 'order')} overdue.{how}"
    )


def _levels(found: list[_Sums]) -> Html:
    number = added(part.levels for part in found)
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


def _table(found: list[_Sums]) -> Html:
    if not any(part.n_ahead for part in found):
        return empty("Every open order is overdue: see the order_risk table.")
    order = _first(pa.concat_tables([part.first for part in found])).to_pylist()
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
