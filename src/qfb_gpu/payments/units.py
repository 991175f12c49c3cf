"""Units: groups of payments that may be one contract.

A unit owns ``member[start:start + size]``, rows of the ledger's payments in day order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_kernels.amounts import (
    N_LEVELS,
    N_SLOTS,
    amount_lengths_cpu,
    amount_lengths_gpu,
    levels_cpu,
    levels_gpu,
    units_cpu,
    units_gpu,
)

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

LEVEL_RATIOS = (1e18, 1.6, 1.25, 1.08, 1.02, 1.0005)
"""An amount this many times the one below it starts a new group; level 0 is not cut."""


@dataclass(frozen=True, slots=True)
class Units:
    """Some units, those of a pool together: from the whole pool to its finest groups.

    Attributes
    ----------
    member : int32, rows of payments
    start : int64, shape (n_units,), into ``member``
    size : int32, shape (n_units,)
    span : int64, shape (n_units,), days from the first to the last payment, both counted
    pool : int32, shape (n_units,), ascending
    pool_offsets : int64, shape (n_pools + 1,), into the units
    n_slots : int, payments in all pools; ``start % n_slots`` is a position by amount
    """

    member: Any
    start: Any
    size: Any
    span: Any
    pool: Any
    pool_offsets: Any
    n_slots: int


def offsets_of(counts: Any, xp: Any) -> Any:
    """Return CSR offsets of groups of these sizes: int64, shape (n_groups + 1,)."""
    offsets = xp.zeros(counts.shape[0] + 1, dtype="int64")
    offsets[1:] = xp.cumsum(counts)
    return offsets


def ragged_slots(start: Any, size: Any, backend: Backend) -> Any:
    """Return the slots ``start[u] .. start[u] + size[u] - 1`` of all units, one after another."""
    xp = backend.xp
    offsets = offsets_of(size, xp)
    shift = backend.repeat(start - offsets[:-1], size)
    return shift + xp.arange(int(offsets[-1]), dtype="int64")


def make_units(
    day: Any, amount_minor: Any, pool: Any, pool_offsets: Any, backend: Backend
) -> Units:
    """Group the payments of each pool by amount, at several levels.

    Parameters
    ----------
    day, amount_minor : int32 and int64, shape (n_payments,)
    pool : int32, shape (n_slots,), rows of payments, in day order within a pool
    pool_offsets : int64, shape (n_pools + 1,)
    """
    xp = backend.xp
    n_slots, n_pools = pool.shape[0], pool_offsets.shape[0] - 1
    key = xp.empty(n_slots, dtype="int64")
    slots = xp.empty((N_SLOTS, n_slots), dtype="int32")
    order = xp.empty((N_LEVELS, n_slots), dtype="int32")
    size = xp.zeros((N_LEVELS, n_slots), dtype="int32")
    ratios = backend.asarray(np.asarray(LEVEL_RATIOS))
    n_units = xp.empty(n_pools, dtype="int64")
    backend.launch(
        levels_cpu, levels_gpu, n_pools, day, amount_minor, pool, pool_offsets, ratios, key, slots,
        order, size, n_units,
    )  # fmt: skip
    offsets = offsets_of(n_units, xp)
    total = int(offsets[-1])
    start, span = (xp.empty(total, dtype="int64") for _ in range(2))
    unit_size, owner = (xp.empty(total, dtype="int32") for _ in range(2))
    backend.launch(
        units_cpu, units_gpu, n_pools, day, order, size, pool_offsets, offsets, start, unit_size,
        span, owner,
    )  # fmt: skip
    return Units(order.ravel(), start, unit_size, span, owner, offsets, n_slots)


def amount_lengths(amount_minor: Any, units: Units, due: Any, backend: Backend) -> Any:
    """Return how many nats amounts take to write down: float64, shape (n_units, 2).

    Per payment of the unit, and for its hits (``due``, per slot, is not null) together.
    """
    nats = backend.xp.zeros((units.start.shape[0], 2))
    backend.launch(
        amount_lengths_cpu, amount_lengths_gpu, nats.shape[0], amount_minor, units.member,
        units.start, units.size, due, nats,
    )  # fmt: skip
    return nats
