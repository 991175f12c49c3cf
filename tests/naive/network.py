"""The payment network by dictionaries: edges, degrees, and edges that both sides report.

Payments are (customer, counterparty, direction, currency, day, amount), named by key; 0 is null.
"""


def edges(payments):
    """Return {(payer, payee, currency): (payments, money)}: never the sum of the two sides."""
    sides = {}
    for customer, counterparty, direction, currency, _, amount in payments:
        if counterparty == 0:
            continue
        payer, payee = (customer, counterparty) if direction else (counterparty, customer)
        side = "payer" if direction else "payee"
        told = sides.setdefault((payer, payee, currency), {})
        n, total = told.get(side, (0, 0))
        told[side] = (n + 1, total + amount)
    found = {}
    for edge, told in sides.items():
        payer, payee = told.get("payer", (0, 0)), told.get("payee", (0, 0))
        found[edge] = payer if payer[0] >= payee[0] else payee
    return found


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
