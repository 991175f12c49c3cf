"""Power spectra of daily series, batched by length.

A series of ``s`` days goes into the class of the next power of two (64 to 4096 days; of a
longer one the last 4096 days count); the backend transforms and measures a class at a time.
Of three to five payments, and of few over more than 4096 days, :mod:`qfb_kernels.rayleigh` says
which periods they are in step with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.payments.units import offsets_of
from qfb_kernels.rayleigh import rayleigh_cpu, rayleigh_gpu
from qfb_kernels.series import fill_cpu, fill_gpu

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qfb_gpu.backend import Backend

LENGTH_CLASSES = (64, 128, 256, 512, 1024, 2048, 4096)
MIN_PAYMENTS = 6
FEWEST_PAYMENTS = 3
SPARSE_PAYMENTS = 128
MIN_SPAN_DAYS = 16


def spectra(
    day: Any,
    member: Any,
    start: Any,
    size: Any,
    backend: Backend,
    *,
    with_shape: bool = True,
    span: Any = None,
) -> tuple[Any, Any, Any]:
    """Return spectral peaks and shape of each unit's daily counts.

    Parameters
    ----------
    day : int32, shape (n_payments,), days since 1970-01-01
    member : int32, rows of payments
    start, size : shape (n_units,)
        Unit ``u`` owns ``member[start[u]:start[u] + size[u]]``, in day order.
    with_shape : bool
        Whether to work out strength and entropy as well; else they are NaN.
    span : int64, shape (n_units,), optional
        Days from the first to the last payment, both counted, where they are known.

    Returns
    -------
    peaks : float64, shape (n_units, 3)
        Periods in days: the fundamental, the highest peak, a lower one; 0 where there is none.
        By Rayleigh power the two highest.
    strength, entropy : float64, shape (n_units,)
        Share of the power in the highest peak, and disorder from 0 (one line) to 1 (white);
        NaN for units of fewer than 6 payments or 16 days, or of few over more than 4096.
    """
    xp = backend.xp
    n_units = start.shape[0]
    peaks = xp.zeros((n_units, 3))
    strength, entropy = xp.full(n_units, xp.nan), xp.full(n_units, xp.nan)
    if n_units == 0:
        return peaks, strength, entropy
    if span is None:
        span = day[member[start + size - 1]] - day[member[start]] + 1
    sparse = (span > LENGTH_CLASSES[-1]) & (size < SPARSE_PAYMENTS)
    worth = (size >= MIN_PAYMENTS) & (span >= MIN_SPAN_DAYS) & ~sparse
    for n_samples, rows in _by_length(span, worth, backend):
        backend.daily_spectra(
            (day, member, start, size, span), rows, n_samples, (peaks, strength, entropy),
            with_shape=with_shape,
        )  # fmt: skip
    few = (size >= FEWEST_PAYMENTS) & ((size < MIN_PAYMENTS) | sparse)
    rows = xp.flatnonzero(few & (span >= MIN_SPAN_DAYS))
    begin = offsets_of(size[rows], xp)
    turn = xp.empty((4, int(begin[-1])))
    backend.launch(
        rayleigh_cpu, rayleigh_gpu, rows.shape[0], day, member, start, size, rows, begin, turn,
        peaks,
    )  # fmt: skip
    return peaks, strength, entropy


def _by_length(span: Any, worth: Any, backend: Backend) -> Iterator[tuple[int, Any]]:
    """Yield the samples and the rows of each class of length that has a unit worth the work."""
    xp = backend.xp
    n_classes = len(LENGTH_CLASSES)
    edges = xp.asarray(LENGTH_CLASSES[:-1], dtype=span.dtype)
    kind = xp.where(worth, xp.searchsorted(edges, span), n_classes).astype("int8")
    order = xp.argsort(kind, kind="stable")
    classes = xp.arange(n_classes, dtype="int8")
    ends = backend.to_host(xp.searchsorted(kind[order], classes, side="right")).tolist()
    for n_samples, start, end in zip(LENGTH_CLASSES, [0, *ends], ends, strict=False):
        if end > start:
            yield n_samples, order[start:end]


def day_spectrum(day: Any, backend: Backend) -> tuple[Any, Any]:
    """Return the power spectrum of one unit's daily counts, fine enough to be drawn.

    Parameters
    ----------
    day : int64, shape (n_payments,), days since 1970-01-01, ascending

    Returns
    -------
    frequency_per_day, power : float64, shape (n_frequencies,)
        Of the same series that :func:`spectra` looks at, padded fourfold; empty where there are
        fewer than 6 payments or 16 days.
    """
    xp = backend.xp
    n = day.shape[0]
    span = int(day[-1] - day[0]) + 1 if n else 0
    if n < MIN_PAYMENTS or span < MIN_SPAN_DAYS:
        return xp.zeros(0), xp.zeros(0)
    n_samples = next((size for size in LENGTH_CLASSES if size >= span), LENGTH_CLASSES[-1])
    day = day[day > day[-1] - n_samples]
    start, size = xp.zeros(1, dtype="int64"), xp.full(1, day.shape[0], dtype="int32")
    series = xp.empty((1, 4 * n_samples), dtype="float32")
    member = xp.arange(day.shape[0], dtype="int32")
    backend.launch(fill_cpu, fill_gpu, 1, day, member, start, size, series)
    waves = backend.rfft(series)[0]
    power = waves.real.astype("float64") ** 2 + waves.imag.astype("float64") ** 2
    return xp.arange(power.shape[0]) / (4 * n_samples), power
