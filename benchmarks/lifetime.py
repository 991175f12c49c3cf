"""How well BG/NBD foretells, and how long it takes: ``python benchmarks/lifetime.py [DATA]``.

``accuracy``: the customers of UCI Online Retail (``DATA/online_retail/online_retail.parquet``),
histories before each of three dates, days with a purchase after it. ``speed``: customers drawn
from the model itself. Peers are rules that a good analyst would try first; ``lifetimes`` takes
part where it is installed.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from results_file import ROOT, ResultsFile
from sklearn.metrics import roc_auc_score

from qfb_gpu.models import lifetime

if TYPE_CHECKING:
    from collections.abc import Callable

SPLITS = ("2011-03-01", "2011-06-01", "2011-09-01")
SIZES = (100_000, 1_000_000)


def retail(folder: Path, date: str) -> dict[str, Any]:
    """Return the histories before a date and the days with a purchase from it on."""
    split = pd.Timestamp(date)
    lines = pd.read_parquet(folder / "online_retail" / "online_retail.parquet")
    quantity, price = pd.to_numeric(lines.Quantity), pd.to_numeric(lines.UnitPrice)
    bought = lines[lines.CustomerID.notna() & (quantity > 0) & (price > 0)]
    day = pd.to_datetime(bought.InvoiceDate).dt.normalize()
    money = (quantity * price)[bought.index]
    days = pd.DataFrame({"customer": bought.CustomerID, "day": day, "money": money})
    days = days.groupby(["customer", "day"], as_index=False).money.sum()
    before, after = days[days.day < split], days[days.day >= split]
    by_customer = before.groupby("customer")
    first, last = by_customer.day.min(), by_customer.day.max()
    x = by_customer.day.count().to_numpy() - 1
    later = before[before.day > before.customer.map(first)].groupby("customer").money.mean()
    future = after.groupby("customer")
    return {
        "x": x,
        "t_x": (last - first).dt.days.to_numpy(),
        "age": (split - first).dt.days.to_numpy() - 1,
        "mean": later.reindex(first.index).fillna(0.0).to_numpy(),
        "bought": future.day.count().reindex(first.index).fillna(0).to_numpy(),
        "spent": future.money.sum().reindex(first.index).fillna(0.0).to_numpy(),
        "own_mean": by_customer.money.mean().to_numpy(),
        "horizon": (days.day.max() - split).days + 1,
    }


def forecasts(data: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return expected days with a purchase and expected money of each forecaster."""
    x, t_x, age, horizon = data["x"], data["t_x"], data["age"], data["horizon"]
    buying = lifetime.fit_beta_geometric(x, t_x, age)
    spending = lifetime.fit_gamma_gamma(x, data["mean"])
    if buying is None or spending is None:
        msg = "expected hundreds of customers with a repeat purchase; is this Online Retail?"
        raise SystemExit(msg)
    expected = lifetime.expected_purchases(buying, x, t_x, age, horizon)
    value = lifetime.expected_value(spending, np.where(data["mean"] > 0, x, 0), data["mean"])
    own = x / np.maximum(age, 1) * horizon
    same = x + 1.0
    recent = np.where(age - t_x <= 90, same, 0.0)
    everyone = np.full(len(x), x.sum() / age.sum() * horizon)
    found = {
        "BG/NBD, Gamma-Gamma": (expected, expected * value),
        "own rate": (own, own * data["own_mean"]),
        "as many as before": (same, same * data["own_mean"]),
        "as many as before, 0 after 90 quiet days": (recent, recent * data["own_mean"]),
        "everyone's rate": (everyone, everyone * data["own_mean"].mean()),
    }
    return found | _lifetimes(data)


def _lifetimes(data: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    try:
        from lifetimes import BetaGeoFitter
    except ImportError:
        return {}
    model = BetaGeoFitter()
    model.fit(data["x"], data["t_x"], data["age"])
    expected = model.conditional_expected_number_of_purchases_up_to_time(
        data["horizon"], data["x"], data["t_x"], data["age"]
    )
    return {"lifetimes BG/NBD": (np.asarray(expected), np.asarray(expected) * data["own_mean"])}


def accuracy(data: dict[str, Any]) -> list[dict[str, Any]]:
    """Compare every forecaster with what came."""
    rows = []
    for name, (count, money) in forecasts(data).items():
        bought, spent = data["bought"], data["spent"]
        order = np.argsort(-count, kind="stable")[: len(count) // 10]
        rows.append(
            {
                "forecaster": name,
                "mae_days": float(np.abs(count - bought).mean()),
                "rmse_days": float(np.sqrt(((count - bought) ** 2).mean())),
                "correlation_days": _correlation(count, bought),
                "auc_any": float(roc_auc_score(bought > 0, count)),
                "expected_over_true": float(count.sum() / bought.sum()),
                "top_tenth_share_of_days": float(bought[order].sum() / bought.sum()),
                "mae_money": float(np.abs(money - spent).mean()),
                "correlation_money": _correlation(money, spent),
            }
        )
    return rows


def _correlation(left: Any, right: Any) -> float:
    return float(np.corrcoef(left, right)[0, 1]) if np.ptp(left) > 0 else float("nan")


def drawn(n: int, seed: int) -> tuple[Any, Any, Any]:
    """Draw histories that are like those of payments: three years, tens of active days."""
    rng = np.random.default_rng(seed)
    age = rng.integers(30, 1095, n)
    rate = rng.gamma(1.2, 1 / 25.0, n)
    lives = rng.geometric(np.clip(rng.beta(0.8, 12.0, n), 1e-9, 1.0))
    x = np.minimum(rng.poisson(rate * age), lives)
    share = np.where(x < lives, rng.beta(np.maximum(x, 1), 1.0), rng.random(n))
    t_x = np.where(x > 0, np.maximum(np.rint(share * age).astype(int), 1), 0)
    return x, t_x, age


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    found = call()
    return time.perf_counter() - start, found


def speed(n: int) -> dict[str, Any]:
    """Fit and expect for n customers."""
    x, t_x, age = drawn(n, 1)
    fit_seconds, model = _timed(lambda: lifetime.fit_beta_geometric(x, t_x, age))
    expect_seconds, _ = _timed(lambda: lifetime.expected_purchases(model, x, t_x, age, 365))
    return {"customers": n, "fit_seconds": fit_seconds, "expect_seconds": expect_seconds}


def main() -> None:
    """Measure, print and keep."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data"
    results = ResultsFile.open(ROOT / "benchmarks" / "results", "lifetime", {})
    for date in SPLITS:
        data = retail(folder, date)
        rows = accuracy(data)
        n_customers = len(data["x"])
        print(f"{n_customers:,} customers before {date}, {data['horizon']} days ahead")
        print(pd.DataFrame(rows).round(3).to_string(index=False))
        results.append({"split": date, "accuracy": rows, "n_customers": n_customers})
    for n in SIZES:
        run = speed(n)
        print(run)
        results.append({"speed": run})


if __name__ == "__main__":
    main()
