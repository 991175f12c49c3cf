"""Keys and ids of customers by their row among all: of a bucket only those asked for are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from qfb_gpu.lake.work import Workspace


def customers_at(
    workspace: Workspace, buckets: tuple[int, ...] | list[int], rows: np.ndarray
) -> tuple[np.ndarray, pa.Array]:
    """Return key and id of customers.

    Parameters
    ----------
    workspace : Workspace
    buckets : sequence of int
    rows : int64 array, shape (n_rows,)
        Rows of the customers of all these buckets, one bucket after the other; in any order.

    Returns
    -------
    keys : int64 array, shape (n_rows,)
    ids : Arrow strings, shape (n_rows,)
    """
    order = np.argsort(rows, kind="stable")
    ascending, done, first = rows[order], 0, 0
    keys, ids = [np.zeros(0, np.int64)], [pa.array([], pa.string())]
    for bucket in buckets:
        one = workspace.load("score", bucket, "customers")
        end = int(np.searchsorted(ascending, first + one["customer_key"].size))
        mine = ascending[done:end] - first
        keys.append(one["customer_key"][mine])
        ids.append(one["customer_id"].take(pa.array(mine)))
        done, first = end, first + one["customer_key"].size
    back = np.empty(rows.size, np.int64)
    back[order] = np.arange(rows.size)
    return np.concatenate(keys)[back], pa.concat_arrays(ids).take(pa.array(back))
