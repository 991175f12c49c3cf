"""The next payment of a stream by lists of dates and dictionaries of chances."""

import datetime as dt
import itertools
from functools import partial

from naive import dues

DAY = dt.timedelta(days=1)
ROLLS = {"none": 0.2, "preceding": 0.25, "following": 0.4, "modified": 0.15}


def ticks_after(date, n, clock, days_off):
    """Return the day ``n`` calendar or working days after a due date."""
    if not clock:
        return date + n * DAY
    while not dues.is_open(date, *days_off):  # the clock stands on closed days
        date += DAY
    for _ in range(abs(n)):
        date += DAY if n > 0 else -DAY
        while not dues.is_open(date, *days_off):
            date += DAY if n > 0 else -DAY
    return date


def offset_chance(offsets, o, more=0):
    """Chance of an offset: on the day or not, and how far off by the stream's own and a curve.

    ``more`` payments were late besides.
    """
    hits, moved = len(offsets), sum(x != 0 for x in offsets)
    whole = hits + 1.5 + more
    if o == 0:
        return (hits - moved + 1) / whole
    late = (sum(x > 0 for x in offsets) + 0.5) / (moved + 1)
    ends, ticks = moved + 1, sum(map(abs, offsets)) + 2
    run = ends / (ticks + abs(o) - 1)
    for i in range(1, abs(o)):
        run *= (ticks - ends + i - 1) / (ticks + i - 1)
    mixed = (offsets.count(o) + 8 * run * (late if o > 0 else 1 - late)) / (moved + 8)
    return (moved + 0.5) / whole * mixed + (more / whole * run if o > 0 else 0)


def gap_in_ticks(first, second, clock, days_off):
    """Count the calendar or working days from one due date until before another."""
    days = [first + i * DAY for i in range((second - first).days)]
    return sum(not clock or dues.is_open(day, *days_off) for day in days)


def n_closed(schedule, ks, days_off):
    nominal = [dues.nominal(schedule, k, *days_off) for k in range(ks[0], ks[-1] + 1)]
    return sum(not dues.is_open(day, *days_off) for day in nominal)


def chances_of(schedule, fitted, k, chance_of, width, clock, closed, days_off):
    """Return {day: chance} of the answer to the ``k``-th due date, whichever way it is rolled."""
    plain = dues.nominal(schedule, k, *days_off)
    weights = {roll: (p + closed * (roll == fitted)) / (1 + closed) for roll, p in ROLLS.items()}
    if dues.is_open(plain, *days_off):
        weights = {fitted: 1.0}
    chance = {}
    for roll, weight in weights.items():
        here = dues.rolled(plain, roll, *days_off)
        for o in range(-width, width + 1):
            then = ticks_after(here, o, clock, days_off)
            chance[then] = chance.get(then, 0.0) + weight * chance_of(o)
    return chance


def skip_chances(ks):
    """Chance to skip a due date after an answered one, and after a skipped one."""
    gaps = [later - earlier - 1 for earlier, later in itertools.pairwise(ks)]
    breaks, misses = sum(gap > 0 for gap in gaps), sum(gaps)
    counted = min(misses, 5 * breaks)
    first = (breaks + 0.5) / (len(ks) - 1 + 5)
    return first, (counted - breaks + 2 * first) / (counted + 2)


def shortest_range(chance):
    """Return the shortest range of days that holds 90%, of tails of 0, 1, ... 10%."""
    days, total, below = sorted(chance), 0.0, []
    for day in days:
        total += chance[day]
        below.append(total)
    ranges = []
    for tail in range(11):
        first = [day for day, s in zip(days, below, strict=True) if s > tail / 100 + 1e-9]
        last = [day for day, s in zip(days, below, strict=True) if s >= 0.9 + tail / 100 - 1e-9]
        if last:
            ranges.append(((last[0] - first[0]).days, tail, first[0], last[0]))
    middle = [day for day, s in zip(days, below, strict=True) if s >= 0.5 - 1e-9]
    if not middle:
        return None
    if not ranges:
        first = [day for day, s in zip(days, below, strict=True) if s > 0.05 + 1e-9]
        return first[0], middle[0], middle[0]
    _, _, first, last = min(ranges)
    return first, middle[0], last


def forecast(schedule, roll, clock, ks, offsets, as_of, days_off):
    """Return (earliest, median, latest) or None, next due date, missed dues, status.

    ``ks`` are the numbers of the answered due dates, ascending, ``offsets`` of their answers.
    Only for schedules whose due dates are all different.
    """
    closed = n_closed(schedule, ks, days_off)
    skip, again = skip_chances(ks)
    left = alive = 1.0
    missed, ahead, next_due, whole, n_kept = 0, 0, None, {}, 0
    k = ks[-1] + 1
    first, second = (dues.due(schedule, roll, i, *days_off) for i in (k, k + 1))
    width, chance_of = min(max(map(abs, offsets)) + 3, 45), partial(offset_chance, offsets)
    if first <= as_of:
        chance_of = partial(offset_chance, offsets, more=0.5)
        reach = min(max(width, gap_in_ticks(first, second, clock, days_off) // 3), 45)
        if ticks_after(first, reach, clock, days_off) > as_of:
            width = reach
    while ahead < 6 and n_kept < 12 and left > 1e-9:
        chance = chances_of(schedule, roll, k, chance_of, width, clock, closed, days_off)
        coming = {day: p for day, p in chance.items() if day > as_of}
        pending = min(1.0, sum(coming.values()))
        unseen = skip + (1 - skip) * pending
        answered = (1 - skip) * pending / unseen
        alive *= max(unseen, 0.011)
        if ahead == 0 and pending < 0.5 * unseen:
            missed += 1
        else:
            next_due = next_due or dues.due(schedule, roll, k, *days_off)
            ahead += 1
        for day, p in coming.items():
            whole[day] = whole.get(day, 0.0) + left * answered * p / pending
        n_kept += pending > 0 or n_kept > 0
        left *= 1 - answered
        skip = again
        k += 1
        if missed > 60 + len(ks):
            break
    misses = ks[-1] - ks[0] + 1 - len(ks)
    gone = missed > 0 and alive < 0.01 * missed
    status = "stopped" if gone else "mature" if len(ks) >= 6 else "early"
    return shortest_range(whole), next_due, misses + missed, status
