"""Figures of customers of a few rows, known by heart: profiles, and what the page says of them."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from qfb_gpu import profile
from qfb_gpu.backend import get_backend
from qfb_gpu.ledger import Labelled, SourceRows
from qfb_gpu.report.figures import portfolio

AS_OF = dt.date(2024, 12, 31)
AS_OF_DAY = (AS_OF - dt.date(1970, 1, 1)).days


def activity(*streams):
    """Return how active customers are: (customer, payments that stayed, day of the last one)."""
    customer, n_payments, last = zip(*streams, strict=True)
    return portfolio.activity(
        pa.table(
            {
                "customer_id": pa.array(customer),
                "n_payments": pa.array(n_payments, pa.int32()),
                "last_date": pa.array(last, pa.date32()),
            }
        ),
        AS_OF,
    )


def no_table(name, columns):
    raise FileNotFoundError(name, columns)


def shown(*parts):
    found = portfolio.collect(no_table, {"customers": pa.table({"size": ["small"]})}, AS_OF, parts)
    return found.by_payments, found.by_recency


def test_a_customer_whose_payments_all_came_back_is_counted():
    """It has a stream without a payment that stayed: no day of a last one, and no step had it."""
    part = activity(("A", 0, None), ("B", 1, AS_OF), ("C", 0, None), ("C", 3, dt.date(2024, 1, 1)))
    by_payments, by_recency = (dict(counts) for counts in shown(part))
    assert by_payments["all returned"] == 1
    assert by_recency["all returned"] == 1
    assert sum(by_payments.values()) == sum(by_recency.values()) == 3
    assert (by_payments["1"], by_payments["2–5"]) == (1, 1)
    assert (by_recency["last 30 days"], by_recency["181–365 days ago"]) == (1, 1)


def test_nobody_whose_payments_came_back_is_no_line():
    for counts in shown(activity(("B", 1, AS_OF))):
        assert "all returned" not in dict(counts)


def test_figures_of_other_steps_are_refused():
    with pytest.raises(ValueError, match="expected 8 and 6 or 0 steps"):
        portfolio.Activity([0] * 7, [0] * 5)
    assert np.sum(portfolio.Activity([0] * 8, []).by_payments) == 0


def test_steps_per_visit_are_of_the_visits_that_are_counted():
    """A visit that began a year and a day ago has a step within the year: neither counts."""
    sessions = [(366, 1), (364, 1), (213, 2), (212, 2)]
    events = SourceRows(
        "events",
        {
            "date": np.array([AS_OF_DAY - ago for ago, _ in sessions], np.int32),
            "channel": Labelled(np.zeros(4, np.int32), ["app"]),
            "step": Labelled(np.zeros(4, np.int32), ["view"]),
        },
        {"session_key": np.array([session for _, session in sessions], np.int64)},
        pa.table({}),
        np.zeros(4, np.int32),
    )
    steps = {"view": ("view",), "apply": (), "submit": ()}
    found = profile.journey_features(events, 1, AS_OF_DAY, get_backend("cpu"), steps=steps)
    assert found["journey_n_visits_365d"].tolist() == [1]
    assert found["journey_steps_per_visit_365d"].tolist() == [2.0]
