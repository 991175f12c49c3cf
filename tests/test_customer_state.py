"""What the models know of customers: visits as the journeys have them, money of one currency."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from ledger_cases import AS_OF, CNY, EUR, JPY, build_ledger, on

from qfb_gpu.ledger import SourceRows
from qfb_gpu.models import activity
from qfb_gpu.parts.customer_state import acts_of, currencies_of, state_at

NO_PRODUCTS = tuple(np.empty(0, np.int32) for _ in range(3))


def visits(steps, backend):
    """Return (customer, day) of each visit of steps: (customer, session or 0, day)."""
    table = np.array(steps, np.int64).reshape(-1, 3)
    columns = {"date": backend.asarray(table[:, 2].astype(np.int32))}
    keys = {
        "session_key": backend.asarray(table[:, 1]),
        "event_key": backend.asarray(np.arange(1, len(steps) + 1)),
    }
    none = backend.asarray(np.empty(0, np.int32))
    others = {
        name: SourceRows(name, dict.fromkeys(days, none), {}, None, none)
        for name, days in (
            ("claims", ("submitted_date", "date")), ("orders", ("order_date",)),
            ("touches", ("date", "responded")),
        )
    }  # fmt: skip
    customer = backend.asarray(table[:, 0].astype(np.int32))
    events = SourceRows("events", columns, keys, None, customer)
    config = SimpleNamespace(sources={"events": None})
    given = SimpleNamespace(sources={**others, "events": events}, backend=backend, config=config)
    whom, day = (backend.to_host(values).tolist() for values in acts_of(given)["visits"])
    return sorted(zip(whom, day, strict=True))


def test_sessions_of_one_number_are_a_visit_of_each_customer(backend):
    """Sessions may be counted by customer: 1, 2, ...; only the first customer's was a visit."""
    steps = [(0, 1, 20_000), (0, 2, 20_003), (1, 1, 20_010), (1, 2, 20_011), (2, 1, 20_020)]
    assert visits(steps, backend) == [
        (0, 20_000), (0, 20_003), (1, 20_010), (1, 20_011), (2, 20_020),
    ]  # fmt: skip


def test_without_a_session_the_day_is_the_visit(backend):
    """As the config's tables and the journey's features say; every step was one."""
    steps = [(0, 0, 20_000), (0, 0, 20_000), (0, 0, 20_001), (1, 0, 20_000)]
    assert visits(steps, backend) == [(0, 20_000), (0, 20_001), (1, 20_000)]


def test_a_visit_is_of_its_first_day(backend):
    """Steps come by their ids, so the first of them may be of the second day."""
    assert visits([(0, 5, 20_001), (0, 5, 20_000), (0, 5, 20_002)], backend) == [(0, 20_000)]


def test_without_steps_there_is_no_visit(backend):
    assert visits([], backend) == []


def state(payments, backend, back=0):
    ledger = on(build_ledger(payments), backend)
    products = tuple(map(backend.asarray, NO_PRODUCTS))
    tallies = activity.tally(ledger, {}, products, AS_OF, backend)
    found = state_at(tallies, ledger, currencies_of(ledger, backend.xp), back, backend)
    return {
        name: backend.to_host(found[name]) for name in ("size", "size_currency", "foreign_share")
    }


def test_yen_are_not_held_against_fen(backend):
    """A million yen are fewer than 60,000.00 yuan; as 1,000,000 and 6,000,000 or 600,000 minor
    units they were more or less, and which currency was a customer's own hung on that."""
    yuan = [(0, 1, 0, CNY, AS_OF - 30 * month, 50_000) for month in range(12)]
    found = state([*yuan, (0, 2, 0, JPY, AS_OF - 3, 1_000_000)], backend)
    assert found["size_currency"].tolist() == [CNY]
    assert found["size"][0] == pytest.approx(math.log1p(12 * 50_000), rel=1e-6)
    assert found["foreign_share"].tolist() == [0.5]


@pytest.mark.parametrize("seed", range(5))
def test_size_and_its_currency_are_what_a_loop_says_whatever_parties_are_called(seed, backend):
    rng = np.random.default_rng(seed)
    n_customers, rows = 40, []
    for customer in range(n_customers):
        for party in range(1, 1 + rng.integers(1, 5)):
            currency = int(rng.choice([CNY, EUR, JPY]))
            for _ in range(rng.integers(1, 4)):
                day = AS_OF - int(rng.integers(0, 900))
                amount = int(rng.choice([-5_000, 100, 100, 1_000_000]))
                rows.append((customer, party, 0, currency, day, amount))
    back = 90
    found = state(rows, backend, back)
    renamed = state([(c, 10 - p, *rest) for c, p, *rest in rows], backend, back)
    cut = AS_OF - back
    for customer in range(n_customers):
        own = [row for row in rows if row[0] == customer]
        year = [row for row in own if cut - 360 < row[4] <= cut]
        codes = sorted({row[3] for row in own})
        main = min(codes, key=lambda code: (-sum(row[3] == code for row in year), code))
        parties = {(row[1], row[3]) for row in own if row[3] == main}
        money = [sum(r[5] for r in year if (r[1], r[3]) == one) for one in parties]
        live = {(row[1], row[3]) for row in year}
        foreign = sum(code != main for _, code in live) / max(len(live), 1)
        assert found["size_currency"][customer] == main
        assert found["size"][customer] == pytest.approx(math.log1p(max(*money, 0)), rel=1e-6)
        assert found["foreign_share"][customer] == pytest.approx(foreign, rel=1e-6)
    for name, values in found.items():
        np.testing.assert_array_equal(values, renamed[name])
