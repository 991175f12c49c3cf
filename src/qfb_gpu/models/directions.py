"""The directions in which the columns of a sparse matrix differ most, in one way only.

Directions of one singular value may be turned among themselves, and which turn a decomposition
gives hangs on rounding: on the order of rows. Here the first of them is the one nearest to the
first of the columns that the iteration starts from, the second the one nearest to the next, and so
on. A direction that no such column has a part in is left out: neither end of it is the first by
anything that they say. Its column is zeros, as is that of one that carries nothing.

References
----------
N. Halko, P. G. Martinsson, J. A. Tropp, "Finding structure with randomness",
doi:10.1137/090771806.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

_STEPS = 24
_FEW, _AT_ONCE = 64, 16
"""Columns of which all directions are found, not the leading ones; so many products at once."""
_NEW = 1e-5
"""Of a column to start from, what must be its own beside the columns before it."""
_TIED = 1e-7
"""Squares of singular values (the largest is 1) that are told apart: rounding of 1e-15 turns
directions whose squares are so near by 1e-8, and vectors are rounded to 1e-6."""
_REACHED = 1e-7
_CARRIES = 1e-10
_LOPSIDED = 1e-6


def leading(matrix: Any, trivial: Any, start: Any, size: int, backend: Backend) -> Any:
    """Return the leading right singular vectors but for the trivial one, scaled by their values.

    Subspace iteration; the trivial one has singular value 1 and says nothing.

    Parameters
    ----------
    matrix : sparse, shape (n_rows, n_columns)
        Of singular values of at most 1.
    trivial : float64, shape (n_columns,), of length 1
    start : float64, shape (n_columns, at least ``size``)
        What the iteration starts from.
    size : int
        How many are asked for.

    Returns
    -------
    float64, shape (n_columns, size)
    """
    xp = backend.xp
    start = _without(trivial, start)
    _, corner = xp.linalg.qr(start)
    corner = backend.to_host(corner)  # the columns, but for a turn
    own = np.array(_independent(corner), np.int64)
    if own.size == 0:
        return xp.zeros((start.shape[0], size))
    if start.shape[0] <= _FEW:
        block, power, turn = _all_directions(matrix, trivial, backend)
    else:
        block, power, turn = _by_steps(matrix, trivial, start[:, backend.asarray(own)], backend)
    length = np.sqrt(np.sum(corner[:, own] ** 2, axis=0))
    part = backend.to_host(start.T @ block)[own] / length[:, None]
    turn, power = _one_way(backend.to_host(power), backend.to_host(turn), part, size)
    vectors = block @ backend.asarray(turn)
    vectors = vectors * backend.asarray(np.sqrt(power))[None, :]
    cubes, sizes = xp.sum(vectors**3, axis=0), xp.sum(xp.abs(vectors) ** 3, axis=0)
    return vectors * xp.where(cubes < -_LOPSIDED * sizes, -1.0, 1.0)[None, :]


def _without(trivial: Any, block: Any) -> Any:
    return block - trivial[:, None] * (trivial @ block)[None, :]


def _by_steps(matrix: Any, trivial: Any, start: Any, backend: Backend) -> tuple[Any, Any, Any]:
    """Return a block of leading directions, squares of singular values (ascending), their turns."""
    xp, across = backend.xp, matrix.T
    block = _orthonormal(start, xp)
    for _ in range(_STEPS):
        block = _orthonormal(_without(trivial, across @ (matrix @ block)), xp)
    image = matrix @ block
    return (block, *xp.linalg.eigh(image.T @ image))


def _all_directions(matrix: Any, trivial: Any, backend: Backend) -> tuple[Any, Any, Any]:
    """Return the same of all directions there are, without steps.

    Of a few columns many may be alike but for their names. Then steps would make of rounding
    directions that the start has no part in, beside those that it leads to.
    """
    xp, n_columns = backend.xp, int(trivial.shape[0])
    whole, across = xp.eye(n_columns), matrix.T
    parts = (whole[:, at : at + _AT_ONCE] for at in range(0, n_columns, _AT_ONCE))
    products = [across @ (matrix @ xp.ascontiguousarray(part)) for part in parts]
    square = _without(trivial, xp.concatenate(products, axis=1))
    return (whole, *xp.linalg.eigh((square + square.T) / 2))


def _orthonormal(block: Any, xp: Any) -> Any:
    basis, _ = xp.linalg.qr(block)
    return basis


def _independent(columns: Any) -> list[int]:
    """Return which columns are no sum of those before them.

    From their products with each other it cannot be told: rounding grows by the square of what
    columns have of their own, and was taken for a direction.
    """
    length = np.sqrt(np.sum(columns**2, axis=0))
    left = columns / np.maximum(length, np.finfo(float).tiny)
    found: list[int] = []
    for at in range(length.size):
        rest = np.sqrt(np.sum(left[:, at] ** 2))
        if length[at] > _NEW and rest > _NEW:
            found.append(at)
            way = left[:, at] / rest
            left = left - np.outer(way, way @ left)
    return found


def _one_way(power: Any, turn: Any, part: Any, size: int) -> tuple[Any, Any]:
    """Return the turns that give the leading directions, and the squares of their values.

    Parameters
    ----------
    power : float64, shape (n,), ascending
    turn : float64, shape (n, n)
        A direction a column, in those of the block.
    part : float64, shape (n_start, n)
        How far each column to start from goes along each of the block.
    size : int

    Returns
    -------
    turn : float64, shape (n, size)
    power : float64, shape (size,)
    """
    power, turn = power[::-1], turn[:, ::-1]
    is_near = power[:-1] - power[1:] < _TIED
    tied = np.append(is_near & (power[1:] >= _CARRIES), False)  # with what carries something
    found, squares = np.zeros((power.size, size)), np.zeros(size)
    first = 0
    for last in np.flatnonzero(~tied).tolist():
        if first >= size or power[first] < _CARRIES:
            break
        here = turn[:, first : last + 1]
        ways = _nearest(part @ here)
        stop = min(first + ways.shape[1], size)
        found[:, first:stop] = (here @ ways)[:, : stop - first]
        squares[first:stop] = power[first:stop]
        first = last + 1
    return found, squares


def _nearest(part: Any) -> Any:
    """Return orthonormal combinations of directions: of each the nearest to a row, in their order.

    Parameters
    ----------
    part : float64, shape (n_rows, n_directions)

    Returns
    -------
    float64, shape (n_directions, n_reached)
    """
    ways = np.zeros((part.shape[1], 0))
    for row in part:
        rest = row
        for _ in range(2):  # what rounding left of the ones before goes the second time
            rest = rest - ways @ (ways.T @ rest)
        length = np.sqrt(np.sum(rest**2))
        if length > _REACHED and ways.shape[1] < part.shape[1]:
            ways = np.concatenate([ways, (rest / length)[:, None]], axis=1)
    return ways
