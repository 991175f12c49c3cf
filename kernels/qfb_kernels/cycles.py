"""Money that comes back: cycles of dated payments, first found from their first payment.

Payments of one currency lie sorted by payer, payee and day: ``pair_start`` cuts them into pairs
(payer, payee), ``pair`` says of which each is, ``pair_range`` each pair's smallest and largest
amount, ``node_start`` cuts the pairs by payer, ``in_start`` cuts ``in_pair``, the pairs by payee. A
trip starts with a payment of a first party and goes on with payments of no earlier day, none later
than ``window`` days after the first, each between ``low`` and ``high`` times the first amount, over
parties that are all different, back to the first party. Of several payments to the same next party
the earliest that fits is taken: whatever could follow a later one can follow it. Nothing is
searched where no payment that fits comes to the first party in time.
"""

from __future__ import annotations

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

LONGEST = 5


def _first_fitting(day, amount, start, stop, since, until, least, most):
    """Return the first payment of a pair from day ``since`` to ``until`` that fits, or -1."""
    low, high = start, stop
    while low < high:
        middle = (low + high) // 2
        if day[middle] < since:
            low = middle + 1
        else:
            high = middle
    while low < stop and day[low] <= until:
        if least <= amount[low] <= most:
            return low
        low += 1
    return start - start - 1


first_fitting = twin(_first_fitting)


def _pair_of(pair_target, start, stop, target):
    """Return the pair of one payer with a payee, or -1."""
    low, high = start, stop
    while low < high:
        middle = (low + high) // 2
        if pair_target[middle] < target:
            low = middle + 1
        else:
            high = middle
    if low < stop and pair_target[low] == target:
        return low
    return start - start - 1


pair_of = twin(_pair_of)


def _comes_back(
    day, amount, pair_start, pair_range, in_start, in_pair, home, since, until, least, most
):
    """Return whether anybody pays a party from day ``since`` to ``until`` what fits."""
    for entry in range(in_start[home], in_start[home + 1]):
        pair = in_pair[entry]
        if pair_range[pair, 0] <= most and pair_range[pair, 1] >= least:
            start, stop = pair_start[pair], pair_start[pair + 1]
            if first_fitting(day, amount, start, stop, since, until, least, most) >= 0:
                return True
    return False


comes_back = twin(_comes_back, first_fitting)


def _closing(
    day, amount, pair_start, pair_target, node_start, here, home, since, until, least, most
):
    """Return the first payment from a party home, from ``since`` to ``until``, that fits, or -1."""
    pair = pair_of(pair_target, node_start[here], node_start[here + 1], home)
    if pair < 0:
        return pair
    start, stop = pair_start[pair], pair_start[pair + 1]
    return first_fitting(day, amount, start, stop, since, until, least, most)


closing = twin(_closing, first_fitting, pair_of)


def _next_that_may_fit(pair_range, start, stop, least, most):
    """Return the first pair from ``start`` on of which a payment may fit, or ``stop``.

    Who pays many is looked at for all of them, and next to nothing of that fits: a loop of its own.
    """
    pair = start
    while pair < stop and not (pair_range[pair, 0] <= most and pair_range[pair, 1] >= least):
        pair += 1
    return pair


next_that_may_fit = twin(_next_that_may_fit)


def _not_yet(pair, pair_target, path, row, depth, home, onward):
    """Return whether a party is not on the way yet."""
    is_new = onward != home
    for back in range(depth + 1):
        if pair_target[pair[path[row, back]]] == onward:
            is_new = False
    return is_new


not_yet = twin(_not_yet)


def _write_trip(trips, place, length, path, row, closing):
    """Write the payments of a trip: those on the way, the closing one, then -1."""
    for hop in range(length - 1):
        trips[place, hop] = path[row, hop]
    trips[place, length - 1] = closing
    for hop in range(length, trips.shape[1]):
        trips[place, hop] = -1


write_trip = twin(_write_trip)


def _trips_row(
    day, amount, pair, pair_source, pair_start, pair_range, pair_target, node_start, in_start,
    in_pair, bounds, share, path, at, counts, first_place, trips, row,
):  # fmt: skip
    """Count, or write, the trips of one first payment.

    ``bounds`` is (window days, longest, most looks, the payment of row 0); ``path`` and ``at``
    are scratch a row: the payment that led to each depth, and the next pair to look at from there.
    ``counts[row]`` is (trips, 1 where the looks ran out); trips are written from
    ``first_place[row]`` on: -1 where they are only counted, less where there are none.
    """
    if first_place[row] < -1:
        return
    window, longest, most_looks, one = bounds[0], bounds[1], bounds[2], bounds[3] + row
    home = pair_source[pair[one]]
    until = day[one] + window
    least, most = amount[one] * share[0], amount[one] / share[0]
    place = first_place[row]
    n_trips, looks, depth = row - row, row - row, row - row
    path[row, 0] = one
    at[row, 0] = node_start[pair_target[pair[one]]]
    if pair_target[pair[one]] == home or not comes_back(
        day, amount, pair_start, pair_range, in_start, in_pair, home, day[one], until, least, most
    ):
        depth -= 1
    while depth >= 0:
        here = pair_target[pair[path[row, depth]]]
        next_pair = at[row, depth]
        if next_pair == node_start[here]:  # first look from here: does it close?
            found = closing(
                day, amount, pair_start, pair_target, node_start, here, home,
                day[path[row, depth]], until, least, most,
            )  # fmt: skip
            if found >= 0:
                if place >= 0:
                    write_trip(trips, place + n_trips, depth + 2, path, row, found)
                n_trips += 1
        looks += 1
        if depth + 2 < longest:  # each that is passed is a look
            stop = min(node_start[here + 1], next_pair + (most_looks - looks + 1))
            passed = next_that_may_fit(pair_range, next_pair, stop, least, most) - next_pair
            looks, next_pair = looks + passed, next_pair + passed
        if next_pair >= node_start[here + 1] or depth + 2 >= longest or looks > most_looks:
            if looks > most_looks:
                counts[row, 1] = 1
                break
            depth -= 1
            continue
        at[row, depth] = next_pair + 1
        onward = pair_target[next_pair]
        if not_yet(pair, pair_target, path, row, depth, home, onward):
            found = first_fitting(
                day, amount, pair_start[next_pair], pair_start[next_pair + 1],
                day[path[row, depth]], until, least, most,
            )  # fmt: skip
            if found >= 0:
                depth += 1
                path[row, depth] = found
                at[row, depth] = node_start[onward]
    counts[row, 0] = n_trips


trips_row = twin(
    _trips_row, first_fitting, comes_back, closing, next_that_may_fit, not_yet, write_trip
)
_trips_row_cpu, _trips_row_gpu = trips_row.cpu, trips_row.gpu


@rows_of("counts")
def trips_cpu(
    row_from, row_to,
    day, amount, pair, pair_source, pair_start, pair_range, pair_target, node_start, in_start,
    in_pair, bounds, share, path, at, counts, first_place, trips,
):  # fmt: skip
    """Loop over some first payments on the host, on all its threads."""
    for row in range(row_from, row_to):
        _trips_row_cpu(
            day, amount, pair, pair_source, pair_start, pair_range, pair_target, node_start,
            in_start, in_pair, bounds, share, path, at, counts, first_place, trips, row,
        )  # fmt: skip


@cuda.jit
def trips_gpu(
    day, amount, pair, pair_source, pair_start, pair_range, pair_target, node_start, in_start,
    in_pair, bounds, share, path, at, counts, first_place, trips,
):  # fmt: skip
    """One thread per first payment of the call; launch with ``.forall(n_rows)``."""
    row = cuda.grid(1)
    if row < counts.shape[0]:
        _trips_row_gpu(
            day, amount, pair, pair_source, pair_start, pair_range, pair_target, node_start,
            in_start, in_pair, bounds, share, path, at, counts, first_place, trips, row,
        )  # fmt: skip


def _range_row(amount, pair_start, pair_range, pair):
    """Write the smallest and the largest amount of a pair's payments."""
    low, high = amount[pair_start[pair]], amount[pair_start[pair]]
    for payment in range(pair_start[pair] + 1, pair_start[pair + 1]):
        low, high = min(low, amount[payment]), max(high, amount[payment])
    pair_range[pair, 0] = low
    pair_range[pair, 1] = high


range_row = twin(_range_row)
_range_row_cpu, _range_row_gpu = range_row.cpu, range_row.gpu


@rows_of("pair_range")
def ranges_cpu(row_from, row_to, amount, pair_start, pair_range):
    """Loop over pairs on the host, on all its threads."""
    for pair in range(row_from, row_to):
        _range_row_cpu(amount, pair_start, pair_range, pair)


@cuda.jit
def ranges_gpu(amount, pair_start, pair_range):
    """One thread per pair; launch with ``.forall(n_pairs)``."""
    pair = cuda.grid(1)
    if pair < pair_range.shape[0]:
        _range_row_gpu(amount, pair_start, pair_range, pair)
