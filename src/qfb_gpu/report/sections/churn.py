"""Churn: who is likely to leave and why, how good the score is, and whether it says what comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.counted import counted
from qfb_gpu.report.charts.columns import Series, columns
from qfb_gpu.report.figures.columns import column, numbers
from qfb_gpu.report.figures.exact import Exact, exact, rounded
from qfb_gpu.report.figures.reading import of_parts, read_or_none
from qfb_gpu.report.markup import Html, card, cards, empty, legend, name, section, table
from qfb_gpu.report.sections.section import Section
from qfb_gpu.report.wording import count, percent, plural

if TYPE_CHECKING:
    from qfb_gpu.report.figures.reading import Read

_PROFILE = [
    "customer_id", "churn_probability", "churn_probability_low", "churn_probability_high",
    "churn_level", "churn_reasons_en", "churn_reasons_zh",
]  # fmt: skip
_JUDGED = [
    "model", "candidate", "version", "is_used", "metric", "bin", "value", "low", "high",
    "mean_probability", "n_rows", "note",
]  # fmt: skip
_WORDS = {
    "auc": "AUC", "lift_10": "lift at 10%", "brier": "Brier score",
    "calibration_error": "calibration error", "base_rate": "share that came true",
    "hit_rate_1": "hit rate @1", "hit_rate_3": "hit rate @3", "map": "MAP",
    "auc_pairs": "AUC of pairs", "brier_pairs": "Brier of pairs",
    "calibration_error_pairs": "calibration error of pairs",
}  # fmt: skip
_SHOWN = 12
_BESIDE = 3
"""Candidates whose figures fit beside another card."""
_FEWEST = 20
"""Cases of whom a range is told: the bootstrap range of one is the figure itself."""


def draw(read: Read) -> Html | None:
    """Return the section; None where no night judged churn."""
    found = read_or_none(read, "model_evaluations", _JUDGED)
    parts = None if found is None else of_parts(read, "customer_profiles", _PROFILE, _summed)
    if found is None or parts is None:
        return None
    judged = [one for one in found.to_pylist() if one["model"] == "churn"]
    if not judged:
        return None
    if not any(part.n for part in parts):
        return section("churn", "Churn", "流失预测", judged[0]["note"], empty("Nobody is scored."))
    return section(
        "churn", "Churn", "流失预测", _lead(parts),
        cards(_reliability(judged), figures_card(judged, "How good the score is", "模型评估")),
        _likeliest(parts),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Sums:
    """The customers of a part that are scored, those at high risk, the likeliest to leave."""

    n: int
    n_high: int
    probability: Exact
    likeliest: pa.Table


def _summed(profile: pa.Table) -> _Sums:
    customers = profile.filter(pc.is_valid(profile.column("churn_probability")))
    return _Sums(
        n=customers.num_rows,
        n_high=int(pc.sum(pc.equal(column(customers, "churn_level"), "high")).as_py() or 0),
        probability=exact(numbers(customers, "churn_probability")),
        likeliest=_first(customers),
    )


def _first(customers: pa.Table) -> pa.Table:
    """Return the customers that are likeliest to leave, ties by id."""
    if not customers.num_rows:
        return customers
    by = [("churn_probability", "descending"), ("customer_id", "ascending")]
    keys = pa.table({name_: column(customers, name_) for name_, _ in by})
    return customers.take(pc.select_k_unstable(keys, _SHOWN, by))


def _lead(parts: list[_Sums]) -> str:
    n, high = (sum(getattr(part, name_) for part in parts) for name_ in ("n", "n_high"))
    mean = float(rounded(part.probability for part in parts)[0]) / n
    return (
        f"{plural(high, 'customer')} of {n:,} {'is' if high == 1 else 'are'} at high risk of going "
        "quiet; "
        f"{percent(mean)} are expected to."
    )


def _reliability(judged: list[dict[str, Any]]) -> Html:
    bins = [one for one in judged if one["is_used"] and one["metric"] == "reliability"]
    bins.sort(key=lambda one: one["bin"])
    if not bins:
        shown = empty("No model is in use.")
        return card("Said and came", "校准", shown)
    tips = [
        f"{counted(one['n_rows'], 'customer')}: {percent(one['mean_probability'])} said, "
        f"{percent(one['value'])} came (90% range {percent(one['low'])} to {percent(one['high'])})"
        for one in bins
    ]
    chart = columns(
        [str(at + 1) for at in range(len(bins))],
        [Series("in", [one["value"] for one in bins])], tips,
        "Share of customers that churned, by what the score said",
        line=[one["mean_probability"] for one in bins], write=percent,
    )  # fmt: skip
    return card(
        "Said and came", "校准", legend(("in", "share that churned 实际流失")), chart,
        note="Held-out customers from the lowest score to the highest, in tenths. Bars: the share "
        "that churned. Line: what the score had said.",
    )  # fmt: skip


def figures_card(judged: list[dict[str, Any]], title: str, zh: str) -> Html:
    """Return a table of every candidate's metrics with their ranges, and the gate's words."""
    metrics = [name_ for name_ in _WORDS if any(one["metric"] == name_ for one in judged)]
    names = sorted({one["candidate"] for one in judged}, key=lambda one: (one != "challenger", one))
    value = {(one["candidate"], one["metric"]): one for one in judged if one["bin"] < 0}
    used = {one["candidate"] for one in judged if one["is_used"]}
    heads = [("", ""), *((f"{one}{' ✓' if one in used else ''}", "n") for one in names)]
    rows = [["held-out cases", *(_cases(judged, one) for one in names)]]
    rows += [
        [_WORDS[metric], *(_cell(value.get((one, metric))) for one in names)] for metric in metrics
    ]
    return card(
        title, zh, table(heads, rows, title),
        note="✓: its scores are published. Ranges: 90%, bootstrap; none of fewer than "
        f"{_FEWEST} cases, which tell little. {judged[0]['note']}",
        wide=len(names) > _BESIDE,
    )  # fmt: skip


def _cases(judged: list[dict[str, Any]], candidate: str) -> str:
    """Return on how many customers, or customers at a cut-off, a candidate was tried."""
    tried = [one["n_rows"] for one in judged if one["candidate"] == candidate and one["bin"] < 0]
    return count(min(tried)) if tried else ""


def _cell(one: dict[str, Any] | None) -> str:
    if one is None or one["value"] is None:
        return ""
    if one["low"] is None or one["n_rows"] < _FEWEST:
        return f"{one['value']:.3f}"
    return f"{one['value']:.3f} ({one['low']:.3f}–{one['high']:.3f})"


def _likeliest(parts: list[_Sums]) -> Html:
    first = _first(pa.concat_tables([part.likeliest for part in parts])).to_pylist()
    rows = [
        [
            name(one["customer_id"]),
            percent(one["churn_probability"]),
            f"{percent(one['churn_probability_low'])}–{percent(one['churn_probability_high'])}",
            one["churn_level"],
            one["churn_reasons_en"] or "",
            one["churn_reasons_zh"] or "",
        ]
        for one in first
    ]
    heads = [
        ("customer 客户", ""), ("probability 概率", "n"), ("90% range", "n min"), ("level", ""),
        ("why", ""), ("原因", "min"),
    ]  # fmt: skip
    return card(
        "Whom to call first", "优先挽留客户", table(heads, rows, "Customers likeliest to churn"),
        note=of_equals([one["churn_probability"] for one in first]), wide=True,
    )  # fmt: skip


def of_equals(chosen: list[float]) -> str:
    """Return what to say below a full list of the likeliest that reads the same in every line."""
    if len(chosen) < _SHOWN or percent(min(chosen)) != percent(max(chosen)):
        return ""
    return f"These {_SHOWN}, and maybe others, are as likely as one another: no order of urgency."


CHURN = Section("churn", "Churn", "流失预测", draw)
