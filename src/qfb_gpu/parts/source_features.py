"""Features of customers from sources other than the payments, and from the payments' texts.

A part a block, so that a block whose source is not in the config is left out and named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu import profile
from qfb_gpu.ledger import Labelled
from qfb_gpu.models.response import ResponseRate, fit_response_rate, shrunk_rate
from qfb_gpu.parts.part import FEATURES, PROFILE, Columns, Part

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.parts.part import Given, Saved

_TEXTS = ["category", "channel"]
_ANSWERS = ("marketing_n_responses", "marketing_n_known")


def _mix(given: Given) -> dict[str, Columns]:
    row = given.backend.to_host(given.ledger.text_row)
    texts = given.payment_texts(_TEXTS)
    labels = {name: _labelled(texts.column(name), row, given.backend) for name in _TEXTS}
    features, tops = profile.mix_features(given.ledger, labels, given.as_of_day, given.backend)
    return {FEATURES: features, "tops": dict(tops)}


def _labelled(column: pa.ChunkedArray, row: Any, backend: Backend) -> Labelled:
    """Return a text column in the order of the ledger's payments, labels in order of text."""
    coded = column.dictionary_encode().combine_chunks()
    order = np.asarray(pc.sort_indices(coded.dictionary))
    rank = np.append(np.argsort(order), -1).astype(np.int32)
    codes = rank[coded.indices.fill_null(-1).to_numpy()][row]
    return Labelled(backend.asarray(codes), tuple(coded.dictionary.take(order).to_pylist()))


def _tops(saved: Saved, bucket: int) -> dict[str, Columns]:
    return {PROFILE: saved.scored("tops", bucket)}


def _journey(given: Given) -> dict[str, Columns]:
    names = given.config.features
    steps = {
        "view": tuple(names.view_steps),
        "apply": tuple(names.apply_steps),
        "submit": tuple(names.submit_steps),
    }
    events, n_customers = given.sources["events"], given.ledger.n_customers
    found = profile.journey_features(
        events, n_customers, given.as_of_day, given.backend, steps=steps
    )
    return {FEATURES: found}


def _marketing(given: Given) -> dict[str, Columns]:
    touches, n_customers = given.sources["touches"], given.ledger.n_customers
    found = profile.marketing_features(touches, n_customers, given.as_of_day, given.backend)
    return {FEATURES: found, "known": {name: found[name] for name in _ANSWERS}}


def _fit_response(saved: Saved) -> dict[str, Columns]:
    tables = [saved.scored_view("known", bucket) for bucket in saved.buckets]
    model = fit_response_rate(*(np.concatenate([t[name] for t in tables]) for name in _ANSWERS))
    found = [model] if model else []
    return {
        "response": {
            "a": np.array([m.a for m in found]),
            "b": np.array([m.b for m in found]),
            "n_customers": np.array([m.n_customers for m in found], dtype=np.int64),
        }
    }


def _shrunk(saved: Saved, bucket: int) -> dict[str, Columns]:
    fitted = saved.fitted("response")
    rows = [ResponseRate(*row) for row in zip(*(c.tolist() for c in fitted.values()), strict=True)]
    known = saved.scored("known", bucket)
    rate = shrunk_rate(rows[0] if rows else None, *(known[name] for name in _ANSWERS))
    return {PROFILE: {"marketing_response_rate_shrunk": rate}}


def _products(given: Given) -> dict[str, Columns]:
    products, n_customers = given.sources["products"], given.ledger.n_customers
    return {
        FEATURES: profile.products_features(products, n_customers, given.as_of_day, given.backend)
    }


def _terms(given: Given) -> dict[str, Columns]:
    found = profile.terms_features(
        given.sources["orders"], given.ledger, _main(given), given.as_of_day, given.backend
    )
    return {FEATURES: found}


def _contracts(given: Given) -> dict[str, Columns]:
    contracts, main = given.sources["contracts"], _main(given)
    return {FEATURES: profile.contracts_features(contracts, main, given.as_of_day, given.backend)}


def _contracts_paid(given: Given) -> dict[str, Columns]:
    found = profile.contracts_paid_features(
        given.sources["contracts"],
        given.sources["contract_payments"],
        given.ledger,
        _main(given),
        given.as_of_day,
        given.backend,
    )
    return {FEATURES: found}


def _claims(given: Given) -> dict[str, Columns]:
    claims, main = given.sources["claims"], _main(given)
    return {FEATURES: profile.claims_features(claims, main, given.as_of_day, given.backend)}


def _main(given: Given) -> Any:
    return profile.main_currency(given.ledger, given.backend)


SOURCE_FEATURES: tuple[Part, ...] = (
    Part("mix_features", "features of the payments' texts", score=_mix, publish=_tops),
    Part("journey_features", "features of digital visits", ("events",), score=_journey),
    Part(
        "marketing_features", "features of marketing contacts", ("touches",), score=_marketing,
        fit=_fit_response, publish=_shrunk,
    ),
    Part("terms_features", "features of orders and days to pay", ("orders",), score=_terms),
    Part("contracts_features", "features of contracts", ("contracts",), score=_contracts),
    Part(
        "contracts_paid_features", "features of contracts' payments",
        ("contracts", "contract_payments"), score=_contracts_paid,
    ),
    Part("claims_features", "features of expense claims", ("claims",), score=_claims),
    Part("products_features", "features of products held", ("products",), score=_products),
)  # fmt: skip
