"""Every feature of a customer in one table, and that table as a page of the docs.

Adding a feature is one :class:`Feature` entry in its block with its function of the tallies.
Those of streams and the network are filled by :func:`qfb_gpu.profile.regularity_features` and
:func:`qfb_gpu.network.node_features`, those of a source by the function of its block.
"""

from __future__ import annotations

from qfb_gpu.profile.claims import CLAIMS
from qfb_gpu.profile.contracts import CONTRACTS, CONTRACTS_PAID
from qfb_gpu.profile.counterparty import COUNTERPARTY
from qfb_gpu.profile.feature import BLOCKS, Feature
from qfb_gpu.profile.journey import JOURNEY
from qfb_gpu.profile.marketing import MARKETING, SHRUNK
from qfb_gpu.profile.mix import MIX
from qfb_gpu.profile.money import BALANCE, MONEY, TREND
from qfb_gpu.profile.products import PRODUCTS
from qfb_gpu.profile.purchases import LIFETIME
from qfb_gpu.profile.regularity import REGULARITY
from qfb_gpu.profile.terms import TERMS
from qfb_gpu.profile.timing import FREQUENCY, INTERVAL, RECENCY, SHAPE, SPECTRUM

GRAPH = (
    Feature(
        "graph_component_id", "id",
        "weakly connected component; 0 is the largest, -1: no counterparty is known",
        "弱连通分量编号（0最大；−1无已知对手）", "int32", "network",
    ),
    Feature(
        "graph_community_id", "id",
        "Leiden community by modularity; 0 is the largest, -1: no counterparty is known",
        "Leiden社区编号（0最大；−1无已知对手）", "int32", "network",
    ),
    Feature(
        "graph_pagerank", "share",
        "PageRank, damping 0.85, from payer to payee by log(1 + payments); sums to 1 over nodes",
        "PageRank（阻尼0.85，付款方指向收款方，权重log(1＋笔数)）", "float64", "network",
    ),
    Feature("graph_degree_in", "payers", "distinct payers", "付款方数", "int32", "network"),
    Feature("graph_degree_out", "payees", "distinct payees", "收款方数", "int32", "network"),
)  # fmt: skip

FEATURES: tuple[Feature, ...] = (
    *RECENCY, *FREQUENCY, *MONEY, *BALANCE, *INTERVAL, *SPECTRUM, *TREND, *SHAPE, *COUNTERPARTY,
    *MIX, *REGULARITY, *GRAPH, *LIFETIME, *JOURNEY, *MARKETING, SHRUNK, *TERMS, *CONTRACTS,
    *CONTRACTS_PAID, *CLAIMS, *PRODUCTS,
)  # fmt: skip

_HEAD = """\
# Customer features 客户特征

Generated from `qfb_gpu.profile.FEATURES` by `python docs/build_features.py`; do not edit.

One row per customer as of a date; nothing later is seen. A window of n days ends with the as-of
day. Money is in minor units (分, cents) of the customer's main currency, the currency of most of
its payments; money in others is left out, where payments, days and counterparties are counted all
currencies are. Reversals (red invoices, refunds) are negative payments. Integer columns are exact
and equal to the bit on every device; a share or ratio is null where its denominator is 0.

A block whose source is not in the config is left out, and the report says which; a customer
without a row in a source that is there has counts of 0 and null shares and days. Customers are
those with a payment by the as-of day. Name, region, industry and size are no features: groups and
scores are made of behaviour (基于行为而非身份); `identity_audit` says how far they differ by it.

Beside the numbers stand two texts: `mix_category_top` and `mix_channel_top`, the commonest category
and channel of the last 365 days, the first by text among equals. Which labels of `events.step` are
a view, an application and a submission is in the config: `[features] view_steps`, `apply_steps`,
`submit_steps`. An order's payment is the first payment out to its supplier of its exact amount and
currency, on the day of delivery or up to 180 days later, that pays no order delivered before it;
an amount of 0 is no payment. A claim is seen from the day it was claimed, where that is known.
A contract has a total where its amount is above 0.
"""


def markdown() -> str:
    """Return ``docs/features.md``: a section per block, a table row per feature."""
    parts = [_HEAD]
    for block, (english, chinese) in BLOCKS.items():
        rows = [feature for feature in FEATURES if feature.block == block]
        parts.append(f"\n## {block}: {english} {chinese}\n")
        parts.append(f"From {_sources(rows)}.\n")
        parts.append("| column | unit | type | what it is | 含义 |\n|---|---|---|---|---|")
        parts += [
            f"| `{row.name}` | {row.unit} | {row.dtype} | {_cell(row.formula)} | "
            f"{_cell(row.formula_zh)} |"
            for row in rows
        ]
    return "\n".join(parts) + "\n"


_FROM = {
    "payments": "the payments",
    "streams": "the regular payments of the night",
    "network": "the payment network of the night",
    "texts": "`category` and `channel` of the payments",
    "lifetime": "the payments and a fit over all customers (docs/lifetime.md)",
}


def _sources(rows: list[Feature]) -> str:
    names = dict.fromkeys(row.source for row in rows)
    return " and ".join(_FROM.get(name, f"`sources.{name}`") for name in names)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
