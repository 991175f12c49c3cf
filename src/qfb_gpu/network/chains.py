"""Core enterprises and their chains (上下游): who sells towards them, who buys from them.

A member's share of the chain is the part of its business that hangs on the core: its share of
trade with the core, and with other members by their shares, each firm passing on once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu._backend.distress import one_by_one
from qfb_gpu.keys import first_in_run
from qfb_gpu.network.debtrank import LEAST, reached, spread
from qfb_gpu.network.dependence import core_scores, income_shares, spending_shares
from qfb_gpu.network.whatif import batch_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qfb_gpu._config.network import Contagion
    from qfb_gpu.backend import Backend
    from qfb_gpu.network.graph import Graph

    Arrows = tuple[Any, Any, Any]

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
        ``chain_share``, at least the setting of this name. By side, core score, tier, share.
    """
    xp = backend.xp
    score = core_scores(graph, edges, backend)
    firm = xp.nonzero(score > 0)[0]
    cores = firm[xp.argsort(-score[firm], kind="stable")[: settings.n_chains]]
    del score, firm
    followed = backend.either(_one_by_one, _together)
    parts = []
    for side, shares in enumerate((income_shares, spending_shares)):
        payer, payee, share = graph.by_pair(shares(graph, edges, backend), xp)  # all currencies
        arrows = (payee, payer, share) if side else (payer, payee, share)
        node, arrows = reached(graph.n_nodes, arrows, cores, xp)
        key, first = graph.key[node], xp.searchsorted(node, cores)
        found = followed(int(node.shape[0]), arrows, first, settings.chain_share, backend)
        for case, (some, chain) in enumerate(found):
            part = _members(key, some, chain, settings.chain_share, backend)
            n_members = part["tier"].shape[0]
            core = graph.key[cores[case : case + 1]]
            part["core_key"] = backend.repeat(core, xp.asarray([n_members]))
            part["side"] = xp.full(n_members, side, dtype="int8")
            parts.append(part)
    if not parts:
        return {name: xp.empty(0, dtype=kind) for name, kind in _COLUMNS.items()}
    return {name: xp.concatenate([part[name] for part in parts]) for name in _COLUMNS}


def _together(
    n_nodes: int, arrows: Arrows, first: Any, _least: float, backend: Backend
) -> Iterator[tuple[Arrows, Any]]:
    """Yield for each core all arrows, and tiers, what was passed on and totals of all nodes."""
    xp = backend.xp
    giver, taker, share = arrows
    matrix = backend.sparse((n_nodes, n_nodes), taker, giver, share)
    step = batch_size(n_nodes, backend)
    for begin in range(0, int(first.shape[0]), step):
        mine = first[begin : begin + step]
        start = xp.zeros((n_nodes, mine.shape[0]))
        start[mine, xp.arange(mine.shape[0])] = 1.0
        found = spread(matrix, start, backend)
        for case in range(int(mine.shape[0])):
            vectors = (found.step, found.passed, found.distress)
            yield arrows, tuple(values[:, case] for values in vectors)


def _one_by_one(
    n_nodes: int, arrows: Arrows, first: Any, least: float, backend: Backend
) -> Iterator[tuple[Arrows, Any]]:
    """Yield the same, but for each core only the arrows that come to a member."""
    xp = backend.xp
    giver, taker, share = arrows
    matrix = backend.sparse((n_nodes, n_nodes), taker, giver, share).T.tocsr()
    by_taker = xp.argsort(taker, kind="stable")
    begin = xp.searchsorted(taker, xp.arange(n_nodes + 1), sorter=by_taker)
    for found in one_by_one(matrix, None, first, 1.0, LEAST):
        node = found.node
        member = node[(found.step[node] > 0) & (found.distress[node] >= least)]
        n_in = begin[member + 1] - begin[member]
        before = backend.repeat(begin[member] - (xp.cumsum(n_in) - n_in), n_in)
        row = xp.sort(by_taker[before + xp.arange(before.shape[0])])
        some = (giver[row], taker[row], share[row])
        yield some, (found.step, found.passed, found.distress)


def _members(
    key: Any, arrows: Arrows, chain: tuple[Any, Any, Any], least: float, backend: Backend
) -> dict[str, Any]:
    """Return the members of one chain, each with the arrow of the tier before that counts most."""
    xp = backend.xp
    giver, taker, share = arrows
    tier, passed, total = chain
    counts = (tier[taker] > 0) & (total[taker] >= least) & (tier[giver] == tier[taker] - 1)
    row = xp.nonzero(counts)[0]
    carried = share[row] * passed[giver[row]]
    order = backend.lexsort((taker[row], -carried, giver[row]))
    row = row[order]
    row = row[first_in_run(taker[row], xp)]
    row = row[backend.lexsort((tier[taker[row]], -total[taker[row]], taker[row]))]
    member, via = taker[row], giver[row]
    return {
        "member_key": key[member],
        "tier": tier[member],
        "via_key": xp.where(tier[member] > 1, key[via], xp.int64(0)),
        "share": share[row],
        "chain_share": total[member],
    }
