"""The payment network by dictionaries: edges, degrees, and edges that both sides report.

Payments are (customer, counterparty, direction, currency, day, amount), named by key; 0 is null.
"""

import math


def edges(payments, since=-math.inf):
    """Return {(payer, payee, currency): (payments, money)}: never the sum of the two sides.

    The side with more payments counts, the payer's where they are equal; of it the days from
    ``since`` on.
    """
    sides = {}
    for customer, counterparty, direction, currency, day, amount in payments:
        if counterparty == 0:
            continue
        payer, payee = (customer, counterparty) if direction else (counterparty, customer)
        side = "payer" if direction else "payee"
        told = sides.setdefault((payer, payee, currency), {})
        told.setdefault(side, []).append((day, amount))
    found = {}
    for edge, told in sides.items():
        fuller = max(told.get("payer", []), told.get("payee", []), key=len)
        late = [amount for day, amount in fuller if day >= since]
        found[edge] = len(late), sum(late)
    return found


def year_shares(payments, as_of):
    """Return {(payer, payee, currency): (part of the payee's income, of the payer's payments)}.

    Of the 365 days up to ``as_of``; the known part of a book is what it names, or what the edges
    come to where that is more, and the edges of a party share it by their money.
    """
    recent = [row for row in payments if as_of - 365 < row[4] <= as_of]
    told = edges(payments, since=as_of - 364)
    net = {}
    for customer, other, direction, currency, _, amount in recent:
        relation = customer, other, direction, currency
        if customer != other:
            net[relation] = net.get(relation, 0) + amount

    def book(party, direction, currency, *, named):
        return sum(
            max(money, 0) for (who, other, way, kind), money in net.items()
            if (who, way, kind) == (party, direction, currency) and (other or not named)
        )  # fmt: skip

    def counts(edge):
        return told.get(edge, (0, 0))[1] > 0 and edge[0] != edge[1]

    def share(edge, end, direction):
        if not counts(edge):
            return 0.0
        own = [e for e in told if counts(e) and e[end] == edge[end]]
        same = [e for e in own if e[2] == edge[2]]
        money, number = (sum(told[e][at] for e in same) for at in (1, 0))
        weight = number / sum(told[e][0] for e in own)
        whole = book(edge[end], direction, edge[2], named=False)
        named = book(edge[end], direction, edge[2], named=True)
        known = max(named, min(money, whole)) / whole if whole else 1.0
        return known * told[edge][1] / money * weight

    return {edge: (share(edge, 1, 0), share(edge, 0, 1)) for edge in edges(payments)}


def fan_peak(payments, customer, direction, as_of, lookback, window):
    """Return the most parties within any window of ``window + 1`` days, in one currency."""
    seen = [
        (row[1], row[3], row[4]) for row in payments
        if row[0] == customer and row[1] and row[2] == direction
        and as_of - lookback < row[4] <= as_of
    ]  # fmt: skip
    peaks = [0]
    for _, currency, day in seen:
        near = {who for who, kind, d in seen if kind == currency and day - window <= d <= day}
        peaks.append(len(near))
    return max(peaks)


def degrees(links):
    """Return {node: (distinct payers, distinct payees)}."""
    nodes = {node for link in links for node in link}
    return {
        node: (
            len({payer for payer, payee in links if payee == node}),
            len({payee for payer, payee in links if payer == node}),
        )
        for node in nodes
    }
