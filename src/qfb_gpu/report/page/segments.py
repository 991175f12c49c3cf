"""Segments: a card for each group of customers that behave alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.report.charts.rows import both_ways
from qfb_gpu.report.markup import Html, cards, chinese, empty, esc, join, name, section
from qfb_gpu.report.wording import NOTHING, compact, count, percent, plural

if TYPE_CHECKING:
    from qfb_gpu.report.data import Feature, Segment

_REACH = 3.0
_SHOWN = 24


def segments(data: list[Segment]) -> Html:
    """Return the section."""
    if not data:
        why = "Customers were not grouped: there are too few of them to compare."
        return section("segments", "Segments", "客户分群", why, empty("Nothing to show."))
    largest = data[0]
    lead = (
        f"{plural(len(data), 'group')} of customers that behave alike; the largest has "
        f"{plural(largest.n_customers, 'customer')} ({percent(largest.share)})."
    )
    shown = cards(*(_card(one) for one in data[:_SHOWN]))
    rest = len(data) - _SHOWN
    more = empty(f"{rest} smaller segments are in the segments table.") if rest > 0 else ""
    note = Html(
        '<p class="note">A bar shows how far the segment’s mean lies from that of all customers, '
        "in standard deviations: right is higher, left is lower. Beside it, the segment’s mean and "
        "everyone’s.</p>"
    )
    return section("segments", "Segments", "客户分群", lead, shown, more, note)


def _card(one: Segment) -> Html:
    bars = both_ways(
        [(readable(f.name), f.score, _means(f)) for f in one.features],
        max([_REACH, *(abs(f.score) for f in one.features)]),
    )
    typical = join(f"<li>{name(who)}</li>" for who in one.typical)
    like = f'<p class="like">Typical {chinese("典型客户")}</p><ul class="ids">{typical}</ul>'
    width = min(max(100 * one.share, 0), 100)
    return Html(
        f'<div class="card segment"><p class="kicker">Segment {one.segment_id}</p>'
        f"<h3>{esc(one.label or 'no feature stands out', 300)}</h3>"
        f'<p class="size"><b>{count(one.n_customers)}</b> customers · {percent(one.share)}</p>'
        f'<div class="meter"><i style="width:{width:.1f}%"></i></div>'
        f"{bars if one.features else ''}{like if one.typical else ''}</div>"
    )


def readable(feature: str) -> str:
    """Return a feature's column name in words."""
    return feature.replace("_", " ")


def _means(feature: Feature) -> str:
    if feature.mean is None:
        return f"{feature.score:+.1f} σ"
    everyone = NOTHING if feature.everyone is None else compact(feature.everyone)
    return f"{compact(feature.mean)} | {everyone}"
