"""Which payment answers a due date: the nearest one, looked up, or one on the other side."""

from __future__ import annotations

from numba import int64, uint64

from qfb_kernels.twin import Twin, twin

MISS_WORTH = 5
MORE_TICKS = 8  # of a row of payments' ticks, beyond those from the first to the last
FAR = 1 << 30  # ticks that no payment is away


def _mark_payments(at, start, stop, near, lane):
    """Write which payment is nearest to each tick up to the last payment's; of two the earlier.

    ``near[lane, q]`` holds the tick of that of ``at[start] + q``.
    """
    origin = at[start]
    here, tick = origin, origin
    for i in range(start, stop):
        ahead = at[uint64(min(i + 1, stop - 1))]
        middle = ((here + ahead) >> 1) + 1
        for q in range(tick, middle):
            near[uint64(lane), uint64(q - origin)] = here
        here, tick = ahead, max(tick, middle)


def _mark_abreast(at, start, stop, near, lane):
    """:func:`_mark_payments` by eight at once; of these the next payment writes over the last."""
    origin = at[start]
    here, tick = origin, origin
    for i in range(start, stop):
        ahead = at[uint64(min(i + 1, stop - 1))]
        middle = ((here + ahead) >> 1) + 1
        first = tick - origin
        n_more = (max(middle - tick, tick - tick) + 7) & -8
        for q in range(n_more):
            near[uint64(lane), uint64(first + q)] = here
        here, tick = ahead, max(tick, middle)


mark_payments = Twin(_mark_payments, twin(_mark_abreast).cpu, twin(_mark_payments).gpu)


def _off_nearest(near, lane, origin, end, here, room, ahead_room):
    """Ticks from a due date to the nearest payment, and -1 where that answers it, else 0.

    ``room`` and ``ahead_room`` are the ticks to the due date before and the one after: a payment
    answers within 0.4 of them, and what falls on the day of two due dates answers the first.

    Without branches that payments at random would let a processor guess wrong: ``x >> 63`` is
    -1 where ``x`` is negative, else 0.
    """
    off = near[uint64(lane), uint64(min(max(here, origin), end) - origin)] - here
    is_early = off >> 63
    far = 5 * ((off ^ is_early) - is_early)
    mine = 2 * (ahead_room + ((room - ahead_room) & is_early))
    is_hit = ~((mine - far) >> 63)
    if room <= 0 or (is_hit == 0 and far <= 2 * (room + ahead_room) - mine):
        off = off_other(near, lane, origin, end, here, room, ahead_room, off)
        is_hit = (off - FAR) >> 63
    return off, is_hit


def _off_other(near, lane, origin, end, here, room, ahead_room, off):
    """Ticks to a payment on the other side than the nearest one's, which is too far; else ``FAR``.

    Where the due date before falls on the same day, to one that is later.
    """
    way = 1 if off < 0 or room <= 0 else -1
    limit = 2 * (ahead_room if way > 0 else room)
    size = 1 if room <= 0 else abs(off)
    while 5 * size <= limit:
        tick = here + way * size
        if origin <= tick <= end and near[uint64(lane), uint64(tick - origin)] == tick:
            return way * size
        size += 1
    return off - off + FAR


off_other = twin(_off_other)
off_nearest = twin(_off_nearest, off_other, inline=True)


def _first_due(due_at, place, way, both, origin):
    """Return the due date nearest to the first payment, of two the earlier, from one near it.

    Its tick and that of the one after, the place of that, the places from there to the next, and
    the ticks since the one before: 1 where that is not known, where ``place`` is two off.
    """
    here = int64(due_at[uint64(place)])
    ahead = int64(due_at[uint64(place + way)])
    if here + ahead >= 2 * origin:
        before = int64(due_at[uint64(place + way - both)])
        if before + here >= 2 * origin:
            return before, here, place, way, way - way + 1
        return here, ahead, place + way, both - way, here - before
    room = here - here
    while here + ahead < 2 * origin:
        place += way
        way = both - way
        room = ahead - here
        here = ahead
        ahead = int64(due_at[uint64(place + way)])
    return here, ahead, place + way, both - way, room


first_due = twin(_first_due, inline=True)
