"""The page as a whole: one file that asks for nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

from qfb_gpu.report.markup import Html, chinese, esc, join
from qfb_gpu.report.page.cash import cash
from qfb_gpu.report.page.currency import selector
from qfb_gpu.report.page.making import making
from qfb_gpu.report.page.network import network
from qfb_gpu.report.page.opening import opening
from qfb_gpu.report.page.portfolio import portfolio
from qfb_gpu.report.page.quality import quality
from qfb_gpu.report.page.regular import regular
from qfb_gpu.report.page.segments import segments
from qfb_gpu.report.wording import day

if TYPE_CHECKING:
    from qfb_gpu.report.data import ReportData

_SECTIONS = (
    ("portfolio", "Portfolio", "总览"), ("regular", "Regular payments", "规律性支付"),
    ("cash", "Cash ahead", "现金流"), ("segments", "Segments", "分群"),
    ("network", "Network", "网络"),
)  # fmt: skip
_LAST = (("quality", "Data quality", "质量"), ("making", "How made", "说明"))


def document(data: ReportData) -> str:
    """Return the whole page as HTML."""
    more = join(one.body for one in data.sections)
    style, script = (
        (files("qfb_gpu.report") / "static" / name).read_text(encoding="utf-8")
        for name in ("page.css", "page.js")
    )
    only = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{only}'"
    title = f"Customer payments as of {day(data.headline.as_of)}"
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{esc(title)}</title><style>{style}</style></head><body>"
        f"{opening(data)}{_nav(data)}<main>{portfolio(data.portfolio)}{regular(data.regular)}"
        f"{cash(data.cash)}{segments(data.segments, _only_currency(data))}{network(data.network)}"
        f"{more}{quality(data.quality)}{making(data.making, data.headline)}</main>"
        f"<footer>{_footer(data)}</footer><script>{script}</script></body></html>\n"
    )


def _only_currency(data: ReportData) -> str | None:
    names = [line.currency for line in data.headline.currencies]
    return names[0] if len(names) == 1 else None


def _nav(data: ReportData) -> Html:
    more = [(one.anchor, one.title, one.title_zh) for one in data.sections]
    links = join(
        f'<a href="#{anchor}">{esc(title)} {chinese(zh)}</a>'
        for anchor, title, zh in (*_SECTIONS, *more, *_LAST)
    )
    drawn = selector([line.currency for line in data.headline.currencies[:5]])
    return Html(f'<nav aria-label="Sections 目录"><div>{links}</div>{drawn}</nav>')


def _footer(data: ReportData) -> Html:
    head = data.headline
    return Html(
        f"Run {esc(head.run_id or 'not named')} · as of {day(head.as_of)} · every figure comes "
        "from the gold tables of this run; look at them with <code>qfb show</code>."
    )
