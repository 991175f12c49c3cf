"""Contracts and terms on what stands in for a GPU: no seam that CuPy refuses, the same rows."""

import deals_case
import numpy as np
import pandas as pd
import pyarrow as pa
from stand_in import stand_in_backend

from qfb_gpu.parts.contracts import CONTRACTS
from qfb_gpu.parts.payment_terms import PAYMENT_TERMS


def test_a_device_gives_the_same_tables(tmp_path):
    tables = deals_case.portfolio(60, 4)
    both = [
        deals_case.Night(tmp_path / name, tables, [CONTRACTS, PAYMENT_TERMS], backend=backend)
        for name, backend in (("host", None), ("device", stand_in_backend()))
    ]
    assert both[0].tables.keys() == both[1].tables.keys()
    for name, table in both[0].tables.items():
        pd.testing.assert_frame_equal(table, both[1].table(name), rtol=1e-12)
    for name, values in both[0].profile.items():
        np.testing.assert_allclose(np.asarray(values), np.asarray(both[1].profile[name]))


def in_one(tables):
    """Return the tables with the first two payments of each contract paid in one, on the later day."""
    links, rows = (tables[name].to_pylist() for name in ("contract_payments", "transactions"))
    at = {row["txn_id"]: row for row in rows}
    of = {}
    for link in links:
        of.setdefault((link["customer_id"], link["contract_id"]), []).append(at[link["txn_id"]])
    gone = set()
    for paid in of.values():
        first, *more = sorted(paid, key=lambda row: row["date"])
        if more and not {id(first), id(more[0])} & gone:
            more[0]["amount"] += first["amount"]
            gone.add(id(first))
    rows = [row for row in rows if id(row) not in gone]
    links = [link for link in links if id(at[link["txn_id"]]) not in gone]
    made = {"transactions": rows, "contract_payments": links}
    return {**tables, **{n: pa.Table.from_pylist(r, tables[n].schema) for n, r in made.items()}}


def test_a_device_shares_out_a_payment_of_two_nodes_as_the_host_does(tmp_path):
    """And both nodes are paid: of the same payments one by one the same nodes are."""
    tables = deals_case.portfolio(60, 4)
    one_by_one = deals_case.Night(tmp_path / "each", tables, [CONTRACTS]).table("contract_nodes")
    host, device = (
        deals_case.Night(tmp_path / name, in_one(tables), [CONTRACTS], backend=backend)
        for name, backend in (("host", None), ("device", stand_in_backend()))
    )
    for name, table in host.tables.items():
        pd.testing.assert_frame_equal(table, device.table(name), rtol=1e-12)
    differs = host.table("contract_summary").query("agreement == 'differs'")
    assert len(differs) > 10
    mine, known = (
        of[of.contract_id.isin(differs.contract_id)]
        for of in (host.table("contract_nodes"), one_by_one)
    )
    assert mine.paid_minor.tolist() == known.paid_minor.tolist()
    assert mine.status.tolist() == known.status.tolist()


def test_payments_alone_give_intervals_and_no_recommendation(tmp_path):
    tables = deals_case.portfolio(25, 4)
    bare = {name: tables[name] for name in ("transactions",)}
    both = [
        deals_case.Night(tmp_path / name, bare, [PAYMENT_TERMS], backend=backend)
        for name, backend in (("host", None), ("device", stand_in_backend()))
    ]
    terms = both[0].table("payment_terms")
    pd.testing.assert_frame_equal(terms, both[1].table("payment_terms"), rtol=1e-12)
    assert len(terms) > 50
    assert (terms.basis == "payments").all()
    assert terms.interval_median_days.notna().all()
    assert terms.recommended_days.isna().all()
    assert terms.days_median.isna().all()
    assert len(both[0].table("payment_terms_front")) == 0
