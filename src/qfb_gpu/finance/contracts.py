"""Contracts and what was paid for them: days since the start, gaps, cumulative shares.

A contract is a row of :class:`Contracts`; its payments are rows of :class:`Paid`, sorted by
contract, day, amount and transaction key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from qfb_gpu.finance.joins import count, find, first_of_group, mix, starts, total
from qfb_gpu.ledger import NULL_DAY, NULL_MINOR
from qfb_gpu.schema import DIRECTIONS

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Calendar, Ledger, SourceRows

OUT = DIRECTIONS.index("out")
BASES = ("link", "reference", "amount")
"""How a payment is known to be a contract's: given, quoted in its memo, or by its amount."""
LINK, REFERENCE, AMOUNT = range(len(BASES))


@dataclass(frozen=True, slots=True)
class Contracts:
    """Contracts of one bucket, all shape (n_contracts,).

    Attributes
    ----------
    key, counterparty_key : int64
        Hashes: of payer and id, as an id need not be unique among all payers; a counterparty of 0
        is none given.
    customer : int32
        Row of the payer in the ledger, -1 where it has no payment.
    start_day, end_day : int32, days since 1970-01-01
        ``NULL_DAY`` where no end is given.
    total_minor : int64, minor units; ``NULL_MINOR`` where not given
    currency : int16
    category : int32
        Index of a label; -1 where not given.
    """

    key: Any
    counterparty_key: Any
    customer: Any
    start_day: Any
    end_day: Any
    total_minor: Any
    currency: Any
    category: Any

    @property
    def n(self) -> int:
        """Number of contracts."""
        return int(self.key.shape[0])

    @property
    def has_total(self) -> Any:
        """Whether shares of the total can be told: a positive total is given."""
        return (self.total_minor != NULL_MINOR) & (self.total_minor > 0)


@dataclass(frozen=True, slots=True)
class Paid:
    """Payments of contracts, all shape (n_paid,), sorted by contract, day and amount.

    Attributes
    ----------
    contract : int64, row of the contract
    payment : int64, row of the payment in the ledger
    day : int32; amount_minor : int64, negative for what came back
    basis : int8, index into ``BASES``
    confidence : float64, 0 to 1; 1 for a link
    """

    contract: Any
    payment: Any
    day: Any
    amount_minor: Any
    basis: Any
    confidence: Any

    @property
    def n(self) -> int:
        """Number of payments."""
        return int(self.contract.shape[0])

    def take(self, rows: Any) -> Paid:
        """Return some rows."""
        return Paid(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def contracts_of(rows: SourceRows, backend: Backend) -> Contracts:
    """Return the contracts of a bucket's source rows, in their order."""
    return Contracts(
        key=_key(rows, backend),
        counterparty_key=rows.keys["counterparty_key"],
        customer=rows.customer,
        start_day=rows.columns["start_date"],
        end_day=rows.columns["end_date"],
        total_minor=rows.columns["amount_minor"],
        currency=rows.columns["currency"],
        category=rows.columns["category"].codes,
    )


def _key(rows: SourceRows, backend: Backend) -> Any:
    return mix((rows.keys["customer_key"], rows.keys["contract_key"]), backend)


def linked_payments(
    contracts: Contracts, links: SourceRows, ledger: Ledger, backend: Backend
) -> tuple[Paid, Any]:
    """Return the payments that the source says paid a contract of the same payer.

    Where the payer received and paid one of a number, the link is of what it paid.

    Parameters
    ----------
    contracts : Contracts
    links : SourceRows of contract_payments
    ledger : Ledger

    Returns
    -------
    paid : Paid
    n_unseen : int64 array, shape (n_contracts,)
        Links of each contract that name a payment that was not seen by the as-of date.
    """
    xp = backend.xp
    customer = ledger.customer_of_payment(backend)
    of_payment = mix((customer, ledger.txn_key), backend)
    wanted = mix((links.customer, links.keys["txn_key"]), backend)
    payment = find(wanted, of_payment, backend)
    is_out = ledger.direction[ledger.relation_of_payment(backend)] == OUT
    found = xp.nonzero(payment >= 0)[0]
    received = found[~is_out[payment[found]]]
    if received.shape[0]:
        out = xp.nonzero(is_out)[0]
        place = find(wanted[received], of_payment[out], backend)
        there = xp.nonzero(place >= 0)[0]
        payment[received[there]] = out[place[there]]
    contract = find(_key(links, backend), contracts.key, backend)
    n_unseen = count(contract[(contract >= 0) & (payment < 0)], contracts.n, backend)
    seen = xp.nonzero((contract >= 0) & (payment >= 0))[0]
    ones = xp.ones(seen.shape[0])
    paid = Paid(
        contract=contract[seen],
        payment=payment[seen],
        day=ledger.day[payment[seen]],
        amount_minor=ledger.amount_minor[payment[seen]],
        basis=xp.full(seen.shape[0], LINK, dtype="int8"),
        confidence=ones,
    )
    return in_order(paid, ledger, backend), n_unseen


def in_order(paid: Paid, ledger: Ledger, backend: Backend) -> Paid:
    """Sort payments by contract, day, amount and transaction key; a repeated link counts once."""
    keys = (paid.contract, paid.day, paid.amount_minor, ledger.txn_key[paid.payment])
    ordered = paid.take(backend.lexsort((*keys, paid.basis)))
    return ordered.take(starts((ordered.contract, ordered.payment), backend))


def join(first: Paid, second: Paid, ledger: Ledger, backend: Backend) -> Paid:
    """Put two sets of payments together."""
    xp = backend.xp
    names = Paid.__dataclass_fields__
    both = Paid(*(xp.concatenate([getattr(first, n), getattr(second, n)]) for n in names))
    return in_order(both, ledger, backend)


def only_countable(paid: Paid, contracts: Contracts, ledger: Ledger, backend: Backend) -> Any:
    """Return which payments count towards the total: those in the contract's currency."""
    relation = ledger.relation_of_payment(backend)[paid.payment]
    return ledger.currency[relation] == contracts.currency[paid.contract]


def signed(paid: Paid, ledger: Ledger, backend: Backend) -> Paid:
    """Return the payments with what came in (a refund) negative."""
    relation = ledger.relation_of_payment(backend)[paid.payment]
    is_out = ledger.direction[relation] == OUT
    return replace(
        paid, amount_minor=backend.xp.where(is_out, paid.amount_minor, -paid.amount_minor)
    )


def measures(
    paid: Paid, counts: Any, contracts: Contracts, calendar: Calendar, backend: Backend
) -> dict[str, Any]:
    """Return what each payment is in its contract.

    Parameters
    ----------
    paid : Paid
        Signed.
    counts : bool array, shape (n_paid,)
        Whether it counts towards the total.
    contracts : Contracts
    calendar : Calendar

    Returns
    -------
    dict of arrays, shape (n_paid,)
        ``number`` (int32, from 1), ``days_from_start`` and ``business_days_from_start`` (int32,
        negative before the start; working days after the start up to the payment's day),
        ``is_before_start`` (bool), ``gap_days`` (float64, NaN for the first), ``ratio`` and
        ``cumulative_ratio`` (float64, shares of the total; NaN where it does not count).
    """
    xp = backend.xp
    start = contracts.start_day[paid.contract]
    begins = starts((paid.contract,), backend)
    place = xp.arange(paid.n)
    first = first_of_group(begins, backend)
    gap = xp.full(paid.n, xp.nan)
    gap[1:] = (paid.day[1:] - paid.day[:-1]).astype("float64")
    gap = xp.where(begins, xp.nan, gap)
    counted = xp.where(counts, paid.amount_minor, 0)
    running = xp.cumsum(counted)
    before = xp.where(first > 0, running[xp.maximum(first - 1, 0)], 0)
    whole = xp.where(contracts.has_total, contracts.total_minor, 1)[paid.contract]
    is_share = counts & contracts.has_total[paid.contract]
    return {
        "number": (place - first + 1).astype("int32"),
        "days_from_start": (paid.day - start).astype("int32"),
        "business_days_from_start": business_days(start, paid.day, calendar, backend),
        "is_before_start": paid.day < start,
        "gap_days": gap,
        "ratio": xp.where(is_share, counted / whole, xp.nan),
        "cumulative_ratio": xp.where(is_share, (running - before) / whole, xp.nan),
    }


def business_days(first: Any, last: Any, calendar: Calendar, backend: Backend) -> Any:
    """Return working days after ``first`` up to ``last``; negative where ``last`` is earlier.

    Outside the calendar every day from Monday to Friday is one.
    """
    xp = backend.xp
    working = backend.asarray(calendar.is_working)
    until = xp.zeros(working.shape[0] + 1, dtype="int64")
    until[1:] = xp.cumsum(working)
    low = xp.clip(first.astype("int64") + 1 - calendar.first_day, 0, working.shape[0])
    high = xp.clip(last.astype("int64") + 1 - calendar.first_day, 0, working.shape[0])
    outside = _weekdays_outside(last, calendar, xp) - _weekdays_outside(first, calendar, xp)
    return (until[high] - until[low] + outside).astype("int32")


def _weekdays_outside(day: Any, calendar: Calendar, xp: Any) -> Any:
    """Return how many days from Monday to Friday before and after a calendar are up to a day."""
    day = day.astype("int64")
    begin, end = calendar.first_day - 1, calendar.first_day + calendar.is_working.shape[0] - 1
    return _weekdays(xp.minimum(day, begin)) + _weekdays(xp.maximum(day, end))


def _weekdays(day: Any) -> Any:
    """Return a number that grows by 1 with each day from Monday to Friday."""
    since_monday = day + 3  # 1970-01-01 was a Thursday
    return since_monday // 7 * 5 + (since_monday % 7 + 1).clip(0, 5)


def paid_minor(paid: Paid, counts: Any, contracts: Contracts, backend: Backend) -> Any:
    """Return what was paid of each contract, minor units: int64, shape (n_contracts,)."""
    counted = backend.xp.where(counts, paid.amount_minor, 0)
    return total(paid.contract, counted, contracts.n, backend)


def length_days(contracts: Contracts, backend: Backend) -> Any:
    """Return days from start to end: float64, NaN where no end is given or it is not later."""
    xp = backend.xp
    length = contracts.end_day.astype("int64") - contracts.start_day
    known = (contracts.end_day != NULL_DAY) & (length > 0)
    return xp.where(known, length.astype("float64"), xp.nan)
