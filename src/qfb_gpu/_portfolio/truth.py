"""The answers: every standing relation as a stream, and which payment belongs to which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from qfb_gpu._portfolio.booking import EXTRA, RETURNED, is_ended
from qfb_gpu._portfolio.firms import firm_ids
from qfb_gpu._portfolio.kinds import SHAPES
from qfb_gpu._portfolio.ledger_rows import IN, OUT, Side, true_category
from qfb_gpu._portfolio.schedule import DAILY, SEMIMONTHLY, is_monthly, period_days
from qfb_gpu._portfolio.setting import CURRENCIES
from qfb_gpu._portfolio.text import coded, dates
from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.schema import AMOUNT_KINDS, CADENCES, DIRECTIONS, ROLES, ROLLS

if TYPE_CHECKING:
    from qfb_gpu._portfolio.drawn import Drawn
    from qfb_gpu._portfolio.habits import Habits
    from qfb_gpu._portfolio.relations import Amounts, Schedule

_PER_CUSTOMER = 100_000
_FAR = 1 << 30
_STEPPED, _FIXED = AMOUNT_KINDS.index("stepped"), AMOUNT_KINDS.index("fixed")
_WEEKDAYS = "Mon Tue Wed Thu Fri Sat Sun".split()


@dataclass(frozen=True, slots=True)
class Counted:
    """What the standing relations did up to as_of, shape (n_relations,) each."""

    n_payments: np.ndarray
    first_day: np.ndarray
    last_day: np.ndarray
    next_day: np.ndarray
    next_amount: np.ndarray
    due_day: np.ndarray


def count(drawn: Drawn) -> Counted:
    """Count each standing relation's payments; extras and returned ones are left out."""
    n = len(drawn.standing.relation)
    own = drawn.payments
    kept = (own.relation < n) & (own.role != EXTRA) & (own.role != RETURNED)
    relation, day = own.relation[kept], own.day[kept]
    first, last = np.full(n, _FAR), np.full(n, -_FAR)
    if len(relation):  # they stand relation by relation
        starts = np.flatnonzero(np.append(True, relation[1:] != relation[:-1]))
        first[relation[starts]] = np.minimum.reduceat(day, starts)
        last[relation[starts]] = np.maximum.reduceat(day, starts)
    next_day, next_amount = np.full(n, NULL_DAY), np.zeros(n, dtype=np.int64)
    next_day[drawn.later.relation] = drawn.later.day
    next_amount[drawn.later.relation] = drawn.later.amount
    due_day = np.full(n, NULL_DAY)
    due_day[drawn.planned.relation] = drawn.planned.day
    n_payments = np.bincount(relation, minlength=n)
    return Counted(n_payments, first, last, next_day, next_amount, due_day)


@dataclass(frozen=True, slots=True)
class Streams:
    """One row per standing relation and side: the relation, whose, direction, its number."""

    relation: np.ndarray
    customer: np.ndarray
    direction: np.ndarray
    stream_no: np.ndarray


def number_streams(drawn: Drawn, counted: Counted, first: int, n_customers: int) -> Streams:
    """Give the streams of each customer numbers from 0, in the order of the relations."""
    relations = drawn.standing.relation
    relation, customer, direction = _seen_from(relations.payer, relations.payee, first, n_customers)
    kept = counted.n_payments[relation] > 0
    relation, customer, direction = relation[kept], customer[kept], direction[kept]
    order = np.lexsort((direction, relation, customer))
    relation, customer, direction = relation[order], customer[order], direction[order]
    counts = np.bincount(customer, minlength=n_customers)
    ordinal = np.arange(len(customer)) - np.repeat(np.cumsum(counts) - counts, counts)
    return Streams(relation, customer, direction, (customer + first) * _PER_CUSTOMER + ordinal)


def _seen_from(
    payer: np.ndarray, payee: np.ndarray, first: int, n_customers: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    out = np.flatnonzero((payer >= first) & (payer < first + n_customers))
    came = np.flatnonzero((payee >= first) & (payee < first + n_customers))
    return (
        np.concatenate([out, came]),
        np.concatenate([payer[out], payee[came]]) - first,
        np.concatenate([np.full(len(out), OUT), np.full(len(came), IN)]),
    )


def streams_table(drawn: Drawn, counted: Counted, streams: Streams, first: int) -> pa.Table:
    """Return ``truth/streams``: one row per stream."""
    row = streams.relation
    relations = drawn.standing.relation.take(row)
    schedule, terms = drawn.standing.schedule.take(row), drawn.standing.amounts.take(row)
    ended = is_ended(drawn.standing)[row]
    next_day = counted.next_day[row]
    no_next = ended | (next_day == NULL_DAY)
    is_out = streams.direction == OUT
    return pa.table(
        {
            "stream_no": streams.stream_no,
            "customer_id": firm_ids(streams.customer + first),
            "counterparty_id": firm_ids(np.where(is_out, relations.payee, relations.payer)),
            "direction": coded(streams.direction, DIRECTIONS),
            "currency": coded(relations.currency, CURRENCIES),
            "cadence": coded(schedule.cadence, CADENCES),
            "period_days": period_days(schedule),
            "roll": coded(schedule.roll, ROLLS),
            "amount_kind": coded(_amount_kind(terms, counted, row), AMOUNT_KINDS),
            "status": coded(ended.astype(np.int8), ("active", "ended")),
            "n_payments": counted.n_payments[row],
            "first_date": dates(counted.first_day[row]),
            "last_date": dates(counted.last_day[row]),
            "next_date": dates(np.where(no_next, 0, next_day), no_next),
            "next_due_date": dates(np.where(no_next, 0, counted.due_day[row]), no_next),
            "next_amount": pa.array(counted.next_amount[row] / 100, mask=no_next),
            "amount_sigma": terms.sigma,
            "schedule": pa.array(_schedules(schedule), pa.string()),
        }
    )


def _amount_kind(terms: Amounts, counted: Counted, row: np.ndarray) -> np.ndarray:
    """Call a step a step only where there are payments on both sides of it."""
    seen = (counted.first_day[row] < terms.step_day) & (counted.last_day[row] >= terms.step_day)
    return np.where((terms.kind == _STEPPED) & ~seen, _FIXED, terms.kind)


def _schedules(schedule: Schedule) -> list[str]:
    """Say in words when each stream is due."""
    monthly = is_monthly(schedule.cadence)
    columns = (schedule.cadence, schedule.step, schedule.phase, schedule.day_a, schedule.day_b,
               schedule.weekday, schedule.nth, monthly)  # fmt: skip
    return [_in_words(*values) for values in zip(*(c.tolist() for c in columns), strict=True)]


def _in_words(  # noqa: PLR0913
    cadence: int, step: int, phase: int, day_a: int, day_b: int, weekday: int, nth: int,
    monthly: bool,  # noqa: FBT001
) -> str:  # fmt: skip
    if cadence == DAILY:
        return "every working day"
    if not monthly:
        week = f" on {_WEEKDAYS[(phase + 3) % 7]}" if step % 7 == 0 else ""
        return f"every {step} days{week}"
    if cadence == SEMIMONTHLY:
        return f"day {_day(day_a)} and {_day(day_b)} of each month"
    which = f"{nth} {_WEEKDAYS[weekday]}" if nth > 0 else f"last {_WEEKDAYS[weekday]}"
    on = which if nth else f"day {_day(day_a)}"
    return f"{on} every {step} months" if step > 1 else f"{on} of each month"


def _day(day: int) -> str:
    return str(day) if day > 0 else "last" if day == 0 else f"last{day}"


def payments_columns(
    drawn: Drawn, streams: Streams, side: Side, txn_id: pa.Array, own: pa.Array
) -> pa.Table:
    """Return ``truth/stream_payments``: one row per transaction."""
    rows = drawn.payments
    relation, role = rows.relation[side.payment], rows.role[side.payment]
    n = len(drawn.relations)
    number = np.full((len(DIRECTIONS), n), -1, dtype=np.int64)
    number[streams.direction, streams.relation] = streams.stream_no
    stream_no = np.where(role == EXTRA, -1, number[side.direction, relation])
    due = rows.due[side.payment]
    return pa.table(
        {
            "txn_id": txn_id,
            "customer_id": own,
            "stream_no": pa.array(stream_no, mask=stream_no < 0),
            "role": coded(role, ROLES),
            "due_date": dates(due, due == NULL_DAY),
            "category": true_category(drawn.relations, rows, side),
        }
    )


def irregular_table(drawn: Drawn, first: int, n_customers: int) -> pa.Table:
    """Return ``truth/irregular``: relations whose payments have no schedule, by shape."""
    habits: Habits = drawn.habits
    row, customer, direction = _seen_from(
        habits.relation.payer, habits.relation.payee, first, n_customers
    )
    made = np.bincount(drawn.payments.relation, minlength=len(drawn.relations))
    made = made[len(drawn.standing.relation) :][row]
    kept = np.flatnonzero(made > 0)
    row, customer, direction = row[kept], customer[kept], direction[kept]
    order = np.lexsort((direction, row, customer))
    row, customer, direction, made = (
        row[order],
        customer[order],
        direction[order],
        made[kept][order],
    )
    other = np.where(direction == OUT, habits.relation.payee[row], habits.relation.payer[row])
    return pa.table(
        {
            "customer_id": firm_ids(customer + first),
            "counterparty_id": firm_ids(other),
            "direction": coded(direction, DIRECTIONS),
            "currency": coded(habits.relation.currency[row], CURRENCIES),
            "shape": coded(habits.rates.shape[row], SHAPES),
            "n_payments": made,
        }
    )
