"""Codes into the texts of a batch made codes into the texts of each of its runs.

A run is some rows of a batch; a text gets the next number where a run first has it, so every run
has texts of its own only, numbered from 0.
"""

from __future__ import annotations

from numba import cuda, njit

from qfb_kernels.twin import twin


def _recode_row(codes, order, start, stop, place, local, used):
    """Give the texts of one run numbers, return how many; ``place`` is -1 before and after."""
    n_used = start - start
    for i in range(start, stop):
        code = codes[order[i]]
        if code < 0:
            local[i] = -1
            continue
        if place[code] < 0:
            place[code] = n_used
            used[start + n_used] = code
            n_used += 1
        local[i] = place[code]
    for i in range(start, start + n_used):
        place[used[i]] = -1
    return n_used


_recode_row_cpu, _recode_row_gpu = twin(_recode_row)


@njit(nogil=True, cache=True)
def recode_cpu(codes, order, ends, place, local, used, n_used):
    """Loop over runs.

    Parameters
    ----------
    codes : int32 array, shape (n_batch,)
        -1 is null.
    order : int64 array, shape (n_rows,)
        Rows of the batch, run after run.
    ends : int64 array, shape (n_runs + 1,)
        Where the rows of each run begin and end.
    place : int32 array, shape (1, n_values)
        All -1; the same again when it returns.
    local : int32 array, shape (n_rows,)
        The new codes.
    used : int32 array, shape (n_rows,)
        From where a run's rows begin on: the codes of its texts, in the order of their numbers.
    n_used : int64 array, shape (n_runs,)
        How many those are.
    """
    for run in range(n_used.shape[0]):
        n_used[run] = _recode_row_cpu(codes, order, ends[run], ends[run + 1], place[0], local, used)


@cuda.jit
def recode_gpu(codes, order, ends, place, local, used, n_used):
    """One thread per run, each with a row of ``place`` of its own."""
    run = cuda.grid(1)
    if run < n_used.shape[0]:
        n_used[run] = _recode_row_gpu(
            codes, order, ends[run], ends[run + 1], place[run], local, used
        )
