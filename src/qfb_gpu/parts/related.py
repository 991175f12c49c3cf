"""Related parties in the night: what customers share, from the customers source."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu import network
from qfb_gpu.backend import get_backend
from qfb_gpu.keys import find
from qfb_gpu.lake import silver
from qfb_gpu.lake.source_rows import read_rows
from qfb_gpu.lake.texts import hash_texts
from qfb_gpu.parts.names import names_of
from qfb_gpu.parts.part import PROFILE, Columns, Part
from qfb_gpu.schema import ATTRIBUTES
from qfb_gpu.spelling import nfkc

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Labelled, SourceRows
    from qfb_gpu.parts.part import Given, Saved

_NUMBERS = ("phone", "account")
_NOTHING = (
    r"^(?:na|none|null|nil|unknown|tba|tbd|无|没有|暂无|不详|未知|未填|待定|0+|x+|"
    + "|".join(f"{digit}{{4,}}" for digit in "123456789")
    + r")$"
)
"""What people write where they have nothing to say: not shared by those who do."""


def _score(given: Given) -> dict[str, Columns]:
    return _told(given.sources["customers"], given.backend)


def _told(rows: SourceRows, backend: Backend) -> dict[str, Columns]:
    """Return what customers have that may be shared, and the ids of those without a payment."""
    keys = backend.to_host(rows.keys["customer_key"])
    mark = np.concatenate([_marks(rows.columns[name], name, backend) for name in ATTRIBUTES])
    kinds = np.repeat(np.arange(len(ATTRIBUTES), dtype=np.int8), keys.shape[0])
    there = mark != 0
    columns = {"customer": np.tile(keys, len(ATTRIBUTES))[there], "kind": kinds[there]}
    silent = backend.to_host(rows.customer) < 0
    silent = np.flatnonzero(silent & there.reshape(len(ATTRIBUTES), -1).any(axis=0))
    ids = rows.texts.column("customer_id").take(pa.array(silent)).cast(pa.string())
    return {
        "marks": {**columns, "mark": mark[there]},
        "silent": {"key": keys[silent], "id": ids.combine_chunks()},
    }


def _marks(column: Labelled, name: str, backend: Backend) -> np.ndarray[Any, Any]:
    """Return the hash of each customer's attribute, 0 where it has none."""
    plain = plain_attribute(pa.array(column.labels, pa.string()), name)
    hashes = np.append(hash_texts(plain), 0).astype(np.int64)
    hashes[:-1][np.asarray(pc.equal(plain, ""))] = 0
    return hashes[backend.to_host(column.codes)]


def plain_attribute(texts: pa.Array, name: str) -> pa.Array:
    """Return attributes without what people write differently: width, case, blanks, marks.

    Of phones and accounts the digits and letters are kept, of a phone the last eleven. What says
    that there is none ("N/A", 无, 00000) is empty.
    """
    plain = pc.utf8_lower(nfkc(texts))
    plain = pc.replace_substring_regex(plain, r"[^\p{L}\p{M}\p{N}]+", "")
    if name in _NUMBERS:
        plain = pc.replace_substring_regex(plain, r"[^0-9a-z]+", "")
    plain = pc.replace_substring_regex(plain, _NOTHING, "")
    return pc.utf8_slice_codeunits(plain, start=-11) if name == "phone" else plain


def _fit(saved: Saved) -> dict[str, Columns]:
    backend = saved.backend
    told = [
        {name: saved.scored(name, bucket) for name in ("marks", "silent")}
        for bucket in saved.buckets
    ] + _without_payments(saved)
    names = ("customer", "kind", "mark")
    marks = {n: backend.asarray(np.concatenate([one["marks"][n] for one in told])) for n in names}
    found = network.related(marks, saved.config.network.related, backend)
    return {
        "pairs": {name: backend.to_host(values) for name, values in found.items()},
        "silent": {
            "key": np.concatenate([one["silent"]["key"] for one in told]),
            "id": pa.concat_arrays([one["silent"]["id"] for one in told]),
        },
    }


def _without_payments(saved: Saved) -> list[dict[str, Columns]]:
    """Return what is told of customers in buckets of which nobody has a payment."""
    host, nobody = get_backend("cpu"), np.zeros(0, dtype=np.int64)
    others = sorted(set(silver.buckets(saved.lake, "customers")) - set(saved.buckets))
    rows = (read_rows(saved.lake, bucket, "customers", saved.as_of_day, nobody, host)
            for bucket in others)  # fmt: skip
    return [_told(one, host) for one in rows]


def _publish(saved: Saved, bucket: int) -> dict[str, Columns]:
    pairs, keys = saved.fitted("pairs"), saved.customers(bucket)["customer_key"]
    known, first, number = np.unique(pairs["customer"], return_index=True, return_counts=True)
    row, is_there = find(known, keys, np)
    row = row[is_there]
    group = np.full(keys.shape[0], -1, dtype=np.int32)
    n_related = np.zeros(keys.shape[0], dtype=np.int32)
    group[is_there] = pairs["group_id"][first[row]]
    n_related[is_there] = number[row]
    return {PROFILE: {"graph_related_group": group, "graph_n_related": n_related}}


def _whole(saved: Saved) -> dict[str, Columns]:
    pairs = saved.fitted("pairs")
    said = [
        json.dumps([name for bit, name in enumerate(ATTRIBUTES) if kinds >> bit & 1])
        for kinds in pairs["kinds"].tolist()
    ]
    table = {
        "customer_id": _ids(saved, pairs["customer"]),
        "related_id": _ids(saved, pairs["related"]),
        "group_id": pairs["group_id"],
        "shared": pa.array(said, pa.string()),
        "strength": pairs["strength"],
        "n_payments": _payments_between(saved, pairs["customer"], pairs["related"]),
    }
    return {"related_parties": table}


def _ids(saved: Saved, keys: np.ndarray[Any, Any]) -> pa.Array:
    """Return the ids of customers, of those without a payment, too."""
    silent = saved.fitted("silent")
    order = np.argsort(silent["key"])
    row, is_there = find(silent["key"][order], keys, np)
    of_silent = silent["id"].take(pa.array(order)).take(pa.array(row, mask=~is_there))
    return pc.coalesce(names_of(saved, keys), of_silent)


def _payments_between(saved: Saved, left: Any, right: Any) -> np.ndarray[Any, Any]:
    """Return the payments between two customers, either way, by the fuller of their books."""
    tables = [saved.edges(bucket) for bucket in saved.buckets]
    wanted = np.unique(left)
    near = [
        {name: values[np.isin(table["payer_key"], wanted) & np.isin(table["payee_key"], wanted)]
         for name, values in table.items()}
        for table in tables
    ]  # fmt: skip
    edges = network.merge_edges(near, saved.backend)
    host = {name: saved.backend.to_host(edges[name])
            for name in ("payer_key", "payee_key", "n_payments")}  # fmt: skip
    n = wanted.shape[0]
    code = np.searchsorted(wanted, host["payer_key"]) * n + np.searchsorted(
        wanted, host["payee_key"]
    )
    pairs, at = np.unique(code, return_inverse=True)
    number = np.bincount(at, weights=host["n_payments"], minlength=pairs.shape[0])
    total = np.zeros(left.shape[0], dtype=np.int64)
    for first, second in ((left, right), (right, left)):
        pair = np.searchsorted(wanted, first) * n + np.searchsorted(wanted, second)
        row, is_there = find(pairs, pair, np)
        total[is_there] += number[row[is_there]].astype(np.int64)
    return total


RELATED = Part(
    name="related",
    what="related parties: customers that share an address, a phone, an account or a person",
    needs=("customers",),
    whole_tables=("related_parties",),
    score=_score,
    fit=_fit,
    publish=_publish,
    whole=_whole,
)
