"""How the host matches payments to due dates: a loop a step over all due dates of a schedule.

What comes out is to the bit what :func:`qfb_kernels.evidence.answers` says on a device, which goes
from due date to due date and keeps all in registers. A host has too few of them for that, but it
does what is alike for all due dates for several at once (vector instructions). ``work`` has two
rows a lane: the ticks of due dates, one more before them and after them; the tick of the payment
nearest to each, later what is said of it: the offset of its answer and what it is worth to a life.
"""

from __future__ import annotations

from numba import int32, int64, uint64

from qfb_kernels.due_places import place_near
from qfb_kernels.matching import MISS_WORTH, first_due, off_nearest
from qfb_kernels.twin import twin

WORK_ROWS, MORE_DUES = 2, 40  # of a lane; due dates beyond the days of a unit, at most
_ABREAST = 8
_OFF_BITS, _WORTH, _BIAS = 8, 255, 64  # the lowest bits are a worth, which may be below 0
_RUN_BITS, _FIRST = 32, 1 << 31  # of a run of due dates: below, _FIRST less its first one
_ASK = 0  # no worth: another payment than the nearest may be the answer


def _lay_out(near, work, row, lane, due_at, place, way, both, here, ahead, room, origin, end):
    """Write the ticks of due dates and of the payments nearest to them; return how many.

    ``here`` and ``ahead`` are the first two, ``place`` that of ``ahead``, see
    :func:`qfb_kernels.matching.first_due`.
    """
    work[row, uint64(0)] = here - room
    work[row, uint64(1)] = here
    work[row, uint64(2)] = ahead
    n = place - place
    row2 = uint64(row + uint64(1))
    while True:
        work[row2, uint64(n)] = near[uint64(lane), uint64(min(max(here, origin), end) - origin)]
        n += 1
        if 2 * end <= here + ahead:
            break
        here = ahead
        place += way
        way = both - way
        ahead = int64(due_at[uint64(place)])
        work[row, uint64(n + 2)] = ahead
    return n


lay_out = twin(_lay_out, inline=True)


def _match(work, row, n):
    """Write what each due date is worth, and above :data:`_OFF_BITS` how far off its answer is.

    By eight, so that no due dates are left over for a loop one by one; what stands behind the last
    one is not looked at. Numba makes int64 of all that is not said to be int32. In place: with
    other rows to write to, LLVM takes vectors from 24 due dates on only.
    """
    n_more = (n + _ABREAST - 1) & -_ABREAST
    row2 = uint64(row + uint64(1))
    for j in range(n_more):
        here = work[row, uint64(j + 1)]
        room = int32(here - work[row, uint64(j)])
        ahead_room = int32(work[row, uint64(j + 2)] - here)
        off = int32(work[row2, uint64(j)] - here)
        size = int32(abs(off))
        far = int32(int32(5) * size)
        is_early = off < int32(0)
        mine = int32(int32(2) * (room if is_early else ahead_room))
        other = int32(int32(2) * (ahead_room if is_early else room))
        more = int32(int32(5) - size)
        worth = max(int32(2), more)
        worth = int32(6) if size == int32(0) else worth
        said = int32((off << int32(_OFF_BITS)) + int32(worth + int32(_BIAS)))
        missed = int32(_ASK) if far <= other else int32(_BIAS - MISS_WORTH)
        said = said if far <= mine else missed
        work[row2, uint64(j)] = said if room > int32(0) else int32(_ASK)


match = twin(_match, inline=True)


def _ask(near, work, row, lane, origin, end, j):
    """Write and return what is said of a due date that another payment than the nearest answers."""
    row2 = uint64(row + uint64(1))
    here = int64(work[row, uint64(j + 1)])
    room = here - work[row, uint64(j)]
    ahead_room = work[row, uint64(j + 2)] - here
    off, is_hit = off_nearest(near, lane, origin, end, here, room, ahead_room)
    size = abs(off)
    worth = 6 if size == 0 else max(2, 5 - size)
    said = (off << _OFF_BITS) + worth + _BIAS if is_hit else off - off + _BIAS - MISS_WORTH
    work[row2, uint64(j)] = said
    return said


ask = twin(_ask, off_nearest)


def _life(near, work, row, lane, origin, end, n):
    """Return the first and the last due date of the life (-1: none), by Kadane's rule.

    What a run of due dates is worth stands above what falls from one first due date to the next:
    of two runs worth the same the one that begins earlier is more.
    """
    row2 = uint64(row + uint64(1))
    last = n - n - 1
    run, best = last, last + 1 + _FIRST
    for j in range(n):
        said = int64(work[row2, uint64(j)])
        if said == _ASK:
            said = ask(near, work, row, lane, origin, end, j)
        run = max(run, _FIRST - j) + (((said & _WORTH) - _BIAS) << _RUN_BITS)
        last = j if run > best else last
        best = max(best, run)
    return _FIRST - (best & ((1 << _RUN_BITS) - 1)), last


life = twin(_life, ask, inline=True)


def _counts_of(work, row, first, last):
    """Count the answers of a life; by eight, as :func:`_match`, those behind it as missed."""
    row2 = uint64(row + uint64(1))
    hits, zeros, late, total, signed = int32(0), int32(0), int32(0), int32(0), int32(0)
    n = last - first + 1
    for i in range((n + _ABREAST - 1) & -_ABREAST):
        said = work[row2, uint64(first + i)]
        said = said if int32(i) < int32(n) else int32(_BIAS - MISS_WORTH)
        off = int32(said >> int32(_OFF_BITS))
        worth = int32(said & int32(_WORTH))
        hits = int32(hits + int32(worth > int32(_BIAS)))
        zeros = int32(zeros + int32(worth == int32(_BIAS + 6)))
        late = int32(late + int32(off > int32(0)))
        total = int32(total + int32(abs(off)))
        signed = int32(signed + off)
    return (
        int64(hits), n - int64(hits), int64(zeros), int64(total), int64(late), int64(signed),
        int64(work[row, uint64(first + 1)]) + (int64(work[row2, uint64(first)]) >> _OFF_BITS),
        int64(work[row, uint64(last + 1)]) + (int64(work[row2, uint64(last)]) >> _OFF_BITS),
    )  # fmt: skip


counts_of = twin(_counts_of, inline=True)


def _answers_abreast(unit, kind, step, phase, a, b, roll):
    """Return what :func:`qfb_kernels.evidence.answers` does."""
    at, near, due_at, _, _, work, lane, start, stop, opened, month, worked, clock, _ = unit
    nothing = start - start
    origin = at[uint64(start)] + nothing
    end = at[uint64(stop - 1)] + nothing
    place, way, both = place_near(
        due_at, clock, kind, step, phase, a, b, roll, (opened, month, worked), nothing - 1
    )
    here, ahead, place, way, room = first_due(due_at, place, way, both, origin)
    row = uint64(WORK_ROWS * lane)
    n = lay_out(near, work, row, lane, due_at, place, way, both, here, ahead, room, origin, end)
    match(work, row, n)
    first, last = life(near, work, row, lane, origin, end, n)
    if last < 0:
        return nothing, nothing, nothing, nothing, nothing, nothing, nothing, nothing
    return counts_of(work, row, first, last)


answers_abreast = twin(
    _answers_abreast, place_near, first_due, lay_out, match, life, counts_of, inline=True
)
