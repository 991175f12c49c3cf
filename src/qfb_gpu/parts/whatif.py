"""What if one named firm stops paying: read gold, let it spread, name who is hit."""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu import network
from qfb_gpu._config.network import Contagion
from qfb_gpu.backend import get_backend
from qfb_gpu.currencies import currency_code, currency_name
from qfb_gpu.errors import InputError
from qfb_gpu.lake import gold
from qfb_gpu.report.asked import alike
from qfb_gpu.report.whatif import Hit, WhatIf

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from qfb_gpu.backend import Backend, BackendName

_COUNTS = (
    "n_payments", "amount_minor", "n_payments_365d", "amount_365d_minor", "income_share",
    "spending_share",
)  # fmt: skip
_ALL = 1e-9
"""A smaller part of a year's money is rounding: all of it names the other side."""
_SHARES = {"payee": "income_share", "payer": "spending_share"}
_LEAST = 1e-6
"""A smaller share of income is not listed."""
_FEW = 100_000
"""Among so many names the nearest is looked for."""


def what_if(
    output: Path,
    firm: str,
    recovery: float | None = None,
    device: BackendName = "cpu",
    settings: Contagion | None = None,
) -> WhatIf:
    """Return who is hit where ``firm`` stops paying, from the gold tables of a run.

    Parameters
    ----------
    output : Path
        The output folder of ``qfb run``.
    firm : str
        A customer or counterparty id.
    recovery : float, optional
        What the firm still pays, 0 to 1; the run's setting where not given.
    device : {"cpu", "gpu"}
    settings : Contagion, optional
        The run's own where not given.

    Raises
    ------
    InputError
        No such firm (with names like it), or no network in ``output``.
    """
    as_of, kept = _run(output)
    settings = settings or kept
    recovery = settings.recovery if recovery is None else recovery
    backend = get_backend(device)
    edges, names = _edges(output, backend)
    row = _find(firm, names)
    firm = names[row].as_py()
    graph = network.build_graph(edges, backend)
    number = int(np.flatnonzero(backend.to_host(graph.key) == row)[0])
    exposure = network.exposures(graph, edges, settings, backend)
    found = network.impacts(exposure, backend.asarray(np.array([number])), recovery, backend)
    cleared = _clear(edges, row, settings, recovery, backend)
    return WhatIf(
        firm=firm,
        as_of=as_of,
        recovery=recovery,
        buffer=settings.buffer,
        cash_share=settings.cash_share,
        outsiders=settings.outsiders,
        debtrank=float(found.debtrank[0]),
        debtrank_direct=float(found.debtrank_direct[0]),
        owed=[(one.currency, one.owed_minor) for one in cleared],
        core_score=_core_score(output, firm),
        hits=_hits(graph, found, names, cleared, backend),
        links=_links(edges, names, backend),
    )


def _run(output: Path) -> tuple[dt.date | None, Contagion]:
    """Return the as-of date of the last run and its settings of contagion."""
    runs = gold.read(output, "runs", ["as_of", "settings"]).to_pylist()
    if not runs:
        return None, Contagion()
    kept = json.loads(runs[-1]["settings"]).get("network", {}).get("contagion", {})
    return runs[-1]["as_of"], Contagion(**kept)


def _edges(output: Path, backend: Backend) -> tuple[dict[str, Any], pa.Array]:
    """Return the edges of gold by row of the names, and the names in order."""
    table = gold.read(output, "graph_edges", ["payer_id", "payee_id", "currency", *_COUNTS])
    nodes = gold.read(output, "graph_nodes", ["node_id", "is_customer"]).sort_by("node_id")
    names = nodes.column("node_id").combine_chunks()
    is_customer = np.asarray(nodes.column("is_customer"))
    ends = {
        side: np.asarray(pc.index_in(_plain(table, f"{side}_id"), names)).astype(np.int64)
        for side in ("payer", "payee")
    }
    coded = _plain(table, "currency").dictionary_encode()
    codes = np.array([currency_code(name) for name in coded.dictionary.to_pylist()], np.int16)
    columns = {
        **{f"{side}_key": rows for side, rows in ends.items()},
        **{f"{side}_is_customer": is_customer[rows] for side, rows in ends.items()},
        "currency": codes[np.asarray(coded.indices)],
        **{name: np.asarray(table.column(name)) for name in _COUNTS},
    }
    return {name: backend.asarray(values) for name, values in columns.items()}, names


def _plain(table: pa.Table, name: str) -> pa.Array:
    values = table.column(name).cast(pa.string())
    return values.combine_chunks()


def _find(firm: str, names: pa.Array) -> int:
    row = pc.index(names, firm).as_py()
    if row < 0 and (written := alike(firm, [names])):
        row = pc.index(names, written).as_py()
    if row >= 0:
        return int(row)
    if not len(names):
        msg = "the payment network is empty: no payment names its counterparty"
        raise InputError(msg)
    within = names.filter(pc.match_substring(names, firm, ignore_case=True))
    near = within.slice(0, 3).to_pylist() if firm else []
    near += difflib.get_close_matches(firm, names.slice(0, _FEW).to_pylist(), n=3, cutoff=0)
    shown = ", ".join(dict.fromkeys(near[:3]))
    msg = f"--default {firm}: the payment network has no such party; it has e.g. {shown}"
    raise InputError(msg)


@dataclass(frozen=True, slots=True)
class _Cleared:
    """The clearing of one currency: by row of the name, money and share of income missing."""

    currency: str
    owed_minor: int
    missing: np.ndarray[Any, Any]
    share: np.ndarray[Any, Any]


def _clear(
    edges: dict[str, Any], row: int, settings: Contagion, recovery: float, backend: Backend
) -> list[_Cleared]:
    """Clear each currency that the firm paid in during the year, the one most paid in first."""
    host = {name: backend.to_host(values) for name, values in edges.items()}
    mine = (host["payer_key"] == row) & (host["amount_365d_minor"] > 0)
    mine &= host["payee_key"] != row
    codes, number = np.unique(host["currency"][mine], return_inverse=True)
    paid = np.bincount(number, weights=host["n_payments_365d"][mine], minlength=codes.shape[0])
    n_names = int(max(host["payer_key"].max(), host["payee_key"].max())) + 1
    found = []
    for at in np.lexsort((codes, -paid)).tolist():
        inside = host["currency"] == codes[at]
        part = {name: values[backend.asarray(inside)] for name, values in edges.items()}
        graph = network.build_graph(part, backend)
        key = backend.to_host(graph.key)
        firm = int(np.flatnonzero(key == row)[0])
        got, paid = (
            backend.asarray(_unnamed(host, side, inside, n_names)[key])
            for side in ("payee", "payer")
        )
        cleared = network.clearing(
            graph, part, firm, settings, recovery, backend, unnamed=(got, paid)
        )
        expected, received = backend.to_host(cleared.expected), backend.to_host(cleared.received)
        missing = np.zeros(n_names)
        missing[key] = expected - received
        whole = np.zeros(n_names)
        whole[key] = expected
        # what this currency is of each one's income
        weight = np.bincount(
            host["payee_key"][inside], weights=host["income_share"][inside], minlength=n_names
        )
        share = weight * missing / np.maximum(whole, 1.0)
        owed = int(np.rint(backend.to_host(cleared.owed)[firm]))
        found.append(_Cleared(currency_name(int(codes[at])), owed, missing, share))
    return found


def _unnamed(
    edges: dict[str, Any], side: str, inside: np.ndarray[Any, Any], n_names: int
) -> np.ndarray[Any, Any]:
    """Return what each party got, or paid, in the year in some currency from whom is not given.

    The shares of a party's edges in a currency sum to the part of its money there that names the
    other side, times what the currency counts for, by number of payments
    (:func:`qfb_gpu.network.dependence.year_shares`).
    """
    counts = (edges["amount_365d_minor"] > 0) & (edges["payer_key"] != edges["payee_key"])
    party, share = edges[f"{side}_key"], edges[_SHARES[side]]

    def total(values: Any, rows: Any) -> Any:
        """Return the sum of some edges' values by party."""
        return np.bincount(party[rows], weights=values[rows], minlength=n_names)

    here = counts & inside
    money = total(edges["amount_365d_minor"], here)
    weight = total(edges["n_payments_365d"], here)
    weight = weight / np.maximum(total(edges["n_payments_365d"], counts), 1.0)
    named = total(share, here)
    rest = np.where(named > 0, money * (weight / np.where(named > 0, named, 1.0) - 1.0), 0.0)
    unnamed: np.ndarray[Any, Any] = np.where(rest > _ALL * money, rest, 0.0)
    return unnamed


def _core_score(output: Path, firm: str) -> float:
    nodes = gold.read(output, "graph_nodes", ["node_id", "core_score"])
    mine = nodes.filter(pc.equal(nodes.column("node_id"), firm))
    return float(mine.column("core_score")[0].as_py())


def _hits(
    graph: network.Graph,
    found: network.Impact,
    names: pa.Array,
    cleared: list[_Cleared],
    backend: Backend,
) -> list[Hit]:
    lost, direct, distress = (
        backend.to_host(values[:, 0]) for values in (found.lost, found.direct, found.distress)
    )
    step, key = backend.to_host(found.step[:, 0]), backend.to_host(graph.key)
    is_customer = backend.to_host(graph.is_customer)
    hit = np.flatnonzero(lost > _LEAST)
    hit = hit[np.lexsort((key[hit], -lost[hit]))]
    hits = []
    for node in hit.tolist():
        row = int(key[node])
        most = max(cleared, key=lambda one: float(one.share[row]))
        hits.append(
            Hit(
                name=names[row].as_py(),
                is_customer=bool(is_customer[node]),
                step=int(step[node]) if step[node] >= 0 else 1,
                lost=float(lost[node]),
                direct=float(direct[node]),
                distress=float(distress[node]),
                cleared=float(sum(one.share[row] for one in cleared)),
                currency=most.currency,
                missing_minor=round(float(most.missing[row])),
            )
        )
    return hits


def _links(
    edges: dict[str, Any], names: pa.Array, backend: Backend
) -> tuple[pa.Array, pa.Array, np.ndarray[Any, Any]]:
    """Return payer, payee and payments of the year, where money moved."""
    moved = backend.xp.nonzero(edges["amount_365d_minor"] > 0)[0]
    ends = [
        names.take(pa.array(backend.to_host(edges[f"{side}_key"][moved])))
        for side in ("payer", "payee")
    ]
    return ends[0], ends[1], backend.to_host(edges["n_payments_365d"][moved])
