"""How well a schedule explains some payments, in nats.

Each due date is answered by the nearest payment within 0.4 of the spacing, or missed. The code
length of the answers is exact Bayes: the share answered, the share on the very day, lateness
against earliness and the (geometric) size of an offset each have a Beta prior and are integrated
out. Against it stands the null: the same number of payments dropped at random over the span.
The difference is the logarithm of a Bayes factor, so ``exp(-evidence)`` bounds a p-value
(Markov's inequality; Grünwald, de Heide and Koolen, "Safe testing", 2024,
doi:10.1093/jrsssb/qkae011).

``lg`` holds lgamma(i / 2), so that the host and the device use the same numbers.
"""

from __future__ import annotations

import math

from numba import uint64

from qfb_kernels.dues import due_index, due_position, months_place, roll_places
from qfb_kernels.twin import twin

MISS_WORTH = 5
IMPOSSIBLE = -1e300
LANE, START, STOP, CAL, CLOCK, KNOWN = 2, 3, 4, 6, 8, 10  # places in a unit
_ON_DAY, _LATE = 1 << 21, 1 << 42  # no calendar has two million due dates
_HALF, _LOW, _FAR = 32, (1 << 32) - 1, 1 << 30  # bits, and ticks that no payment is away
_HALF_LOG_TWO_PI = 0.5 * math.log(2.0 * math.pi)


def _lgamma_half(lg, twice):
    """Return lgamma(twice / 2)."""
    if twice < lg.shape[0]:
        return lg[twice]
    x = 0.5 * twice
    return (x - 0.5) * math.log(x) - x + _HALF_LOG_TWO_PI + 1.0 / (12.0 * x)


lgamma_half = twin(_lgamma_half, inline=True)


def _log_beta_ratio(lg, a, b, yes, no):
    """Log probability of a given sequence of yes and no under Beta(a / 2, b / 2)."""
    return (
        lgamma_half(lg, a + 2 * yes)
        + lgamma_half(lg, b + 2 * no)
        - lgamma_half(lg, a + b + 2 * (yes + no))
        - lgamma_half(lg, a)
        - lgamma_half(lg, b)
        + lgamma_half(lg, a + b)
    )


log_beta_ratio = twin(_log_beta_ratio, lgamma_half, inline=True)


def _mark_payments(at, start, stop, near, lane):
    """Write which payments are nearest to each tick, from the first payment's to one past the last.

    ``near[lane, q]`` holds, for tick ``at[start] + q``, that of the last payment before it in its
    low half and that of the first one from it on in its high half; far away where there is none.
    """
    tick = at[start]
    origin = tick
    before = origin - _FAR
    for i in range(start, stop):
        here = at[i]
        entry = (here << _HALF) | (before & _LOW)
        while tick <= here:
            near[lane, tick - origin] = entry
            tick += 1
        before = here
    near[lane, tick - origin] = ((before + _FAR) << _HALF) | (before & _LOW)


mark_payments = twin(_mark_payments)


def _nearest(near, lane, origin, behind, here, room, ahead_room):
    """Size of the offset of the payment that answers a due date, and -1 where it is late, else 0.

    ``room`` and ``ahead_room`` are twice the ticks to the due date before and the one after; the
    size is ``_FAR`` or more where no payment is within 0.4 of those.

    Without branches, which payments at random would let a processor guess wrong: ``x >> 63`` is
    -1 where ``x`` is negative, else 0.
    """
    taken = 1 if room == 0 else 0  # what falls on the day answers the due date before
    entry = near[lane, uint64(min(max(here + taken - origin, 0), behind))]
    early = here - ((entry << _HALF) >> _HALF)
    late = (entry >> _HALF) - here
    early += ((room - taken - 5 * early) >> 63) & _FAR
    late += ((ahead_room - 5 * late) >> 63) & _FAR
    is_late = (late - early) >> 63
    return early + ((late - early) & is_late), is_late


nearest = twin(_nearest, inline=True)


def _answers(unit, kind, step, anchor, a, b, roll):
    """Match payments (``at``: positions on the clock) to due dates, over a schedule's life.

    The life is the run of due dates that is worth most, each hit and each miss counted (Kadane's
    maximal segment); a few chance hits long before or after do not stretch it. ``near`` is that
    of :func:`mark_payments`: the only payments that can answer a due date are the last one before
    it and the first one from it on.

    Returns hits, misses, hits on the very day, the sum of offset sizes, late hits, the signed
    sum of offsets, and the ticks of the life's first and last hit.
    """
    at, near, lane, start, stop, opened, cal, _, clock, _, _ = unit
    nothing = start - start
    places, months = roll_places(cal, clock, roll), months_place(cal)
    k = due_index(cal, kind, step, anchor, opened) - 2
    here = due_position(cal, places, months, kind, step, anchor, a, b, k)
    ahead = due_position(cal, places, months, kind, step, anchor, a, b, k + 1)
    room = nothing + 1  # twice the ticks since the due date before
    origin, end = at[start], at[stop - 1]
    while here + ahead < 2 * origin:
        k += 1
        room = 2 * (ahead - here)
        here = ahead
        ahead = due_position(cal, places, months, kind, step, anchor, a, b, k + 1)
    behind = end - origin + 1
    # hits, hits on the day and late ones stand in one number, sizes late and early in another
    counts, sums, worth = nothing, nothing, nothing - 1
    from_counts, from_sums, from_k, from_tick = nothing, nothing, nothing, origin
    best_counts, best_sums, best_worth = nothing, nothing, nothing
    best_due, best_first, best_last = nothing, origin, origin
    while True:
        room_before, room = room, 2 * (ahead - here)
        size, is_late = nearest(near, lane, origin, behind, here, room_before, room)
        is_hit = (size - _FAR) >> 63
        on_day = ((size - 1) >> 63) & 1
        if (is_hit & worth) < 0:
            from_counts, from_sums, from_k = counts, sums, k
            from_tick = here + ((size ^ ~is_late) - ~is_late)
        counts += is_hit & (1 + on_day * _ON_DAY + ((is_late & 1) - on_day) * _LATE)
        sums += is_hit & (size << (is_late & _HALF))
        hit_worth = 2 + MISS_WORTH + on_day + ((3 - size) & ~((3 - size) >> 63))
        worth = (worth & ~(worth >> 63)) + (is_hit & hit_worth) - MISS_WORTH
        if worth > best_worth:
            best_counts, best_sums, best_worth = counts - from_counts, sums - from_sums, worth
            best_due, best_first = k - from_k + 1, from_tick
            best_last = here + ((size ^ ~is_late) - ~is_late)
        if 2 * end <= here + ahead:
            break
        k += 1
        here = ahead
        ahead = due_position(cal, places, months, kind, step, anchor, a, b, k + 1)
    hits = best_counts & (_ON_DAY - 1)
    sum_early, sum_late = best_sums & _LOW, best_sums >> _HALF
    return (
        hits, best_due - hits, (best_counts >> 21) & (_ON_DAY - 1), sum_early + sum_late,
        best_counts >> 42, sum_late - sum_early, best_first, best_last,
    )  # fmt: skip


answers = twin(_answers, nearest, due_index, due_position, months_place, roll_places, inline=True)


def _code_length(lg, hits, misses, zeros, total, late):
    """Nats needed to write down the answers to a schedule."""
    moved = hits - zeros
    return -(
        log_beta_ratio(lg, 24, 2, hits, misses)
        + log_beta_ratio(lg, 2, 1, zeros, moved)
        + log_beta_ratio(lg, 1, 1, late, moved - late)
        + log_beta_ratio(lg, 2, 2, total - moved, moved)
    )


code_length = twin(_code_length, log_beta_ratio, inline=True)


def _scatter_length(lg, n, log_window):
    """Nats needed to write down ``n`` payments anywhere in the window, in no order."""
    return n * log_window - lgamma_half(lg, 2 * n + 2)


scatter_length = twin(_scatter_length, lgamma_half, inline=True)


def _evidence(unit, kind, step, anchor, a, b, roll):
    """Log Bayes factor of a schedule, its own cost not yet taken off, and the mean offset.

    ``unit`` is made of positions of payments, what :func:`mark_payments` wrote and in which row,
    where the unit starts and stops, its first day, the calendar table, the table of lgamma, the
    clock, the logarithm of the places that a payment at random may have, and scores that are known.
    """
    at, _, _, start, stop, _, _, lg, _, log_window, _ = unit
    hits, misses, zeros, total, late, signed, first, last = answers(
        unit, kind, step, anchor, a, b, roll
    )
    if hits < 2 or misses > hits:
        return IMPOSSIBLE, 0.0
    n = stop - start
    gain = scatter_length(lg, n, log_window) - scatter_length(lg, n - hits, log_window)
    gain -= code_length(lg, hits, misses, zeros, total, late)
    if hits < n:
        gain -= 1.0 + math.log(1.0 + n - hits)
        gain -= math.log(1.0 * n) if first > at[start + 1] else 0.0
        gain -= math.log(1.0 * n) if last <= at[stop - 3] else 0.0
    return gain, signed / hits


evidence = twin(_evidence, answers, scatter_length, code_length, inline=True)
