"""The payment network as tables: nodes and edges by name, and each customer's place in it.

Works on the host: what is global is small beside the payments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.currencies import currency_name
from qfb_gpu.keys import distinct, find
from qfb_gpu.ledger import Labelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qfb_gpu.network.numbers import Numbers

POSITION = (
    "component_id", "community_id", "pagerank", "degree_in", "degree_out", "k_core", "triangles",
    "clustering", "core_score",
)  # fmt: skip
_OF_EDGE = (
    "n_payments", "amount_minor", "n_payments_365d", "amount_365d_minor", "first_date", "last_date",
    "income_share", "spending_share",
)  # fmt: skip
_ABSENT = {"component_id": -1, "community_id": -1}


def node_table(
    nodes: dict[str, Any], keys: np.ndarray, ids: pa.Array, customer_keys: np.ndarray
) -> dict[str, Any]:
    """Return the columns of gold ``graph_nodes``.

    Parameters
    ----------
    nodes : dict
        What :func:`qfb_gpu.network.analyse` returns, on the host.
    keys, ids : array of int64 and Arrow strings, shape (n_ids,)
        Hashes, ascending, and the ids they are of.
    customer_keys : array of int64
        The hashes of customers, in any order.
    """
    place, found = find(nodes["key"], customer_keys, np)
    is_customer = np.zeros(nodes["key"].shape[0], dtype=bool)
    is_customer[place[found]] = True
    return {
        "node_id": _names(nodes["key"], keys, ids),
        "is_customer": is_customer,
        **{name: nodes[name] for name in POSITION},
    }


def edge_tables(
    edges: dict[str, Any], ends: Numbers, ids: pa.Array, n_rows: int
) -> Iterator[dict[str, Any]]:
    """Yield the columns of gold ``graph_edges``, so many rows at a time.

    Parameters
    ----------
    edges : dict
        From :func:`qfb_gpu.network.merge_edges`, on the host.
    ends : Numbers
        Of these edges.
    ids : Arrow strings, shape (n_nodes,)
        Of the nodes, by number.
    n_rows : int
        Edges at a time; there is one table at least.
    """
    n_edges = ends.payer.shape[0]
    currencies = distinct(edges["currency"], np)
    labels = tuple(currency_name(int(code)) for code in currencies)
    for start in range(0, max(n_edges, 1), n_rows):
        some = slice(start, min(start + n_rows, n_edges))
        code = np.searchsorted(currencies, edges["currency"][some])
        yield {
            "payer_id": ids.take(pa.array(ends.payer[some])),
            "payee_id": ids.take(pa.array(ends.payee[some])),
            "currency": Labelled(code.astype(np.int32), labels),
            **{name: edges[name][some] for name in _OF_EDGE},
        }


def node_features(nodes: dict[str, Any], customer_keys: np.ndarray) -> dict[str, Any]:
    """Return each customer's place in the network as profile columns prefixed ``graph_``.

    A customer whose payments name no counterparty is in no component (-1); its rank and the rest
    are 0.

    Parameters
    ----------
    nodes : dict
        What :func:`qfb_gpu.network.analyse` returns, on the host: ascending by ``key``.
    customer_keys : array of int64, shape (n_customers,), on the host

    Returns
    -------
    dict of arrays, shape (n_customers,)
    """
    place, found = find(nodes["key"], customer_keys, np)
    row = place[found]
    columns = {}
    for name in POSITION:
        values = np.full(customer_keys.shape[0], _ABSENT.get(name, 0), dtype=nodes[name].dtype)
        values[found] = nodes[name][row]
        columns[f"graph_{name}"] = values
    return columns


def _names(wanted: np.ndarray, keys: np.ndarray, ids: pa.Array) -> pa.Array:
    return ids.take(pa.array(np.searchsorted(keys, wanted)))
