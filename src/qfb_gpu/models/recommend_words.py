"""Why a product is recommended, in words with the figures behind them; and the model's card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from qfb_gpu.counted import counted
from qfb_gpu.models.churn_words import rows_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from qfb_gpu.models.recommend import Market

N_REASONS = 3
_NOTABLE_LIFT = np.log(1.2)


def reason(
    product: int,
    values: Mapping[str, float],
    held: Sequence[int],
    names: Sequence[str],
    known: Market,
    size: int,
) -> tuple[str, str]:
    """Return why a customer may open a product, in English and Chinese: the strongest facts.

    Parameters
    ----------
    product : int
    values : mapping of feature to number
        Of this customer and product.
    held : sequence of int
        Products that the customer holds.
    names : sequence of str
        Products by code.
    known : Market
    size : int
        The customer's size class.
    """
    facts: list[tuple[float, str, str]] = []
    lifts = [(float(known.lift[other, product]), other) for other in held]
    if lifts and max(lifts)[0] > _NOTABLE_LIFT:
        lift, other = max(lifts)
        facts.append((
            lift,
            f"holds {names[other]}, whose holders have it {np.exp(lift):.1f} times as often",
            f"持有{names[other]}，其持有者拥有该产品的比例为常人{np.exp(lift):.1f}倍",
        ))  # fmt: skip
    by_size = float(known.size_lift[size, product])
    if by_size > _NOTABLE_LIFT:
        facts.append((
            by_size,
            f"customers of its size open it {np.exp(by_size):.1f} times as often",
            f"同等规模客户开通率为平均{np.exp(by_size):.1f}倍",
        ))  # fmt: skip
    looks, applies = round(values.get("looks_30", 0)), round(values.get("applies_90", 0))
    if applies:
        began = counted(applies, "application")
        facts.append((2.0, f"began {began} in 90 days", f"近90天发起申请{applies}次"))
    if looks > 1:
        facts.append((
            0.5 * np.log(looks), f"looked at products {looks} times in 30 days",
            f"近30天浏览产品{looks}次",
        ))  # fmt: skip
    answers = round(values.get("answers_90", 0))
    if answers:
        contacts = counted(answers, "contact")
        facts.append((0.6, f"answered {contacts} lately", f"近期回应营销{answers}次"))
    facts.sort(key=lambda fact: (-fact[0], fact[1]))
    rate = float(known.rate[product])
    usual = (
        f"{rate:.1%} of those without it open it in the horizon",
        f"未持有者在预测期内开通率{rate:.1%}",
    )
    chosen = [fact[1:] for fact in facts[:N_REASONS]] or [usual]
    return "; ".join(words for words, _ in chosen), "；".join(words for _, words in chosen)


def card(figures: Mapping[str, float], as_of: dt.date, horizon_days: int, held_out: str) -> str:
    """Return the model card, Markdown."""
    measured = "\n".join(f"| {name} | {value:.4g} |" for name, value in sorted(figures.items()))
    return f"""# Next product (产品推荐), as of {as_of}

**Predicts** whether a customer opens a product that it does not hold in the {horizon_days} days
after the as-of day. **For** choosing what to talk about with whom; a person checks suitability.

**Learns from** what is held together, how often customers of like size open a product, visits,
answers and the payments, each up to the cut-off day; a product's name plays no part.

**Measured** on: {held_out}

| metric | value |
| --- | --- |
{measured}
{rows_of(figures)}
**Mind** that openings follow what was offered in the past: a product that nobody was offered looks
unwanted. A probability is not the effect of a call; measure that with a group that is not called.
No money is promised: the sources hold no income per product.
"""
