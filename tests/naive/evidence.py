"""Evidence for a schedule, by lists and exact fractions.

Days are numbers on some clock; ``dues`` are the schedule's positions on it, in order, from at
least two before the first payment to two after the last.
"""

import math
from fractions import Fraction

MISS_WORTH = 5


def urn(yes, no, alpha, beta):
    """Chance of one sequence with so many yes and no, the share being Beta(alpha, beta).

    Draw by draw from Polya's urn, which is what integrating the share out comes to.
    """
    chance = Fraction(1)
    for i in range(yes):
        chance *= (alpha + i) / (alpha + beta + i)
    for i in range(no):
        chance *= (beta + i) / (alpha + beta + yes + i)
    return chance


def answers(days, dues):
    """Return {index of the due date: (slot, offset)} of the payments that answer one."""
    found = {}
    for slot, day in enumerate(days):
        k = next(k for k in range(len(dues) - 1) if 2 * day <= dues[k] + dues[k + 1])
        offset = day - dues[k]
        room = dues[k + 1] - dues[k] if offset >= 0 else dues[k] - dues[k - 1]
        near = 5 * abs(offset) <= 2 * room
        if near and (k not in found or abs(offset) < abs(found[k][1])):
            found[k] = (slot, offset)
    return found


def life(found):
    """Return the run of due dates that is worth most, as its hits in order and its misses."""
    hits = sorted(found)
    best = None
    for first in hits:
        for last in hits:
            if last < first:
                continue
            inside = [k for k in hits if first <= k <= last]
            misses = last - first + 1 - len(inside)
            sizes = [abs(found[k][1]) for k in inside]
            worth = sum(6 if size == 0 else max(2, 5 - size) for size in sizes)
            rank = (worth - MISS_WORTH * misses, -last, -first)
            if best is None or rank > best[0]:
                best = (rank, inside, misses)
    return ([], 0) if best is None else best[1:]


def counts(days, dues):
    """Return hits, misses, hits on the day, sizes summed, late hits, offsets summed, two slots."""
    found = answers(days, dues)
    hits, misses = life(found)
    offsets = [found[k][1] for k in hits]
    return (
        len(hits), misses, sum(o == 0 for o in offsets), sum(abs(o) for o in offsets),
        sum(o > 0 for o in offsets), sum(offsets),
        found[hits[0]][0] if hits else 0, found[hits[-1]][0] if hits else 0,
    )  # fmt: skip


def chance(hits, misses, zeros, total, late):
    """Chance of answers to a schedule: hit or miss, on the day, late, and how far."""
    moved = hits - zeros
    half = Fraction(1, 2)
    return (
        urn(hits, misses, Fraction(12), Fraction(1))
        * urn(zeros, moved, Fraction(1), half)
        * urn(late, moved - late, half, half)
        * urn(total - moved, moved, Fraction(1), Fraction(1))
    )


def evidence(days, dues, window):
    """Return the log Bayes factor of a schedule against payments dropped at random.

    ``window`` is the number of places a payment at random may fall on; None: no schedule.
    """
    hits, misses, zeros, total, late, _, first, last = counts(days, dues)
    n = len(days)
    if hits < 2 or misses > hits:
        return None
    at_random = Fraction(math.factorial(n), math.factorial(n - hits)) / Fraction(window) ** hits
    nats = math.log(chance(hits, misses, zeros, total, late)) - math.log(at_random)
    if hits < n:
        nats -= 1 + math.log(1 + n - hits)
        nats -= math.log(n) if first > 1 else 0
        nats -= math.log(n) if last < n - 2 else 0
    return nats
