"""Behaviour, not identity: vectors of parties and customers from who is visited when with whom.

A *basket* is one customer in one period; its items are the parties it dealt with then. Parties that
share baskets get near vectors: the leading singular vectors of the basket matrix, scaled by the
square roots of its row and column sums, which are the spectral embedding of the co-visit graph
without ever forming its party by party matrix. A customer's vector is the mean of its parties',
newer visits weighing more. No name, region or other attribute of anyone takes part; an id only says
that two payments have the same party.

References
----------
I. S. Dhillon, "Co-clustering documents and words using bipartite spectral graph partitioning",
doi:10.1145/502512.502550. N. Halko, P. G. Martinsson, J. A. Tropp, "Finding structure with
randomness", doi:10.1137/090771806.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.keys import distinct, distinct_below, find
from qfb_gpu.models.directions import leading

if TYPE_CHECKING:
    from qfb_gpu._config.behaviour import Behaviour
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger

_SPARE = 6
_DIGITS = 6
_SHORTEST = 1e-9
_OTHER_WAY = 0x5DEECE66D15A4E35
_MARKED = 2
"""Baskets that could be for each visit, up to which they are marked: 10 bytes a visit."""


@dataclass(frozen=True, slots=True)
class Visits:
    """Who dealt with whom in which period.

    Attributes
    ----------
    customer : integers, shape (n_visits,), ascending; any that tell customers apart
    party : int64, shape (n_visits,), any numbers that tell parties apart
    period : integers, shape (n_visits,), 0 is the latest
    """

    customer: Any
    party: Any
    period: Any


@dataclass(frozen=True, slots=True)
class Numbered:
    """Parties of visits by number, and who deals with them.

    Attributes
    ----------
    party : int64, shape (n_parties,), ascending
    of_visit : int32, shape (n_visits,)
        Each visit's place among them.
    pair_customer, pair_party : int64, shape (n_pairs,)
        Each customer (numbered from 0 on in the order of visits) with each of its parties' places,
        once; ascending.
    """

    party: Any
    of_visit: Any
    pair_customer: Any
    pair_party: Any


@dataclass(frozen=True, slots=True)
class Vectors:
    """Where parties are.

    Attributes
    ----------
    party : int64, shape (n_parties,), ascending
    vector : float64, shape (n_parties, dimensions)
    n_customers : int64, shape (n_parties,), how many deal with it
    """

    party: Any
    vector: Any
    n_customers: Any


def visits_of(ledger: Ledger, as_of_day: int, settings: Behaviour, backend: Backend) -> Visits:
    """Return the distinct visits of a ledger's customers; ``customer`` is the row in the ledger.

    A party is a counterparty in one direction: who pays a customer is another than who is paid.
    Payments without a counterparty are no visits.
    """
    xp = backend.xp
    relation = ledger.relation_of_payment(backend)
    age = as_of_day - ledger.day
    seen = (age < settings.lookback_days) & (ledger.counterparty_key != 0)[relation]
    n_periods = -(-settings.lookback_days // settings.period_days)
    pair = relation[seen] * n_periods + age[seen] // settings.period_days
    pair = distinct_below(pair, ledger.n_relations * n_periods, xp)
    relation, period = pair // n_periods, pair % n_periods
    party = party_of(ledger.counterparty_key, ledger.direction, xp)
    return Visits(
        ledger.relation_customer[relation].astype("int64"), party[relation], period.astype("int64")
    )


def party_of(counterparty_key: Any, direction: Any, xp: Any) -> Any:
    """Return a number for each counterparty in a direction: int64."""
    return counterparty_key ^ xp.where(direction > 0, _OTHER_WAY, 0)


def numbered(visits: Visits, backend: Backend) -> Numbered:
    """Return the parties of visits by number.

    Visits of a customer to a party mostly follow each other, so only the first of a run is sorted.
    """
    xp, n_visits = backend.xp, int(visits.party.shape[0])
    is_new = xp.zeros(n_visits, dtype=bool)
    is_new[1:] = visits.customer[1:] != visits.customer[:-1]
    customer = xp.cumsum(is_new, dtype="int32")
    is_new[:1] = True
    is_new[1:] |= visits.party[1:] != visits.party[:-1]
    party, place = xp.unique(visits.party[is_new], return_inverse=True)
    n_parties = max(int(party.shape[0]), 1)
    pair = distinct(customer[is_new].astype("int64") * n_parties + place, xp)
    del customer
    run = xp.cumsum(is_new, dtype="int32")
    run -= 1
    of_visit = place.astype("int32")[run]
    return Numbered(party, of_visit, pair // n_parties, pair % n_parties)


def embed(
    visits: Visits, settings: Behaviour, backend: Backend, *, parties: Numbered | None = None
) -> Vectors:
    """Return a vector for each party that enough customers deal with.

    The vectors do not depend on how customers and parties are numbered: the iteration starts from
    how often a party is visited in each period, and signs are settled by the values.
    """
    xp = backend.xp
    parties = numbered(visits, backend) if parties is None else parties
    known, column, n_customers = _known_parties(parties, settings, backend)
    kept = column >= 0
    n_parties = int(known.shape[0])
    column, period = column[kept], visits.period[kept]
    basket = _baskets(visits.customer[kept], period, xp)
    size = settings.dimensions
    if n_parties == 0 or int(basket.shape[0]) == 0:
        return Vectors(known, xp.zeros((n_parties, size)), n_customers)
    n_baskets = int(basket.max()) + 1
    rows = xp.sqrt(xp.bincount(basket, minlength=n_baskets).astype("float64"))
    columns = xp.sqrt(xp.bincount(column, minlength=n_parties).astype("float64"))
    start = _start(column, period, n_parties, size + 1 + _SPARE, backend)
    del period, kept
    values = rows[basket]
    values *= columns[column]
    xp.divide(1.0, values, out=values)
    matrix = backend.sparse((n_baskets, n_parties), basket, column, values)
    del basket, column, values
    vectors = leading(matrix, columns / xp.sqrt(xp.sum(columns**2)), start, size, backend)
    length = xp.sqrt(xp.sum(vectors**2, axis=1))
    known_way = (length > _SHORTEST)[:, None]  # else it is of what rounding left
    unit = xp.where(known_way, vectors / xp.maximum(length, _SHORTEST)[:, None], 0.0)
    return Vectors(known, _rounded(unit, xp), n_customers)


def _rounded(values: Any, xp: Any) -> Any:
    """Return values as they are given out; of the zeros the one without a sign."""
    return xp.round(values, _DIGITS) + 0.0


def _known_parties(of: Numbered, settings: Behaviour, backend: Backend) -> tuple[Any, Any, Any]:
    """Return parties of enough customers, each visit's place among them (-1), their customers."""
    xp = backend.xp
    n_customers = xp.bincount(of.pair_party, minlength=int(of.party.shape[0]))
    enough = n_customers >= settings.least_customers
    place = xp.where(enough, xp.cumsum(enough) - 1, -1).astype("int32")
    return of.party[enough], place[of.of_visit], n_customers[enough].astype("int64")


def _baskets(customer: Any, period: Any, xp: Any) -> Any:
    """Return numbers from 0 on for the (customer, period) pairs: int32; customers ascend.

    Pairs are marked where they could not be many more than there are visits: that takes less
    memory than a sort, too.
    """
    if int(customer.shape[0]) == 0:
        return customer
    n_periods = int(period.max()) + 1
    code = customer.astype("int64")
    code *= n_periods
    code += period
    end = (int(customer[-1]) + 1) * n_periods
    if end > _MARKED * int(code.shape[0]):
        return xp.unique(code, return_inverse=True)[1].astype("int32")
    is_there = xp.zeros(end, dtype=bool)
    is_there[code] = True
    number = xp.cumsum(is_there, dtype="int32")
    number -= 1
    return number[code]


def _start(column: Any, period: Any, n_parties: int, width: int, backend: Backend) -> Any:
    """Return start vectors that only a party's own visits decide: shape (n_parties, width)."""
    xp = backend.xp
    n_periods = int(period.max()) + 1
    code = column.astype("int64")
    code *= n_periods
    code += period
    visited = xp.bincount(code, minlength=n_parties * n_periods)
    visited = visited.reshape(n_parties, n_periods).astype("float64")
    waves = np.arange(1, width + 1)[None, :] * np.arange(1, visited.shape[1] + 1)[:, None]
    mixed = xp.sin(visited @ backend.asarray(np.sin(waves * 1.6180339887) * 2.7))
    return mixed + backend.asarray(np.linspace(0.1, 0.2, width))[None, :]


def customer_vectors(
    visits: Visits, n_customers: int, vectors: Vectors, settings: Behaviour, backend: Backend
) -> tuple[Any, Any]:
    """Return where customers are, and how much of what they do that rests on.

    Returns
    -------
    vector : float64, shape (n_customers, dimensions)
        Weighted mean of the vectors of the customer's parties, of unit length; NaN where none of
        its parties has one.
    known_share : float64, shape (n_customers,)
        Share of the weighted visits whose party has a vector; NaN without visits.
    """
    xp = backend.xp
    age_days = (visits.period.astype("float64") + 0.5) * settings.period_days
    weight = 0.5 ** (age_days / settings.half_life_days)
    place, known = find(vectors.party, visits.party, xp)
    customer, its_weight, place = visits.customer[known], weight[known], place[known]
    total = xp.bincount(visits.customer, weights=weight, minlength=n_customers)
    found = xp.bincount(customer, weights=its_weight, minlength=n_customers)
    share = xp.where(total > 0, found / xp.where(total > 0, total, 1.0), xp.nan)
    share = xp.round(share, _DIGITS)  # sums are in the order of visits, which ids decide
    columns = [
        xp.bincount(
            customer,
            weights=its_weight * xp.ascontiguousarray(vectors.vector[:, number])[place],
            minlength=n_customers,
        )
        for number in range(settings.dimensions)
    ]
    vector = xp.stack(columns, axis=1)
    length = xp.sqrt(xp.sum(vector**2, axis=1))
    unit = xp.where(
        (length > _SHORTEST)[:, None], vector / xp.maximum(length, _SHORTEST)[:, None], xp.nan
    )
    return _rounded(unit, xp), share
