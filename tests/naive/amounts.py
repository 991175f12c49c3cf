"""Groups by amount as sets of payments, and what amounts cost to write down, from their changes."""

import itertools
import math

RATIOS = (1.6, 1.25, 1.08, 1.02, 1.0005)  # of the levels after that of the whole pool
SAME = 1e-3  # of a logarithm
YEAR = range(365 - 12, 365 + 12 + 1)


def cut(amounts, rows, ratio):
    """Cut rows, in ascending order of amount, where an amount is too large for the one before."""
    groups = [[rows[0]]]
    for before, row in itertools.pairwise(rows):
        if amounts[row] > ratio * amounts[before]:
            groups.append([])
        groups[-1].append(row)
    return groups


def stands_apart(amounts, groups, at):
    """Whether a group is further from its neighbours than its payments are from one another."""
    if len(groups[at]) >= 8:
        return True

    def ratio(low, high):
        return (1.0 + amounts[high]) / (1.0 + amounts[low])

    rows = groups[at]
    widest = max(ratio(low, high) for low, high in itertools.pairwise(rows))
    around = []
    if at > 0:
        around.append(ratio(groups[at - 1][-1], rows[0]))
    if at + 1 < len(groups):
        around.append(ratio(rows[-1], groups[at + 1][0]))
    return all(outside >= widest * widest * (1 - 1e-12) for outside in around)


def units(days, amounts):
    """Return the groups of one pool, its payments in day order: (level, place, rows) of each.

    First the whole pool, then those of each level that no coarser level has, by amount.
    """
    everyone = sorted(range(len(days)), key=lambda i: (amounts[i], i))
    found = [(0, 0, sorted(everyone))]
    if len(days) < 3:
        return found
    seen = [everyone]
    for level, ratio in enumerate(RATIOS, 1):
        groups, place = cut(amounts, everyone, ratio), 0
        for at, rows in enumerate(groups):
            is_new = len(rows) >= 3 and rows not in seen
            apart = abs(days[rows[-1]] - days[rows[0]])
            is_yearly = level == len(RATIOS) and len(rows) == 2 and apart in YEAR
            if is_yearly or (is_new and stands_apart(amounts, groups, at)):
                found.append((level, place, sorted(rows)))
            place += len(rows)
        seen += groups
    return found


def nats(amounts):
    """Return what amounts cost to write down after the first: kept, stepped to, or any other."""
    logs = [math.log(1 + amount) for amount in amounts]
    sizes = [abs(now - before) for before, now in itertools.pairwise(logs)]
    n = len(sizes)
    if n == 0:
        return 0.0
    kept = [size <= SAME for size in sizes]
    steps, others = 0, []
    for i, size in enumerate(sizes):
        if kept[i]:
            continue
        if i > 0 and kept[i - 1] and (i == n - 1 or kept[i + 1]):
            steps += 1
        else:
            others.append(size)
    plain = n - len(others)
    share = (plain + 0.5) / (n + 1)
    total = steps * (2 + math.log(n)) - plain * math.log(share)
    if others:
        scale = max(sum(others) / len(others), SAME)
        total += len(others) * (math.log(2 * math.e * scale / SAME) - math.log(1 - share))
    return total
