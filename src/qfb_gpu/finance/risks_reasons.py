"""Why a customer is at risk, in words that a banker reads: 风险原因."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from qfb_gpu.counted import counted
from qfb_gpu.finance.concentration import DISCLOSED
from qfb_gpu.finance.demand import CLASSES
from qfb_gpu.finance.risks import PARTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Row = dict[str, float]
_MOST = 3
_LEAST_POINTS = 30.0
_DECIMALS = 6
_DOUBTFUL = 1e-4
"""Nearer than that to the middle of two decimals, a product's rounding could tell the wrong one."""
_CLASSES_ZH = ("平稳", "间歇", "波动", "块状")


class Reason(NamedTuple):
    """The words of a part: its code is the part's name."""

    english: Callable[[Row], str]
    chinese: Callable[[Row], str]


_PERCENTS = tuple(f"{percent}%" for percent in range(101))


def _pc(value: float) -> str:
    return _PERCENTS[round(100 * value)] if 0 < value <= 1 else f"{100 * value:.0f}%"


def _line(share: float) -> str:
    passed = [line for line in DISCLOSED if share >= line]
    return f", over the {_pc(passed[-1])} line" if passed else ""


def _line_zh(share: float) -> str:
    passed = [line for line in DISCLOSED if share >= line]
    return f"，超过{_pc(passed[-1])}线" if passed else ""


REASONS: dict[str, Reason] = {
    "behind_days": Reason(
        lambda r: (
            f"contract nodes of the last year were paid {counted(r['behind_days'], 'day')} behind "
            f"plan on average ({counted(r['n_nodes'], 'node')})"
        ),
        lambda r: f"近一年{r['n_nodes']:.0f}个合同付款节点平均落后计划{r['behind_days']:.0f}天",
    ),
    "unpaid_share": Reason(
        lambda r: (
            f"{_pc(r['unpaid_share'])} of the nodes due are unpaid, "
            f"{_pc(r['hazard'])} went over 60 days past due"
        ),
        lambda r: f"到期节点{_pc(r['unpaid_share'])}未付，{_pc(r['hazard'])}逾期超过60天",
    ),
    "paid_gap": Reason(
        lambda r: f"the paid share of its contracts is {_pc(r['paid_gap'])} behind the time gone",
        lambda r: f"合同支付比例落后履约时间进度{_pc(r['paid_gap'])}",
    ),
    "returned_rate": Reason(
        lambda r: f"about {_pc(r['returned_rate'])} of what it sold was taken back",
        lambda r: f"销售退回（红字）约占{_pc(r['returned_rate'])}",
    ),
    "cancelled_rate": Reason(
        lambda r: f"about {_pc(r['cancelled_rate'])} of what it invoiced was voided",
        lambda r: f"开票作废率约{_pc(r['cancelled_rate'])}",
    ),
    "thin": Reason(
        lambda r: (
            f"little speaks for it: {counted(12 / max(r['thin'], 1e-9), 'payment')} received a year"
        ),
        lambda r: f"年收款仅约{12 / max(r['thin'], 1e-9):.0f}笔，履约记录少",
    ),
    "arc": Reason(
        lambda r: f"monthly income moves by {_pc(r['arc'])} of its level from month to month",
        lambda r: f"月收入环比（弧）波动{_pc(r['arc'])}",
    ),
    "downside": Reason(
        lambda r: f"months fall short of the mean by {_pc(r['downside'])} (semideviation)",
        lambda r: f"收入下行半方差波动为均值的{_pc(r['downside'])}",
    ),
    "drawdown": Reason(
        lambda r: f"the last quarter's income is {_pc(r['drawdown'])} below its peak",
        lambda r: f"最近一季收入较高点回落{_pc(r['drawdown'])}",
    ),
    "trend_break": Reason(
        lambda r: f"income broke its trend: {_pc(r['trend_fall'])} lower for half a year",
        lambda r: f"收入趋势拐点：近半年下降{_pc(r['trend_fall'])}",
    ),
    "idle": Reason(
        lambda r: f"no income in {_pc(r['idle'])} of its months",
        lambda r: f"{_pc(r['idle'])}的月份没有收入",
    ),
    "interval": Reason(
        lambda r: (
            f"demand is {CLASSES[int(r['class_code'])]}: every {1 + r['interval']:.1f} "
            "months on average"
        ),
        lambda r: f"需求{_CLASSES_ZH[int(r['class_code'])]}型，平均{1 + r['interval']:.1f}个月一次",
    ),
    "sizes": Reason(
        lambda r: (
            f"demand is {CLASSES[int(r['class_code'])]}: squared coefficient of variation "
            f"{r['sizes']:.2f}"
        ),
        lambda r: f"需求{_CLASSES_ZH[int(r['class_code'])]}型，变异系数平方{r['sizes']:.2f}",
    ),
    "error": Reason(
        lambda r: f"a month's sales are missed by {_pc(r['error'])} by a smoothed forecast",
        lambda r: f"平滑预测的月均误差为销售的{_pc(r['error'])}",
    ),
    "change": Reason(
        lambda r: (
            f"sales fell by {_pc(r['change_fall'])} {counted(r['change_months'], 'month')} ago"
        ),
        lambda r: f"{r['change_months']:.0f}个月前出现需求变点，下降{_pc(r['change_fall'])}",
    ),
    "bullwhip": Reason(
        lambda r: f"purchases swing {1 + r['bullwhip']:.1f} times as much as sales (bullwhip)",
        lambda r: f"采购波动为销售波动的{1 + r['bullwhip']:.1f}倍（牛鞭效应）",
    ),
    "top_1": Reason(
        lambda r: f"{_pc(r['top_1'])} of income comes from one channel{_line(r['top_1'])}",
        lambda r: f"第一大渠道占收入{_pc(r['top_1'])}{_line_zh(r['top_1'])}",
    ),
    "hhi": Reason(
        lambda r: (
            f"income rests on {r['effective_channels']:.1f} channels in effect (HHI {r['hhi']:.2f})"
        ),
        lambda r: f"有效渠道数{r['effective_channels']:.1f}（HHI {r['hhi']:.2f}）",
    ),
    "few": Reason(
        lambda r: f"{counted(1 / r['few'], 'channel')} in the last year",
        lambda r: f"近一年仅{1 / r['few']:.0f}个渠道",
    ),
    "growing": Reason(
        lambda r: f"concentration grew by {r['growing']:.2f} of HHI in a year",
        lambda r: f"集中度一年上升（HHI +{r['growing']:.2f}）",
    ),
    "supplier_top_1": Reason(
        lambda r: (
            f"{_pc(r['supplier_top_1'])} of purchases come from one supplier"
            f"{_line(r['supplier_top_1'])}"
        ),
        lambda r: f"第一大供应商占采购{_pc(r['supplier_top_1'])}{_line_zh(r['supplier_top_1'])}",
    ),
}


NO_INCOME = Reason(
    lambda _: "nothing came in during the last year: all of its channels are gone",
    lambda _: "近一年没有收入，渠道全部流失",
)
"""What stands for all parts of the channels of a firm that was paid nothing for a year."""


def weighty(risk: str, points: Mapping[str, np.ndarray], weights: Row) -> list[list[str]]:
    """Return the parts that speak for a risk, of each customer, what weighs most first.

    Parameters
    ----------
    risk : str
    points : mapping of str to float64 array, shape (n_customers,)
        At least those of the risk's parts; NaN where not known.
    weights : dict of str to float
    """
    names = sorted(PARTS[risk])  # of equal weight the first in order of names
    point = np.stack([points[name] for name in names], axis=1)
    weight = np.array([weights[name] for name in names])
    # without last bits, which a device has otherwise
    told = (_rounded(point) >= _LEAST_POINTS) & (weight > 0)  # false of NaN
    order = np.argsort(np.where(told, _rounded(-weight * point), np.inf), axis=1, kind="stable")
    counts = told.sum(axis=1).tolist()
    return [[names[at] for at in row[:n]] for row, n in zip(order.tolist(), counts, strict=True)]


def _rounded(values: np.ndarray) -> np.ndarray:
    """Return what Python's ``round`` gives of each value, which NumPy's may be a decimal off."""
    scaled = values * 10**_DECIMALS
    whole = np.rint(scaled)
    found: np.ndarray = whole / 10**_DECIMALS
    for at in zip(*np.nonzero(abs(abs(scaled - whole) - 0.5) < _DOUBTFUL), strict=True):
        found[at] = round(float(values[at]), _DECIMALS)
    return found


def in_words(risk: str, names: list[str], row: Row) -> tuple[str, str, str]:
    """Return codes, English and Chinese of what :func:`weighty` found of a customer."""
    words = REASONS
    if risk == "channel" and math.isnan(row["n_channels"]):
        words = REASONS | {"no_income": NO_INCOME}
        names = [*(["no_income"] if "top_1" in names else []), *set(names) & {"supplier_top_1"}]
    names = names[:_MOST]
    return (
        ",".join(names),
        "; ".join([words[name].english(row) for name in names]),
        "；".join([words[name].chinese(row) for name in names]),
    )
