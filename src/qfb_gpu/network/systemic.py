"""Each firm on which much hangs: what its default would do, and each customer's worst case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu._backend.distress import one_by_one
from qfb_gpu._backend.tall import most_down, place_of_most, sum_down
from qfb_gpu.keys import first_in_run
from qfb_gpu.network.debtrank import LEAST
from qfb_gpu.network.dependence import income_shares
from qfb_gpu.network.whatif import (
    Exposure,
    Impact,
    batch_size,
    candidates,
    exposures,
    impacts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qfb_gpu._backend.distress import Reach
    from qfb_gpu._config.network import Contagion
    from qfb_gpu.backend import Backend
    from qfb_gpu.network.graph import Graph

    Some = tuple[Any, Any, Impact]

TELLING = 0.01
"""Share of a year's income from which a loss counts as a hit."""
_STOPPED = 1 - 1e-9
_ROUNDED = 1 + 1e-12


def systemic(
    graph: Graph, edges: dict[str, Any], settings: Contagion, backend: Backend
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Let each of the ``n_firms`` on which most hangs stop paying, one at a time.

    Returns
    -------
    firms : dict of arrays, shape (n_firms,), highest DebtRank first
        ``key`` (int64), ``is_customer``, ``debtrank``, ``debtrank_direct``, ``n_hit``,
        ``n_stopped`` (int64), ``farthest`` (int32), ``most_hit_key`` (int64, 0
        where no customer is hit), ``most_hit_share``.
    worst : dict of arrays, shape (n_hit,)
        ``key`` of the nodes that lose by a default; ``firm_key`` (int64) whose default costs the
        node the largest share of its income; ``share`` and ``direct_share`` (float64) of it. Of the
        firms that are tried and the node's own largest payer: of one that is not tried both are
        what the node loses directly.
    """
    xp = backend.xp
    firms = candidates(graph, edges, settings.n_firms, backend)
    exposure = exposures(graph, edges, settings, backend, first=firms)
    key, is_customer = graph.key[exposure.node], graph.is_customer[exposure.node]
    n = int(key.shape[0])
    firm = xp.searchsorted(exposure.node, firms)
    worst = {"case": xp.zeros(n, dtype="int32"), "share": xp.zeros(n), "direct": xp.zeros(n)}
    tried = backend.either(_one_by_one, _together)
    if firm.shape[0] == 1 or 1.0 - settings.recovery <= LEAST:  # next to no work either way
        tried = _together
    parts, n_tried = [], 0
    for node, mine, found in tried(exposure, firm, settings.recovery, backend):
        parts.append(_outcome(key[node], is_customer[node], mine, found, backend))
        best = xp.argmax(found.lost, axis=1)
        row = xp.arange(best.shape[0])
        share = found.lost[row, best]
        is_worse = share > worst["share"][node]
        at, row, best = node[is_worse], row[is_worse], best[is_worse]
        worst["case"][at] = n_tried + best
        worst["share"][at] = share[is_worse]
        worst["direct"][at] = found.direct[row, best]
        n_tried += int(mine.shape[0])
    of_tried = key[firm[worst["case"]]] if n_tried else xp.zeros(n, dtype="int64")
    payer, share = _largest_payers(graph, edges, settings, backend)
    direct = share[exposure.node] * (1.0 - settings.recovery) * (n_tried > 0)
    is_worse = direct > worst["share"] * _ROUNDED
    firm_key = xp.where(is_worse, graph.key[payer[exposure.node]], of_tried)
    lost = xp.where(is_worse, direct, worst["share"])
    hit = xp.nonzero(lost > 0)[0]
    return _ranked(parts, backend), {
        "key": key[hit],
        "firm_key": firm_key[hit],
        "share": lost[hit],
        "direct_share": xp.where(is_worse, direct, worst["direct"])[hit],
    }


def _largest_payers(
    graph: Graph, edges: dict[str, Any], settings: Contagion, backend: Backend
) -> tuple[Any, Any]:
    """Return each node's largest payer (0 where none), the lowest of equals, and its share.

    Of the node's yearly income: float64, shape (n_nodes,).
    """
    xp = backend.xp
    everyone = settings.outsiders == "pass_on"
    shares = income_shares(graph, edges, backend, everyone=everyone)
    source, target, share = graph.by_pair(shares, xp)
    some = xp.nonzero(share > 0)[0]
    source, target, share = source[some], target[some], share[some]
    order = backend.lexsort((target, -xp.round(share, 12), source))
    best = order[first_in_run(target[order], xp)]
    payer, largest = xp.zeros(graph.n_nodes, dtype="int64"), xp.zeros(graph.n_nodes)
    payer[target[best]], largest[target[best]] = source[best], share[best]
    return payer, largest


def _together(exposure: Exposure, firm: Any, recovery: float, backend: Backend) -> Iterator[Some]:
    """Yield nodes, rows of some firms among them, and what follows: all nodes, a batch of firms."""
    node = backend.xp.arange(exposure.node.shape[0])
    step = batch_size(int(node.shape[0]), backend)
    for start in range(0, int(firm.shape[0]), step):
        mine = firm[start : start + step]
        yield node, mine, impacts(exposure, mine, recovery, backend)


def _one_by_one(exposure: Exposure, firm: Any, recovery: float, backend: Backend) -> Iterator[Some]:
    """Yield the same of one firm after the other: only the nodes that its distress comes to."""
    share = exposure.share.T.tocsr()
    impact = share if exposure.impact is exposure.share else exposure.impact.T.tocsr()
    reaches = one_by_one(impact, share, firm, 1.0 - recovery, LEAST)
    for at, found in zip(firm.tolist(), reaches, strict=True):
        row, near = _impact(exposure.value, (impact, share), at, found, 1.0 - recovery, backend)
        yield found.node, row, near


def _impact(
    value: Any, passed_to: tuple[Any, Any], firm: int, found: Reach, amount: float, backend: Backend
) -> tuple[Any, Impact]:
    """Return the row of a firm among the nodes it comes to, and what follows for these."""
    xp = backend.xp
    node = found.node
    mine = xp.searchsorted(node, xp.asarray([firm]))
    entries = slice(*(int(passed_to[0].indptr[firm + more]) for more in range(2)))
    taker = passed_to[0].indices[entries]
    first, direct = xp.minimum(passed_to[0].data[entries] * amount, 1.0), xp.zeros(node.shape[0])
    direct[xp.searchsorted(node, taker)] = passed_to[1].data[entries] * amount
    gained = found.distress[node]
    gained[mine] -= amount
    return mine, Impact(
        direct=direct[:, None],
        lost=found.lost[node][:, None],
        distress=found.distress[node][:, None],
        step=found.step[node][:, None],
        debtrank=_in_turn(value[node] * gained, xp),
        debtrank_direct=_in_turn(value[taker] * first, xp),
    )


def _in_turn(values: Any, xp: Any) -> Any:
    """Return the sum, shape (1,), added one after the other, as a matrix's rows are."""
    return xp.cumsum(xp.append(values, 0.0))[-1:]


def _outcome(
    key: Any, is_customer: Any, firms: Any, found: Any, backend: Backend
) -> dict[str, Any]:
    xp = backend.xp
    own_book = is_customer[:, None]
    hit = (found.lost >= TELLING) & own_book
    case = xp.arange(firms.shape[0])
    stopped = (found.distress >= _STOPPED) & own_book
    stopped[firms, case] = False
    lost = found.lost * own_book
    most = place_of_most(lost, backend)
    share = lost[most, case]
    return {
        "key": key[firms],
        "is_customer": is_customer[firms],
        "debtrank": found.debtrank,
        "debtrank_direct": found.debtrank_direct,
        "n_hit": sum_down(hit, backend).astype("int64"),
        "n_stopped": sum_down(stopped, backend).astype("int64"),
        "farthest": most_down(xp.where(hit, found.step, 0), backend).astype("int32"),
        "most_hit_key": xp.where(share > 0, key[most], 0),
        "most_hit_share": share,
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
