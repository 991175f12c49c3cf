"""Whole numbers that are kept in few bytes, of many runs, put together. Hosts only, as spills are.

A run is some numbers that are kept as differences from one base, each in 0, 1, 2, 4 or 8 bytes.
"""

from __future__ import annotations

from numba import njit

from qfb_kernels.linked import linked

_BYTES, _PAIRS, _FOURS, _EIGHTS = 1, 2, 4, 8


@linked
def _widened(small, base, out):
    """Write numbers of one width; the arrays begin where the run does."""
    for i in range(out.shape[0]):
        out[i] = base + int(small[i])


@linked
def _decoded(small, base, values, out):
    """Write what codes of one width stand for."""
    for i in range(out.shape[0]):
        code = base + int(small[i])
        out[i] = values[code] if code >= 0 else -1


@njit(nogil=True, cache=True)
def widen_cpu(data, places, ends, widths, bases, out):
    """Write the numbers of all runs, one after the other.

    Parameters
    ----------
    data : tuple of uint8, uint16, uint32 and int64 array
        The same bytes.
    places : int64 array, shape (n_runs,)
        Where each run begins, in bytes: a multiple of eight.
    ends : int64 array, shape (n_runs + 1,)
        Where each run begins and ends in ``out``.
    widths : int64 array, shape (n_runs,)
        How many bytes each number of a run has; 0: all are its base.
    bases : int64 array, shape (n_runs,)
        To be added to each; what does not fit wraps around.
    out : int32 or int64 array, shape (n_rows,)
    """
    for run in range(widths.shape[0]):
        base, width, place = bases[run], widths[run], places[run]
        some = out[ends[run] : ends[run + 1]]
        if width == 0:
            some[:] = base
        elif width == _BYTES:
            _widened(data[0][place:], base, some)
        elif width == _PAIRS:
            _widened(data[1][place // _PAIRS :], base, some)
        elif width == _FOURS:
            _widened(data[2][place // _FOURS :], base, some)
        else:
            _widened(data[3][place // _EIGHTS :], base, some)


@njit(nogil=True, cache=True)
def decode_cpu(data, places, ends, widths, bases, values, value_ends, out):
    """Write what the codes of all runs stand for, one after the other.

    Parameters
    ----------
    data, places, ends, widths, bases
        See :func:`widen_cpu`; -1 is null.
    values : int32 array, shape (n_values,)
        What the codes of the first run stand for, of the second, and so on.
    value_ends : int64 array, shape (n_runs + 1,)
        Where those of each run begin and end.
    out : int32 array, shape (n_rows,)
    """
    for run in range(widths.shape[0]):
        base, width, place = bases[run], widths[run], places[run]
        some, own = out[ends[run] : ends[run + 1]], values[value_ends[run] :]
        if width == 0:
            some[:] = own[base] if base >= 0 and some.shape[0] > 0 else -1
        elif width == _BYTES:
            _decoded(data[0][place:], base, own, some)
        elif width == _PAIRS:
            _decoded(data[1][place // _PAIRS :], base, own, some)
        else:
            _decoded(data[2][place // _FOURS :], base, own, some)
