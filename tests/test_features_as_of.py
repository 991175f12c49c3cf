"""Features of every source as of a date: nothing later is seen, no order and no bucket matters."""

import datetime as dt
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from stand_in import stand_in_backend

from qfb_gpu import parts, profile
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar, to_day
from qfb_gpu.config import build_config
from qfb_gpu.lake import ingest, silver
from qfb_gpu.lake.source_rows import read_rows
from qfb_gpu.parts.source_features import SOURCE_FEATURES
from qfb_gpu.portfolio import generate_portfolio

AS_OF = dt.date(2024, 6, 30)
KNOWN = {  # from which date on a row exists, and the columns that are filled later
    "transactions": ("date", ()),
    "orders": ("order_date", ("delivered_date",)),
    "contracts": ("start_date", ()),
    "claims": ("submitted_date", ("paid_date",)),
    "events": ("date", ()),
    "touches": ("date", ()),
    "products": ("opened_date", ("closed_date",)),
}
CPU = get_backend("cpu")


@pytest.fixture(scope="module")
def portfolio():
    tables = generate_portfolio(40, 3, dt.date(2024, 12, 31), calendar=load_calendar("CN"))
    return {name: table for name, table in tables.items() if not name.startswith("truth")}


def features(folder, tables, n_buckets, backend=CPU):
    """Return every feature of payments and sources by customer: ingest, then each bucket."""
    folder.mkdir()
    for name, table in tables.items():
        pq.write_table(table, folder / f"{name}.parquet", row_group_size=997)
    sources = {name: {"path": f"{name}.parquet"} for name in tables}
    raw = {
        "as_of": AS_OF, "device": "cpu", "workers": 1, "n_buckets": n_buckets, "sources": sources,
    }  # fmt: skip
    config = build_config(raw, base=folder, where="test")
    ingest.ingest(config)
    lake, day, found = config.output_dir / "lake", to_day(AS_OF), []
    for bucket in silver.buckets(lake):
        ledger = silver.read_ledger(lake, bucket, day, backend)
        first = ledger.text_row[ledger.relation_offsets[ledger.customer_offsets[:-1]]]
        row = pa.array(backend.to_host(first))
        ids = silver.read_texts(lake, bucket, ["customer_id"], row).column("customer_id")
        columns = profile.customer_features(ledger, day, backend)
        for part in SOURCE_FEATURES:
            rows = {
                name: read_rows(lake, bucket, name, day, ledger.customer_key, backend)
                for name in part.needs
            }
            texts = partial(silver.read_texts, lake, bucket)
            calendar = load_calendar("CN")
            made = part.score(
                parts.Given(bucket, day, config, calendar, ledger, None, rows, texts, backend)
            )
            columns |= made["features"]
            tops = made.get("tops", {})
            for name, top in tops.items():
                columns[name] = np.array([*top.labels, None])[backend.to_host(top.codes)]
        columns |= profile.purchase_history(ledger, columns["main_currency"], day, backend)
        host = {
            name: values if isinstance(values, np.ndarray) else backend.to_host(values)
            for name, values in columns.items()
        }
        found.append(pd.DataFrame(host, index=ids.to_pandas()))
    return pd.concat(found).sort_index()


@pytest.fixture(scope="module")
def whole(portfolio, tmp_path_factory):
    return features(tmp_path_factory.mktemp("whole") / "lake", portfolio, 1)


def test_every_block_of_a_source_is_there(whole):
    blocks = {name.partition("_")[0] for name in whole.columns}
    assert {"mix", "journey", "marketing", "terms", "contracts", "claims", "products"} <= blocks
    for name in ("terms_n_paid_365d", "contracts_paid_minor_active", "claims_n_365d"):
        assert whole[name].sum() > 0, name


def test_rows_after_as_of_and_what_was_filled_in_later_are_not_seen(portfolio, whole, tmp_path):
    cut = {}
    for name, table in portfolio.items():
        frame = table.to_pandas()
        if name in KNOWN:
            begins, later = KNOWN[name]
            frame = frame[frame[begins] <= AS_OF]
            for column in later:
                frame[column] = frame[column].where(frame[column] <= AS_OF, None)
            if name == "touches":
                is_known = frame["date"] <= AS_OF - dt.timedelta(days=30)
                frame["responded"] = frame["responded"].where(is_known, None)
        elif name == "contract_payments":
            paid = portfolio["transactions"].to_pandas()
            frame = frame[frame.txn_id.isin(paid.txn_id[paid.date <= AS_OF])]
        cut[name] = pa.Table.from_pandas(frame, table.schema, preserve_index=False)
    assert sum(t.num_rows for t in cut.values()) < sum(t.num_rows for t in portfolio.values())
    pd.testing.assert_frame_equal(features(tmp_path / "lake", cut, 1), whole, check_exact=True)


@pytest.mark.parametrize("n_buckets", [5])
def test_order_and_buckets_change_no_bit(portfolio, whole, tmp_path, n_buckets):
    rng = np.random.default_rng(n_buckets)
    shuffled = {n: t.take(pa.array(rng.permutation(t.num_rows))) for n, t in portfolio.items()}
    pd.testing.assert_frame_equal(
        features(tmp_path / "lake", shuffled, n_buckets), whole, check_exact=True
    )


def test_a_stand_in_for_a_gpu_takes_every_step(portfolio, whole, tmp_path):
    got = features(tmp_path / "lake", portfolio, 2, stand_in_backend())
    pd.testing.assert_frame_equal(got, whole, check_exact=True)


def test_who_customers_are_changes_no_bit(portfolio, whole, tmp_path):
    customers = portfolio["customers"]
    order = np.random.default_rng(1).permutation(customers.num_rows)
    others = customers.take(pa.array(order)).drop_columns(["customer_id"])
    swapped = others.add_column(0, "customer_id", customers.column("customer_id"))
    assert not swapped.equals(customers)
    got = features(tmp_path / "lake", {**portfolio, "customers": swapped}, 1)
    pd.testing.assert_frame_equal(got, whole, check_exact=True)
