"""The climb of a schedule in whole rounds: every move of a round is tried, until none helps."""

import math

DAYS, MONTHS, PAIR, NTH, WORKDAYS, MONTH_WORKDAY, BYDAY = range(7)
NONE = 0
N_ROUNDS, TINY = 6, 1e-7


def candidates(score, moved, clock, kind, mean):
    """Yield, as functions of the schedule and its gain, the eight moves of a round.

    Each returns (gain, mean, schedule), or None where there is no such move.
    """
    shift = math.floor(mean + 0.5) if kind in (DAYS, MONTHS) else 0

    def by_mean(now, _best):
        if shift in (-1, 0, 1) or abs(shift) > 15:
            return None
        return scored(score, (*moved(kind, *now[:3], 0, shift), now[3]))

    def by_one(which, by):
        def move(now, _best):
            if (which == 1 and kind != PAIR) or kind in (WORKDAYS, BYDAY):
                return None
            return scored(score, (*moved(kind, *now[:3], which, by), now[3]))

        return move

    def by_roll(turn):
        def move(now, best):
            roll = (now[3] + turn) % 4
            if kind in (WORKDAYS, MONTH_WORKDAY) or (clock and roll == NONE):
                return None
            gain, at_mean, to = scored(score, (*now[:3], roll))
            away = math.floor(at_mean + 0.5)
            if gain > best + TINY or away == 0 or abs(away) > 3 or kind == NTH:
                return gain, at_mean, to
            days = moved(kind, *now[:3], 0, away)
            if kind == PAIR:
                days = moved(kind, *days, 1, away)
            return scored(score, (*days, roll))

        return move

    yield by_mean
    for which in (0, 1):
        for by in (1, -1):
            yield by_one(which, by)
    for turn in (1, 2, 3):
        yield by_roll(turn)


def scored(score, schedule):
    return *score(*schedule), schedule


def climb(score, moved, clock, kind, schedule):
    """Return the gain and the coordinates (anchor, a, b, roll) where no move helps any more."""
    best, mean = score(*schedule)
    for _ in range(N_ROUNDS):
        found = False
        for move in candidates(score, moved, clock, kind, mean):
            tried = move(schedule, best)
            if tried is not None and tried[0] > best + TINY:
                best, mean, schedule = tried
                found = True
        if not found:
            break
    return best, *schedule
