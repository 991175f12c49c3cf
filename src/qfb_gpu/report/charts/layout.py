"""Where the nodes of a small network go: the same every time, no random start.

Fruchterman and Reingold (1991), "Graph drawing by force-directed placement",
doi:10.1002/spe.4380211102; nodes start on a circle in their given order. Pieces that
hang together get a room each, as large as they have nodes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

_ROUNDS = 240
_GRAVITY = 0.9
_STEP = 0.12
_MARGIN = 0.1
"""Of a room, on each side, where there are several pieces."""
_WIDE = 1.5
"""How much wider than high the picture is."""


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
    spots = np.zeros((n_nodes, 2))
    if n_nodes == 0:
        return spots
    pieces = _pieces(n_nodes, pairs)
    rooms = _rooms([float(len(piece)) for piece in pieces], (0.0, 0.0, 1.0, 1.0))
    for piece, (left, top, width, height) in zip(pieces, rooms, strict=True):
        row = {node: at for at, node in enumerate(piece)}
        inside = [(row[a], row[b]) for a, b in pairs if a in row and b in row]
        spot = _drawn(len(piece), inside, [groups[node] for node in piece])
        margin = _MARGIN if len(pieces) > 1 else 0.0
        spots[piece] = [left, top] + (margin + (1 - 2 * margin) * spot) * [width, height]
    return spots


def _pieces(n_nodes: int, pairs: list[tuple[int, int]]) -> list[list[int]]:
    """Return the nodes of each connected piece, the largest piece first."""
    piece = list(range(n_nodes))

    def root(node: int) -> int:
        while piece[node] != node:
            piece[node] = node = piece[piece[node]]
        return node

    for left, right in pairs:
        low, high = sorted((root(left), root(right)))
        piece[high] = low
    members: dict[int, list[int]] = {}
    for node in range(n_nodes):
        members.setdefault(root(node), []).append(node)
    return sorted(members.values(), key=lambda nodes: (-len(nodes), nodes[0]))


def _rooms(
    sizes: list[float], room: tuple[float, float, float, float]
) -> list[tuple[float, float, float, float]]:
    """Cut a room (left, top, width, height) into one for each size, of that share of its area."""
    if len(sizes) == 1:
        return [room]
    left, top, width, height = room
    ends = np.cumsum(sizes) / sum(sizes)
    cut = int(np.argmin(np.abs(ends[:-1] - 0.5))) + 1
    share = float(ends[cut - 1])
    if width * _WIDE >= height:
        halves = (
            (left, top, width * share, height),
            (left + width * share, top, width * (1 - share), height),
        )
    else:
        halves = (
            (left, top, width, height * share),
            (left, top + height * share, width, height * (1 - share)),
        )
    return [*_rooms(sizes[:cut], halves[0]), *_rooms(sizes[cut:], halves[1])]


def _drawn(n_nodes: int, pairs: list[tuple[int, int]], groups: list[int]) -> np.ndarray[Any, Any]:
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
