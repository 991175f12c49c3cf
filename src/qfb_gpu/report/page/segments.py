"""Segments: a card for each group of customers that behave alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.report.charts.rows import both_ways
from qfb_gpu.report.markup import Html, cards, chinese, empty, esc, join, name, section
from qfb_gpu.report.wording import MINUS, NOTHING, compact, count, percent, plural, to_units

if TYPE_CHECKING:
    from qfb_gpu.report.data import Feature, Segment

_REACH = 3.0
_SHOWN = 24


def segments(data: list[Segment], currency: str | None) -> Html:
    """Return the section; ``currency`` is the portfolio's where it has only one."""
    if not data:
        why = "Customers were not grouped: there are too few of them to compare."
        return section("segments", "Segments", "客户分群", why, empty("Nothing to show."))
    largest = data[0]
    lead = (
        f"{plural(len(data), 'group')} of customers that behave alike; the largest has "
        f"{plural(largest.n_customers, 'customer')} ({percent(largest.share)})."
    )
    shown = cards(*(_card(one, currency) for one in data[:_SHOWN]))
    rest = len(data) - _SHOWN
    more = empty(f"{rest} smaller segments are in the segments table.") if rest > 0 else ""
    note = Html(
        '<p class="note">A bar shows how far the mean of the segment lies from that of all '
        "customers, in standard deviations: right is higher, left is lower. Beside it, the "
        "segment's mean and everyone's.</p>"
    )
    return section("segments", "Segments", "客户分群", lead, shown, more, note)


def _card(one: Segment, currency: str | None) -> Html:
    bars = both_ways(
        [(f.words, f.score, _means(f, currency)) for f in one.features],
        max([_REACH, *(abs(f.score) for f in one.features)]),
    )
    typical = join(f"<li>{name(who)}</li>" for who in one.typical)
    like = f'<p class="like">Typical {chinese("典型客户")}</p><ul class="ids">{typical}</ul>'
    width = min(max(100 * one.share, 0), 100)
    who = "customer" if one.n_customers == 1 else "customers"
    return Html(
        f'<div class="card segment"><p class="kicker">Segment {one.segment_id}</p>'
        f"<h3>{esc(one.label or 'no feature stands out', 300)}</h3>"
        f'<p class="size"><b>{count(one.n_customers)}</b> {who} · {percent(one.share)}</p>'
        f'<div class="meter"><i style="width:{width:.1f}%"></i></div>'
        f"{bars if one.features else ''}{like if one.typical else ''}</div>"
    )


def _means(feature: Feature, currency: str | None) -> str:
    if feature.mean is None or (feature.is_money and currency is None):
        return f"{feature.score:+.1f} σ".replace("-", MINUS)
    mean, everyone = (_value(v, feature, currency) for v in (feature.mean, feature.everyone))
    return f"{mean} | {everyone}"


def _value(value: float | None, feature: Feature, currency: str | None) -> str:
    if value is None:
        return NOTHING
    return compact(to_units(round(value), currency or "") if feature.is_money else value)
