"""Payment terms in the night: how suppliers are paid, and the cycle that costs least.

付款周期优化. Orders are matched with the payments that paid them; contract nodes come from the
contracts part; where there is neither, only intervals between payments are told. ``basis`` says
which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.finance import claims, matching, references
from qfb_gpu.finance import contracts as con
from qfb_gpu.finance.cycles import payment_cycles
from qfb_gpu.finance.joins import count
from qfb_gpu.ledger import NULL_DAY, NULL_MINOR
from qfb_gpu.parts.part import Columns, Given, Part
from qfb_gpu.parts.payment_terms_learning import fit, place, whole
from qfb_gpu.parts.payment_terms_tables import publish
from qfb_gpu.parts.payment_texts import texts_of

if TYPE_CHECKING:
    from qfb_gpu.ledger import SourceRows

_SMALL = ("micro", "small", "medium", "微型", "小型", "中型")
_UNKNOWN_DAYS = 180
"""A delivery older than this without a payment that surely paid it: paid somehow, not open."""


def score(given: Given) -> dict[str, Columns]:
    """Match one bucket's delivered orders with payments; measure intervals of every relation."""
    ledger, backend = given.ledger, given.backend
    settings = given.config.finance.terms
    cycles = payment_cycles(ledger, given.as_of_day, settings.min_payments, backend)
    relation = cycles["relation"]
    return {
        "buyers": {"is_small": _is_small(given)},
        "orders": _invoices(given),
        "cycles": {
            **cycles,
            "customer": ledger.relation_customer[relation],
            "counterparty_key": ledger.counterparty_key[relation],
            "currency": ledger.currency[relation],
            "direction": ledger.direction[relation],
        },
    }


def _is_small(given: Given) -> Any:
    """Return which customers the source calls micro, small or medium: bool, by ledger row."""
    rows, backend, xp = given.sources["customers"], given.backend, given.backend.xp
    size = rows.columns["size"]
    codes = [i for i, text in enumerate(size.labels) if text.strip().lower() in _SMALL]
    known = xp.nonzero((rows.customer >= 0) & (size.codes >= 0))[0]
    is_small = xp.isin(size.codes[known], xp.asarray(codes, dtype="int32"))
    n = given.ledger.n_customers
    n_known = count(rows.customer[known], n, backend)
    return (n_known > 0) & (count(rows.customer[known][is_small], n, backend) == n_known)


def _invoices(given: Given) -> Columns:
    """Return an invoice for each delivered order whose payment is known, or still awaited."""
    backend, xp = given.backend, given.backend.xp
    rows = given.sources["orders"]
    columns = rows.columns
    begun = (columns["delivered_date"] != NULL_DAY) & (columns["amount_minor"] != NULL_MINOR)
    begun &= (columns["amount_minor"] > 0) & (rows.keys["supplier_key"] != 0) & (rows.customer >= 0)
    deal = xp.nonzero(begun)[0]
    paid_day = xp.full(rows.n_rows, NULL_DAY, dtype="int32")
    if deal.shape[0]:
        found = _matched(given, rows, deal)
        paid_day[found["deal"]] = given.ledger.day[found["payment"]]
    paid_day, begin = paid_day[deal], columns["delivered_date"][deal]
    is_known = (paid_day != NULL_DAY) | (begin > given.as_of_day - _UNKNOWN_DAYS)
    deal = deal[is_known]
    ids = rows.texts.column("supplier_id").take(pa.array(backend.to_host(deal)))
    return {
        "customer": rows.customer[deal],
        "counterparty_key": rows.keys["supplier_key"][deal],
        "counterparty_id": pc.cast(ids, pa.string()).combine_chunks(),
        "currency": columns["currency"][deal],
        "begin_day": begin[is_known],
        "paid_day": paid_day[is_known],
        "amount_minor": columns["amount_minor"][deal],
    }


def _matched(given: Given, rows: SourceRows, deal: Any) -> Columns:
    """Return the payments that surely paid an order: ``deal`` (row of the order), ``payment``."""
    backend, ledger = given.backend, given.ledger
    linked, _ = con.linked_payments(
        con.contracts_of(given.sources["contracts"], backend),
        given.sources["contract_payments"],
        ledger,
        backend,
    )
    numbers = references.references(
        pc.cast(rows.texts.column("order_id"), pa.string()).combine_chunks()
    )
    wanted = claims.order_claims(
        deal,
        rows.customer[deal],
        (rows.keys["supplier_key"][deal], rows.columns["currency"][deal]),
        rows.columns["amount_minor"][deal],
        (rows.columns["order_date"][deal], rows.columns["delivered_date"][deal]),
        backend.asarray(numbers)[deal],
    )
    payment = matching.candidates(wanted, linked.payment, ledger, backend)
    memo = texts_of(given, payment, "memo")["memo"]
    says = references.says(memo)
    quotes = matching.Quotes(
        payment=payment,
        reference=backend.asarray(references.references(memo)),
        is_foreign=backend.asarray(says == references.SAYS.index("contract")),
        is_named=backend.asarray(says == references.SAYS.index("order")),
    )
    found = matching.match(wanted, quotes, linked.payment, ledger, backend)
    sure = found["confidence"] >= given.config.finance.matching.confidence
    return {name: values[sure] for name, values in found.items()}


PAYMENT_TERMS = Part(
    name="payment_terms",
    what="payment terms and cycles",
    may_use=("orders", "contracts", "contract_payments", "customers"),
    tables=("payment_terms",),
    whole_tables=("payment_terms_front",),
    rows=("terms",),
    score=score,
    fit=fit,
    place=place,
    publish=publish,
    whole=whole,
)
