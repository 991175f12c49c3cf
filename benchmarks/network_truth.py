"""How well the network is read where the truth is known, beside what igraph alone gives."""

from __future__ import annotations

import datetime as dt
import os
import random
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import igraph
import numpy as np
from sklearn.metrics import (
    adjusted_rand_score,
    normalized_mutual_info_score,
    roc_auc_score,
)

from qfb_gpu import network
from qfb_gpu._config.network import Contagion, Network
from qfb_gpu.backend import get_backend

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
CPU = get_backend("cpu")
AS_OF = dt.date(2024, 12, 31)


def data_folder() -> Path:
    """Return the folder of the public sets."""
    return Path(os.environ.get("QFB_DATA", ROOT.parent / "shared" / "data"))


def email() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]] | None:
    """Return email-Eu-core: links (sender, receiver) and each member's department."""
    folder = data_folder() / "graphs"
    if not folder.is_dir():
        return None
    pairs = _whole_numbers(folder / "email-Eu-core.txt")
    labels = _whole_numbers(folder / "email-Eu-core-department-labels.txt")
    return pairs, labels[np.argsort(labels[:, 0]), 1]


def _whole_numbers(path: Path) -> np.ndarray[Any, Any]:
    """Return the lines of a file that are whole numbers, whatever its heading."""
    lines = [line.replace(",", " ").split() for line in path.read_text().splitlines()]
    return np.array([line for line in lines if line and line[0].isdigit()], dtype=np.int64)


def edges_of(pairs: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return merged edges, one payment each, everyone a customer."""
    n = pairs.shape[0]
    ones, yes = np.ones(n, np.int64), np.ones(n, bool)
    return {
        "payer_key": pairs[:, 0], "payee_key": pairs[:, 1], "currency": np.zeros(n, np.int16),
        "n_payments": ones, "amount_minor": ones, "n_payments_365d": ones,
        "amount_365d_minor": ones, "payer_is_customer": yes, "payee_is_customer": yes,
        "income_share": np.zeros(n), "spending_share": np.zeros(n),
    }  # fmt: skip


def communities() -> Iterator[dict[str, Any]]:
    """Compare communities with departments."""
    found = email()
    if found is None:
        return
    pairs, department = found
    for resolution in (1.0, 2.0, 4.0):
        start = time.perf_counter()
        nodes = network.analyse(edges_of(pairs), Network(resolution=resolution), CPU)
        seconds = time.perf_counter() - start
        yield _agreement(f"qfb, resolution {resolution:g}", nodes["community_id"],
                         department[nodes["key"]], seconds)  # fmt: skip
    graph = igraph.Graph(n=department.shape[0], edges=pairs.tolist(), directed=False)
    graph.simplify()
    methods = {
        "igraph Leiden": lambda: graph.community_leiden(objective_function="modularity"),
        "igraph Louvain": graph.community_multilevel,
        "igraph Infomap": graph.community_infomap,
        "igraph label propagation": graph.community_label_propagation,
        "igraph walktrap": lambda: graph.community_walktrap().as_clustering(),
    }
    for name, method in methods.items():
        random.seed(0)
        start = time.perf_counter()
        label = np.array(method().membership)
        yield _agreement(name, label, department, time.perf_counter() - start)


def _agreement(
    name: str, label: np.ndarray[Any, Any], truth: np.ndarray[Any, Any], seconds: float
) -> dict[str, Any]:
    return {
        "task": "communities", "method": name, "n_communities": int(np.unique(label).shape[0]),
        "ari": float(adjusted_rand_score(truth, label)),
        "nmi": float(normalized_mutual_info_score(truth, label)), "seconds": seconds,
    }  # fmt: skip


def links(held_share: float = 0.1, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Hide a tenth of the links, score them among as many pairs that are none."""
    sets = {"generated portfolio": _portfolio_pairs()}
    found = email()
    if found is not None:
        sets["email-Eu-core"] = found[0]
    for name, pairs in sets.items():
        low, high = pairs.min(axis=1), pairs.max(axis=1)
        n = int(high.max()) + 1
        code = np.unique((low * n + high)[low != high])
        rng = np.random.default_rng(seed)
        held = rng.choice(code, int(held_share * code.shape[0]), replace=False)
        kept = np.setdiff1d(code, held)
        graph = network.build_graph(edges_of(np.stack([kept // n, kept % n], axis=1)), CPU)
        number = np.full(n, -1)
        number[graph.key] = np.arange(graph.n_nodes)
        held = held[(number[held // n] >= 0) & (number[held % n] >= 0)]
        none = _no_links(code, graph.key, held, n, rng)
        both = np.concatenate([held, none])
        left, right = number[both // n], number[both % n]
        truth = np.repeat([1, 0], [held.shape[0], none.shape[0]])
        matrix = network.adjacency(graph, CPU)
        for method in network.METHODS:
            start = time.perf_counter()
            score = network.pair_scores(matrix, left, right, method, CPU)
            yield {
                "task": "links", "set": name, "method": method, "n_held": int(held.shape[0]),
                "auc": float(roc_auc_score(truth, score)),
                "seconds": time.perf_counter() - start,
            }  # fmt: skip


def _no_links(
    code: np.ndarray[Any, Any], key: np.ndarray[Any, Any], held: np.ndarray[Any, Any], n: int,
    rng: np.random.Generator,
) -> np.ndarray[Any, Any]:  # fmt: skip
    """Return as many pairs of the same left ends that are no links."""
    left = held // n
    right = rng.choice(key, left.shape[0])
    pair = np.minimum(left, right) * n + np.maximum(left, right)
    return pair[~np.isin(pair, code) & (left != right)]


def _portfolio_pairs() -> np.ndarray[Any, Any]:
    edges, _ = _portfolio(512)
    keys = np.unique(np.concatenate([edges["payer_key"], edges["payee_key"]]))
    return np.stack([np.searchsorted(keys, edges[n]) for n in ("payer_key", "payee_key")], axis=1)


def _portfolio(n_customers: int, seed: int = 3) -> tuple[dict[str, Any], dict[int, str]]:
    """Return the merged edges of a generated portfolio, and the ids of its customers."""
    import pyarrow as pa

    from qfb_gpu.api import ledger_of
    from qfb_gpu.calendars import load_calendar, to_day
    from qfb_gpu.lake.texts import hash_texts
    from qfb_gpu.portfolio import generate_portfolio

    tables = generate_portfolio(
        n_customers, seed, AS_OF, calendar=load_calendar("CN"), tables=["transactions"]
    )
    payments = tables["transactions"]
    ledger = ledger_of(payments, as_of=AS_OF, device="cpu")
    edges = network.merge_edges([network.relation_edges(ledger, CPU, to_day(AS_OF))], CPU)
    ids = pa.chunked_array(payments.column("customer_id")).unique()
    return edges, dict(zip(hash_texts(ids).tolist(), ids.to_pylist(), strict=True))


def chains(n_customers: int = 1024, seed: int = 3) -> Iterator[dict[str, Any]]:
    """Compare core scores and chains with the generator's core enterprises and their members.

    Of the chains only tier 1 has a truth: which supplier of the second tier serves which core is
    drawn at random. Firms trade outside their chains, too, so a member may hang on another firm.
    """
    core, tier, ids = _firms(n_customers, seed)
    edges, names = _portfolio(n_customers, seed)
    nodes = network.analyse(edges, Network(), CPU)
    row = {names.get(key, ""): at for at, key in enumerate(nodes["key"].tolist())}
    known = np.array([at for at, name in enumerate(ids) if name in row])
    at = np.array([row[ids[number]] for number in known])
    for measure in ("core_score", "pagerank", "degree_in", "degree_out", "k_core"):
        yield {
            "task": "core enterprises", "measure": measure,
            "n_cores": int((tier[known] == 0).sum()), "n_firms": int(known.shape[0]),
            "auc": float(roc_auc_score(tier[known] == 0, nodes[measure][at])),
        }  # fmt: skip
    graph = network.build_graph(edges, CPU)
    n_cores = int((tier == 0).sum())
    for share in (0.1, 0.05, 0.02):
        asked = Contagion(n_chains=2 * n_cores, chain_share=share)
        found = network.chains(graph, edges, asked, CPU)
        listed = {
            (names.get(c), names.get(m), int(side), int(t))
            for c, m, side, t in zip(
                *(found[n].tolist() for n in ("core_key", "member_key", "side", "tier")),
                strict=True,
            )
        }
        for side, place in enumerate((1, -1)):
            true = {(ids[core[i]], ids[i]) for i in known.tolist() if tier[i] == place}
            cores = {pair[0] for pair in true}
            first = {(c, m) for c, m, s, t in listed if s == side and t == 1 and c in cores}
            yield {
                "task": "chains", "side": network.SIDES[side], "chain_share": share,
                "n_true": len(true), "n_listed": len(first),
                "recall": len(true & first) / max(len(true), 1),
                "precision": len(true & first) / max(len(first), 1),
            }  # fmt: skip


def _firms(n_customers: int, seed: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], Any]:
    """Return each firm's core enterprise, its tier and its id, as the generator drew them."""
    from qfb_gpu._portfolio.firms import draw_firms, firm_ids
    from qfb_gpu.portfolio import _blocks, _setting

    setting = _setting(n_customers, seed, AS_OF, 24, 1.0, None)
    firms = [draw_firms(setting, block) for block, _ in _blocks(n_customers)]
    core, tier = (
        np.concatenate([getattr(one, name) for one in firms]) for name in ("core", "tier")
    )
    ids = firm_ids(np.arange(core.shape[0])).to_pylist()
    return core[:n_customers], tier[:n_customers], ids
