"""The payment network in outline: sizes, concentration, and a core small enough to draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.report.data import Counts, Link, Network, Node
from qfb_gpu.report.figures.columns import binned, column, numbers, read_or_none, top_rows

if TYPE_CHECKING:
    from qfb_gpu.report.figures.columns import Read

_NODES = [
    "node_id", "is_customer", "component_id", "community_id", "pagerank", "degree_in",
    "degree_out",
]  # fmt: skip
_LISTED = 10
_COMMUNITIES = 8
_HUBS = 6
_NEIGHBOURS = 6
_SHARES = (("1", 1), ("10", 10), ("100", 100))
_SIZES = (
    ("2", 2), ("3–5", 3), ("6–20", 6), ("21–100", 21), ("101–1,000", 101), ("more", 1001),
)  # fmt: skip


def collect(read: Read, currencies: list[str]) -> Network | None:
    """Return the network's figures; None where nobody is known to pay anybody."""
    table = read_or_none(read, "graph_nodes", _NODES)
    if table is None or not table.num_rows:
        return None
    component = np.bincount(np.maximum(numbers(table, "component_id"), 0))
    community = np.bincount(np.maximum(numbers(table, "community_id"), 0))
    component, large = component[component > 0], _largest_communities(community)
    nodes, links, n_edges = _core(read, table, large)
    pagerank = numbers(table, "pagerank")
    ranked = top_rows(pagerank, _LISTED)
    return Network(
        n_nodes=table.num_rows,
        n_customers=int(numbers(table, "is_customer").sum()),
        n_edges=n_edges,
        n_components=int(component.shape[0]),
        n_communities=int((community > 0).sum()),
        largest_component=int(component.max()),
        component_sizes=_component_sizes(component),
        communities=[(c, int(community[c])) for c in large],
        top=_nodes(table, ranked, large, set(ranked.tolist())),
        nodes=nodes,
        links=links,
        pagerank_share=_pagerank_share(pagerank),
        payee_share={name: _payee_share(read, name) for name in currencies},
    )


def _largest_communities(sizes: np.ndarray[Any, Any]) -> list[int]:
    rows = top_rows(sizes, _COMMUNITIES)
    return [int(row) for row in rows if sizes[row] > 1]


def _component_sizes(sizes: np.ndarray[Any, Any]) -> Counts:
    counts = binned(sizes, [*(float(start) for _, start in _SIZES), float("inf")])
    labelled = [(label, n) for (label, _), n in zip(_SIZES, counts, strict=True)]
    alone = int((sizes == 1).sum())
    return [("1", alone), *labelled] if alone else labelled


def _nodes(
    table: pa.Table, rows: np.ndarray[Any, Any], large: list[int], hubs: set[int]
) -> list[Node]:
    picked = table.take(pa.array(rows, pa.int64())).to_pylist()
    return [
        Node(
            name=row["node_id"],
            is_customer=bool(row["is_customer"]),
            community=large.index(row["community_id"]) if row["community_id"] in large else -1,
            pagerank=row["pagerank"] or 0.0,
            degree_in=row["degree_in"] or 0,
            degree_out=row["degree_out"] or 0,
            is_hub=int(at) in hubs,
        )
        for at, row in zip(rows.tolist(), picked, strict=True)
    ]


def _core(read: Read, table: pa.Table, large: list[int]) -> tuple[list[Node], list[Link], int]:
    """Return the hubs, their closest partners, and the payments among them."""
    edges = read_or_none(read, "graph_edges", ["payer_id", "payee_id", "n_payments"])
    hubs = _hub_rows(table, large)
    ids = column(table, "node_id")
    hub_ids = ids.take(pa.array(hubs, pa.int64()))
    if edges is None or not edges.num_rows:
        return _nodes(table, hubs, large, set(hubs.tolist())), [], 0
    near = edges.filter(
        pc.or_(
            pc.is_in(column(edges, "payer_id"), hub_ids),
            pc.is_in(column(edges, "payee_id"), hub_ids),
        )
    )
    chosen = set(hub_ids.to_pylist())
    for hub in hub_ids.to_pylist():
        chosen.update(_partners(near, hub))
    rows = np.asarray(pc.index_in(pa.array(sorted(chosen)), ids.combine_chunks()))
    nodes = _nodes(table, np.sort(rows), large, set(hubs.tolist()))
    return nodes, _links(edges, nodes), _n_pairs(edges)


def _n_pairs(edges: pa.Table) -> int:
    return int(edges.num_rows)


def _hub_rows(table: pa.Table, large: list[int]) -> np.ndarray[Any, Any]:
    pagerank, community = numbers(table, "pagerank"), numbers(table, "community_id")
    rows = top_rows(pagerank, _HUBS).tolist()
    for one in large:
        members = np.flatnonzero(community == one)
        rows.append(int(members[top_rows(pagerank[members], 1)[0]]))
    return np.asarray(list(dict.fromkeys(rows)), dtype=np.int64)


def _partners(near: pa.Table, hub: str) -> list[str]:
    mine = near.filter(
        pc.or_(pc.equal(near.column("payer_id"), hub), pc.equal(near.column("payee_id"), hub))
    )
    rows = top_rows(numbers(mine, "n_payments"), _NEIGHBOURS)
    pairs = mine.take(pa.array(rows)).to_pylist()
    return [row["payee_id"] if row["payer_id"] == hub else row["payer_id"] for row in pairs]


def _links(edges: pa.Table, nodes: list[Node]) -> list[Link]:
    place = {node.name: row for row, node in enumerate(nodes)}
    names = pa.array(list(place))
    inside = edges.filter(
        pc.and_(
            pc.is_in(edges.column("payer_id"), names), pc.is_in(edges.column("payee_id"), names)
        )
    )
    total: dict[tuple[int, int], int] = {}
    for row in inside.to_pylist():
        pair = (place[row["payer_id"]], place[row["payee_id"]])
        total[pair] = total.get(pair, 0) + int(row["n_payments"] or 0)
    return [Link(payer, payee, n) for (payer, payee), n in sorted(total.items())]


def _pagerank_share(pagerank: np.ndarray[Any, Any]) -> list[tuple[str, float]]:
    whole = float(pagerank.sum())
    if not whole:
        return []
    return [
        (label, float(pagerank[top_rows(pagerank, n)].sum()) / whole)
        for label, n in _SHARES
        if n <= pagerank.shape[0]
    ]


def _payee_share(read: Read, currency: str) -> list[tuple[str, float]]:
    names = ["payee_id", "currency", "amount_minor"]
    edges = read_or_none(read, "graph_edges", names)
    if edges is None:
        return []
    mine = edges.filter(pc.equal(column(edges, "currency"), currency))
    received = mine.group_by("payee_id").aggregate([("amount_minor", "sum")])
    money = numbers(received, "amount_minor_sum").astype(float)
    money = money[money > 0]
    whole = float(money.sum())
    if not whole:
        return []
    shares = [(label, n) for label, n in _SHARES if n <= money.shape[0]]
    return [(label, float(money[top_rows(money, n)].sum()) / whole) for label, n in shares]
