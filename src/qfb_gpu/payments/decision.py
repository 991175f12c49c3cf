"""Which streams are regular: p-values, and false-discovery control over a whole run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.ledger import NULL_DAY, Labelled
from qfb_gpu.schema import CADENCES

if TYPE_CHECKING:
    from collections.abc import Sequence

_IRREGULAR = CADENCES.index("irregular")
_NULL_TEXT = ("schedule_code", "rrule", "roll", "status")
_NULL_DAYS = ("next_date", "next_date_earliest", "next_date_latest", "next_due_date")
_NULL_FLOATS = ("next_amount", "next_amount_low", "next_amount_high", "period_days")
_EXPECTED = (*_NULL_DAYS, *_NULL_FLOATS[:3])


def q_values(p_values: Any, xp: Any) -> Any:
    """Return Benjamini-Hochberg q-values.

    Parameters
    ----------
    p_values : array of float64, shape (n_streams,)
        NaN where a stream cannot be tested; those are left out and stay NaN.
    xp : module
        NumPy or CuPy.

    Returns
    -------
    array of float64, shape (n_streams,)
        Equal p-values get equal q-values, so the order of streams does not matter.

    Notes
    -----
    Benjamini and Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x.
    """
    q = xp.full(p_values.shape[0], xp.nan)
    tested = xp.flatnonzero(~xp.isnan(p_values))
    n = tested.shape[0]
    if n == 0:
        return q
    p = p_values[tested]
    order = xp.argsort(p)
    ratio = p[order] * n / xp.arange(1, n + 1)
    ratio = -_running_maximum(-ratio[::-1], xp)[::-1]
    q[tested[order]] = xp.minimum(ratio, 1.0)
    return q


def _running_maximum(values: Any, xp: Any) -> Any:
    """Return the running maximum; CuPy has no ``maximum.accumulate``."""
    values = values.copy()
    shift = 1
    while shift < values.shape[0]:
        values[shift:] = xp.maximum(values[shift:], values[:-shift].copy())
        shift *= 2
    return values


def q_values_known(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return each p-value that some stream of a run has, once, with its q-value.

    The q-value of a p-value is what :func:`q_values` says of it, to the bit. All p-values are
    sorted where they are: 8 bytes a stream, and 16 for each that is distinct.

    Parameters
    ----------
    parts : sequence of float64 NumPy arrays
        The p-values of all streams, a bucket each; NaN where a stream cannot be tested.

    Returns
    -------
    p_value, q_value : float64 NumPy arrays, shape (n_distinct,), ascending
    """
    ascending, n = np.empty(sum(part.size for part in parts)), 0
    for part in parts:
        tested = part[~np.isnan(part)]
        ascending[n : n + tested.size] = tested
        n += tested.size
    if n == 0:
        return np.zeros(0), np.zeros(0)
    ascending = ascending[:n]
    ascending.sort()
    up_to = np.append(np.flatnonzero(ascending[1:] != ascending[:-1]) + 1, n)
    p_value = ascending[up_to - 1]
    q_value = p_value * n / up_to
    np.minimum.accumulate(q_value[::-1], out=q_value[::-1])
    return p_value, np.minimum(q_value, 1.0, out=q_value)


def q_values_of(p_values: np.ndarray, p_known: np.ndarray, q_known: np.ndarray) -> np.ndarray:
    """Return the q-values of streams by what :func:`q_values_known` returned: NaN stays NaN.

    A p-value that is not known gets the q-value of the next larger one, 1 where there is none.
    """
    q = np.full(p_values.size, np.nan)
    tested = np.flatnonzero(~np.isnan(p_values))
    rows = tested[np.argsort(p_values[tested])]  # neighbours are looked up one after the other
    place = np.searchsorted(p_known, p_values[rows])
    is_last = place == p_known.size
    q[rows] = 1.0
    q[rows[~is_last]] = q_known[place[~is_last]]
    return q


def decide(
    columns: dict[str, Any], q_value: Any, false_discovery_rate: float, xp: Any
) -> dict[str, Any]:
    """Return ``columns`` with the decision, blank where a stream is not regular.

    Parameters
    ----------
    columns : dict of array or Labelled, each shape (n_streams,)
        ``Streams.columns``, perhaps with others, which are passed through.
    q_value : array of float64, shape (n_streams,); NaN is never regular
    false_discovery_rate : float
        Expected share of random streams among those called regular.
    xp : module
        NumPy or CuPy.
    """
    regular = q_value <= false_discovery_rate
    out = {**columns, "is_regular": regular, "q_value": q_value}
    out["confidence"] = xp.where(xp.isnan(q_value), 0.0, 1.0 - q_value)
    codes = xp.where(regular, columns["cadence"].codes, _IRREGULAR).astype("int8")
    out["cadence"] = Labelled(codes, CADENCES)
    for name in _NULL_TEXT:
        old = columns[name]
        out[name] = Labelled(xp.where(regular, old.codes, -1).astype(old.codes.dtype), old.labels)
    going = regular & (columns["status"].codes != _stopped(columns["status"]))
    for name in _NULL_DAYS:
        out[name] = xp.where(going, columns[name], NULL_DAY).astype("int32")
    for name in _NULL_FLOATS:
        out[name] = xp.where(going if name in _EXPECTED else regular, columns[name], xp.nan)
    out["n_missed"] = xp.where(regular, columns["n_missed"], 0).astype("int32")
    return out


def _stopped(status: Labelled) -> int:
    return status.labels.index("stopped")
