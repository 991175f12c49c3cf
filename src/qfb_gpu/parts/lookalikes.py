"""Look-alikes in the night: references over all customers, the nearest of them by bucket."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from qfb_gpu.keys import find
from qfb_gpu.models import lookalikes
from qfb_gpu.parts.customer_names import customers_at
from qfb_gpu.parts.decided import together
from qfb_gpu.parts.part import PROFILES, Columns, Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from qfb_gpu.parts.part import Saved

_N_NEAREST = 3


class _OfAll(Mapping[str, np.ndarray]):
    """Columns of all customers: one is put together when it is asked for, and not kept."""

    def __init__(self, parts: Sequence[Mapping[str, np.ndarray]]) -> None:
        self._parts = parts

    def __getitem__(self, name: str) -> np.ndarray:
        return np.concatenate([part[name] for part in self._parts])

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts[0])

    def __len__(self) -> int:
        return len(self._parts[0])


def _fit(saved: Saved) -> dict[str, Columns]:
    parts = [
        together(saved.profiles(b), {lookalikes.KEY: saved.customers(b)["customer_key"]})
        for b in saved.buckets
    ]
    references = lookalikes.References.of(_OfAll(parts))
    keys, ids = customers_at(saved.workspace, saved.buckets, references.row)
    return {
        "references": {"customer_key": keys, "customer_id": ids},
        "ascending": dict(zip(lookalikes.FEATURES, references.ascending.T, strict=True)),
        "places": dict(zip(lookalikes.FEATURES, references.places.T, strict=True)),
    }


def _publish(saved: Saved, bucket: int) -> dict[str, Columns]:
    about, profiles = saved.fitted("references"), saved.profiles(bucket)
    ascending, known = (
        np.stack([columns[name] for name in lookalikes.FEATURES], axis=1)
        for columns in (saved.fitted("ascending"), saved.fitted("places"))
    )
    references = lookalikes.References(about["customer_key"], ascending, known)
    places = references.ranks(profiles)
    order = np.argsort(about["customer_key"], kind="stable")
    keys = saved.customers(bucket)["customer_key"]
    at, is_there = find(about["customer_key"][order], keys, np)
    own = np.where(is_there, order[at], -1)
    found, distance = lookalikes.nearest(references, places, own, _N_NEAREST, saved.backend)
    customer, rank = np.nonzero(found >= 0)
    similar = found[customer, rank]
    alike = lookalikes.in_words(places[customer], known[similar])
    return {
        "lookalikes": {
            "customer_id": saved.customers(bucket)["customer_id"].take(pa.array(customer)),
            "rank": (rank + 1).astype(np.int32),
            "similar_customer_id": about["customer_id"].take(pa.array(similar)),
            "distance": distance[customer, rank],
            "alike": alike,
        }
    }


LOOKALIKES = Part(
    name="lookalikes",
    what="look-alikes (相似客户)",
    tables=("lookalikes",),
    waits=PROFILES,
    fit=_fit,
    publish=_publish,
)
