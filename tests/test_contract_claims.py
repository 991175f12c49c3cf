"""What contracts and orders still promise, and on which days a payment without a link may be it."""

import numpy as np
import pytest
from ledger_cases import CNY

from qfb_gpu.backend import get_backend
from qfb_gpu.finance import claims, nodes
from qfb_gpu.finance import clause_words as words
from qfb_gpu.finance import contracts as con
from qfb_gpu.ledger import NULL_DAY, NULL_MINOR

CPU = get_backend("cpu")
START = 19_000


def contracts(rows):
    """Return Contracts of (start, end or None, total or None); the last has no payer's row."""
    n = len(rows)
    end = [NULL_DAY if row[1] is None else row[1] for row in rows]
    whole = [NULL_MINOR if row[2] is None else row[2] for row in rows]
    customer = np.zeros(n, np.int32)
    customer[-1] = -1
    return con.Contracts(
        key=np.arange(n), counterparty_key=np.arange(n) + 70, customer=customer,
        start_day=np.array([row[0] for row in rows], np.int32), end_day=np.array(end, np.int32),
        total_minor=np.array(whole, np.int64), currency=np.full(n, CNY, np.int16),
        category=np.zeros(n, np.int32),
    )  # fmt: skip


def promised(rows):
    """Return Nodes of (contract, kind, amount, days of warranty)."""
    contract, kind, amount, warranty = (np.array([r[i] for r in rows]) for i in range(4))
    n = len(rows)
    return nodes.Nodes(
        contract=contract.astype(np.int64), number=np.arange(n, dtype=np.int32),
        kind=kind.astype(np.int8), trigger=np.zeros(n, np.int8),
        basis_points=np.ones(n, np.int32), share=np.ones(n, np.int32), amount_minor=amount.astype(np.int64),
        days=np.full(n, NULL_DAY, np.int32), day_kind=np.zeros(n, np.int8),
        warranty_days=warranty.astype(np.int32),
    )  # fmt: skip


def told(found):
    """Return the claims as sorted (deal, amount, first day, last day)."""
    days = (found.from_day - START, found.to_day - START)
    return sorted(zip(found.deal.tolist(), found.amount_minor.tolist(),
                      *(day.tolist() for day in days), strict=True))  # fmt: skip


DEALS = [
    (START, START + 100, 1000),  # with nodes
    (START, START + 100, 500),  # no clause, nothing paid: its total
    (START, START + 100, 600),  # no clause, a part is paid: nothing is known of the rest
    (START, None, 700),  # without an end
    (START, START - 50, 800),  # an end before the start is the start
    (START, START + 100, None),  # without a total
    (START, START + 100, 0),
    (START + 5, START + 5, 900),  # of a payer without payments
]
NODES = [
    (0, words.ADVANCE, 300, 0),
    (0, words.ACCEPTANCE, 600, 0),
    (0, words.RETENTION, 100, 365),
    (0, words.ADVANCE, 50, 0),  # a link answers it
]


def test_every_node_that_no_link_answers_is_claimed_and_bare_totals():
    paid = np.array([50, 0, 1, 0, 0, 0, 0, 0])
    found = claims.contract_claims(
        contracts(DEALS), promised(NODES), np.arange(4) == 3, paid, np.arange(8) + 100, CPU
    )
    assert told(found) == [
        (0, 100, -30, 100 + 365 + 400),
        (0, 300, -30, 240),
        (0, 600, -30, 100 + 400),
        (1, 500, -30, 100 + 400),
        (3, 700, -30, 1_100 + 400),
        (4, 800, -30, 400),
        (7, 900, 5 - 30, 5 + 400),
    ]
    np.testing.assert_array_equal(found.reference, found.deal + 100)
    np.testing.assert_array_equal(found.counterparty_key, found.deal + 70)


def test_what_is_left_of_a_contract_is_claimed_where_its_number_can_be_quoted():
    paid = np.array([400, 500, 601, 0, 0, 0, 0, 0])
    reference = np.array([0, 11, 12, 13, 14, 15, 16, 17])
    found = claims.open_contracts(contracts(DEALS), paid, reference, CPU)
    assert told(found) == [
        (0, 600, -30, 100 + 1_100),
        (3, 700, -30, 1_100),
        (4, 800, -30, 1_100),
    ]
    assert found.reference.tolist() == [0, 13, 14]  # a number of zeros is one, -1 is none
    reference[3] = -1
    assert told(claims.open_contracts(contracts(DEALS), paid, reference, CPU))[1][0] == 4


@pytest.mark.parametrize("delivered", [0, 60])
def test_an_order_may_be_paid_from_its_day_to_400_days_after_delivery(delivered):
    days = np.array([START]), np.array([START + delivered], np.int32)
    one = np.array([7])
    found = claims.order_claims(one, one, (one + 1, one + 2), one + 3, days, one + 4)
    assert told(found) == [(7, 10, 0, delivered + 400)]
    assert (found.counterparty_key, found.currency, found.reference) == (8, 9, 11)
