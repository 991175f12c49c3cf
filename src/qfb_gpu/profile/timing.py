"""Features of when: recency, frequency, gaps between active days, rhythm, shape."""

from __future__ import annotations

from functools import partial, reduce
from operator import add
from typing import Any

from qfb_gpu.profile.feature import Feature, Tallies, ratio
from qfb_kernels import activity as daily
from qfb_kernels import features as tally

WINDOWS = (7, 30, 90, 365)
"""Days of the windows; a window of ``n`` days is ``as_of - n + 1 .. as_of``."""
_YEAR = len(WINDOWS)
_WEEKDAYS = 7
_BOTH = (tally.N_IN, tally.N_OUT)


def n_payments(tallies: Tallies, n_ages: int = _YEAR, sides: tuple[int, ...] = _BOTH) -> Any:
    """Return the payments of the ``n_ages`` youngest age classes (4: a year, 5: all)."""
    return reduce(add, (tallies.counts[:, side : side + n_ages].sum(axis=1) for side in sides))


def _since_last(tallies: Tallies) -> Any:
    return tallies.as_of_day - tallies.counts[:, tally.LAST_DAY]


def _since_first(tallies: Tallies) -> Any:
    return tallies.as_of_day - tallies.counts[:, tally.FIRST_DAY]


def _in_gaps(tallies: Tallies) -> Any:
    n_gaps = _n_gaps(tallies)
    return ratio(_since_last(tallies) * n_gaps, tallies.gaps[:, daily.GAP_SUM], tallies.xp)


RECENCY = (
    Feature(
        "recency_days_since_last", "days",
        "as-of day less the day of the last payment", "截止日距最近一笔收付的天数",
        "int64", compute=_since_last,
    ),
    Feature(
        "recency_days_since_first", "days",
        "as-of day less the day of the first payment", "截止日距首笔收付的天数",
        "int64", compute=_since_first,
    ),
    Feature(
        "recency_in_gaps", "gaps",
        "days since the last payment / interval_mean_days", "距最近一笔收付的天数 ÷ 活跃日平均间隔",
        compute=_in_gaps,
    ),
)  # fmt: skip


def _counted() -> tuple[Feature, ...]:
    sides = (
        ("n", _BOTH, "payments", "收付笔数"),
        ("n_in", (tally.N_IN,), "payments received", "收款笔数"),
        ("n_out", (tally.N_OUT,), "payments made", "付款笔数"),
    )
    spans = [(f"{days}d", f"of the last {days} days", f"最近{days}天") for days in WINDOWS]
    spans.append(("total", "of all time", "全部"))
    return tuple(
        Feature(
            f"frequency_{name}_{span}", "payments", f"{words} {of_span}", f"{span_zh}{words_zh}",
            "int64", compute=partial(n_payments, n_ages=n_ages, sides=columns),
        )
        for name, columns, words, words_zh in sides
        for n_ages, (span, of_span, span_zh) in enumerate(spans, start=1)
    )  # fmt: skip


FREQUENCY = (
    *_counted(),
    Feature(
        "frequency_active_days_364d", "days",
        "days with a payment, of the last 364", "最近364天中有收付的天数",
        "int64", compute=lambda t: t.gaps[:, daily.N_ACTIVE],
    ),
    Feature(
        "frequency_reversal_share_365d", "share",
        "negative payments (red invoices, refunds) / payments of the last 365 days",
        "最近365天红冲、退款（负数）笔数 ÷ 收付笔数",
        compute=lambda t: ratio(t.counts[:, tally.REVERSAL_N], n_payments(t), t.xp),
    ),
)  # fmt: skip


def _n_gaps(tallies: Tallies) -> Any:
    return tallies.xp.maximum(tallies.gaps[:, daily.N_ACTIVE] - 1, 0)


def gap_mean(tallies: Tallies) -> Any:
    """Return the mean gap between active days, NaN under two of them."""
    return ratio(tallies.gaps[:, daily.GAP_SUM], _n_gaps(tallies), tallies.xp)


def _gap_std(tallies: Tallies) -> Any:
    n = _n_gaps(tallies)
    total, squares = tallies.gaps[:, daily.GAP_SUM], tallies.gaps[:, daily.GAP_SQUARES]
    return tallies.xp.sqrt(ratio(n * squares - total * total, n * n, tallies.xp))


def _gap_median(tallies: Tallies) -> Any:
    has_gap = (_n_gaps(tallies) > 0) * 2
    return ratio(tallies.gaps[:, daily.GAP_MEDIAN_TWICE], has_gap, tallies.xp)


def _burstiness(tallies: Tallies) -> Any:
    mean, std = gap_mean(tallies), _gap_std(tallies)
    return (std - mean) / (std + mean)


INTERVAL = (
    Feature(
        "interval_mean_days", "days",
        "mean gap between successive active days", "相邻活跃日间隔均值", compute=gap_mean,
    ),
    Feature(
        "interval_std_days", "days",
        "population standard deviation of the gaps", "相邻活跃日间隔总体标准差", compute=_gap_std,
    ),
    Feature(
        "interval_median_days", "days",
        "median gap", "相邻活跃日间隔中位数", compute=_gap_median,
    ),
    Feature(
        "interval_longest_days", "days",
        "longest gap; 0 where there is none", "最长间隔（无间隔为0）",
        "int64", compute=lambda t: t.gaps[:, daily.GAP_LONGEST],
    ),
    Feature(
        "interval_burstiness", "score",
        "(std - mean) / (std + mean) of the gaps: -1 a clock, 0 random, 1 bursts "
        "(Goh and Barabasi 2008)",
        "间隔的（标准差−均值）÷（标准差＋均值）：−1如时钟，0随机，1突发",
        compute=_burstiness,
    ),
)  # fmt: skip


def _rhythm(name: str, unit: str, words: str, words_zh: str, column: int) -> Feature:
    return Feature(
        f"spectrum_{name}", unit, words, words_zh,
        compute=lambda tallies: tallies.spectrum[:, column],
    )  # fmt: skip


SPECTRUM = (
    _rhythm(
        "weekly_share", "share",
        "power at 1, 2 and 3 cycles a week / all power of the square roots of the daily counts; "
        "null under 4 active days",
        "每周1、2、3次频率的功率占比（日笔数开方；活跃日少于4天为空）", daily.WEEKLY_SHARE,
    ),
    _rhythm(
        "monthly_share", "share",
        "power at 1 to 6 cycles a month (12, 24 .. 72 in 364 days, one neighbour each side)",
        "每月1至6次频率（364天中12、24…72次）的功率占比（含两侧相邻频点）", daily.MONTHLY_SHARE,
    ),
    _rhythm(
        "entropy", "score",
        "entropy of the power / log of the number of frequencies: 0 one line, 1 white",
        "功率谱熵（归一化）：0单一频率，1白噪声", daily.ENTROPY,
    ),
    _rhythm(
        "period_days", "days",
        "longest period (182 days or less) whose power is 90% of the highest",
        "功率达到最高值90%的最长周期（不超过182天）", daily.PERIOD,
    ),
    _rhythm(
        "strength", "share",
        "power at that period and its two neighbours / all power",
        "上述周期及其两侧相邻频点的功率占比", daily.STRENGTH,
    ),
)  # fmt: skip


def _share_of_year(column: int, n_columns: int = 1) -> Any:
    def compute(tallies: Tallies) -> Any:
        part = tallies.counts[:, column : column + n_columns].sum(axis=1)
        return ratio(part, n_payments(tallies), tallies.xp)

    return compute


def _weekday_entropy(tallies: Tallies) -> Any:
    xp, n = tallies.xp, n_payments(tallies)
    entropy = xp.where(n == 0, xp.nan, 0.0)
    for day in range(_WEEKDAYS):
        share = ratio(tallies.counts[:, tally.WEEKDAY_N + day], n, xp)
        entropy = entropy - share * xp.log(xp.where(share > 0, share, 1.0))
    return entropy / xp.log(float(_WEEKDAYS))


SHAPE = (
    Feature(
        "shape_weekend_share", "share",
        "payments on a Saturday or Sunday / payments", "周六周日笔数占比",
        compute=_share_of_year(tally.WEEKDAY_N + 5, 2),
    ),
    Feature(
        "shape_monday_share", "share",
        "payments on a Monday / payments", "周一笔数占比", compute=_share_of_year(tally.WEEKDAY_N),
    ),
    Feature(
        "shape_weekday_entropy", "score",
        "entropy over the seven weekdays / log 7: 0 always one weekday, 1 even",
        "星期分布熵（归一化）：0只在某一天，1均匀", compute=_weekday_entropy,
    ),
    Feature(
        "shape_month_start_share", "share",
        "payments on days 1 to 5 of a month / payments", "每月1至5日笔数占比",
        compute=_share_of_year(tally.START_N),
    ),
    Feature(
        "shape_month_end_share", "share",
        "payments on the last 5 days of a month / payments", "每月最后5天笔数占比",
        compute=_share_of_year(tally.END_N),
    ),
)  # fmt: skip
