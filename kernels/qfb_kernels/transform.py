"""Fourier transform of eight real series side by side; for the host only, a device has cuFFT.

A real series of ``n`` samples is taken as ``n / 2`` complex numbers, its even samples the real
parts, its odd ones the imaginary parts. In a block of work, flat, sample ``i`` of lane ``l``
stands at ``8 i + l``, so complex number ``j`` of all lanes is one line of 16 floats: eight real
parts, eight imaginary parts. A pass goes from one block to another; every one reads lines that
are equally far apart and writes neighbours, which leaves the frequencies in the order that
:mod:`qfb_gpu._backend.spectra` tells in ``place``.

What makes it fast is that LLVM turns the loops over lanes into vector instructions. It does where
it knows that blocks do not overlap (Numba says so of the arguments of a ``prange`` whose body is
one call), where what is written stands at constant distances, and where the body is long enough
not to be unrolled first. Lanes do not mix: the answer of a series does not depend on which stand
beside it, nor on the width of a vector. No fast-math: no instruction is fused or reordered.

References
----------
M. C. Pease, "An adaptation of the fast Fourier transform for parallel processing",
doi:10.1145/321450.321457; H. V. Sorensen et al., "Real-valued fast Fourier transform
algorithms", doi:10.1109/TASSP.1987.1165220.
"""

from __future__ import annotations

from numba import float32, njit

LANES = 8
LINE = 2 * LANES
_QUARTER = float32(0.25)
plain = njit(error_model="numpy", _nrt=False, no_cfunc_wrapper=True)
inlined = njit(error_model="numpy", _nrt=False, no_cfunc_wrapper=True, forceinline=True)


@inlined
def _by_four(work, out, cosine, sine, n_points, n_done):
    """Do one pass of radix four: ``n_done`` transforms of ``n_points`` go on as fourths."""
    far = LINE * n_done * (n_points // 4)
    for point in range(n_points // 4):
        turn = 2 * n_done * point
        cos_1, cos_2, cos_3 = cosine[turn], cosine[2 * turn], cosine[3 * turn]
        sin_1, sin_2, sin_3 = sine[turn], sine[2 * turn], sine[3 * turn]
        for at in range(LINE * point * n_done, LINE * (point + 1) * n_done, LINE):
            a = work[at : at + LINE]
            b = work[at + far : at + far + LINE]
            c = work[at + 2 * far : at + 2 * far + LINE]
            d = work[at + 3 * far : at + 3 * far + LINE]
            lines = out[4 * at : 4 * at + 4 * LINE]
            for i in range(LANES):
                j = LANES + i
                even_re, even_im = a[i] + c[i], a[j] + c[j]
                skew_re, skew_im = a[i] - c[i], a[j] - c[j]
                odd_re, odd_im = b[i] + d[i], b[j] + d[j]
                turned_re, turned_im = b[j] - d[j], d[i] - b[i]
                lines[i] = even_re + odd_re
                lines[j] = even_im + odd_im
                x, y = skew_re + turned_re, skew_im + turned_im
                lines[LINE + i] = x * cos_1 + y * sin_1
                lines[LINE + j] = y * cos_1 - x * sin_1
                x, y = even_re - odd_re, even_im - odd_im
                lines[2 * LINE + i] = x * cos_2 + y * sin_2
                lines[2 * LINE + j] = y * cos_2 - x * sin_2
                x, y = skew_re - turned_re, skew_im - turned_im
                lines[3 * LINE + i] = x * cos_3 + y * sin_3
                lines[3 * LINE + j] = y * cos_3 - x * sin_3


@inlined
def _by_two(work, out, half):
    """Do the last pass where two points are left, two pairs of lines at a time."""
    far = LINE * half
    for k in range(0, half, 2):
        first = LINE * k
        a, b = work[first : first + 2 * LINE], work[far + first : far + first + 2 * LINE]
        pairs = out[2 * first : 2 * first + 4 * LINE]
        for i in range(LINE):
            j = LINE + i
            pairs[i] = a[i] + b[i]
            pairs[j] = a[i] - b[i]
            pairs[LINE + j] = a[j] + b[j]
            pairs[2 * LINE + j] = a[j] - b[j]


@inlined
def _powers(work, out, cosine, sine, place, n_samples):
    """Write the power of each frequency of the real series, two and their mirrors at a time."""
    half = n_samples // 2
    for k in range(0, half // 2, 2):
        at, to = LINE * place[k], LINE * place[half - k]
        a, b = work[at : at + LINE], work[to : to + LINE]
        at, to = LINE * place[k + 1], LINE * place[half - k - 1]
        c, d = work[at : at + LINE], work[to : to + LINE]
        lines = out[LINE * k : LINE * k + 2 * LINE]
        cos_0, sin_0, cos_1, sin_1 = cosine[k], sine[k], cosine[k + 1], sine[k + 1]
        for i in range(LANES):
            j = LANES + i
            even_re, even_im = a[i] + b[i], a[j] - b[j]
            x, y = a[j] + b[j], a[i] - b[i]
            odd_re, odd_im = cos_0 * x - sin_0 * y, sin_0 * x + cos_0 * y
            x, y = even_re + odd_re, even_im - odd_im
            lines[i] = _QUARTER * (x * x + y * y)
            x, y = even_re - odd_re, even_im + odd_im
            lines[j] = _QUARTER * (x * x + y * y)
            even_re, even_im = c[i] + d[i], c[j] - d[j]
            x, y = c[j] + d[j], c[i] - d[i]
            odd_re, odd_im = cos_1 * x - sin_1 * y, sin_1 * x + cos_1 * y
            x, y = even_re + odd_re, even_im - odd_im
            lines[LINE + i] = _QUARTER * (x * x + y * y)
            x, y = even_re - odd_re, even_im + odd_im
            lines[LINE + j] = _QUARTER * (x * x + y * y)
    middle = LINE * place[half // 2]
    for i in range(LANES):  # turned by a quarter: the even and the odd half do not mix
        real, imaginary = work[middle + i], work[middle + LANES + i]
        out[LANES * half + i] = real * real + imaginary * imaginary


@plain
def starts_in_other(n_samples):
    """Return whether the number of passes is odd, the last of which has to end in ``work``."""
    n_points, is_odd = n_samples // 2, False
    while n_points > 1:
        n_points //= 4 if n_points > 2 else 2
        is_odd = not is_odd
    return is_odd


@inlined
def power_of_eight(work, other, out, cosine, sine, place):
    """Write the power spectra of eight real series.

    Parameters
    ----------
    work, other : float32, shape (8 * n_samples,)
        The series, sample by sample eight abreast, are in ``other`` where
        :func:`starts_in_other`, else in ``work``; both are used up.
    out : float32, shape (8 * (n_samples // 2 + 1),)
        A line a frequency below the middle one: its power in each lane, then that of its mirror,
        which is as far below the last frequency; then half a line for the middle frequency.
    cosine, sine : float32, shape (n_samples,)
        Of whole turns in ``n_samples`` steps; a power of two from 16.
    place : int64, shape (n_samples // 2 + 1,)
        Where the passes leave each frequency.
    """
    n_samples = cosine.shape[0]
    n_points, n_done = n_samples // 2, 1
    if starts_in_other(n_samples):
        _by_four(other, work, cosine, sine, n_points, n_done)
        n_points //= 4
        n_done *= 4
    while n_points > 1:
        _by_four(work, other, cosine, sine, n_points, n_done)
        if n_points == 8:
            _by_two(other, work, n_samples // 4)
            break
        _by_four(other, work, cosine, sine, n_points // 4, 4 * n_done)
        n_points //= 16
        n_done *= 16
    _powers(work, out, cosine, sine, place, n_samples)
