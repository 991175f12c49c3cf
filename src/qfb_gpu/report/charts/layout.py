"""Where the nodes of a small network go: the same every time, no random start.

Fruchterman and Reingold (1991), "Graph drawing by force-directed placement",
doi:10.1002/spe.4380211102; nodes start on a circle in their given order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_ROUNDS = 240
_GRAVITY = 0.9
_STEP = 0.12


def place(n_nodes: int, pairs: list[tuple[int, int]], groups: list[int]) -> np.ndarray[Any, Any]:
    """Return positions in the unit square, float64 of shape (n_nodes, 2).

    Parameters
    ----------
    n_nodes : int
    pairs : list of (int, int)
        Rows of nodes that belong near each other.
    groups : list of int, shape (n_nodes,)
        Nodes of a group start side by side.
    """
    if n_nodes == 0:
        return np.zeros((0, 2))
    order = np.argsort(np.asarray(groups), kind="stable")
    angle = np.empty(n_nodes)
    angle[order] = np.arange(n_nodes) * (2 * np.pi / n_nodes)
    ring = 1.0 + 0.25 * (np.arange(n_nodes) % 3)
    spot = np.stack([np.cos(angle) * ring, np.sin(angle) * ring], axis=1)
    near = np.zeros((n_nodes, n_nodes))
    for left, right in pairs:
        if left != right:
            near[left, right] = near[right, left] = 1.0
    ideal = 1.6 / np.sqrt(n_nodes)
    for turn in range(_ROUNDS):
        spot = spot + _limited(_forces(spot, near, ideal), _STEP * (1 - turn / _ROUNDS))
    return _fitted(spot)


def _forces(
    spot: np.ndarray[Any, Any], near: np.ndarray[Any, Any], ideal: float
) -> np.ndarray[Any, Any]:
    apart = spot[:, None, :] - spot[None, :, :]
    distance = np.maximum(np.hypot(apart[..., 0], apart[..., 1]), 1e-3)
    push = ideal**2 / distance**2
    pull = near * distance / ideal
    inward = -_GRAVITY * ideal * spot / np.maximum(np.hypot(spot[:, 0], spot[:, 1]), 0.2)[:, None]
    moved: np.ndarray[Any, Any] = (apart * (push - pull)[..., None]).sum(axis=1) + inward
    return moved


def _limited(force: np.ndarray[Any, Any], longest: float) -> np.ndarray[Any, Any]:
    size = np.maximum(np.hypot(force[:, 0], force[:, 1]), 1e-9)
    short: np.ndarray[Any, Any] = force * (np.minimum(size, longest) / size)[:, None]
    return short


def _fitted(spot: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    low, high = spot.min(axis=0), spot.max(axis=0)
    span = np.where(high - low > 1e-9, high - low, 1.0)  # noqa: PLR2004
    fitted = (spot - low) / span
    return np.where(high - low > 1e-9, fitted, 0.5)  # noqa: PLR2004
