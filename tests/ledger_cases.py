"""Ledgers from lists of payments, and large ones at random."""

from dataclasses import replace

import numpy as np

from qfb_gpu.currencies import currency_code
from qfb_gpu.ledger import Ledger

AS_OF = 20_089  # 2025-01-01
CNY, EUR, JPY = map(currency_code, ("CNY", "EUR", "JPY"))


def build_ledger(payments, *, n_customers=None):
    """Return the Ledger of (customer, counterparty, direction, currency, day, amount) rows.

    Customers are 0 .. n - 1 and keep their order; a counterparty of 0 is null.
    """
    rows = sorted((*payment, i) for i, payment in enumerate(payments))
    table = np.array(rows, dtype=np.int64).reshape(-1, 7)
    return from_columns(*(table[:, i] for i in range(6)), n_customers=n_customers)


def from_columns(customer, counterparty, direction, currency, day, amount, *, n_customers=None):
    """Return the Ledger of sorted columns; customer ``c`` has key ``c + 1``."""
    n = len(customer)
    if n_customers is None:
        n_customers = int(customer[-1]) + 1 if n else 0
    relation = np.stack([customer, counterparty, direction, currency])
    starts = np.flatnonzero(np.append(True, (relation[:, 1:] != relation[:, :-1]).any(axis=0))[:n])
    of_customer = customer[starts]
    ledger = Ledger(
        day=day.astype(np.int32),
        amount_minor=amount.astype(np.int64),
        txn_key=np.arange(n, dtype=np.int64),
        text_row=np.arange(n, dtype=np.int64),
        relation_offsets=np.append(starts, n).astype(np.int64),
        relation_customer=of_customer.astype(np.int32),
        counterparty_key=counterparty[starts].astype(np.int64),
        direction=direction[starts].astype(np.int8),
        currency=currency[starts].astype(np.int16),
        customer_offsets=np.searchsorted(of_customer, np.arange(n_customers + 1)).astype(np.int64),
        customer_key=np.arange(1, n_customers + 1, dtype=np.int64),
        texts=None,
    )
    for name in Ledger.__dataclass_fields__:
        if isinstance(getattr(ledger, name), np.ndarray):
            getattr(ledger, name).flags.writeable = False
    return ledger


def on(ledger, backend):
    """Return the ledger with its arrays on the backend's device."""
    names = [n for n in Ledger.__dataclass_fields__ if isinstance(getattr(ledger, n), np.ndarray)]
    return replace(ledger, **{n: backend.asarray(getattr(ledger, n)) for n in names})


def large_ledger(n_payments, n_customers, seed=0):
    """Return a random ledger: six payments a relation on average, three years, three currencies."""
    rng = np.random.default_rng(seed)
    n_relations = max(n_customers, n_payments // 6)
    relation_customer = np.sort(
        np.append(np.arange(n_customers), rng.integers(0, n_customers, n_relations - n_customers))
    )
    counterparty = rng.integers(0, n_relations // 4 + 2, n_relations)
    direction = rng.integers(0, 2, n_relations)
    currency = rng.choice([CNY, EUR, JPY], n_relations, p=[0.9, 0.07, 0.03])
    extra = rng.integers(0, n_relations, n_payments - n_relations)
    relation = np.append(np.arange(n_relations), extra)
    day = AS_OF - rng.integers(0, 1096, n_payments)
    amount = np.round(np.exp(rng.normal(12, 2, n_payments))).astype(np.int64)
    amount[rng.random(n_payments) < 0.02] *= -1
    table = np.stack(
        [relation_customer[relation], counterparty[relation], direction[relation],
         currency[relation], day, amount]
    )  # fmt: skip
    table = table[:, np.lexsort(table[::-1])]
    return from_columns(*table, n_customers=n_customers)
