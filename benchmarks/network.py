"""The payment network: how fast, and how well, beside what igraph alone gives.

``python benchmarks/network.py [speed|communities|links|chains|cycles ...]`` writes
``benchmarks/results/network-<date>-<code>.json``; nothing told: everything (about two minutes).
``QFB_DATA`` is the folder of the public sets; what needs them is left out without it.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from network_truth import chains, communities, links
from results_file import ResultsFile

from qfb_gpu import network
from qfb_gpu._config.network import Contagion, RoundTrips
from qfb_gpu.backend import get_backend
from qfb_gpu.network.dependence import year_shares
from qfb_gpu.network.whatif import exposures, impacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from qfb_gpu.backend import Backend

RESULTS = Path(__file__).parent / "results"
SIZES = ((10_000, 100_000), (100_000, 1_000_000), (1_000_000, 10_000_000))
_REPEATS = 3


def payments_network(n_nodes: int, n_edges: int, seed: int = 0) -> dict[str, Any]:
    """Return merged edges of a random network: a few pay and are paid by very many."""
    rng = np.random.default_rng(seed)
    ends = [(n_nodes * rng.random(2 * n_edges) ** 1.5).astype(np.int64) for _ in range(2)]
    ends[1] = (ends[1] * 7_919 + 1) % n_nodes
    pairs = rng.permutation(np.unique(ends[0] * n_nodes + ends[1], return_index=True)[1])[:n_edges]
    ends = [end[pairs] for end in ends]
    number = rng.integers(1, 40, n_edges)
    money = (rng.lognormal(11, 1.5, n_edges) * number).astype(np.int64) + 1
    edges = {
        "payer_key": ends[0],
        "payee_key": ends[1],
        "currency": np.zeros(n_edges, np.int16),
        "n_payments": 2 * number,
        "amount_minor": 2 * money,
        "n_payments_365d": number,
        "amount_365d_minor": money,
        "payer_is_customer": np.ones(n_edges, bool),
        "payee_is_customer": np.ones(n_edges, bool),
    }
    for side, name in (("payee", "income_share"), ("payer", "spending_share")):
        edges[name] = year_shares(edges, side, np.ones(n_edges), np)
    return edges


def _seconds(work: Callable[[], Any], backend: Backend, repeats: int = _REPEATS) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        backend.synchronize()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def speed(results: ResultsFile, device: str) -> None:
    """Time DebtRank of one firm and of 8 at once, and the clearing, by size."""
    backend = get_backend(device)  # type: ignore[arg-type]
    for n_nodes, n_edges in SIZES:
        run = _speed_of(n_nodes, n_edges, backend)
        results.append(run)
        _say(run)


def _speed_of(n_nodes: int, n_edges: int, backend: Backend) -> dict[str, Any]:
    edges = {k: backend.asarray(v) for k, v in payments_network(n_nodes, n_edges).items()}
    settings = Contagion()
    start = time.perf_counter()
    graph = network.build_graph(edges, backend)
    exposure = exposures(graph, edges, settings, backend)
    backend.synchronize()
    built = time.perf_counter() - start
    firms = network.candidates(graph, edges, 8, backend)
    firm = int(firms[0])
    found = impacts(exposure, firms[:1], 0.0, backend)
    return {
        "task": "debtrank", "device": backend.device, "n_nodes": graph.n_nodes,
        "n_edges": n_edges, "build_seconds": built, "rounds": int(found.step.max()) + 1,
        "debtrank": float(found.debtrank[0]),
        "one_firm_seconds": _seconds(lambda: impacts(exposure, firms[:1], 0.0, backend), backend),
        "eight_firms_seconds": _seconds(lambda: impacts(exposure, firms, 0.0, backend), backend, 1),
        "clearing_seconds": _seconds(
            lambda: network.clearing(graph, edges, firm, settings, 0.0, backend), backend, 1
        ),
    }  # fmt: skip


def cycles(results: ResultsFile, device: str) -> None:
    """Time the search for round trips among dated payments; the first run compiles."""
    backend = get_backend(device)  # type: ignore[arg-type]
    for n_parties, n_payments in ((200, 2_000), (20_000, 200_000), (100_000, 2_000_000)):
        rng = np.random.default_rng(n_payments)
        payer, payee = (
            (n_parties * rng.random(n_payments) ** 1.5).astype(np.int64) for _ in range(2)
        )
        ones = np.ones(n_payments, np.int64)
        relations = {
            "payer_key": payer, "payee_key": payee, "currency": np.zeros(n_payments, np.int16),
            "side": np.zeros(n_payments, np.int8), "n_payments": ones, "amount_minor": ones,
        }  # fmt: skip
        pairs = np.unique(payer * n_parties + payee, return_index=True)[1]
        edges = {name: backend.asarray(values[pairs]) for name, values in relations.items()}
        placed = {name: backend.asarray(values) for name, values in relations.items()}
        day = backend.asarray(rng.integers(0, 365, n_payments).astype(np.int32))
        amount = backend.asarray(rng.lognormal(10, 1.5, n_payments).astype(np.int64) + 1)
        start = time.perf_counter()
        found = network.loops(edges, backend)
        edge = network.edge_of(found, placed, backend)
        inside = edge >= 0
        pruned = time.perf_counter() - start
        start = time.perf_counter()
        dated = [(edge[inside], day[inside], amount[inside])]
        trips = network.find_trips(found, dated, RoundTrips(), backend)
        backend.synchronize()
        searched = time.perf_counter() - start
        run = {
            "task": "cycles", "device": backend.device, "n_parties": n_parties,
            "n_payments": n_payments, "n_on_loops": int(inside.sum()), "prune_seconds": pruned,
            "search_seconds": searched, "n_trips": int(trips.payment.shape[0]),
            "n_unfinished": trips.n_unfinished,
            "payments_per_second": n_payments / (pruned + searched),
        }  # fmt: skip
        results.append(run)
        _say(run)


def _say(run: dict[str, Any]) -> None:
    shown = {k: f"{v:.4g}" if isinstance(v, float) else v for k, v in run.items()}
    print(" ".join(f"{name}={value}" for name, value in shown.items()), flush=True)


def main() -> None:
    """Run the tasks that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=[])
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    results = ResultsFile.open(RESULTS, "network", {})
    tasks: dict[str, Callable[[], None]] = {
        "communities": lambda: _add(results, communities()),
        "links": lambda: _add(results, links()),
        "chains": lambda: _add(results, chains()),
        "cycles": lambda: cycles(results, asked.device),
        "speed": lambda: speed(results, asked.device),
    }
    for name in asked.tasks or tasks:
        tasks[name]()
    print(results.path)


def _add(results: ResultsFile, runs: Iterable[dict[str, Any]]) -> None:
    for run in runs:
        results.append(run)
        _say(run)


if __name__ == "__main__":
    main()
