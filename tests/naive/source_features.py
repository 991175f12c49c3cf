"""Features of other sources by their formulas: a customer's rows as dicts, days as numbers.

Money is that of the customer's main currency. A feature that is null is None.
"""

import math
import statistics
from collections import Counter


def mean(values):
    return statistics.fmean(values) if values else None


def ratio(part, whole):
    return part / whole if whole else None


def since(days, as_of, pick=max):
    return as_of - pick(days) if days else None


def inside(day, as_of, n_days):
    return day is not None and 0 <= as_of - day < n_days


def money(rows, main):
    return sum(r["amount"] or 0 for r in rows if r["currency"] == main)


def journey(events, as_of, steps):
    visits = {}
    for event in events:
        key = event["session"] or ("day", event["date"])
        visits.setdefault(key, []).append(event)
    view, apply, submit = (set(steps[name]) for name in ("view", "apply", "submit"))
    rows = [
        (min(e["date"] for e in visit), {e["step"] for e in visit}) for visit in visits.values()
    ]
    sizes = [len(v) for v in visits.values() if inside(min(e["date"] for e in v), as_of, 365)]
    year = [labels for day, labels in rows if inside(day, as_of, 365)]
    steps_taken = [e for e in events if inside(e["date"], as_of, 365)]
    recent = sum(inside(day, as_of, 90) for day, _ in rows)
    before = sum(inside(day, as_of - 90, 90) for day, _ in rows)
    applied = [labels for labels in year if labels & apply]
    return {
        **{f"n_visits_{n}d": sum(inside(d, as_of, n) for d, _ in rows) for n in (7, 30, 90, 365)},
        "days_since_visit": since([day for day, _ in rows], as_of),
        "days_since_apply": since([day for day, labels in rows if labels & apply], as_of),
        "steps_per_visit_365d": ratio(sum(sizes), len(year)),
        "n_applied_365d": len(applied),
        "conversion_365d": ratio(
            sum(bool(v & view and v & apply) for v in year), sum(bool(v & view) for v in year)
        ),
        "completion_365d": ratio(sum(bool(v & submit) for v in applied), len(applied)),
        "n_left_90d": sum(
            bool(v & apply) and not v & submit for d, v in rows if inside(d, as_of, 90)
        ),
        "n_channels_365d": len({e["channel"] for e in steps_taken} - {None}),
        "visits_quarter": ratio(recent - before, recent + before),
    }


def marketing(touches, as_of):
    year = [t for t in touches if inside(t["date"], as_of, 365)]
    known = [t for t in touches if t["responded"] is not None]
    answered = [t for t in known if t["responded"]]
    known_year = [t for t in year if t["responded"] is not None]
    n_year = sum(t["responded"] for t in known_year)
    return {
        **{
            f"n_contacts_{n}d": sum(inside(t["date"], as_of, n) for t in touches)
            for n in (7, 30, 90, 365)
        },
        "n_responses_365d": n_year,
        "response_rate_365d": ratio(n_year, len(known_year)),
        "n_known": len(known),
        "n_responses": len(answered),
        "days_since_contact": since([t["date"] for t in touches], as_of),
        "days_since_response": since([t["date"] for t in answered], as_of),
    }


def products(held, as_of):
    opened = [p["opened_date"] for p in held]
    closed = [p["closed_date"] for p in held if p["closed_date"] is not None]
    return {
        "n_held": len(held) - len(closed),
        "n_ever": len(held),
        "n_opened_365d": sum(inside(day, as_of, 365) for day in opened),
        "n_closed_365d": sum(inside(day, as_of, 365) for day in closed),
        "tenure_days": since(opened, as_of, min),
        "days_since_opened": since(opened, as_of),
        "days_since_closed": since(closed, as_of),
    }


def claims(rows, main, as_of):
    year = [r for r in rows if inside(r["date"], as_of, 365)]
    is_open = [r for r in rows if r["paid_date"] is None]

    def claimed(row):
        return row["date"] if row["submitted_date"] is None else row["submitted_date"]

    submitted = [r for r in rows if inside(r["submitted_date"], as_of, 365)]
    paid = [r for r in rows if inside(r["paid_date"], as_of, 365)]
    return {
        "n_90d": sum(inside(r["date"], as_of, 90) for r in rows),
        "n_365d": len(year),
        "amount_minor_365d": money(year, main),
        "submit_lag_mean_days": mean([r["submitted_date"] - r["date"] for r in submitted]),
        "pay_lag_mean_days": mean([r["paid_date"] - claimed(r) for r in paid]),
        "n_open": len(is_open),
        "open_minor": money(is_open, main),
        "oldest_open_days": since([claimed(r) for r in is_open], as_of, min),
    }


def contracts(rows, main, as_of):
    active = [r for r in rows if r["end_date"] is None or r["end_date"] >= as_of]
    ends = [r["end_date"] for r in active if r["end_date"] is not None]
    return {
        "n_active": len(active),
        "n_ever": len(rows),
        "n_started_365d": sum(inside(r["start_date"], as_of, 365) for r in rows),
        "total_minor_active": money(active, main),
        "n_payees_active": len({r["counterparty"] for r in active} - {None}),
        "days_to_next_end": min(ends) - as_of if ends else None,
    }


def contracts_paid(rows, links, payments, main, as_of):
    """``links`` are (contract, txn), ``payments`` {txn: (currency, amount)} of the customer."""
    paid_of = Counter()
    for contract, txn in links:
        currency, amount = payments.get(txn, (main, 0))
        paid_of[contract] += amount if currency == main else 0
    active = [r for r in rows if r["end_date"] is None or r["end_date"] >= as_of]
    active = [r for r in active if r["currency"] == main and r["amount"]]
    paid = [paid_of[r["contract"]] for r in active]
    total = sum(r["amount"] for r in active)
    return {
        "paid_minor_active": sum(paid),
        "paid_share_active": min(1.0, max(0.0, sum(paid) / total)) if total else None,
        "unpaid_minor_active": sum(
            max(r["amount"] - p, 0) for r, p in zip(active, paid, strict=True)
        ),
    }


def order_payments(orders, payments):
    """Return {order place: day paid}; payments are (payee, currency, day, amount), all out."""
    left = sorted(payments, key=lambda p: p[2])
    found = {}
    for place in sorted(range(len(orders)), key=lambda i: orders[i]["delivered_date"] or 0):
        order = orders[place]
        if order["delivered_date"] is None or order["supplier"] is None or not order["amount"]:
            continue
        for payment in left:
            same = payment[0] == order["supplier"] and payment[1] == order["currency"]
            days = payment[2] - order["delivered_date"]
            if same and payment[3] == order["amount"] and 0 <= days <= 180:
                found[place] = payment[2]
                left.remove(payment)
                break
    return found


def terms(orders, payments, main, as_of):
    year = [o for o in orders if inside(o["order_date"], as_of, 365)]
    is_open = [o for o in orders if o["delivered_date"] is None]
    promised = [
        o["delivered_date"] - o["due_date"]
        for o in orders
        if inside(o["delivered_date"], as_of, 365) and o["due_date"] is not None
    ]
    late = [days for days in promised if days > 0]
    paid_on = order_payments(orders, payments)
    ripe = [
        place
        for place, o in enumerate(orders)
        if o["delivered_date"] is not None and 90 <= as_of - o["delivered_date"] < 365
    ]
    days = [
        day - orders[place]["delivered_date"]
        for place, day in paid_on.items()
        if inside(day, as_of, 365)
    ]
    return {
        "n_orders_90d": sum(inside(o["order_date"], as_of, 90) for o in orders),
        "n_orders_365d": len(year),
        "amount_minor_365d": money(year, main),
        "n_suppliers_365d": len({o["supplier"] for o in year} - {None}),
        "n_open": len(is_open),
        "open_minor": money(is_open, main),
        "n_overdue": sum(o["due_date"] is not None and o["due_date"] <= as_of for o in is_open),
        "delivery_late_share_365d": ratio(len(late), len(promised)),
        "delivery_delay_mean_days": mean(late),
        "matched_share_365d": ratio(sum(place in paid_on for place in ripe), len(ripe)),
        "n_paid_365d": len(days),
        "days_to_pay_mean": mean(days),
        "days_to_pay_std": statistics.pstdev(days) if days else None,
        "days_to_pay_longest": max(days, default=None),
        "paid_after_60_share": ratio(sum(d > 60 for d in days), len(days)),
    }


def mix(payments, as_of):
    """``payments`` are (day, label or None); returns the features and the commonest label."""
    year = [(day, label) for day, label in payments if inside(day, as_of, 365)]
    known = Counter(label for _, label in year if label is not None)
    recent = Counter(label for day, label in year if label is not None and as_of - day < 90)
    before = known - recent
    n = sum(known.values())
    shares = [count / n for count in known.values()]
    shift = None
    if recent and before:
        apart = [recent[k] / recent.total() - before[k] / before.total() for k in known]
        shift = sum(map(abs, apart)) / 2
    top = min(known, key=lambda label: (-known[label], label)) if known else None
    found = {
        "n_365d": len(known),
        "entropy_365d": -sum(s * math.log(s) for s in shares) if n else None,
        "top_share_365d": max(shares) if n else None,
        "known_share_365d": ratio(n, len(year)),
        "shift_90d": shift,
    }
    return found, top


def history(payments, as_of):
    """``payments`` are (day, amount) in the main currency."""
    days = {}
    n = 0
    for day, amount in payments:
        if amount > 0:
            days[day] = days.get(day, 0) + amount
            n += 1
    if not days:
        return {"n_days": 0, "days_to_last": 0, "days_observed": 0, "mean_value_minor": None,
                "payments_per_day": None}  # fmt: skip
    first, last = min(days), max(days)
    later = [value for day, value in days.items() if day != first]
    return {
        "n_days": len(days),
        "days_to_last": last - first,
        "days_observed": as_of - first,
        "mean_value_minor": sum(later) / len(later) if later else None,
        "payments_per_day": n / len(days),
    }
