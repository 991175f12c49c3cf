"""The payment network in outline: sizes, concentration, and a core small enough to draw.

Nodes and edges are read some at a time, twice: what is largest, then what is near it. Of an edge 16
bytes are kept, its payee's hash and its sum, of a node what its groups count.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.lake.texts import hash_texts
from qfb_gpu.report.data import Counts, Link, Network, Node
from qfb_gpu.report.figures.columns import binned, column, equal, numbers, top_rows
from qfb_gpu.report.figures.exact import Exact, exact, rounded
from qfb_gpu.report.figures.reading import of_batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from qfb_gpu.report.figures.reading import Read

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


_EDGES = ["payer_id", "payee_id", "currency", "n_payments", "amount_minor"]
_MOST = _SHARES[-1][1]


@dataclass(slots=True)
class _Nodes:
    """What all nodes come to; ``best`` are the rows of the highest ranks, highest first."""

    n: int = 0
    n_customers: int = 0
    component: np.ndarray[Any, Any] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    community: np.ndarray[Any, Any] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    rank: list[Exact] = field(default_factory=list)
    best: list[tuple[float, int]] = field(default_factory=list)


@dataclass(slots=True)
class _Edges:
    """What all edges come to: rows near the hubs, and what each payee got by currency."""

    n: int = 0
    near: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    got: defaultdict[str, list[tuple[Any, Any]]] = field(default_factory=lambda: defaultdict(list))


def collect(read: Read, currencies: list[str]) -> Network | None:
    """Return the network's figures; None where nobody is known to pay anybody."""
    batches = of_batches(read, "graph_nodes", _NODES)
    found = _Nodes() if batches is None else _all_nodes(batches)
    if not found.n:
        return None
    component = found.component[found.component > 0]
    large = _largest_communities(found.community)
    hubs = _hub_rows(read, found, large)
    rows = [row for _, row in found.best[:_LISTED]]
    listed = _at_rows(read, {*hubs, *rows})
    edges = _all_edges(read, [listed[row]["node_id"] for row in hubs], currencies)
    nodes, links = _core(read, edges, {row: listed[row] for row in hubs}, large)
    return Network(
        n_nodes=found.n,
        n_customers=found.n_customers,
        n_edges=0 if edges is None else edges.n,
        n_components=int(component.shape[0]),
        n_communities=int((found.community > 0).sum()),
        largest_component=int(component.max()),
        component_sizes=_component_sizes(component),
        communities=[(c, int(found.community[c])) for c in large],
        top=[_node(listed[row], large, is_hub=True) for row in rows],
        nodes=nodes,
        links=links,
        pagerank_share=_pagerank_share(found),
        payee_share={c: _payee_share(edges.got[c] if edges else []) for c in currencies},
    )


def _all_nodes(batches: Iterable[pa.Table]) -> _Nodes:
    found = _Nodes()
    for table in batches:
        found.n_customers += int(numbers(table, "is_customer").sum())
        found.component = _counted(found.component, numbers(table, "component_id"))
        found.community = _counted(found.community, numbers(table, "community_id"))
        rank = numbers(table, "pagerank")
        found.rank.append(exact(rank))
        top = top_rows(rank, _MOST)
        rows = (top + found.n).tolist()
        found.best += zip(rank[top].tolist(), rows, strict=True)
        found.best.sort(key=lambda one: -one[0])
        del found.best[_MOST:]
        found.n += table.num_rows
    return found


def _counted(counts: np.ndarray[Any, Any], group: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    more = np.bincount(np.maximum(group, 0), minlength=counts.shape[0])
    more[: counts.shape[0]] += counts
    return more


def _largest_communities(sizes: np.ndarray[Any, Any]) -> list[int]:
    rows = top_rows(sizes, _COMMUNITIES)
    return [int(row) for row in rows if sizes[row] > 1]


def _component_sizes(sizes: np.ndarray[Any, Any]) -> Counts:
    counts = binned(sizes, [*(float(start) for _, start in _SIZES), float("inf")])
    labelled = [(label, n) for (label, _), n in zip(_SIZES, counts, strict=True)]
    alone = int((sizes == 1).sum())
    return [("1", alone), *labelled] if alone else labelled


def _numbered(read: Read, columns: list[str]) -> Iterator[tuple[int, pa.Table]]:
    """Yield nodes, some at a time, with the row of the first."""
    start = 0
    for table in of_batches(read, "graph_nodes", columns) or ():
        yield start, table
        start += table.num_rows


def _hub_rows(read: Read, found: _Nodes, large: list[int]) -> list[int]:
    """Return the rows of the highest ranks, and of the highest of each large community."""
    highest: dict[int, tuple[float, int]] = {}
    for start, table in _numbered(read, ["community_id", "pagerank"]) if large else ():
        rank, community = numbers(table, "pagerank"), numbers(table, "community_id")
        for one in large:
            members = np.flatnonzero(community == one)
            if not members.size:
                continue
            row = int(members[top_rows(rank[members], 1)[0]])
            if one not in highest or rank[row] > highest[one][0]:
                highest[one] = (float(rank[row]), start + row)
    rows = [row for _, row in found.best[:_HUBS]] + [highest[one][1] for one in large]
    return list(dict.fromkeys(rows))


def _at_rows(read: Read, rows: set[int]) -> dict[int, dict[str, Any]]:
    """Return some nodes by their row."""
    wanted = np.array(sorted(rows), dtype=np.int64)
    found: dict[int, dict[str, Any]] = {}
    for start, table in _numbered(read, _NODES):
        mine = wanted[(wanted >= start) & (wanted < start + table.num_rows)]
        picked = table.take(pa.array(mine - start, pa.int64())).to_pylist()
        found.update(zip(mine.tolist(), picked, strict=True))
    return found


def _named(read: Read, names: set[str]) -> dict[int, dict[str, Any]]:
    """Return some nodes by their row, in the order of the rows."""
    wanted = pa.array(sorted(names), pa.string())
    found: dict[int, dict[str, Any]] = {}
    for start, table in _numbered(read, _NODES):
        mine = np.flatnonzero(np.asarray(pc.is_in(column(table, "node_id"), wanted)))
        picked = table.take(pa.array(mine, pa.int64())).to_pylist()
        found.update(zip((mine + start).tolist(), picked, strict=True))
    return found


def _node(row: dict[str, Any], large: list[int], *, is_hub: bool) -> Node:
    return Node(
        name=row["node_id"],
        is_customer=bool(row["is_customer"]),
        community=large.index(row["community_id"]) if row["community_id"] in large else -1,
        pagerank=row["pagerank"] or 0.0,
        degree_in=row["degree_in"] or 0,
        degree_out=row["degree_out"] or 0,
        is_hub=is_hub,
    )


def _all_edges(read: Read, hubs: list[str], currencies: list[str]) -> _Edges | None:
    """Return what the edges come to; None where the run has none such."""
    batches = of_batches(read, "graph_edges", _EDGES)
    if batches is None:
        return None
    found = _Edges(near={hub: [] for hub in hubs})
    wanted = pa.array(hubs, pa.string())
    for table in batches:
        found.n += table.num_rows
        ends = [pc.is_in(column(table, name), wanted) for name in ("payer_id", "payee_id")]
        near = table.filter(pc.or_(*ends))
        for hub in hubs if near.num_rows else ():
            nearest = found.near[hub] + _partners(near, hub)
            found.near[hub] = sorted(nearest, key=lambda one: -one[0])[:_NEIGHBOURS]
        paid = table.select(["payee_id", "amount_minor"])
        for currency in currencies:
            mine = paid.filter(pa.array(equal(table, "currency", currency)))
            payee = hash_texts(column(mine, "payee_id").combine_chunks())
            found.got[currency].append((payee, numbers(mine, "amount_minor")))
    return found


def _partners(near: pa.Table, hub: str) -> list[tuple[int, str]]:
    """Return a hub's closest partners with their payments, ties by row."""
    mine = near.filter(
        pc.or_(pc.equal(near.column("payer_id"), hub), pc.equal(near.column("payee_id"), hub))
    )
    rows = top_rows(numbers(mine, "n_payments"), _NEIGHBOURS)
    return [
        (row["n_payments"] or 0, row["payee_id"] if row["payer_id"] == hub else row["payer_id"])
        for row in mine.take(pa.array(rows)).to_pylist()
    ]


def _core(
    read: Read, edges: _Edges | None, hubs: dict[int, dict[str, Any]], large: list[int]
) -> tuple[list[Node], list[Link]]:
    """Return the hubs, their closest partners, and the payments among them."""
    if edges is None or not edges.n:
        return [_node(row, large, is_hub=True) for row in hubs.values()], []
    partners = {name for nearest in edges.near.values() for _, name in nearest}
    rows = _named(read, partners | {row["node_id"] for row in hubs.values()})
    nodes = [_node(row, large, is_hub=at in hubs) for at, row in rows.items()]
    return nodes, _links(read, nodes)


def _links(read: Read, nodes: list[Node]) -> list[Link]:
    place = {node.name: row for row, node in enumerate(nodes)}
    names = pa.array(list(place), pa.string())
    total: dict[tuple[int, int], int] = {}
    for table in of_batches(read, "graph_edges", ["payer_id", "payee_id", "n_payments"]) or ():
        ends = [pc.is_in(column(table, name), names) for name in ("payer_id", "payee_id")]
        for row in table.filter(pc.and_(*ends)).to_pylist():
            pair = (place[row["payer_id"]], place[row["payee_id"]])
            total[pair] = total.get(pair, 0) + int(row["n_payments"] or 0)
    return [Link(payer, payee, n) for (payer, payee), n in sorted(total.items())]


def _pagerank_share(found: _Nodes) -> list[tuple[str, float]]:
    whole = float(rounded(found.rank)[0])
    if not whole:
        return []
    best = np.array([rank for rank, _ in found.best])
    return [(label, float(best[:n].sum()) / whole) for label, n in _SHARES if n <= found.n]


def _payee_share(got: list[tuple[Any, Any]]) -> list[tuple[str, float]]:
    """Return the part of all money that the largest payees got; who got less than 0 has none."""
    if not got:
        return []
    payee, money = (np.concatenate([pair[at] for pair in got]) for at in range(2))
    order = np.argsort(payee, kind="stable")
    payee, money = payee[order], money[order]
    starts = np.flatnonzero(np.r_[True, payee[1:] != payee[:-1]][: payee.size])
    money = np.add.reduceat(money, starts) if starts.size else money
    money = money[money > 0].astype(float)
    whole = float(rounded([exact(money)])[0])
    if not whole:
        return []
    shares = [(label, n) for label, n in _SHARES if n <= money.shape[0]]
    return [(label, float(money[top_rows(money, n)].sum()) / whole) for label, n in shares]
