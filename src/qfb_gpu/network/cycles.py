"""Round trips: money that leaves a party and is back within days, over up to five payments.

Only payments between parties that both pay and are paid (again and again, until none is left
that only pays or is only paid) can be on a cycle, so only those are ever held together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qfb_gpu.keys import ascending_rows, distinct, find
from qfb_gpu.network.graph import build_graph
from qfb_kernels import cycles as kernels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qfb_gpu._config.network import RoundTrips
    from qfb_gpu.backend import Backend

MOST_TRIPS = 2_000_000
"""So many trips are kept at most; those of later first payments are counted, not kept."""
_MOST_ROUNDS = 1000
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


def loops(edges: dict[str, Any], backend: Backend) -> Loops:
    """Return the edges that are left when who only pays or is only paid is left out, repeatedly.

    Parameters
    ----------
    edges : dict
        Merged edges.
    backend : Backend
    """
    xp = backend.xp
    kept = xp.nonzero(edges["payer_key"] != edges["payee_key"])[0]
    payer, payee, n_kinds = _kinds({name: values[kept] for name, values in edges.items()}, xp)
    for _ in range(_MOST_ROUNDS):
        pays = xp.bincount(payer, minlength=n_kinds) > 0
        is_paid = xp.bincount(payee, minlength=n_kinds) > 0
        goes_on = is_paid[payer] & pays[payee]
        if bool(goes_on.all()):
            break
        kept, payer, payee = kept[goes_on], payer[goes_on], payee[goes_on]
    return _numbered({name: values[kept] for name, values in edges.items()}, backend)


def _kinds(edges: dict[str, Any], xp: Any) -> tuple[Any, Any, int]:
    """Return payer and payee as numbers of (party, currency)."""
    keys = distinct(xp.concatenate([edges["payer_key"], edges["payee_key"]]), xp)
    currencies, currency = xp.unique(edges["currency"], return_inverse=True)
    n = max(int(currencies.shape[0]), 1)
    payer = xp.searchsorted(keys, edges["payer_key"]) * n + currency
    payee = xp.searchsorted(keys, edges["payee_key"]) * n + currency
    return payer, payee, int(keys.shape[0]) * n


def _numbered(edges: dict[str, Any], backend: Backend) -> Loops:
    xp = backend.xp
    graph = build_graph(edges, backend)
    currencies = distinct(edges["currency"], xp)
    n_currencies = int(currencies.shape[0])
    kind = xp.searchsorted(currencies, edges["currency"])[graph.edge]
    payer, payee = graph.source * n_currencies + kind, graph.target * n_currencies + kind
    nodes = distinct(payer, xp)  # every payer is a payee, too
    payer, payee = xp.searchsorted(nodes, payer), xp.searchsorted(nodes, payee)
    code = payer * nodes.shape[0] + payee
    order = xp.argsort(code)
    party = xp.argsort(graph.key)
    place = xp.full(graph.n_nodes * n_currencies, -1, dtype="int64")
    place[nodes] = xp.arange(nodes.shape[0], dtype="int64")
    if n_currencies:
        place = place.reshape(graph.n_nodes, n_currencies)[party].reshape(-1)
        number, currency = nodes // n_currencies, currencies[nodes % n_currencies]
    else:
        number, currency = nodes, currencies
    return Loops(
        graph.key[number], currency, code[order], edges["side"][graph.edge][order],
        graph.key[party], currencies, place,
    )  # fmt: skip


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
        Rows of ``day``, ``amount_minor``, ``source``; -1 after the last.
    day, amount_minor, source : shape (n_payments,)
        Sorted by payer, payee, day and amount; ``source`` is a node of :class:`Loops`.
    n_unfinished : int
        First payments whose search was cut short by ``max_looks``.
    n_not_kept : int
        Trips beyond ``MOST_TRIPS``.
    """

    payment: Any
    day: Any
    amount_minor: Any
    source: Any
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
    ends, pairs = _pairs(found, edge, amount, backend)
    del edge
    settled = (settings.window_days, settings.longest, settings.max_looks)
    share = backend.xp.asarray([settings.amount_share], dtype="float64")
    given = (day, amount, *ends, *pairs)
    trips, n_unfinished, n_not_kept = _search(given, settled, share, backend)
    trips = trips[_once(trips, day, ends[0], backend.xp)]
    return Trips(trips, day, amount, ends[0], n_unfinished, n_not_kept)


def _together(dated: Iterable[tuple[Any, Any, Any]], backend: Backend) -> tuple[Any, ...]:
    """Return edge, day and amount of all payments that are positive."""
    parts = []
    for edge, day, amount in dated:
        positive = amount > 0
        parts.append((edge[positive], day[positive], amount[positive]))
    columns = [list(column) for column in zip(*parts, strict=True)]
    del parts
    return tuple(backend.xp.concatenate(columns.pop(0)) for _ in range(len(columns)))


def _pairs(
    found: Loops, edge: Any, amount: Any, backend: Backend
) -> tuple[tuple[Any, Any], tuple[Any, ...]]:
    """Return payer and payee of each payment, and the pairs of them as the kernel reads them."""
    xp = backend.xp
    n, n_nodes = int(edge.shape[0]), int(found.key.shape[0])
    pairs = distinct(edge, xp)
    pair_start = xp.append(xp.searchsorted(edge, pairs), n).astype("int64")
    pair_source = found.code[pairs] // max(n_nodes, 1)
    pair_target = found.code[pairs] % max(n_nodes, 1)
    nodes = xp.arange(n_nodes + 1)
    node_start = xp.searchsorted(pair_source, nodes).astype("int64")
    in_pair = xp.argsort(pair_target, kind="stable").astype("int64")
    in_start = xp.searchsorted(pair_target[in_pair], nodes).astype("int64")
    by_amount = ascending_rows((edge, amount), backend)[1]
    pair_range = xp.stack([by_amount[pair_start[:-1]], by_amount[pair_start[1:] - 1]], axis=1)
    del by_amount
    n_payments = pair_start[1:] - pair_start[:-1]
    ends = (backend.repeat(pair_source, n_payments), backend.repeat(pair_target, n_payments))
    return ends, (pair_start, pair_range, pair_target, node_start, in_start, in_pair)


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


def _once(trips: Any, day: Any, source: Any, xp: Any) -> Any:
    """Return which trips to keep: one all on a day is found from each of its parties."""
    if trips.shape[0] == 0:
        return xp.zeros(0, dtype=bool)
    last = trips[xp.arange(trips.shape[0]), (trips >= 0).sum(axis=1) - 1]
    party = xp.where(trips >= 0, source[trips], source.max())
    return (day[last] > day[trips[:, 0]]) | (party.min(axis=1) == party[:, 0])


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
    node = xp.where(trips.payment >= 0, trips.source[trips.payment], -1)
    start, stop = trips.day[first].astype("int64"), trips.day[last].astype("int64")
    path = tuple(node[:, hop] for hop in range(kernels.LONGEST))
    columns = {"out": trips.amount_minor[first], "back": trips.amount_minor[last],
               "start": start, "stop": stop, "span": stop - start}  # fmt: skip
    by = {name: backend.lexsort((*path, columns[name])) for name in ("start", "stop", "span")}
    rows = node[by["start"]]
    is_first = xp.ones(n, dtype=bool)
    is_first[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    begin = xp.nonzero(is_first)[0]
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
