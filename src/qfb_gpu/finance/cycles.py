"""How often a counterparty is paid, where no order or contract says what for.

Without delivery dates nothing can be said of terms or of days to pay: only how long it is from one
payment to the next, how even that is, and whether it changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_kernels.pay_cycles import (
    DRIFT,
    MEDIAN,
    N_FIGURES,
    SPREAD,
    pay_cycles_cpu,
    pay_cycles_gpu,
)

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger

YEAR = 365


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
    n_relations = ledger.n_relations
    sizes = ledger.relation_offsets[1:] - ledger.relation_offsets[:-1]
    gaps = xp.empty(ledger.n_payments, dtype="int64")
    n_days, year_minor = (xp.zeros(n_relations, dtype="int64") for _ in range(2))
    figures = xp.empty((N_FIGURES, n_relations))
    backend.launch(
        pay_cycles_cpu, pay_cycles_gpu, n_relations, ledger.day, ledger.amount_minor,
        ledger.relation_offsets, min_payments, as_of_day - YEAR, gaps, n_days, year_minor, figures,
    )  # fmt: skip
    kept = xp.nonzero((ledger.counterparty_key != 0) & (n_days >= min_payments))[0]
    return {
        "relation": kept,
        "n_days": n_days[kept],
        "n_payments": sizes[kept],
        "interval_median_days": figures[MEDIAN, kept],
        "interval_iqr_days": figures[SPREAD, kept],
        "interval_drift_days": figures[DRIFT, kept],
        "year_minor": year_minor[kept],
    }
