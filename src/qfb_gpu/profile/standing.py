"""Where a customer stands: its lifecycle stage and its tier, by stated rules.

Lifecycle, the first that holds (days are days before as-of, the last payment at 0):

- ``lost``: no payment for 365 days;
- ``dormant``: no payment for 90 days and for more than 3 mean gaps between active days;
- ``new``: the first payment is less than 90 days old;
- ``declining``: payments of the last 90 days are at most half of the 90 days before them;
- ``growing``: they are at least double;
- ``active``: all others.

Tier, the ABC analysis (Pareto) of a year's turnover among customers of the same main currency:
sorted by turnover, ``A`` are the customers up to the one that completes 80% of all turnover,
``B`` those up to 95%, ``C`` the rest, ``D`` those without. Equal turnover is an equal tier. Nobody
flaps: a customer leaves the tier of the night before only where it passes the border by a margin.
It needs every customer of the run; lifecycle does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.ledger import Labelled

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

LIFECYCLES = ("new", "growing", "active", "declining", "dormant", "lost")
LIFECYCLES_ZH = ("新客", "成长", "活跃", "衰退", "休眠", "流失")
TIERS = ("A", "B", "C", "D")
LOST_DAYS, QUIET_DAYS, QUIET_GAPS, NEW_DAYS = 365, 90, 3.0, 90
DOUBLE = 1 / 3
"""(a - b) / (a + b) where a is twice b."""
TIER_A, TIER_B = 0.80, 0.95
MEASURES = ("main_currency", "money_turnover_minor_365d")
"""The features that tiers are made of."""
STAGES = (
    "recency_days_since_last", "recency_in_gaps", "trend_n_quarter", "recency_days_since_first",
)  # fmt: skip
"""The features that lifecycles are made of."""


def standing(
    features: dict[str, Any],
    as_of_day: int,
    backend: Backend,
    *,
    previous_tier: Any = None,
    margin: float = 0.0,
    among: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return ``lifecycle`` and ``tier`` of every customer of the run.

    Parameters
    ----------
    features : dict of arrays, shape (n_customers,)
        From :func:`customer_features`, of all customers.
    as_of_day : int
        The day the features are of.
    previous_tier : int8 array, shape (n_customers,), optional
        Index into ``TIERS`` of the night before; -1 where there was none.
    margin : float
        Share of turnover by which a border has to be passed to leave the previous tier.
    among : dict of arrays, shape (n_others,), optional
        ``main_currency`` and ``money_turnover_minor_365d`` of the customers whose turnover is
        all turnover; those of ``features`` where not given.

    Returns
    -------
    dict of str to Labelled
        ``lifecycle`` by ``LIFECYCLES``, ``tier`` by ``TIERS``; never null.
    """
    del as_of_day  # the features carry it as days since
    return {
        "lifecycle": Labelled(lifecycle(features, backend), LIFECYCLES),
        "tier": Labelled(
            tier(features, backend, previous_tier=previous_tier, margin=margin, among=among), TIERS
        ),
    }


def lifecycle(features: dict[str, Any], backend: Backend) -> Any:
    """Return each customer's stage: int8, shape (n_customers,), index into ``LIFECYCLES``."""
    xp = backend.xp
    quiet, in_gaps, trend, since_first = (features[name] for name in STAGES)
    stage = xp.full(quiet.shape[0], LIFECYCLES.index("active"), dtype="int8")
    is_long = xp.isnan(in_gaps) | (in_gaps > QUIET_GAPS)
    rules = (  # the last that holds wins
        ("growing", trend >= DOUBLE),
        ("declining", trend <= -DOUBLE),
        ("new", since_first < NEW_DAYS),
        ("dormant", (quiet >= QUIET_DAYS) & is_long),
        ("lost", quiet >= LOST_DAYS),
    )
    for name, holds in rules:
        stage[holds] = LIFECYCLES.index(name)
    return stage


def tier(
    features: dict[str, Any],
    backend: Backend,
    *,
    previous_tier: Any = None,
    margin: float = 0.0,
    among: dict[str, Any] | None = None,
) -> Any:
    """Return each customer's tier: int8, shape (n_customers,), index into ``TIERS``.

    ``previous_tier``, ``margin`` and ``among`` as for :func:`standing`.
    """
    xp = backend.xp
    currency, turnover = (features[name] for name in MEASURES)
    currencies, turnovers = (currency, turnover) if among is None else (among[n] for n in MEASURES)
    tiers = xp.full(turnover.shape[0], TIERS.index("D"), dtype="int8")
    for code in backend.to_host(xp.unique(currency)).tolist():
        rows = xp.nonzero((currency == code) & (turnover > 0))[0]
        if rows.shape[0]:
            everyone = turnovers[(currencies == code) & (turnovers > 0)]
            larger = _larger(turnover[rows], everyone, xp)
            tiers[rows] = _abc(larger, 0.0)
            if previous_tier is not None:
                was = previous_tier[rows]
                held = (_abc(larger, margin) <= was) & (was <= _abc(larger, -margin))
                tiers[rows] = xp.where(held, was, tiers[rows])
    return tiers


def _abc(larger: Any, shift: float) -> Any:
    """Return 0, 1, 2 by the share of turnover that is larger than the customer's own."""
    return (larger >= TIER_A + shift).astype("int8") + (larger >= TIER_B + shift)


def _larger(turnover: Any, everyone: Any, xp: Any) -> Any:
    """Return the share of everyone's turnover that is of customers who turn over more."""
    ascending = xp.sort(everyone)
    up_to = xp.concatenate([xp.zeros(1, dtype=ascending.dtype), xp.cumsum(ascending)])
    total = int(up_to[-1])
    n_up_to = xp.searchsorted(ascending, turnover, side="right")  # own and smaller ones
    return (total - up_to[n_up_to]) / max(total, 1)
