"""Books of customers: what one paid, or got, in a currency; those that name nobody have no edge.

Money of a book that names nobody, or not all, may still be known to go to, or come from, a customer
whose own book names it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qfb_gpu.keys import dense_up_to, distinct, find
from qfb_gpu.schema import DIRECTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger

_OUT = DIRECTIONS.index("out")
_ROUNDED = 1 + 1e-12
"""Sums of the same money, beyond 53 bits, may differ by less."""


@dataclass(frozen=True, slots=True)
class YearBooks:
    """The books of one bucket's customers in the year up to ``as_of``.

    A book's number is ``(customer * n_directions + direction) * n_currencies + currency``.

    Attributes
    ----------
    currencies : int16, shape (n_currencies,), ascending
    of_relation : int64, shape (n_relations,)
        The book of each relation.
    whole, named : float64, shape (n_books,)
        Money of the year in minor units, and what of it names the other side.
    """

    currencies: Any
    of_relation: Any
    whole: Any
    named: Any

    def named_shares(self, xp: Any) -> Any:
        """Return by relation which part of its book's money names the other side; 1 without any."""
        share = xp.where(self.whole > 0, self.named / xp.maximum(self.whole, 1.0), 1.0)
        return share[self.of_relation]


def year_books(ledger: Ledger, year: Any, xp: Any) -> YearBooks:
    """Sum one bucket's year to books.

    What a customer pays to itself is no income, as in :func:`dependence.year_shares`: it would
    make up for income of which nobody knows from whom it is. Nor is a relation of which more came
    back than was paid.

    Parameters
    ----------
    ledger : Ledger
    year : int64 array, shape (n_relations,)
        Money of the year, in minor units.
    xp : module
    """
    to_oneself = ledger.counterparty_key == ledger.customer_key[ledger.relation_customer]
    money = xp.where(to_oneself, 0, xp.maximum(year, 0)).astype("float64")
    currencies, currency = xp.unique(ledger.currency, return_inverse=True)
    n_currencies = int(currencies.shape[0])
    book = ledger.relation_customer.astype("int64") * len(DIRECTIONS) + ledger.direction
    book = book * n_currencies + currency
    size = ledger.n_customers * len(DIRECTIONS) * n_currencies
    named = xp.where(ledger.counterparty_key != 0, money, 0.0)
    whole, named = (xp.bincount(book, weights=sums, minlength=size) for sums in (money, named))
    return YearBooks(currencies, book, whole, named)


def unnamed_books(ledger: Ledger, books: YearBooks, backend: Backend) -> dict[str, Any]:
    """Return one bucket's books of which no money of the year names the other side.

    Returns
    -------
    dict of arrays, shape (n_books,)
        ``customer_key`` (int64), ``currency`` (int16), ``side`` (int8; 0: what it paid, 1: what it
        got), ``amount_365d_minor`` (int64; 0 where more came back than was paid, and no payment of
        any year has a name).
    """
    xp = backend.xp
    is_named = (ledger.counterparty_key != 0).astype("float64")
    size = int(books.whole.shape[0])
    n_named = xp.bincount(books.of_relation, weights=is_named, minlength=size)
    n_others = xp.bincount(books.of_relation, weights=1.0 - is_named, minlength=size)
    never_named = (n_named == 0) & (n_others > 0)
    book = xp.nonzero((books.named == 0) & ((books.whole > 0) | never_named))[0]
    n_currencies = max(int(books.currencies.shape[0]), 1)
    customer_and_way = book // n_currencies
    way = customer_and_way % len(DIRECTIONS)
    return {
        "customer_key": ledger.customer_key[customer_and_way // len(DIRECTIONS)],
        "currency": books.currencies[book % n_currencies],
        "side": xp.where(way == _OUT, 0, 1).astype("int8"),
        "amount_365d_minor": books.whole[book].astype("int64"),
    }


def gathered(
    books: Sequence[Mapping[str, Any]], key: Any, currencies: Any, backend: Backend
) -> dict[str, Any]:
    """Return the books, of all buckets, of parties and currencies that edges have.

    Parameters
    ----------
    books : sequence of mapping
        What :func:`unnamed_books` returned, on host or device.
    key : int64 array, shape (n_nodes,), ascending
        The parties.
    currencies : int16 array, ascending

    Returns
    -------
    dict of arrays, shape (n_books,)
        ``node`` and ``kind`` (int64: rows of ``key`` and ``currencies``), ``side``, ``money``
        (float64, minor units).
    """
    xp = backend.xp
    if not books or not int(key.shape[0]):
        none = xp.zeros(0, dtype="int64")
        return {"node": none, "kind": none, "side": none, "money": none.astype("float64")}
    there = {name: xp.concatenate([backend.asarray(b[name]) for b in books]) for name in books[0]}
    node, is_node = find(key, there["customer_key"], xp)
    kind, is_kind = find(currencies, there["currency"], xp)
    rows = xp.nonzero(is_node & is_kind)[0]
    return {
        "node": node[rows].astype("int64"),
        "kind": kind[rows].astype("int64"),
        "side": there["side"][rows],
        "money": there["amount_365d_minor"][rows].astype("float64"),
    }


def places(own: Any, wanted: Any, xp: Any) -> tuple[Any, Any, int]:
    """Return where books stand in a table that has a place for each, and how many places it has.

    Parameters
    ----------
    own : int64 array, shape (n_rows,), one row or more
        The books that there are, each once or more.
    wanted : int64 array, shape (n_edges,)
        Books; -1 is none.

    Returns
    -------
    (own, wanted, n_places)
        Places of both, int64; ``n_places`` itself, one place more, is that of no book of ``own``.
    """
    n_books = int(own.max()) + 1
    if n_books <= dense_up_to(own.shape[0]):
        return own, xp.where((wanted >= 0) & (wanted < n_books), wanted, n_books), n_books
    there = distinct(own, xp)
    n_books = int(there.shape[0])
    place, is_there = find(there, wanted, xp)
    return xp.searchsorted(there, own), xp.where(is_there, place, n_books), n_books


def raised_shares(books: tuple[Any, Any, Any], of_edge: Any, edge_money: Any, xp: Any) -> Any:
    """Return the part of each book whose other side is given by it, or by that side's own book.

    A book may name some of its payers only, and another customer's book tell that it is the payer
    of more: what the edges that count come to is named then.

    Parameters
    ----------
    books : (number, share, money)
        A row for each edge that a book names: the book (int64), the part of its year's money whose
        other side it gives (float64, above 0, equal for the rows of a book), and what it says of
        that edge's year (minor units, not negative); each of shape (n_rows,).
    of_edge : int64 array, shape (n_edges,)
        The book that each edge that counts belongs to; -1 is none.
    edge_money : float64 array, shape (n_edges,)
        What the edge counts of the year.

    Returns
    -------
    float64 array, shape (n_rows,)
        0 to 1: not below ``share``, and ``share`` where the edges come to no more than the book
        names.
    """
    number, share, money = books
    if not int(number.shape[0]):
        return share
    row, mine, n_books = places(number, of_edge, xp)
    says = xp.bincount(row, weights=money, minlength=n_books + 1)
    told = xp.bincount(mine, weights=edge_money, minlength=n_books + 1)
    more = xp.where((says > 0) & (told > says * _ROUNDED), told / xp.maximum(says, 1.0), 1.0)
    return xp.minimum(share * more[row], 1.0)


def told_shares(book: Any, money: Any, of_edge: Any, edge_money: Any, xp: Any) -> Any:
    """Return the part of each unnamed book whose other side is told by that side's own book.

    Parameters
    ----------
    book : int64 array, shape (n_books,)
        Each once.
    money : float64 array, shape (n_books,)
        What was paid, or got, in the year.
    of_edge : int64 array, shape (n_edges,)
        The book that each edge belongs to; -1 is none.
    edge_money : float64 array, shape (n_edges,)
        What the edge counts of the year.

    Returns
    -------
    float64 array, shape (n_books,)
        0 to 1; 1 where the year has no money.
    """
    order = xp.argsort(book)
    place, is_there = find(book[order], of_edge, xp)
    rows = xp.nonzero(is_there)[0]
    told = xp.zeros(book.shape[0])
    told[order] = xp.bincount(place[rows], weights=edge_money[rows], minlength=book.shape[0])
    share = xp.minimum(told / xp.maximum(money, 1.0), 1.0)
    return xp.where(money > 0, share, 1.0)
