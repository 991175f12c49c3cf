"""Which streams are regular: p-values, and false-discovery control over a whole run."""

from __future__ import annotations

from typing import Any

from qfb_gpu.ledger import NULL_DAY, Labelled
from qfb_gpu.schema import CADENCES

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
