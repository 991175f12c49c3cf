"""Customer features by their formulas: lists, ``statistics``, ``datetime``, exact fractions.

Payments are (customer, counterparty, direction, currency, day, amount): counterparty 0 is null,
direction 0 is in. A feature that is null is None.
"""

import cmath
import datetime as dt
import math
import statistics
from collections import Counter
from fractions import Fraction
from itertools import pairwise

EPOCH = dt.date(1970, 1, 1)
WINDOWS = {"7d": 7, "30d": 30, "90d": 90, "365d": 365, "total": 10**9}
SIDES = {"in": 0, "out": 1}


def ratio(part, whole):
    return None if whole == 0 else part / whole


def balance(left, right):
    return ratio(left - right, abs(left) + abs(right))


def main_currency(rows):
    """Most payments, then the latest payment, then most money, then the first code."""

    def rank(code):
        own = [row for row in rows if row[3] == code]
        return (-len(own), -max(row[4] for row in own), -abs(sum(row[5] for row in own)), code)

    return min({row[3] for row in rows}, key=rank)


def customer(rows, as_of):
    """Return {feature: value} of one customer's payments."""
    main = main_currency(rows)
    found = {"main_currency": main}
    for block in (recency, frequency, money, trend, shape, counterparty):
        found.update(block(rows, main, as_of))
    return found


def aged(rows, as_of, low, high):
    return [row for row in rows if low <= as_of - row[4] < high]


def active_days(rows, as_of):
    return sorted({row[4] for row in aged(rows, as_of, 0, 364)})


def recency(rows, _main, as_of):
    days = active_days(rows, as_of)
    gaps = [after - before for before, after in pairwise(days)]
    last = as_of - max(row[4] for row in rows)
    found = {
        "recency_days_since_last": last,
        "recency_days_since_first": as_of - min(row[4] for row in rows),
        "recency_in_gaps": last / statistics.fmean(gaps) if gaps else None,
        "frequency_active_days_364d": len(days),
        "interval_mean_days": statistics.fmean(gaps) if gaps else None,
        "interval_std_days": statistics.pstdev(gaps) if gaps else None,
        "interval_median_days": statistics.median(gaps) if gaps else None,
        "interval_longest_days": max(gaps, default=0),
        "interval_burstiness": None,
    }
    if gaps:
        mean, std = statistics.fmean(gaps), statistics.pstdev(gaps)
        found["interval_burstiness"] = (std - mean) / (std + mean)
    return found


def frequency(rows, _main, as_of):
    found = {}
    for span, days in WINDOWS.items():
        inside = aged(rows, as_of, 0, days)
        found[f"frequency_n_{span}"] = len(inside)
        for name, side in SIDES.items():
            found[f"frequency_n_{name}_{span}"] = sum(row[2] == side for row in inside)
    year = aged(rows, as_of, 0, 365)
    found["frequency_reversal_share_365d"] = ratio(sum(row[5] < 0 for row in year), len(year))
    return found


def money(rows, main, as_of):
    own = [row for row in rows if row[3] == main]
    found = {
        "money_n_currencies": len({row[3] for row in rows}),
        "money_main_currency_share": len(own) / len(rows),
    }
    for span, days in WINDOWS.items():
        for name, side in SIDES.items():
            inside = [row for row in aged(own, as_of, 0, days) if row[2] == side]
            found[f"money_{name}_minor_{span}"] = sum(row[5] for row in inside)
        net = found[f"money_in_minor_{span}"] - found[f"money_out_minor_{span}"]
        found[f"money_net_minor_{span}"] = net
    for name, side in SIDES.items():
        paid = [row[5] for row in aged(own, as_of, 0, 365) if row[2] == side and row[5] > 0]
        total = found[f"money_{name}_minor_365d"]
        found[f"money_mean_{name}_minor_365d"] = ratio(total, len(paid)) if paid else None
        share = ratio(max(paid, default=0), max(total, 0))
        found[f"money_largest_{name}_share_365d"] = None if share is None else min(1.0, share)
    year_in, year_out = found["money_in_minor_365d"], found["money_out_minor_365d"]
    found["money_turnover_minor_365d"] = year_in + year_out
    for span in ("90d", "365d"):
        left, right = found[f"money_in_minor_{span}"], found[f"money_out_minor_{span}"]
        found[f"balance_in_out_{span}"] = balance(left, right)
    low = running = area = 0
    for day in range(as_of - 363, as_of + 1):
        for row in own:
            if row[4] == day:
                running += row[5] if row[2] == 0 else -row[5]
        low = min(low, running)
        area += running
    found["balance_low_minor_364d"] = low
    found["balance_proxy_minor"] = running - low
    found["balance_proxy_mean_minor_364d"] = area // 364 - low
    found["balance_buffer_days"] = ratio(365 * (running - low), max(year_out, 0))
    found["balance_low_months_out"] = ratio(-12 * low, max(year_out, 0))
    return found


def trend(rows, main, as_of):
    series = {
        "n": (rows, lambda _: 1),
        "in": ([r for r in rows if r[3] == main and r[2] == 0], lambda row: row[5]),
        "out": ([r for r in rows if r[3] == main and r[2] == 1], lambda row: row[5]),
    }
    n_months = min((as_of - min(row[4] for row in rows) + 1) // 30, 12)
    found = {}
    for name, (own, value) in series.items():

        def total(low, high, own=own, value=value):
            return sum(map(value, aged(own, as_of, low, high)))

        found[f"trend_{name}_quarter"] = balance(total(0, 90), total(90, 180))
        found[f"trend_{name}_year_on_year"] = balance(total(0, 90), total(365, 455))
        months = [total(30 * i, 30 * (i + 1)) for i in range(n_months)][::-1]
        found[f"trend_{name}_slope"] = found[f"trend_{name}_variation"] = None
        if n_months >= 3 and sum(months) > 0:
            mean = Fraction(sum(months), n_months)
            middle = Fraction(n_months - 1, 2)
            rise = sum((i - middle) * (m - mean) for i, m in enumerate(months))
            slope = rise / sum((i - middle) ** 2 for i in range(n_months))
            found[f"trend_{name}_slope"] = float(slope / mean)
            variance = sum((m - mean) ** 2 for m in months) / n_months
            found[f"trend_{name}_variation"] = math.sqrt(variance / mean**2)
    return found


def months_worst(rows, main, as_of, name):
    """Return how many times its sum the months' sizes add up to: what rounding is blown up by."""
    own = [r for r in rows if name == "n" or (r[3] == main and r[2] == SIDES[name])]
    sizes = sum(abs(r[5]) if name != "n" else 1 for r in aged(own, as_of, 0, 360))
    n_months = min((as_of - min(row[4] for row in rows) + 1) // 30, 12)
    seen = aged(own, as_of, 0, 30 * n_months)
    total = sum(r[5] if name != "n" else 1 for r in seen)
    return sizes / total if total else math.inf


def shape(rows, _main, as_of):
    dates = [EPOCH + dt.timedelta(days=row[4]) for row in aged(rows, as_of, 0, 365)]
    n = len(dates)
    to_end = [((d.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - d).days for d in dates]
    weekdays = Counter(date.weekday() for date in dates)
    shares = [count / n for count in weekdays.values()]
    return {
        "shape_weekend_share": ratio(weekdays[5] + weekdays[6], n),
        "shape_monday_share": ratio(weekdays[0], n),
        "shape_weekday_entropy": -sum(s * math.log(s) for s in shares) / math.log(7) if n else None,
        "shape_month_start_share": ratio(sum(date.day <= 5 for date in dates), n),
        "shape_month_end_share": ratio(sum(days <= 5 for days in to_end), n),
    }


def counterparty(rows, main, as_of):
    known = [row for row in rows if row[1] != 0]

    def seen(low, high):
        return {row[1] for row in aged(known, as_of, low, high)}

    first = {who: max(as_of - row[4] for row in known if row[1] == who) for who in seen(0, 10**9)}
    recent, before = seen(0, 90), seen(90, 365)
    found = {
        "counterparty_n": len(first),
        "counterparty_n_90d": len(recent),
        "counterparty_n_365d": len(seen(0, 365)),
        "counterparty_new_share_90d": ratio(sum(age < 90 for age in first.values()), len(recent)),
        "counterparty_lost_share_90d": ratio(len(before - recent), len(before)),
    }
    for name, side in SIDES.items():
        sums = Counter()
        for row in aged(known, as_of, 0, 365):
            if row[2] == side and row[3] == main:
                sums[row[1]] += row[5]
        money = [value for value in sums.values() if value > 0]
        shares = [Fraction(value, sum(money)) for value in money]
        found[f"counterparty_n_{name}_365d"] = len(money)
        found[f"counterparty_hhi_{name}"] = float(sum(s * s for s in shares)) if shares else None
        found[f"counterparty_top1_share_{name}"] = float(max(shares)) if shares else None
    return found


def spectrum(rows, as_of):
    """Return the spectrum block: the Fourier transform of the roots of 364 daily counts."""
    names = ("weekly_share", "monthly_share", "entropy", "period_days", "strength")
    counts = Counter(row[4] for row in aged(rows, as_of, 0, 364))
    if len(counts) < 4:
        return {f"spectrum_{name}": None for name in names}
    values = [math.sqrt(counts[day]) for day in range(as_of - 363, as_of + 1)]
    waves = [cmath.exp(-2j * math.pi * i / 364) for i in range(364)]
    power = {
        k: abs(sum(value * waves[k * i % 364] for i, value in enumerate(values) if value)) ** 2
        for k in range(1, 183)
    }
    total = sum(power.values())
    weekly = {52, 104, 156}
    monthly = {12 * i + side for i in range(1, 7) for side in (-1, 0, 1)}
    highest = max(power[k] for k in range(2, 183))
    peak = next(k for k in range(2, 183) if power[k] >= 0.9 * highest)
    shares = [value / total for value in power.values() if value]
    around = [power.get(k, 0.0) for k in (peak - 1, peak, peak + 1)]
    found = (
        sum(power[k] for k in weekly) / total,
        sum(power[k] for k in monthly) / total,
        -sum(share * math.log(share) for share in shares) / math.log(len(power)),
        364 / peak,
        sum(around) / total,
    )
    return {f"spectrum_{name}": value for name, value in zip(names, found, strict=True)}


def lifecycle(found):
    """Return the stage by its rules, the first that holds; ``found`` is of ``customer``."""
    quiet, gaps = found["recency_days_since_last"], found["recency_in_gaps"]
    growth = found["trend_n_quarter"]
    if quiet >= 365:
        return "lost"
    if quiet >= 90 and (gaps is None or gaps > 3):
        return "dormant"
    if found["recency_days_since_first"] < 90:
        return "new"
    if growth is not None and growth <= -1 / 3:
        return "declining"
    if growth is not None and growth >= 1 / 3:
        return "growing"
    return "active"


def tiers(turnovers):
    """Return the tier of each customer of one currency: ABC by what is larger than it."""
    total = sum(value for value in turnovers if value > 0)
    found = []
    for value in turnovers:
        larger = sum(other for other in turnovers if other > value)
        if value <= 0:
            found.append("D")
        elif larger * 100 < 80 * total:
            found.append("A")
        else:
            found.append("B" if larger * 100 < 95 * total else "C")
    return found


def monthly(payments):
    """Return {(month, direction, currency): (payments, money)}."""
    found = {}
    for _, _, side, currency, day, amount in payments:
        date = EPOCH + dt.timedelta(days=day)
        key = (f"{date:%Y-%m}", "out" if side else "in", currency)
        n, total = found.get(key, (0, 0))
        found[key] = (n + 1, total + amount)
    return found
