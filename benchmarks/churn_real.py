"""Who pays nothing in 90 days, on three public sets at several dates: the churn part beside rules.

    python benchmarks/churn_real.py [--data FOLDER]

``online_retail``: customers of a wholesaler; ``supplier_payments``: suppliers of a council;
``sme_invoices``: buyers of 425 Chinese firms, one in eight. The part learns from what had come by
the date; what came after it judges. Beside it stand days since the last payment, RFM quartiles and
BG/NBD's own chance of silence. Differences have 90% ranges over 400 paired bootstrap draws.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import tempfile
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import results_file

from qfb_gpu.api import ledger_of
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import to_day
from qfb_gpu.config import build_config
from qfb_gpu.lake.work import Workspace
from qfb_gpu.ledger import Labelled, SourceRows
from qfb_gpu.models import evaluation, lifetime
from qfb_gpu.parts.churn import CHURN
from qfb_gpu.parts.part import WHOLE, Saved

ROOT = Path(__file__).parents[1]
HORIZON, YEAR, DRAWS = 90, 365, 400
DATES = {
    "online_retail": ["2011-04-30", "2011-05-31", "2011-06-30", "2011-07-31", "2011-09-09"],
    "sme_invoices": ["2017-06-30", "2018-03-31", "2018-12-31", "2019-08-31"],
    "supplier_payments": ["2012-01-31", "2013-06-30", "2015-12-31", "2018-03-31"],
}
RETAIL = ["InvoiceNo", "CustomerID", "InvoiceDate", "Quantity", "UnitPrice"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    beside = ROOT.parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("QFB_DATA", beside)))
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    chosen = parser.parse_args()
    file = results_file.ResultsFile.open(chosen.out, "churn_real", {"horizon_days": HORIZON})
    for name, dates in DATES.items():
        if not (chosen.data / name).is_dir():
            print(f"no {chosen.data / name}: set QFB_DATA")
            continue
        frame = READERS[name](chosen.data / name)
        for date in map(dt.date.fromisoformat, dates):
            row = {"set": name, "as_of": str(date), **judged(frame, date)}
            file.append(row)
            print({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()})
    print(file.path)


def retail(folder):
    lines = pd.read_parquet(folder / "online_retail.parquet", columns=RETAIL)
    lines = lines[lines.CustomerID.fillna("").astype(str) != ""]
    lines["amount"] = pd.to_numeric(lines.Quantity) * pd.to_numeric(lines.UnitPrice)
    one = lines.groupby("InvoiceNo").agg(
        customer_id=("CustomerID", "first"), date=("InvoiceDate", "first"), amount=("amount", "sum")
    )
    return framed(one.customer_id, "wholesaler", one.date, one.amount, "GBP")


def suppliers(folder):
    columns = ["date", "transaction_number", "amount", "supplier_id"]
    lines = pd.read_parquet(folder / "devon_2011_2019.parquet", columns=columns)
    lines["amount"] = pd.to_numeric(lines.amount)
    one = lines.groupby(["transaction_number", "supplier_id"], as_index=False).agg(
        date=("date", "first"), amount=("amount", "sum")
    )
    return framed(one.supplier_id, "council", one.date, one.amount, "GBP")


def buyers(folder):
    columns = ["企业代号", "开票日期", "购方单位代号", "价税合计", "发票状态"]
    lines = pd.concat(
        pd.read_parquet(folder / f"sales_{which}_history.parquet", columns=columns)
        for which in ("with", "without")
    )
    lines = lines[lines["发票状态"].str.strip() == "有效发票"]
    code = lines["购方单位代号"].astype("category").cat.codes.astype("int64")
    lines = lines[code * 2_654_435_761 % 2**32 % 8 == 0]
    date = pd.to_datetime(lines["开票日期"], format="%Y/%m/%d")
    amount = pd.to_numeric(lines["价税合计"])
    return framed(lines["购方单位代号"], lines["企业代号"], date, amount, "CNY")


READERS = {"online_retail": retail, "sme_invoices": buyers, "supplier_payments": suppliers}


def framed(customer, party, date, amount, currency):
    found = pd.DataFrame({
        "customer_id": customer.astype(str).to_numpy(), "counterparty_id": party,
        "date": pd.to_datetime(date).dt.normalize().to_numpy(),
        "amount": amount.round(2).to_numpy(), "currency": currency, "direction": "out",
    })  # fmt: skip
    found["txn_id"] = [f"T{at}" for at in range(len(found))]
    return found[found.amount != 0]


def judged(frame, date):
    """Return AUC of every method, and Brier scores of those that are probabilities."""
    until = pd.Timestamp(date)
    seen, paid = frame[frame.date <= until], frame[frame.amount > 0]
    later = paid[(paid.date > until) & (paid.date <= until + pd.Timedelta(days=HORIZON))]
    customers, probability, used = scored(seen, date)
    lately = paid[(paid.date <= until) & (paid.date > until - pd.Timedelta(days=YEAR))]
    known = customers.isin(lately.customer_id).to_numpy() & np.isfinite(probability)
    customers = customers[known]
    true = ~customers.isin(later.customer_id).to_numpy()
    scores = {"qfb": probability[known], **rule_scores(seen, customers, until)}
    row = {"n_rows": int(true.size), "base_rate": float(true.mean()), "used": used}
    row |= {f"auc {name}": evaluation.auc(true, values) for name, values in scores.items()}
    for name in ("RFM quartiles", "BG/NBD"):
        gains = differences(true, scores["qfb"], scores[name])
        low, high = np.quantile(gains, [0.05, 0.95])
        row |= {f"less {name}, low": float(low), f"less {name}, high": float(high)}
    for name in ("qfb", "BG/NBD"):
        row[f"brier {name}"] = evaluation.brier(true, scores[name])
        row[f"calibration error {name}"] = evaluation.calibration_error(true, scores[name])
    return row


def differences(true, ours, theirs):
    rng = np.random.default_rng(0)
    places = [evaluation.ranked(values) for values in (ours, theirs)]
    drawn = (rng.integers(0, true.size, true.size) for _ in range(DRAWS))
    auc = evaluation.auc_ranked
    return [auc(true[at], places[0][at]) - auc(true[at], places[1][at]) for at in drawn]


def scored(seen, date):
    """Run the part on payments alone; return customers, probabilities and whose they are."""
    backend = get_backend("cpu")
    ledger = ledger_of(seen, as_of=date, device="cpu", currency=str(seen.currency.iloc[0]))
    with tempfile.TemporaryDirectory() as folder:
        raw = {"as_of": date, "device": "cpu", "sources": {"transactions": {"path": "none"}}}
        config = build_config(raw, base=Path(folder), where="benchmark")
        work = Workspace(Path(folder) / ".work" / "night")
        given = SimpleNamespace(
            ledger=ledger, sources=no_sources(), as_of_day=to_day(date), backend=backend,
            config=config,
        )  # fmt: skip
        for name, columns in CHURN.score(given).items():
            work.save("score", 0, f"churn.{name}", columns, backend)
        saved = Saved("churn", work, (0,), to_day(date), config, "cpu", Path(folder) / "lake")
        fitted = CHURN.fit(saved)
        for name, columns in fitted.items():
            work.save("fit", WHOLE, f"churn.{name}", columns, backend)
        profile = CHURN.publish(saved, 0)["customer_profiles"]
    first = ledger.text_row[ledger.relation_offsets[ledger.customer_offsets[:-1]]]
    customers = ledger.texts.column("customer_id").take(first).to_pandas().astype(str)
    rows = fitted["evaluations"]
    names = zip(rows["candidate"].to_pylist(), rows["is_used"].tolist(), strict=True)
    used = {name for name, is_used in names if is_used}
    return customers, np.asarray(profile["churn_probability"]), ", ".join(sorted(used))


def no_sources():
    empty = partial(np.empty, 0)
    keys = {key: empty(np.int64) for key in ("session_key", "event_key")}
    columns = {
        "claims": {"submitted_date": empty(np.int32), "date": empty(np.int32)},
        "events": {"date": empty(np.int32), "step": Labelled(empty(np.int32), ())},
        "orders": {"order_date": empty(np.int32)},
        "touches": {"date": empty(np.int32), "responded": empty(np.int8)},
        "products": {"opened_date": empty(np.int32), "closed_date": empty(np.int32)},
    }
    return {n: SourceRows(n, c, keys, None, empty(np.int32)) for n, c in columns.items()}


def rule_scores(seen, customers, until):
    """Return the rules' scores, as a good user of pandas would have them."""
    paid = seen[seen.amount > 0]
    days = paid.drop_duplicates(["customer_id", "date"])
    of = days.groupby("customer_id").date
    year = seen[seen.date > until - pd.Timedelta(days=YEAR)]
    table = pd.DataFrame({
        "n": of.size(), "first": of.min(), "last": of.max(),
        "frequency": year[year.amount > 0].groupby("customer_id").size(),
        "money": year.groupby("customer_id").amount.sum(),
    }).reindex(customers)  # fmt: skip
    recency = (until - table["last"]).dt.days.to_numpy(float)
    place = {
        name: pd.qcut(pd.Series(values).rank(method="first"), 4, labels=False).to_numpy()
        for name, values in (
            ("r", -recency), ("f", table.frequency.fillna(0).to_numpy()),
            ("m", table.money.fillna(0).to_numpy()),
        )
    }  # fmt: skip
    x = (table.n - 1).to_numpy(int)
    t_x = (table["last"] - table["first"]).dt.days.to_numpy(int)
    age = (until - table["first"]).dt.days.to_numpy(int)
    model = lifetime.fit_beta_geometric(x, t_x, age)
    return {
        "recency": recency,
        "RFM quartiles": -(place["r"] + place["f"] + place["m"]).astype(float),
        "BG/NBD": lifetime.p_silent(model, x, t_x, age, HORIZON),
    }


if __name__ == "__main__":
    main()
