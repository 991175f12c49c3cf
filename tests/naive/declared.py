"""Declared schedules beside streams, pair by pair."""

import math


def gap(one, stream):
    """Return the relative difference of two amounts; None where none is declared."""
    if math.isnan(one["amount"]):
        return None
    amounts = sorted([abs(one["amount"]), abs(stream["amount"])])
    return (amounts[1] - amounts[0]) / max(amounts[1], 1e-9)


def days_apart(one, stream):
    """Return the days between two next dates; None where one is not known."""
    if one["next_day"] is None or stream["next_day"] is None:
        return None
    return abs(one["next_day"] - stream["next_day"])


def is_same_cadence(one, stream):
    if one["cadence"] < 0 or math.isnan(one["period_days"] + stream["period_days"]):
        return False
    return abs(one["period_days"] - stream["period_days"]) <= 0.05 * one["period_days"]


def points(one, stream):
    """Return how much speaks for a stream: party 8, amount 4 or 2, cadence 4, next date 1."""
    ours, theirs = one["counterparty_key"], stream["counterparty_key"]
    if ours != theirs and theirs != 0:
        return 0
    found = 8 if ours == theirs != 0 else 0
    off, apart = gap(one, stream), days_apart(one, stream)
    if off is not None and off <= 0.1:
        found += 4 if off <= 0.01 else 2
    return found + 4 * is_same_cadence(one, stream) + (apart is not None and apart <= 5)


def stream_of(one, streams):
    """Return the stream that stands for a declaration, None where none does."""
    if not one["is_schedule"] or one["customer"] < 0:
        return None
    own = [
        s for s in streams
        if s["is_out"] and s["customer"] == one["customer"]
        and one["currency"] in (s["currency"], -1) and points(one, s) >= 8
    ]  # fmt: skip

    def rank(s):
        off = gap(one, s)
        return -points(one, s), 1.0 if off is None else off, s["stream_id"]

    return min(own, key=rank, default=None)


def differences(one, stream):
    """Return in what a stream is not as declared, as a set of names."""
    off, apart = gap(one, stream), days_apart(one, stream)
    enough = stream["n_payments"] >= 3
    regular = stream["is_regular"] and enough
    paid = one["is_past"] and stream["last_day"] >= (one["next_day"] or 0) - 5
    over = one["until_day"]
    later = over is None or stream["last_day"] > over
    found = {
        "OTHER_CADENCE": regular and one["cadence"] >= 0 and not is_same_cadence(one, stream),
        "OTHER_AMOUNT": off is not None and off > 0.01,
        "OTHER_NEXT": one["is_active"] and apart is not None and apart > 5 and not paid,
        "NOT_REGULAR": enough and not stream["is_regular"],
        "STOPPED": regular and one["is_active"] and stream["is_stopped"],
        "NOT_ACTIVE": regular and not one["is_active"] and not stream["is_stopped"] and later,
    }
    return {name for name, holds in found.items() if holds}
