"""Core enterprises and their chains (上下游): who sells towards them, who buys from them.

A member's share of the chain is the part of its business that hangs on the core: its share of
trade with the core, and with other members by their shares, each firm passing on once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.network.debtrank import Spread, reached, spread
from qfb_gpu.network.dependence import core_scores, income_shares, spending_shares
from qfb_gpu.network.whatif import batch_size

if TYPE_CHECKING:
    from qfb_gpu._config.network import Contagion
    from qfb_gpu.backend import Backend
    from qfb_gpu.network.graph import Graph

SIDES = ("upstream", "downstream")
_COLUMNS = {
    "core_key": "int64", "member_key": "int64", "side": "int8", "tier": "int32",
    "via_key": "int64", "share": "float64", "chain_share": "float64",
}  # fmt: skip


def chains(
    graph: Graph, edges: dict[str, Any], settings: Contagion, backend: Backend
) -> dict[str, Any]:
    """Return the chains of the ``n_chains`` firms with the highest core score.

    Returns
    -------
    dict of arrays, shape (n_members,)
        ``core_key``, ``member_key`` (int64), ``side`` (int8, index into ``SIDES``), ``tier``
        (int32), ``via_key`` (int64, 0 in tier 1), ``share`` of the member's yearly income
        (upstream) or payments (downstream) that the firm it hangs on, the core or via, is;
        ``chain_share``, at least the setting of this name. By core score, side, tier, share.
    """
    xp = backend.xp
    score = core_scores(graph, edges, backend)
    order = backend.lexsort((-score, xp.arange(graph.n_nodes)))[: settings.n_chains]
    cores = order[score[order] > 0]
    shares = (income_shares(graph, edges, backend), spending_shares(graph, edges, backend))
    ends = ((graph.source, graph.target), (graph.target, graph.source))
    parts = []
    sides = [
        reached(graph.n_nodes, (*two, share), cores, xp)
        for share, two in zip(shares, ends, strict=True)
    ]
    step = batch_size(max(int(node.shape[0]) for node, _ in sides), backend)
    for start in range(0, int(cores.shape[0]), step):
        mine = cores[start : start + step]
        for side, (node, arrows) in enumerate(sides):
            giver, taker, share = arrows
            n_nodes, key = int(node.shape[0]), graph.key[node]
            matrix = backend.sparse((n_nodes, n_nodes), taker, giver, share)
            first = xp.zeros((n_nodes, mine.shape[0]))
            first[xp.searchsorted(node, mine), xp.arange(mine.shape[0])] = 1.0
            found = spread(matrix, first, backend)
            for case in range(int(mine.shape[0])):
                part = _members(key, arrows, found, case, settings.chain_share, backend)
                n_members = part["tier"].shape[0]
                part["core_key"] = backend.repeat(
                    graph.key[mine[case : case + 1]], xp.asarray([n_members])
                )
                part["side"] = xp.full(n_members, side, dtype="int8")
                parts.append(part)
    if not parts:
        return {name: xp.empty(0, dtype=kind) for name, kind in _COLUMNS.items()}
    return {name: xp.concatenate([part[name] for part in parts]) for name in _COLUMNS}


def _members(
    key: Any,
    arrows: tuple[Any, Any, Any],
    found: Spread,
    case: int,
    least: float,
    backend: Backend,
) -> dict[str, Any]:
    """Return the members of one chain, each with the arrow of the tier before that counts most."""
    xp = backend.xp
    giver, taker, share = arrows
    tier, passed, total = found.step[:, case], found.passed[:, case], found.distress[:, case]
    is_member = (tier > 0) & (total >= least)
    counts = is_member[taker] & (tier[giver] == tier[taker] - 1)
    row = xp.nonzero(counts)[0]
    carried = share[row] * passed[giver[row]]
    order = backend.lexsort((taker[row], -carried, giver[row]))
    row = row[order]
    is_first = xp.ones(row.shape[0], dtype=bool)
    is_first[1:] = taker[row][1:] != taker[row][:-1]
    row = row[is_first]
    row = row[backend.lexsort((tier[taker[row]], -total[taker[row]], taker[row]))]
    member, via = taker[row], giver[row]
    return {
        "member_key": key[member],
        "tier": tier[member],
        "via_key": xp.where(tier[member] > 1, key[via], xp.int64(0)),
        "share": share[row],
        "chain_share": total[member],
    }
