"""What a feature is: its name, its block, its meaning in words, and how it is computed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from qfb_gpu.backend import Backend

Block = Literal[
    "recency", "frequency", "money", "balance", "interval", "spectrum", "trend", "shape",
    "counterparty", "mix", "regularity", "graph", "lifetime",
    "journey", "marketing", "terms", "contracts", "claims", "products",
]  # fmt: skip
Source = Literal[
    "payments", "streams", "network", "texts", "lifetime",
    "events", "touches", "orders", "contracts", "contract_payments", "claims", "products",
]  # fmt: skip

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
    "mix": ("what for and how: categories and channels of the payments", "收付类别与渠道"),
    "regularity": ("how much is regular, what is committed", "规律收付与未来承诺"),
    "graph": ("place in the payment network", "支付网络中的位置"),
    "lifetime": ("whether the customer is still there, what to expect", "存续概率与预期收付"),
    "journey": ("digital visits and applications", "数字化旅程（访问与申请）"),
    "marketing": ("contacts and responses", "营销触达与响应"),
    "terms": ("orders: delivery, and days from delivery to payment", "订单履约与账期"),
    "contracts": ("contracts as the payer", "合同（作为付款方）"),
    "claims": ("expense claims: how long they take", "报销（费用申报）"),
    "products": ("products held", "产品持有"),
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
        What has to be there: payments, streams (regular payments are decided), network, texts
        (the payments' category and channel), lifetime (its fit), or a source of the config,
        without which the column is left out.
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


def declared(
    found: dict[str, Any], features: tuple[Feature, ...], backend: Backend
) -> dict[str, Any]:
    """Return the columns of ``found`` in the order and dtype that ``features`` declare.

    Parameters
    ----------
    found : dict of str to array
        A feature's name without its block to its values.

    Raises
    ------
    KeyError
        A declared feature was not computed, or one was computed that is not declared.
    """
    names = {feature.name.partition("_")[2] for feature in features}
    if names != set(found):
        msg = f"declared and computed features differ in {sorted(names ^ set(found))}"
        raise KeyError(msg)
    return {
        feature.name: backend.asarray(found[feature.name.partition("_")[2]], dtype=feature.dtype)
        for feature in features
    }


def ratio(part: Any, whole: Any, xp: Any) -> Any:
    """Return ``part / whole`` as float64, NaN where ``whole`` is 0.

    Integers are divided as float64, so equal integers give equal bits on every device.
    """
    return part / xp.where(whole == 0, xp.nan, whole)


def balance(left: Any, right: Any, xp: Any) -> Any:
    """Return ``(left - right) / (|left| + |right|)``: -1 all right, 1 all left; NaN if both 0."""
    return ratio(left - right, abs(left) + abs(right), xp)
