"""From due days to booked payments: rolls, lateness, skips, amounts, reversals, extras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qfb_gpu._portfolio.relations import NEVER, Rows
from qfb_gpu._portfolio.schedule import DAILY, due_days, period_days
from qfb_gpu._portfolio.setting import CURRENCY_UNIT, Setting
from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.schema import ROLES, ROLLS

if TYPE_CHECKING:
    from qfb_gpu._portfolio.relations import Amounts
    from qfb_gpu._portfolio.standing import Standing

REGULAR, LATE, EARLY, EXTRA, RETURNED = (
    ROLES.index(name) for name in ("regular", "late", "early", "extra", "returned")
)
_PRECEDING, _FOLLOWING = ROLLS.index("preceding"), ROLLS.index("following")
_YEAR = 365.2425


@dataclass(frozen=True, slots=True)
class Payments(Rows):
    """Payments of relations, shape (n_payments,) each.

    ``amount`` is in hundredths of the currency, negative for a reversal; ``due`` is ``NULL_DAY``
    where nothing was due.
    """

    relation: np.ndarray
    day: np.ndarray
    amount: np.ndarray
    role: np.ndarray
    due: np.ndarray


def book_standing(
    setting: Setting, rng: np.random.Generator, standing: Standing
) -> tuple[Payments, Payments, Payments]:
    """Return the payments of standing relations up to as_of, the next of each, and what is due.

    The second part holds, for each relation that goes on, the first payment booked after as_of
    by the same process; the third the first due day after as_of, rolled, as the schedule alone
    tells it, whether or not it will be paid then. Each has at most one row a relation.
    """
    relation, due = due_days(setting, standing.schedule)
    day, role, kept = _book(setting, rng, standing, relation, due)
    amount = _amount(rng, standing, relation, due)
    # A first due day that rolls, or is paid, back before its relation begins is not paid at all:
    # the window holds no earlier day, and sorting by (customer, day) relies on that.
    kept &= day >= standing.schedule.first_day[relation]
    booked = Payments(*(x[kept] for x in (relation, day, amount, role, due)))
    past = booked.day <= setting.as_of_day
    done = booked.take(np.flatnonzero(past))
    extra = _extras(setting, rng, standing)
    rolled = setting.days.rolled(standing.schedule.roll[relation], due).astype(np.int32)
    planned = Payments(relation, rolled, amount, np.full(len(due), REGULAR, dtype=np.int8), due)
    return (
        Payments.join([done, _returns(setting, rng, standing, done), extra]),
        _first_of_each(booked.take(np.flatnonzero(~past))),
        _first_of_each(planned.take(np.flatnonzero(rolled > setting.as_of_day))),
    )


def _book(
    setting: Setting,
    rng: np.random.Generator,
    standing: Standing,
    relation: np.ndarray,
    due: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return booking day and role of each due day, and whether it is paid at all."""
    period = period_days(standing.schedule)
    cuts = _chances(setting, standing)
    roll = standing.schedule.roll[relation]
    rolled = setting.days.rolled(roll, due)
    u = rng.random(len(due), dtype=np.float32)
    delay = rng.standard_exponential(len(due), dtype=np.float32)
    levels = cuts[:, relation]
    skipped = u < levels[0]
    late = (u >= levels[0]) & (u < levels[1])
    early = (u >= levels[1]) & (u < levels[2])
    wobbles = (u >= levels[2]) & (u < levels[3])
    reach = np.minimum(6.0, 0.1 * period)[relation] * delay
    most = np.maximum(0.35 * period, 2.0)[relation]
    shift = np.where(late, np.minimum(2 + reach, most), 0.0)
    shift = np.where(early, -np.minimum(2 + 0.5 * reach, most), shift)
    shift = np.where(wobbles, np.where(delay < 0.7, 1, -1) * np.where(delay > 3, 2, 1), shift)
    moved = rolled + shift.astype(np.int32)
    side = np.where(roll == 0, 0, np.where(shift < 0, _PRECEDING, _FOLLOWING))
    day = np.where(shift == 0, rolled, setting.days.rolled(side, moved))
    role = np.where(late & (day > rolled), LATE, np.where(early & (day < rolled), EARLY, REGULAR))
    is_last = np.append(relation[1:] != relation[:-1], True)
    return day.astype(np.int32), role.astype(np.int8), ~skipped | is_last


def _chances(setting: Setting, standing: Standing) -> np.ndarray:
    """Return cumulative chances of skip, late, early and wobble, shape (4, n_relations)."""
    sloppy, hardness = standing.relation.tidy, setting.hardness
    can_move = standing.schedule.cadence != DAILY
    skip = np.minimum(0.25, hardness * (0.003 + 0.04 * sloppy))
    late = np.minimum(0.3, hardness * (0.004 + 0.09 * sloppy)) * can_move
    early = np.minimum(0.2, hardness * 0.04 * sloppy) * can_move
    wobble = np.minimum(0.4, hardness * 0.35 * sloppy) * can_move
    table: np.ndarray = np.cumsum([skip, late, early, wobble], axis=0).astype(np.float32)
    return table


def _amount(
    rng: np.random.Generator, standing: Standing, relation: np.ndarray, due: np.ndarray
) -> np.ndarray:
    """Return the amount of each due day in hundredths."""
    terms: Amounts = standing.amounts
    factor = np.where(due >= terms.step_day[relation], terms.step_ratio[relation], 1.0)
    moving = np.flatnonzero((terms.trend != 0)[relation])
    who = relation[moving]
    years = (due[moving] - standing.schedule.first_day[who]) / _YEAR
    factor[moving] *= (1.0 + terms.trend[who]) ** years
    noisy = np.flatnonzero((terms.sigma > 0)[relation])
    who = relation[noisy]
    angle = 2 * np.pi * (due[noisy] - terms.season_day[who]) / _YEAR
    factor[noisy] *= 1.0 + terms.season[who] * np.cos(angle)
    factor[noisy] *= np.exp(terms.sigma[who] * rng.standard_normal(len(noisy), dtype=np.float32))
    unit = terms.unit[relation]
    steps = np.maximum(np.rint(terms.base[relation] * factor / unit), 1)
    return (steps * unit).astype(np.int64)


def _returns(
    setting: Setting, rng: np.random.Generator, standing: Standing, done: Payments
) -> Payments:
    """Send a few payments back some days later, as a negative amount."""
    bounces = rng.random(len(done.day), dtype=np.float32) < setting.often(0.004)
    bounces &= (standing.schedule.cadence != DAILY)[done.relation]
    sent = done.take(np.flatnonzero(bounces))
    days = setting.days
    back = days.working[days.rank(sent.day + 1) + rng.integers(0, 4, len(sent.day))]
    returned = Payments(
        sent.relation, back, -sent.amount, np.full(len(back), RETURNED, dtype=np.int8), sent.due,
    )  # fmt: skip
    return returned.take(np.flatnonzero(back <= setting.as_of_day))


def _extras(setting: Setting, rng: np.random.Generator, standing: Standing) -> Payments:
    """Pay now and then outside the schedule: another amount, any working day."""
    schedule, terms = standing.schedule, standing.amounts
    relation = np.repeat(
        np.arange(len(schedule.cadence)),
        rng.poisson(0.25 * setting.hardness, len(schedule.cadence)),
    )
    stop = np.minimum(schedule.end_day, setting.as_of_day)[relation]
    day = schedule.first_day[relation] + (
        rng.random(len(relation)) * (stop - schedule.first_day[relation])
    ).astype(np.int64)
    day = setting.days.rolled(_PRECEDING, day)
    kept = day >= schedule.first_day[relation]
    unit = np.array(CURRENCY_UNIT)[standing.relation.currency[relation]]
    factor = np.exp(rng.normal(0, 0.7, len(relation)))
    amount = np.maximum(np.rint(terms.base[relation] * factor / unit), 1) * unit
    return undue(relation, day, amount).take(np.flatnonzero(kept))


def undue(relation: np.ndarray, day: np.ndarray, amount: np.ndarray) -> Payments:
    """Return payments that no schedule asks for."""
    n = len(relation)
    role, due = np.full(n, EXTRA, dtype=np.int8), np.full(n, NULL_DAY, dtype=np.int32)
    return Payments(relation, day.astype(np.int32), amount.astype(np.int64), role, due)


def _first_of_each(later: Payments) -> Payments:
    """Return the earliest payment of each relation."""
    order = np.lexsort((later.day, later.relation))
    relation = later.relation[order]
    first = np.append(True, relation[1:] != relation[:-1])[: len(relation)]
    return later.take(order[first])


def is_ended(standing: Standing) -> np.ndarray:
    """Return whether the relation ended inside the window."""
    ended: np.ndarray = standing.schedule.end_day < NEVER
    return ended
