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
    worst : dict of arrays, shape (n_reached,)
        ``key`` of the nodes that a default can reach, and of the firms; ``firm_key`` (int64, 0
        where none) whose default costs the node the largest
        share of its income; ``share`` and ``direct_share`` (float64) of it.
    """
    xp = backend.xp
    firms = candidates(graph, edges, settings.n_firms, backend)
    exposure = exposures(graph, edges, settings, backend, first=firms)
    key, is_customer = graph.key[exposure.node], graph.is_customer[exposure.node]
    rows = xp.arange(key.shape[0])
    firm = xp.searchsorted(exposure.node, firms)
    worst = {
        "key": key,
        "firm_key": xp.zeros(key.shape[0], dtype="int64"),
        "share": xp.zeros(key.shape[0]),
        "direct_share": xp.zeros(key.shape[0]),
    }
    step = batch_size(int(key.shape[0]), backend)
    parts = []
    for start in range(0, int(firm.shape[0]), step):
        mine = firm[start : start + step]
        found = impacts(exposure, mine, settings.recovery, backend)
        parts.append(_outcome(key, is_customer, mine, found, xp))
        best = xp.argmax(found.lost, axis=1)
        case = {
            "firm_key": key[mine[best]],
            "share": found.lost[rows, best],
            "direct_share": found.direct[rows, best],
        }
        is_worse = case["share"] > worst["share"]
        worst |= {name: xp.where(is_worse, case[name], worst[name]) for name in case}
    return _ranked(parts, backend), worst


def _outcome(key: Any, is_customer: Any, firms: Any, found: Any, xp: Any) -> dict[str, Any]:
    own_book = is_customer[:, None]
    hit = (found.lost >= TELLING) & own_book
    case = xp.arange(firms.shape[0])
    stopped = (found.distress >= _STOPPED) & own_book
    stopped[firms, case] = False
    most = xp.argmax(found.lost * own_book, axis=0)
    return {
        "key": key[firms],
        "is_customer": is_customer[firms],
        "debtrank": found.debtrank,
        "debtrank_direct": found.debtrank_direct,
        "n_hit": hit.sum(axis=0).astype("int64"),
        "n_stopped": stopped.sum(axis=0).astype("int64"),
        "farthest": xp.where(hit, found.step, 0).max(axis=0).astype("int32"),
        "most_hit_key": key[most],
        "most_hit_share": (found.lost * own_book)[most, case],
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
