"""Contracts and terms on what stands in for a GPU: no seam that CuPy refuses, the same rows."""

import deals_case
import numpy as np
import pandas as pd
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
