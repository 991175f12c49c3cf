"""Contracts by loops: measures of payments, survival, shares that recur."""

import math


def measures(contract, payments, is_working, first_day):
    """Return one dictionary a payment of one contract (start, total); payments (day, amount)."""
    start, total = contract
    rows, paid, before = [], 0, None
    for number, (day, amount) in enumerate(sorted(payments), 1):
        paid += amount
        low, high = sorted((start, day))
        n = sum(is_working[d - first_day] for d in range(low + 1, high + 1))
        rows.append(
            {
                "number": number,
                "days_from_start": day - start,
                "business_days_from_start": n if day >= start else -n,
                "is_before_start": day < start,
                "gap_days": math.nan if before is None else day - before,
                "ratio": amount / total,
                "cumulative_ratio": paid / total,
            }
        )
        before = day
    return rows


def survival(times, events, at):
    """Return the Kaplan-Meier share that still waits just after ``at``."""
    share = 1.0
    for time in sorted({t for t, e in zip(times, events, strict=True) if e and t <= at}):
        n = sum(t >= time for t in times)
        died = sum(t == time and e for t, e in zip(times, events, strict=True))
        share *= 1 - died / n
    return share


def survival_quantile(times, events, share):
    """Return the first event time at which the curve is at or below ``share``; NaN where none."""
    for time in sorted({t for t, e in zip(times, events, strict=True) if e}):
        if survival(times, events, time) <= share + 1e-9:
            return time
    return math.nan


def recurring(points, narrow, wide):
    """Return {share: payments near it} of one group: the densest first, each silencing its near."""

    def near(share, reach):
        return sum(abs(p - share) <= reach for p in points)

    dense = []
    for share in set(points):
        chance = (near(share, wide) - near(share, 2 * narrow)) * narrow / (wide - 2 * narrow)
        n = near(share, narrow)
        if n >= 3 and n > chance + 3 * math.sqrt(chance):
            dense.append((-n, share))
    candidates = {share for _, share in dense}
    exact = {s: sum(p == s for p in points) for s in candidates}
    found = {}
    for n, share in sorted(dense, key=lambda item: (item[0], -exact[item[1]], item[1])):
        if share in candidates:
            found[share] = -n
            candidates -= {s for s in candidates if abs(s - share) <= 2 * narrow}
    return found
