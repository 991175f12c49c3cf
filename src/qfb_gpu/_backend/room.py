"""How many buckets a device has under way, and how many payments each may have.

Whatever its size, a bucket asks some thousand things of a device one by one, and the host needs
microseconds for each; so a device does better with large buckets, as large as several fit. What
the host does for a bucket beside that (decoding, saving) takes longer than the device's part and
needs no Python lock, so more than two buckets are under way where there are cores for it.
``python benchmarks/device_bound.py`` counts and models this; docs/scale.md has the table.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from qfb_gpu._backend.devices import n_threads

if TYPE_CHECKING:
    from collections.abc import Callable

HOST_PAYMENTS = 1 << 20
_FEWEST, _MOST = 1 << 18, 1 << 22
"""A larger one gains little, and it has to be merged and published in a process of the host."""
_BYTES_A_PAYMENT = 2_000
"""Of a device at the peak of a bucket, spectra in one batch; counted, and rounded up."""
_LEAST_UNDER_WAY, _MOST_UNDER_WAY = 2, 8


def buckets_under_way(n_devices: int = 1) -> int:
    """Return how many buckets share a device: ``QFB_DEVICE_THREADS``, else half of its cores.

    Parameters
    ----------
    n_devices : int
        Among which this process's cores are divided; each of their workers is told its own.
    """
    asked = int(os.environ.get("QFB_DEVICE_THREADS", "0"))
    cores = n_threads() // n_devices
    return asked or min(max(cores // 2, _LEAST_UNDER_WAY), _MOST_UNDER_WAY)


def batch_bytes(xp: Any) -> int:
    """Return how much one batch of intermediates may take: together a quarter of the device."""
    return _bytes_of(xp) // (4 * buckets_under_way())


def device_payments(xp: Any) -> int:
    """Return how many payments a bucket has where all under way fit into half of the device.

    A power of two, as numbers of buckets are.
    """
    room = _bytes_of(xp) // (2 * buckets_under_way() * _BYTES_A_PAYMENT)
    return min(max(1 << (max(room, 1).bit_length() - 1), _FEWEST), _MOST)


def _bytes_of(xp: Any) -> int:
    return _total(xp.cuda.runtime.memGetInfo)


@cache
def _total(ask: Callable[[], tuple[int, int]]) -> int:
    """Return a device's bytes; asked once, as a driver may take milliseconds to count the free."""
    _, total = ask()
    return int(total)
