"""Orders and the four risks: accuracy against the truth, speed beside pandas.

``python benchmarks/risks.py [--out FOLDER] [--data FOLDER] [--quick]``: late orders found before
they are due on generated portfolios, beside the supplier's past late rate; orders and firms per
second; and, where the real data are, volatility of suppliers up to 2017 against 2018 and 2019.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from results_file import ResultsFile

from qfb_gpu import profile
from qfb_gpu._config.risks import Orders as OrderSettings
from qfb_gpu._config.risks import Risks
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar
from qfb_gpu.config import build_config, load_config
from qfb_gpu.finance import concentration, months, risks, risks_peers
from qfb_gpu.finance.levels import auc, rank_correlation
from qfb_gpu.finance.orders import look_features, make_orders
from qfb_gpu.finance.orders_model import past_rate, top_share
from qfb_gpu.finance.orders_risk import score_open
from qfb_gpu.lake.silver import ledger_from_arrow
from qfb_gpu.lake.texts import hash_texts
from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.pipeline import run
from qfb_gpu.portfolio import generate_portfolio

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from risk_figures import volatility_of

if TYPE_CHECKING:
    from collections.abc import Callable

FIRMS = Path(__file__).parents[1] / "configs" / "sme_invoices.toml"
AS_OF = dt.date(2024, 12, 31)
AS_OF_DAY = 20_088
CPU = get_backend("cpu")
_REPEATS = 3


def order_truth(n_customers: int, seed: int) -> dict[str, Any]:
    """Score open orders of a generated portfolio and compare with what becomes of them."""
    tables = generate_portfolio(
        n_customers, seed, AS_OF, calendar=load_calendar("CN"), tables=["orders", "truth/orders"]
    )
    table, truth = tables["orders"], tables["truth/orders"].to_pylist()
    late = {r["order_id"]: not r["delivered_in_full"] or r["delay_days"] > 0 for r in truth}
    orders = make_orders(order_columns(table), CPU)
    risk = score_open(orders, AS_OF_DAY, OrderSettings(), CPU)
    ahead = risk["status"] == 0
    row = risk["row"][ahead]
    ids = np.array(table["order_id"].to_pylist())[row]
    came_late = np.array([late[one] for one in ids])
    p = risk["probability_late"][ahead]
    features = {name: values[ahead] for name, values in risk.items()}
    past = float(orders.failed[orders.due_day < AS_OF_DAY].mean())
    scores = {
        "qfb": p,
        "supplier's past late rate": past_rate(features, "supplier", past, np),
        "supplier's past late rate to this buyer": past_rate(features, "pair", past, np),
    }
    share = OrderSettings().alert_share
    chosen = {name: top_share(score, share, np) for name, score in scores.items()}
    wait = features["days_to_due"][chosen["qfb"] & came_late]
    return {
        "kind": "orders", "seed": seed, "n_orders": table.num_rows, "n_open": int(ahead.sum()),
        "late": float(came_late.mean()), "mean_probability": float(p.mean()),
        "auc": {name: auc(score, came_late, CPU) for name, score in scores.items()},
        "precision": {name: float(came_late[top].mean()) for name, top in chosen.items()},
        "alerts": {name: int(top.sum()) for name, top in chosen.items()},
        "brier": float(((p - came_late) ** 2).mean()),
        "brier_base": float(((past - came_late) ** 2).mean()),
        "lead_days": float(np.median(wait)) if wait.size else None,
    }  # fmt: skip


def order_columns(table: pa.Table) -> dict[str, Any]:
    """Return generated orders in the columns of the engine."""
    texts = {
        name: pa.array(table[name].cast(pa.string()).to_pylist(), pa.string())
        for name in ("customer_id", "supplier_id", "item", "currency")
    }
    dates = ("order_date", "due_date", "delivered_date")
    amount = table["amount"].cast(pa.float64()).to_numpy()
    return {
        "customer": hash_texts(texts["customer_id"]),
        "supplier": hash_texts(texts["supplier_id"]),
        "item": hash_texts(texts["item"]),
        **{name: table[name].cast(pa.int32()).fill_null(NULL_DAY).to_numpy() for name in dates},
        **{name: table[name].to_numpy() for name in ("quantity", "quantity_delivered")},
        "amount_minor": np.rint(amount * 100).astype(np.int64),
        "currency": np.unique(hash_texts(texts["currency"]), return_inverse=True)[1].astype("i2"),
    }


def random_orders(n: int, seed: int = 0) -> dict[str, Any]:
    """Return ``n`` orders of ``n / 50`` suppliers over three years."""
    rng = np.random.default_rng(seed)
    order = AS_OF_DAY - rng.integers(0, 1096, n)
    due = order + rng.integers(5, 60, n)
    came = due + np.where(rng.random(n) < 0.2, rng.integers(1, 30, n), -rng.integers(0, 4, n))
    delivered = np.where(came > AS_OF_DAY, NULL_DAY, came)
    return {
        "customer": rng.integers(1, n // 20 + 2, n), "supplier": rng.integers(1, n // 50 + 2, n),
        "item": rng.integers(1, 40, n), "order_date": order.astype(np.int32),
        "due_date": due.astype(np.int32), "delivered_date": delivered.astype(np.int32),
        "quantity": np.full(n, 5.0), "quantity_delivered": np.full(n, 5.0),
        "amount_minor": rng.integers(10**3, 10**7, n), "currency": np.zeros(n, np.int16),
    }  # fmt: skip


def order_speed(n: int) -> dict[str, Any]:
    """Time one look at every order, and the supplier's past alone, beside pandas' merge_asof."""
    orders = make_orders(random_orders(n), CPU)
    row, day = np.arange(n), orders.order_day
    features = look_features(orders, row, day, CPU)
    theirs = _pandas_past(orders)
    for name in ("supplier_n_due", "supplier_failed"):
        np.testing.assert_array_equal(features[name], theirs[name])
    model = OrderSettings(n_clusters=6)
    return {
        "kind": "order speed", "n_orders": n,
        "all features": n / _seconds(lambda: look_features(orders, row, day, CPU)),
        "pandas, supplier's past alone": n / _seconds(lambda: _pandas_past(orders)),
        "night: fit and score": n / _seconds(lambda: score_open(orders, AS_OF_DAY, model, CPU), 1),
    }  # fmt: skip


def _pandas_past(orders: Any) -> dict[str, Any]:
    events = pd.DataFrame(
        {"supplier": orders.supplier, "day": orders.due_day, "failed": orders.failed.astype(int)}
    ).sort_values("day", kind="stable")
    by = events.groupby("supplier")
    events["n_due"], events["n_failed"] = by.cumcount() + 1, by["failed"].cumsum()
    asked = pd.DataFrame({"supplier": orders.supplier, "day": orders.order_day})
    asked = asked.sort_values("day", kind="stable")
    found = pd.merge_asof(asked, events, on="day", by="supplier", allow_exact_matches=False)
    found = found[["n_due", "n_failed"]].fillna(0).to_numpy()
    out = np.empty_like(found)
    out[asked.index.to_numpy()] = found
    return {"supplier_n_due": out[:, 0], "supplier_failed": out[:, 1]}


def firm_speed(n_payments: int, n_firms: int) -> dict[str, Any]:
    """Time months, concentration and the four risks of one date, beside pandas for two parts."""
    table = _payments(n_payments, n_firms)
    ledger = _ledger(table)
    ends = months.month_ends(AS_OF_DAY, 60, CPU)
    ours, theirs = _engine(ledger, ends), _pandas_parts(table)
    order = np.argsort(hash_texts(pa.array(theirs["firm"], pa.string())), kind="stable")
    for name in ("arc", "hhi"):
        np.testing.assert_allclose(ours[name], theirs[name][order], rtol=1e-6, atol=1e-6)
    return {
        "kind": "firm speed", "n_payments": n_payments, "n_firms": n_firms,
        "four risks": n_firms / _seconds(lambda: _engine(ledger, ends)),
        "pandas, arc change and HHI alone": n_firms / _seconds(lambda: _pandas_parts(table)),
    }  # fmt: skip


def _payments(n: int, n_firms: int) -> pa.Table:
    rng = np.random.default_rng(0)
    firm = np.append(np.arange(n_firms), rng.integers(0, n_firms, n - n_firms))
    days = AS_OF_DAY - rng.integers(0, 730, n)
    return pa.table(
        {
            "txn_id": pa.array(np.arange(n)).cast(pa.string()),
            "customer_id": pa.array(firm).cast(pa.string()),
            "counterparty_id": pa.array(rng.integers(0, 40, n)).cast(pa.string()),
            "date": pa.array(days.astype(np.int32)).cast(pa.date32()),
            "amount": pa.array(rng.integers(1, 10**5, n)),
            "direction": pa.array(np.full(n, "in")),
        }
    )


def _ledger(table: pa.Table, as_of: dt.date = AS_OF, **part: Any) -> Any:
    columns = {name: name for name in table.column_names if name not in part}
    source = {"path": "in memory", "columns": columns, **part.get("more", {})}
    raw = {"as_of": as_of, "currency": "CNY", "sources": {"transactions": source}}
    return ledger_from_arrow(table, build_config(raw, base=Path(), where="benchmark"), CPU)


def _engine(ledger: Any, ends: months.MonthEnds) -> dict[str, Any]:
    main, of, n_months = profile.main_currency(ledger, CPU), Risks(), ends.n_months
    table = months.by_month(ledger, main, ends, CPU)
    last = int(ends.start_day[-1])
    years = [(last - 365, last), (last - 730, last - 365)]
    channels = concentration.dependence(ledger, main, years, CPU)
    years_of = months.year_sums(table["income"], CPU)
    sums = months.season_sums(years_of, ends.first_month, n_months, np)
    seen = table["n_in"] + table["n_returned"] + table["n_out"]
    all_months = risks.Months(
        table["income"], table["spend"], table["n_in"].astype(np.int32),
        table["n_returned"].astype(np.int32), None, months.first_month_seen(seen, np),
        ends.first_month, channels["hhi"],
        {name: channels[name][:, :1] for name in ("top_1", "n_channels", "supplier_top_1")},
    )  # fmt: skip
    dates = risks.Dates((n_months,), ((0, 1),), (last,))
    peers = months.peer_seasons(sums, np)[None]
    for _, _, found in risks.measured(all_months, dates, peers, CPU):
        figures = found.figures[:, 0]
        _, scores = risks.weighed(figures, of.all_halves, of.all_weights, CPU)
        for at, risk in enumerate(risks.RISKS):
            raw = risks_peers.from_whole(scores[:, at], np)
            _draw(raw, found.evidence[risk][:, 0], found.income[:, 0], risk)
    length = np.full(ledger.n_customers, 24)
    arc = volatility_of(table["income"].astype(float), length, CPU)["arc"]
    return {"arc": arc, "hhi": channels["hhi"][:, 0]}


def _pandas_parts(table: pa.Table) -> dict[str, Any]:
    frame = table.select(["customer_id", "counterparty_id", "date", "amount"]).to_pandas()
    day = pd.to_datetime(frame["date"])
    frame["month"] = day.dt.year * 12 + day.dt.month - 1
    pivot = frame.pivot_table(
        index="customer_id", columns="month", values="amount", aggfunc="sum", fill_value=0
    )
    last = AS_OF.year * 12 + AS_OF.month - 1
    pivot = pivot.reindex(columns=range(last - 23, last + 1), fill_value=0)
    x = pivot.to_numpy(dtype=float)
    whole = x[:, 1:] + x[:, :-1]
    change = np.where(whole > 0, 2 * np.diff(x, axis=1) / np.where(whole > 0, whole, 1), 0)
    year = frame[day > pd.Timestamp(AS_OF) - pd.Timedelta(days=365)]
    sums = year.groupby(["customer_id", "counterparty_id"])["amount"].sum()
    share = sums / sums.groupby(level=0).transform("sum")
    hhi = (share**2).groupby(level=0).sum().reindex(pivot.index)
    arc = np.sqrt((change**2).mean(axis=1))
    return {"firm": pivot.index.tolist(), "arc": arc, "hhi": hhi.to_numpy()}


def suppliers_out_of_time(folder: Path) -> dict[str, Any]:
    """Score the income volatility of a council's suppliers as of 2017; see 2018 and 2019."""
    table = pq.read_table(folder / "supplier_payments" / "devon_2011_2019.parquet")
    source = {
        "columns": {"txn_id": "transaction_number", "customer_id": "supplier_id", "date": "date",
                    "amount": "amount"},
        "constants": {"counterparty_id": "council", "direction": "in"},
        "lines": "sum", "rounding": "half_even", "path": "in memory",
    }  # fmt: skip
    raw = {"as_of": dt.date(2019, 12, 31), "currency": "GBP", "sources": {"transactions": source}}
    ledger = ledger_from_arrow(table, build_config(raw, base=Path(), where="benchmark"), CPU)
    ends = months.month_ends(18_261, 96, CPU)  # 2019-12-31
    sums = months.by_month(ledger, profile.main_currency(ledger, CPU), ends, CPU)
    income, count = sums["income"], sums["n_in"] + sums["n_returned"]
    known, later = income[:, :-24], income[:, -24:]
    stop, of = known.shape[1], Risks()
    length = months.history_length(months.first_month_seen(count[:, :stop], np), stop, np)
    known = np.ascontiguousarray(known)
    total = months.season_sums(months.year_sums(known, CPU), ends.first_month, stop, np)
    peers = months.peer_seasons(total, np)[None]
    steady, _ = months.steady(known, ends.first_month, np.array([[0, stop]]), peers, CPU)
    parts = volatility_of(steady, length, CPU)
    none = np.full(len(length), np.nan)
    every = np.stack([parts.get(name, none) for name in risks.COLUMNS], axis=1)
    _, whole = risks.weighed(every, of.all_halves, of.all_weights, CPU)
    raw_score = risks_peers.from_whole(whole, np)
    income = known[:, -12:].sum(axis=1)
    score = _draw(raw_score[:, risks.RISKS.index("volatility")], length, income, "volatility").score
    before = known[:, -24:]
    there = (before > 0).sum(axis=1) >= 6
    live = there & ((later > 0).sum(axis=1) >= 6)
    fell = later.sum(axis=1) < before.sum(axis=1) / 2
    gone = (later > 0).sum(axis=1) == 0
    after = volatility_of(later.astype(float), np.full(len(length), 24), CPU)["arc"]
    mean = before.mean(axis=1)
    variation = before.std(axis=1) / np.where(mean > 0, mean, 1)
    simple = {"qfb": score, "coefficient of variation": variation, "small": -mean}
    return {
        "kind": "suppliers 2011-2017 against 2018-2019", "n_suppliers": int(there.sum()),
        "fell": float(fell[there].mean()), "gone": float(gone[there].mean()),
        "rank correlation with volatility": {
            name: rank_correlation(values[live], after[live], CPU)
            for name, values in simple.items()
        },
        "auc income halved": {n: auc(v[there], fell[there], CPU) for n, v in simple.items()},
        "auc gone": {n: auc(v[there], gone[there], CPU) for n, v in simple.items()},
    }  # fmt: skip


def firms_back_test(folder: Path) -> dict[str, Any]:
    """Run the night of ``configs/sme_invoices.toml``; return its ``risk_backtest``."""
    with tempfile.TemporaryDirectory() as out:
        data = folder.resolve() / "sme_invoices"
        run(load_config(FIRMS, {"data": str(data), "output": out}))
        rows = pq.read_table(Path(out) / "risk_backtest").to_pylist()
    asked = ("n_customers", "n_fell", "auc", "auc_small", "stability", "covered")
    by_date: dict[str, dict[str, Any]] = {}
    for row in rows:
        by_date.setdefault(row["date"].isoformat(), {})[row["risk"]] = {x: row[x] for x in asked}
    return {"kind": "back-test of 425 firms", "as_of": "2020-02-29", "dates": by_date}


def _seconds(work: Callable[[], Any], repeats: int = _REPEATS) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def main(arguments: list[str] | None = None) -> None:
    """Run everything and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--data", type=Path, help="folder of the real data sets")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: does it run at all")
    given = parser.parse_args(arguments)
    sizes = {"customers": 200, "orders": 5000, "payments": 4000, "firms": 100} if given.quick else {
        "customers": 1500, "orders": 200_000, "payments": 1_000_000, "firms": 20_000,
    }  # fmt: skip
    results = ResultsFile.open(given.out, "risks", sizes)
    for seed in (1,) if given.quick else (1, 2, 3):
        results.append(order_truth(sizes["customers"], seed))
    results.append(order_speed(sizes["orders"]))
    results.append(firm_speed(sizes["payments"], sizes["firms"]))
    if given.data is not None:
        results.append(suppliers_out_of_time(given.data))
        results.append(firms_back_test(given.data))
    for one in results.content["runs"]:
        print(one)


def _draw(score: Any, evidence: Any, income: Any, risk: str) -> risks_peers.Drawn:
    """Return scores drawn towards peers of their size."""
    cuts = risks_peers.cuts_by_currency({0: [np.sort(income)]})
    band = risks_peers.size_bands(income, np.zeros_like(income), cuts, CPU)
    peers = risks_peers.peers_of(lambda: [risks_peers.Scored(score, evidence, band)], risk, CPU)
    return risks_peers.draw(risks_peers.Scored(score, evidence, band), peers, risk, CPU)


if __name__ == "__main__":
    main()
