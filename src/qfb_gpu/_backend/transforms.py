"""Fourier transforms: on the host by SciPy, on a device by few plans.

CuPy keeps the last 16 plans of each thread, by length and number of rows, with their work areas.
Buckets differ in rows, so each would plan anew and old work areas would stay: numbers of rows
are rounded up, to eight sizes between a power of two and the next, and a thread whose plans hold
more than half of what a batch may take lets all of them go: with several buckets under way theirs
would take what other arrays need.
"""

from __future__ import annotations

from typing import Any

from qfb_gpu._backend.devices import n_threads
from qfb_gpu._backend.room import batch_bytes


def rows_of_plan(n_rows: int) -> int:
    """Return the number of rows of the plan that serves ``n_rows``: at most an eighth more."""
    step = 1 << max(n_rows.bit_length() - 4, 0)
    return -(-n_rows // step) * step


def device_rfft(xp: Any, fft: Any, batch: Any) -> Any:
    """Return the one-sided transform of each row, as :meth:`qfb_gpu.backend.Backend.rfft` does."""
    from cupy.fft import config

    n_rows, n_samples = batch.shape
    if n_rows == 0:  # cuFFT has no plan for nothing
        return xp.zeros((0, n_samples // 2 + 1), dtype="complex64")
    room = rows_of_plan(n_rows)
    if room != n_rows:
        padded = xp.zeros((room, n_samples), dtype=batch.dtype)
        padded[:n_rows] = batch
        batch = padded
    waves = fft.rfft(batch, axis=1)[:n_rows]
    plans = config.get_plan_cache()  # this thread's
    if plans.get_curr_memsize() > batch_bytes(xp) // 2:
        plans.clear()
    return waves


def host_rfft(batch: Any) -> Any:
    """Return the one-sided transform of each row, on all threads."""
    from scipy.fft import rfft

    return rfft(batch, axis=1, workers=n_threads())
