"""The ids behind hashes, of a few parties, bucket by bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from qfb_gpu.parts.part import Saved


def names_of(saved: Saved, keys: np.ndarray[Any, Any]) -> pa.Array:
    """Return the id of each party: strings, null where the key is 0.

    Parameters
    ----------
    saved : Saved
        Whose buckets' customers and counterparties are looked through.
    keys : array of int64, shape (n_rows,)
    """
    wanted = np.unique(keys[keys != 0])
    found = np.full(wanted.shape[0], -1, dtype=np.int64)
    texts: list[pa.Array] = []
    n_texts = 0
    for bucket in saved.buckets:
        relations, customers = saved.relations(bucket), saved.customers(bucket)
        for key, ids in (
            (relations["counterparty_key"], relations["counterparty_id"]),
            (customers["customer_key"], customers["customer_id"]),
        ):
            missing = np.flatnonzero(found < 0)
            _, here, there = np.intersect1d(wanted[missing], key, return_indices=True)
            found[missing[here]] = n_texts + np.arange(here.shape[0])
            texts.append(ids.take(pa.array(there)).cast(pa.string()))
            n_texts += here.shape[0]
    place = np.searchsorted(wanted, keys)
    row = found[np.minimum(place, max(wanted.shape[0] - 1, 0))] if wanted.shape[0] else keys * 0
    is_none = (keys == 0) | (row < 0)
    return pa.chunked_array(texts, pa.string()).combine_chunks().take(pa.array(row, mask=is_none))
