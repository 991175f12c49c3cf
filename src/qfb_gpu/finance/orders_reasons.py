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


def _earlier(row: Row) -> Row:
    """Return the supplier's orders that were due before its recent ones."""
    return {
        f"earlier_{name}": row[f"supplier_{name}"] - row[f"recent_{name}"]
        for name in ("n_due", "failed")
    }


def _is_worse(row: Row) -> bool:
    """Return whether more of the supplier's recent orders failed than of those before."""
    old = _earlier(row)
    if min(row["recent_n_due"], old["earlier_n_due"]) < 1:
        return False
    return row["recent_failed"] * old["earlier_n_due"] > old["earlier_failed"] * row["recent_n_due"]


_OF_ALL = ("supplier", "pair", "item", "buyer")


def _without_itself(row: Row, overdue_days: int) -> Row:
    """Return what is known besides an overdue order: it is among those that are late itself."""
    groups = (*_OF_ALL, "recent") if overdue_days <= RECENT_DAYS else _OF_ALL
    own = ["supplier_overdue", *(f"{of}_{n}" for of in groups for n in ("n_due", "failed"))]
    return {**row, **{name: row[name] - 1 for name in own}}


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
        lambda r: f"the supplier has become later: {_percent(r, 'recent')} of "
        f"{counted(r['recent_n_due'], 'order')} due in the last {RECENT_DAYS} days, "
        f"{_percent(_earlier(r), 'earlier')} of {_earlier(r)['earlier_n_due']:.0f} before",
        lambda r: f"该供应商延迟加重：近{RECENT_DAYS}天到期{r['recent_n_due']:.0f}单"
        f"{_percent(r, 'recent')}未按期，此前{_earlier(r)['earlier_n_due']:.0f}单"
        f"{_percent(_earlier(r), 'earlier')}未按期",
        _is_worse,
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
        lambda r: f"late were {_percent(r, 'buyer')} of "
        f"{counted(r['buyer_n_due'], 'order')} of this buyer",
        lambda r: f"本买方历史到期{r['buyer_n_due']:.0f}单，{_percent(r, 'buyer')}未按期",
        _seen("buyer"),
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
        lambda r: f"open now: {counted(r['supplier_n_open'], 'order')} of the supplier, "
        f"which got {r['supplier_n_year']:.0f} in a year",
        lambda r: f"该供应商未交订单{r['supplier_n_open']:.0f}单，"
        f"近一年接单{r['supplier_n_year']:.0f}单",
        lambda r: r["supplier_n_open"] >= 1,
        of="supplier",
    ),
    Reason(
        "little_history", ("supplier_n_due", "pair_n_due", "supplier_known_days"),
        lambda r: "little is known of the supplier: "
        f"{counted(r['supplier_n_due'], 'order')} fell due so far",
        lambda r: f"该供应商履约记录少：仅{r['supplier_n_due']:.0f}单已到期",
        lambda r: r["supplier_n_due"] < 10,  # noqa: PLR2004
        of="supplier",
    ),
    Reason(
        "short_lead", ("lead_days", "lead_ratio"),
        lambda r: f"{counted(r['lead_days'], 'day')} from order to due date, with this supplier "
        f"mostly {max(r['lead_days'], 1) / math.exp(r['lead_ratio']):.0f}",
        lambda r: f"约定交期{r['lead_days']:.0f}天，该供应商通常约定"
        f"{max(r['lead_days'], 1) / math.exp(r['lead_ratio']):.0f}天",
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
    if overdue_days > 0:
        row = _without_itself(row, overdue_days)
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
