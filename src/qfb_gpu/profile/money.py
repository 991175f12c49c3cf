"""Features of how much, in the customer's main currency: money, balance, trend.

Sums are exact; reversals (red invoices, refunds) subtract from the side they are on.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qfb_gpu.profile.feature import Feature, Tallies, balance, ratio
from qfb_gpu.profile.timing import WINDOWS, n_payments
from qfb_kernels import activity as daily
from qfb_kernels import features as tally

if TYPE_CHECKING:
    from collections.abc import Callable

_YEAR = len(WINDOWS)
_QUARTER_MONTHS = 3
_FEWEST_MONTHS = 3


def _sum(tallies: Tallies, n_ages: int, side: int) -> Any:
    return tallies.money[:, side : side + n_ages].sum(axis=1)


def _net(tallies: Tallies, n_ages: int) -> Any:
    return _sum(tallies, n_ages, tally.SUM_IN) - _sum(tallies, n_ages, tally.SUM_OUT)


def _per_payment(tallies: Tallies, side: int, n_paid: int) -> Any:
    paid = tallies.money[:, n_paid]
    money = tallies.xp.where(paid > 0, _sum(tallies, _YEAR, side), 0)
    return ratio(money, paid, tallies.xp)


def _largest_share(tallies: Tallies, side: int, largest: int) -> Any:
    money = tallies.xp.maximum(_sum(tallies, _YEAR, side), 0)
    return tallies.xp.minimum(ratio(tallies.money[:, largest], money, tallies.xp), 1.0)


def _summed() -> tuple[Feature, ...]:
    sides: tuple[tuple[str, Callable[..., Any], str, str], ...] = (
        ("in", partial(_sum, side=tally.SUM_IN), "money received", "收款"),
        ("out", partial(_sum, side=tally.SUM_OUT), "money paid", "付款"),
        ("net", _net, "money received less money paid", "净流入"),
    )
    spans = [(f"{days}d", f"in the last {days} days", f"最近{days}天") for days in WINDOWS]
    spans.append(("total", "in all time", "全部"))
    return tuple(
        Feature(
            f"money_{name}_minor_{span}", "minor", f"{words} {in_span}", f"{span_zh}{words_zh}金额",
            "int64", compute=partial(compute, n_ages=n_ages),
        )
        for name, compute, words, words_zh in sides
        for n_ages, (span, in_span, span_zh) in enumerate(spans, start=1)
    )  # fmt: skip


MONEY = (
    *_summed(),
    Feature(
        "money_turnover_minor_365d", "minor",
        "money received and paid in the last 365 days", "最近365天收付总额",
        "int64",
        compute=lambda t: _sum(t, _YEAR, tally.SUM_IN) + _sum(t, _YEAR, tally.SUM_OUT),
    ),
    Feature(
        "money_mean_in_minor_365d", "minor",
        "money received / positive payments received, last 365 days",
        "最近365天收款金额 ÷ 正数收款笔数",
        compute=partial(_per_payment, side=tally.SUM_IN, n_paid=tally.PAID_IN),
    ),
    Feature(
        "money_mean_out_minor_365d", "minor",
        "money paid / positive payments made, last 365 days",
        "最近365天付款金额 ÷ 正数付款笔数",
        compute=partial(_per_payment, side=tally.SUM_OUT, n_paid=tally.PAID_OUT),
    ),
    Feature(
        "money_largest_in_share_365d", "share",
        "largest payment received / money received, last 365 days, at most 1",
        "最近365天最大一笔收款 ÷ 收款金额（不超过1）",
        compute=partial(_largest_share, side=tally.SUM_IN, largest=tally.LARGEST_IN),
    ),
    Feature(
        "money_largest_out_share_365d", "share",
        "largest payment made / money paid, last 365 days, at most 1",
        "最近365天最大一笔付款 ÷ 付款金额（不超过1）",
        compute=partial(_largest_share, side=tally.SUM_OUT, largest=tally.LARGEST_OUT),
    ),
    Feature(
        "money_n_currencies", "currencies",
        "currencies the customer pays or is paid in, all time",
        "收付涉及的币种数（全部时间）",
        "int32", compute=lambda t: t.n_currencies,
    ),
    Feature(
        "money_main_currency_share", "share",
        "payments in the main currency / all payments, all time",
        "主币种笔数 ÷ 全部笔数（全部时间）",
        compute=lambda t: ratio(t.money[:, tally.N_MAIN], n_payments(t, _YEAR + 1), t.xp),
    ),
)  # fmt: skip


def _in_out(tallies: Tallies, n_ages: int) -> Any:
    left, right = _sum(tallies, n_ages, tally.SUM_IN), _sum(tallies, n_ages, tally.SUM_OUT)
    return balance(left, right, tallies.xp)


def _in_months_out(tallies: Tallies) -> Any:
    """Return the balance's low as months of mean spending."""
    spent = tallies.xp.maximum(_sum(tallies, _YEAR, tally.SUM_OUT), 0)
    return ratio(-12.0 * tallies.gaps[:, daily.LOW], spent, tallies.xp)


def _end_above_low(tallies: Tallies) -> Any:
    return tallies.gaps[:, daily.END] - tallies.gaps[:, daily.LOW]


def _mean_above_low(tallies: Tallies) -> Any:
    return tallies.gaps[:, daily.MEAN] - tallies.gaps[:, daily.LOW]


def _buffer_days(tallies: Tallies) -> Any:
    """Return how many days of mean spending the balance proxy covers."""
    spent = tallies.xp.maximum(_sum(tallies, _YEAR, tally.SUM_OUT), 0)
    return ratio(float(tally.YEAR_DAYS) * _end_above_low(tallies), spent, tallies.xp)


BALANCE = (
    Feature(
        "balance_in_out_90d", "score",
        "(in - out) / (|in| + |out|) of the last 90 days: -1 only pays, 1 only receives",
        "最近90天（收−付）÷（|收|＋|付|）：−1只付，1只收", compute=partial(_in_out, n_ages=3),
    ),
    Feature(
        "balance_in_out_365d", "score",
        "(in - out) / (|in| + |out|) of the last 365 days", "最近365天（收−付）÷（|收|＋|付|）",
        compute=partial(_in_out, n_ages=_YEAR),
    ),
    Feature(
        "balance_low_minor_364d", "minor",
        "lowest point of the running net flow of the last 364 days from 0; never above 0",
        "最近364天累计净流入的最低点（从0起算，不高于0）",
        "int64", compute=lambda t: t.gaps[:, daily.LOW],
    ),
    Feature(
        "balance_low_months_out", "months",
        "balance_low_minor_364d, taken positive / mean monthly money paid in the last 365 days",
        "上述最低点（取正）÷ 最近365天月均付款", compute=_in_months_out,
    ),
    Feature(
        "balance_proxy_minor", "minor",
        "running net flow of the last 364 days at its end less at its low: the least the account "
        "can hold now if it was never overdrawn",
        "余额代理：最近364天累计净流入的期末值减最低点，"
        "即假设从未透支时账户现有的最低余额",
        "int64", compute=_end_above_low,
    ),
    Feature(
        "balance_proxy_mean_minor_364d", "minor",
        "mean of balance_proxy_minor over the 364 days, rounded down",
        "余额代理在364天内的日均值（向下取整）",
        "int64", compute=_mean_above_low,
    ),
    Feature(
        "balance_buffer_days", "days",
        "balance_proxy_minor / mean daily money paid in the last 365 days",
        "余额代理 ÷ 最近365天日均付款", compute=_buffer_days,
    ),
)  # fmt: skip


def _months_seen(tallies: Tallies) -> Any:
    """Return how many whole 30-day months of the last 12 the customer has been there."""
    days = tallies.as_of_day - tallies.counts[:, tally.FIRST_DAY] + 1
    return tallies.xp.minimum(days // tally.MONTH_DAYS, tally.N_MONTHS)


def _seen(months: Any, n_seen: Any, xp: Any) -> Any:
    inside = xp.arange(tally.N_MONTHS) < n_seen[:, None]
    return xp.where(inside, months, 0).astype("float64")


def _in_turn(values: Any, xp: Any) -> Any:
    """Return the sum of each row, added up from the left."""
    return xp.cumsum(values, axis=1)[:, -1]


def monthly_slope(months: Any, n_seen: Any, xp: Any) -> Any:
    """Return the least-squares slope of 30-day months / their mean, NaN under 3 months.

    Parameters
    ----------
    months : array of int64, shape (n_customers, 12)
        Youngest first.
    n_seen : array of int64, shape (n_customers,)
        Only that many youngest months count.
    """
    age = xp.arange(tally.N_MONTHS)
    value = _seen(months, n_seen, xp)
    top = _in_turn((n_seen[:, None] - 1 - 2 * age) * value, xp)
    total = _in_turn(value, xp)
    known = (n_seen >= _FEWEST_MONTHS) & (total > 0)
    n = xp.where(known, n_seen, 0).astype("float64")
    return ratio(6.0 * top, xp.where(known, (n * n - 1) * total, 0.0), xp)


def monthly_variation(months: Any, n_seen: Any, xp: Any) -> Any:
    """Return the population standard deviation of 30-day months / their mean, NaN under 3."""
    total = _in_turn(_seen(months, n_seen, xp), xp)
    known = (n_seen >= _FEWEST_MONTHS) & (total > 0)
    mean = ratio(total, xp.where(known, n_seen, 0), xp)
    off = xp.where(xp.arange(tally.N_MONTHS) < n_seen[:, None], months - mean[:, None], 0.0)
    squares = _in_turn(off * off, xp)
    return xp.sqrt(ratio(squares, xp.where(known, n_seen, 0), xp)) / mean


def _months(tallies: Tallies, name: str) -> Any:
    if name == "n":
        return tallies.counts[:, tally.MONTH_N : tally.MONTH_N + tally.N_MONTHS]
    first = tally.MONTH_IN if name == "in" else tally.MONTH_OUT
    return tallies.money[:, first : first + tally.N_MONTHS]


def _slope(tallies: Tallies, name: str) -> Any:
    return monthly_slope(_months(tallies, name), _months_seen(tallies), tallies.xp)


def _variation(tallies: Tallies, name: str) -> Any:
    return monthly_variation(_months(tallies, name), _months_seen(tallies), tallies.xp)


def _year_on_year(tallies: Tallies, name: str) -> Any:
    now = _months(tallies, name)[:, :_QUARTER_MONTHS].sum(axis=1)
    then = {
        "n": tallies.counts[:, tally.PRIOR_N],
        "in": tallies.money[:, tally.PRIOR_IN],
        "out": tallies.money[:, tally.PRIOR_OUT],
    }[name]
    return balance(now, then, tallies.xp)


def _quarter_on_quarter(tallies: Tallies, name: str) -> Any:
    months = _months(tallies, name)
    now = months[:, :_QUARTER_MONTHS].sum(axis=1)
    return balance(now, months[:, _QUARTER_MONTHS : 2 * _QUARTER_MONTHS].sum(axis=1), tallies.xp)


def _trends() -> tuple[Feature, ...]:
    of = (
        ("n", "payments", "笔数"),
        ("in", "money received", "收款"),
        ("out", "money paid", "付款"),
    )
    kinds: tuple[tuple[str, str, str, str, Callable[..., Any]], ...] = (
        (
            "quarter", "score", "(a - b) / (|a| + |b|): {}, last 90 days a, the 90 before them b",
            "{}：最近90天与之前90天之差 ÷ 两者绝对值之和", _quarter_on_quarter,
        ),
        (
            "year_on_year", "score",
            "(a - b) / (|a| + |b|): {}, last 90 days a, the same days 365 days earlier b",
            "{}：最近90天与365天前同期之差 ÷ 两者绝对值之和", _year_on_year,
        ),
        (
            "slope", "share per month",
            ("slope of {} over up to 12 whole 30-day months (least squares) / mean; null under 3, "
             "or where the mean is not above 0"),
            ("最近至多12个整月（30天）{}的最小二乘斜率 ÷ 均值"
             "（不足3个月或均值不为正时为空）"), _slope,
        ),
        (
            "variation", "ratio",
            ("standard deviation / mean of {} over up to 12 whole 30-day months; null under 3, "
             "or where the mean is not above 0"),
            "最近至多12个整月（30天）{}的标准差 ÷ 均值（不足3个月或均值不为正时为空）", _variation,
        ),
    )  # fmt: skip
    return tuple(
        Feature(
            f"trend_{name}_{kind}", unit, formula.format(words), formula_zh.format(words_zh),
            compute=partial(compute, name=name),
        )
        for kind, unit, formula, formula_zh, compute in kinds
        for name, words, words_zh in of
    )  # fmt: skip


TREND = _trends()
