"""The payment cycle that costs a buyer least: 付款周期优化.

For yearly purchases of 1 paid ``t`` days after delivery, a year costs

    capital    k (cap - t) / 365                      money paid before it had to be
    financing  share ks t / 365                       what the supplier's waiting adds to its price
    distress   failure (1 + dependency) (t / 60)^2
    discount   d where t > discount days              the early-payment discount forgone
    late       r max(0, t - terms)                    late interest, r a day

``k`` and ``ks`` are the cost of capital a year of buyer and supplier, ``share`` how much of the
latter is passed on. The sum is a convex parabola on each side of the terms with a step at the
discount date, so the least of a handful of candidates is the least of all whole days 0 .. cap.
The square says that the first weeks of waiting hurt a supplier little and the later ones more:
an assumption, as are its size and that the dependent supplier is hurt up to twice as much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

YEAR = 365
REFERENCE_DAYS = 60
BINDINGS = ("legal cap", "policy cap", "agreed terms", "discount date", "supplier distress", "none")
LEGAL, POLICY, AGREED, DISCOUNT, DISTRESS, NONE = range(len(BINDINGS))


@dataclass(frozen=True, slots=True)
class Costs:
    """What waiting costs; rates a year but ``late`` (a day), as shares of 1.

    ``capital``, ``financing`` (already times the share passed on), ``failure`` (cost times
    probability a year), ``discount``, ``discount_days``, ``late``.
    """

    capital: float
    financing: float
    failure: float
    discount: float
    discount_days: int
    late: float


def yearly_cost(
    days: Any, terms_days: Any, cap_days: Any, dependency: Any, costs: Costs, backend: Backend
) -> Any:
    """Return the yearly cost of paying ``days`` after delivery, as a share of purchases.

    Parameters
    ----------
    days, terms_days, cap_days : float64 arrays of one shape
        Beyond the terms late interest is due; they may be above the cap.
    dependency : float64 array, 0 to 1
        The buyer's share of what the supplier receives.
    """
    xp = backend.xp
    late = costs.late * xp.maximum(days - terms_days, 0.0)
    distress = costs.failure * (1.0 + dependency) * (xp.maximum(days, 0.0) / REFERENCE_DAYS) ** 2
    return (
        costs.capital * (cap_days - days) / YEAR
        + costs.financing * days / YEAR
        + distress
        + xp.where(days > costs.discount_days, costs.discount, 0.0)
        + late
    )


def best_days(
    terms_days: Any, cap_days: Any, dependency: Any, costs: Costs, backend: Backend
) -> Any:
    """Return the whole number of days, 0 .. cap, that costs least; of equal ones the fewest.

    Returns
    -------
    float64 array, shape (n_pairs,)
    """
    xp = backend.xp
    curve = costs.failure * (1.0 + dependency) / REFERENCE_DAYS**2
    flat = xp.maximum(2.0 * curve, 1e-300)
    free = (costs.capital - costs.financing) / YEAR / flat
    charged = free - costs.late / flat
    zero = xp.zeros(cap_days.shape[0])
    candidates = [zero, zero + costs.discount_days, terms_days, xp.ceil(terms_days), cap_days]
    for inner in (free, charged):
        inside = xp.clip(inner, 0.0, cap_days)
        candidates += [xp.floor(inside), xp.ceil(inside)]
    days = xp.stack([xp.floor(xp.clip(c, 0.0, cap_days)) for c in candidates])
    days = xp.sort(days, axis=0)
    cost = yearly_cost(days, terms_days, cap_days, dependency, costs, backend)
    least = cost <= cost.min(axis=0) + 1e-15
    return days[least.argmax(axis=0), xp.arange(days.shape[1])]


def binding(
    days: Any, terms_days: Any, cap_days: Any, is_legal: Any, costs: Costs, backend: Backend
) -> Any:
    """Return what keeps the best number of days from being larger: index into ``BINDINGS``.

    Agreed days may be a fraction, being the middle of several contracts': a whole day within them.
    """
    xp = backend.xp
    at_cap = days >= cap_days
    why = xp.where(days > 0, DISTRESS, NONE)
    why = xp.where((days == costs.discount_days) & (costs.discount > 0), DISCOUNT, why)
    why = xp.where((days == xp.floor(terms_days)) & ~at_cap, AGREED, why)
    return xp.where(at_cap, xp.where(is_legal, LEGAL, POLICY), why).astype("int8")


def pareto(cash: Any, risk: Any, backend: Backend) -> Any:
    """Return which points no other beats, with no less cash at no more risk: bool.

    Of equal points the first. Every pair is compared: for some hundred points.
    """
    xp = backend.xp
    place = xp.arange(cash.shape[0])
    more, less = cash[None, :] - cash[:, None], risk[None, :] - risk[:, None]
    is_better = (more > 0) | (less < 0) | (place[None, :] < place[:, None])
    beaten = (more >= 0) & (less <= 0) & is_better & (place[None, :] != place[:, None])
    return ~beaten.any(axis=1)
