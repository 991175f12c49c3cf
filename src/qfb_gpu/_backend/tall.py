"""Sums and largest values down arrays of many rows and few columns.

CuPy gives up to 32 columns one block of 512 threads, so 16 threads go down each, however many rows
there are (``_get_block_specs`` in the source of CuPy 14.2). On a device the rows are taken in
pieces side by side, and then what the pieces gave. The host goes down them once, as ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

PIECE_ROWS = 1 << 10


def sum_down(values: Any, backend: Backend) -> Any:
    """Return ``values.sum(axis=0)``: of floats, a device adds in another order.

    Parameters
    ----------
    values : array, shape (n_rows, n_columns)
    """
    return backend.either(_whole, _in_pieces)(values, "sum", backend.xp)


def most_down(values: Any, backend: Backend) -> Any:
    """Return ``values.max(axis=0)``, of at least one row."""
    return backend.either(_whole, _in_pieces)(values, "max", backend.xp)


def _whole(values: Any, how: str, _xp: Any) -> Any:
    return getattr(values, how)(axis=0)


def _in_pieces(values: Any, how: str, xp: Any) -> Any:
    n_pieces, left = divmod(values.shape[0], PIECE_ROWS)
    if n_pieces < 2:  # noqa: PLR2004
        return _whole(values, how, xp)
    stop = values.shape[0] - left
    pieces = values[:stop].reshape(n_pieces, PIECE_ROWS, values.shape[1])
    found = getattr(pieces, how)(axis=1)
    if left:
        found = xp.concatenate([found, _whole(values[stop:], how, xp)[None, :]])
    return _whole(found, how, xp)


def place_of_most(values: Any, backend: Backend) -> Any:
    """Return ``values.argmax(axis=0)``, the first of equals: int64; of at least one row, no NaN."""
    return backend.either(_first_place, _place_in_pieces)(values, backend.xp)


def _first_place(values: Any, xp: Any) -> Any:
    return xp.argmax(values, axis=0)


def _place_in_pieces(values: Any, xp: Any) -> Any:
    n_pieces, left = divmod(values.shape[0], PIECE_ROWS)
    if n_pieces < 2:  # noqa: PLR2004
        return _first_place(values, xp)
    stop, column = values.shape[0] - left, xp.arange(values.shape[1])
    pieces = values[:stop].reshape(n_pieces, PIECE_ROWS, values.shape[1])
    place = xp.argmax(pieces, axis=1) + xp.arange(n_pieces)[:, None] * PIECE_ROWS
    if left:
        place = xp.concatenate([place, _first_place(values[stop:], xp)[None, :] + stop])
    best = _first_place(values[place, column[None, :]], xp)
    return place[best, column]
