"""Payments summed to edges: from payer to payee, a currency an edge.

A payment between two customers of the bank is in both their ledgers. Of an edge that is seen
from both sides, the side with more payments counts, the payer's where they are equal; sums of the
two sides are never added. Who reports an edge is a customer, whose whole book is in the bank.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.network.books import (
    gathered,
    places,
    raised_shares,
    told_shares,
    unnamed_books,
    year_books,
)
from qfb_gpu.network.dependence import counted_money, year_shares
from qfb_gpu.network.numbers import Numbers, in_order, numbered
from qfb_gpu.schema import DIRECTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger

YEAR_DAYS = 365
_OUT = DIRECTIONS.index("out")
_IDS = ("payer_key", "payee_key", "currency", "side")
_SUMS = ("n_payments", "amount_minor", "n_payments_365d", "amount_365d_minor")
_OTHERS = ("first_date", "last_date", "named_share")
_OF_YEAR = ("n_payments_365d", "amount_365d_minor")
_YEAR_SHARES = ("spending_share", "income_share")
_MOST_BITS = 63
SIDES = ("payer", "payee")
_MERGED = (
    *_IDS, *_SUMS, *_OTHERS, "payer_is_customer", "payee_is_customer", *_YEAR_SHARES,
)  # fmt: skip


def relation_edges(ledger: Ledger, backend: Backend, as_of_day: int) -> dict[str, Any]:
    """Return the edges of :func:`edges_and_books`."""
    return edges_and_books(ledger, backend, as_of_day)[0]


def edges_and_books(
    ledger: Ledger, backend: Backend, as_of_day: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return one bucket's edges, and the books of its customers that name nobody.

    Relations without a counterparty have no edge.

    Parameters
    ----------
    ledger : Ledger
    backend : Backend
    as_of_day : int
        Days since 1970-01-01; the year that ends with it is summed apart.

    Returns
    -------
    edges : dict of arrays, shape (n_edges,)
        ``payer_key``, ``payee_key`` (int64), ``currency`` (int16), ``side`` (int8; 0: reported by
        the payer, 1: by the payee), ``n_payments`` and ``amount_minor`` (int64; reversals count
        against the sum), the same of the last 365 days, ``first_date`` and ``last_date`` (int32),
        ``named_share`` (float64: of the money that the reporting customer paid, or got, in this
        currency in these 365 days, the part whose counterparty is given; 1 without any;
        payments to oneself are no part of either).
    books : dict of arrays
        See :func:`qfb_gpu.network.books.unnamed_books`.
    """
    xp = backend.xp
    known = xp.nonzero(ledger.counterparty_key != 0)[0]
    start, stop = ledger.relation_offsets[:-1][known], ledger.relation_offsets[1:][known]
    is_recent = ledger.day > as_of_day - YEAR_DAYS
    recent = xp.where(is_recent, ledger.amount_minor, xp.int64(0))
    year = _sums(recent, ledger.relation_offsets[:-1], ledger.relation_offsets[1:], xp)
    customer = ledger.customer_key[ledger.relation_customer[known]]
    counterparty = ledger.counterparty_key[known]
    is_out = ledger.direction[known] == _OUT
    books = year_books(ledger, year, xp)
    edges = {
        "payer_key": xp.where(is_out, customer, counterparty),
        "payee_key": xp.where(is_out, counterparty, customer),
        "currency": ledger.currency[known],
        "side": xp.where(is_out, 0, 1).astype("int8"),
        "n_payments": stop - start,
        "amount_minor": _sums(ledger.amount_minor, start, stop, xp),
        "n_payments_365d": _sums(is_recent.astype("int64"), start, stop, xp),
        "amount_365d_minor": year[known],
        "first_date": ledger.day[start],
        "last_date": ledger.day[stop - 1],
        "named_share": books.named_shares(xp)[known],
    }
    return edges, unnamed_books(ledger, books, backend)


def _sums(values: Any, start: Any, stop: Any, xp: Any) -> Any:
    running = xp.zeros(values.shape[0] + 1, dtype="int64")
    running[1:] = xp.cumsum(values)
    return running[stop] - running[start]


def merge_edges(
    tables: Sequence[Mapping[str, Any]],
    backend: Backend,
    books: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Put the buckets' edges together, an edge per (payer, payee, currency).

    Parameters
    ----------
    tables : sequence of mapping
        What :func:`relation_edges` returned, on host or device: a side of an edge once, in the
        bucket of its customer.
    backend : Backend
    books : sequence of mapping
        The books that :func:`edges_and_books` returned: their customers' shares are of all
        that they paid, or got, whoever names it.

    Returns
    -------
    dict of arrays, shape (n_edges,)
        As there, ``side`` being the one that counts; ``payer_is_customer`` and
        ``payee_is_customer`` (bool); ``income_share`` and ``spending_share`` (float64): see
        :func:`qfb_gpu.network.dependence.year_shares`; what is named of a book is what it names
        itself or what the edges that count come to, whichever is more. Ascending by payer,
        payee and currency.
    """
    return merge_and_number(tables, backend, books)[0]


def merge_and_number(
    tables: Sequence[Mapping[str, Any]],
    backend: Backend,
    books: Sequence[Mapping[str, Any]] = (),
) -> tuple[dict[str, Any], Numbers]:
    """Return what :func:`merge_edges` does, and the numbers of the edges' ends."""
    xp = backend.xp

    def whole(name: str) -> Any:
        """Return a column of all buckets: each as a whole only while it is worked on."""
        return xp.concatenate([backend.asarray(table[name]) for table in tables])

    payers, payees = ([backend.asarray(table[f"{name}_key"]) for table in tables] for name in SIDES)
    ends = numbered(payers, payees, xp)
    side, kind = whole("side"), whole("currency")
    kinds, kind = xp.unique(kind, return_inverse=True)
    kind = kind.astype("int16")
    first = _best(ends, kind, whole("n_payments"), side, backend)
    merged = ends.at(first)
    edges = {f"{name}_key": ends.key[getattr(merged, name)] for name in SIDES}
    edges |= {name: whole(name)[first] for name in ("currency", *_OF_YEAR)}
    is_customer = xp.zeros(ends.n_nodes, dtype=bool)
    is_customer[xp.where(side == 0, ends.payer, ends.payee)] = True
    unnamed = gathered(books, ends.key, kinds, backend)
    is_customer[unnamed["node"]] = True
    book = (xp.cumsum(is_customer) - 1) * int(kinds.shape[0])  # the first of a customer's, of each
    named, of_edge, counted = whole("named_share"), kind[first], counted_money(edges, xp)
    for which, name in enumerate(SIDES):
        node = getattr(merged, name)
        edges[f"{name}_is_customer"] = known = is_customer[node]
        mine = xp.nonzero((side == which) & (named > 0))[0]  # of the others books tell
        own, share = book[getattr(ends, name)[mine]] + kind[mine], named[mine]
        wanted = xp.where(known, book[node] + of_edge, -1)
        money = xp.maximum(whole("amount_365d_minor")[mine], 0)
        money *= ends.payer[mine] != ends.payee[mine]
        share = raised_shares((own, share, money), wanted, counted, xp)
        mine = xp.nonzero(unnamed["side"] == which)[0]
        if mine.shape[0]:
            more = book[unnamed["node"][mine]] + unnamed["kind"][mine]
            told = told_shares(more, unnamed["money"][mine], wanted, counted, xp)
            own, share = xp.concatenate([own, more]), xp.concatenate([share, told])
        share = _named(own, share, wanted, xp)
        nodes = (node, ends.n_nodes)
        edges[_YEAR_SHARES[which]] = year_shares(edges, name, share, xp, nodes=nodes)
    del ends, kind, of_edge, book, mine, own, share, money, counted
    edges |= {"side": side[first], "named_share": named[first]}
    edges |= {name: whole(name)[first] for name in (*_SUMS, *_OTHERS) if name not in edges}
    return {name: edges[name] for name in _MERGED}, merged


def _best(ends: Numbers, kind: Any, n_payments: Any, side: Any, backend: Backend) -> Any:
    """Return the row that counts of each edge, by payer, payee and currency."""
    n_kinds = int(kind.max()) + 1 if kind.shape[0] else 1
    if (ends.n_nodes**2 * n_kinds).bit_length() > _MOST_BITS:
        msg = (
            f"expected fewer than 2**{_MOST_BITS} combinations of payer, payee and currency, got "
            f"{ends.n_nodes} parties and {n_kinds} currencies: leave parties without names out"
        )
        raise ValueError(msg)
    edge = ends.payer.astype("int64") * ends.n_nodes
    edge += ends.payee
    edge *= n_kinds
    edge += kind
    order, is_new = in_order(edge, (-n_payments, side.astype("int64")), backend)
    return order[is_new]


def _named(own: Any, share: Any, wanted: Any, xp: Any) -> Any:
    """Return the named share of each book that is wanted, 1 where there is none.

    Parameters
    ----------
    own : int64 array, shape (n_rows,)
        Books: a customer's payments of a side in a currency, by number.
    share : float64 array, shape (n_rows,)
        Equal for the rows of a book.
    wanted : int64 array, shape (n_edges,)
        Books; -1 is none.
    """
    if not int(own.shape[0]):
        return xp.ones(wanted.shape[0])
    row, place, n_books = places(own, wanted, xp)
    of_book = xp.ones(n_books + 1)  # the last is of who has none
    of_book[row] = share
    return of_book[place]
