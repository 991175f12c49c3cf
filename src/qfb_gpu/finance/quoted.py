"""Payments that quote the number of a contract but pay no amount that it promises.

A part of a node, or a payment of a contract whose clause says nothing. It is the contract's where
it went to its party in its currency and on plausible days, its memo quotes the contract's number
and speaks of a contract's payment, no other contract of the pair has that number, and no more
than the contract's total is paid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.finance.contracts import OUT
from qfb_gpu.finance.joins import among, first_of_group, mix, pairs, starts

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.finance.matching import Claims, Quotes
    from qfb_gpu.ledger import Ledger

CONFIDENCE = 0.95
"""Of such a match; a number in a memo may be quoted wrongly. Not measured: see the docs."""


def of_parties(claims: Claims, taken: Any, ledger: Ledger, backend: Backend) -> Any:
    """Return the payments to the claims' parties in their currency, but for those taken.

    Returns
    -------
    int64 array, shape (n_candidates,), rows of payments, ascending
    """
    xp = backend.xp
    parties = mix((claims.customer, claims.counterparty_key, claims.currency), backend)
    theirs = mix((ledger.relation_customer, ledger.counterparty_key, ledger.currency), backend)
    chosen = (
        among(theirs, parties, backend) & (ledger.counterparty_key != 0) & (ledger.direction == OUT)
    )
    is_free = chosen[ledger.relation_of_payment(backend)] & (ledger.amount_minor > 0)
    is_free[taken] = False
    return xp.nonzero(is_free)[0]


def quoted(claims: Claims, quotes: Quotes, ledger: Ledger, backend: Backend) -> dict[str, Any]:
    """Return the deal of each payment that quotes one.

    Parameters
    ----------
    claims : Claims
        One a deal: its amount is what may still be paid.
    quotes : Quotes
        Of every row of :func:`of_parties`.

    Returns
    -------
    dict of arrays, shape (n_matches,)
        ``payment`` and ``deal`` (int64), at most one match a payment.
    """
    xp = backend.xp
    relation = ledger.relation_of_payment(backend)[quotes.payment]
    ours = mix(
        (claims.customer, claims.counterparty_key, claims.currency, claims.reference), backend
    )
    order = xp.sort(ours)
    n_same = xp.searchsorted(order, ours, side="right") - xp.searchsorted(order, ours)
    theirs = mix(
        (
            ledger.relation_customer[relation],
            ledger.counterparty_key[relation],
            ledger.currency[relation],
            quotes.reference,
        ),
        backend,
    )
    claim, quote = pairs(ours, theirs, backend)
    payment, day = quotes.payment[quote], ledger.day[quotes.payment[quote]]
    fits = (n_same[claim] == 1) & (claims.reference[claim] >= 0)
    fits &= quotes.is_named[quote] & ~quotes.is_foreign[quote]
    fits &= (day >= claims.from_day[claim]) & (day <= claims.to_day[claim])
    claim, payment, day = claim[fits], payment[fits], day[fits]
    amount = ledger.amount_minor[payment]
    by_day = backend.lexsort((claim, day, amount, ledger.txn_key[payment]))
    claim, payment, amount = claim[by_day], payment[by_day], amount[by_day]
    running = xp.cumsum(amount)
    before = (running - amount)[first_of_group(starts((claim,), backend), backend)]
    kept = running - before <= claims.amount_minor[claim]
    return {"payment": payment[kept], "deal": claims.deal[claim[kept]]}
