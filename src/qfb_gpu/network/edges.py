"""Payments summed to edges: from payer to payee, a currency an edge.

A payment between two customers of the bank is in both their ledgers. Of an edge that is seen
from both sides, the side with more payments counts, the payer's where they are equal; sums of the
two sides are never added. Who reports an edge is a customer, whose whole book is in the bank.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.keys import distinct, find
from qfb_gpu.network.dependence import year_shares
from qfb_gpu.schema import DIRECTIONS

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger

YEAR_DAYS = 365
_OUT = DIRECTIONS.index("out")
_IDS = ("payer_key", "payee_key", "currency", "side")
_SUMS = ("n_payments", "amount_minor", "n_payments_365d", "amount_365d_minor")
_OTHERS = ("first_date", "last_date", "named_share")
SIDES = ("payer", "payee")


def relation_edges(ledger: Ledger, backend: Backend, as_of_day: int) -> dict[str, Any]:
    """Return one bucket's edges; relations without a counterparty are left out.

    Parameters
    ----------
    ledger : Ledger
    backend : Backend
    as_of_day : int
        Days since 1970-01-01; the year that ends with it is summed apart.

    Returns
    -------
    dict of arrays, shape (n_edges,)
        ``payer_key``, ``payee_key`` (int64), ``currency`` (int16), ``side`` (int8; 0: reported by
        the payer, 1: by the payee), ``n_payments`` and ``amount_minor`` (int64; reversals count
        against the sum), the same of the last 365 days, ``first_date`` and ``last_date`` (int32),
        ``named_share`` (float64: of the money that the reporting customer paid, or got, in this
        currency in these 365 days, the part whose counterparty is given; 1 where there is none).
    """
    xp = backend.xp
    known = xp.nonzero(ledger.counterparty_key != 0)[0]
    start, stop = ledger.relation_offsets[:-1][known], ledger.relation_offsets[1:][known]
    is_recent = ledger.day > as_of_day - YEAR_DAYS
    recent = xp.where(is_recent, ledger.amount_minor, xp.int64(0))
    customer = ledger.customer_key[ledger.relation_customer[known]]
    counterparty = ledger.counterparty_key[known]
    is_out = ledger.direction[known] == _OUT
    return {
        "payer_key": xp.where(is_out, customer, counterparty),
        "payee_key": xp.where(is_out, counterparty, customer),
        "currency": ledger.currency[known],
        "side": xp.where(is_out, 0, 1).astype("int8"),
        "n_payments": stop - start,
        "amount_minor": _sums(ledger.amount_minor, start, stop, xp),
        "n_payments_365d": _sums(is_recent.astype("int64"), start, stop, xp),
        "amount_365d_minor": _sums(recent, start, stop, xp),
        "first_date": ledger.day[start],
        "last_date": ledger.day[stop - 1],
        "named_share": _named_share(ledger, recent, xp)[known],
    }


def _named_share(ledger: Ledger, recent: Any, xp: Any) -> Any:
    """Return by relation which part of its customer's money of its kind names the other."""
    money = _sums(recent, ledger.relation_offsets[:-1], ledger.relation_offsets[1:], xp)
    money = xp.maximum(money, 0).astype("float64")
    currencies, currency = xp.unique(ledger.currency, return_inverse=True)
    n_kinds = len(DIRECTIONS) * max(int(currencies.shape[0]), 1)
    kind = ledger.direction.astype("int64") * max(int(currencies.shape[0]), 1) + currency
    kind = ledger.relation_customer.astype("int64") * n_kinds + kind
    size = ledger.n_customers * n_kinds
    named = xp.where(ledger.counterparty_key != 0, money, 0.0)
    all_of_kind = xp.bincount(kind, weights=money, minlength=size)[kind]
    named_of_kind = xp.bincount(kind, weights=named, minlength=size)[kind]
    return xp.where(all_of_kind > 0, named_of_kind / xp.maximum(all_of_kind, 1.0), 1.0)


def _sums(values: Any, start: Any, stop: Any, xp: Any) -> Any:
    running = xp.zeros(values.shape[0] + 1, dtype="int64")
    running[1:] = xp.cumsum(values)
    return running[stop] - running[start]


def merge_edges(tables: list[dict[str, Any]], backend: Backend) -> dict[str, Any]:
    """Put the buckets' edges together, an edge per (payer, payee, currency).

    Parameters
    ----------
    tables : list of dict
        What :func:`relation_edges` returned, on host or device: a side of an edge once, in the
        bucket of its customer.

    Returns
    -------
    dict of arrays, shape (n_edges,)
        As there, ``side`` being the one that counts; ``payer_is_customer`` and
        ``payee_is_customer`` (bool); ``income_share`` and ``spending_share`` (float64): see
        :func:`qfb_gpu.network.dependence.year_shares`. Ascending by payer, payee and currency.
    """
    xp = backend.xp

    def whole(name: str) -> Any:
        """Return a column of all buckets: each as a whole only while it is worked on."""
        return xp.concatenate([backend.asarray(table[name]) for table in tables])

    columns = {name: whole(name) for name in (*_IDS, "n_payments")}
    own = xp.where(columns["side"] == 0, columns["payer_key"], columns["payee_key"])
    customers = distinct(own, xp)
    best = backend.lexsort(
        (
            columns["payer_key"],
            columns["payee_key"],
            columns["currency"].astype("int64"),
            -columns["n_payments"],
            columns["side"].astype("int64"),
        )
    )
    first = best[_starts(columns, best, _IDS[:3], xp)]
    del own, best
    edges = {name: values[first] for name, values in columns.items()}
    del columns["n_payments"]
    edges |= {name: whole(name)[first] for name in (*_SUMS, *_OTHERS) if name not in edges}
    columns["named_share"] = whole("named_share")
    for side in SIDES:
        edges[f"{side}_is_customer"] = find(customers, edges[f"{side}_key"], xp)[1]
    edges["spending_share"], edges["income_share"] = (
        _lookup(columns, edges, side, backend) for side in range(len(SIDES))
    )
    del columns, first
    for side, name in zip(SIDES, ("spending_share", "income_share"), strict=True):
        edges[name] = year_shares(edges, side, edges[name], xp)
    return edges


def _lookup(columns: dict[str, Any], edges: dict[str, Any], side: int, backend: Backend) -> Any:
    """Return for each edge the named share of its payer's (0) or payee's (1) own book, else 1."""
    xp = backend.xp
    name = f"{SIDES[side]}_key"
    mine = xp.nonzero(columns["side"] == side)[0]
    if mine.shape[0] == 0:
        return xp.ones(edges[name].shape[0])
    parties = distinct(columns[name][mine], xp)
    currencies = distinct(edges["currency"], xp)

    def place(table: dict[str, Any]) -> Any:
        row, is_there = find(parties, table[name], xp)
        kind = row * currencies.shape[0] + xp.searchsorted(currencies, table["currency"])
        return xp.where(is_there, kind, -1)

    known = {key: columns[key][mine] for key in (name, "currency")}
    kinds, first = xp.unique(place(known), return_index=True)
    share = columns["named_share"][mine][first]
    row, is_there = find(kinds, place(edges), xp)
    return xp.where(is_there, share[row], 1.0)


def _starts(columns: dict[str, Any], order: Any, ids: tuple[str, ...], xp: Any) -> Any:
    """Return which rows, in an order, differ from the row before in one of the ids."""
    starts = xp.zeros(order.shape[0], dtype=bool)
    starts[:1] = True
    for name in ids:
        values = columns[name][order]
        starts[1:] |= values[1:] != values[:-1]
    return starts
