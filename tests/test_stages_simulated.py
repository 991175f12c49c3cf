"""Every stage's CUDA kernels in the simulator: the same answer as on the CPU, to the bit."""

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from simulate import simulated_backend

from qfb_gpu import payments, profile
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar, to_day
from qfb_gpu.config import build_config
from qfb_gpu.lake import silver
from qfb_gpu.ledger import Labelled

AS_OF = dt.date(2024, 6, 30)


def table():
    """Two customers: rent on the 15th, a fortnightly wage, a refund, and a few at random."""
    rng = np.random.default_rng(5)
    rows = [("a", "landlord", dt.date(2024, m, 15), -1200) for m in range(1, 7)]
    start = dt.date(2024, 1, 5)
    rows += [("a", "firm", start + dt.timedelta(days=14 * i), 2500 + i) for i in range(9)]
    rows += [
        ("b", "shop", start + dt.timedelta(days=int(d)), -int(rng.integers(5, 90)))
        for d in np.sort(rng.integers(0, 170, 7))
    ]
    rows.append(("a", "landlord", dt.date(2024, 4, 18), 1200))
    customer, peer, date, amount = zip(*rows, strict=True)
    return pa.table(
        {"customer_id": customer, "counterparty_id": peer, "date": date, "amount": amount}
    )


def ledger(backend):
    part = {"path": "memory"}
    raw = {"as_of": AS_OF, "sources": {"transactions": part}}
    return silver.ledger_from_arrow(table(), build_config(raw, base=Path(), where="t"), backend)


def stages(backend):
    book = ledger(backend)
    day = to_day(AS_OF)
    calendar = load_calendar("CN")
    streams = payments.score_streams(book, calendar, day, backend)
    q_values = payments.q_values(streams.columns["p_value"], backend.xp)
    decided = payments.decide(
        {**streams.columns, "relation": streams.relation}, q_values, 0.05, backend.xp
    )
    expected = payments.expected_payments(decided, calendar, day, 30, backend)
    features = profile.customer_features(book, day, backend)
    kinds = {name: getattr(book, name)[decided["relation"]] for name in ("direction", "currency")}
    regularity = profile.regularity_features(
        {**decided, **kinds},
        book.relation_customer[decided["relation"]],
        features["main_currency"],
        day,
        backend,
    )
    parts = {"streams": decided, "expected": expected, "features": features}
    found = {f"{part}.{name}": v for part, columns in parts.items() for name, v in columns.items()}
    found |= {f"regularity.{name}": v for name, v in regularity.items()}
    found |= {name: getattr(streams, name) for name in ("stream_of_payment", "role", "due_day")}
    return found


@pytest.mark.cudasim
def test_the_stages_in_the_simulator_equal_the_cpu():
    got, want = stages(simulated_backend()), stages(get_backend("cpu"))
    assert got.keys() == want.keys()
    for name, values in want.items():
        left, right = got[name], values
        if isinstance(right, Labelled):
            assert left.labels == right.labels, name
            left, right = left.codes, right.codes
        if right.dtype.kind == "f":  # the spectrum is float32, in another order of operations
            np.testing.assert_allclose(left, right, rtol=1e-6, atol=1e-9, err_msg=name)
        else:
            np.testing.assert_array_equal(left, right, err_msg=name)
