"""The chance that an order which is still open comes late, short or never; and its back-test.

A past order is looked at on four days of its lead time, while it was still open, as a night would
have seen it; whether it had come in full by its due date is the label. Orders that were due last
are held out to calibrate. An order with a longer lead is open on more nights and weighs more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from qfb_gpu.backend import BoostingOptions
from qfb_gpu.finance.levels import auc
from qfb_gpu.finance.orders import FEATURES, NEVER, Orders, look_features

if TYPE_CHECKING:
    from qfb_gpu._config.risks import Orders as Settings
    from qfb_gpu.backend import Backend, Boosted

_LOOKS = (0.0, 0.35, 0.7, 0.95)
_HELD_OUT = 0.25
_BACKTEST_STEP_DAYS = 30
_BACKTEST_LAG_DAYS = 60
"""Orders open at a test date have to be due by now; few promise delivery later than this."""
_FEWEST_TESTED = 20
_MANY_ROWS = 100_000
_WORSE_WHEN_HIGH = {
    "supplier_late_rate", "supplier_recent_rate", "pair_late_rate", "item_late_rate",
    "buyer_late_rate", "supplier_overdue",
}  # fmt: skip
_RISES = tuple(int(name in _WORSE_WHEN_HIGH) for name in FEATURES)


class Looks(NamedTuple):
    """Orders as they stood on a day: ``row``, ``day`` int64, shape (n_looks,)."""

    row: Any
    day: Any


@dataclass(frozen=True, slots=True)
class Test:
    """How well scores of one past night ranked its open orders.

    Attributes
    ----------
    day : int, the night, days since 1970-01-01
    n_orders, n_late : int
    auc, auc_supplier, auc_pair : float
        Of the model; of the past late rate of the supplier, and of the supplier with this buyer.
    precision, precision_supplier : float
        Share of alerts that came true, at the alert budget.
    recall : float
        Share of late orders that were alerted.
    brier, brier_base : float
        Mean squared error of the probability, and of the share late in training.
    mean_probability : float
    lead_days : float
        Median days from the alert to the due date, of alerts that came true.
    """

    day: int
    n_orders: int
    n_late: int
    auc: float
    auc_supplier: float
    auc_pair: float
    precision: float
    precision_supplier: float
    recall: float
    brier: float
    brier_base: float
    mean_probability: float
    lead_days: float


def matrix(features: dict[str, Any], xp: Any) -> Any:
    """Return the model's features: float64, shape (n_looks, n_features)."""
    return xp.stack([features[name].astype("float64") for name in FEATURES], axis=1)


def training_looks(orders: Orders, until: int, backend: Backend) -> Looks:
    """Return looks at orders due before ``until``, on days before that they were still open."""
    xp = backend.xp
    known = xp.nonzero((orders.due_day < until) & (orders.due_day >= orders.order_day))[0]
    lead = (orders.due_day - orders.order_day)[known]
    rows, days = [], []
    for share in _LOOKS:
        day = orders.order_day[known] + xp.floor(share * lead).astype("int64")
        still = (orders.closed_day[known] > day) & (orders.due_day[known] > day)
        rows.append(known[still])
        days.append(day[still])
    return Looks(xp.concatenate(rows), xp.concatenate(days))


def open_looks(orders: Orders, day: int, backend: Backend) -> Looks:
    """Return the orders that are open and due later than a day, looked at on that day."""
    xp = backend.xp
    is_open = (orders.order_day <= day) & (orders.closed_day > day) & (orders.due_day > day)
    row = xp.nonzero(is_open)[0]
    return Looks(row, xp.full(row.shape[0], day, dtype="int64"))


def fit_late(orders: Orders, until: int, settings: Settings, backend: Backend) -> Boosted | None:
    """Fit the chance of being late on orders due before ``until``; None where they are too few."""
    xp = backend.xp
    past = orders.due_day < until
    n_past, n_late = int(past.sum()), int((past & orders.failed).sum())
    fewest = settings.fewest_late
    if n_past < settings.fewest_orders or n_late < fewest or n_past - n_late < fewest:
        return None
    looks = training_looks(orders, until, backend)
    due = xp.sort(orders.due_day[looks.row])
    cut = due[int((1 - _HELD_OUT) * (due.shape[0] - 1))]
    held_out = orders.due_day[looks.row] > cut
    label = orders.failed[looks.row]
    fitted = label[~held_out]
    if not 0 < int(fitted.sum()) < int(fitted.shape[0]):
        return None
    lead = (orders.due_day - orders.order_day)[looks.row].astype("float64")
    return backend.fit_boosting(
        matrix(look_features(orders, looks.row, looks.day, backend), xp),
        label,
        held_out=held_out,
        sample_weight=xp.clip(lead, 1.0, 365.0) / 30.0,
        seed=settings.seed,
        options=_options(int(fitted.shape[0])),
    )


def _options(n_rows: int) -> BoostingOptions:
    """Return small trees: few orders tell little more than the past rates that are features."""
    n_leaves = 4 if n_rows < _MANY_ROWS else 8
    return BoostingOptions(
        n_trees=60, n_leaves=n_leaves, learning_rate=0.05, min_leaf_rows=min(200, n_rows // 10),
        l2=5.0, monotonic=_RISES, rows_per_case=len(_LOOKS),
    )  # fmt: skip


def default_shares(
    orders: Orders, until: int, settings: Settings, backend: Backend
) -> tuple[float, Any]:
    """Return the share of late orders that never came in full, and that of those still open.

    Never: not in full within ``default_after_days`` of the due date. What is short for good is late
    and never comes in full, but it is not open once it has been delivered.

    Returns
    -------
    all_late : float
        Of all late orders; shrunk towards a half by one order.
    still_open : array of float64, shape (default_after_days + 1,)
        Entry d: of those still open d days past due; shrunk likewise. The last is 1.
    """
    xp = backend.xp
    days = settings.default_after_days
    seen = (orders.due_day < until - days) & orders.failed
    late = orders.due_day[seen]
    never = orders.full_day[seen] - late > days
    age = xp.minimum(orders.closed_day[seen] - late, days + 1)
    at = xp.arange(days + 1)

    def open_at(ages: Any) -> Any:
        """Return how many ages lie above each number of days."""
        return ages.shape[0] - xp.searchsorted(xp.sort(ages), at, side="right")

    shares = (open_at(age[never]) + 0.5) / (open_at(age) + 1.0)
    all_late = (int(never.sum()) + 0.5) / (never.shape[0] + 1.0)
    return all_late, xp.where(at == days, 1.0, shares)


def backtest(orders: Orders, as_of_day: int, settings: Settings, backend: Backend) -> list[Test]:
    """Score the open orders of past nights by a model that saw only what was due before them all.

    Parameters
    ----------
    orders : Orders
    as_of_day : int
        Days since 1970-01-01.
    settings : Settings
        ``backtest_dates`` nights, 30 days apart, the last 60 days before ``as_of_day``.
    """
    dates = [
        as_of_day - _BACKTEST_LAG_DAYS - _BACKTEST_STEP_DAYS * step
        for step in range(settings.backtest_dates)
    ][::-1]
    if not dates:
        return []
    model = fit_late(orders, dates[0], settings, backend)
    if model is None:
        return []
    past = orders.due_day < dates[0]
    base = float((past & orders.failed).sum()) / max(int(past.sum()), 1)
    tests = [_test(orders, model, day, as_of_day, base, settings, backend) for day in dates]
    return [test for test in tests if test is not None]


def _test(
    orders: Orders,
    model: Boosted,
    day: int,
    as_of_day: int,
    base: float,
    settings: Settings,
    backend: Backend,
) -> Test | None:
    xp = backend.xp
    looks = open_looks(orders, day, backend)
    answered = orders.due_day[looks.row] < as_of_day
    looks = Looks(looks.row[answered], looks.day[answered])
    late = orders.failed[looks.row]
    n, n_late = int(late.shape[0]), int(late.sum())
    if n < _FEWEST_TESTED or n_late in (0, n):
        return None
    features = look_features(orders, looks.row, looks.day, backend)
    p = backend.predict_proba(model, matrix(features, xp))
    supplier = past_rate(features, "supplier", base, xp)
    pair = past_rate(features, "pair", base, xp)
    chosen = top_share(p, settings.alert_share, xp)
    right = chosen & late
    wait = features["days_to_due"][right]
    by_supplier = top_share(supplier, settings.alert_share, xp)
    return Test(
        day=day, n_orders=n, n_late=n_late,
        auc=auc(p, late, backend),
        auc_supplier=auc(supplier, late, backend),
        auc_pair=auc(pair, late, backend),
        precision=float(right.sum()) / max(int(chosen.sum()), 1),
        precision_supplier=float((by_supplier & late).sum()) / max(int(by_supplier.sum()), 1),
        recall=float(right.sum()) / n_late,
        brier=float(((p - late) ** 2).mean()),
        brier_base=float(((base - late) ** 2).mean()),
        mean_probability=float(p.mean()),
        lead_days=float(xp.median(wait)) if wait.shape[0] else float("nan"),
    )  # fmt: skip


def past_rate(features: dict[str, Any], of: str, otherwise: float, xp: Any) -> Any:
    """Return the plain share of past orders that failed; ``otherwise`` where there are none."""
    n_due = features[f"{of}_n_due"]
    return xp.where(n_due > 0, features[f"{of}_failed"] / xp.maximum(n_due, 1.0), otherwise)


def top_share(score: Any, share: float, xp: Any) -> Any:
    """Return which rows are among the highest ``share``; all that equal the last one are."""
    n = score.shape[0]
    if n == 0:
        return xp.zeros(0, dtype=bool)
    n_chosen = max(1, int(share * n))
    return score >= xp.sort(score)[n - n_chosen]


def is_overdue(orders: Orders, as_of_day: int) -> Any:
    """Return which orders are still open at the end of their due date, or later: surely late."""
    return (orders.due_day <= as_of_day) & (orders.closed_day >= NEVER)
