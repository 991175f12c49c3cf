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

from qfb_kernels.dues import due_index, due_position, roll_places
from qfb_kernels.twin import twin

MISS_WORTH = 5
IMPOSSIBLE = -1e300
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


def _hit_worth(size):
    """Return what a hit adds to a life that a miss takes ``MISS_WORTH`` from."""
    return 6 if size == 0 else max(2, 5 - size)


hit_worth = twin(_hit_worth, inline=True)


def _answers(at, start, stop, opened, cal, clock, kind, step, anchor, a, b, roll):
    """Match payments (``at``: positions on the clock) to due dates, over a schedule's life.

    The life is the run of due dates that is worth most, each hit and each miss counted (Kadane's
    maximal segment); a few chance hits long before or after do not stretch it.

    Returns hits, misses, hits on the very day, the sum of offset sizes, late hits, the signed
    sum of offsets, and the slots of the life's first and last hit.
    """
    places = roll_places(cal, clock, roll)
    k = due_index(cal, kind, step, anchor, opened) - 2
    here = due_position(cal, places, kind, step, anchor, a, b, k)
    ahead = due_position(cal, places, kind, step, anchor, a, b, k + 1)
    before = here
    hits, misses, zeros, total, late, signed, worth = 0, 0, 0, 0, 0, 0, 0
    best_hits, best_misses, best_zeros, best_total, best_late, best_signed = 0, 0, 0, 0, 0, 0
    best_worth, first, last, best_first, best_last = 0, start, start, start, start
    i = start
    while i < stop:
        size, offset, slot = -1, 0, start
        while i < stop and 2 * at[i] <= here + ahead:
            off = at[i] - here
            room = ahead - here if off >= 0 else here - before
            if 5 * abs(off) <= 2 * room and (size < 0 or abs(off) < size):
                size, offset, slot = abs(off), off, i
            i += 1
        if size >= 0:
            if hits == 0 or worth < 0:
                hits, misses, zeros, total, late, signed, worth = 0, 0, 0, 0, 0, 0, 0
                first = slot
            last = slot
            hits += 1
            total += size
            signed += offset
            zeros += 1 if size == 0 else 0
            late += 1 if offset > 0 else 0
            worth += hit_worth(size)
        if (size < 0 or i == stop) and worth > best_worth:
            best_hits, best_misses, best_zeros, best_total = hits, misses, zeros, total
            best_late, best_signed, best_worth = late, signed, worth
            best_first, best_last = first, last
        if size < 0:
            misses += 1
            worth -= MISS_WORTH
        k += 1
        before, here = here, ahead
        ahead = due_position(cal, places, kind, step, anchor, a, b, k + 1)
    return (best_hits, best_misses, best_zeros, best_total, best_late, best_signed,
            best_first, best_last)  # fmt: skip


answers = twin(_answers, hit_worth, due_index, due_position, roll_places, inline=True)


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


def _evidence(at, start, stop, opened, cal, lg, clock, log_window, kind, step, anchor, a, b, roll):
    """Log Bayes factor of a schedule, its own cost not yet taken off, and the mean offset."""
    hits, misses, zeros, total, late, signed, first, last = answers(
        at, start, stop, opened, cal, clock, kind, step, anchor, a, b, roll
    )
    if hits < 2 or misses > hits:
        return IMPOSSIBLE, 0.0
    n = stop - start
    gain = scatter_length(lg, n, log_window) - scatter_length(lg, n - hits, log_window)
    gain -= code_length(lg, hits, misses, zeros, total, late)
    if hits < n:
        gain -= 1.0 + math.log(1.0 + n - hits)
        gain -= math.log(1.0 * n) if first > start + 1 else 0.0
        gain -= math.log(1.0 * n) if last < stop - 2 else 0.0
    return gain, signed / hits


evidence = twin(_evidence, answers, scatter_length, code_length, inline=True)
