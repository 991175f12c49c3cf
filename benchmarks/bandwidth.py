"""How fast this device moves memory: the yardstick of every kernel."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from device_clock import Clock, bytes_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from qfb_gpu.backend import Backend

_TRIAD = ("float64 b, float64 c, float64 scale", "float64 a", "a = b + scale * c", "triad")


def measure(backend: Backend, n_bytes: int, n_repeats: int = 20) -> dict[str, float]:
    """Return bytes read plus written per second, the median of ``n_repeats``.

    Parameters
    ----------
    backend : Backend
    n_bytes : int
        Of one array; far more than the caches hold.

    Returns
    -------
    dict
        ``copy`` (device to device) and ``triad`` (a = b + s c), bytes per second.
    """
    n = n_bytes // 8
    b, c, a = (backend.xp.ones(n) for _ in range(3))
    triad = _triad(backend)
    return {
        "copy": _rate(lambda: _copy(backend, a, b), bytes_of(a, b), backend, n_repeats),
        "triad": _rate(lambda: triad(b, c, 3.0, a), bytes_of(a, b, c), backend, n_repeats),
    }


def _copy(backend: Backend, target: Any, source: Any) -> None:
    backend.xp.copyto(target, source)


def _triad(backend: Backend) -> Callable[..., Any]:
    if hasattr(backend.xp, "ElementwiseKernel"):
        kernel: Callable[..., Any] = backend.xp.ElementwiseKernel(*_TRIAD)
        return kernel

    def triad(b: Any, c: Any, scale: float, a: Any) -> None:
        backend.xp.multiply(c, scale, out=a)
        backend.xp.add(a, b, out=a)

    return triad


def _rate(work: Callable[[], Any], n_bytes: int, backend: Backend, n_repeats: int) -> float:
    work()
    clock = Clock(backend)
    for _ in range(n_repeats):
        with clock.lap("work", 0, n_bytes):
            work()
    backend.synchronize()
    return n_bytes / statistics.median(lap.seconds for lap in clock.laps)
