"""Round trips: money that leaves a party and is back within days, over up to five payments.

Only payments between parties that both pay and are paid (again and again, until none is left
that only pays or is only paid) can be on a cycle, so only those are ever held together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qfb_gpu.keys import ascending_rows, distinct, find, first_in_run
from qfb_gpu.network.graph import Graph, build_graph
from qfb_gpu.network.numbers import Numbers
from qfb_kernels import cycles as kernels
from qfb_kernels.closing import closes_cpu, closes_gpu

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qfb_gpu._config.network import RoundTrips
    from qfb_gpu.backend import Backend

MOST_TRIPS = 2_000_000
"""So many trips are kept at most; those of later first payments are counted, not kept."""
_MOST_ROUNDS = 1000
_CLOSING_LOOKS = 64
"""From one edge; where parties have many partners nearly every edge is on a cycle."""
_READ = ("currency", "n_payments", "amount_minor", "side")
_BYTES_A_FIRST = 96
"""What a first payment takes while trips are searched from it."""
_BUDGETS = 4
"""Host batches are sized for caches; what searches keep may take some of them."""


@dataclass(frozen=True, slots=True)
class Loops:
    """The edges that may be on a cycle, a currency apart from the others.

    Attributes
    ----------
    key, currency : int64 and int16, shape (n_nodes,)
        What each node is: a party in one currency.
    code : int64, shape (n_edges,), ascending
        Payer and payee: ``payer * n_nodes + payee``.
    side : int8, shape (n_edges,)
        Whose book counts.
    party_keys : int64, shape (n_parties,), ascending
    currencies : int16, shape (n_currencies,), ascending
    place : int64, shape (n_parties * n_currencies,)
        The node of a party in a currency, -1 where none is left.
    """

    key: Any
    currency: Any
    code: Any
    side: Any
    party_keys: Any
    currencies: Any
    place: Any


def loops(edges: dict[str, Any], backend: Backend, *, graph: Graph | None = None) -> Loops:
    """Return the edges that may be on a cycle.

    Who only pays or is only paid is left out, repeatedly; of the edges that are left then, those
    that lead back within as many payments as a trip has at most.

    Parameters
    ----------
    edges : dict
        Merged edges.
    backend : Backend
    graph : Graph, optional
        Of these edges, where it is there already.
    """
    xp = backend.xp
    graph = build_graph(edges, backend) if graph is None else graph
    currencies = distinct(edges["currency"], xp)
    n = max(int(currencies.shape[0]), 1)
    kept = xp.nonzero(graph.source != graph.target)[0]
    kind = xp.searchsorted(currencies, edges["currency"][graph.edge[kept]])
    payer, payee = graph.source[kept] * n + kind, graph.target[kept] * n + kind
    for _ in range(_MOST_ROUNDS):
        pays, is_paid = (xp.zeros(graph.n_nodes * n, dtype=bool) for _ in range(2))
        pays[payer] = True
        is_paid[payee] = True
        goes_on = is_paid[payer] & pays[payee]
        if bool(goes_on.all()):
            break
        kept, payer, payee = kept[goes_on], payer[goes_on], payee[goes_on]
    del pays, is_paid, goes_on, payer, payee, kind
    row, ends = graph.edge[kept], _ends(graph, kept, xp)
    return _numbered({name: edges[name][row] for name in _READ}, ends, backend)


def _ends(graph: Graph, kept: Any, xp: Any) -> Numbers:
    """Return the numbers that some edges' ends have by key; nodes are sorted, not ends."""
    ends = graph.source[kept], graph.target[kept]
    is_there = xp.zeros(graph.n_nodes, dtype=bool)
    for one in ends:
        is_there[one] = True
    node = xp.nonzero(is_there)[0]
    node = node[xp.argsort(graph.key[node])]
    place = xp.empty(graph.n_nodes, dtype="int32")
    place[node] = xp.arange(node.shape[0], dtype="int32")
    return Numbers(graph.key[node], *(place[one] for one in ends))


def _numbered(edges: dict[str, Any], ends: Numbers, backend: Backend) -> Loops:
    """Return these edges without those on no short cycle, nodes numbered by what they do here."""
    xp = backend.xp
    graph = build_graph(edges, backend, ends=ends)
    currencies = distinct(edges["currency"], xp)
    n = max(int(currencies.shape[0]), 1)
    kind = xp.searchsorted(currencies, edges["currency"])[graph.edge]
    payer, payee = graph.source * n + kind, graph.target * n + kind
    n_kinds = graph.n_nodes * n
    order = xp.argsort(payer * n_kinds + payee)
    payer, payee = payer[order], payee[order]
    closes = _may_close(payer, payee, n_kinds, backend)
    order, payer, payee = order[closes], payer[closes], payee[closes]
    node = distinct(xp.concatenate([payer, payee]), xp)
    party = distinct(node // n, xp)
    by_key = xp.argsort(graph.key[party])
    row = xp.empty(party.shape[0], dtype="int64")
    row[by_key] = xp.arange(party.shape[0], dtype="int64")
    place = xp.full(party.shape[0] * n, -1, dtype="int64")
    place[row[xp.searchsorted(party, node // n)] * n + node % n] = xp.arange(node.shape[0])
    payer, payee = xp.searchsorted(node, payer), xp.searchsorted(node, payee)
    return Loops(
        graph.key[node // n],
        currencies[node % n] if node.shape[0] else currencies[:0],
        payer * node.shape[0] + payee,
        edges["side"][graph.edge[order]],
        graph.key[party[by_key]],
        currencies,
        place,
    )


def _may_close(payer: Any, payee: Any, n_nodes: int, backend: Backend) -> Any:
    """Return which edges, sorted by payer and payee, may be on a cycle of as many as a trip has."""
    xp = backend.xp
    start = xp.searchsorted(payer, xp.arange(n_nodes + 1)).astype("int64")
    may_close = xp.zeros(payer.shape[0], dtype=bool)
    given = (start, payee, payer, _CLOSING_LOOKS, may_close)
    backend.launch(closes_cpu, closes_gpu, int(payer.shape[0]), *given)
    return may_close


def edge_of(found: Loops, relations: dict[str, Any], backend: Backend) -> Any:
    """Return the edge of each relation, -1 where it is on no cycle or the other side counts.

    Parameters
    ----------
    found : Loops
    relations : dict of arrays, shape (n_relations,)
        ``payer_key``, ``payee_key``, ``currency``, ``side``.
    backend : Backend
    """
    xp = backend.xp
    if found.code.shape[0] == 0:
        return xp.full(relations["side"].shape[0], -1, dtype="int64")
    payer = _place(found, relations["payer_key"], relations["currency"], xp)
    payee = _place(found, relations["payee_key"], relations["currency"], xp)
    code = xp.where((payer >= 0) & (payee >= 0), payer * found.key.shape[0] + payee, -1)
    row, is_there = find(found.code, code, xp)
    return xp.where(is_there & (found.side[row] == relations["side"]), row, -1)


def _place(found: Loops, key: Any, currency: Any, xp: Any) -> Any:
    row, is_party = find(found.party_keys, key, xp)
    kind, is_currency = find(found.currencies, currency, xp)
    place = found.place[row * found.currencies.shape[0] + kind]
    return xp.where(is_party & is_currency, place, -1)


@dataclass(frozen=True, slots=True)
class Trips:
    """Trips and the payments they are made of.

    Attributes
    ----------
    payment : int64, shape (n_trips, 5)
        Rows of ``day``, ``amount_minor``, ``pair``; -1 after the last.
    day, amount_minor, pair : shape (n_payments,)
        Sorted by payer, payee, day and amount; ``pair`` (int32) is a row of ``pair_source``.
    pair_source : int64, shape (n_pairs,)
        The payer, a node of :class:`Loops`.
    n_unfinished : int
        First payments whose search was cut short by ``max_looks``.
    n_not_kept : int
        Trips beyond ``MOST_TRIPS``.
    """

    payment: Any
    day: Any
    amount_minor: Any
    pair: Any
    pair_source: Any
    n_unfinished: int
    n_not_kept: int


def find_trips(
    found: Loops,
    dated: Iterable[tuple[Any, Any, Any]],
    settings: RoundTrips,
    backend: Backend,
) -> Trips:
    """Find the trips of dated payments.

    Parameters
    ----------
    found : Loops
    dated : iterable of (int32 array, int32 array, int64 array), each of shape (n_payments,)
        Of some payments at a time the edge, the day and the amount in minor units; payments that
        are not positive (reversals) are left out. Whoever gives them one after the other, and
        keeps none, has them in memory once.
    settings : RoundTrips
    backend : Backend
    """
    edge, day, amount = ascending_rows(_together(dated, backend), backend)
    pair, pairs = _pairs(found, edge, amount, backend)
    del edge
    settled = (settings.window_days, settings.longest, settings.max_looks)
    share = backend.xp.asarray([settings.amount_share], dtype="float64")
    trips, n_unfinished, n_not_kept = _search((day, amount, pair, *pairs), settled, share, backend)
    trips = trips[_once(trips, day, pair, pairs[0], backend)]
    return Trips(trips, day, amount, pair, pairs[0], n_unfinished, n_not_kept)


def _together(dated: Iterable[tuple[Any, Any, Any]], backend: Backend) -> tuple[Any, ...]:
    """Return edge, day and amount of all payments that are positive."""
    parts = []
    for edge, day, amount in dated:
        positive = amount > 0
        parts.append((edge[positive], day[positive], amount[positive]))
    columns = [list(column) for column in zip(*parts, strict=True)]
    del parts
    return tuple(backend.xp.concatenate(columns.pop(0)) for _ in range(len(columns)))


def _pairs(found: Loops, edge: Any, amount: Any, backend: Backend) -> tuple[Any, tuple[Any, ...]]:
    """Return the pair of payer and payee of each payment, and pairs as the kernel reads them."""
    xp = backend.xp
    n, n_nodes = int(edge.shape[0]), int(found.key.shape[0])
    is_first = first_in_run(edge, xp)
    pair = xp.cumsum(is_first, dtype="int32") - xp.int32(1)
    first = xp.nonzero(is_first)[0]
    pair_start = xp.append(first, n).astype("int64")
    pair_source = found.code[edge[first]] // max(n_nodes, 1)
    pair_target = found.code[edge[first]] % max(n_nodes, 1)
    nodes = xp.arange(n_nodes + 1)
    node_start = xp.searchsorted(pair_source, nodes).astype("int64")
    in_pair = xp.argsort(pair_target, kind="stable").astype("int64")
    in_start = xp.searchsorted(pair_target[in_pair], nodes).astype("int64")
    pair_range = xp.empty((int(first.shape[0]), 2), dtype="int64")
    given = (amount, pair_start, pair_range)
    backend.launch(kernels.ranges_cpu, kernels.ranges_gpu, int(first.shape[0]), *given)
    return pair, (
        pair_source, pair_start, pair_range, pair_target, node_start, in_start, in_pair,
    )  # fmt: skip


def _search(
    arrays: tuple[Any, ...], settled: tuple[int, ...], share: Any, backend: Backend
) -> tuple[Any, int, int]:
    """Return trips, first payments cut short and trips not kept, some first payments at a time."""
    xp = backend.xp
    n = int(arrays[0].shape[0])
    none = xp.full((0, kernels.LONGEST), -1, dtype="int64")
    room = max(_BUDGETS * backend.memory_budget_bytes() // _BYTES_A_FIRST, 1)
    parts, n_unfinished, n_trips, n_kept = [none], 0, 0, 0
    for start in range(0, n, room):
        size = min(room, n - start)
        bounds = xp.asarray([*settled, start], dtype="int64")
        path = xp.zeros((size, kernels.LONGEST), dtype="int32")
        at = xp.zeros((size, kernels.LONGEST), dtype="int64")
        counts = xp.zeros((size, 2), dtype="int64")
        first = xp.full(size, -1, dtype="int64")
        given = (*arrays, bounds, share, path, at, counts)
        backend.launch(kernels.trips_cpu, kernels.trips_gpu, size, *given, first, none)
        n_unfinished += int(counts[:, 1].sum())
        ends = xp.cumsum(counts[:, 0])
        fits = (ends + n_trips <= MOST_TRIPS) & (counts[:, 0] > 0)
        n_here = int(counts[:, 0][fits].sum())
        first = xp.where(fits, ends - counts[:, 0], -2)
        n_trips += int(ends[-1])
        n_kept += n_here
        if n_here:
            trips = xp.full((n_here, kernels.LONGEST), -1, dtype="int64")
            backend.launch(kernels.trips_cpu, kernels.trips_gpu, size, *given, first, trips)
            parts.append(trips)
    return xp.concatenate(parts), n_unfinished, n_trips - n_kept


def _once(trips: Any, day: Any, pair: Any, pair_source: Any, backend: Backend) -> Any:
    """Return which trips to keep: one all on a day is found from several of its parties.

    It is kept from the first of these by number: amounts are held against the first payment, so
    not every party need be among them.
    """
    xp = backend.xp
    length = (trips >= 0).sum(axis=1)
    last = trips[xp.arange(trips.shape[0]), length - 1]
    kept = day[last] > day[trips[:, 0]]
    of_a_day = xp.nonzero(~kept)[0]
    if int(of_a_day.shape[0]) == 0:
        return kept
    trips, length = trips[of_a_day], length[of_a_day][:, None]
    there = trips >= 0
    party = xp.where(there, pair_source[pair[trips]], pair_source.max() + 1)
    hop = (party.argmin(axis=1)[:, None] + xp.arange(trips.shape[1])) % length
    way = xp.where(there, xp.take_along_axis(party, hop, axis=1), -1)  # from its lowest party on
    way = xp.concatenate([way, day[trips[:, :1]]], axis=1)
    columns = (way[:, at] for at in range(way.shape[1]))
    order = backend.lexsort((*columns, party[:, 0]))
    begins = first_in_run(way[order], xp)
    begin = xp.nonzero(begins)[0][xp.cumsum(begins) - 1]
    home = party[order, 0]
    kept[of_a_day[order]] = home == home[begin]
    return kept


def summed(trips: Trips, found: Loops, backend: Backend) -> dict[str, Any]:
    """Return a row for each sequence of parties that money went round by.

    Returns
    -------
    dict of arrays, shape (n_rows,); most trips first
        ``parties`` (int64, shape (n_rows, 5)): keys, 0 after the last; ``currency`` (int16),
        ``length`` (int32), ``n_trips`` (int64), ``first_date``, ``last_date`` (int32), ``days``
        (int32, of the shortest), ``amount_minor`` (int64, what left the first party),
        ``returned_share`` (float64).
    """
    xp = backend.xp
    n = int(trips.payment.shape[0])
    length = (trips.payment >= 0).sum(axis=1)
    last = trips.payment[xp.arange(n), length - 1]
    first = trips.payment[:, 0]
    payer = trips.pair_source[trips.pair[trips.payment]]
    node = xp.where(trips.payment >= 0, payer, -1)
    start, stop = trips.day[first].astype("int64"), trips.day[last].astype("int64")
    path = tuple(node[:, hop] for hop in range(kernels.LONGEST))
    columns = {"out": trips.amount_minor[first], "back": trips.amount_minor[last],
               "start": start, "stop": stop, "span": stop - start}  # fmt: skip
    by = {name: backend.lexsort((*path, columns[name])) for name in ("start", "stop", "span")}
    rows = node[by["start"]]
    begin = xp.nonzero(first_in_run(rows, xp))[0]
    end = xp.append(begin[1:], n) if n else begin
    group = {name: values[by["start"]] for name, values in columns.items()}
    sums = {name: _between(group[name], begin, end, xp) for name in ("out", "back")}
    row = rows[begin]
    order = backend.lexsort((-(end - begin), -sums["out"], *(row[:, hop] for hop in range(5))))
    row = row[order]
    key = xp.where(row >= 0, found.key[row], 0) if n else row
    out, back = sums["out"][order], sums["back"][order]
    return {
        "parties": key,
        "currency": found.currency[row[:, 0]] if n else xp.empty(0, dtype="int16"),
        "length": (row >= 0).sum(axis=1).astype("int32"),
        "n_trips": (end - begin)[order].astype("int64"),
        "first_date": columns["start"][by["start"]][begin][order].astype("int32"),
        "last_date": columns["stop"][by["stop"]][end - 1][order].astype("int32"),
        "days": columns["span"][by["span"]][begin][order].astype("int32"),
        "amount_minor": out,
        "returned_share": back / xp.maximum(out, 1),
    }


def _between(values: Any, begin: Any, end: Any, xp: Any) -> Any:
    running = xp.zeros(values.shape[0] + 1, dtype="int64")
    running[1:] = xp.cumsum(values)
    return running[end] - running[begin]
