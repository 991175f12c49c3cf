"""What a customer's streams add up to, as a loop over dictionaries.

A stream has customer, direction (0: in), currency, n_payments, total_minor, is_regular, status,
next_day (None: nothing expected), next_minor, period_days (None: unknown).
"""

import math


def n_dues(stream, as_of, horizon):
    """Return how many payments are due in the next days; one overdue counts as due tomorrow."""
    if stream["next_day"] is None:
        return 0
    day = stream["next_day"]
    if day > as_of + horizon:
        return 0
    period = stream["period_days"]
    if period is None or period < 1:
        return 1
    first = max(day, as_of + 1)
    n = 0
    while first + n * period <= as_of + horizon:
        n += 1
    return n


def share(part, whole):
    return part / whole if whole else math.nan


def features(streams, main, as_of):
    """Return the regularity block of one customer."""
    regular = [s for s in streams if s["is_regular"]]
    going = [s for s in regular if s["status"] != "stopped"]
    found = {
        "n_streams": len(regular),
        "n_stopped": len(regular) - len(going),
        "payment_share": share(
            sum(s["n_payments"] for s in regular), sum(s["n_payments"] for s in streams)
        ),
    }
    for side, name in enumerate(("in", "out")):

        def own(some, side=side):
            return [s for s in some if s["direction"] == side]

        def money(some):
            return sum(max(s["total_minor"], 0) for s in some if s["currency"] == main)

        found[f"n_{name}"] = len(own(regular))
        found[f"{name}_share"] = share(money(own(regular)), money(own(streams)))
        for horizon in (30, 90):
            found[f"committed_{name}_minor_{horizon}d"] = sum(
                n_dues(s, as_of, horizon) * s["next_minor"]
                for s in own(going)
                if s["currency"] == main
            )
        days = [max(s["next_day"] - as_of, 0) for s in own(going) if s["next_day"] is not None]
        found[f"next_{name}_days"] = float(min(days)) if days else math.nan
    return {f"regularity_{name}": value for name, value in found.items()}
