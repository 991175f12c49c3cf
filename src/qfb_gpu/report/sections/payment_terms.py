"""Payment terms: how long suppliers wait, what would cost least, cash against supplier risk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.currencies import EXPONENT
from qfb_gpu.report.charts.columns import Series, columns
from qfb_gpu.report.charts.front import front
from qfb_gpu.report.figures.columns import column, label_counts, numbers, read_or_none
from qfb_gpu.report.markup import Html, card, cards, empty, legend, name, section, table
from qfb_gpu.report.sections.section import Section
from qfb_gpu.report.wording import NOTHING, count, money, percent, plural, to_units

if TYPE_CHECKING:
    from qfb_gpu.report.figures.columns import Read

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
    found = read_or_none(read, "payment_terms", _TERMS)
    if found is None:
        return None
    known = found.filter(pc.is_valid(found.column("days_weighted")))
    if not known.num_rows:
        why = (
            "No delivery or trigger dates: of "
            f"{plural(found.num_rows, 'relation')} only the intervals between payments are known."
        )
        return section("payment-terms", "Payment terms", "付款周期", why, empty("Nothing to show."))
    made = read_or_none(read, "payment_terms_front", _FRONT)
    points = [] if made is None else made.to_pylist()
    return section(
        "payment-terms", "Payment terms", "付款周期", _lead(known),
        cards(_waits(known), _front(points, _main(known))), _gains(known),
    )  # fmt: skip


def _lead(known: pa.Table) -> str:
    over = int(numbers(known, "cap_exceeded").sum())
    rate = known.column("cost_of_capital")[0].as_py()
    currency = _main(known)
    mine = known.filter(pc.equal(column(known, "currency"), currency))
    gain = int(numbers(mine, "yearly_gain_minor").sum())
    return (
        f"{plural(known.num_rows, 'buyer-supplier pair')} with known days to pay; "
        f"{plural(over, 'pair pays', 'pairs pay')} later than the law allows. At a cost of capital "
        f"of {percent(rate)} a year the cheapest lawful cycles would save "
        f"{money(to_units(gain, currency), currency)} a year."
    )


def _main(known: pa.Table) -> str:
    return label_counts(column(known, "currency"))[0][0]


def _waits(known: pa.Table) -> Html:
    def heights(name_: str) -> list[float]:
        """Return how many pairs lie in each bin of days."""
        days = numbers(known.select([name_]).cast(pa.schema([(name_, pa.float64())])), name_, -1.0)
        return [float(((low <= days) & (days < high)).sum()) for low, high in _BINS]

    labels = [f"{low}–{high}" if high < 10**6 else f"{low}+" for low, high in _BINS]
    now, then = heights("days_weighted"), heights("recommended_days")
    tips = [
        f"{label} days: {n:.0f} pairs today, {m:.0f} recommended"
        for label, n, m in zip(labels, now, then, strict=True)
    ]
    chart = columns(labels, [Series("in", now)], tips, "Days to pay of pairs", line=then)
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


def _gains(known: pa.Table) -> Html:
    some = _largest(known)
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
