"""What a feature is: its name, its block, its meaning in words, and how it is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

Block = Literal[
    "recency", "frequency", "money", "balance", "interval", "spectrum", "trend", "shape",
    "counterparty", "regularity", "graph",
]  # fmt: skip
Source = Literal["payments", "streams", "network"]

BLOCKS: dict[str, tuple[str, str]] = {
    "recency": ("how long since the customer paid or was paid", "最近一次收付"),
    "frequency": ("how often, all currencies", "收付频率（全部币种）"),
    "money": ("how much, in the main currency", "收付金额（主币种）"),
    "balance": ("how in and out balance, in the main currency", "收支平衡（主币种）"),
    "interval": ("days between active days of the last 364 days", "活跃日间隔（最近364天）"),
    "spectrum": ("rhythm of the daily activity of the last 364 days", "活动频谱（最近364天）"),
    "trend": ("growth, decline and volatility", "趋势与波动"),
    "shape": ("when in the week and the month, last 365 days", "周内与月内分布（最近365天）"),
    "counterparty": ("with whom, and how concentrated", "交易对手与集中度"),
    "regularity": ("how much is regular, what is committed", "规律收付与未来承诺"),
    "graph": ("place in the payment network", "支付网络中的位置"),
}
"""Each block in English and Chinese; a feature's name starts with its block."""


class Tallies(NamedTuple):
    """The integer tables that features are computed from: a row per customer of one batch.

    Attributes
    ----------
    counts, money, partners : int64 arrays, columns of :mod:`qfb_kernels.features`
    gaps : int64 array, columns of :mod:`qfb_kernels.activity`
    spectrum : float64 array, columns of :mod:`qfb_kernels.activity`
    main_currency : int16 array
    n_currencies : int32 array
    as_of_day : int
    xp : NumPy or CuPy
    """

    counts: Any
    money: Any
    partners: Any
    gaps: Any
    spectrum: Any
    main_currency: Any
    n_currencies: Any
    as_of_day: int
    xp: Any


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the customer profile.

    Attributes
    ----------
    name : str
        Column name; its first word is the block.
    unit : str
        ``days``, ``payments``, ``minor`` (minor units of the main currency), ``share`` (0..1), ...
    formula, formula_zh : str
        What it is, in words. Every share or ratio is null where its denominator is 0.
    dtype : str
        ``int64`` and ``int32`` are exact and never null; ``float64`` is null (NaN) where undefined.
    source : str
        What has to be there: payments, streams (regular payments are decided) or network.
    compute : callable, optional
        Tallies to array; None for a source other than payments, which fills its columns itself.
    """

    name: str
    unit: str
    formula: str
    formula_zh: str
    dtype: Literal["int16", "int32", "int64", "float64"] = "float64"
    source: Source = "payments"
    compute: Callable[[Tallies], Any] | None = None

    @property
    def block(self) -> str:
        """The block, which is the first word of the name."""
        return self.name.partition("_")[0]


def ratio(part: Any, whole: Any, xp: Any) -> Any:
    """Return ``part / whole`` as float64, NaN where ``whole`` is 0.

    Integers are divided as float64, so equal integers give equal bits on every device.
    """
    nothing = whole == 0
    return xp.where(nothing, xp.nan, part / xp.where(nothing, 1, whole))


def balance(left: Any, right: Any, xp: Any) -> Any:
    """Return ``(left - right) / (|left| + |right|)``: -1 all right, 1 all left; NaN if both 0."""
    return ratio(left - right, abs(left) + abs(right), xp)
