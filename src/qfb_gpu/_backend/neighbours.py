"""Nearest rows by Euclidean distance: leaves of a k-d tree on the host, products on the device.

On the host all rows are turned to the main axes of the known ones, which changes no distance but
for rounding: the first few axes have most of it, so leaves are cut along them, and few rows are
measured along the others. They are measured in float32: who is found may be further away than
somebody who is not by what that rounds, :func:`rounding`, and no more.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from qfb_gpu._backend import compiling
from qfb_gpu._backend.devices import n_threads
from qfb_kernels.neighbours import neighbours_cpu

_BLOCK = 1_024
_LEAF_ROWS = 160
"""Of 20,000 rows of 15 columns; leaves of 40 and 80 took 1.3 and 1.2 times as long, 320 1.3."""
_LANES = 8
_PARTS = 8
"""Parts of the rows a thread, each with scratch of its own: who is done early takes another."""


def host_neighbours(known: Any, own: Any, n: int) -> Any:
    """Return the ``n`` rows of ``known`` nearest to each row of ``own``, the nearest first."""
    centred = known - known.mean(axis=0)
    spread, axes = np.linalg.eigh(centred.T @ centred)
    spread, axes = spread[::-1], axes[:, ::-1]  # the longest axis first
    turned, own_turned = ((rows @ axes).astype(np.float32) for rows in (known, own))
    low, high, point, place = leaves_of(np.ascontiguousarray(turned), spread)
    n_parts = max(1, min(_PARTS * n_threads() if n_threads() > 1 else 1, own.shape[0]))
    scratch = np.empty((n_parts, sum(place.shape) + n), dtype=np.float32)
    found = np.empty((own.shape[0], n), dtype=np.int64)
    n_before = -(-own.shape[1] // 2)
    arguments = (
        np.ascontiguousarray(own_turned),
        low,
        high,
        point,
        place,
        n_before,
        scratch,
        found,
    )
    compiling.call(neighbours_cpu, arguments)
    return found


def rounding(square: Any, known: Any, own: Any) -> Any:
    """Return what squared distances as :func:`host_neighbours` measures them may be off by.

    Of coordinates no larger than the longest row, each half a unit in the last place off, and of
    sums of as many squares as there are features.

    Parameters
    ----------
    square : float64 array
        Squared distances.
    known, own : float64 arrays, shape (n_rows, n_features)
    """
    longest = max(
        float(np.sqrt((rows * rows).sum(axis=1).max(initial=0.0))) for rows in (known, own)
    )
    n_features, unit = known.shape[1], float(np.finfo(np.float32).eps)
    off = 2 * longest * unit  # of two coordinates and their difference
    return 2 * off * np.sqrt(n_features * square) + n_features * (off * off + unit * square)


def leaves_of(known: Any, spread: Any) -> tuple[Any, Any, Any, Any]:
    """Return rows in leaves of nearly equal numbers, at most ``_LEAF_ROWS``.

    Parameters
    ----------
    known : float32 array, shape (n_known, n_features), at least one row
    spread : float64 array, shape (n_features,)
        Variance of each feature, in any unit; a cut into two takes a quarter of it away.

    Returns
    -------
    low, high, point, place
        As :func:`qfb_kernels.neighbours.neighbours_cpu` reads them.
    """
    n_known = known.shape[0]
    halvings = _halvings(n_known, spread)
    order, n_leaves, apart = np.arange(n_known), 1, 2 * np.ptp(known)
    for feature in np.flatnonzero(halvings):
        ends = _ends(n_known, n_leaves)
        leaf = np.repeat(apart * np.arange(n_leaves), np.diff(ends))
        order = order[np.argsort(known[order, feature] + leaf)]
        n_leaves <<= int(halvings[feature])
    ends = _ends(n_known, n_leaves)
    rows = known[order]
    low, high = (
        np.ascontiguousarray(end.reduceat(rows, ends[:-1], axis=0).T)
        for end in (np.minimum, np.maximum)
    )
    width = -(-int(np.diff(ends).max()) // _LANES) * _LANES
    at = ends[:-1, None] + np.arange(width)
    is_there = at < ends[1:, None]
    at = np.minimum(at, n_known - 1)
    point = np.ascontiguousarray(rows[at].transpose(0, 2, 1))
    point[:, 0][~is_there] = np.inf
    return low, high, point, np.where(is_there, order[at], -1)


def _halvings(n_known: int, spread: Any) -> Any:
    """Return into how many halves, of halves, rows are cut along each feature."""
    left, halvings = np.array(spread), np.zeros(spread.shape[0], dtype=np.int64)
    while -(-n_known >> int(halvings.sum())) > _LEAF_ROWS:
        widest = int(np.argmax(left))
        halvings[widest] += 1
        left[widest] /= 4
    return halvings


def _ends(n_known: int, n_leaves: int) -> Any:
    """Return where each leaf begins, and the last one ends."""
    return np.arange(n_leaves + 1) * n_known // n_leaves


def device_neighbours(xp: Any, known: Any, own: Any, n: int) -> Any:
    """Return what :func:`host_neighbours` does, of ties any: a block of rows at a time."""
    squares = (known * known).sum(axis=1)
    found = [xp.empty((0, n), dtype="int64")]
    for start in range(0, own.shape[0], _BLOCK):
        block = own[start : start + _BLOCK]
        away = squares[None, :] - 2 * block @ known.T  # what is the same for a row is left out
        level = xp.partition(away, n - 1, axis=1)[:, n - 1]
        row, column = xp.nonzero(away <= level[:, None])  # more than n only where some tie
        is_last = (away[row, column] == level[row]).astype("int64")
        column = column[xp.argsort(2 * row + is_last, kind="stable")]  # those that tie go last
        first = xp.searchsorted(row, xp.arange(block.shape[0]))
        found.append(column[first[:, None] + xp.arange(n)[None, :]])
    return xp.concatenate(found)
