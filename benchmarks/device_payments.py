"""A labelled mixture of regular and irregular payments, drawn on the backend's device.

Every number is a hash of the seed, the customer, the relation and the payment, in whole numbers
only: a customer's payments do not depend on how many others there are, on the bucket they are drawn
in, or on the device. Nearly the mixture of the generated portfolio: see :data:`KINDS`.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.calendars import to_day
from qfb_gpu.currencies import currency_code
from qfb_kernels import text as kernels

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

KINDS = ("monthly", "weekly", "biweekly", "quarterly", "irregular")
_SHARES = (45, 8, 7, 10, 30)
"""Of all relations, in per cent."""
_PERIOD_DAYS = (0, 7, 14, 0, 0)
_MONTHS = (1, 0, 0, 3, 0)
MONTHS = 24
MOST_RELATIONS = 6
"""Of a customer; one to so many."""
_MOST_IRREGULAR = 40
_LATE_DAYS = (0,) * 16 + (1,) * 3 + (2,)
_MISSED_OF = 50
_FOREIGN_OF = 10
_INSIDE_OF = 3
"""One counterparty of three is a customer, too."""
_IDS_A_CUSTOMER = 10_000
_GOLDEN, _FIRST, _SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
_ID_DIGITS, _TXN_DIGITS = 10, 12


@dataclass(frozen=True, slots=True)
class Bank:
    """What is drawn.

    Attributes
    ----------
    n_customers, seed, n_buckets : int
    as_of : date
        The last day of :data:`MONTHS` months.
    """

    n_customers: int
    seed: int
    n_buckets: int
    as_of: dt.date

    @property
    def month_days(self) -> np.ndarray:
        """The first day of each month of the window, and of the one after: int64 days."""
        last = self.as_of.year * 12 + self.as_of.month - 1
        months = range(last - MONTHS + 1, last + 2)
        return np.array([to_day(dt.date(m // 12, m % 12 + 1, 1)) for m in months], np.int64)


def mix(state: Any, xp: Any) -> Any:
    """Return the finaliser of splitmix64 over uint64 numbers."""
    state = state + xp.uint64(_GOLDEN)
    state = (state ^ (state >> xp.uint64(30))) * xp.uint64(_FIRST)
    state = (state ^ (state >> xp.uint64(27))) * xp.uint64(_SECOND)
    return state ^ (state >> xp.uint64(31))


def _draw(state: Any, field: int, below: Any, xp: Any) -> Any:
    """Return a number from 0 to ``below`` of each state: int64."""
    drawn = mix(state + xp.uint64(field * 0x632BE59BD9B4E019 % 2**64), xp)
    return ((drawn >> xp.uint64(11)) % xp.uint64(below)).astype("int64")


def id_bytes(letter: Any, number: Any, digits: int, xp: Any) -> Any:
    """Return ids as text: a letter and decimal digits: uint8, shape (n_rows, 1 + digits)."""
    out = xp.empty((number.shape[0], 1 + digits), dtype="uint8")
    out[:, 0] = letter
    for place in range(digits, 0, -1):
        out[:, place] = (number % 10 + ord("0")).astype("uint8")
        number = number // 10
    return out


def key_of(text: Any, backend: Backend) -> Any:
    """Return the key that ingest gives to each id: int64, shape (n_rows,)."""
    xp = backend.xp
    n_rows, width = text.shape
    out = xp.empty(n_rows, dtype="int64")
    offsets = xp.arange(n_rows + 1, dtype="int32") * xp.int32(width)
    arrays = (text.reshape(-1), offsets.astype("int32"), out)
    backend.launch(kernels.hash_text_cpu, kernels.hash_text_gpu, n_rows, *arrays)
    return out


def customers_by_bucket(bank: Bank, backend: Backend) -> tuple[np.ndarray, np.ndarray]:
    """Return all customers' numbers, bucket by bucket, and where each bucket starts: on the host.

    Drawn a million at a time, so device memory does not grow with the bank.
    """
    xp, step = backend.xp, 1 << 20
    parts = []
    for start in range(0, bank.n_customers, step):
        number = xp.arange(start, min(start + step, bank.n_customers), dtype="int64")
        key = key_of(id_bytes(ord("C"), number, _ID_DIGITS, xp), backend)
        parts.append(backend.to_host(key).view(np.uint64) % np.uint64(bank.n_buckets))
    bucket = np.concatenate(parts).astype(np.int32)
    order = np.argsort(bucket, kind="stable").astype(np.int32)
    starts = np.searchsorted(bucket[order], np.arange(bank.n_buckets + 1))
    return order, starts


def relations_of(bank: Bank, customers: Any, backend: Backend) -> dict[str, Any]:
    """Return the relations of some customers in the order of silver.

    Parameters
    ----------
    bank : Bank
    customers : int64 array of the backend, shape (n_customers,), their numbers
    backend : Backend

    Returns
    -------
    dict of arrays, shape (n_relations,)
        ``customer`` and ``counterparty`` (numbers), ``letter`` (C where the counterparty is a
        customer, P where it is not), their ``*_key``, ``direction``, ``currency``, ``kind`` (index
        into :data:`KINDS`), ``state`` (uint64, to draw from), ``ordinal`` in its customer.
    """
    xp = backend.xp
    seeded = mix(xp.full(1, bank.seed, dtype="uint64"), xp)
    own = mix(customers.astype("uint64") ^ seeded, xp)
    count = 1 + _draw(own, 1, MOST_RELATIONS, xp)
    customer = backend.repeat(customers, count)
    first = backend.repeat(xp.cumsum(count) - count, count)
    ordinal = xp.arange(customer.shape[0], dtype="int64") - first
    base = backend.repeat(own, count)
    state = mix(base ^ (ordinal.astype("uint64") + xp.uint64(1)), xp)
    counterparty = (_draw(base, 2, bank.n_customers, xp) + 1 + ordinal) % max(bank.n_customers, 10)
    is_inside = (_draw(state, 3, _INSIDE_OF, xp) == 0) & (counterparty != customer)
    is_inside &= counterparty < bank.n_customers
    letter = xp.where(is_inside, ord("C"), ord("P")).astype("uint8")
    limit = xp.asarray(np.cumsum(_SHARES))
    foreign = _draw(state, 5, _FOREIGN_OF, xp) == 0
    columns = {
        "customer": customer,
        "counterparty": counterparty,
        "letter": letter,
        "customer_key": key_of(id_bytes(ord("C"), customer, _ID_DIGITS, xp), backend),
        "counterparty_key": key_of(id_bytes(letter, counterparty, _ID_DIGITS, xp), backend),
        "direction": _draw(state, 6, 2, xp).astype("int8"),
        "currency": xp.where(foreign, currency_code("USD"), currency_code("CNY")).astype("int16"),
        "kind": xp.searchsorted(limit, _draw(state, 4, 100, xp), side="right").astype("int32"),
        "state": state,
        "ordinal": ordinal,
    }
    keys = ("customer_key", "counterparty_key", "direction", "currency")
    order = backend.lexsort(tuple(columns[name] for name in keys))
    return {name: values[order] for name, values in columns.items()}


def payments_of(bank: Bank, relations: dict[str, Any], backend: Backend) -> dict[str, Any]:
    """Return the payments of some relations in the order of silver.

    Returns
    -------
    dict of arrays, shape (n_payments,)
        ``relation`` (row), ``day`` (int32), ``amount_minor`` (int64), ``txn`` (int64, its number),
        ``txn_text`` (uint8, a row each), ``txn_key`` (int64).
    """
    xp = backend.xp
    kind, state = relations["kind"], relations["state"]
    start = _draw(state, 7, 28, xp)
    months = bank.month_days
    span = int(months[-1] - months[0])
    step, every = (xp.asarray(np.array(t, np.int64))[kind] for t in (_PERIOD_DAYS, _MONTHS))
    count = xp.where(every > 0, MONTHS // xp.maximum(every, 1), span // xp.maximum(step, 1) + 1)
    is_irregular = kind == KINDS.index("irregular")
    count = xp.where(is_irregular, 1 + _draw(state, 8, _MOST_IRREGULAR, xp), count)
    relation = backend.repeat(xp.arange(kind.shape[0], dtype="int64"), count)
    at = xp.arange(relation.shape[0], dtype="int64") - (xp.cumsum(count) - count)[relation]
    own = mix(state[relation] ^ (at.astype("uint64") + xp.uint64(1 << 32)), xp)
    month = xp.asarray(months)[xp.minimum(at * every[relation], MONTHS)]
    free = is_irregular[relation]
    due = xp.where(every[relation] > 0, month, int(months[0]) + at * step[relation])
    late = xp.asarray(np.array(_LATE_DAYS, np.int64))[_draw(own, 9, len(_LATE_DAYS), xp)]
    day = due + start[relation] + late
    day = xp.where(free, int(months[0]) + _draw(own, 10, span, xp), day)
    missed = ~free & (_draw(own, 11, _MISSED_OF, xp) == 0)
    kept = xp.flatnonzero(~missed & (day <= to_day(bank.as_of)))
    number = relations["customer"][relation] * _IDS_A_CUSTOMER
    number = number + relations["ordinal"][relation] * (_IDS_A_CUSTOMER // MOST_RELATIONS) + at
    found = {
        "relation": relation[kept],
        "day": day[kept].astype("int32"),
        "amount_minor": _amounts(relations, relation, own, free, xp)[kept],
        "txn": number[kept],
    }
    text = id_bytes(ord("T"), found["txn"], _TXN_DIGITS, xp)
    key = key_of(text, backend)
    order = backend.lexsort((found["relation"], found["day"], found["amount_minor"], key))
    return {name: v[order] for name, v in {**found, "txn_text": text, "txn_key": key}.items()}


def _amounts(relations: dict[str, Any], relation: Any, own: Any, free: Any, xp: Any) -> Any:
    """Return amounts: half of the regular ones are fixed, the others vary by a tenth."""
    typical = np.rint(10 ** np.linspace(3.5, 8.5, 64)).astype(np.int64)
    base = xp.asarray(typical)[_draw(relations["state"], 12, typical.size, xp)]
    is_fixed = (_draw(relations["state"], 13, 2, xp) == 0)[relation] & ~free
    percent = xp.where(free, 20 + _draw(own, 14, 161, xp), 90 + _draw(own, 15, 21, xp))
    return base[relation] * xp.where(is_fixed, 100, percent) // 100
