"""Round trips by recursion over lists of payments."""


def trips(payments, window, share, longest):
    """Return {(first payment, parties): earliest day it is back} of money that comes back.

    ``payments`` are (payer, payee, day, amount). A trip is a chain of payments in order of days
    from its first back to its first party, over different parties; which payments on the way
    does not matter, only that there are some.
    """
    found = {}

    def walk(first, parties, day):
        home, _, begin, amount = payments[first]
        for payer, payee, later, money in payments:
            if payer != parties[-1] or not day <= later <= begin + window:
                continue
            if not amount * share <= money <= amount / share:
                continue
            if payee == home:
                trip = (first, tuple(parties))
                found[trip] = min(found.get(trip, later), later)
            elif payee not in parties and len(parties) < longest:
                walk(first, [*parties, payee], later)

    for row, (payer, payee, day, _) in enumerate(payments):
        if payer != payee:
            walk(row, [payer, payee], day)
    return found
