"""Payment terms: how long suppliers wait, what would cost least, cash against supplier risk.

Pairs are summed up by part of ``payment_terms``; only those that are listed become rows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.currencies import EXPONENT
from qfb_gpu.report.charts.columns import Series, columns
from qfb_gpu.report.charts.front import front
from qfb_gpu.report.figures.columns import column, labels, most_first, numbers, sums
from qfb_gpu.report.figures.reading import of_parts, read_or_none
from qfb_gpu.report.markup import Html, card, cards, empty, legend, name, section, table
from qfb_gpu.report.sections.section import Section
from qfb_gpu.report.wording import NOTHING, count, money, percent, plural, to_units

if TYPE_CHECKING:
    from qfb_gpu.report.figures.reading import Read

_TERMS = [
    "customer_id", "counterparty_id", "currency", "basis", "n_invoices", "days_weighted",
    "terms_days", "cap_days", "cap_exceeded", "recommended_days", "binding",
    "cash_released_minor", "yearly_gain_minor", "recommended_days_half_rate",
    "recommended_days_double_rate", "cost_of_capital",
]  # fmt: skip
_FRONT = ["currency", "distress_price", "days_weighted", "cash_released_minor",
          "supplier_risk_minor"]  # fmt: skip
_BINS = ((0, 15), (15, 30), (30, 45), (45, 60), (60, 90), (90, 10**6))
_SHOWN = 12


def draw(read: Read) -> Html | None:
    """Return the section; None where the run has no payment terms."""
    parts = of_parts(read, "payment_terms", _TERMS, _summed)
    if parts is None:
        return None
    known = [part for part in parts if part.n_known]
    if not known:
        n_all = sum(part.n for part in parts)
        why = (
            "No delivery or trigger dates: of "
            f"{plural(n_all, 'relation')} only the intervals between payments are known."
        )
        return section("payment-terms", "Payment terms", "付款周期", why, empty("Nothing to show."))
    made = read_or_none(read, "payment_terms_front", _FRONT)
    points = [] if made is None else made.to_pylist()
    return section(
        "payment-terms", "Payment terms", "付款周期", _lead(known),
        cards(_waits(known), _front(points, _main(known))), _gains(_most(known)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Sums:
    """What a part of the pairs comes to; ``known`` ones are those whose days to pay are.

    Attributes
    ----------
    n, n_known : int
    n_over : int
        That pay later than the law allows.
    rate : float
        Cost of capital of the first known pair.
    currencies, gains : Counter of currency
        Known pairs, and what they would gain a year, in minor units.
    now, then : list of int
        Known pairs by their days today and by the recommended days.
    largest : list of dict
        The known pairs that gain most, and those that gain as much as the last of them.
    """

    n: int
    n_known: int
    n_over: int
    rate: float
    currencies: Counter[str]
    gains: Counter[str]
    now: list[int]
    then: list[int]
    largest: list[dict[str, Any]]


def _summed(found: pa.Table) -> _Sums:
    known = found.filter(pc.is_valid(found.column("days_weighted")))
    gains: Counter[str] = Counter()
    for row in sums(known, ["currency"], ["yearly_gain_minor"]):
        gains[row["currency"]] = int(row["yearly_gain_minor"])
    return _Sums(
        n=found.num_rows,
        n_known=known.num_rows,
        n_over=int(numbers(known, "cap_exceeded").sum()),
        rate=known.column("cost_of_capital")[0].as_py() if known.num_rows else 0.0,
        currencies=labels(column(known, "currency")),
        gains=gains,
        now=_heights(known, "days_weighted"),
        then=_heights(known, "recommended_days"),
        largest=_largest(known) if known.num_rows else [],
    )


def _heights(known: pa.Table, name_: str) -> list[int]:
    """Return how many pairs lie in each bin of days."""
    days = numbers(known.select([name_]).cast(pa.schema([(name_, pa.float64())])), name_, -1.0)
    return [int(((low <= days) & (days < high)).sum()) for low, high in _BINS]


def _lead(known: list[_Sums]) -> str:
    over = sum(part.n_over for part in known)
    currency = _main(known)
    gain = sum(part.gains[currency] for part in known)
    return (
        f"{plural(sum(part.n_known for part in known), 'buyer-supplier pair')} with known days to "
        f"pay; {plural(over, 'pair pays', 'pairs pay')} later than the law allows. At a cost of "
        f"capital of {percent(known[0].rate)} a year the cheapest lawful cycles would save "
        f"{money(to_units(gain, currency), currency)} a year."
    )


def _main(known: list[_Sums]) -> str:
    return most_first(part.currencies for part in known)[0][0]


def _waits(known: list[_Sums]) -> Html:
    names = [f"{low}–{high}" if high < 10**6 else f"{low}+" for low, high in _BINS]
    now, then = (
        [float(sum(ns)) for ns in zip(*(getattr(part, name_) for part in known), strict=True)]
        for name_ in ("now", "then")
    )
    tips = [
        f"{label} days: {n:.0f} pairs today, {m:.0f} recommended"
        for label, n, m in zip(names, now, then, strict=True)
    ]
    chart = columns(names, [Series("in", now)], tips, "Days to pay of pairs", line=then)
    return card(
        "Days from delivery to payment", "付款天数", legend(("in", "pairs today 现状")), chart,
        note="Bars: pairs by their amount-weighted days to pay. Line: by the recommended days.",
    )  # fmt: skip


def _front(points: list[dict[str, Any]], currency: str) -> Html:
    mine = [one for one in points if one["currency"] == currency]
    mine.sort(key=lambda one: one["distress_price"])
    if len(mine) < 2:  # noqa: PLR2004
        shown = empty("Too few pairs to trade cash against risk.")
        return card("Cash against supplier risk", "现金与供应商风险", shown)
    drawn = [_point(one, currency) for one in mine]
    chart = front(drawn, (f"supplier risk a year, {currency}", f"cash released, {currency}"),
                  "Cash released against the expected cost of supplier distress")  # fmt: skip
    return card(
        "Cash against supplier risk", "现金与供应商风险", chart,
        note="Pareto front: the most cash at each level of risk, all pairs, under the caps, as "
        "distress is weighed more or less than in the settings. Negative: cash needed.",
    )  # fmt: skip


def _point(one: dict[str, Any], currency: str) -> tuple[float, float, str]:
    risk, cash = (
        to_units(one[name_], currency) for name_ in ("supplier_risk_minor", "cash_released_minor")
    )
    tip = (
        f"{one['days_weighted']:.0f} days on average, distress weighed {one['distress_price']:g} "
        f"times: cash {money(cash, currency)}, risk {money(risk, currency)} a year"
    )
    return risk, cash, tip


def _most(known: list[_Sums]) -> list[dict[str, Any]]:
    return [one for part in known for one in part.largest]


def _gains(some: list[dict[str, Any]]) -> Html:
    some.sort(key=lambda one: (-to_units(one["yearly_gain_minor"], one["currency"]),
                               one["customer_id"], one["counterparty_id"]))  # fmt: skip
    heads = [("Buyer 买方", ""), ("Supplier 供应商", ""), ("Basis", "min"), ("Now 现状", "n"),
             ("Terms 约定", "n min"), ("Cap 上限", "n min"), ("Best 建议", "n"), ("Why", ""),
             ("Cash released 释放现金", "n"), ("Gain a year 年收益", "n"),
             ("At half to twice the rate", "n min")]  # fmt: skip
    lines = [
        (name(one["customer_id"]), name(one["counterparty_id"]),
         f"{one['basis']} ({count(one['n_invoices'])})", _days(one["days_weighted"]),
         _days(one["terms_days"]), _days(one["cap_days"]), _days(one["recommended_days"]),
         one["binding"], _money(one, "cash_released_minor"), _money(one, "yearly_gain_minor"),
         f"{one['recommended_days_half_rate']} – {one['recommended_days_double_rate']} d")
        for one in some[:_SHOWN]
    ]  # fmt: skip
    shown = table(heads, lines, "Largest gains") if lines else empty("Nothing to gain.")
    return card(
        "Where another cycle gains most", "付款周期优化", shown, wide=True,
        note="Least yearly cost of capital, discount forgone, late interest and supplier distress, "
        "under agreed terms and the law's cap; the assumptions are the settings finance.terms. "
        "Negative cash is needed: paying earlier than today.",
    )  # fmt: skip


def _largest(known: pa.Table) -> list[dict[str, Any]]:
    """Return the pairs that gain most, and those that gain as much as the last of them."""
    gain = numbers(known, "yearly_gain_minor")
    currencies = column(known, "currency").combine_chunks().dictionary_encode()
    scales = [10.0 ** EXPONENT.get(name_, 2) for name_ in currencies.dictionary.to_pylist()]
    units = gain / np.asarray(scales)[np.asarray(currencies.indices)]
    units[gain == 0] = -np.inf
    edge = np.partition(units, -_SHOWN)[-_SHOWN] if units.shape[0] > _SHOWN else -np.inf
    rows: list[dict[str, Any]] = known.filter(pa.array((units >= edge) & (gain != 0))).to_pylist()
    return rows


def _days(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0f} d"


def _money(one: dict[str, Any], column: str) -> str:
    if one[column] is None:
        return NOTHING
    return money(to_units(one[column], one["currency"]), one["currency"])


PAYMENT_TERMS = Section("payment-terms", "Payment terms", "付款周期", draw)
