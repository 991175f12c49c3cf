"""The benchmarks' task in plain Python: one loop per question, nothing from qfb_gpu."""

import statistics
from collections import Counter, defaultdict
from fractions import Fraction
from itertools import pairwise


def streams(payments):
    """Return a relation's (n, first, last, mean, std, median) by its key."""
    days = defaultdict(list)
    for p in payments:
        days[p["customer_id"], p["counterparty_id"], p["direction"], p["currency"]].append(p["day"])
    found = {}
    for key, unsorted in days.items():
        day = sorted(unsorted)
        gaps = [b - a for a, b in pairwise(day)]
        about = (None, None, None)
        if gaps:
            about = (statistics.mean(gaps), statistics.pstdev(gaps), statistics.median(gaps))
        found[key] = (len(day), day[0], day[-1], *about)
    return found


def customers(payments, as_of_day):
    """Return {customer: {feature: value}}."""
    by_customer = defaultdict(list)
    for p in payments:
        by_customer[p["customer_id"]].append({**p, "age": as_of_day - p["day"]})
    return {customer: _features(rows) for customer, rows in by_customer.items()}


def _features(rows):
    main = _main_currency(rows)
    found = {"main_currency": main, "recency_days_since_last": min(r["age"] for r in rows)}
    for days in (30, 90, 365):
        inside = [r for r in rows if r["age"] < days]
        found[f"frequency_n_{days}d"] = len(inside)
        for side in ("in", "out"):
            money = sum(
                r["minor"] for r in inside if r["currency"] == main and r["direction"] == side
            )
            found[f"money_{side}_minor_{days}d"] = money
    year = [r for r in rows if r["age"] < 365]
    found["counterparty_n_365d"] = len({r["counterparty_id"] for r in year} - {None})
    found["balance_in_out_365d"] = _balance(
        found["money_in_minor_365d"], found["money_out_minor_365d"]
    )
    before = sum(90 <= r["age"] < 180 for r in rows)
    found["trend_n_quarter"] = _balance(found["frequency_n_90d"], before)
    active = sorted({r["day"] for r in rows if r["age"] < 364})
    mean = (active[-1] - active[0]) / (len(active) - 1) if len(active) > 1 else None
    found["interval_mean_days"] = mean
    for side in ("in", "out"):
        money = Counter()
        for r in year:
            known = r["counterparty_id"] is not None and r["currency"] == main
            if known and r["direction"] == side:
                money[r["counterparty_id"]] += r["minor"]
        positive = [m for m in money.values() if m > 0]
        shares = [Fraction(m, sum(positive)) for m in positive]
        found[f"counterparty_hhi_{side}"] = float(sum(s * s for s in shares)) if shares else None
        found[f"counterparty_top1_share_{side}"] = float(max(shares)) if shares else None
    return found


def _main_currency(rows):
    def rank(currency):
        own = [r for r in rows if r["currency"] == currency]
        last = max(r["day"] for r in own)
        return (-len(own), -last, -abs(sum(r["minor"] for r in own)), currency)

    return min({r["currency"] for r in rows}, key=rank)


def _balance(a, b):
    whole = abs(a) + abs(b)
    return (a - b) / whole if whole else None
