"""Why an order is at risk, in words that a banker reads: 订单风险原因."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from qfb_gpu.counted import counted
from qfb_gpu.finance.orders import FEATURES, RECENT_DAYS

if TYPE_CHECKING:
    from collections.abc import Callable

Row = dict[str, float]
_MOST = 3
_LEAST = 0.05
_MIXED = 0.4
"""Below this log ratio an order is of the usual size, or the usual lead time."""


class Reason(NamedTuple):
    """A reason: the features that speak for it, its words, when it may be said, and of whom."""

    code: str
    features: tuple[str, ...]
    english: Callable[[Row], str]
    chinese: Callable[[Row], str]
    applies: Callable[[Row], bool]
    of: str = ""


def _percent(row: Row, of: str) -> str:
    return f"{100 * row[f'{of}_failed'] / row[f'{of}_n_due']:.0f}%"


def _seen(of: str) -> Callable[[Row], bool]:
    return lambda row: row[f"{of}_n_due"] >= 1 and row[f"{of}_failed"] >= 1


def _days(row: Row) -> str:
    known = not math.isnan(row["pair_delay_days"])
    return f", {counted(row['pair_delay_days'], 'day')} on average" if known else ""


def _days_zh(row: Row) -> str:
    known = not math.isnan(row["pair_delay_days"])
    return f"，平均延迟{row['pair_delay_days']:.0f}天" if known else ""


REASONS = (
    Reason(
        "pair_late", ("pair_late_rate", "pair_delay_days"),
        lambda r: f"the supplier was late to this buyer with {_percent(r, 'pair')} of "
        f"{counted(r['pair_n_due'], 'order')}{_days(r)}",
        lambda r: f"该供应商对本买方历史到期{r['pair_n_due']:.0f}单，"
        f"{_percent(r, 'pair')}未按期足额交付{_days_zh(r)}",
        _seen("pair"),
        of="supplier",
    ),
    Reason(
        "supplier_late", ("supplier_late_rate",),
        lambda r: f"the supplier was late with {_percent(r, 'supplier')} of "
        f"{counted(r['supplier_n_due'], 'order')} to all buyers",
        lambda r: f"该供应商历史到期{r['supplier_n_due']:.0f}单，"
        f"{_percent(r, 'supplier')}未按期足额交付",
        lambda r: _seen("supplier")(r) and r["supplier_n_due"] > r["pair_n_due"],
        of="supplier",
    ),
    Reason(
        "supplier_worse", ("supplier_recent_rate",),
        lambda r: f"the supplier has become later: about {100 * r['supplier_recent_rate']:.0f}% "
        f"of its orders in the last {RECENT_DAYS} days",
        lambda r: f"该供应商近{RECENT_DAYS}天延迟加重，"
        f"约{100 * r['supplier_recent_rate']:.0f}%未按期",
        lambda r: r["supplier_recent_rate"] > r["supplier_late_rate"],
        of="supplier",
    ),
    Reason(
        "item_late", ("item_late_rate",),
        lambda r: f"late were {_percent(r, 'item')} of "
        f"{counted(r['item_n_due'], 'order')} of this item",
        lambda r: f"该品类历史到期{r['item_n_due']:.0f}单，{_percent(r, 'item')}未按期",
        _seen("item"),
        of="item",
    ),
    Reason(
        "buyer_late", ("buyer_late_rate",),
        lambda r: f"about {100 * r['buyer_late_rate']:.0f}% of what this buyer ordered came late",
        lambda r: f"本买方订单约{100 * r['buyer_late_rate']:.0f}%延迟到货",
        lambda _r: True,
    ),
    Reason(
        "supplier_overdue", ("supplier_overdue",),
        lambda r: f"overdue now: {counted(r['supplier_overdue'], 'other order')} of the supplier",
        lambda r: f"该供应商目前另有{r['supplier_overdue']:.0f}单逾期未交",
        lambda r: r["supplier_overdue"] >= 1,
        of="supplier",
    ),
    Reason(
        "supplier_busy", ("supplier_load",),
        lambda r: f"the supplier has {100 * r['supplier_load']:.0f}% of a year's orders open",
        lambda r: f"该供应商未交订单达其全年订单的{100 * r['supplier_load']:.0f}%",
        lambda r: r["supplier_load"] > 0,
        of="supplier",
    ),
    Reason(
        "little_history", ("supplier_n_due", "pair_n_due", "supplier_known_days"),
        lambda r: "little is known of the supplier: "
        f"{counted(r['supplier_n_due'], 'order')} past due",
        lambda r: f"该供应商履约记录少：仅{r['supplier_n_due']:.0f}单已到期",
        lambda r: r["supplier_n_due"] < 10,  # noqa: PLR2004
        of="supplier",
    ),
    Reason(
        "short_lead", ("lead_days", "lead_ratio"),
        lambda r: f"{counted(r['lead_days'], 'day')} from order to delivery, "
        f"the supplier usually takes {r['lead_days'] / math.exp(r['lead_ratio']):.0f}",
        lambda r: f"交期{r['lead_days']:.0f}天，该供应商通常需"
        f"{r['lead_days'] / math.exp(r['lead_ratio']):.0f}天",
        lambda r: r["lead_ratio"] < -_MIXED,
        of="supplier",
    ),
    Reason(
        "large_order", ("amount_ratio",),
        lambda r: f"{math.exp(r['amount_ratio']):.1f} times the supplier's usual order",
        lambda r: f"金额为该供应商平常订单的{math.exp(r['amount_ratio']):.1f}倍",
        lambda r: r["amount_ratio"] > _MIXED,
        of="supplier",
    ),
    Reason(
        "close_to_due", ("elapsed_share", "days_to_due"),
        lambda r: f"not delivered {counted(r['days_to_due'], 'day')} before it is due, "
        f"{100 * r['elapsed_share']:.0f}% of the lead time gone",
        lambda r: f"距到期{r['days_to_due']:.0f}天仍未交齐，"
        f"交期已过{100 * r['elapsed_share']:.0f}%",
        lambda r: r["elapsed_share"] > 0.5 and r["days_to_due"] > 0,  # noqa: PLR2004
    ),
)  # fmt: skip
_PLACES = tuple(tuple(FEATURES.index(name) for name in reason.features) for reason in REASONS)


def explain(
    row: Row, parts: Any, overdue_days: int, unknown: tuple[str, ...] = ()
) -> tuple[list[str], list[str], list[str]]:
    """Return the codes, English and Chinese of an order's reasons, the strongest first.

    Parameters
    ----------
    row : dict of str to float
        What :func:`qfb_gpu.finance.orders.look_features` gives, of one order.
    parts : array of float64, shape (n_features,)
        What each feature added to the log-odds.
    overdue_days : int
        Days past the due date, 0 on it, negative before: from 0 on that is the first reason.
    unknown : tuple of str
        ``supplier`` and ``item`` where the order names none: nothing is said of them, as
        orders that name none share no history.
    """
    if overdue_days > 0:  # it is among the supplier's overdue ones itself
        row = {**row, "supplier_overdue": row["supplier_overdue"] - 1}
    found: list[tuple[str, str, str]] = []
    if overdue_days >= 0:
        past = f"{counted(overdue_days, 'day')} past its due date"
        found.append(
            ("overdue", past, f"已逾期{overdue_days}天未交齐")
            if overdue_days
            else ("overdue", "not delivered in full on its due date", "到期当日未交齐")
        )
    weight = [sum(float(parts[at]) for at in places) for places in _PLACES]
    ranked = sorted(range(len(REASONS)), key=lambda at: (-weight[at], at))
    for at in ranked:
        if len(found) == _MOST or weight[at] < _LEAST:
            break
        reason = REASONS[at]
        if reason.of not in unknown and reason.applies(row):
            found.append((reason.code, reason.english(row), reason.chinese(row)))
    return [f[0] for f in found], [f[1] for f in found], [f[2] for f in found]
