"""A hash of the payments of each relation, order included: who has the same has the same hash."""

from __future__ import annotations

from numba import cuda, uint64

from qfb_kernels.mixing import finalised
from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

_ODD = uint64(0x9E3779B97F4A7C15)


def _fingerprint_row(day, amount, start, stop):
    """Return the hash of a relation's days and amounts."""
    total = uint64(0)
    for i in range(start, stop):
        total += finalised(finalised(uint64(day[i]) * _ODD) ^ uint64(amount[i]))
    return finalised(total ^ (uint64(stop - start) * _ODD))


fingerprint_row = twin(_fingerprint_row, finalised)
_fingerprint_row_cpu, _fingerprint_row_gpu = fingerprint_row.cpu, fingerprint_row.gpu


@rows_of("relation_offsets", offsets=True)
def fingerprints_cpu(row_from, row_to, day, amount, relation_offsets, fingerprint):
    """Loop over relations on the host, on all its threads."""
    for row in range(row_from, row_to):
        fingerprint[row] = _fingerprint_row_cpu(
            day, amount, relation_offsets[row], relation_offsets[row + 1]
        )


@cuda.jit
def fingerprints_gpu(day, amount, relation_offsets, fingerprint):
    """One thread per relation; launch with ``.forall(n_relations)``."""
    row = cuda.grid(1)
    if row < relation_offsets.shape[0] - 1:
        fingerprint[row] = _fingerprint_row_gpu(
            day, amount, relation_offsets[row], relation_offsets[row + 1]
        )
