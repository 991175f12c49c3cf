"""The parts of risk, by loops and ``statistics``, one customer at a time."""

import itertools
import math
import statistics
from fractions import Fraction


def concentration(payments, end, currency):
    """Return hhi, top_1, top_5, n_channels and top_1_minor of payments received.

    Payments are (counterparty, day, currency, amount). In parts of 10^9, as published: to the bit.
    """
    sums = {}
    for counterparty, day, of, amount in payments:
        if of == currency and end - 365 <= day < end:
            sums[counterparty] = sums.get(counterparty, 0) + amount
    sums = sorted((value for value in sums.values() if value > 0), reverse=True)
    if not sums:
        return None
    parts = [round(value / sum(sums) * 10**9) for value in sums]
    squares = float(sum(part * part for part in parts))  # first rounded, as an array is
    hhi = min(squares / 10**9 / 10**9, 1.0)
    return {"hhi": hhi, "top_1": parts[0] / 10**9, "top_5": min(sum(parts[:5]) / 10**9, 1.0),
            "n_channels": len(sums), "top_1_minor": sums[0]}  # fmt: skip


def volatility(months):
    """Return the parts of a list of monthly incomes (all months the customer was there)."""
    x = [max(value, 0.0) for value in months][-24:]
    mean = statistics.fmean(x)
    changes = [0.0 if a + b == 0 else 2 * (b - a) / (a + b) for a, b in itertools.pairwise(x)]
    quarters = [sum(x[i : i + 3]) for i in range(len(x) - 2)]
    below = [min(v - mean, 0.0) ** 2 for v in x]
    found = {
        "arc": math.sqrt(statistics.fmean(c * c for c in changes)),
        "downside": math.sqrt(statistics.fmean(below)) / mean if mean else 1.0,
        "idle": sum(v <= 0 for v in x) / len(x),
    }
    if quarters:
        found["drawdown"] = 1 - quarters[-1] / max(quarters) if max(quarters) else 1.0
    return found


def demand(months):
    x = [max(value, 0.0) for value in months][-24:]
    busy = [v for v in x if v > 0]
    level, misses = x[0], []
    for value in x[1:]:
        misses.append(abs(value - level))
        level += 0.3 * (value - level)
    return {
        "interval": len(x) / len(busy) - 1,
        "sizes": statistics.pvariance(busy) / statistics.fmean(busy) ** 2,
        "error": statistics.fmean(misses) / statistics.fmean(x),
    }


def trend(months):
    """Return the fall of the last half year, and how much of it counts by Welch's t."""
    x = [max(value, 0.0) for value in months][-24:]
    then, now = x[:-6], x[-6:]
    before, after = statistics.fmean(then) if then else 0.0, sum(now) / 6
    fall = max(1 - after / before, 0.0) if before else 0.0
    if len(then) < 6:
        return {"trend_fall": fall, "trend_break": math.nan}
    error = statistics.variance(then) / len(then) + statistics.variance(now) / 6
    square = (before - after) ** 2
    sure = square / (square + 2 * error) if square else 0.0
    return {"trend_fall": fall, "trend_break": fall * sure}


def demand_change(months):
    """Return the fall where the cumulative sum is farthest from a line, and its age; exactly."""
    x = [Fraction(max(value, 0.0)) for value in months][-24:]
    mean = sum(x) / len(x)
    away = [abs(sum(x[:k]) - k * mean) for k in range(1, len(x))]
    place = away.index(max(away)) + 1  # months before it
    low, high = sum(x[:place]) / place, sum(x[place:]) / (len(x) - place)
    fall = max(float(1 - high / low), 0.0) if low else 0.0
    spread = math.sqrt(sum((v - mean) ** 2 for v in x))
    strength = float(max(away)) / spread if spread else 0.0
    return {"change_fall": fall, "change": fall * strength / (1 + strength),
            "change_months": len(x) - place}  # fmt: skip


def demand_of_others(months, bought, income):
    """Return the bullwhip ratio above 1, the error over that of a year ago, and the class."""
    x, out = ([max(value, 0.0) for value in one][-24:] for one in (months, bought))
    income = income[-24:]
    busy = [v for v in x if v > 0]

    def varied(values):
        mean = statistics.fmean(values)
        return statistics.pvariance(values) / (mean**2 if mean else 1.0)

    sold = [max(value, 0.0) for value in income]
    whip = max(varied(out) / max(varied(sold), 0.01) - 1, 0.0)
    level, smooth = x[0], {}
    for at, value in enumerate(x[1:], 1):
        smooth[at] = abs(value - level)
        level += 0.3 * (value - level)
    yearly = {at: abs(income[at] - income[at - 12]) for at in range(12, len(x))}
    scale = sum(yearly.values())
    is_known = len(yearly) > 1 and scale > 0
    return {
        "bullwhip": whip if sum(v > 0 for v in out) > 2 else math.nan,
        "scaled_error": sum(smooth[at] for at in yearly) / scale if is_known else math.nan,
        "class_code": (len(x) / len(busy) >= 1.32) + 2 * (varied(busy) >= 0.49),
    }


def dealings(n_in, n_returned, n_cancelled, n_months, channel, hhi_before):
    """Return parts of a year: payments, reversals and cancellations a month, shares of channels."""
    came, back, void = sum(n_in), sum(n_returned), sum(n_cancelled)
    sold = came + back + void
    top_1, hhi, few = channel["top_1"], channel["hhi"], 1 / max(channel["n_channels"], 1)
    if math.isnan(channel["n_channels"]):
        few = math.nan
    if math.isnan(hhi) and n_months > 12:
        top_1 = hhi = few = 1.0
    then = hhi if hhi_before is None or math.isnan(hhi_before) else hhi_before
    return {
        "returned_rate": (back + 0.4) / (sold + 20) if sold else math.nan,
        "cancelled_rate": (void + 0.4) / (sold + 20) if sold else math.nan,
        "thin": min(n_months, 12) / max(came, 1) if n_months >= 3 else math.nan,
        "top_1": top_1, "hhi": hhi, "few": few, "supplier_top_1": channel["supplier_top_1"],
        "growing": math.nan if math.isnan(hhi) else max(hhi - then, 0.0),
        "sold": min(sold, 100),
    }  # fmt: skip


def nodes(rows, day):
    """Return behind_days, unpaid_share, hazard of (due, paid or None) of one customer."""
    due = [(d, p if p is not None and p < day else None) for d, p in rows if day - 365 <= d < day]
    if not due:
        return None
    behind = [min(max((day if p is None else p) - d, 0), 180) for d, p in due]
    return {
        "behind_days": statistics.fmean(behind),
        "unpaid_share": sum(p is None for _, p in due) / len(due),
        "hazard": sum(b > 60 for b in behind) / len(due),
    }


def paid_ratio(rows, day):
    """Return money paid over money due of (due, paid or None, amount) of one customer."""
    due = [(p is not None and p < day, max(a, 0)) for d, p, a in rows if day - 365 <= d < day]
    owed = sum(a for _, a in due)
    return sum(a for came, a in due if came) / owed if owed else math.nan


def paid_gap(contracts, day):
    """Return the mean gap of (start, end or None, total, [(day, amount)]) of one customer."""
    gaps = []
    for start, end, total, payments in contracts:
        if end is None or total <= 0 or start >= day or end <= max(day - 365, start):
            continue
        paid = max(sum(amount for when, amount in payments if when < day), 0) / total
        gaps.append(max(min((day - start) / (end - start), 1) - paid, 0))
    return statistics.fmean(gaps) if gaps else math.nan


def held_level(score, known, starts, margin):
    """Return the level held at the first of some month ends, the latest first; -1: not known.

    A level is held where it was reached at a month end since when every score is known and not
    further below its start than the margin.
    """
    if not known[0]:
        return -1
    held = 0
    for level, start in enumerate(starts, 1):
        for one, is_known in zip(score, known, strict=True):
            if not is_known or one < start - margin:
                break
            if one >= start:
                held = level
                break
    return held
