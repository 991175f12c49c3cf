"""What tests draw: ledgers, day lists, calendars with holidays, schedules.

Payments are (customer, counterparty, direction, currency, day, amount) as in ``ledger_cases``.
"""

import datetime as dt

import numpy as np
from hypothesis import strategies as st
from ledger_cases import AS_OF, CNY, EUR, JPY

from qfb_gpu.backend import Backend
from qfb_gpu.ledger import Calendar

EPOCH = dt.date(1970, 1, 1)
CALENDAR_FIRST, CALENDAR_LAST = dt.date(2014, 1, 1), dt.date(2030, 12, 31)
LEAP_DAYS = [(dt.date(year, 2, 29) - EPOCH).days for year in (2016, 2020, 2024)]
HUGE = 10**17

# Ledgers ------------------------------------------------------------------------------------

days = st.one_of(
    st.integers(AS_OF - 8, AS_OF),  # many on one day
    st.integers(AS_OF - 130, AS_OF),
    st.integers(AS_OF - 500, AS_OF),
    st.sampled_from([AS_OF - n for n in (6, 7, 29, 30, 89, 90, 359, 360, 363, 364, 365, 454, 455)]),
    st.sampled_from(LEAP_DAYS),
    st.integers(-700, AS_OF),  # before 1970
)
amounts = st.one_of(
    st.integers(-500, 2_000),
    st.sampled_from([0, 1, -1, 5_000, 5_000, -5_000, HUGE, -HUGE]),
)
currencies = st.sampled_from([CNY, CNY, CNY, EUR, JPY])


def rows(customers=3, counterparties=3):
    """Draw one payment; counterparty 0 is null."""
    return st.tuples(
        st.integers(0, customers),
        st.integers(0, counterparties),
        st.integers(0, 1),
        currencies,
        days,
        amounts,
    )


def _repeat_some(drawn):
    payments, repeated = drawn
    return payments + [payments[i % len(payments)] for i in repeated if payments]


def _compact(payments):
    """Number the customers 0 .. n - 1 without gaps: each has at least one payment."""
    number = {c: i for i, c in enumerate(sorted({row[0] for row in payments}))}
    return [(number[row[0]], *row[1:]) for row in payments]


def ledgers(max_size=40):
    """Draw the payments of a ledger: none, one or many; of one relation, one customer or many."""
    shapes = st.one_of(
        st.lists(rows(0, 0), max_size=max_size),
        st.lists(rows(0, 3), max_size=max_size),
        st.lists(rows(6, 1), max_size=max_size),
        st.lists(rows(), max_size=max_size),
    )
    same = st.lists(st.integers(0, max_size), max_size=4)
    return st.tuples(shapes, same).map(_repeat_some).map(_compact)


day_lists = st.lists(
    st.lists(st.integers(-800, 20_000) | st.sampled_from([0, 0, 100, *LEAP_DAYS]), max_size=12).map(
        sorted
    ),
    max_size=8,
)
"""Some units' days in order: none, one or many, some the same."""

# Calendars and schedules -----------------------------------------------------------------------


def make_calendar(closed=(), opened=()):
    """Return a Calendar of 2014 to 2030: ``closed`` holidays and ``opened`` weekends."""
    working = np.arange(CALENDAR_FIRST, CALENDAR_LAST + dt.timedelta(days=1))
    working = (working.astype(np.int64) + 3) % 7 < 5
    for dates, is_open in ((closed, False), (opened, True)):
        for date in dates:
            working[(date - CALENDAR_FIRST).days] = is_open
    working.flags.writeable = False
    first = (CALENDAR_FIRST - EPOCH).days
    return Calendar("test", first, working, first + len(working) - 1)


@st.composite
def holidays(draw):
    """Draw (closed, opened): runs of one to eight holidays, some weekends worked instead."""
    near = st.integers(0, 2_500).map(lambda i: dt.date(2018, 1, 1) + dt.timedelta(days=i))
    month_ends = st.sampled_from(
        [dt.date(2020, 2, 28), dt.date(2021, 4, 29), dt.date(2022, 12, 30), dt.date(2023, 10, 1)]
    )
    opened = {d for d in draw(st.lists(near, max_size=6)) if d.weekday() >= 5}
    closed = set()
    for first, length in draw(
        st.lists(st.tuples(near | month_ends, st.integers(1, 8)), max_size=6)
    ):
        closed |= {first + dt.timedelta(days=i) for i in range(length)}
    return frozenset(closed - opened), frozenset(opened)


_months = st.integers(12 * 48, 12 * 54)  # 2018 to 2024
_steps = st.sampled_from([1, 1, 1, 2, 3, 6, 12])
schedules = st.one_of(
    st.tuples(
        st.just("days"), st.sampled_from([1, 5, 7, 10, 14, 28, 30, 91]),
        st.integers(17_600, 19_700), st.just(1), st.just(0),
    ),
    st.tuples(
        st.just("months"), _steps, _months, st.integers(1, 31) | st.integers(-9, -1), st.just(0)
    ),
    st.integers(1, 26).flatmap(
        lambda a: st.tuples(
            st.just("pair"), st.just(1), _months, st.just(a), st.integers(a + 5, 31)
        )
    ),
    st.tuples(
        st.just("nth"), _steps, _months, st.sampled_from([1, 2, 3, 4, -1]), st.integers(0, 6)
    ),
    st.tuples(
        st.just("month_workday"), _steps, _months,
        st.integers(1, 9) | st.integers(-9, -1), st.just(0),
    ),
)  # fmt: skip
"""(kind, step, anchor, a, b) in the words of ``naive.dues``."""
rolls = st.sampled_from(["none", "preceding", "following", "modified"])

# Backends ---------------------------------------------------------------------------------------


def in_small_batches(backend, budget_bytes):
    """Return the backend with another memory budget for a batch."""

    class Small(type(backend)):
        def memory_budget_bytes(self):
            return budget_bytes

    return Small(**{name: getattr(backend, name) for name in Backend.__dataclass_fields__})
