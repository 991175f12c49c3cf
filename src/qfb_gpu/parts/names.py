"""The ids behind hashes: of all parties, put together once a night."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu._backend.allocator import give_freed_memory_back
from qfb_gpu.backend import get_backend
from qfb_gpu.keys import find
from qfb_gpu.parts.part import WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qfb_gpu.lake.work import Workspace
    from qfb_gpu.parts.part import Saved


def save_names(workspace: Workspace, buckets: Sequence[int]) -> None:
    """Keep the id of every customer and counterparty of scored buckets, by key."""
    give_freed_memory_back()  # texts are not out of the heap of arrays
    keys, ids = [], []
    for bucket in buckets:
        for kind, name in (("relations", "counterparty"), ("customers", "customer")):
            columns = workspace.load("score", bucket, kind)
            known, first = np.unique(columns[f"{name}_key"], return_index=True)
            keys.append(known)
            ids.append(columns[f"{name}_id"].take(pa.array(first)).cast(pa.string()))
    known, first = np.unique(np.concatenate(keys), return_index=True)
    texts = pa.concat_arrays(ids).take(pa.array(first))
    workspace.save("fit", WHOLE, "names", {"key": known, "id": texts}, get_backend("cpu"))


def load_names(workspace: Workspace) -> tuple[np.ndarray[Any, Any], pa.Array]:
    """Return the keys of all parties, ascending (int64), and their ids (strings)."""
    names = workspace.load("fit", WHOLE, "names")
    return names["key"], names["id"]


def names_of(saved: Saved, keys: np.ndarray[Any, Any]) -> pa.Array:
    """Return the id of each party: strings, null where the key is 0 or nobody's.

    Parameters
    ----------
    saved : Saved
    keys : array of int64, shape (n_rows,)
    """
    known, ids = load_names(saved.workspace)
    row, is_there = find(known, keys, np)
    return ids.take(pa.array(row, mask=~is_there | (keys == 0)))
