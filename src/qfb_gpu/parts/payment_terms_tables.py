"""The gold rows of one bucket's payment terms, and what they say of its customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.backend import get_backend
from qfb_gpu.currencies import currency_name
from qfb_gpu.finance.averages import means
from qfb_gpu.finance.cycle import BINDINGS
from qfb_gpu.finance.joins import find, mix
from qfb_gpu.finance.legal_caps import LEGAL_CAPS
from qfb_gpu.ledger import NULL_MINOR, Labelled
from qfb_gpu.parts.part import PROFILE
from qfb_gpu.parts.payment_terms_learning import BASES, PAYMENTS
from qfb_gpu.schema import DIRECTIONS

if TYPE_CHECKING:
    from qfb_gpu.parts.part import Columns, Saved

_OUT = DIRECTIONS.index("out")
_ROLES = ("supplier", "buyer")
_COUNTS = ("n_invoices", "n_paid", "n_open")
_NUMBERS = (
    "days_p10", "days_median", "days_p90", "days_mean", "days_weighted", "terms_days",
    "terms_share", "late_share", "late_days", "drift_days", "dpo_days", "dependency", "cap_days",
)  # fmt: skip
_INTERVALS = ("interval_median_days", "interval_iqr_days", "interval_drift_days")


def publish(saved: Saved, bucket: int) -> dict[str, Columns]:
    """Return a bucket's rows by customer and counterparty, with invoices or payments only."""
    terms, cycles = _of_bucket(saved, bucket), saved.scored("cycles", bucket)
    backend = get_backend("cpu")
    is_out = cycles["direction"] == _OUT
    pair = mix((terms["customer"], terms["counterparty_key"], terms["currency"]), backend)
    other = mix((cycles["customer"], cycles["counterparty_key"], cycles["currency"]), backend)
    place = find(pair, np.where(is_out, other, 0), backend)
    alone = np.flatnonzero(~(is_out & np.isin(other, pair)))
    n, m = pair.shape[0], alone.shape[0]
    at = np.where(place >= 0, place, 0)

    def both(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return np.concatenate([first, second])

    def interval(name: str) -> np.ndarray:
        mine = cycles[name][at] if cycles[name].shape[0] else np.full(n, np.nan)
        return both(np.where(place >= 0, mine, np.nan), cycles[name][alone])

    def number(name: str) -> np.ndarray:
        return both(terms[name].astype(np.float64), np.full(m, np.nan))

    customers, ids = saved.customers(bucket), saved.relations(bucket)["counterparty_id"]
    customer = both(terms["customer"], cycles["customer"][alone])
    rows: Columns = {
        "customer_id": customers["customer_id"].take(pa.array(customer)),
        "role": Labelled(both(np.ones(n, np.int32), is_out[alone].astype(np.int32)), _ROLES),
        "counterparty_id": pa.concat_arrays(
            [terms["counterparty_id"], ids.take(pa.array(cycles["relation"][alone]))]
        ),
        "currency": _currency(both(terms["currency"], cycles["currency"][alone])),
        "basis": Labelled(
            both(terms["basis"].astype(np.int32), np.full(m, PAYMENTS, np.int32)), BASES
        ),
        **{name: pa.array(both(terms[name], np.zeros(m, np.int64))) for name in _COUNTS},
        **{name: number(name) for name in _NUMBERS},
        "terms_known": both(terms["terms_known"], np.zeros(m, bool)),
        **{name: interval(name) for name in _INTERVALS},
        "n_payments": both(
            np.where(place >= 0, _or_none(cycles["n_payments"], at, n), NULL_MINOR),
            cycles["n_payments"][alone],
        ),
        "purchases_minor": both(terms["purchases_minor"], cycles["year_minor"][alone]),
        "payable_minor": both(terms["payable_minor"], np.full(m, NULL_MINOR)),
        **_recommended(saved, terms, m),
    }
    keys = (both(terms[n], cycles[n][alone]) for n in ("currency", "counterparty_key"))
    order = np.lexsort((*keys, customer))
    rows = {name: _taken(values, order) for name, values in rows.items()}
    return {"payment_terms": rows, PROFILE: _profile(saved, terms, customers)}


def _taken(values: Any, rows: np.ndarray) -> Any:
    """Return some rows of an array, a Labelled or Arrow texts."""
    if isinstance(values, Labelled):
        return Labelled(values.codes[rows], values.labels)
    return values.take(pa.array(rows)) if isinstance(values, pa.Array) else values[rows]


def _or_none(values: np.ndarray, at: np.ndarray, n: int) -> np.ndarray:
    return values[at] if values.shape[0] else np.zeros(n, np.int64)


def _of_bucket(saved: Saved, bucket: int) -> Columns:
    terms = saved.fitted("terms")  # bucket by bucket, in their order
    first, end = np.searchsorted(terms["bucket"], (bucket, bucket + 1)).tolist()
    return {name: values[first:end] for name, values in terms.items()}


def _currency(codes: np.ndarray) -> Labelled:
    distinct, index = np.unique(codes, return_inverse=True)
    labels = tuple(currency_name(int(code)) if code >= 0 else "" for code in distinct)
    place = np.where(distinct >= 0, np.arange(distinct.shape[0]), -1)
    return Labelled(place[index].astype(np.int32), labels)


def _recommended(saved: Saved, terms: Columns, m: int) -> Columns:
    """Return the columns of the recommendation; null for relations without invoices."""
    settings = saved.config.finance.terms
    rules = [r for r in LEGAL_CAPS if r.jurisdiction == settings.jurisdiction]
    known = ~np.isnan(terms["days_weighted"])
    bought = known & (terms["purchases_minor"] > 0)

    def days(name: str) -> pa.Array:
        values = np.concatenate([terms[name], np.zeros(m)]).astype(np.int32)
        return pa.array(values, mask=np.concatenate([~known, np.ones(m, bool)]))

    def money(name: str) -> np.ndarray:
        whole = np.rint(np.where(bought, terms[name], 0)).astype(np.int64)
        return np.concatenate([np.where(bought, whole, NULL_MINOR), np.full(m, NULL_MINOR)])

    def label(codes: np.ndarray, labels: tuple[str, ...]) -> Labelled:
        shown = np.where(known, codes, -1).astype(np.int32)
        return Labelled(np.concatenate([shown, np.full(m, -1, np.int32)]), labels)

    return {
        "cap_exceeded": pa.array(
            np.concatenate([terms["cap_exceeded"], np.zeros(m, bool)]),
            mask=np.concatenate([~known, np.ones(m, bool)]),
        ),
        "cap_source": label(terms["buyer_kind"], tuple(f"{r.source}. {r.note}" for r in rules)),
        "recommended_days": days("recommended"),
        "negotiable_days": days("negotiable"),
        "binding": label(terms["binding"], BINDINGS),
        "cash_released_minor": money("cash_released"),
        "yearly_gain_minor": money("gain"),
        "recommended_days_half_rate": days("recommended_low"),
        "recommended_days_double_rate": days("recommended_high"),
        "yearly_gain_half_rate_minor": money("gain_low"),
        "yearly_gain_double_rate_minor": money("gain_high"),
        "cost_of_capital": np.concatenate(
            [np.where(known, settings.cost_of_capital, np.nan), np.full(m, np.nan)]
        ),
    }


def _profile(saved: Saved, terms: Columns, customers: Columns) -> Columns:
    """Return each customer's terms as a buyer, and as a seller to other customers."""
    n = customers["customer_key"].shape[0]
    customer = terms["customer"]
    pays = means(customer, terms["days_weighted"], n)
    dpo = means(customer, terms["dpo_days"], n)
    sellers = saved.fitted("sellers")
    by = (sellers["currency"], -sellers["n_invoices"], sellers["key"])
    order = np.lexsort(by)  # its main currency first, of equals the first code
    place = find(customers["customer_key"], sellers["key"][order], get_backend("cpu"))

    def sold(name: str) -> np.ndarray:
        return np.append(sellers[name][order].astype(np.float64), np.nan)[place]

    return {
        "terms_weighted_days": pays,
        "terms_dpo_days": dpo,
        "terms_n_pairs": np.bincount(customer, minlength=n).astype(np.int64),
        "terms_seller_weighted_days": sold("days"),
        "terms_dso_days": sold("dso_days"),
    }
