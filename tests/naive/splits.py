"""How a relation is split into streams, by sets of payments and all choices of them."""

import itertools
import math

LATE_GROUP = 3  # leftovers join a group that has so many times their number


def reversals(amounts):
    """Return for each payment of a relation that which it cancels or is cancelled by; -1: none."""
    found = [-1] * len(amounts)
    for i, amount in enumerate(amounts):
        if amount < 0:
            before = [j for j in range(i) if amounts[j] == -amount and found[j] < 0]
            if before:
                found[i], found[before[-1]] = before[-1], i
    return found


def counts(due_dates, answered):
    """Return hits, misses, on the day, ticks off and late of {due date: offset} of the answers."""
    first, last = min(d for d, _ in answered), max(d for d, _ in answered)
    due = {date for date in due_dates if first <= date <= last}
    offsets = [offset for _, offset in answered]
    return (
        len(offsets), len(due - {date for date, _ in answered}), offsets.count(0), sum(map(abs, offsets)),
        sum(offset > 0 for offset in offsets),
    )  # fmt: skip


def life_cost(days, pool_days):
    """Return the nats that say when a unit begins and ends, where its pool does not with it."""
    period = max(1.0, (days[-1] - days[0]) / (len(days) - 1))
    places = math.log(1 + (pool_days[-1] - pool_days[0]) / period)
    later = days[0] - pool_days[0] > 1.5 * period
    earlier = pool_days[-1] - days[-1] > 1.5 * period
    return places * (later + earlier)


def worth(unit, pool_days, n_units, pool_nats):
    """Return the nats that a unit (a dict) saves over leaving its payments in the pool."""
    evidence = unit["evidence"] - math.log(n_units)
    if not unit["has_schedule"] or evidence < 0:
        return 0.0
    rate = 1 + math.log((1 + pool_days[-1] - pool_days[0]) / len(pool_days))
    rate += math.log(5 / 7) if unit["on_working_days"] else 0
    cost = unit["hit_nats"] + unit["schedule_nats"] + life_cost(unit["days"], pool_days)
    return unit["hits"] * (rate + pool_nats) - cost


def best_choice(units, pool_days, pool_nats):
    """Return the numbers of the units that together save most, without one payment twice.

    Of these those without many misses and extras; where there is none, the one that saves most.
    """
    saved = [worth(unit, pool_days, len(units), pool_nats) for unit in units]
    useful = [i for i, nats in enumerate(saved) if nats > 0]
    best, most = [], 0.0
    for n in range(1, len(useful) + 1):
        for some in itertools.combinations(useful, n):
            taken = [place for i in some for place in units[i]["places"]]
            total = sum(saved[i] for i in some)
            if len(set(taken)) == len(taken) and total > most:
                best, most = list(some), total
    clean = [
        i for i in best
        if 10 * units[i]["misses"] <= units[i]["hits"]
        and 5 * (len(units[i]["days"]) - units[i]["hits"]) <= len(units[i]["days"])
    ]  # fmt: skip
    return clean or sorted(best, key=lambda i: -saved[i])[:1]


def streams(amounts, owners, cancelled):
    """Return the stream of each payment of a relation, numbered by their first payments.

    And whether it joined its group as an extra. A stream is a group's, or the rest's.
    """
    left = [i for i, a in enumerate(amounts) if a >= 0 and owners[i] < 0]
    members = {}
    for i, group in enumerate(owners):
        if group >= 0:
            members.setdefault(group, []).append(amounts[i])
    of = {i: group for i, group in enumerate(owners) if group >= 0}
    joined = set()
    for i in left if len(amounts) > LATE_GROUP else []:
        fitting = [
            group for group, sums in members.items()
            if LATE_GROUP * len(left) <= len(sums) and min(sums) <= amounts[i] * 1.02
            and amounts[i] <= max(sums) * 1.02
        ]  # fmt: skip
        if fitting:
            of[i] = max(fitting, key=lambda group: len(members[group]))  # of equal ones the first
            joined.add(i)
    of |= {i: "rest" for i in left if i not in joined}
    order = [of[i] for i in sorted(of) if i not in joined]
    number = {name: n for n, name in enumerate(dict.fromkeys(order))}
    found = [number[of[i]] if i in of else None for i in range(len(amounts))]
    for i, amount in enumerate(amounts):
        if amount < 0:
            other = cancelled[i]
            found[i] = found[other] if other >= 0 else number.get("rest", 0)
    return found, joined, list(number) or [None]


class Settled:
    """A relation's groups after those that are one contract were joined, by plain searches.

    ``groups``: {number: (due dates in order, the position of any day on the group's clock,
    days between due dates at a day)}, ``owners``, ``dues`` and ``offsets`` of its payments.
    """

    def __init__(self, days, amounts, owners, dues, offsets, groups):
        self.days, self.amounts, self.groups = days, amounts, groups
        self.owners, self.dues, self.offsets = list(owners), list(dues), list(offsets)
        first = dict.fromkeys(group for group in owners if group >= 0)
        self.order = list(first)  # by first payment
        self.reach = {g: max([1, *(abs(offsets[i]) for i in self.of(g))]) for g in first}
        self.range = {g: self.amounts_of(g) for g in first}
        while pair := self.nearest_pair():
            self.join(*pair)
        self.size = {g: len(self.of(g)) for g in first}
        for i in range(len(days)):
            if self.owners[i] < 0 and amounts[i] >= 0:
                self.take_leftover(i)

    def of(self, group):
        return [i for i, owner in enumerate(self.owners) if owner == group]

    def amounts_of(self, group):
        amounts = [self.amounts[i] for i in self.of(group)]
        return min(amounts), max(amounts)

    def missed_by(self, group, i):
        """Return the due date and offset that a payment would have; None where that is answered."""
        dates, tick, _ = self.groups[group]
        here = tick(self.days[i])
        k = next(k for k in range(len(dates)) if 2 * here <= tick(dates[k]) + tick(dates[k + 1]))
        off = here - tick(dates[k])
        taken = any(self.dues[j] == dates[k] for j in self.of(group))
        return None if taken or abs(off) > self.reach[group] else (dates[k], off)

    def may_follow(self, group, other):
        mine, its = self.of(group), self.of(other)
        period = self.groups[group][2](self.days[mine[0]])
        apart = max(
            self.days[its[0]] - self.days[mine[-1]], self.days[mine[0]] - self.days[its[-1]]
        )
        return apart <= 4 * period

    def nearest_pair(self):
        """Return the group and the other, no larger, nearest in amount that it may take; None."""
        best, nearest = None, 4.0
        for group in self.order:
            for other in self.order:
                mine, its = self.of(group), self.of(other)
                if group == other or not 0 < len(its) <= len(mine) or len(mine) < 3:
                    continue
                (low, high), (its_low, its_high) = self.range[group], self.range[other]
                apart = max(1.0, its_low / (1 + high), low / (1 + its_high))
                n = sum(self.missed_by(group, i) is not None for i in its)
                most = n == len(its) or (n > 4 and n >= 0.8 * len(its))
                if apart < nearest and most and self.may_follow(group, other):
                    best, nearest = (group, other), apart
        return best

    def join(self, group, other):
        for i in self.of(other):
            answer = self.missed_by(group, i)
            self.owners[i] = group if answer else -1
            self.dues[i], self.offsets[i] = answer or (None, self.offsets[i])
        self.range[group] = self.amounts_of(group)

    def take_leftover(self, i):
        best = None
        for group in self.order:
            if self.size[group] >= 3:
                low, high = self.range[group]
                wide = 1.5 if high > 1.05 * low else 1.1
                answer = self.missed_by(group, i)
                fits = low <= self.amounts[i] * wide <= wide * wide * high
                if fits and answer and (best is None or abs(answer[1]) < abs(best[2])):
                    best = group, *answer
        if best:
            self.owners[i], self.dues[i], self.offsets[i] = best
