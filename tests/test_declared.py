"""Declared schedules and the streams that stand for them, against loops over all pairs."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import declared as naive

from qfb_gpu.backend import get_backend
from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.payments import declared

CPU = get_backend("cpu")
NAN = float("nan")

common = {
    "counterparty_key": st.sampled_from([5, 5, 5, 5, 0, 0, -6]),
    "currency": st.sampled_from([1, 1, 1, 1, 1, 2]),
    "cadence": st.sampled_from([3, 3, 4, -1]),
    "next_day": st.sampled_from([100, 100, 105, 106, None, None, 300]),
}
periods = st.sampled_from([30.0, 30.0, 30.0, 30.0, 31.5, 31.6, 28.5, 28.4, 90.0, NAN])
amounts = st.sampled_from([100.0, 100.0, 100.0, 100.0, 99.0, 98.9, 90.0, 89.9, -100.0, 0.0])
declarations = st.fixed_dictionaries(
    {
        **common, "customer": st.sampled_from([0, 0, 0, 0, 1, -1]), "amount": amounts | st.just(NAN),
        "period_days": periods, "is_active": st.booleans(),
        "is_schedule": st.sampled_from([True, True, True, False]),
    }
)  # fmt: skip
found = st.fixed_dictionaries(
    {
        **common, "customer": st.sampled_from([0, 0, 0, 0, 1, 3]), "amount": amounts,
        "period_days": periods, "is_out": st.sampled_from([True, True, True, False]),
        "is_regular": st.booleans(), "is_stopped": st.booleans(),
        "n_payments": st.sampled_from([1, 2, 3, 9]),
    }
)  # fmt: skip


def arrays(rows, names):
    """Return the rows as a dict of arrays; an unknown day is null."""
    columns = {name: [row[name] for row in rows] for name in names}
    columns["next_day"] = [NULL_DAY if d is None else d for d in columns["next_day"]]
    kinds = {"amount": float, "period_days": float, "next_day": np.int32}
    return {
        name: np.array(v, bool if name.startswith("is_") else kinds.get(name, np.int64))
        for name, v in columns.items()
    }


@given(st.lists(declarations, max_size=5), st.lists(found, max_size=8), st.randoms())
@settings(max_examples=400)
def test_a_schedules_stream_and_its_differences_are_those_of_loops(ours, theirs, random):
    ids = random.sample(range(1000), len(theirs))
    theirs = [{**row, "stream_id": number} for row, number in zip(theirs, ids, strict=True)]
    one = {**common, "customer": 0, "amount": 0, "period_days": 0}
    made = declared.match_streams(
        arrays(ours, [*one, "is_active", "is_schedule"]),
        arrays(theirs, [*one, "stream_id", "is_out", "is_regular", "is_stopped", "n_payments"]),
        CPU,
    )
    for row, at, difference in zip(ours, made["stream"], made["difference"], strict=True):
        want = naive.stream_of(row, theirs)
        assert (None if at < 0 else theirs[at]) == want
        names = set() if want is None else naive.differences(row, want)
        assert difference == sum(getattr(declared, name) for name in names)


def test_every_difference_is_a_bit_of_its_own():
    names = ("OTHER_CADENCE", "OTHER_AMOUNT", "OTHER_NEXT", "NOT_REGULAR", "STOPPED", "NOT_ACTIVE")
    assert [getattr(declared, name) for name in names] == [1, 2, 4, 8, 16, 32]
