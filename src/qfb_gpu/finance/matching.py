"""Payments that no link names, matched to what was promised: by party, amount, day and number.

A claim is an amount that a contract node (or an order) promises. A payment is matched only where
its amount equals a claim's to the minor unit and it went to the claim's party, in its currency
and within its days. The confidence that this is no coincidence is

    min(1, claims / payments) * (claims of this deal / claims of all deals) / (1 + other * luck)

over claims and payments of that party and amount; ``other`` is the number of the party's other
unmatched payments that are at least as round and ``luck`` how likely such an amount is met by
chance: a tenth of that where the memo speaks of a contract's payment. Where the memo quotes
the deal's number ``luck`` shrinks a thousandfold; where it quotes that of another deal of the
payer, there is no match.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qfb_gpu.finance.contracts import OUT
from qfb_gpu.finance.joins import among, mix, pairs, rank

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger

_PLAUSIBLE = 50
"""How many amounts of one roundness are about as likely as one another."""
_POWERS = 13
_UNITS = [10.0**power for power in range(_POWERS)]
"""A device's own powers are not exact."""
_QUOTED = 1e-3
_NAMED = 0.1
_OTHER_NUMBER = 3.0


@dataclass(frozen=True, slots=True)
class Claims:
    """Amounts that are promised, all shape (n_claims,).

    Attributes
    ----------
    deal : int64, row of the contract or order
    customer : int32, row of the payer in the ledger
    counterparty_key : int64
    currency : int16
    amount_minor : int64
    from_day, to_day : int32, days on which a payment of it is plausible
    reference : int64, last digits of the deal's id; -1 where it has too few
    """

    deal: Any
    customer: Any
    counterparty_key: Any
    currency: Any
    amount_minor: Any
    from_day: Any
    to_day: Any
    reference: Any


@dataclass(frozen=True, slots=True)
class Quotes:
    """What the memos of candidate payments say, all shape (n_candidates,).

    Attributes
    ----------
    payment : int64, row in the ledger
    reference : int64, the number quoted, -1 where none
    is_foreign : bool, the memo speaks of another sort of deal (an order, for contracts)
    is_named : bool, it speaks of this sort
    """

    payment: Any
    reference: Any
    is_foreign: Any
    is_named: Any


def candidates(claims: Claims, taken: Any, ledger: Ledger, backend: Backend) -> Any:
    """Return the payments that pay a claim's amount in its currency, but for those taken.

    Returns
    -------
    int64 array, shape (n_candidates,), rows of payments, ascending
        Outgoing payments of the claims' customers, to whomever.
    """
    xp = backend.xp
    relation = ledger.relation_of_payment(backend)
    is_free = ledger.direction[relation] == OUT
    is_free[taken] = False
    free = xp.nonzero(is_free)[0]
    relation = relation[free]
    theirs = mix(
        (ledger.relation_customer[relation], ledger.currency[relation], ledger.amount_minor[free]),
        backend,
    )
    ours = mix((claims.customer, claims.currency, claims.amount_minor), backend)
    return free[among(theirs, ours, backend)]


def match(
    claims: Claims, quotes: Quotes, taken: Any, ledger: Ledger, backend: Backend
) -> dict[str, Any]:
    """Return the deal of each payment that can be matched.

    Parameters
    ----------
    claims : Claims
        Those that no link answers yet.
    quotes : Quotes
        Of every row of :func:`candidates`.
    taken : int64 array
        Payments that links name.

    Returns
    -------
    dict of arrays, shape (n_matches,)
        ``payment``, ``claim`` and ``deal`` (int64), ``confidence`` (float64), ``is_quoted``
        (bool). At most one match a payment and a claim.
    """
    xp = backend.xp
    claim, quote = _pairs(claims, quotes, ledger, backend)
    payment, deal = quotes.payment[quote], claims.deal[claim]
    is_quoted = (quotes.reference[quote] >= 0) & (
        quotes.reference[quote] == claims.reference[claim]
    )
    of_payer = mix((claims.customer, claims.reference), backend)  # not of all who share a bucket
    quoted = mix((claims.customer[claim], quotes.reference[quote]), backend)
    known = among(quoted, of_payer, backend) & (quotes.reference[quote] >= 0)
    other = known & ~is_quoted
    keep = ~other & ~quotes.is_foreign[quote]
    claim, quote, payment, deal, is_quoted = (
        values[keep] for values in (claim, quote, payment, deal, is_quoted)
    )
    has_better = _any_of(payment, is_quoted, ledger.n_payments, xp)[payment] & ~is_quoted
    has_better |= _any_of(claim, is_quoted, claims.deal.shape[0], xp)[claim] & ~is_quoted
    claim, quote, payment, deal, is_quoted = (
        values[~has_better] for values in (claim, quote, payment, deal, is_quoted)
    )
    confidence = _confidence(claim, payment, deal, claims, backend)
    luck = _luck(payment, taken, ledger, backend) * xp.where(is_quoted, _QUOTED, 1.0)
    luck = luck * xp.where(quotes.is_named[quote], _NAMED, 1.0)
    stray = (quotes.reference[quote] >= 0) & ~is_quoted
    luck = luck * xp.where(stray, _OTHER_NUMBER, 1.0)
    confidence = confidence / (1.0 + luck)
    found = {
        "payment": payment,
        "claim": claim,
        "deal": deal,
        "confidence": confidence,
        "is_quoted": is_quoted,
    }
    return _one_to_one(found, claims, ledger, backend)


def _pairs(claims: Claims, quotes: Quotes, ledger: Ledger, backend: Backend) -> tuple[Any, Any]:
    """Return (claim, quote) of equal customer, party, currency and amount, on plausible days.

    A payment that names no counterparty is paired with a claim whose number it quotes.
    """
    xp = backend.xp
    relation = ledger.relation_of_payment(backend)[quotes.payment]
    customer, currency = ledger.relation_customer[relation], ledger.currency[relation]
    party, amount = ledger.counterparty_key[relation], ledger.amount_minor[quotes.payment]
    by_party = pairs(
        mix(
            (claims.customer, claims.currency, claims.amount_minor, claims.counterparty_key),
            backend,
        ),
        mix((customer, currency, amount, party), backend),
        backend,
    )
    nameless = xp.where((party == 0) & (quotes.reference >= 0), quotes.reference, -2)
    by_number = pairs(
        mix((claims.customer, claims.currency, claims.amount_minor, claims.reference), backend),
        mix((customer, currency, amount, nameless), backend),
        backend,
    )
    claim = xp.concatenate([by_party[0], by_number[0]])
    quote = xp.concatenate([by_party[1], by_number[1]])
    day = ledger.day[quotes.payment[quote]]
    fits = (day >= claims.from_day[claim]) & (day <= claims.to_day[claim])
    fits &= claims.counterparty_key[claim] != 0
    return claim[fits], quote[fits]


def _any_of(group: Any, flag: Any, n_groups: int, xp: Any) -> Any:
    return xp.bincount(group[flag], minlength=n_groups)[:n_groups] > 0


def _confidence(claim: Any, payment: Any, deal: Any, claims: Claims, backend: Backend) -> Any:
    """Return the share of the rival pairings that each pair is."""
    xp = backend.xp
    group = mix(
        (claims.customer[claim], claims.counterparty_key[claim], claims.currency[claim],
         claims.amount_minor[claim]), backend,
    )  # fmt: skip
    _, group = xp.unique(group, return_inverse=True)
    n_groups = int(group.max()) + 1 if group.shape[0] else 0
    n_payments = _distinct(group, payment, n_groups, backend)
    n_claims = _distinct(group, claim, n_groups, backend)
    per_payment = xp.bincount(payment) if payment.shape[0] else payment
    pair = mix((payment, deal), backend)
    _, of_pair = xp.unique(pair, return_inverse=True)
    mine = xp.bincount(of_pair)[of_pair] if of_pair.shape[0] else of_pair
    share = mine / xp.maximum(per_payment[payment] if payment.shape[0] else payment, 1)
    crowd = xp.minimum(1.0, n_claims[group] / xp.maximum(n_payments[group], 1))
    return share * crowd


def _distinct(group: Any, member: Any, n_groups: int, backend: Backend) -> Any:
    xp = backend.xp
    order = backend.lexsort((group, member))
    ordered, members = group[order], member[order]
    new = xp.ones(ordered.shape[0], dtype=bool)
    new[1:] = (ordered[1:] != ordered[:-1]) | (members[1:] != members[:-1])
    return xp.bincount(ordered[new], minlength=n_groups)[:n_groups]


def _zeros(amount_minor: Any, xp: Any) -> Any:
    """Return how many zeros each amount ends in: int64; a round amount has many."""
    n = xp.zeros(amount_minor.shape[0], dtype="int64")
    unit = 1
    for power in range(1, _POWERS):
        unit *= 10
        n = xp.where((amount_minor % unit == 0) & (amount_minor >= unit), power, n)
    return n


def _luck(payment: Any, taken: Any, ledger: Ledger, backend: Backend) -> Any:
    """Return how many other payments of its relation would have each payment's amount by chance.

    Those that are at least as round, times the chance that one of them has just this amount.
    """
    xp = backend.xp
    relation = ledger.relation_of_payment(backend)
    is_theirs = xp.zeros(ledger.n_relations, dtype=bool)
    is_theirs[relation[payment]] = True
    is_rival = is_theirs[relation]
    is_rival[taken] = False
    rival = xp.nonzero(is_rival)[0]
    key = xp.sort(relation[rival] * _POWERS + _zeros(ledger.amount_minor[rival], xp))
    amount = ledger.amount_minor[payment]
    zeros, mine = _zeros(amount, xp), relation[payment] * _POWERS
    last = xp.searchsorted(key, mine + _POWERS - 1, side="right")
    others = xp.maximum(last - xp.searchsorted(key, mine + zeros, side="left") - 1, 0)
    unit = backend.asarray(_UNITS)[zeros]
    return others * xp.minimum(1.0, _PLAUSIBLE * unit / xp.maximum(amount, 1))


def _one_to_one(
    found: dict[str, Any], claims: Claims, ledger: Ledger, backend: Backend
) -> dict[str, Any]:
    """Keep one claim a payment, the most confident; claims of one amount in order of day."""
    sure = (found["confidence"] * 1e9).astype("int64")
    from_day = claims.from_day[found["claim"]]
    first = rank((found["payment"], -sure, from_day, found["claim"]), 1, backend) == 0
    found = {name: values[first] for name, values in found.items()}
    amount, day = claims.amount_minor[found["claim"]], ledger.day[found["payment"]]
    n_claims = _claims_of(found["deal"], amount, claims, backend)
    kept = rank((found["deal"], amount, -sure[first], day), 2, backend) < n_claims
    return {name: values[kept] for name, values in found.items()}


def _claims_of(deal: Any, amount: Any, claims: Claims, backend: Backend) -> Any:
    """Return how many claims of its amount each deal has."""
    xp = backend.xp
    keys = xp.sort(mix((claims.deal, claims.amount_minor), backend))
    wanted = mix((deal, amount), backend)
    return xp.searchsorted(keys, wanted, side="right") - xp.searchsorted(keys, wanted, side="left")
