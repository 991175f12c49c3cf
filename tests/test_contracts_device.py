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
