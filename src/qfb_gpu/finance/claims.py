"""What contracts still promise, as claims that payments without a link may answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.finance import clause_words as words
from qfb_gpu.finance.matching import Claims
from qfb_gpu.ledger import NULL_DAY

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.finance.contracts import Contracts
    from qfb_gpu.finance.nodes import Nodes

_EARLY_DAYS = 30
_LATE_DAYS = 400
_NO_END_DAYS = 1_100
_ADVANCE_DAYS = 240


def contract_claims(
    contracts: Contracts,
    nodes: Nodes,
    is_answered: Any,
    paid_minor: Any,
    reference: Any,
    backend: Backend,
) -> Claims:
    """Return a claim for every node that no link answers, and one for each total that is open.

    Parameters
    ----------
    contracts : Contracts
    nodes : Nodes
    is_answered : bool array, shape (n_nodes,)
        Whether a linked payment pays it, or a part of it.
    paid_minor : int64 array, shape (n_contracts,)
        What links say was paid.
    reference : int64 array, shape (n_contracts,)
        Last digits of each contract's id.

    Returns
    -------
    Claims
        A payment is plausible from 30 days before the start; an advance until 240 days after it,
        others until 400 days after the end and the node's warranty. Contracts without a readable
        clause claim their whole total.
    """
    xp = backend.xp
    node = xp.nonzero(~is_answered)[0]
    has_nodes = xp.zeros(contracts.n, dtype=bool)
    has_nodes[nodes.contract] = True
    bare = xp.nonzero(~has_nodes & contracts.has_total & (paid_minor == 0))[0]
    deal = xp.concatenate([nodes.contract[node], bare])
    start = contracts.start_day[deal].astype("int64")
    end = contracts.end_day[deal].astype("int64")
    end = xp.where(end == NULL_DAY, start + _NO_END_DAYS, xp.maximum(end, start))
    none = xp.zeros(bare.shape[0], dtype="int64")
    warranty = xp.concatenate([nodes.warranty_days[node].astype("int64"), none])
    is_advance = xp.concatenate([nodes.kind[node] == words.ADVANCE, none.astype(bool)])
    until = xp.where(is_advance, start + _ADVANCE_DAYS, end + warranty + _LATE_DAYS)
    return Claims(
        deal=deal,
        customer=contracts.customer[deal],
        counterparty_key=contracts.counterparty_key[deal],
        currency=contracts.currency[deal],
        amount_minor=xp.concatenate([nodes.amount_minor[node], contracts.total_minor[bare]]),
        from_day=(start - _EARLY_DAYS).astype("int32"),
        to_day=until.astype("int32"),
        reference=reference[deal],
    )


def open_contracts(
    contracts: Contracts, paid_minor: Any, reference: Any, backend: Backend
) -> Claims:
    """Return a claim for what is not paid yet of every contract with a total and an id to quote."""
    xp = backend.xp
    left = xp.where(contracts.has_total, contracts.total_minor - paid_minor, 0)
    deal = xp.nonzero((left > 0) & (reference >= 0) & (contracts.customer >= 0))[0]
    start = contracts.start_day[deal].astype("int64")
    end = contracts.end_day[deal].astype("int64")
    end = xp.where(end == NULL_DAY, start, xp.maximum(end, start)) + _NO_END_DAYS
    return Claims(
        deal=deal,
        customer=contracts.customer[deal],
        counterparty_key=contracts.counterparty_key[deal],
        currency=contracts.currency[deal],
        amount_minor=left[deal],
        from_day=(start - _EARLY_DAYS).astype("int32"),
        to_day=end.astype("int32"),
        reference=reference[deal],
    )


def order_claims(
    deal: Any,
    customer: Any,
    keys: tuple[Any, Any],
    amount_minor: Any,
    days: tuple[Any, Any],
    reference: Any,
) -> Claims:
    """Return a claim for every order that was delivered.

    Parameters
    ----------
    deal, customer, amount_minor, reference : arrays, shape (n_orders,)
        As in :class:`Claims`.
    keys : (counterparty_key, currency)
    days : (order day, delivery day)
        A payment is plausible from the order until 400 days after delivery.
    """
    return Claims(
        deal=deal,
        customer=customer,
        counterparty_key=keys[0],
        currency=keys[1],
        amount_minor=amount_minor,
        from_day=days[0].astype("int32"),
        to_day=(days[1].astype("int64") + _LATE_DAYS).astype("int32"),
        reference=reference,
    )
