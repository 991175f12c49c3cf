"""Features of expense claims: how many, how much, and how long from spent to claimed to paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.profile.feature import Feature, declared, ratio
from qfb_gpu.profile.grouped import YEAR, Grouped, grouped, within

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import SourceRows


def _row(name: str, unit: str, words: str, words_zh: str, dtype: Any = "float64") -> Feature:
    return Feature(f"claims_{name}", unit, words, words_zh, dtype, "claims")


CLAIMS = (
    _row("n_90d", "claims", "claims spent in the last 90 days", "最近90天发生的报销笔数",
         "int64"),
    _row("n_365d", "claims", "claims spent in the last 365 days", "最近365天发生的报销笔数",
         "int64"),
    _row("amount_minor_365d", "minor",
         "money of the claims spent in the last 365 days, main currency",
         "最近365天发生的报销金额（主币种）",
         "int64"),
    _row("submit_lag_mean_days", "days",
         "mean days from spent to claimed, claims submitted in the last 365 days",
         "最近365天提交的报销从发生到提交的平均天数"),
    _row("pay_lag_mean_days", "days",
         "mean days from claimed (spent where not claimed) to paid, claims paid in the last 365 "
         "days",
         "最近365天支付的报销从提交（未提交则从发生）到支付的平均天数"),
    _row("n_open", "claims", "claims that are not paid", "未支付报销笔数", "int64"),
    _row("open_minor", "minor", "money of the claims that are not paid, main currency",
         "未支付报销金额（主币种）", "int64"),
    _row("oldest_open_days", "days",
         "as-of day less the day the oldest open claim was claimed (spent where not claimed)",
         "截止日距最早一笔未支付报销提交日（未提交则发生日）的天数"),
)  # fmt: skip


def claims_features(
    claims: SourceRows, main_currency: Any, as_of_day: int, backend: Backend
) -> dict[str, Any]:
    """Return what :data:`CLAIMS` declares, a value per customer of the ledger.

    Parameters
    ----------
    main_currency : int16 array, shape (n_customers,)
        From :func:`qfb_gpu.profile.main_currency`.
    """
    xp = backend.xp
    rows = grouped(claims, main_currency.shape[0], as_of_day, backend)
    spent, submitted = rows.column("date"), rows.column("submitted_date")
    paid, money = rows.column("paid_date"), rows.money(main_currency)
    year, is_open = within(rows.age("date"), YEAR), paid == NULL_DAY
    claimed = xp.where(submitted == NULL_DAY, spent, submitted)
    found = {
        "n_90d": rows.count(within(rows.age("date"), 90)),
        "n_365d": rows.count(year),
        "amount_minor_365d": rows.total(xp.where(year, money, 0)),
        "submit_lag_mean_days": _mean_lag(rows, spent, submitted),
        "pay_lag_mean_days": _mean_lag(rows, claimed, paid),
        "n_open": rows.count(is_open),
        "open_minor": rows.total(xp.where(is_open, money, 0)),
        "oldest_open_days": rows.since(xp.where(is_open, claimed, NULL_DAY), first=True),
    }
    return declared(found, CLAIMS, backend)


def _mean_lag(rows: Grouped, start: Any, end: Any) -> Any:
    """Return the mean days from start to end, ends of the last 365 days; NaN where none."""
    xp = rows.backend.xp
    counts = within(rows.as_of_day - end.astype("int64"), YEAR) & (start != NULL_DAY)
    lag = xp.where(counts, end.astype("int64") - start, 0)
    return ratio(rows.total(lag), rows.count(counts), xp)
