"""The words of the portfolio, each list with its index: memos, categories, channels, names."""

from __future__ import annotations

from dataclasses import dataclass

from qfb_gpu._portfolio.kinds import IRREGULAR, STANDING, Kind, Trade

FILLS = ("", "m", "p", "M", "q", "n", "c")

_TOWNS = "杭州 宁波 温州 深圳 广州 苏州 无锡 青岛 成都 武汉 厦门 上海 北京 长沙 合肥 郑州".split()
_BRANDS = "华信 恒达 金鼎 瑞丰 中联 宏远 新城 博宇 安泰 汇通 天成 永盛".split()
NAMES = ("", *(f"{town}{brand} " for town in _TOWNS for brand in _BRANDS))
"""Names that stand in a memo where no counterparty is given; 0 is none."""


@dataclass(frozen=True, slots=True)
class Memo:
    """A description: its text before and after the part that varies, and what varies."""

    before: str
    fill: int
    after: str
    category: int


def _parse(text: str, category: int) -> Memo:
    before, opening, rest = text.partition("{")
    if not opening:
        return Memo(text, 0, "", category)
    fill, _, after = rest.partition("}")
    return Memo(before, FILLS.index(fill), after, category)


def _unique(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


EXTRA = (
    ("order", "货款", ("货款 订单{c}", "{c} 采购款", "订单款{n}"), ("PO {c} settlement", "Order {n}")),
    ("contract", "工程款",
     ("合同款 {c}", "工程进度款 {c}", "付合同款", "项目款{m}"), ("Contract {c}", "Milestone {n}")),
    ("预付款", "工程款", ("预付款 合同{c}", "预付货款 {c}"), ("Advance payment {c}", "Down payment {c}")),
    ("进度款", "工程款", ("进度款 合同{c}", "第{n}期进度款"), ("Progress payment {c}",)),
    ("到货款", "工程款", ("到货款 合同{c}", "到货付款 {c}"), ("Payment on delivery {c}",)),
    ("验收款", "工程款", ("验收款 合同{c}", "验收付款 {c}"), ("Acceptance payment {c}",)),
    ("结算款", "工程款", ("结算款 合同{c}", "竣工结算款 {c}"), ("Final settlement {c}",)),
    ("质保金", "工程款", ("质保金 合同{c}", "支付质保金 {c}"), ("Retention release {c}",)),
)  # fmt: skip
"""Payments of orders, contracts and their nodes: name, category, memos in Chinese and English."""

ITEMS = (
    "冷轧钢板", "铝型材", "铜线", "轴承", "液压泵", "电机", "变频器", "电缆", "阀门", "紧固件", "注塑件", "模具", "包装纸箱",
    "塑料粒子", "涤纶纱", "坯布", "水泥", "商品混凝土", "板材", "瓷砖", "食用油", "冷冻肉", "化工溶剂", "涂料", "药用辅料",
    "医用耗材", "集成电路", "PCB板", "LED模组", "锂电池", "服务器", "办公家具",
)  # fmt: skip
"""What is ordered."""

_KINDS: tuple[Kind | Trade, ...] = (*STANDING, *IRREGULAR)
_SOURCES: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    *((kind.name, kind.category_out, kind.memos, kind.memos_en) for kind in _KINDS),
    *EXTRA,
)

CATEGORIES = _unique(
    [kind.category_out for kind in _KINDS]
    + [kind.category_in for kind in _KINDS]
    + [row[1] for row in EXTRA]
)
CHANNELS = _unique([kind.channel for kind in _KINDS] + ["银企直连", "手机银行"])

MEMOS: tuple[Memo, ...] = tuple(
    _parse(text, CATEGORIES.index(category))
    for _, category, chinese, english in _SOURCES
    for text in (*chinese, *english)
)
MEMO_RANGES: dict[str, tuple[int, int, int]] = {}
"""Kind to the first Chinese, the first English and the last-plus-one memo."""
_at = 0
for _name, _, _chinese, _english in _SOURCES:
    _middle = _at + len(_chinese)
    MEMO_RANGES[_name] = (_at, _middle, _middle + len(_english))
    _at = _middle + len(_english)

PAIR_CATEGORIES: tuple[tuple[int, int], ...] = tuple(
    dict.fromkeys(
        (CATEGORIES.index(out), CATEGORIES.index(came))
        for out, came in (
            *((kind.category_out, kind.category_in) for kind in _KINDS),
            ("货款", "货款收入"),
            ("工程款", "货款收入"),
        )
    )
)
"""Categories of a payment as the payer and as the payee books it."""


def pair_category(out: str, came: str) -> int:
    """Return the index of a pair of categories in ``PAIR_CATEGORIES``."""
    return PAIR_CATEGORIES.index((CATEGORIES.index(out), CATEGORIES.index(came)))


def category_of(kind: Kind | Trade) -> int:
    """Return the pair of categories of a kind."""
    return pair_category(kind.category_out, kind.category_in)
