"""Contagion in the night: whose default would cost most, and on whom each customer depends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu import network
from qfb_gpu.keys import find
from qfb_gpu.ledger import Labelled
from qfb_gpu.parts import payment_graph
from qfb_gpu.parts.names import names_of
from qfb_gpu.parts.part import PAYMENT_GRAPH, PROFILE, Columns, Part

if TYPE_CHECKING:
    from qfb_gpu.parts.part import Saved

_FIRM = (
    "is_customer", "debtrank", "debtrank_direct", "n_hit", "n_stopped", "farthest",
    "most_hit_share",
)  # fmt: skip
_MEMBER = ("tier", "share", "chain_share")


def _fit(saved: Saved) -> dict[str, Columns]:
    backend = saved.backend
    settings = saved.config.network.contagion
    edges, graph = payment_graph.read(saved)
    firms, worst = network.systemic(graph, edges, settings, backend)
    found = {
        "firms": firms,
        "worst": worst,
        "chains": network.chains(graph, edges, settings, backend),
    }
    host = {
        name: {key: backend.to_host(values) for key, values in columns.items()}
        for name, columns in found.items()
    }
    order = np.argsort(host["worst"]["key"])
    ordered = {name: values[order] for name, values in host["worst"].items()}
    ordered["firm_id"] = names_of(saved, ordered["firm_key"])
    return {**host, "worst": ordered}


def _publish(saved: Saved, bucket: int) -> dict[str, Columns]:
    worst = saved.fitted("worst")
    keys = saved.customers(bucket)["customer_key"]
    row, is_there = find(worst["key"], keys, np)
    columns = {
        "graph_depends_on": _taken(worst["firm_id"], row, is_there),
        "graph_dependence_share": _numbers(worst["share"], row, is_there),
        "graph_dependence_direct_share": _numbers(worst["direct_share"], row, is_there),
    }
    return {PROFILE: columns}


def _taken(texts: Any, row: Any, is_there: Any) -> Any:
    import pyarrow as pa

    return texts.take(pa.array(row, mask=~is_there))


def _numbers(values: Any, row: Any, is_there: Any) -> Any:
    out = np.zeros(row.shape[0])
    out[is_there] = values[row[is_there]]
    return out


def _whole(saved: Saved) -> dict[str, Columns]:
    firms, chains = saved.fitted("firms"), saved.fitted("chains")
    return {
        "contagion": {
            "firm_id": names_of(saved, firms["key"]),
            "most_hit_id": names_of(saved, firms["most_hit_key"] * (firms["most_hit_share"] > 0)),
            **{name: firms[name] for name in _FIRM},
        },
        "supply_chains": {
            "core_id": names_of(saved, chains["core_key"]),
            "member_id": names_of(saved, chains["member_key"]),
            "side": Labelled(chains["side"].astype(np.int32), network.SIDES),
            "via_id": names_of(saved, chains["via_key"]),
            **{name: chains[name] for name in _MEMBER},
        },
    }


CONTAGION = Part(
    name="contagion",
    what="who is hit where a firm stops paying",
    whole_tables=("contagion", "supply_chains"),
    waits=PAYMENT_GRAPH,
    on_device=True,
    fit=_fit,
    publish=_publish,
    whole=_whole,
)
