"""How often a counterparty is paid, where no order or contract says what for.

Without delivery dates nothing can be said of terms or of days to pay: only how long it is from one
payment to the next, how even that is, and whether it changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.finance.contracts import relation_of_payment
from qfb_gpu.finance.joins import starts

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger

YEAR = 365
_SPAN = 1 << 24
"""Longer than any gap, in days; a power of two."""


def payment_cycles(
    ledger: Ledger, as_of_day: int, min_payments: int, backend: Backend
) -> dict[str, Any]:
    """Return the intervals of every relation that names its counterparty.

    Payments of one day are one; reversals do not count. Only relations with at least
    ``min_payments`` days of payment are kept.

    Returns
    -------
    dict of arrays, shape (n_kept,), by relation
        ``relation`` and ``n_days`` (int64); ``interval_median_days``, ``interval_iqr_days``
        (float64), ``interval_drift_days`` (median of the later half less that of the earlier),
        ``n_payments`` (int64), ``year_minor`` (int64, of the last 365 days, reversals taken off).
    """
    xp = backend.xp
    sizes = ledger.relation_offsets[1:] - ledger.relation_offsets[:-1]
    may = (ledger.counterparty_key != 0) & (sizes >= min_payments)
    row = xp.nonzero(backend.repeat(may, sizes) & (ledger.amount_minor > 0))[0]
    of, day = relation_of_payment(ledger, backend)[row], ledger.day[row].astype("int64")
    new = starts((of, day), backend)
    of, day = of[new], day[new]
    n_days = xp.bincount(of, minlength=ledger.n_relations)[: ledger.n_relations]
    kept = xp.nonzero(n_days >= min_payments)[0]
    is_gap = ~starts((of,), backend) & (n_days[of] >= min_payments)
    at = xp.nonzero(is_gap)[0]
    group, gap = of[at], (day[at] - day[at - 1])
    n_gaps = n_days[kept] - 1
    first = xp.cumsum(n_gaps) - n_gaps
    n_first = (n_gaps + 1) // 2
    later = xp.arange(group.shape[0]) >= backend.repeat(first + n_first, n_gaps)
    recent = xp.where(ledger.day > as_of_day - YEAR, ledger.amount_minor, 0)
    running = xp.zeros(ledger.n_payments + 1, dtype="int64")
    running[1:] = xp.cumsum(recent)
    begin, end = ledger.relation_offsets[:-1][kept], ledger.relation_offsets[1:][kept]
    ordered = (xp.sort(group * _SPAN + gap) & (_SPAN - 1)).astype("float64")
    halves = (xp.sort((2 * group + later) * _SPAN + gap) & (_SPAN - 1)).astype("float64")
    drift = _quantile(halves, first + n_first, n_gaps // 2, 0.5, xp)
    drift = drift - _quantile(halves, first, n_first, 0.5, xp)
    spread = _quantile(ordered, first, n_gaps, 0.75, xp) - _quantile(
        ordered, first, n_gaps, 0.25, xp
    )
    return {
        "relation": kept,
        "n_days": n_days[kept],
        "n_payments": end - begin,
        "interval_median_days": _quantile(ordered, first, n_gaps, 0.5, xp),
        "interval_iqr_days": spread,
        "interval_drift_days": drift,
        "year_minor": running[end] - running[begin],
    }


def _quantile(ordered: Any, first: Any, size: Any, share: float, xp: Any) -> Any:
    """Return a quantile (linear between order statistics) of each sorted group of one or more."""
    if ordered.shape[0] == 0:
        return xp.zeros(first.shape[0])
    place = share * (size - 1)
    low = xp.floor(place).astype("int64")
    high = xp.minimum(low + 1, size - 1)
    rest = place - low
    return ordered[first + low] * (1 - rest) + ordered[first + high] * rest
