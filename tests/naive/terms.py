"""Payment terms by loops: what each number of days costs, and days to pay of one pair."""

import itertools
import math
import statistics
from fractions import Fraction


def cost(days, terms, cap, dependency, costs):
    """Return the yearly cost of paying after ``days``, as a share of purchases."""
    late = costs.late * max(0.0, days - terms)
    distress = costs.failure * (1 + dependency) * (days / 60) ** 2
    discount = costs.discount if days > costs.discount_days else 0.0
    waiting = costs.financing * days / 365
    return costs.capital * (cap - days) / 365 + waiting + distress + discount + late


def best(terms, cap, dependency, costs):
    """Return every whole number of days that costs least (within rounding)."""
    tried = {days: cost(days, terms, cap, dependency, costs) for days in range(int(cap) + 1)}
    least = min(tried.values())
    return [days for days, value in tried.items() if value <= least + 1e-12]


def summary(invoices, as_of):
    """Return some statistics of one pair: invoices are (begin, paid or None, amount)."""
    paid = [(p - b, a) for b, p, a in invoices if p is not None]
    bought = sum(a for b, _, a in invoices if b > as_of - 365)
    open_ = sum(a for _, p, a in invoices if p is None)
    return {
        "n_invoices": len(invoices),
        "n_paid": len(paid),
        "days_mean": statistics.fmean(d for d, _ in paid) if paid else None,
        "days_weighted": sum(d * a for d, a in paid) / sum(a for _, a in paid) if paid else None,
        "purchases_minor": bought,
        "payable_minor": open_,
        "dpo_days": open_ / bought * 365 if bought else None,
    }


def paid_by(invoices, as_of, share):
    """Return the first day by which a share was paid, open ones at risk until as_of; else None."""
    waits = [((as_of if p is None else p) - b, p is not None) for b, p, *_ in invoices]
    left = Fraction(1)
    for day in sorted({wait for wait, is_paid in waits if is_paid}):
        n_waiting = sum(wait >= day for wait, _ in waits)
        n_paid = sum(wait == day and is_paid for wait, is_paid in waits)
        left *= Fraction(n_waiting - n_paid, n_waiting)
        if 1 - left >= share:
            return day
    return None


def lateness(invoices, as_of, terms):
    """Return shares on time and late, and mean days of the late: of (begin, paid, written)."""
    beyond = []
    for begin, paid, written in invoices:
        agreed = terms if written is None else written
        over = (as_of if paid is None else paid) - begin - (agreed or 0)
        if agreed is not None and (paid is not None or over > 5):
            beyond.append(over)
    late = [over for over in beyond if over > 5]
    return {
        "terms_share": sum(-2 <= o <= 5 for o in beyond) / len(beyond) if beyond else None,
        "late_share": len(late) / len(beyond) if beyond else None,
        "late_days": sum(late) / len(late) if late else None,
    }


def drift(invoices):
    """Return the median wait of the later half less that of the earlier; None of less than six."""
    waits = [p - b for b, p in sorted((b, p) for b, p, *_ in invoices if p is not None)]
    half = (len(waits) + 1) // 2
    later, earlier = waits[half:], waits[:half]
    return statistics.median(later) - statistics.median(earlier) if len(waits) > 5 else None


def front(cash, risk):
    """Return which points no other beats: no less cash at no more risk, and one of them better."""
    return [
        not any(
            c2 >= c and r2 <= r and (c2 > c or r2 < r or j < i)
            for j, (c2, r2) in enumerate(zip(cash, risk, strict=True))
            if j != i
        )
        for i, (c, r) in enumerate(zip(cash, risk, strict=True))
    ]


def _quantile(ordered, share):
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] * (1 - (place - low)) + ordered[high] * (place - low)


def cycle(payments):
    """Return median, interquartile range and drift of the gaps of (day, amount) of a relation."""
    days = sorted({day for day, amount in payments if amount > 0})
    gaps = [after - before for before, after in itertools.pairwise(days)]
    half = (len(gaps) + 1) // 2
    early, later, gaps = sorted(gaps[:half]), sorted(gaps[half:]), sorted(gaps)
    return (
        _quantile(gaps, 0.5),
        _quantile(gaps, 0.75) - _quantile(gaps, 0.25),
        _quantile(later, 0.5) - _quantile(early, 0.5),
    )
