"""The host's transform against the definition, and no further from it than SciPy in float32."""

import numpy as np
import pytest
import scipy.fft
from naive import spectrum as naive
from numba import njit

from qfb_gpu._backend.spectra import turns
from qfb_gpu.payments.spectrum import LENGTH_CLASSES
from qfb_kernels.transform import LINE, power_of_eight
from qfb_kernels.vectors import LANES


@njit
def transform(work, out, cosine, sine, place):
    power_of_eight(work, out, cosine, sine, place)


def powers_of(series):
    """Return the power spectra of eight series (8, n_samples): (8, n_samples // 2 + 1)."""
    half = series.shape[1] // 2
    out = np.full(LANES * (half + 1), np.nan, np.float32)
    transform(series.T.ravel(), out, *turns(2 * half))
    lines = out[: LANES * half].reshape(-1, LINE)
    middle = out[LANES * half :]
    mirrored = lines[:, LANES:][::-1]  # of the last frequency, the one before, ...
    return np.concatenate([lines[:, :LANES], middle[None], mirrored]).T


def counts(n_samples, seed):
    """Return eight daily series of payments at random, less their mean."""
    rng = np.random.default_rng(seed)
    some = np.zeros((LANES, n_samples))
    for lane in range(LANES):
        np.add.at(some[lane], rng.integers(0, n_samples, rng.integers(6, 60)), 1)
    return (some - some.mean(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("n_samples", [16, 32, 64, 128])
def test_it_is_the_transform_by_its_definition(n_samples):
    series = counts(n_samples, 1)
    want = [naive.powers(values.astype(float).tolist()) for values in series]
    np.testing.assert_allclose(powers_of(series), want, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("n_samples", LENGTH_CLASSES)
def test_it_is_no_further_from_float64_than_scipy_in_float32(n_samples):
    ours, scipys = [], []
    for seed in range(30):
        series = counts(n_samples, seed)
        want = np.abs(np.fft.rfft(series.astype(float))) ** 2
        waves = scipy.fft.rfft(series)
        assert waves.dtype == np.complex64
        scale = want.mean(axis=1, keepdims=True)
        ours.append((powers_of(series) - want) / scale)
        scipys.append((waves.real**2 + waves.imag**2 - want) / scale)
    spread, theirs = (np.sqrt(np.mean(np.square(errors))) for errors in (ours, scipys))
    assert spread < 1.35 * theirs
    assert np.abs(ours).max() < 2 * np.abs(scipys).max()
    assert np.abs(ours).max() < 1e-5


def test_a_line_is_where_it_belongs():
    n_samples = 256
    angle = 2 * np.pi * np.arange(n_samples) / n_samples
    lines = np.array([1, 2, 17, 63, 64, 65, 100, 127])
    power = powers_of(np.cos(lines[:, None] * angle).astype(np.float32))
    want = np.zeros_like(power)
    want[np.arange(LANES), lines] = (n_samples / 2) ** 2
    np.testing.assert_allclose(power, want, atol=0.5)
