"""Contracts by loops: measures of payments, survival, shares that recur."""

import math
from fractions import Fraction


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


def forecast(levels, now, *, by_due_date):
    """Return when a node that waits until now is paid, by the first level that tells enough.

    Levels are lists of (time, is paid), the finest first; the last holds other categories, too,
    and tells no range, or nothing, where the own one is paid at another time. Returns its number,
    how many took longer than now, the 5%, 50% and 95% of them (with n of them the (n + 1)th counts,
    too), and the share that was paid at all; None where no level tells.
    """
    for at, rows in enumerate(levels):
        n = sum(paid and t > now for t, paid in rows)
        if n < (10 if at < len(levels) - 1 else 1):
            continue
        differs = at == len(levels) - 1 and not by_due_date and pays_apart(levels[-2], rows)
        if differs and sum(paid for _, paid in levels[-2]) >= 2:
            return of_level(at - 1, levels[-2], now, ranged=False)
        return of_level(at, rows, now, ranged=not differs)
    return None


def of_level(at, rows, now, *, ranged):
    """Return what nodes of one level tell, as above; None where none took longer than now."""
    n = sum(paid and t > now for t, paid in rows)
    if not n:
        return None
    later = sorted({t for t, paid in rows if paid and t > now})

    def left(until):
        share = Fraction(1)
        for time in {t for t, paid in rows if paid and t <= until}:
            waiting = sum(t >= time for t, _ in rows)
            share *= Fraction(waiting - rows.count((time, True)), waiting)
        return share

    low = max((Fraction(5, 100) * (n + 1) - 1) / n, Fraction(0))
    high = min(Fraction(95, 100) * (n + 1) / n, Fraction(1))
    dates = [
        next((t for t in later if left(t) <= left(now) * (1 - q)), math.nan)
        for q in (low, Fraction(1, 2), high)
    ]
    if n < 10 or not ranged:
        dates[0] = dates[2] = math.nan
    return at, n, *dates, float(1 - left(later[-1]) / left(now))


def pays_apart(own, every):
    """Return whether the middle one of the own paid nodes lies outside 90% of the others'."""
    mine, all_ = (sorted(t for t, paid in rows if paid) for rows in (own, every))
    if not mine:
        return True
    middle = mine[len(mine) // 2]
    n = sum(t <= middle for t in all_) - sum(t <= middle for t in mine)
    return not 0.05 * (len(all_) - len(mine)) <= n <= 0.95 * (len(all_) - len(mine))


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
