"""Each firm on which much hangs: what its default would do, and each customer's worst case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.network.whatif import batch_size, candidates, exposures, impacts

if TYPE_CHECKING:
    from qfb_gpu._config.network import Contagion
    from qfb_gpu.backend import Backend
    from qfb_gpu.network.graph import Graph

TELLING = 0.01
"""Share of a year's income from which a loss counts as a hit."""
_STOPPED = 1 - 1e-9


def systemic(
    graph: Graph, edges: dict[str, Any], settings: Contagion, backend: Backend
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Let each of the ``n_firms`` on which most hangs stop paying, one at a time.

    Returns
    -------
    firms : dict of arrays, shape (n_firms,), highest DebtRank first
        ``key`` (int64), ``is_customer``, ``debtrank``, ``debtrank_direct``, ``n_hit``,
        ``n_stopped`` (int64), ``farthest`` (int32), ``most_hit_key`` (int64),
        ``most_hit_share``.
    worst : dict of arrays, shape (n_nodes,)
        ``key``; ``firm_key`` (int64, 0 where none) whose default costs the node the largest
        share of its income; ``share`` and ``direct_share`` (float64) of it.
    """
    xp = backend.xp
    exposure = exposures(graph, edges, settings, backend)
    firms = candidates(graph, edges, settings.n_firms, backend)
    share, direct = xp.zeros(graph.n_nodes), xp.zeros(graph.n_nodes)
    firm = xp.full(graph.n_nodes, -1, dtype="int64")
    step = batch_size(graph.n_nodes, backend)
    parts = []
    for start in range(0, int(firms.shape[0]), step):
        mine = firms[start : start + step]
        found = impacts(exposure, mine, settings.recovery, backend)
        parts.append(_outcome(graph, mine, found, xp))
        best = xp.argmax(found.lost, axis=1)
        rows = xp.arange(graph.n_nodes)
        lost = found.lost[rows, best]
        is_worse = lost > share
        share = xp.where(is_worse, lost, share)
        direct = xp.where(is_worse, found.direct[rows, best], direct)
        firm = xp.where(is_worse, mine[best], firm)
    worst = {
        "key": graph.key,
        "firm_key": xp.where(firm >= 0, graph.key[firm], xp.int64(0)),
        "share": share,
        "direct_share": direct,
    }
    return _ranked(parts, backend), worst


def _outcome(graph: Graph, firms: Any, found: Any, xp: Any) -> dict[str, Any]:
    is_customer = graph.is_customer[:, None]
    hit = (found.lost >= TELLING) & is_customer
    case = xp.arange(firms.shape[0])
    stopped = (found.distress >= _STOPPED) & is_customer
    stopped[firms, case] = False
    most = xp.argmax(found.lost * is_customer, axis=0)
    return {
        "key": graph.key[firms],
        "is_customer": graph.is_customer[firms],
        "debtrank": found.debtrank,
        "debtrank_direct": found.debtrank_direct,
        "n_hit": hit.sum(axis=0).astype("int64"),
        "n_stopped": stopped.sum(axis=0).astype("int64"),
        "farthest": xp.where(hit, found.step, 0).max(axis=0).astype("int32"),
        "most_hit_key": graph.key[most],
        "most_hit_share": (found.lost * is_customer)[most, case],
    }


def _ranked(parts: list[dict[str, Any]], backend: Backend) -> dict[str, Any]:
    xp = backend.xp
    if not parts:
        return {
            **{n: xp.empty(0, dtype="int64") for n in ("key", "n_hit", "n_stopped")},
            **{n: xp.empty(0) for n in ("debtrank", "debtrank_direct", "most_hit_share")},
            "most_hit_key": xp.empty(0, dtype="int64"),
            "farthest": xp.empty(0, dtype="int32"),
            "is_customer": xp.empty(0, dtype=bool),
        }
    whole = {name: xp.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = backend.lexsort((-whole["debtrank"], xp.arange(whole["key"].shape[0])))
    return {name: values[order] for name, values in whole.items()}
