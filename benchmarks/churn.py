"""Churn and next product against what really came: public data, and generated truth.

    python benchmarks/churn.py [--customers 1000] [--seeds 1] [--data FOLDER]

On ``online_retail`` the night of 2011-05-31 predicts who buys nothing in the 90 (and 180) days
after it; beside it stand the recency rule, RFM quartiles and the purchases that BG/NBD expects. On
generated portfolios of firms the truth is who leaves, and which product is opened first, in 180
days. ``lifetimes`` and ``pymc-marketing`` are not among the locked peers: the BG/NBD is the
engine's own, which tests/test_lifetime.py holds to the published fit.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import results_file

from qfb_gpu.config import build_config, load_config
from qfb_gpu.lake import gold
from qfb_gpu.models import evaluation
from qfb_gpu.pipeline import run

ROOT = Path(__file__).parents[1]
AS_OF = dt.date(2011, 5, 31)
HORIZONS = (90, 180)
TRUTH_AS_OF = dt.date(2024, 12, 31)
SOURCES = ("transactions", "customers", "orders", "claims", "events", "touches", "products")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=1)
    beside = ROOT.parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("QFB_DATA", beside)))
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    chosen = parser.parse_args()
    file = results_file.ResultsFile.open(chosen.out, "churn", {"customers": chosen.customers})
    with tempfile.TemporaryDirectory() as folder:
        if (chosen.data / "online_retail").is_dir():
            add(file, retail(chosen.data, Path(folder)))
        else:
            print(f"no {chosen.data / 'online_retail'}: set QFB_DATA; generated truth only")
        for seed in range(1, chosen.seeds + 1):
            add(file, generated(chosen.customers, seed, Path(folder) / str(seed)))
    print(file.path)


def add(file, rows):
    for row in rows:
        file.append(row)
        numbers = {k: round(v, 3) for k, v in row.items() if isinstance(v, float)}
        print(row["set"], row["question"], row["method"], numbers, flush=True)


def judged(true, score, *, is_probability=False):
    """Return AUC, lift at 10% and, of a probability, Brier score and calibration error."""
    found = {"auc": evaluation.auc(true, score), "lift_10": evaluation.lift(true, score)}
    if is_probability:
        found["brier"] = evaluation.brier(true, score)
        found["calibration_error"] = evaluation.calibration_error(true, score)
    return found


def retail(data, folder):
    """Return rows on Online Retail: learnt up to the as-of day, tested on what came after."""
    os.environ["QFB_DATA"] = str(data)
    overrides = {"output": f'"{folder / "retail"}"', "as_of": str(AS_OF), "device": '"cpu"'}
    config = load_config(ROOT / "configs" / "online_retail.toml", overrides)
    run(config)
    profile = gold.read(config.output_dir, "customer_profiles").to_pandas()
    lines = pd.read_parquet(data / "online_retail" / "online_retail.parquet")
    lines = lines[lines.CustomerID.fillna("").astype(str) != ""]
    day = pd.to_datetime(lines.InvoiceDate).dt.date
    bought = lines[~lines.InvoiceNo.astype(str).str.startswith("C")]
    scores = retail_scores(profile)
    rows = []
    for horizon in HORIZONS:
        until = AS_OF + dt.timedelta(days=horizon)
        later = bought[(day[bought.index] > AS_OF) & (day[bought.index] <= until)]
        true = ~profile.customer_id.isin(later.CustomerID.astype(str)).to_numpy()
        for method, (score, is_probability) in scores.items():
            is_asked = is_probability and horizon == HORIZONS[0]
            rows.append({
                "set": "online_retail", "question": f"no purchase in {horizon} days",
                "method": method, "n_rows": int(true.size), "base_rate": float(true.mean()),
                **judged(true, score, is_probability=is_asked),
            })  # fmt: skip
    return rows


def retail_scores(profile):
    """Return each method's score of leaving, and whether it is a probability of 90 days."""
    quartile = {
        name: pd.qcut(profile[name].rank(method="first"), 4, labels=False)
        for name in (
            "recency_days_since_last", "frequency_n_365d", "money_turnover_minor_365d",
        )
    }  # fmt: skip
    rfm = (3 - quartile["recency_days_since_last"]) + quartile["frequency_n_365d"]
    rfm = rfm + quartile["money_turnover_minor_365d"]
    scores = {
        "recency rule": (profile.recency_days_since_last.to_numpy(float), False),
        "RFM quartiles": (-rfm.to_numpy(float), False),
        "qfb": (profile.churn_probability.to_numpy(float), True),
    }
    expected = profile["lifetime_expected_active_days_90d"].fillna(0.0).to_numpy(float)
    scores["BG/NBD"] = (-expected, False)  # probability alive alone is 1 of who bought but once
    return scores


def generated(n_customers, seed, folder):
    """Return rows on a generated portfolio, whose truth says who leaves and what is opened."""
    from qfb_gpu.calendars import load_calendar
    from qfb_gpu.portfolio import write_portfolio

    source = folder / "sources"
    write_portfolio(source, n_customers, seed, as_of=TRUTH_AS_OF, calendar=load_calendar("CN"))
    raw = {
        "as_of": TRUTH_AS_OF, "device": "cpu", "output": str(folder / "out"),
        "sources": {name: {"path": str(source / f"{name}.parquet")} for name in SOURCES},
    }  # fmt: skip
    config = build_config(raw, base=folder, where="benchmark")
    run(config)
    profile = gold.read(config.output_dir, "customer_profiles").to_pandas()
    head = {"set": f"generated, seed {seed}"}
    truth = pd.read_parquet(source / "truth" / "churn.parquet").set_index("customer_id")
    true = truth.churned.reindex(profile.customer_id).to_numpy(bool)
    base = {**head, "question": "leaves in 180 days", "n_rows": int(true.size)}
    methods = {
        "recency rule": profile.churn_rule_gaps_since.fillna(0).to_numpy(float),
        "fewer payments than last quarter": -profile.trend_n_quarter.fillna(0).to_numpy(float),
        "qfb": profile.churn_probability.to_numpy(float),
    }
    rows = [
        {**base, "method": name, "base_rate": float(true.mean()), **judged(true, score)}
        for name, score in methods.items()
        if np.isfinite(score).all()
    ]
    return rows + next_products(config.output_dir, source, head)


def next_products(out, source, head):
    """Return how often the product opened first was recommended first, and among three."""
    given = gold.read(out, "recommendations").to_pandas()
    truth = pd.read_parquet(source / "truth" / "next_product.parquet").dropna(subset="product_id")
    held = pd.read_parquet(source / "products.parquet")
    open_ = held[held.closed_date.isna()]
    since = pd.Timestamp(TRUTH_AS_OF) - pd.Timedelta(days=360)
    lately = held[pd.to_datetime(held.opened_date) > since].product_id.astype(str)
    popular = lately.value_counts().sort_index().sort_values(ascending=False, kind="stable").index
    own = open_.assign(product_id=open_.product_id.astype(str)).groupby("customer_id").product_id
    own = own.agg(set).to_dict()
    ever = held.assign(product_id=held.product_id.astype(str)).groupby("customer_id").product_id
    ever = ever.agg(set).to_dict()
    lists = {
        "qfb": given.sort_values("rank").groupby("customer_id").product_id.agg(list).to_dict(),
        "popularity": {
            c: [p for p in popular if p not in own.get(c, ())] for c in truth.customer_id
        },
        "popularity of what each never had": {
            c: [p for p in popular if p not in ever.get(c, ())] for c in truth.customer_id
        },
    }
    rows, near = [], {}
    for method, of in lists.items():
        places = [
            of[customer].index(product) if product in of.get(customer, []) else 99
            for customer, product in zip(
                truth.customer_id, truth.product_id.astype(str), strict=True
            )
        ]
        rates = {f"hit_rate_{k}": float(np.mean([p < k for p in places])) for k in (1, 3)}
        n = len(places)
        near[method] = np.array([place < 3 for place in places], float)
        rows.append(
            {
                **head,
                "question": "first product in 180 days",
                "method": method,
                "n_rows": n,
                **rates,
            }
        )
    rng = np.random.default_rng(0)
    at = rng.integers(0, n, (400, n))
    for row in rows[1:]:
        gains = (near["qfb"] - near[row["method"]])[at].mean(axis=1)
        low, high = np.quantile(gains, [0.05, 0.95])
        row |= {"qfb_more_of_3_low": float(low), "qfb_more_of_3_high": float(high)}
    return rows


if __name__ == "__main__":
    main()
