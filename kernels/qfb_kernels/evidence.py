"""How well a schedule explains some payments, in nats.

Each due date is answered by the nearest payment within 0.4 of the spacing, or missed. The code
length of the answers is exact Bayes: the share answered, the share on the very day, lateness
against earliness and the (geometric) size of an offset each have a Beta prior and are integrated
out. Against it stands the null: the same number of payments dropped at random over the span.
The difference is the logarithm of a Bayes factor, so ``exp(-evidence)`` bounds a p-value
(Markov's inequality; Grünwald, de Heide and Koolen, "Safe testing", 2024,
doi:10.1093/jrsssb/qkae011).

``lg`` holds lgamma(i / 2), so that the host and the device use the same numbers, up to the largest
that any unit asks for: whether it is in the table is not asked again for each of the 26 of a score.
"""

from __future__ import annotations

import math

from numba import int64, uint64

from qfb_kernels.abreast import answers_abreast
from qfb_kernels.due_places import place_near
from qfb_kernels.matching import FAR, MISS_WORTH, first_due, off_nearest
from qfb_kernels.twin import Twin, twin

IMPOSSIBLE = -1e300
NEAR, KNOWN, LANE, START, STOP, OPENED, MONTH, CLOCK = 1, 4, 6, 7, 8, 9, 10, 12  # in a unit
_ON_DAY, _LATE = 1 << 21, 1 << 42  # no calendar has two million due dates
_HALF = 32  # bits


def _lgamma_half(lg, twice):
    """Return lgamma(twice / 2)."""
    return lg[uint64(twice)]


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


def _answers(unit, kind, step, phase, a, b, roll):
    """Match payments (``at``: positions on the clock) to due dates, over a schedule's life.

    The life is the run of due dates that is worth most, each hit and each miss counted (Kadane's
    maximal segment); a few chance hits long before or after do not stretch it. ``near`` is that
    of :func:`qfb_kernels.matching.mark_payments`. This is the device's body, due date by due date;
    the host's is in :mod:`qfb_kernels.abreast`.

    Returns hits, misses, hits on the very day, the sum of offset sizes, late hits, the signed
    sum of offsets, and the ticks of the life's first and last hit.
    """
    at, near, due_at, _, _, _, lane, start, stop, opened, month, worked, clock, _ = unit
    nothing = start - start
    origin = at[uint64(start)] + nothing
    end = at[uint64(stop - 1)] + nothing
    place, way, both = place_near(
        due_at, clock, kind, step, phase, a, b, roll, (opened, month, worked), nothing - 1
    )
    here, ahead, place, way, room = first_due(due_at, place, way, both, origin)
    # hits, hits on the day and late ones stand in one number, sizes and offsets in another
    counts, sums, worth = nothing, nothing, nothing - 1
    due, from_due = nothing, nothing
    from_counts, from_sums, from_tick = nothing, nothing, nothing
    best_counts, best_sums, best_worth = nothing, nothing, nothing
    best_due, best_first, best_last = nothing, nothing, nothing
    while True:
        room_before, room = room, ahead - here
        off, is_hit = off_nearest(near, lane, origin, end, here, room_before, room)
        if (is_hit & worth) < 0:
            from_counts, from_sums, from_due, from_tick = counts, sums, due, here + off
        due += 1
        is_early = off >> 63
        size = (off ^ is_early) - is_early
        on_day = ((size - 1) >> 63) & 1
        late = (-off >> 63) & 1
        counts += is_hit & (1 + on_day * _ON_DAY + late * _LATE)
        sums += is_hit & ((size << _HALF) + off)
        hit_worth = 2 + MISS_WORTH + on_day + ((3 - size) & ~((3 - size) >> 63))
        worth = (worth & ~(worth >> 63)) + (is_hit & hit_worth) - MISS_WORTH
        if worth > best_worth:
            best_counts, best_sums, best_worth = counts - from_counts, sums - from_sums, worth
            best_due, best_first, best_last = due - from_due, from_tick, here + off
        if 2 * end <= here + ahead:
            break
        here = ahead
        place += way
        way = both - way
        ahead = int64(due_at[uint64(place)])
    signed = (best_sums << _HALF) >> _HALF
    hits = best_counts & (_ON_DAY - 1)
    return (
        hits, best_due - hits, (best_counts >> 21) & (_ON_DAY - 1), (best_sums - signed) >> _HALF,
        best_counts >> 42, signed, best_first, best_last,
    )  # fmt: skip


def _is_same(unit, kind, step, phase, a, b, roll, to_roll):
    """Whether all due dates that :func:`answers` looks at are the same by another roll."""
    at, _, due_at, _, _, _, _, start, stop, opened, month, worked, clock, _ = unit
    end = at[uint64(stop - 1)]
    where, k = (opened, month, worked), stop - stop - 2
    place, way, both = place_near(due_at, clock, kind, step, phase, a, b, roll, where, k)
    other, _, _ = place_near(due_at, clock, kind, step, phase, a, b, to_roll, where, k)
    before = at[uint64(start)] - FAR
    while True:
        here = int64(due_at[uint64(place)])
        if here != due_at[uint64(other)]:
            return False
        if 2 * end <= before + here:
            return True
        before = here
        place += way
        other += way
        way = both - way


is_same = twin(_is_same, place_near, inline=True)
one_by_one = twin(_answers, place_near, first_due, off_nearest)
answers = Twin(_answers, answers_abreast.cpu, one_by_one.gpu)


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


def _evidence(unit, kind, step, phase, a, b, roll):
    """Log Bayes factor of a schedule, its own cost not yet taken off, and the mean offset.

    ``unit`` is made of positions of payments, what :func:`qfb_kernels.matching.mark_payments`
    wrote, the table of due dates, that of lgamma, scores that are known, scratch of the host's
    body, the row of what was written, where the unit starts and stops, its first day, that day's
    month, working days before it, the clock, and the logarithm of the places that a payment at
    random may have.
    """
    at, _, _, lg, _, _, _, start, stop, _, _, _, _, log_window = unit
    hits, misses, zeros, total, late, signed, first, last = answers(
        unit, kind, step, phase, a, b, roll
    )
    if hits < 2 or misses > hits:
        return IMPOSSIBLE, 0.0
    n = stop - start
    gain = scatter_length(lg, n, log_window) - scatter_length(lg, n - hits, log_window)
    gain -= code_length(lg, hits, misses, zeros, total, late)
    if hits < n:
        gain -= 1.0 + math.log(1.0 + n - hits)
        gain -= math.log(1.0 * n) if first > at[uint64(start + 1)] else 0.0
        gain -= math.log(1.0 * n) if last <= at[uint64(stop - 3)] else 0.0
    return gain, signed / hits


evidence = twin(_evidence, answers, scatter_length, code_length, inline=True)
