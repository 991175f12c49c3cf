"""Groups of payments, numbered over all relations or within one."""

from __future__ import annotations

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin


def _relation_row(owner, start, stop, row, relation):
    """Write the relation of each group that owns a payment of this one."""
    for i in range(start, stop):
        if owner[i] >= 0:
            relation[owner[i]] = row


_relation_row_cpu, _relation_row_gpu = twin(_relation_row)


@rows_of("relation_offsets", offsets=True)
def relations_cpu(row_from, row_to, owner, relation_offsets, relation):
    """Loop over relations on the host, on all its threads."""
    for row in range(row_from, row_to):
        _relation_row_cpu(owner, relation_offsets[row], relation_offsets[row + 1], row, relation)


@cuda.jit
def relations_gpu(owner, relation_offsets, relation):
    """One thread per relation; launch with ``.forall(n_relations)``."""
    row = cuda.grid(1)
    if row < relation_offsets.shape[0] - 1:
        _relation_row_gpu(owner, relation_offsets[row], relation_offsets[row + 1], row, relation)


def _over_all_row(local, start, stop, first, owner):
    """Write the groups of a relation's payments numbered from ``first`` on; -1: none."""
    for i in range(start, stop):
        owner[i] = local[i] + first if local[i] >= 0 else -1


_over_all_row_cpu, _over_all_row_gpu = twin(_over_all_row)


@rows_of("relation_offsets", offsets=True)
def over_all_cpu(row_from, row_to, local, relation_offsets, group_offsets, owner):
    """Loop over relations on the host, on all its threads."""
    for row in range(row_from, row_to):
        _over_all_row_cpu(
            local, relation_offsets[row], relation_offsets[row + 1], group_offsets[row], owner
        )


@cuda.jit
def over_all_gpu(local, relation_offsets, group_offsets, owner):
    """One thread per relation; launch with ``.forall(n_relations)``."""
    row = cuda.grid(1)
    if row < relation_offsets.shape[0] - 1:
        _over_all_row_gpu(
            local, relation_offsets[row], relation_offsets[row + 1], group_offsets[row], owner
        )
