"""Recommendations: which product to talk about with whom, and how good the ranking is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from qfb_gpu.report.charts.columns import Series, columns
from qfb_gpu.report.figures.columns import read_or_none
from qfb_gpu.report.markup import Html, card, cards, empty, name, section, table
from qfb_gpu.report.sections.churn import figures_card
from qfb_gpu.report.sections.section import Section
from qfb_gpu.report.wording import percent, plural

if TYPE_CHECKING:
    from qfb_gpu.report.figures.columns import Read

_COLUMNS = [
    "customer_id", "rank", "product_id", "probability", "lift", "reasons_en", "reasons_zh", "basis",
]  # fmt: skip
_JUDGED = ["model", "candidate", "is_used", "metric", "bin", "value", "low", "high", "note"]
_SHOWN = 12
_BARS = 12


def draw(read: Read) -> Html | None:
    """Return the section; None where the run recommends nothing."""
    found = read_or_none(read, "recommendations", _COLUMNS)
    if found is None:
        return None
    rows = found.to_pylist()
    title, zh = "Next product", "产品推荐"
    if not rows:
        why = "No customer has a product that it does not hold."
        return section("recommendations", title, zh, why, empty("Nothing to recommend."))
    evaluations = read_or_none(read, "model_evaluations", _JUDGED)
    every = [] if evaluations is None else evaluations.to_pylist()
    judged = [one for one in every if one["model"] == "next_product"]
    first = [one for one in rows if one["rank"] == 1]
    lead = (
        f"{plural(len(first), 'customer')} with a product to talk about; "
        f"ranked by: {rows[0]['basis']}."
    )
    shown = [_by_product(first)]
    if judged:
        shown.append(figures_card(judged, "How good the ranking is", "推荐评估"))
    return section("recommendations", title, zh, lead, cards(*shown), _likeliest(first))


def _by_product(first: list[dict[str, Any]]) -> Html:
    counts = Counter(one["product_id"] for one in first)
    most = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:_BARS]
    labels = [product for product, _ in most]
    tips = [f"{product}: first for {plural(n, 'customer')}" for product, n in most]
    chart = columns(
        labels, [Series("in", [float(n) for _, n in most])], tips,
        "Customers by the product that comes first for them",
    )  # fmt: skip
    return card("What comes first", "首选产品", chart)


def _likeliest(first: list[dict[str, Any]]) -> Html:
    ranked = sorted(first, key=lambda one: (-one["probability"], one["customer_id"]))[:_SHOWN]
    rows = [
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
        "Whom to talk to first", "优先营销客户", table(heads, rows, "Likeliest openings"),
        note="Probability: that the customer opens it in the horizon, as such customers did; not "
        "the effect of a call. Lift: over everyone without the product.", wide=True,
    )  # fmt: skip


RECOMMENDATIONS = Section("recommendations", "Next product", "产品推荐", draw)
