"""Why a customer is likely to leave, in words, with the figures; and the model's card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.counted import counted

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from qfb_gpu.models.churn import ChurnModel

N_REASONS = 3
_LEAST_ADDED = 0.05
"""Log-odds below which a feature is no reason."""
_NOTABLE_DROP = -0.1
_NOUNS = {
    "trade": ("trade payments", "非规律收付"),
    "standing": ("standing payments", "规律收付"),
    "claims": ("expense claims", "报销"),
    "visits": ("digital visits", "线上访问"),
    "orders": ("orders placed", "下单"),
    "answers": ("answers to contacts", "营销回应"),
}


def group_of(name: str) -> str:
    """Return what a feature is about: its reasons are one."""
    first = name.partition("_")[0]
    if name.startswith("relations_standing"):
        return "standing"
    return "payments" if name == "tenure_days" else first


def reasons(
    names: tuple[str, ...], values: Mapping[str, Any], added: np.ndarray, rows: np.ndarray
) -> tuple[list[str | None], list[str | None]]:
    """Return up to three reasons of each row in English and Chinese, null outside ``rows``.

    Parameters
    ----------
    names : tuple of str
        The features, in the order of ``added``.
    values : mapping of name to array, shape (n_rows,)
    added : float64 array, shape (n_explained, n_features)
        Contributions to the log-odds.
    rows : integer array, shape (n_explained,)
        The rows to explain.
    """
    groups: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        groups.setdefault(group_of(name), []).append(at)
    labels = sorted(groups)
    total = np.stack([added[:, groups[label]].sum(axis=1) for label in labels], axis=1)
    n_rows = len(values[names[0]])
    english: list[str | None] = [None] * n_rows
    chinese: list[str | None] = [None] * n_rows
    for row, of_groups, of_features in zip(rows.tolist(), total, added, strict=True):
        ranked = sorted(range(len(labels)), key=lambda g: (-of_groups[g], labels[g]))
        found = []
        for group in ranked[:N_REASONS]:
            if of_groups[group] < _LEAST_ADDED:
                break
            inside = groups[labels[group]]
            leading = max(inside, key=lambda at: (of_features[at], -at))
            found += _words(names[leading], values, row)
        english[row] = "; ".join(words for words, _ in found) or None
        chinese[row] = "；".join(words for _, words in found) or None
    return english, chinese


def _words(name: str, values: Mapping[str, Any], row: int) -> list[tuple[str, str]]:
    """Return a feature's words, nothing where its value is no reason a person would give."""
    value = float(values[name][row])
    kind, _, rest = name.partition("_")
    if kind in _NOUNS and name.split("_")[1] in ("drop", "surprise"):
        days = rest.partition("_")[2]
        return _change(kind, int(days), float(values[f"{kind}_drop_{days}"][row]))
    count = round(value) if np.isfinite(value) else 0
    percent = round(100 * value) if np.isfinite(value) else 0
    if name == "level_payments":
        n = f"{np.exp(value):.1f}"
        return [(f"{n} payments in 90 days on average", f"平均每90天收付{n}笔")]
    if name == "level_money":
        times = f"{np.exp(value):.1f}"
        said = (f"its year's money is {times} times the usual", f"年收付额为常人{times}倍")
        return [] if np.isnan(value) else [said]  # too few of its currency to know what is usual
    if name == "level_silent":
        chance = round(100 / (1 + np.exp(-value))) if np.isfinite(value) else 0
        return [
            (
                f"its rhythm lets expect no payment with {chance}% (BG/NBD)",
                f"按其节奏无收付的概率为{chance}%（BG/NBD）",
            )
        ]
    if name in ("level_active_days", "payments_quiet"):
        number = round(float(np.expm1(value)))
        return {
            "level_active_days": [
                (f"paid on {counted(number, 'day')} of a year", f"一年内有{number}天收付")
            ],
            "payments_quiet": [_quiet(number)],
        }[name]
    words = {
        "level_steadiness": (
            f"paid in {percent}% of its half-months", f"{percent}%的半月有收付"),
        "relations_silent_share": (
            f"{percent}% of its trading relations fell silent", f"{percent}%的往来关系已沉默"),
        "relations_standing_ended_share": (
            f"{percent}% of its standing payments ended", f"{percent}%的规律收付已停止"),
        "rfm": ("low in recency, frequency and money", "近度、频度与金额偏低"),
        "payments_days_since": _quiet(count),
        "payments_gaps_since": (
            f"silent for {value:.1f} of its usual gaps", f"沉默已达平常间隔的{value:.1f}倍"),
        "products_held": (f"holds {counted(count, 'product')}", f"持有产品{count}个"),
        "products_closed_60": (
            f"closed {counted(count, 'product')} in 60 days", f"近60天关闭产品{count}个"),
        "products_closed_120": (
            f"closed {counted(count, 'product')} in 120 days", f"近120天关闭产品{count}个"),
        "tenure_days": (f"first seen {counted(count, 'day')} ago", f"首次往来距今{count}天"),
    }  # fmt: skip
    return [words.get(name, (f"{name} {value:.3g}", f"{name} {value:.3g}"))]


def _quiet(days: int) -> tuple[str, str]:
    return f"no payment for {counted(days, 'day')}", f"已{days}天无收付"


def _change(kind: str, days: int, drop: float) -> list[tuple[str, str]]:
    noun, noun_zh = _NOUNS[kind]
    if not drop < _NOTABLE_DROP:
        return []
    percent = round(-100 * np.expm1(drop))
    return [
        (
            f"{noun} {percent}% below its own usual in {days} days",
            f"近{days}天{noun_zh}比自身常态低{percent}%",
        )
    ]


def rows_of(figures: Mapping[str, float]) -> str:
    """Return which of a card's figures are of the same rows, where not all are."""
    if not any(name.startswith("backtest_") for name in figures):
        return ""
    return """
**Compare** `backtest_` with the rules: these are of the same rows, and decided. Figures without a
rule's name are of tonight's model on the customers that test, of days whose outcome other customers
taught it.
"""


def churn_card(
    model: ChurnModel, figures: Mapping[str, float], as_of: dt.date, held_out: str
) -> str:
    """Return the model card, Markdown: what it is for, from what, how good, what not to do."""
    churns = (
        "makes and receives no payment"
        if model.definition == "inactive"
        else f"makes fewer than {model.fall_share:.0%} of the payments that its own year before "
        "lets expect, by more than two standard deviations"
    )
    measured = "\n".join(f"| {name} | {value:.4g} |" for name, value in sorted(figures.items()))
    return f"""# Churn (流失预测), as of {as_of}

**Predicts** that a customer {churns} in the {model.horizon_days} days after the as-of day.
**For** relationship managers who decide whom to call; not for pricing or refusing anybody.

**Learns from** {len(model.names)} features of payments and, where they are given, claims, visits,
orders, answers and products, each ending at its cut-off day. No name, region, industry or other
trait of who the customer is goes in. Boosted trees and a ridge logistic regression, their log-odds
averaged (the trees weigh {model.blend.share:.0%}) and calibrated on customers that did not train.

**Measured** on: {held_out}

| metric | value |
| --- | --- |
{measured}
{rows_of(figures)}
**Mind** that base rates change with the economy: look at the reliability table of each night. The
score says what usually follows such behaviour, not why. The base rate is
{model.base_rate:.2%}; where churn is a fall, customers of few payments are moved towards it.
"""
