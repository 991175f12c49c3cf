"""How fast contracts and payment terms are, and how right, on generated portfolios.

    python benchmarks/contracts.py --customers 1500 --seeds 1 2 --hardness 0 1 2

Speed: the ``score`` of both parts on one bucket, rows of sources already read (contracts per
second counts all contracts with their clauses, links and matches), and clauses a second without
the cache of distinct texts. Beside them a plain pandas solution of the measures alone (days since
start, gaps, cumulative ratio, averages), as a good user writes it. Accuracy: against the truth.
JSON goes to ``benchmarks/results``.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from results_file import ResultsFile

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

import deals_case  # noqa: E402

from qfb_gpu.finance.clauses import parse_clause  # noqa: E402
from qfb_gpu.parts.contracts import CONTRACTS  # noqa: E402
from qfb_gpu.parts.payment_terms import PAYMENT_TERMS  # noqa: E402

REPEATS = 3


def clock(call: Any) -> float:
    """Return the median seconds of some calls, after one that warms up."""
    call()
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def speed(n_customers: int, seed: int) -> dict[str, Any]:
    """Time the parts, the clauses and pandas on one portfolio."""
    tables = deals_case.portfolio(n_customers, seed)
    with tempfile.TemporaryDirectory() as folder:
        night = deals_case.Night(Path(folder), tables, [CONTRACTS, PAYMENT_TERMS])
        seconds = {
            part.name: clock(partial(part.score, night.given(part)))
            for part in (CONTRACTS, PAYMENT_TERMS)
        }
    texts = [text for text in tables["contracts"]["clause"].to_pylist() if text]
    clauses = clock(lambda: [parse_clause(text) for text in texts])
    n_contracts, n_orders = tables["contracts"].num_rows, tables["orders"].num_rows
    peer = clock(lambda: pandas_measures(tables))
    return {
        "n_payments": tables["transactions"].num_rows,
        "n_contracts": n_contracts,
        "n_orders": n_orders,
        "contracts_seconds": seconds["contracts"],
        "contracts_a_second": n_contracts / seconds["contracts"],
        "terms_seconds": seconds["payment_terms"],
        "orders_a_second": n_orders / seconds["payment_terms"],
        "clauses_a_second": len(texts) / clauses,
        "pandas_measures_seconds": peer,
        "pandas_contracts_a_second": n_contracts / peer,
    }


def pandas_measures(tables: dict[str, Any]) -> pd.DataFrame:
    """Return days since start, gaps and ratios of linked payments: no clauses, no matching."""
    contracts, links, payments = (
        tables[name].to_pandas() for name in ("contracts", "contract_payments", "transactions")
    )
    paid = links.merge(payments, on=["customer_id", "txn_id"]).merge(
        contracts, on=["customer_id", "contract_id"], suffixes=("", "_contract")
    )
    paid = paid.sort_values(["contract_id", "date"])
    paid["days"] = pd.to_datetime(paid.date) - pd.to_datetime(paid.start_date)
    paid["gap"] = pd.to_datetime(paid.date).groupby(paid.contract_id).diff()
    paid["ratio"] = paid.amount.astype(float) / paid.amount_contract.astype(float)
    paid["cumulative"] = paid.groupby("contract_id").ratio.cumsum()
    n = paid.groupby("contract_id").size().reindex(contracts.contract_id, fill_value=0)
    contracts["n"] = n.to_numpy()
    return contracts.groupby("category").n.agg(["mean", "median"])


def accuracy(n_customers: int, seed: int, hardness: float) -> dict[str, Any]:
    """Return how right nodes, matches and forecasts are on one portfolio."""
    tables = deals_case.portfolio(n_customers, seed, hardness)
    with tempfile.TemporaryDirectory() as folder:
        night = deals_case.Night(Path(folder), tables, [CONTRACTS])
    truth = tables["truth/contract_nodes"].to_pandas()
    nodes, paid = night.table("contract_nodes"), night.table("contract_payments")
    both = truth.merge(nodes, on=["contract_id", "node_no"], how="outer", suffixes=("_true", ""))
    close = (both.percent_true - both.percent).abs() <= 1
    right = close.groupby(both.contract_id).all()
    n_paid = truth.groupby("contract_id").txn_id.count()
    hidden = truth[truth.txn_id.notna() & ~truth.is_linked]
    true = set(zip(hidden.contract_id, hidden.txn_id, strict=True))
    matched = paid[paid.basis != "link"]
    got = set(zip(matched.contract_id, matched.txn_id, strict=True))
    return {
        "n_contracts": len(n_paid),
        "n_many_payments": int((n_paid >= 4).sum()),
        "ratios_right_many_payments": float(right[n_paid.index[n_paid >= 4]].mean()),
        "ratios_right": float(right.mean()),
        "kinds_right": float((both.kind_true == both.kind.astype(object)).mean()),
        "n_hidden": len(true),
        "match_recall": len(got & true) / len(true) if true else None,
        "match_precision": len(got & true) / len(got) if got else None,
        **_forecasts(truth, night),
    }


def _forecasts(truth: pd.DataFrame, night: deals_case.Night) -> dict[str, Any]:
    summary, nodes = night.table("contract_summary"), night.table("contract_nodes")
    waits = nodes[nodes.status != "paid"].sort_values("node_no")
    first = waits.groupby("contract_id").node_no.first().reset_index()
    both = summary.merge(first, on="contract_id").merge(
        truth, on=["contract_id", "node_no"], suffixes=("", "_true")
    )
    comes = both[pd.to_datetime(both.paid_date) > pd.Timestamp(deals_case.AS_OF)]
    true = pd.to_datetime(comes.paid_date)
    low, middle, high = (
        pd.to_datetime(comes[f"next_date{end}"]) for end in ("_earliest", "", "_latest")
    )
    ranged = low.notna()
    inside = ranged & (true >= low) & (high.isna() | (true <= high))
    return {
        "n_next": len(comes),
        "n_next_ranged": int(ranged.sum()),
        "n_next_latest": int(high.notna().sum()),
        "next_date_error_days_median": float((true - middle).dt.days.abs().median()),
        "next_range_holds": float(inside[ranged].mean()),
        "next_range_holds_by": {
            str(clock): {"n": int(which.sum()), "holds": float(inside[which].mean())}
            for clock in sorted(comes.next_basis[ranged].astype(str).unique())
            for which in [ranged & (comes.next_basis == clock)]
        },
        "next_amount_right": float(
            np.isclose(comes.next_amount, comes.amount.astype(float)).mean()
        ),
    }


def main() -> None:
    """Run it and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1500)
    parser.add_argument("--accuracy-customers", type=int, default=600)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--hardness", type=float, nargs="+", default=[0.0, 1.0, 2.0])
    parser.add_argument("--out", type=Path, default=HERE / "results")
    arguments = parser.parse_args()
    results = ResultsFile.open(arguments.out, "contracts", {"customers": arguments.customers})
    results.append({"what": "speed", **speed(arguments.customers, arguments.seeds[0])})
    print(results.content["runs"][-1])
    for hardness in arguments.hardness:
        for seed in arguments.seeds:
            run = accuracy(arguments.accuracy_customers, seed, hardness)
            results.append({"what": "accuracy", "hardness": hardness, "seed": seed, **run})
            print(results.content["runs"][-1])


if __name__ == "__main__":
    main()
