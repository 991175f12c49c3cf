"""Gold tables in memory, with plausible values: what the page and `qfb show` are tried on."""

import datetime as dt
import json

import numpy as np
import pyarrow as pa

from qfb_gpu.schema import GOLD, ROLLS

AS_OF = dt.date(2024, 12, 31)
EPOCH = dt.date(1970, 1, 1)
_KINDS = {
    "string": pa.string(), "date": pa.date32(), "int8": pa.int8(), "int32": pa.int32(),
    "int64": pa.int64(), "float64": pa.float64(), "bool": pa.bool_(),
}  # fmt: skip
_CADENCES = {
    "monthly": 30.44, "weekly": 7, "biweekly": 14, "quarterly": 91.3, "semimonthly": 15.2,
    "annual": 365.25, "every_n_days": 10, "daily": 1.4, "bimonthly": 60.9,
}  # fmt: skip
_OBIE = {"monthly": "IntrvlMnthDay:01:01", "weekly": "IntrvlWkDay:01:01"}
_WORDS = ("宏达机械", "东方纺织", "Baltic Timber", "海蓝物流", "Nordlicht", "新华电子")


def schema_of(name):
    return pa.schema([(c.name, _KINDS[c.kind]) for c in GOLD[name].columns])


def table_of(name, columns, n_rows):
    schema = schema_of(name)
    missing = [None] * n_rows
    return pa.table({f.name: pa.array(columns.get(f.name, missing), f.type) for f in schema})


class Gold:
    """The gold tables of one made-up run."""

    def __init__(self, tables, extras):
        self.tables, self.extras = tables, extras

    def read(self, name, columns):
        if name not in self.tables:
            raise KeyError(name)
        table = self.tables[name]
        return table if columns is None else table.select(columns)

    def rows(self):
        return [(name, table.num_rows) for name, table in self.tables.items()]


def empty():
    """Return a run that saw no payment at all: every table is there and has no row."""
    tables = {name: table_of(name, {}, 0) for name in GOLD}
    tables["customer_profiles"] = _profiles([], np.random.default_rng(0))
    return Gold(tables, {"monthly": [], "run": {"run_id": "0" * 16, "as_of": "2024-12-31"}})


def many(n_customers=400, seed=7, currencies=("CNY", "USD", "JPY"), ids=None):
    """Return a run over ``n_customers``; ``ids`` replaces their ids (for nasty ones)."""
    rng = np.random.default_rng(seed)
    customers = list(ids) if ids else [f"C{i:06d}" for i in range(n_customers)]
    suppliers = [f"{_WORDS[i % len(_WORDS)]}-{i:03d}" for i in range(max(len(customers) // 2, 2))]
    streams = _streams(customers, suppliers, currencies, rng)
    tables = {
        "payment_streams": streams,
        "stream_payments": table_of("stream_payments", _roles(streams), streams.num_rows),
        "expected_payments": _expected(streams),
        "segments": _segments(customers),
        **_network(customers, suppliers, currencies, rng),
        **_quality(len(customers)),
        "customer_profiles": _profiles(customers, rng),
    }
    monthly = _monthly(streams, currencies, rng)
    run = _run(streams, customers, monthly)
    tables["runs"] = table_of("runs", {name: [value] for name, value in run.items()}, 1)
    people = pa.table({
        "customer_id": customers,
        "industry": rng.choice(["machinery", "textiles", "logistics", "电子", "food"], len(customers)),
        "region": rng.choice(["浙江", "江苏", "广东", "上海"], len(customers)),
    })  # fmt: skip
    extras = {"monthly": monthly, "run": {"run_id": run["run_id"]}, "customers": people}
    return Gold(tables, extras)


def _streams(customers, suppliers, currencies, rng):
    n = len(customers) * 6
    who = rng.integers(0, len(customers), n)
    who[: len(customers)] = np.arange(len(customers))
    regular = rng.random(n) < 0.42
    cadence = rng.choice(list(_CADENCES), n, p=[0.5, 0.12, 0.08, 0.1, 0.05, 0.05, 0.04, 0.02, 0.04])
    period = np.array([_CADENCES[name] for name in cadence])
    n_payments = np.maximum(2, rng.poisson(14, n))
    typical = np.round(np.exp(rng.normal(9.2, 1.5, n)), 2)
    status = rng.choice(["mature", "early", "stopped"], n, p=[0.75, 0.1, 0.15])
    going = regular & (status != "stopped")
    as_of = (AS_OF - EPOCH).days
    last = as_of - np.where(going, rng.integers(0, 30, n), rng.integers(0, 500, n))
    step = np.maximum(1, np.minimum(period, 80)).astype(int)
    ahead = 1 + (last + step - as_of - 1) % step
    confidence = np.where(regular, 1 - rng.exponential(1e-4, n), rng.random(n) * 0.98)
    spread = rng.choice([0.0, 0.02, 0.2], n)
    day = _dates_or_null(going)
    minor = np.round(typical * n_payments * 100).astype(np.int64)
    value = {
        "stream_id": np.arange(n) * 7919 + 11,
        "customer_id": [customers[i] for i in who],
        "counterparty_id": [
            None if i % 17 == 3 else suppliers[i % len(suppliers)] for i in range(n)
        ],
        "direction": np.where(rng.random(n) < 0.45, "in", "out"),
        "currency": rng.choice(currencies, n, p=_weights(len(currencies))),
        "n_payments": n_payments,
        "first_date": (last - period * n_payments).astype(np.int32),
        "last_date": last.astype(np.int32),
        "is_regular": regular,
        "cadence": np.where(regular, cadence, "irregular"),
        "period_days": period,
        "schedule_code": [_OBIE.get(name) for name in cadence],
        "rrule": ["FREQ=MONTHLY;BYMONTHDAY=1"] * n,
        "roll": rng.choice(list(ROLLS), n),
        "confidence": confidence,
        "q_value": 1 - confidence,
        "interval_mean_days": period,
        "interval_std_days": period / 20,
        "interval_median_days": period,
        "spectrum_period_days": period,
        "spectrum_strength": rng.random(n),
        "spectrum_entropy": rng.random(n),
        "amount_kind": rng.choice(["fixed", "stepped", "variable", "trend"], n),
        "amount_typical": typical,
        "amount_total_minor": minor,
        "next_date": day(as_of + ahead),
        "next_date_earliest": day(as_of + np.maximum(1, ahead - 1)),
        "next_date_latest": day(as_of + ahead + 2),
        "next_amount": np.where(going, typical, np.nan),
        "next_amount_low": np.where(going, typical * (1 - spread), np.nan),
        "next_amount_high": np.where(going, typical * (1 + spread), np.nan),
        "n_missed": rng.integers(0, 3, n),
        "status": [s if r else None for s, r in zip(status, regular, strict=True)],
    }  # fmt: skip
    numeric = {"next_amount", "next_amount_low", "next_amount_high"}
    columns = {
        name: pa.array(values, from_pandas=True) if name in numeric else values
        for name, values in value.items()
    }
    return table_of("payment_streams", columns, n)


def _dates_or_null(going):
    def make(days):
        return pa.array(days.astype(np.int32), mask=~going).cast(pa.date32())

    return make


def _weights(n):
    return [1.0] if n == 1 else [0.8, *[0.2 / (n - 1)] * (n - 1)]


def _roles(streams):
    return {
        "txn_id": [f"T{i}" for i in range(streams.num_rows)],
        "customer_id": streams.column("customer_id").to_pylist(),
        "stream_id": streams.column("stream_id").to_pylist(),
        "role": ["regular"] * streams.num_rows,
        "due_date": streams.column("last_date").to_pylist(),
    }


def _expected(streams):
    rows = []
    for stream in streams.to_pylist():
        date = stream["next_date"]
        while date is not None and (date - AS_OF).days <= 90:
            rows.append({
                "customer_id": stream["customer_id"], "stream_id": stream["stream_id"],
                "due_date": date, "direction": stream["direction"],
                "currency": stream["currency"], "amount": stream["next_amount"],
            })  # fmt: skip
            date += dt.timedelta(days=max(1, round(stream["period_days"])))
    return pa.Table.from_pylist(rows, schema_of("expected_payments"))


def _segments(customers):
    words = (
        "steady suppliers: high regularity share, low amount variation",
        "seasonal traders: high summer share, low frequency",
        "large buyers: high money out, many counterparties",
        "newcomers: short history",
    )
    left, rows = len(customers), []
    for number, label in enumerate(words):
        size = left if number == len(words) - 1 else max(1, left // 2)
        left -= size
        scores = {
            name: {"mean": 10.0 * score + 30, "population_mean": 30.0, "standard_score": score}
            for name, score in zip(
                ("regularity_share", "money_out_per_month", "frequency_per_day",
                 "concentration_hhi", "recency_days", "interval_cv", "trend_slope"),
                np.roll([2.1, -1.4, 0.9, -0.6, 0.4, -0.3, 0.05], number), strict=True,
            )
        }  # fmt: skip
        rows.append({
            "segment_id": number, "n_customers": size, "share": size / len(customers),
            "label": label, "feature": json.dumps(scores),
            "typical_customers": json.dumps(customers[number : number + 3]),
        })  # fmt: skip
    return pa.Table.from_pylist(rows, schema_of("segments"))


def _network(customers, suppliers, currencies, rng):
    edges = {}
    for at, customer in enumerate(customers):
        for _ in range(3):
            near = (at // 20 * 3 + int(rng.integers(0, 4))) % len(suppliers)
            pair = (
                customer,
                suppliers[near],
                str(rng.choice(currencies, p=_weights(len(currencies)))),
            )
            edges[pair] = (int(rng.integers(1, 80)), int(rng.integers(10_000, 9_000_000)))
    pairs = list(edges)
    degree_out, degree_in = {}, {}
    for payer, payee, _ in pairs:
        degree_out[payer] = degree_out.get(payer, 0) + 1
        degree_in[payee] = degree_in.get(payee, 0) + 1
    names = customers + suppliers
    rank = np.array([1.0 + 3 * degree_in.get(name, 0) for name in names])
    groups = [i // 40 for i in range(len(customers))] + [i // 6 for i in range(len(suppliers))]
    nodes = {
        "node_id": names,
        "is_customer": [True] * len(customers) + [False] * len(suppliers),
        "component_id": [0 if g < 8 else 1 for g in groups],
        "community_id": groups,
        "pagerank": rank / rank.sum(),
        "degree_in": [degree_in.get(name, 0) for name in names],
        "degree_out": [degree_out.get(name, 0) for name in names],
    }
    columns = {
        "payer_id": [p[0] for p in pairs], "payee_id": [p[1] for p in pairs],
        "currency": [p[2] for p in pairs], "n_payments": [edges[p][0] for p in pairs],
        "amount_minor": [edges[p][1] for p in pairs],
    }  # fmt: skip
    return {
        "graph_nodes": table_of("graph_nodes", nodes, len(names)),
        "graph_edges": table_of("graph_edges", columns, len(pairs)),
    }


def _quality(n_customers):
    rows = 90 * n_customers
    counts = {
        "rows": rows, "kept": rows - 57, "rejected: amount is not a number": 31,
        "rejected: date cannot be read": 6, "excluded: void invoice": 20, "future: after as_of": 0,
    }  # fmt: skip
    measures = {
        "source": ["transactions"] * len(counts) + ["customers"] * 2,
        "measure": [*counts, "rows", "kept"],
        "value": [*counts.values(), n_customers, n_customers],
    }
    rejects = {
        "source": ["transactions"] * 2,
        "file": ["/data/in/payments-2024.csv"] * 2,
        "row": [17, 2044],
        "reason": ["amount is not a number", "date cannot be read"],
        "row_json": ['{"amount": "n/a", "memo": "房租"}', '{"date": "31/02/2024"}'],
    }
    return {
        "data_quality": table_of("data_quality", measures, len(counts) + 2),
        "rejects": table_of("rejects", rejects, 2),
    }


def _profiles(customers, rng):
    n = len(customers)
    return pa.table({
        "customer_id": pa.array(customers, pa.string()),
        "as_of": pa.array([AS_OF] * n, pa.date32()),
        "main_currency": pa.array(["CNY"] * n, pa.string()),
        "recency_days": pa.array(rng.integers(0, 400, n), pa.int32()),
        "money_in_per_month": pa.array(rng.random(n) * 1e5, pa.float64()),
        "money_out_per_month": pa.array(rng.random(n) * 1e5, pa.float64()),
        "regularity_n_streams": pa.array(rng.integers(0, 6, n), pa.int32()),
        "regularity_share_of_money": pa.array(rng.random(n), pa.float64()),
        "network_pagerank": pa.array(rng.random(n), pa.float64()),
        "segment_id": pa.array(rng.integers(0, 4, n), pa.int32()),
        "tier": pa.array(rng.choice(["A", "B", "C"], n), pa.string()),
        "lifecycle": pa.array(rng.choice(["new", "growing", "stable", "fading"], n), pa.string()),
    })  # fmt: skip


def _monthly(streams, currencies, rng):
    rows = []
    months = [f"{2022 + m // 12}-{m % 12 + 1:02d}" for m in range(36)]
    for currency, weight in zip(currencies, _weights(len(currencies)), strict=True):
        for at, month in enumerate(months):
            season = 1 + 0.3 * np.sin(at / 6 * np.pi) + at / 60
            for direction in ("in", "out"):
                number = int(streams.num_rows * weight * season * rng.uniform(0.3, 0.4)) + 1
                rows.append({
                    "month": month, "direction": direction, "currency": currency,
                    "n_payments": number, "amount_minor": number * int(rng.integers(9e5, 3e6)),
                })  # fmt: skip
    return rows


def _run(streams, customers, monthly):
    stages = {
        "ingest": {"seconds": 3.21, "rows": 36000}, "score": {"seconds": 7.5, "rows": 36000},
        "fit": {"seconds": 1.1, "rows": len(customers)}, "publish": {"seconds": 0.8, "rows": 90000},
    }  # fmt: skip
    flags = streams.column("is_regular").to_pylist()
    return {
        "run_id": "a1b2c3d4e5f60718", "as_of": AS_OF, "device": "cpu: 2 cores",
        "n_payments": sum(row["n_payments"] for row in monthly), "n_customers": len(customers),
        "n_streams": streams.num_rows, "n_regular": sum(flags), "stages": json.dumps(stages),
        "inputs": json.dumps({"transactions": {"files": ["payments.parquet"], "version": "3"},
                              "customers": {"files": ["customers.csv"], "version": "1"}}),
        "versions": json.dumps({"qfb_gpu": "0.1.0", "numpy": "2.4", "pyarrow": "25.0"}),
        "settings": json.dumps({"as_of": "2024-12-31", "payments": {"horizon_days": 90}}),
    }  # fmt: skip
