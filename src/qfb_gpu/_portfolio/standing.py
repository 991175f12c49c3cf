"""Standing relations: which contracts a pair of firms has, and their terms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Self

import numpy as np

from qfb_gpu._portfolio.kinds import EVERY_N, PAIRS, Kind, Trade, weighted
from qfb_gpu._portfolio.relations import NEVER, Amounts, Relations, Schedule
from qfb_gpu._portfolio.schedule import (
    DAILY,
    EVERY_N_DAYS,
    MONTHS,
    SEMIMONTHLY,
    is_monthly,
    period_days,
)
from qfb_gpu._portfolio.setting import (
    CURRENCY_SCALE,
    CURRENCY_UNIT,
    NULL_FIRM,
    Setting,
    pick,
    ragged,
)
from qfb_gpu._portfolio.vocabulary import CHANNELS, MEMO_RANGES, NAMES, category_of
from qfb_gpu.schema import AMOUNT_KINDS, CADENCES, ROLLS

if TYPE_CHECKING:
    from qfb_gpu._portfolio.pairs import Pairs

_FIXED, _STEPPED, _VARIABLE, _TREND = (
    AMOUNT_KINDS.index(name) for name in ("fixed", "stepped", "variable", "trend")
)
_AUTOMATIC = ("批扣", "系统", "收单", "银税", "财政")
_WEEK = 7
_STEP_OF = np.array(
    [{"daily": 1, "weekly": 7, "biweekly": 14, **MONTHS}.get(name, 0) for name in CADENCES]
)
_PAIRS = np.array(PAIRS)


@dataclass(frozen=True, slots=True)
class Standing:
    """Standing relations: what they are for, when and how much."""

    relation: Relations
    schedule: Schedule
    amounts: Amounts

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """Return the relations of all parts, in order."""
        return cls(
            Relations.join([part.relation for part in parts]),
            Schedule.join([part.schedule for part in parts]),
            Amounts.join([part.amounts for part in parts]),
        )


@lru_cache(maxsize=128)
def _codes(text: str, names: tuple[str, ...] | None) -> tuple[np.ndarray, np.ndarray]:
    labels, weights = weighted(text)
    codes = [names.index(label) if names else int(label) for label in labels]
    return np.array(codes), np.array(weights)


def _choose(
    rng: np.random.Generator, text: str, names: tuple[str, ...] | None, n: int
) -> np.ndarray:
    codes, weights = _codes(text, names)
    return codes[pick(rng, weights, n)]


def draw_standing(setting: Setting, rng: np.random.Generator, kind: Kind, pairs: Pairs) -> Standing:
    """Draw the contracts of one kind between the pairs: one to four a pair."""
    counts = 1 + pick(rng, kind.contracts, len(pairs.payer))
    owner, ordinal = ragged(counts)
    rows = pairs.take(owner)
    schedule = _schedule(setting, rng, kind, rows, owner)
    relation = draw_relation(setting, rng, kind, rows)
    amounts = _amounts(setting, rng, kind, rows, ordinal, schedule, relation.currency)
    return Standing(relation, schedule, amounts)


def draw_relation(
    setting: Setting, rng: np.random.Generator, kind: Kind | Trade, pairs: Pairs
) -> Relations:
    """Draw memo, channel and currency; some counterparties are known from the memo only."""
    n = len(pairs.payer)
    first, middle, last = MEMO_RANGES[kind.name]
    english = pairs.english
    memo = np.where(english, rng.integers(middle, last, n), rng.integers(first, middle, n))
    hidden = rng.random(n) < setting.often(0.03)
    is_out = kind.direction == "out"
    currency = pairs.currency
    if kind.name == "software":
        currency = np.where(rng.random(n) < 0.2, 1, currency)
    hidden &= (pairs.payee if is_out else pairs.payer) < NULL_FIRM
    automatic = kind.channel in _AUTOMATIC
    return Relations(
        payer=pairs.payer if is_out else np.where(hidden, NULL_FIRM, pairs.payer),
        payee=np.where(hidden, NULL_FIRM, pairs.payee) if is_out else pairs.payee,
        currency=currency,
        memo=memo,
        category=np.full(n, category_of(kind)),
        channel=_channel(rng, kind.channel, n),
        contract=rng.integers(10**7, 10**8, n),
        name=np.where(hidden, rng.integers(1, len(NAMES), n), 0),
        tidy=pairs.tidy * (0.1 if automatic else 1.0),
    )


def _channel(rng: np.random.Generator, usual: str, n: int) -> np.ndarray:
    other = rng.integers(0, len(CHANNELS), n)
    return np.where(rng.random(n) < 0.9, CHANNELS.index(usual), other)


def _schedule(
    setting: Setting, rng: np.random.Generator, kind: Kind, pairs: Pairs, owner: np.ndarray
) -> Schedule:
    n = len(owner)
    cadence = _shared(rng, _choose(rng, kind.cadences, CADENCES, n), owner, 0.6)
    step = _STEP_OF[cadence].copy()
    step[cadence == EVERY_N_DAYS] = np.array(EVERY_N)[
        rng.integers(0, len(EVERY_N), (cadence == EVERY_N_DAYS).sum())
    ]
    pair = _PAIRS[rng.integers(0, len(PAIRS), n)]
    semi = cadence == SEMIMONTHLY
    day = _shared(rng, _choose(rng, kind.days, None, n), owner, setting.often(0.2))
    nth = np.array([1, 2, 3, 4, -1])[rng.integers(0, 5, n)]
    by_weekday = is_monthly(cadence) & ~semi & (rng.random(n) < 0.1) & (len(kind.days) > 8)
    roll = _choose(rng, kind.rolls, ROLLS, n)
    schedule = Schedule(
        cadence=cadence,
        step=step,
        phase=_phase(rng, cadence, step),
        day_a=np.where(semi, pair[:, 0], day),
        day_b=pair[:, 1],
        weekday=rng.integers(0, 5, n),
        nth=np.where(by_weekday, nth, 0),
        roll=np.where(cadence == DAILY, 0, roll),
        first_day=np.maximum(pairs.opened_day, setting.start_day),
        end_day=np.full(n, NEVER),
    )
    return _lifetime(setting, rng, schedule, pairs.leaves_day < NEVER)


def _shared(
    rng: np.random.Generator, values: np.ndarray, owner: np.ndarray, probability: float
) -> np.ndarray:
    """Let the contracts of one pair agree with the pair's first, with some probability."""
    first = np.searchsorted(owner, owner, side="left")
    return np.where(rng.random(len(values)) < probability, values[first], values)


def _phase(rng: np.random.Generator, cadence: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Weekly payers have a weekday, mostly a working one; the others any day of their period."""
    n = len(step)
    phase = (rng.random(n) * step).astype(np.int64)
    weekday = np.where(rng.random(n) < 0.96, rng.integers(0, 5, n), rng.integers(5, 7, n))
    weeks = step % _WEEK == 0
    by_week = weeks & ~is_monthly(cadence)
    # Day 0 was a Thursday (3): a day whose remainder by 7 is (weekday - 3) is that weekday.
    aligned = (weekday - 3) % _WEEK + _WEEK * ((rng.random(n) * (step // _WEEK)).astype(np.int64))
    return np.where(by_week, aligned, phase)


def _lifetime(
    setting: Setting, rng: np.random.Generator, schedule: Schedule, leaves: np.ndarray
) -> Schedule:
    """Let some start inside the window and some end well before as_of, more where a firm leaves."""
    n = len(schedule.cadence)
    period = period_days(schedule)
    begin = schedule.first_day
    room = setting.as_of_day - begin - 2.5 * period
    late = (rng.random(n) < 0.3) & (room > 0)
    first = begin + np.where(late, rng.random(n) * np.maximum(room, 0), 0).astype(np.int64)
    earliest = first + 4.2 * period
    latest = setting.as_of_day - 2.3 * period - 14
    ends = (rng.random(n) < np.where(leaves, 0.4, 0.14)) & (latest > earliest)
    place = rng.random(n)
    place = np.where(leaves, 1.0 - 0.3 * place, place)
    end = earliest + place * (latest - earliest)
    values = {name: getattr(schedule, name) for name in Schedule.__slots__}
    values["first_day"] = first
    values["end_day"] = np.where(ends, end, NEVER).astype(np.int64)
    return Schedule(**values)


def _amounts(
    setting: Setting,
    rng: np.random.Generator,
    kind: Kind,
    pairs: Pairs,
    ordinal: np.ndarray,
    schedule: Schedule,
    currency: np.ndarray,
) -> Amounts:
    n = len(ordinal)
    sort = _choose(rng, kind.amounts, AMOUNT_KINDS, n)
    sort = np.where((sort == _VARIABLE) & (rng.random(n) >= setting.hardness), _FIXED, sort)
    base = _base(setting, rng, kind, pairs, ordinal)
    unit = np.array([1, 100, 1000, 10000])[pick(rng, (3, 3, 2, 2), n)]
    unit = np.where((sort == _FIXED) | (sort == _STEPPED), unit, 1)
    unit = np.where(base * 100 < 20 * unit, 1, unit)
    unit = np.maximum(unit, np.array(CURRENCY_UNIT)[currency])
    spread = setting.hardness * 0.5 + 0.5
    up = np.exp(rng.normal(0.06, 0.08, n))
    up = np.where(np.abs(up - 1) < 0.02, 1.05, up)
    span = setting.as_of_day - schedule.first_day
    return Amounts(
        base=base * 100 * np.array(CURRENCY_SCALE)[currency],
        unit=unit,
        kind=sort,
        step_day=schedule.first_day + (span * rng.uniform(0.2, 0.85, n)).astype(np.int64),
        step_ratio=np.where(sort == _STEPPED, up, 1.0),
        trend=np.where(sort == _TREND, rng.choice([-1, 1], n, p=[0.25, 0.75])
                       * rng.uniform(0.04, 0.25, n), 0.0),
        sigma=np.where(sort == _VARIABLE, spread * kind.variation * rng.uniform(0.5, 1.5, n), 0.0),
        season=np.where(sort == _VARIABLE, rng.random(n) * 0.3, 0.0),
        season_day=rng.integers(0, 365, n),
    )  # fmt: skip


def _base(
    setting: Setting, rng: np.random.Generator, kind: Kind, pairs: Pairs, ordinal: np.ndarray
) -> np.ndarray:
    """Return typical amounts; a pair's contracts differ by ratios that shrink with hardness."""
    n = len(ordinal)
    base = kind.amount * pairs.scale**0.8 * np.exp(kind.spread * rng.normal(0, 1, n))
    floor = 0.6 / (1.0 + 3.0 * setting.hardness)
    ratio = np.exp(floor + rng.exponential(0.5, n))
    first = np.arange(n) - ordinal
    grown = np.cumsum(np.log(ratio)) - np.cumsum(np.log(ratio))[first]
    sign = np.where(rng.random(n) < 0.5, 1.0, -1.0)[first]
    return np.maximum(base[first] * np.exp(sign * grown), 1.0)
