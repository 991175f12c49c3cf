"""Patterns of the payment network: round trips, fans, who is alike, who may deal next."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu import network
from qfb_gpu.currencies import currency_name
from qfb_gpu.keys import find
from qfb_gpu.ledger import Labelled
from qfb_gpu.parts import payment_graph
from qfb_gpu.parts.names import names_of
from qfb_gpu.parts.part import PAYMENT_GRAPH, PROFILE, Columns, Part
from qfb_gpu.schema import DIRECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qfb_gpu.parts.part import Given, Saved

_OUT = DIRECTIONS.index("out")
_NODES = ("customer", "similar", "partner", "via")
_TRIP = (
    "length", "n_trips", "first_date", "last_date", "days", "amount_minor", "returned_share",
)  # fmt: skip


def _score(given: Given) -> dict[str, Columns]:
    """Keep what dated payments take to be found again: 20 bytes each, of the days looked back."""
    ledger, backend = given.ledger, given.backend
    asked = given.config.network.round_trips
    relation = ledger.relation_of_payment(backend, "int32")
    seen = ledger.day > given.as_of_day - asked.lookback_days
    seen &= (ledger.counterparty_key != 0)[relation] & (ledger.amount_minor > 0)
    dated = {
        "relation": relation[seen],
        "day": ledger.day[seen],
        "amount_minor": ledger.amount_minor[seen],
    }
    peaks = network.fan_peaks(
        ledger, given.as_of_day, asked.lookback_days, asked.window_days, backend
    )
    return {"dated": dated, "fans": {f"graph_{name}": peak for name, peak in peaks.items()}}


def _fit(saved: Saved) -> Iterator[tuple[str, Columns]]:
    """Work on one pattern after the other: the arrays of one are gone before the next is begun."""
    edges, graph = payment_graph.read(saved)
    yield from _likeness(saved, edges, graph)
    yield from _round_trips(saved, edges, graph).items()


def _round_trips(saved: Saved, edges: dict[str, Any], graph: network.Graph) -> dict[str, Columns]:
    backend, asked = saved.backend, saved.config.network.round_trips
    found = network.loops(edges, backend, graph=graph)
    dated = (_of_loops(saved, bucket, found) for bucket in saved.buckets)
    trips = network.find_trips(found, dated, asked, backend)
    rows = network.summed(trips, found, backend)
    host = {name: backend.to_host(values) for name, values in rows.items()}
    parties = host.pop("parties")
    there = parties != 0
    members, member = np.unique(parties[there], return_inverse=True)
    n_trips = np.bincount(member, weights=np.repeat(host["n_trips"], there.sum(axis=1)))
    cut = {
        "n_unfinished": np.array([trips.n_unfinished]),
        "n_not_kept": np.array([trips.n_not_kept]),
    }
    return {
        "trips": {**host, **{f"party_{hop}": parties[:, hop] for hop in range(parties.shape[1])}},
        "members": {"key": members, "n_trips": n_trips.astype(np.int32)},
        "cut": cut,
    }


def _likeness(
    saved: Saved, edges: dict[str, Any], graph: network.Graph
) -> Iterator[tuple[str, Columns]]:
    """Give pairs of similar customers, then of likely partners, by key."""
    backend, asked = saved.backend, saved.config.network.likeness

    def by_key(columns: dict[str, Any]) -> Columns:
        """Return columns with nodes as keys; they leave the ones given, one by one."""
        names = list(columns)
        of_key = ((name, columns.pop(name)) for name in names)  # one number less, one key more
        return {
            name: backend.to_host(graph.key[values] if name in _NODES else values)
            for name, values in of_key
        }

    deal_with = network.partners(graph, edges, asked, backend)
    alike = network.similar(deal_with, asked, backend)
    del deal_with
    yield "similar", by_key(alike)
    yield "likely", by_key(network.likely_partners(graph, asked, backend))


def _of_loops(saved: Saved, bucket: int, found: network.Loops) -> tuple[Any, Any, Any]:
    """Return edge, day and amount of the payments of a bucket that may be on a cycle."""
    backend = saved.backend
    relations, customers = saved.relations(bucket), saved.customers(bucket)
    customer = customers["customer_key"][relations["customer"]]
    is_out = relations["direction"] == _OUT
    other = relations["counterparty_key"]
    columns = {
        "payer_key": np.where(is_out, customer, other),
        "payee_key": np.where(is_out, other, customer),
        "currency": relations["currency"],
        "side": np.where(is_out, 0, 1).astype(np.int8),
    }
    placed = {name: backend.asarray(values) for name, values in columns.items()}
    edge_of_relation = backend.to_host(network.edge_of(found, placed, backend)).astype(np.int32)
    dated = saved.scored("dated", bucket)
    edge = edge_of_relation[dated["relation"]]
    inside = edge >= 0
    return (
        backend.asarray(edge[inside]),
        backend.asarray(dated["day"][inside]),
        backend.asarray(dated["amount_minor"][inside]),
    )


def _publish(saved: Saved, bucket: int) -> dict[str, Columns]:
    members = saved.fitted("members")
    keys = saved.customers(bucket)["customer_key"]
    n_trips = np.zeros(keys.shape[0], dtype=np.int32)
    row, is_there = find(members["key"], keys, np)
    n_trips[is_there] = members["n_trips"][row[is_there]]
    return {PROFILE: {**saved.scored("fans", bucket), "graph_n_round_trips": n_trips}}


def _whole(saved: Saved) -> dict[str, Columns]:
    similar, likely = saved.fitted("similar"), saved.fitted("likely")
    return {
        "round_trips": _trip_table(saved, saved.fitted("trips"), saved.fitted("cut")),
        "similar_customers": {
            "customer_id": names_of(saved, similar["customer"]),
            "similar_id": names_of(saved, similar["similar"]),
            **{name: similar[name] for name in ("rank", "similarity", "jaccard", "n_shared")},
        },
        "likely_partners": {
            "customer_id": names_of(saved, likely["customer"]),
            "partner_id": names_of(saved, likely["partner"]),
            "via_id": names_of(saved, likely["via"]),
            **{name: likely[name] for name in ("rank", "score")},
        },
    }


def _trip_table(saved: Saved, trips: Columns, cut: Columns) -> Columns:
    keys = np.stack([trips[f"party_{hop}"] for hop in range(5)], axis=1)
    names = names_of(saved, keys.ravel()).to_pylist()
    rows = [names[5 * row : 5 * row + 5] for row in range(keys.shape[0])]
    parties = [json.dumps([one for one in row if one is not None], ensure_ascii=False)
               for row in rows]  # fmt: skip
    codes, index = np.unique(trips["currency"], return_inverse=True)
    labels = tuple(currency_name(int(code)) for code in codes)
    return {
        "currency": Labelled(index.astype(np.int32), labels),
        "parties": pa.array(parties, pa.string()),
        **{name: trips[name] for name in _TRIP},
        "is_complete": np.full(keys.shape[0], not any(cut[name][0] for name in cut)),
    }


NETWORK = Part(
    name="network",
    what="round trips of money, similar customers and likely partners",
    whole_tables=("round_trips", "similar_customers", "likely_partners"),
    read_by_fit=("dated",),
    score=_score,
    waits=PAYMENT_GRAPH,
    on_device=True,
    fit=_fit,
    publish=_publish,
    whole=_whole,
)
