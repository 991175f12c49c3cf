"""Why a customer is at risk, in words that a banker reads: 风险原因.

A part's words are made once for all customers of whom they say the same figures, and sentences are
put together by Arrow: no text is made a customer at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.counted import counted
from qfb_gpu.finance.concentration import DISCLOSED
from qfb_gpu.finance.demand import CLASSES
from qfb_gpu.finance.risks import PARTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Columns = Mapping[str, np.ndarray]

Row = dict[str, float]
_MOST = 3
_LEAST_POINTS = 30.0
_DECIMALS = 6
_DOUBTFUL = 1e-4
"""Nearer than that to the middle of two decimals, a product's rounding could tell the wrong one."""
_NO_INCOME = "no_income"
_CLASSES_ZH = ("平稳", "间歇", "波动", "块状")


class Shown(NamedTuple):
    """A figure that words show.

    Attributes
    ----------
    fact : str
    scaled : callable(array) -> array
        Where two facts round to the same whole number here, they are shown alike.
    is_exact : bool
        It is this number that the words round; else one that may differ by its last bit.
    """

    fact: str
    scaled: Callable[[np.ndarray], np.ndarray]
    is_exact: bool = True


class Reason(NamedTuple):
    """The words of a part, and all figures they show; its code is the part's name."""

    english: Callable[[Row], str]
    chinese: Callable[[Row], str]
    shown: tuple[Shown, ...] = ()


def _percent(*facts: str) -> tuple[Shown, ...]:
    return tuple(Shown(fact, lambda values: 100 * values) for fact in facts)


def _whole(*facts: str) -> tuple[Shown, ...]:
    return tuple(Shown(fact, lambda values: values) for fact in facts)


def _decimals(fact: str, digits: int, more: int = 0) -> tuple[Shown, ...]:
    return (Shown(fact, lambda values: 10**digits * (more + values), is_exact=False),)


def _lines(fact: str) -> tuple[Shown, ...]:
    """Return a percentage that is shown with the last line it passed."""
    passed = Shown(fact, lambda values: np.sum([values >= line for line in DISCLOSED], axis=0))
    return (*_percent(fact), passed)


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
            f"contract nodes due in the last year are {counted(r['behind_days'], 'day')} behind "
            f"plan on average ({counted(r['n_nodes'], 'node')}, unpaid ones up to now)"
        ),
        lambda r: (
            f"近一年到期的{r['n_nodes']:.0f}个合同付款节点平均落后计划{r['behind_days']:.0f}天（未付的计至当前）"
        ),
        _whole("behind_days", "n_nodes"),
    ),
    "unpaid_share": Reason(
        lambda r: (
            f"{_pc(r['unpaid_share'])} of the nodes due are unpaid, "
            f"{_pc(r['hazard'])} went over 60 days past due"
        ),
        lambda r: f"到期节点{_pc(r['unpaid_share'])}未付，{_pc(r['hazard'])}逾期超过60天",
        _percent("unpaid_share", "hazard"),
    ),
    "paid_gap": Reason(
        lambda r: f"the paid share of its contracts is {_pc(r['paid_gap'])} behind the time gone",
        lambda r: f"合同支付比例落后履约时间进度{_pc(r['paid_gap'])}",
        _percent("paid_gap"),
    ),
    "returned_rate": Reason(
        lambda r: f"about {_pc(r['returned_rate'])} of what it sold was taken back",
        lambda r: f"销售退回（红字）约占{_pc(r['returned_rate'])}",
        _percent("returned_rate"),
    ),
    "cancelled_rate": Reason(
        lambda r: f"about {_pc(r['cancelled_rate'])} of what it invoiced was voided",
        lambda r: f"开票作废率约{_pc(r['cancelled_rate'])}",
        _percent("cancelled_rate"),
    ),
    "thin": Reason(
        lambda r: (
            f"little speaks for it: {counted(r['n_in_year'], 'payment')} received in "
            f"{counted(r['n_months_year'], 'month')}"
        ),
        lambda r: f"近{r['n_months_year']:.0f}个月收款仅{r['n_in_year']:.0f}笔，履约记录少",
        _whole("n_in_year", "n_months_year"),
    ),
    "arc": Reason(
        lambda r: f"monthly income moves by {_pc(r['arc'])} of its level from month to month",
        lambda r: f"月收入环比（弧）波动{_pc(r['arc'])}",
        _percent("arc"),
    ),
    "downside": Reason(
        lambda r: f"months fall short of the mean by {_pc(r['downside'])} (semideviation)",
        lambda r: f"收入下行半方差波动为均值的{_pc(r['downside'])}",
        _percent("downside"),
    ),
    "drawdown": Reason(
        lambda r: f"the last quarter's income is {_pc(r['drawdown'])} below its peak",
        lambda r: f"最近一季收入较高点回落{_pc(r['drawdown'])}",
        _percent("drawdown"),
    ),
    "trend_break": Reason(
        lambda r: f"income broke its trend: {_pc(r['trend_fall'])} lower for half a year",
        lambda r: f"收入趋势拐点：近半年下降{_pc(r['trend_fall'])}",
        _percent("trend_fall"),
    ),
    "idle": Reason(
        lambda r: f"no income in {_pc(r['idle'])} of its months",
        lambda r: f"{_pc(r['idle'])}的月份没有收入",
        _percent("idle"),
    ),
    "interval": Reason(
        lambda r: (
            f"sales come every {1 + r['interval']:.1f} months on average "
            f"({CLASSES[int(r['class_code'])]} demand)"
        ),
        lambda r: (
            f"平均{1 + r['interval']:.1f}个月才有一次销售"
            f"（{_CLASSES_ZH[int(r['class_code'])]}型需求）"
        ),
        (*_whole("class_code"), *_decimals("interval", 1, 1)),
    ),
    "sizes": Reason(
        lambda r: (
            "sales of different size from month to month: squared coefficient of variation "
            f"{r['sizes']:.2f} ({CLASSES[int(r['class_code'])]} demand)"
        ),
        lambda r: (
            f"各月销售额波动，变异系数平方{r['sizes']:.2f}"
            f"（{_CLASSES_ZH[int(r['class_code'])]}型需求）"
        ),
        (*_whole("class_code"), *_decimals("sizes", 2)),
    ),
    "error": Reason(
        lambda r: f"a month's sales are missed by {_pc(r['error'])} by a smoothed forecast",
        lambda r: f"平滑预测的月均误差为销售的{_pc(r['error'])}",
        _percent("error"),
    ),
    "change": Reason(
        lambda r: (
            f"sales fell by {_pc(r['change_fall'])} {counted(r['change_months'], 'month')} ago"
        ),
        lambda r: f"{r['change_months']:.0f}个月前出现需求变点，下降{_pc(r['change_fall'])}",
        (*_percent("change_fall"), *_whole("change_months")),
    ),
    "bullwhip": Reason(
        lambda r: (
            "purchases vary more than sales: bullwhip ratio "
            f"{1 + r['bullwhip']:.1f} (of squared coefficients of variation)"
        ),
        lambda r: f"采购波动大于销售：牛鞭比{1 + r['bullwhip']:.1f}（变异系数平方之比）",
        _decimals("bullwhip", 1, 1),
    ),
    "top_1": Reason(
        lambda r: f"{_pc(r['top_1'])} of income comes from one channel{_line(r['top_1'])}",
        lambda r: f"第一大渠道占收入{_pc(r['top_1'])}{_line_zh(r['top_1'])}",
        _lines("top_1"),
    ),
    "hhi": Reason(
        lambda r: (
            f"income rests on {r['effective_channels']:.1f} channels in effect (HHI {r['hhi']:.2f})"
        ),
        lambda r: f"有效渠道数{r['effective_channels']:.1f}（HHI {r['hhi']:.2f}）",
        (*_decimals("effective_channels", 1), *_decimals("hhi", 2)),
    ),
    "few": Reason(
        lambda r: f"{counted(1 / r['few'], 'channel')} in the last year",
        lambda r: f"近一年仅{1 / r['few']:.0f}个渠道",
        (Shown("few", lambda values: 1 / values),),
    ),
    "growing": Reason(
        lambda r: f"concentration grew by {r['growing']:.2f} of HHI in a year",
        lambda r: f"集中度一年上升（HHI +{r['growing']:.2f}）",
        _decimals("growing", 2),
    ),
    "supplier_top_1": Reason(
        lambda r: (
            f"{_pc(r['supplier_top_1'])} of purchases come from one supplier"
            f"{_line(r['supplier_top_1'])}"
        ),
        lambda r: f"第一大供应商占采购{_pc(r['supplier_top_1'])}{_line_zh(r['supplier_top_1'])}",
        _lines("supplier_top_1"),
    ),
}


NO_INCOME = Reason(
    lambda _: "nothing came in during the last year: it has no channel",
    lambda _: "近一年没有收入，没有任何收入渠道",
)
"""What stands for all parts of the channels of a firm that was paid nothing for a year."""


def in_words(
    risk: str, points: Columns, facts: Columns, weights: Row
) -> tuple[pa.Array, pa.Array, pa.Array]:
    """Return what speaks for a risk, of each customer: codes, English and Chinese; texts.

    Parameters
    ----------
    risk : str
    points : mapping of str to float64 array, shape (n_customers,)
        At least those of the risk's parts; NaN where not known.
    facts : mapping of str to array, shape (n_customers,)
        At least what the words of the risk's parts show; for channels also ``n_channels``.
    weights : dict of str to float
    """
    names, slots = _weightiest(risk, points, weights)
    if risk == "channel":
        names, slots = _without_income(names, slots, np.isnan(facts["n_channels"]))
    place = np.full(slots[:, :_MOST].shape, -1)  # of a slot's words among all words
    codes: list[str] = []
    english: list[str] = []
    chinese: list[str] = []
    for at, name in enumerate(names):
        rows, slot = np.nonzero(slots[:, :_MOST] == at)
        if not rows.size:
            continue
        which, first = _alike(name, facts, rows)
        place[rows, slot] = len(codes) + which
        for row in rows[first].tolist():
            named = {shown.fact: facts[shown.fact][row].item() for shown in _words(name).shown}
            codes.append(name)
            english.append(_words(name).english(named))
            chinese.append(_words(name).chinese(named))
    return (
        _joined(codes, place, ","), _joined(english, place, "; "), _joined(chinese, place, "；"),
    )  # fmt: skip


def _words(name: str) -> Reason:
    return NO_INCOME if name == _NO_INCOME else REASONS[name]


def _weightiest(risk: str, points: Columns, weights: Row) -> tuple[list[str], np.ndarray]:
    """Return a risk's parts, and which of them speak, what weighs most first; -1: no further.

    Returns
    -------
    names : list of str
    slots : integer array, shape (n_customers, n_parts), of places in ``names``
    """
    names = sorted(PARTS[risk])  # of equal weight the first in order of names
    point = np.stack([points[name] for name in names], axis=1)
    weight = np.array([weights[name] for name in names])
    # without last bits, which a device has otherwise
    told = (_rounded(point) >= _LEAST_POINTS) & (weight > 0)  # false of NaN
    order = np.argsort(np.where(told, _rounded(-weight * point), np.inf), axis=1, kind="stable")
    return names, np.where(np.arange(len(names)) < told.sum(axis=1)[:, None], order, -1)


def _without_income(
    names: list[str], slots: np.ndarray, is_gone: np.ndarray
) -> tuple[list[str], np.ndarray]:
    """Return the parts of firms' channels; of those paid nothing one stands for all of income."""
    found = slots.copy()
    has, supplied = ((slots == names.index(n)).any(axis=1) for n in ("top_1", "supplier_top_1"))
    found[is_gone] = -1
    found[is_gone & has, 0] = len(names)
    of_supplier = is_gone & supplied
    found[of_supplier, has[of_supplier].astype(int)] = names.index("supplier_top_1")
    return [*names, _NO_INCOME], found


def _alike(name: str, facts: Columns, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a number of what a part's words show of customers, and the first of each number."""
    which, first = np.zeros(rows.size, np.int64), np.zeros(1, np.int64)
    for shown in _words(name).shown:
        values = np.asarray(facts[shown.fact])[rows].astype(np.float64)
        scaled = shown.scaled(values)
        key = np.rint(scaled)
        if not shown.is_exact:  # a value that is nearly between two is one of its own
            key = np.where(abs(abs(scaled - key) - 0.5) < _DOUBTFUL, values, key)
        bits = key.astype(np.float64).view(np.int64)  # -0 is not 0
        _, one = np.unique(bits, return_inverse=True)
        together = which * (one.max(initial=0) + 1) + one
        _, first, which = np.unique(together, return_index=True, return_inverse=True)
    return which, first


def _joined(texts: Sequence[str], place: np.ndarray, between: str) -> pa.Array:
    """Return the texts at the places of each row with something between them; -1 is no text."""
    later = [between + text for text in texts]
    parts = [
        pa.array([*known, ""], pa.string()).take(pa.array(np.where(at < 0, len(texts), at)))
        for known, at in zip((texts, *[later] * (place.shape[1] - 1)), place.T, strict=True)
    ]
    return pc.binary_join_element_wise(*parts, "")  # which leaves rows out where it skips all


def _rounded(values: np.ndarray) -> np.ndarray:
    """Return what Python's ``round`` gives of each value, which NumPy's may be a decimal off."""
    scaled = values * 10**_DECIMALS
    whole = np.rint(scaled)
    found: np.ndarray = whole / 10**_DECIMALS
    for at in zip(*np.nonzero(abs(abs(scaled - whole) - 0.5) < _DOUBTFUL), strict=True):
        found[at] = round(float(values[at]), _DECIMALS)
    return found
