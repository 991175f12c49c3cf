"""Payment clauses as contracts word them, and the payment nodes they stand for.

A template is ``"kind percent place days|..."``: ``place`` is where in the contract's life the node
falls (0 signature, 1 end), ``days`` how long after that its payment is due. The clause number is
``template * len(STYLES) + style``.
"""

from __future__ import annotations

from itertools import groupby

import numpy as np

NODE_KINDS = ("预付款", "进度款", "到货款", "验收款", "结算款", "质保金")
CONTRACT_CATEGORIES = ("goods", "works", "service", "lease")
STYLES = ("terse", "long", "numerals", "cumulative", "english")
STYLE_WEIGHTS = (4.0, 4.0, 1.5, 1.5)
"""Of the Chinese styles; an English contract has the last style."""
ENGLISH = STYLES.index("english")
_RETENTION_DAYS = 365

_TEMPLATES: dict[str, tuple[str, ...]] = {
    "goods": (
        "预付款 30 0 10|到货款 40 0.5 15|验收款 25 0.8 30|质保金 5 1 380",
        "预付款 20 0 7|到货款 50 0.6 30|验收款 20 0.85 15|质保金 10 1 380",
        "预付款 10 0 15|到货款 60 0.5 30|验收款 30 0.8 15",
        "到货款 100 0.7 30",
        "预付款 50 0 5|到货款 50 0.6 10",
        "预付款 30 0 10|到货款 65 0.6 30|质保金 5 1 395",
    ),
    "works": (
        "预付款 10 0 14|进度款 20 0.25 15|进度款 20 0.5 15|进度款 20 0.75 15|结算款 27 1 60|质保金 3 1 395",
        "预付款 20 0 10|进度款 30 0.35 20|进度款 30 0.7 20|验收款 15 0.95 30|质保金 5 1 380",
        "进度款 25 0.2 15|进度款 25 0.45 15|进度款 25 0.7 15|结算款 20 1 45|质保金 5 1 380",
        "预付款 30 0 7|验收款 65 0.9 30|质保金 5 1 380",
    ),
    "service": (
        "预付款 50 0 10|验收款 50 0.9 15",
        "预付款 30 0 10|进度款 40 0.5 15|验收款 30 0.9 20",
        "预付款 25 0 10|进度款 35 0.5 15|验收款 35 0.9 30|质保金 5 1 380",
        "验收款 100 0.9 30",
    ),
    "lease": (
        "预付款 30 0 5|验收款 60 0.2 15|质保金 10 1 375",
        "预付款 40 0 10|进度款 30 0.5 15|结算款 30 1 30",
        "预付款 12.5 0 10|到货款 37.5 0.15 10|结算款 50 1 15",
    ),
}

_LONG = {
    "预付款": "合同签订后{days}日内支付合同总价的{percent}作为预付款",
    "进度款": "按进度节点确认后{days}日内支付进度款{percent}",
    "到货款": "货到现场后{days}日内支付到货款{percent}",
    "验收款": "验收合格后{days}日内支付验收款{percent}",
    "结算款": "结算审定后{days}日内支付结算款{percent}",
    "质保金": "余{percent}作为质保金，质保期12个月满后{days}日内无息付清",
}
_ENGLISH = {
    "预付款": "{percent} advance payment within {days} days of signature",
    "进度款": "{percent} progress payment within {days} days of certification",
    "到货款": "{percent} within {days} days of delivery",
    "验收款": "{percent} within {days} days of acceptance",
    "结算款": "{percent} within {days} days of final settlement",
    "质保金": "{percent} retention released {days} days after a 12-month warranty",
}
_DIGITS = "零一二三四五六七八九"

Node = tuple[int, float, float, int]
"""Kind (an index of ``NODE_KINDS``), percent, place, days."""


def _parse(template: str) -> tuple[Node, ...]:
    nodes = []
    for text in template.split("|"):
        kind, percent, place, days = text.split()
        nodes.append((NODE_KINDS.index(kind), float(percent), float(place), int(days)))
    return tuple(nodes)


TEMPLATES: tuple[tuple[int, tuple[Node, ...]], ...] = tuple(
    (CONTRACT_CATEGORIES.index(category), _parse(template))
    for category, templates in _TEMPLATES.items()
    for template in templates
)
"""Category and nodes of each template."""

N_NODES = np.array([len(nodes) for _, nodes in TEMPLATES])
FIRST_NODE = np.cumsum(N_NODES) - N_NODES
_ALL = [node for _, nodes in TEMPLATES for node in nodes]
NODE_KIND = np.array([node[0] for node in _ALL])
NODE_BASIS_POINTS = np.array([round(100 * node[1]) for node in _ALL])
NODE_PLACE = np.array([node[2] for node in _ALL])
NODE_DAYS = np.array([node[3] for node in _ALL])
"""Nodes of all templates, one after the other; a template's first is at ``FIRST_NODE``."""

_OF_CATEGORY = [
    [row for row, (category, _) in enumerate(TEMPLATES) if category == wanted]
    for wanted in range(len(CONTRACT_CATEGORIES))
]
FIRST_TEMPLATE = np.array([rows[0] for rows in _OF_CATEGORY])
N_TEMPLATES = np.array([len(rows) for rows in _OF_CATEGORY])


def _percent(value: float) -> str:
    return f"{value:g}%"


def _numeral(value: float) -> str:
    """Return a percentage in Chinese numerals: 百分之三十五, 百分之十二点五."""
    whole = int(value)
    if whole == 100:
        return "百分之百"
    tens, ones = divmod(whole, 10)
    text = ("" if tens == 1 else _DIGITS[tens]) + "十" if tens else ""
    text += _DIGITS[ones] if ones or not tens else ""
    rest = f"{value:g}".partition(".")[2]
    return f"百分之{text}" + ("点" + "".join(_DIGITS[int(d)] for d in rest) if rest else "")


def _wait(kind: int, days: int) -> int:
    return days - _RETENTION_DAYS if NODE_KINDS[kind] == "质保金" else days


def _terse(nodes: tuple[Node, ...], percent: bool) -> str:  # noqa: FBT001
    """预付30%，进度款60%（分3期），质保金5%; or with Chinese numerals."""
    parts = []
    for kind, group in groupby(nodes, key=lambda node: node[0]):
        members = list(group)
        share = sum(node[1] for node in members)
        name = "预付" if NODE_KINDS[kind] == "预付款" else NODE_KINDS[kind]
        times = f"（分{len(members)}期）" if len(members) > 1 else ""
        parts.append(f"{name}{_percent(share) if percent else _numeral(share)}{times}")
    return "，".join(parts)


def _sentences(nodes: tuple[Node, ...], words: dict[str, str], between: str) -> str:
    return between.join(
        words[NODE_KINDS[kind]].format(days=_wait(kind, days), percent=_percent(percent))
        for kind, percent, _, days in nodes
    )


def _cumulative(nodes: tuple[Node, ...]) -> str:
    """Word later payments as 付至: up to a share of the total, what came before included."""
    parts, paid = [], 0.0
    for kind, percent, _, days in nodes:
        paid += percent
        name = NODE_KINDS[kind]
        if name in ("预付款", "质保金") or paid == percent:
            parts.append(_LONG[name].format(days=_wait(kind, days), percent=_percent(percent)))
        else:
            event = _LONG[name].partition("后")[0]
            parts.append(f"{event}后{days}日内付至合同总价的{_percent(paid)}（{name}）")
    return "；".join(parts)


def _worded(nodes: tuple[Node, ...]) -> tuple[str, ...]:
    return (
        _terse(nodes, percent=True) + "。",
        _sentences(nodes, _LONG, "；") + "。",
        "付款方式：" + _terse(nodes, percent=False) + "。",
        _cumulative(nodes) + "。",
        "Payment: " + _sentences(nodes, _ENGLISH, "; ") + ".",
    )


CLAUSES: tuple[str, ...] = tuple(text for _, nodes in TEMPLATES for text in _worded(nodes))
"""Every clause by its number."""
