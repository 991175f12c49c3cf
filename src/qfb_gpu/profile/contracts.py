"""Features of contracts that a customer pays: in force, total, how much is paid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qfb_gpu.keys import find
from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.profile.feature import Feature, declared, ratio
from qfb_gpu.profile.grouped import YEAR, grouped, total_by, within
from qfb_gpu.schema import DIRECTIONS

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger, SourceRows


_MIX = np.uint64(0x9E3779B97F4A7C15)
_OUT = DIRECTIONS.index("out")


def _row(
    name: str, unit: str, words: str, words_zh: str, dtype: Any = "float64",
    source: Any = "contracts",
) -> Feature:  # fmt: skip
    return Feature(f"contracts_{name}", unit, words, words_zh, dtype, source)


CONTRACTS = (
    _row("n_active", "contracts", "contracts in force on the as-of day",
         "截止日生效中的合同数", "int64"),
    _row("n_ever", "contracts", "contracts that began by the as-of day",
         "截止日前（含当日）开始的合同数", "int64"),
    _row("n_started_365d", "contracts", "contracts that began in the last 365 days",
         "最近365天开始的合同数",
         "int64"),
    _row("total_minor_active", "minor", "sum of the totals of contracts in force, main currency",
         "生效合同总额（主币种）", "int64"),
    _row("n_payees_active", "counterparties", "distinct payees of contracts in force",
         "生效合同的不同收款方数", "int64"),
    _row("days_to_next_end", "days",
         "days until the first of the contracts in force ends; null: none",
         "距最先到期的生效合同到期的天数（没有为空）"),
)  # fmt: skip
CONTRACTS_PAID = (
    _row("paid_minor_active", "minor",
         "payments linked to contracts in force that have a total, less what came back, main "
         "currency",
         "与有总额的生效合同关联的付款，减退回金额（主币种）", "int64", "contract_payments"),
    _row("paid_share_active", "share",
         "contracts_paid_minor_active / totals of contracts in force, cut to 0 to 1; null where "
         "there is none",
         "上述已付金额 ÷ 生效合同总额（限于0至1；没有总额为空）", source="contract_payments"),
    _row("unpaid_minor_active", "minor",
         "sum of the totals of contracts in force, each less what is paid of it, 0 at least, main "
         "currency",
         "生效合同总额减各自已付金额（每份不低于0）之和（主币种）", "int64", "contract_payments"),
)  # fmt: skip


def contracts_features(
    contracts: SourceRows, main_currency: Any, as_of_day: int, backend: Backend
) -> dict[str, Any]:
    """Return what :data:`CONTRACTS` declares, a value per customer of the ledger."""
    xp = backend.xp
    rows = grouped(contracts, main_currency.shape[0], as_of_day, backend)
    end, payee = rows.column("end_date"), rows.key("counterparty")
    active = _is_active(end, as_of_day)
    until = xp.where(active & (end != NULL_DAY), end, NULL_DAY)
    found = {
        "n_active": rows.count(active),
        "n_ever": rows.count(rows.age("start_date") >= 0),
        "n_started_365d": rows.count(within(rows.age("start_date"), YEAR)),
        "total_minor_active": rows.total(xp.where(active, rows.money(main_currency), 0)),
        "n_payees_active": rows.n_distinct(payee, active & (payee != 0)),
        "days_to_next_end": -rows.since(until, first=True),
    }
    return declared(found, CONTRACTS, backend)


def contracts_paid_features(
    contracts: SourceRows,
    links: SourceRows,
    ledger: Ledger,
    main_currency: Any,
    as_of_day: int,
    backend: Backend,
) -> dict[str, Any]:
    """Return what :data:`CONTRACTS_PAID` declares, a value per customer of the ledger.

    Parameters
    ----------
    links : SourceRows
        ``contract_payments``; one whose payment is not in the ledger yet pays nothing.
    """
    xp = backend.xp
    rows = grouped(contracts, main_currency.shape[0], as_of_day, backend)
    active = _is_active(rows.column("end_date"), as_of_day)
    money = xp.where(active, rows.money(main_currency), 0)
    paid = _paid_by_contract(rows, links, ledger, main_currency)
    paid = xp.where(money > 0, paid, 0)
    total, total_paid = rows.total(money), rows.total(paid)
    share = xp.clip(ratio(total_paid, total, xp), 0.0, 1.0)
    found = {
        "paid_minor_active": total_paid,
        "paid_share_active": share,
        "unpaid_minor_active": rows.total(xp.maximum(money - paid, 0)),
    }
    return declared(found, CONTRACTS_PAID, backend)


def _is_active(end: Any, as_of_day: int) -> Any:
    return (end == NULL_DAY) | (end >= as_of_day)


def _paid_by_contract(rows: Any, links: SourceRows, ledger: Ledger, main_currency: Any) -> Any:
    """Sum the linked payments of each kept contract in the main currency: int64, exact.

    What was received is a refund, and taken off.
    """
    backend, xp = rows.backend, rows.backend.xp
    n = rows.kept.shape[0]
    if n == 0 or links.n_rows == 0 or ledger.n_payments == 0:
        return xp.zeros(n, dtype="int64")
    wanted = _both(links.keys["txn_key"], links.customer)
    payment = _payments_of(wanted, ledger, backend)
    by_contract = _order_of(_both(rows.key("contract"), rows.customer), backend)
    contract = _find(by_contract, _both(links.keys["contract_key"], links.customer), xp)
    there = xp.nonzero((payment >= 0) & (contract >= 0) & (links.customer >= 0))[0]
    payment, contract = payment[there], contract[there]
    relation = xp.searchsorted(ledger.relation_offsets, payment, side="right") - 1
    in_main = ledger.currency[relation] == main_currency[ledger.relation_customer[relation]]
    order = backend.lexsort((contract,))
    amount = ledger.amount_minor[payment]
    amount = xp.where(ledger.direction[relation] == _OUT, amount, -amount)
    amount = xp.where(in_main, amount, 0)[order]
    return total_by(contract[order], amount, n, backend)


class _Sorted(NamedTuple):
    """Rows in the order of a key that stands for (id, customer)."""

    order: Any
    key: Any


def _order_of(key: Any, backend: Backend) -> _Sorted:
    order = backend.lexsort((key,))
    return _Sorted(order, key[order])


def _both(key: Any, customer: Any) -> Any:
    """Return one int64 for the hash of an id, which is unique for a customer, and the customer."""
    return (key.view("uint64") + customer.astype("uint64") * _MIX).view("int64")


def _find(there: _Sorted, wanted: Any, xp: Any) -> Any:
    """Return the row that has a key, -1 where there is none."""
    if there.key.shape[0] == 0:  # no row to take the order of
        return xp.full(wanted.shape[0], -1, dtype="int64")
    place, is_there = find(there.key, wanted, xp)
    return xp.where(is_there, there.order[place], -1)


def _payments_of(wanted: Any, ledger: Ledger, backend: Backend) -> Any:
    """Return the payment of each wanted (id, customer): the few are sorted, not the many.

    Of one received and one paid it is the one that was paid.
    """
    xp = backend.xp
    key = _both(ledger.txn_key, ledger.customer_of_payment(backend))
    places = xp.nonzero(_find(_order_of(wanted, backend), key, xp) >= 0)[0]
    relation = xp.searchsorted(ledger.relation_offsets, places, side="right") - 1
    order = backend.lexsort((key[places], ledger.direction[relation] != _OUT))
    return _find(_Sorted(places[order], key[places][order]), wanted, xp)
