"""Power spectra of daily series of one length: fused on the host, by cuFFT on a device.

A device transforms batches between two kernels; the host does eight units at a time in its caches.
Both write the same but for rounding to float32: the spectral peaks of some units, and their shape.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu._backend import compiling
from qfb_gpu._backend.devices import n_threads
from qfb_gpu._backend.transforms import rows_of_plan
from qfb_kernels.series import fill_cpu, fill_gpu, peaks_cpu, peaks_gpu
from qfb_kernels.spectra import n_floats, spectra_cpu
from qfb_kernels.vectors import LANES

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

    Answers = tuple[Any, Any, Any]

_BYTES_PER_SAMPLE = 16  # float32 in, half as many complex64 out, and the transform's own copy
_MOST_SAMPLES = 1 << 30
"""Of a batch: CuPy's plans take no 2**31, and are made for up to an eighth more rows."""
_PARTS = 8
"""Parts of the units a thread, each with scratch of its own: who is done early takes another."""
_LINE_BYTES = 64


def eight_abreast(
    _backend: Backend,
    units: tuple[Any, Any, Any, Any, Any],
    rows: Any,
    n_samples: int,
    answers: Answers,
    *,
    with_shape: bool,
) -> None:
    """Write the peaks and the shape of some units, eight at a time, without a spectrum in memory.

    Parameters
    ----------
    units : day, member, start, size, span
        See :func:`qfb_gpu.payments.spectrum.spectra`; span (n_units,) in days.
    rows : int64, shape (n_rows,)
        Which units; of each its last ``n_samples`` days count.
    n_samples : int, a power of two from 64
    answers : peaks (n_units, 3), strength and entropy (n_units,), float64
        The rows are written, the last two only ``with_shape``.
    with_shape : bool
    """
    n_groups = -(-rows.shape[0] // LANES)
    n_parts = max(1, min(_PARTS * n_threads() if n_threads() > 1 else 1, n_groups))
    scratch = _scratch(n_parts, n_floats(n_samples))
    arguments = (*units, rows, n_samples, *turns(n_samples), with_shape, scratch, *answers)
    compiling.call(spectra_cpu, arguments)


def _scratch(n_rows: int, n_columns: int) -> Any:
    """Return float32 scratch whose rows begin with a line of the processor's caches."""
    room = np.empty(n_rows * n_columns + _LINE_BYTES // 4, np.float32)
    skip = -room.ctypes.data % _LINE_BYTES // 4
    return room[skip : skip + n_rows * n_columns].reshape(n_rows, n_columns)


@lru_cache(maxsize=16)
def turns(n_samples: int) -> tuple[Any, Any, Any]:
    """Return cosine and sine (float32) of the turns in ``n_samples`` steps, and each bin's place.

    The transform of half as many complex numbers goes by radix four, last by two where that is
    left; a pass puts the next digit of the frequency behind those found before.
    """
    angle = 2 * np.pi * np.arange(n_samples) / n_samples
    frequency = np.arange(n_samples // 2)
    place, left = np.zeros_like(frequency), n_samples // 2
    while left > 1:
        radix = min(left, 4)
        place = radix * place + frequency % radix
        frequency //= radix
        left //= radix
    cosine, sine = (turn(angle).astype(np.float32) for turn in (np.cos, np.sin))
    return cosine, sine, np.append(place, place[0])


def by_transform(
    backend: Backend,
    units: tuple[Any, Any, Any, Any, Any],
    rows: Any,
    n_samples: int,
    answers: Answers,
    *,
    with_shape: bool,
) -> None:
    """Write the same with the backend's transform between two kernels, batch by batch."""
    xp = backend.xp
    day, member, start, size, span = units
    room = min(backend.memory_budget_bytes() // _BYTES_PER_SAMPLE, _MOST_SAMPLES)
    batch = max(1, room // n_samples)
    for begin in range(0, rows.shape[0], batch):
        part = rows[begin : begin + batch]
        n_rows = part.shape[0]
        room = rows_of_plan(n_rows)  # the rest is transformed, and not looked at
        series = xp.zeros((room, n_samples), dtype="float32")
        some = (start[part], size[part])
        backend.launch(fill_cpu, fill_gpu, n_rows, day, member, *some, series[:n_rows])
        found = xp.empty((n_rows, 3)), xp.full(n_rows, xp.nan), xp.full(n_rows, xp.nan)
        backend.launch(
            peaks_cpu, peaks_gpu, n_rows, backend.rfft(series)[:n_rows], span[part], n_samples,
            with_shape, *found,
        )  # fmt: skip
        for answer, values in zip(answers, found, strict=True):
            answer[part] = values
