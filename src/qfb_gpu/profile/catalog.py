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
        "PageRank（阻尼0.85，付款方指向收款方，权重log(1＋笔数)；全部节点之和为1）",
        "float64", "network",
    ),
    Feature("graph_degree_in", "payers", "distinct payers", "不同付款方数", "int32", "network"),
    Feature("graph_degree_out", "payees", "distinct payees", "不同收款方数", "int32", "network"),
)  # fmt: skip

FEATURES: tuple[Feature, ...] = (
    *RECENCY, *FREQUENCY, *MONEY, *BALANCE, *INTERVAL, *SPECTRUM, *TREND, *SHAPE, *COUNTERPARTY,
    *MIX, *REGULARITY, *GRAPH, *LIFETIME, *JOURNEY, *MARKETING, SHRUNK, *TERMS, *CONTRACTS,
    *CONTRACTS_PAID, *CLAIMS, *PRODUCTS,
)  # fmt: skip

_HEAD = """\
# Customer features 客户特征

A feature is one number that describes a customer: how often it pays, how much it receives, how
concentrated its payers are. The night computes every feature on this page for every customer who
paid or was paid by the as-of day. They are columns of the gold table `customer_profiles`;
segments, scores and models are made of them.

```bash
qfb show demo/out customer_profiles --customer C000000000929   # one customer, every column
```

Other columns of `customer_profiles`: [more columns](more-columns.md).

## How to read a row 如何读

| word | meaning |
|---|---|
| as-of day 截止日 | the day that the features describe; nothing later is seen |
| last n days 最近n天 | the n days that end with the as-of day; the as-of day is one of them |
| in, out 收、付 | money that the customer received, money that it paid |
| main currency 主币种 | the currency of most of the customer's payments (`main_currency`) |
| `minor` 分 | minor units (分, cents) of the main currency; 12345 is 123.45 yuan |
| `share` 占比 | 0 to 1; 0.25 is a quarter |
| `score` 指数 | a number without a unit; its row says the range |
| active day 活跃日 | a day with at least one payment |
| reversal 红冲、退款 | a red invoice or a refund: a negative payment |
| month in `trend` 月 | 30 days |

- **Currencies.** Money features count the main currency alone and leave other money out. Payments,
  days and counterparties are counted in all currencies.
- **Null.** A share or ratio is null where its denominator is 0. Integer columns are never null.
- **Sources.** Each block below says which source it needs. A block whose source is not in the
  config is left out, and the report names it. If the source is there and has no row for a customer,
  counts are 0 and shares and days are null; `marketing_response_rate_shrunk` is the rate of all
  customers, a / (a + b).
- **Same on every device.** Integer columns are exact and equal to the bit (not yet verified on a
  GPU).
- **Behaviour, not identity 基于行为而非身份.** Name, region, industry and size are no features. The
  gold table `identity_audit` says how far groups and scores differ by them nevertheless.

Rules of single blocks:

- `mix`: two texts stand beside the numbers, `mix_category_top` and `mix_channel_top`: the commonest
  category and channel of the last 365 days. Among equals the first by text is taken.
- `journey`: the config says which labels of `events.step` are a view, an application and a
  submission: `[features] view_steps`, `apply_steps`, `submit_steps`.
- `terms`: an order's payment is the first payment out to its supplier, of its exact amount and
  currency, on the day of delivery or up to 180 days later, that pays no order delivered before it.
  An amount of 0 is no payment.
- `claims`: a claim is seen from the day it was claimed, where that day is known.
- `contracts`: a contract has a total where its amount is above 0.

This page is generated from `qfb_gpu.profile.FEATURES` by `python docs/build_features.py`; do not
edit it.
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
