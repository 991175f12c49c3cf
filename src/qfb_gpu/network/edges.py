"""Payments summed to edges: from payer to payee, a currency an edge.

A payment between two customers of the bank is in both their ledgers. Of an edge that is seen
from both sides, the side with more payments counts, the payer's where they are equal; sums of the
two sides are never added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.schema import DIRECTIONS

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger

_OUT = DIRECTIONS.index("out")
_COLUMNS = ("payer_key", "payee_key", "currency", "side", "n_payments", "amount_minor")


def relation_edges(ledger: Ledger, backend: Backend) -> dict[str, Any]:
    """Return one bucket's edges; relations without a counterparty are left out.

    Returns
    -------
    dict of arrays, shape (n_edges,)
        ``payer_key``, ``payee_key`` (int64), ``currency`` (int16), ``side`` (int8; 0: reported by
        the payer, 1: by the payee), ``n_payments`` and ``amount_minor`` (int64; reversals count
        against the sum).
    """
    xp = backend.xp
    known = xp.nonzero(ledger.counterparty_key != 0)[0]
    start, stop = ledger.relation_offsets[:-1][known], ledger.relation_offsets[1:][known]
    running = xp.zeros(ledger.n_payments + 1, dtype="int64")
    running[1:] = xp.cumsum(ledger.amount_minor)
    customer = ledger.customer_key[ledger.relation_customer[known]]
    counterparty = ledger.counterparty_key[known]
    is_out = ledger.direction[known] == _OUT
    return {
        "payer_key": xp.where(is_out, customer, counterparty),
        "payee_key": xp.where(is_out, counterparty, customer),
        "currency": ledger.currency[known],
        "side": xp.where(is_out, 0, 1).astype("int8"),
        "n_payments": stop - start,
        "amount_minor": running[stop] - running[start],
    }


def merge_edges(tables: list[dict[str, Any]], backend: Backend) -> dict[str, Any]:
    """Put the buckets' edges together, an edge per (payer, payee, currency).

    Parameters
    ----------
    tables : list of dict
        What :func:`relation_edges` returned, on host or device.

    Returns
    -------
    dict of arrays, shape (n_edges,)
        As there without ``side``, ascending by payer, payee and currency.
    """
    xp = backend.xp
    columns = {
        name: xp.concatenate([backend.asarray(table[name]) for table in tables])
        for name in _COLUMNS
    }
    ids = ("payer_key", "payee_key", "currency", "side")
    sides = _sum_by(columns, ids, ("n_payments", "amount_minor"), backend)
    best = backend.lexsort(
        (
            sides["payer_key"],
            sides["payee_key"],
            sides["currency"].astype("int64"),
            -sides["n_payments"],
            sides["side"].astype("int64"),
        )
    )
    sides = {name: values[best] for name, values in sides.items()}
    first = xp.nonzero(_starts(sides, ids[:3], xp))[0]
    return {name: values[first] for name, values in sides.items() if name != "side"}


def _sum_by(
    columns: dict[str, Any], ids: tuple[str, ...], sums: tuple[str, ...], backend: Backend
) -> dict[str, Any]:
    xp = backend.xp
    order = backend.lexsort(tuple(columns[name].astype("int64") for name in ids))
    ordered = {name: values[order] for name, values in columns.items()}
    first = xp.nonzero(_starts(ordered, ids, xp))[0]
    summed = {name: ordered[name][first] for name in ids}
    n_rows = order.shape[0]
    for name in sums:
        running = xp.zeros(n_rows + 1, dtype="int64")
        running[1:] = xp.cumsum(ordered[name])
        ends = xp.concatenate([first[1:], xp.asarray([n_rows], dtype=first.dtype)])
        summed[name] = running[ends[: first.shape[0]]] - running[first]
    return summed


def _starts(columns: dict[str, Any], ids: tuple[str, ...], xp: Any) -> Any:
    """Return which rows differ from the row before in one of the ids."""
    starts = xp.zeros(columns[ids[0]].shape[0], dtype=bool)
    starts[:1] = True
    for name in ids:
        starts[1:] |= columns[name][1:] != columns[name][:-1]
    return starts
