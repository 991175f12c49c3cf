"""What a stream pays, by lists and ``statistics``: amounts in day order, in minor units."""

import itertools
import math
import statistics

Z90 = statistics.NormalDist().inv_cdf(0.95)


def is_same(now, before):
    return abs(now - before) <= before / 1000


def line(days, logs):
    """Return slope, value at the last day, residual sd and t of a least-squares line."""
    n = len(days)
    if n < 4 or len(set(days)) == 1:
        spread = statistics.stdev(logs) if n > 1 else 0.0
        return 0.0, statistics.mean(logs), spread, 0.0
    slope, at_zero = statistics.linear_regression([d - days[-1] for d in days], logs)
    rest = sum((y - at_zero - slope * (d - days[-1])) ** 2 for d, y in zip(days, logs, strict=True))
    sd = math.sqrt(rest / (n - 2))
    about = statistics.mean(days)
    spread = math.sqrt(sum((d - about) ** 2 for d in days))
    return slope, at_zero, sd, abs(slope) * spread / max(sd, 1e-6)


def yearly(days, amounts, next_day):
    """Return log rises of amount at this time of the last two years of three that had one.

    Nothing where fewer had, where they are further than a tenth apart, or where the amount changed
    within 26 days. A rise is from an amount that stayed, to one that stays.
    """
    runs = []  # of equal amounts, each to the one before: [first place, length]
    for i in range(len(days)):
        if i and is_same(amounts[i], amounts[i - 1]):
            runs[-1][1] += 1
        else:
            runs.append([i, 1])
    per_year = {}
    for (before, length), (i, after) in itertools.pairwise(runs):
        years = round((next_day - days[i]) / 365)
        is_near = abs(next_day - 365 * years - days[i]) <= 13
        stayed = (length > 1 or before == 0) and (after > 1 or i == len(days) - 1)
        if is_near and stayed and 1 <= years <= 3 and amounts[i] > amounts[i - 1]:
            change = math.log((1 + amounts[i]) / (1 + amounts[i - 1]))
            per_year[years] = per_year.get(years, 0.0) + change
    last = [per_year[years] for years in sorted(per_year)][:2]
    is_new = len(runs) > 1 and next_day - days[runs[-1][0]] <= 26
    return [] if is_new or len(last) < 2 or max(last) - min(last) > 0.1 else last


def price(days, amounts, next_day):
    """Return kind, typical, next, low, high, day of the last step or None, its ratio or None."""
    n, last = len(amounts), amounts[-1]
    moved = [i for i in range(1, n) if not is_same(amounts[i], amounts[i - 1])]
    logs = [math.log(1 + amount) for amount in amounts]
    typical = math.exp(statistics.median(logs)) - 1
    near = [i for i in range(1, n) if i not in moved and amounts[i] != amounts[i - 1]]
    stays = last, last, last - last * bool(near) / 1000, last + last * bool(near) / 1000
    if not moved:
        return "fixed", *stays, None, None
    is_blip = len(moved) <= 2 and 10 * len(moved) <= n and abs(last - typical) <= typical / 1000
    if is_blip:
        return "fixed", *stays, None, None
    if 4 * len(moved) <= n - 1:
        step = moved[-1]
        ratio = last / max(1, amounts[step - 1]) - 1
        again = yearly(days, amounts, next_day) if next_day > -(2**31) else []
        if again:
            high = stays[3] * math.exp(2 * max(again))
            stays = last, last * math.exp(statistics.mean(again)), stays[2], high
        return "stepped", *stays, days[step], ratio
    slope, at_last, sd, t = line(days, logs)
    if t > 5 and n >= 6:
        kind, middle = "trend", at_last + slope * max(0, next_day - days[-1])
        spread = sd * math.sqrt(1 + 4 / n)
    else:
        kind, middle = "variable", statistics.median(logs)
        about = sum((y - middle) ** 2 for y in logs)
        spread = math.sqrt(about / max(1, n - 1) * (1 + 1 / n))
    width = Z90 * spread * (1 + 0.9 / (n - 1) + 1.7 / (n - 1) ** 3)
    low, expected, high = (max(0, math.exp(middle + side * width) - 1) for side in (-1, 0, 1))
    return kind, typical, expected, low, high, None, None
