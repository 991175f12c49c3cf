"""Fourier transform of eight real series side by side; for the host only, a device has cuFFT.

A real series of ``n`` samples is taken as ``n / 2`` complex numbers, its even samples the real
parts, its odd ones the imaginary parts. In the flat array of work, sample ``i`` of lane ``l``
stands at ``8 i + l``, so complex number ``j`` of all lanes is one line of 16 floats: eight real
parts, eight imaginary parts. The passes are of radix four and work in place: the transform of
``m`` points becomes four of ``m / 4`` that stand one after the other, which leaves the
frequencies in the order that :mod:`qfb_gpu._backend.spectra` tells in ``place``. Once a
transform fits a processor's smallest cache it is done to its end before the next one is begun.
The last pass, of radix four or two, goes straight on to the powers.

Every line is two vectors (:mod:`qfb_kernels.vectors`), so lanes do not mix: the answer of a series
does not depend on which stand beside it. No instruction is fused or reordered.

References
----------
J. W. Cooley, J. W. Tukey, "An algorithm for the machine calculation of complex Fourier series",
doi:10.1090/S0025-5718-1965-0178586-1; H. V. Sorensen et al., "Real-valued fast Fourier transform
algorithms", doi:10.1109/TASSP.1987.1165220.
"""

from __future__ import annotations

from numba import float32, njit

from qfb_kernels.vectors import LANES, all_eight, eight, put

LINE = 2 * LANES
_NEAR_POINTS = 128
"""Points of eight transforms that fit a cache of 32 KiB with room to spare."""
_QUARTER = float32(0.25)
inlined = njit(error_model="numpy", _nrt=False, no_cfunc_wrapper=True, forceinline=True)


@inlined
def _line(work, at):
    """Read one complex number of all lanes."""
    return eight(work, at), eight(work, at + LANES)


@inlined
def _put_line(work, at, re, im):
    """Write one complex number of all lanes."""
    put(work, at, re)
    put(work, at + LANES, im)


@inlined
def _four(work, at, far):
    """Transform four points that stand ``far`` floats apart; return them."""
    a_re, a_im = _line(work, at)
    b_re, b_im = _line(work, at + far)
    c_re, c_im = _line(work, at + 2 * far)
    d_re, d_im = _line(work, at + 3 * far)
    even_re, even_im = a_re + c_re, a_im + c_im
    skew_re, skew_im = a_re - c_re, a_im - c_im
    odd_re, odd_im = b_re + d_re, b_im + d_im
    turned_re, turned_im = b_im - d_im, d_re - b_re
    return (
        even_re + odd_re, even_im + odd_im, skew_re + turned_re, skew_im + turned_im,
        even_re - odd_re, even_im - odd_im, skew_re - turned_re, skew_im - turned_im,
    )  # fmt: skip


@inlined
def _by_four(work, begin, end, n_points, n_done, cosine, sine):
    """Do one pass over some points: the transforms of ``n_points`` there go on as fourths."""
    far = LINE * (n_points // 4)
    for point in range(n_points // 4):
        turn = 2 * n_done * point
        cos_1, sin_1 = all_eight(cosine[turn]), all_eight(sine[turn])
        cos_2, sin_2 = all_eight(cosine[2 * turn]), all_eight(sine[2 * turn])
        cos_3, sin_3 = all_eight(cosine[3 * turn]), all_eight(sine[3 * turn])
        for at in range(LINE * (begin + point), LINE * end, 4 * far):
            found = _four(work, at, far)
            _put_line(work, at, found[0], found[1])
            x, y = found[2], found[3]
            _put_line(work, at + far, x * cos_1 + y * sin_1, y * cos_1 - x * sin_1)
            x, y = found[4], found[5]
            _put_line(work, at + 2 * far, x * cos_2 + y * sin_2, y * cos_2 - x * sin_2)
            x, y = found[6], found[7]
            _put_line(work, at + 3 * far, x * cos_3 + y * sin_3, y * cos_3 - x * sin_3)


@inlined
def _pair(out, k, a_re, a_im, b_re, b_im, cosine, sine):
    """Write the power of frequency ``k`` of the real series, and of its mirror.

    ``a`` is what the complex series has at ``k``, ``b`` what it has at the mirror.
    """
    quarter, cos, sin = all_eight(_QUARTER), all_eight(cosine[k]), all_eight(sine[k])
    even_re, even_im = a_re + b_re, a_im - b_im
    x, y = a_im + b_im, a_re - b_re
    odd_re, odd_im = cos * x - sin * y, sin * x + cos * y
    x, y = even_re + odd_re, even_im - odd_im
    put(out, LINE * k, quarter * (x * x + y * y))
    x, y = even_re - odd_re, even_im + odd_im
    put(out, LINE * k + LANES, quarter * (x * x + y * y))


@inlined
def _last_two(work, out, cosine, sine, place, half):
    """Do the last pass where two points are left, and write the powers."""
    a_re, a_im = _line(work, 0)
    b_re, b_im = _line(work, LINE)
    x, y = a_re + b_re, a_im + b_im
    _pair(out, 0, x, y, x, y, cosine, sine)
    x, y = a_re - b_re, a_im - b_im
    put(out, LANES * half, x * x + y * y)
    for k in range(1, half // 4 + 1):
        at, to = LINE * place[k], LINE * place[half // 2 - k]
        a_re, a_im = _line(work, at)
        b_re, b_im = _line(work, at + LINE)
        c_re, c_im = _line(work, to)
        d_re, d_im = _line(work, to + LINE)
        _pair(out, k, a_re + b_re, a_im + b_im, c_re - d_re, c_im - d_im, cosine, sine)
        mirror = half // 2 - k
        _pair(out, mirror, c_re + d_re, c_im + d_im, a_re - b_re, a_im - b_im, cosine, sine)


@inlined
def _last_four(work, out, cosine, sine, place, half):
    """Do the last pass where four points are left, and write the powers."""
    quarter = half // 4
    a = _four(work, 0, LINE)
    _pair(out, 0, a[0], a[1], a[0], a[1], cosine, sine)
    _pair(out, quarter, a[2], a[3], a[6], a[7], cosine, sine)
    put(out, LANES * half, a[4] * a[4] + a[5] * a[5])
    for k in range(1, quarter // 2 + 1):
        a, b = _four(work, LINE * place[k], LINE), _four(work, LINE * place[quarter - k], LINE)
        _pair(out, k, a[0], a[1], b[6], b[7], cosine, sine)
        _pair(out, quarter + k, a[2], a[3], b[4], b[5], cosine, sine)
        _pair(out, 2 * quarter - k, b[2], b[3], a[4], a[5], cosine, sine)
        _pair(out, quarter - k, b[0], b[1], a[6], a[7], cosine, sine)


@inlined
def power_of_eight(work, out, cosine, sine, place):
    """Write the power spectra of eight real series.

    Parameters
    ----------
    work : float32, shape (8 * n_samples,)
        The series, sample by sample eight abreast; used up. At a multiple of 64 bytes it is a
        tenth to a quarter faster.
    out : float32, shape (8 * (n_samples // 2 + 1),)
        A line a frequency below the middle one: its power in each lane, then that of its mirror,
        which is as far below the last frequency; then half a line for the middle frequency.
    cosine, sine : float32, shape (n_samples,)
        Of whole turns in ``n_samples`` steps; a power of two from 16.
    place : int64, shape (n_samples // 2 + 1,)
        Where the passes leave each frequency.
    """
    half = cosine.shape[0] // 2
    n_near, n_done = half, 1
    while n_near > _NEAR_POINTS:
        _by_four(work, 0, half, n_near, n_done, cosine, sine)
        n_near //= 4
        n_done *= 4
    n_points = n_near
    for begin in range(0, half, n_near):
        n_points, done = n_near, n_done
        while n_points > 4:
            _by_four(work, begin, begin + n_near, n_points, done, cosine, sine)
            n_points //= 4
            done *= 4
    if n_points == 2:
        _last_two(work, out, cosine, sine, place, half)
    else:
        _last_four(work, out, cosine, sine, place, half)
