"""The payment network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.report.charts.network import network as picture
from qfb_gpu.report.charts.rows import rows
from qfb_gpu.report.markup import Html, card, cards, empty, legend, name, section, table
from qfb_gpu.report.page.currency import blocks
from qfb_gpu.report.wording import count, percent, plural

if TYPE_CHECKING:
    from qfb_gpu.report.data import Network


def network(data: Network | None) -> Html:
    """Return the section."""
    if data is None:
        why = "Nobody's counterparty is known, so who pays whom cannot be drawn."
        hint = (
            "The network needs a counterparty id with the payments: map counterparty_id in the "
            "config's transactions source."
        )
        return section("network", "The payment network", "支付网络", why, empty(hint))
    return section(
        "network", "The payment network", "支付网络", _lead(data), _picture(data),
        cards(_communities(data), _components(data)), cards(_ranks(data), _concentration(data)),
        _top(data),
    )  # fmt: skip


def _lead(data: Network) -> str:
    return (
        f"{plural(data.n_nodes, 'party', 'parties')}, {_customers(data)}, "
        f"are linked by {plural(data.n_edges, 'relation')} of a payer, a payee and a currency; "
        f"{percent(data.largest_component, data.n_nodes)} of them hang together in one piece, and "
        f"they form {plural(data.n_communities, 'community', 'communities')}."
    )


def _customers(data: Network) -> str:
    return (
        "one of them a customer"
        if data.n_customers == 1
        else (f"{count(data.n_customers)} of them customers")
    )


def _picture(data: Network) -> Html:
    if not data.links:
        return empty("No payment between two known parties, so there is nothing to draw.")
    keys = [
        (f"c{at}", f"community {community}")
        for at, (community, _) in enumerate(data.communities)
        if any(node.community == at for node in data.nodes)
    ]
    chart = picture(data.nodes, data.links, "The core of the payment network")
    return card(
        "The core of the network", "核心网络", legend(*keys, ("other", "other")),
        Html(f'<div class="scroll" tabindex="0">{chart}</div>'),
        note="The parties with the highest PageRank and the centre of each large community, with "
        "their closest partners. Circles are customers, squares are counterparties; the larger, "
        "the higher the PageRank; a thicker line is more payments.",
        wide=True,
    )  # fmt: skip


def _communities(data: Network) -> Html:
    items = [
        (f"community {community}", [(f"c{at}", float(n), plural(n, "party", "parties"))],
         f"{count(n)} · {percent(n, data.n_nodes)}")
        for at, (community, n) in enumerate(data.communities)
    ]  # fmt: skip
    shown = rows(items) if items else empty("No community has more than one party.")
    return card(
        "Largest communities", "最大社群", shown,
        note="Parties that pay one another more than they pay others.",
    )  # fmt: skip


def _components(data: Network) -> Html:
    items = [
        (_size_words(label), [("plain", float(n), count(n))], count(n))
        for label, n in data.component_sizes
    ]  # fmt: skip
    return card(
        "Separate pieces by size", "连通分量", rows(items),
        note=f"{plural(data.n_components, 'piece')}, with no payment between two pieces; the "
        f"largest has {plural(data.largest_component, 'party', 'parties')}.",
    )  # fmt: skip


def _size_words(label: str) -> str:
    if label == "more":
        return "more than 1,000 parties"
    return f"{label} {'party' if label == '1' else 'parties'}"


def _ranks(data: Network) -> Html:
    items = [
        (_top_words(label, "party", "parties"), [("plain", share, percent(share))], percent(share))
        for label, share in data.pagerank_share
    ]  # fmt: skip
    return card(
        "Share of PageRank", "影响力集中度", rows(items, longest=1.0),
        note="PageRank follows the money from payer to payee: how much of it ends with the few.",
    )  # fmt: skip


def _concentration(data: Network) -> Html:
    def one(currency: str) -> Html:
        """Return the bars of one currency."""
        shares = data.payee_share[currency]
        if not shares:
            return empty(f"No {currency} payment between two known parties.")
        return rows(
            [
                (_top_words(label, "payee", "payees"), [("in", share, percent(share))],
                 percent(share))
                for label, share in shares
            ],
            longest=1.0,
        )  # fmt: skip

    shown = blocks(list(data.payee_share), one) if data.payee_share else empty("No money moved.")
    return card(
        "Share of the money received", "收款集中度", shown,
        note="Of all money between two known parties, what the largest payees received.",
    )  # fmt: skip


def _top_words(label: str, noun: str, many: str) -> str:
    return f"the top {noun}" if label == "1" else f"the top {label} {many}"


def _top(data: Network) -> Html:
    heads = [("Party 主体", ""), ("", "min"), ("PageRank", "n"), ("Payers 付款方", "n"),
             ("Payees 收款方", "n")]  # fmt: skip
    lines = [
        (name(node.name), "customer" if node.is_customer else "counterparty",
         f"{node.pagerank:.5f}", count(node.degree_in), count(node.degree_out))
        for node in data.top
    ]  # fmt: skip
    shown = table(heads, lines, "Parties with the highest PageRank")
    return card("Highest PageRank", "影响力最高", shown, wide=True)
