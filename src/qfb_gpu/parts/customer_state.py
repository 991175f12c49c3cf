"""What the models know of a bucket's customers at a cut-off, from every source that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.models import activity
from qfb_gpu.profile import visits_in_order

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Labelled, Ledger, SourceRows
    from qfb_gpu.parts.part import Columns, Given

_ANSWER_DAYS = 30
_NO_MONEY = -(2**62)
_OF_SOURCE = {"claims": "claims", "visits": "events", "orders": "orders", "answers": "touches"}


def acts_of(given: Given) -> dict[str, tuple[Any, Any]]:
    """Return the acts of the sources that are there: kind to row of the customer and day."""
    xp, sources = given.backend.xp, given.sources
    claims, orders, touches = sources["claims"], sources["orders"], sources["touches"]
    submitted, spent = claims.columns["submitted_date"], claims.columns["date"]
    said = xp.where(touches.columns["responded"] == 1, touches.customer, -1)
    acts = {
        "claims": (claims.customer, xp.where(submitted == NULL_DAY, spent, submitted)),
        "orders": (orders.customer, orders.columns["order_date"]),
        # whether it answered is known for sure 30 days after
        "answers": (said, touches.columns["date"] + _ANSWER_DAYS),
    }
    if "events" in given.config.sources:
        acts["visits"] = _visits_of(sources["events"], given.backend)
    there = given.config.sources
    return {k: acts[k] for k, source in _OF_SOURCE.items() if source in there}


def _visits_of(events: SourceRows, backend: Backend) -> tuple[Any, Any]:
    """Return row of the customer and first day of every visit."""
    customer, day = events.customer, events.columns["date"]
    order, is_new = visits_in_order(customer, day, events.keys["session_key"], backend)
    first = order[is_new]
    return customer[first], day[first]


def products_of(given: Given) -> tuple[Any, Any, Any]:
    """Return row of the customer, day opened and day closed of every product."""
    products = given.sources["products"]
    return products.customer, products.columns["opened_date"], products.columns["closed_date"]


def tallies_of(given: Given) -> activity.Activity:
    """Return the acts of a bucket, with looks at products and applications."""
    xp, events = given.backend.xp, given.sources["events"]
    acts = acts_of(given)
    names, day = given.config.features, events.columns["date"]
    for kind, steps in (("looks", names.view_steps), ("applies", names.apply_steps)):
        is_step = _is_one_of(events.columns["step"], steps, given.backend)
        acts[kind] = (xp.where(is_step, events.customer, -1), day)
    return activity.tally(given.ledger, acts, products_of(given), given.as_of_day, given.backend)


def _is_one_of(column: Labelled, wanted: list[str], backend: Backend) -> Any:
    known = [*(label.lower() in wanted for label in column.labels), False]  # last: null
    return backend.asarray(known)[column.codes]


class Currencies(NamedTuple):
    """Which currencies customers deal in; the same at every cut-off.

    ``code`` (int16, ascending); ``order`` (int64, shape (n_relations,)): relations by customer,
    then currency; ``offsets`` (int64, shape (n_customers * n_currencies + 1,)): into ``order``.
    """

    code: Any
    order: Any
    offsets: Any


def currencies_of(ledger: Ledger, xp: Any) -> Currencies:
    """Return the currencies of a ledger's customers."""
    code, currency = xp.unique(ledger.currency, return_inverse=True)
    n = max(int(code.shape[0]), 1)
    cell = ledger.relation_customer.astype("int64") * n + currency
    order = xp.argsort(cell)
    offsets = xp.searchsorted(cell[order], xp.arange(ledger.n_customers * n + 1))
    return Currencies(code, order, offsets)


def state_at(
    tallies: activity.Activity, ledger: Ledger, dealt_in: Currencies, back: int, backend: Backend
) -> Columns:
    """Return what is known of every customer as of ``back`` days before the as-of day.

    Returns
    -------
    dict of float32 arrays, shape (n_customers,)
        ``size``: log of a year's money of the largest relation in the currency of most payments
        of that year (of equals the first code), and ``size_currency``, the code of that currency:
        no money is compared with another currency's; logs of the acts of
        a year by kind; ``looks_30``, ``looks_90``,
        ``applies_90``, ``answers_90``; ``live_relations``; ``foreign_share`` of relations;
        ``tenure_days``.
    """
    xp, n_customers = backend.xp, ledger.n_customers
    cut = tallies.as_of_day - back
    in_year = (ledger.day <= cut) & (ledger.day > cut - activity.YEAR_DAYS)
    money = _sums(xp.where(in_year, ledger.amount_minor, 0), ledger.relation_offsets, xp)
    paid = _sums(in_year.astype("int64"), ledger.relation_offsets, xp)
    main = _most_used(dealt_in, paid, xp)
    is_main = ledger.currency == main[ledger.relation_customer]
    money = xp.where(is_main, money, xp.int64(_NO_MONEY))
    order = backend.lexsort((ledger.relation_customer, -money))
    largest = money[order][ledger.customer_offsets[:-1]]
    alive = paid > 0
    is_foreign = alive & ~is_main
    n_alive = xp.bincount(ledger.relation_customer[alive], minlength=n_customers)
    n_foreign = xp.bincount(ledger.relation_customer[is_foreign], minlength=n_customers)
    found = {
        "size": xp.log1p(xp.maximum(largest, 0)),
        "size_currency": main,
        "live_relations": xp.log1p(n_alive),
        "foreign_share": n_foreign / xp.maximum(n_alive, 1),
        "tenure_days": xp.clip(cut - tallies.first_day, 0, 2 * activity.YEAR_DAYS),
    }
    for kind, counts in tallies.counts.items():
        found[f"{kind}_year"] = xp.log1p(activity.window(counts, back, 0, activity.YEAR_DAYS))
    for kind, days in (("looks", 30), ("looks", 90), ("applies", 90), ("answers", 90)):
        if kind in tallies.counts:
            found[f"{kind}_{days}"] = activity.window(tallies.counts[kind], back, 0, days)
    return {name: values.astype("float32") for name, values in found.items()}


def _most_used(dealt_in: Currencies, n_payments: Any, xp: Any) -> Any:
    """Return the currency of most of each customer's payments, the first code of equals: int16.

    Parameters
    ----------
    n_payments : int64 array, shape (n_relations,)
        Those that count; where none does, all of the customer's currencies are equal.
    """
    offsets = dealt_in.offsets
    number = _sums(n_payments[dealt_in.order], offsets, xp)
    number = xp.where(offsets[1:] > offsets[:-1], number, -1)
    return dealt_in.code[number.reshape(-1, max(dealt_in.code.shape[0], 1)).argmax(axis=1)]


def _sums(values: Any, offsets: Any, xp: Any) -> Any:
    """Return the sum of each slice of an integer array: exact."""
    total = xp.concatenate([xp.zeros(1, "int64"), xp.cumsum(values)])
    return total[offsets[1:]] - total[offsets[:-1]]
