"""Recommendations: which product to talk about with whom, and how good the ranking is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.report.charts.rows import rows
from qfb_gpu.report.figures.columns import added, labels
from qfb_gpu.report.figures.reading import of_parts, read_or_none
from qfb_gpu.report.markup import Html, card, cards, empty, name, section, table
from qfb_gpu.report.sections.churn import figures_card, of_equals
from qfb_gpu.report.sections.section import Section
from qfb_gpu.report.wording import count, percent, plural

if TYPE_CHECKING:
    from collections import Counter

    from qfb_gpu.report.figures.reading import Read

_COLUMNS = [
    "customer_id", "rank", "product_id", "probability", "lift", "reasons_en", "reasons_zh", "basis",
]  # fmt: skip
_JUDGED = ["model", "candidate", "is_used", "metric", "bin", "value", "low", "high", "n_rows",
           "note"]  # fmt: skip
_SHOWN = 12
_BARS = 12


def draw(read: Read) -> Html | None:
    """Return the section; None where the run recommends nothing."""
    parts = of_parts(read, "recommendations", _COLUMNS, _summed)
    if parts is None:
        return None
    bases = [part.basis for part in parts if part.basis is not None]
    title, zh = "Next product", "产品推荐"
    if not bases:
        why = "No customer has a product that it does not hold."
        return section("recommendations", title, zh, why, empty("Nothing to recommend."))
    evaluations = read_or_none(read, "model_evaluations", _JUDGED)
    every = [] if evaluations is None else evaluations.to_pylist()
    judged = [one for one in every if one["model"] == "next_product"]
    products = added(part.products for part in parts)
    lead = (
        f"{plural(sum(products.values()), 'customer')} with a product to talk about; "
        f"ranked by: {bases[0]}."
    )
    shown = [_by_product(products)]
    if judged:
        shown.append(figures_card(judged, "How good the ranking is", "推荐评估"))
    return section("recommendations", title, zh, lead, cards(*shown), _likeliest(parts))


@dataclass(frozen=True, slots=True)
class _Sums:
    """What a part of the recommendations comes to.

    Attributes
    ----------
    basis : str or None
        Of its first row.
    products : Counter of text
        Which product comes first for how many customers.
    likeliest : list of dict
        The likeliest of those, ties by customer.
    """

    basis: str | None
    products: Counter[str]
    likeliest: list[dict[str, Any]]


def _summed(found: pa.Table) -> _Sums:
    first = found.filter(pc.equal(found.column("rank"), 1))
    by = [("probability", "descending"), ("customer_id", "ascending")]
    return _Sums(
        basis=found.column("basis")[0].as_py() if found.num_rows else None,
        products=labels(first.column("product_id")),
        likeliest=first.take(pc.sort_indices(first, by)[:_SHOWN]).to_pylist(),
    )


def _by_product(counts: Counter[str]) -> Html:
    ranked = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    whole, rest = sum(counts.values()), ranked[_BARS:]
    bars = [
        (product, [("in", float(n), f"first for {plural(n, 'customer')}")],
         f"{count(n)} · {percent(n, whole)}")
        for product, n in ranked[:_BARS]
    ]  # fmt: skip
    note = "Customers by the product that comes first for them."
    if rest:
        left = sum(n for _, n in rest)
        note += f" {plural(len(rest), 'other product')} for {plural(left, 'other customer')}."
    return card("What comes first", "首选产品", rows(bars), note=note)


def _likeliest(parts: list[_Sums]) -> Html:
    first = [one for part in parts for one in part.likeliest]
    ranked = sorted(first, key=lambda one: (-one["probability"], one["customer_id"]))[:_SHOWN]
    lines = [
        [
            name(one["customer_id"]), one["product_id"], percent(one["probability"]),
            f"{one['lift']:.1f}×", one["reasons_en"] or "", one["reasons_zh"] or "",
        ]
        for one in ranked
    ]  # fmt: skip
    heads = [
        ("customer 客户", ""), ("product 产品", ""), ("probability 概率", "n"), ("lift", "n"),
        ("why", ""), ("原因", "min"),
    ]  # fmt: skip
    return card(
        "Whom to talk to first", "优先营销客户", table(heads, lines, "Likeliest openings"),
        note="Probability: that the customer opens it in the horizon, as such customers did; not "
        "the effect of a call. Lift: over everyone without the product. "
        + of_equals([one["probability"] for one in ranked]), wide=True,
    )  # fmt: skip


RECOMMENDATIONS = Section("recommendations", "Next product", "产品推荐", draw)
