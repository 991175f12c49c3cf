"""A customer's history as the lifetime models read it, and the columns that they give.

A purchase is a day with a payment received or made in the main currency: several payments on
one day are one. Reversals and other currencies do not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.keys import distinct_below
from qfb_gpu.profile.feature import Feature, ratio
from qfb_gpu.profile.grouped import count_by, total_by

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger


def _row(name: str, unit: str, words: str, words_zh: str) -> Feature:
    return Feature(f"lifetime_{name}", unit, words, words_zh, "float64", "lifetime")


LIFETIME = (
    _row("p_alive", "share",
         "probability that the customer is still active: BG/NBD of its days with a payment "
         "in the main currency; null without one",
         "客户仍活跃的概率（BG/NBD，按主币种有收付的天数；没有为空）"),
    *(
        _row(f"expected_active_days_{days}d", "days",
             f"days with a payment to expect in the next {days} days, main currency",
             f"未来{days}天预计有收付的天数（主币种）")
        for days in (90, 365)
    ),
    *(
        _row(f"expected_payments_{days}d", "payments",
             f"lifetime_expected_active_days_{days}d x the customer's payments per day with a "
             f"payment",
             f"未来{days}天预计有收付的天数 × 客户每个有收付日的笔数")
        for days in (90, 365)
    ),
    _row("expected_value_minor", "minor",
         "money to expect on a day with a payment, in and out: Gamma-Gamma; null where the "
         "currency has too few customers to fit",
         "有收付日的预计单日收付额（Gamma-Gamma；该币种客户太少、无法拟合时为空）"),
    _row("expected_turnover_minor_365d", "minor",
         "lifetime_expected_active_days_365d x lifetime_expected_value_minor",
         "未来365天预计有收付的天数 × 预计单日收付额"),
)  # fmt: skip


def purchase_history(
    ledger: Ledger, main_currency: Any, as_of_day: int, backend: Backend
) -> dict[str, Any]:
    """Return the days with a payment of each customer, summarised.

    Returns
    -------
    dict of str to array, shape (n_customers,)
        ``n_days`` (int64), ``days_to_last`` (int64, from the first such day to the last),
        ``days_observed`` (int64, from the first to as-of), ``mean_value_minor`` (float64, money
        of a day, mean without the first; NaN under two days), ``payments_per_day`` (float64).
        0 and NaN where there is no such day.
    """
    xp, n_customers = backend.xp, ledger.n_customers
    lengths = ledger.relation_offsets[1:] - ledger.relation_offsets[:-1]
    customer = backend.repeat(ledger.relation_customer, lengths)
    in_main = ledger.currency == main_currency[ledger.relation_customer]
    counts = backend.repeat(in_main, lengths) & (ledger.amount_minor > 0)
    places = xp.nonzero(counts)[0]
    customer = customer[places]
    age = as_of_day - ledger.day[places].astype("int64")
    amount = ledger.amount_minor[places]
    span = int(age.max()) + 1 if places.shape[0] else 1
    cell = distinct_below(customer.astype("int64") * span + age, n_customers * span, xp)
    edges = xp.searchsorted(cell, span * xp.arange(n_customers + 1))
    n_days = (edges[1:] - edges[:-1]).astype("int64")
    has = n_days > 0
    cell = xp.concatenate([cell % span, xp.zeros(1, dtype="int64")])
    youngest = xp.where(has, cell[edges[:-1]], 0)
    oldest = xp.where(has, cell[xp.maximum(edges[1:] - 1, 0)], 0)
    later = xp.where(age == oldest[customer], 0, amount)
    repeat_money = total_by(customer, later, n_customers, backend)
    return {
        "n_days": n_days,
        "days_to_last": oldest - youngest,
        "days_observed": oldest,
        "mean_value_minor": ratio(repeat_money, xp.maximum(n_days - 1, 0), xp),
        "payments_per_day": ratio(count_by(customer, n_customers, backend), n_days, xp),
    }
