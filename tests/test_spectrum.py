"""Spectra of daily counts: known answers, Parseval, a slow transform, any batch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import spectrum as naive
from simulate import launch
from strategies import in_small_batches

from qfb_gpu._backend.spectra import by_transform
from qfb_gpu.backend import Backend, get_backend
from qfb_gpu.payments.spectrum import (
    FEWEST_PAYMENTS,
    LENGTH_CLASSES,
    MIN_PAYMENTS,
    MIN_SPAN_DAYS,
    SPARSE_PAYMENTS,
    spectra,
)
from qfb_kernels import series

CPU = get_backend("cpu")


def pack(units):
    """Return day, member, start, size of lists of days."""
    sizes = np.array([len(days) for days in units], np.int32)
    day = np.array([d for days in units for d in days], np.int64)
    member = np.arange(len(day), dtype=np.int32)
    start = np.cumsum(sizes, dtype=np.int64) - sizes
    return day, member, start, sizes


def payer(period, span):
    """Return the days of a payment every ``period`` days over at most ``span`` days."""
    return [round(i * period) for i in range(int((span - 1) // period) + 1)]


def random_units(n_units, most_days, seed=0):
    rng = np.random.default_rng(seed)
    spans = rng.integers(20, most_days + 1, n_units)
    return [
        sorted([0, int(span) - 1, *rng.integers(0, span, rng.integers(4, 40)).tolist()])
        for span in spans
    ]


def class_of(days):
    return next(n for n in LENGTH_CLASSES if n >= days[-1] - days[0] + 1)


@pytest.mark.parametrize("period", [7, 10, 14, 28, 30, 365.2425 / 12, 91])
def test_a_payer_of_a_known_period_peaks_there(backend, period):
    units = [
        payer(period, span)
        for n_samples in LENGTH_CLASSES
        for span in (n_samples, n_samples * 3 // 4, n_samples // 2 + 1)
    ]
    units = [days for days in units if len(days) >= MIN_PAYMENTS]
    assert {class_of(days) for days in units} >= set(LENGTH_CLASSES[-3:])
    found = spectra(*map(backend.asarray, pack(units)), backend)
    for days, peaks, strength, entropy in zip(units, *map(backend.to_host, found), strict=True):
        frequency_per_day = 1 / peaks[0]
        assert frequency_per_day == pytest.approx(1 / period, abs=0.5 / days[-1]), days[-1]
        assert strength > 0
        assert entropy < 0.9


@pytest.mark.parametrize("n_samples", [64, 512, 4096])
def test_parseval_on_the_series(backend, n_samples):
    units = [days for days in random_units(40, n_samples, n_samples) if days[-1] < n_samples]
    day, member, start, size = map(backend.asarray, pack(units))
    values = backend.xp.empty((len(units), n_samples), dtype="float32")
    backend.launch(series.fill_cpu, series.fill_gpu, len(units), day, member, start, size, values)
    power = np.abs(backend.to_host(backend.rfft(values)).astype(complex)) ** 2
    twice = np.full(power.shape[1], 2.0)
    twice[[0, -1]] = 1.0
    energy = (backend.to_host(values).astype(float) ** 2).sum(axis=1)
    np.testing.assert_allclose(power @ twice / n_samples, energy, rtol=1e-5)
    assert np.all(power[:, 0] <= 1e-4 * energy)  # the mean is off: no power at frequency 0


@pytest.mark.parametrize("n_samples", [64, 256])
def test_the_series_matches_naive(n_samples):
    units = [*random_units(12, 400, 1), [5] * 6, [3, 3, 4]]
    got = np.full((len(units), n_samples), 9, np.float32)
    series.fill_cpu(*pack(units), got)
    want = [naive.series(days, n_samples) for days in units]
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


def test_spectra_match_naive():
    units = [*random_units(30, 64, 2), *random_units(25, 256, 3), payer(7, 230), payer(12, 200)]
    peaks, strength, entropy = spectra(*pack(units), CPU)
    for unit, days in enumerate(units):
        want, want_strength, want_entropy = naive.summary(days, class_of(days))
        np.testing.assert_allclose(peaks[unit], want, rtol=1e-3, err_msg=str(days))
        assert strength[unit] == pytest.approx(want_strength, rel=1e-4)
        assert entropy[unit] == pytest.approx(want_entropy, rel=1e-4)


several = st.lists(
    st.lists(st.integers(0, 90) | st.integers(0, 6_000), max_size=40).map(sorted), max_size=6
)


@given(several)
@settings(max_examples=100)
def test_strength_and_entropy_stay_in_their_range(units):
    units = [days for days in units if days]
    peaks, strength, entropy = spectra(*pack(units), CPU)
    for unit, days in enumerate(units):
        span = days[-1] - days[0] + 1
        sparse = span > LENGTH_CLASSES[-1] and len(days) < SPARSE_PAYMENTS
        if len(days) < MIN_PAYMENTS or span < MIN_SPAN_DAYS or sparse:
            assert np.isnan(strength[unit])
            assert np.isnan(entropy[unit])
            if span < MIN_SPAN_DAYS or len(days) < FEWEST_PAYMENTS:
                assert peaks[unit].tolist() == [0.0, 0.0, 0.0]
            continue
        assert 0.0 <= strength[unit] <= 1.0
        assert 0.0 <= entropy[unit] <= 1.0 + 1e-9
        found = peaks[unit][peaks[unit] > 0]
        assert np.all(found >= 1.9)
        assert np.all(found <= span)


class ByTransform(Backend):
    """The host, working as a device does."""

    def daily_spectra(self, *arguments, **options):
        by_transform(self, *arguments, **options)


def as_a_device():
    return ByTransform(**{name: getattr(CPU, name) for name in Backend.__dataclass_fields__})


def test_no_batch_has_more_samples_than_a_plan_takes(monkeypatch):
    """With one bucket under way a large device has memory for more."""
    most, rows = 4_096, []

    class Large(ByTransform):
        def memory_budget_bytes(self):
            return 2**40

        def rfft(self, batch):
            rows.append(batch.size)
            return super().rfft(batch)

    monkeypatch.setattr("qfb_gpu._backend.spectra._MOST_SAMPLES", most)
    units = pack(random_units(60, 700))
    large = Large(**{name: getattr(CPU, name) for name in Backend.__dataclass_fields__})
    got = spectra(*units, large)
    assert len(rows) > 10
    assert max(rows) <= most
    for found, wanted in zip(got, spectra(*units, as_a_device()), strict=True):
        np.testing.assert_array_equal(found, wanted)


@given(several, st.integers(1, 70_000))
@settings(max_examples=60)
def test_batches_change_nothing(units, budget_bytes):
    units = [days for days in units if days]
    device = as_a_device()
    whole = spectra(*pack(units), device)
    parts = spectra(*pack(units), in_small_batches(device, budget_bytes))
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one, other)


@given(several)
@settings(max_examples=40)
def test_eight_abreast_are_what_the_transform_says(units):
    units = [days for days in units if days]
    arrays = pack(units)
    before = [array.copy() for array in arrays]
    for one, other in zip(spectra(*arrays, CPU), spectra(*arrays, as_a_device()), strict=True):
        # two frequencies as strong as each other may go either way; then nothing can be said
        np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
        if one.ndim == 1:
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    for array, was in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, was)


def test_random_units_have_the_peaks_that_the_transform_finds():
    units = [days for n in LENGTH_CLASSES for days in random_units(60, n, n)] + [
        sorted(np.random.default_rng(seed).integers(0, 9_000, 300).tolist()) for seed in range(20)
    ]
    want, *_ = spectra(*pack(units), as_a_device())
    got, *_ = spectra(*pack(units), CPU)
    same = np.isclose(got, want, rtol=1e-3).all(axis=1)
    assert same.mean() > 0.99  # the others are as good as even; see test_transform.py
    assert ((got > 0) == (want > 0)).all()


def test_who_stands_beside_whom_changes_nothing(monkeypatch):
    units = [days for n in LENGTH_CLASSES for days in random_units(13, n, n)]
    order = np.random.default_rng(0).permutation(len(units))
    whole = spectra(*pack(units), CPU)
    monkeypatch.setenv("QFB_THREADS", "1")
    shuffled = spectra(*pack([units[i] for i in order]), CPU)
    for one, other in zip(whole, shuffled, strict=True):
        np.testing.assert_array_equal(one[order], other)


def test_days_before_the_last_4096_do_not_count():
    recent = payer(30, 4_000)
    both = [day - 9_000 for day in payer(11, 700)] + recent
    first = recent[-1] - 4_095
    inside = [day for day in both if day >= first]
    got, want = np.zeros((2, 1, 4_096), np.float32)
    series.fill_cpu(*pack([both]), got)
    series.fill_cpu(*pack([[first, *inside]]), want)  # the same span
    want[0, 0] -= 1.0
    np.testing.assert_allclose(got - got.mean(), want - want.mean(), atol=1e-6)


def test_no_unit_is_no_spectrum(backend):
    peaks, strength, entropy = spectra(*map(backend.asarray, pack([])), backend)
    assert peaks.shape == (0, 3)
    assert strength.shape == entropy.shape == (0,)


def test_peaks_are_the_same_without_the_shape(backend):
    arrays = [*map(backend.asarray, pack(random_units(20, 500, 5)))]
    peaks, strength, entropy = spectra(*arrays, backend, with_shape=False)
    whole, *_ = spectra(*arrays, backend)
    np.testing.assert_array_equal(backend.to_host(peaks), backend.to_host(whole))
    assert np.isnan(backend.to_host(strength)).all()
    assert np.isnan(backend.to_host(entropy)).all()


@pytest.mark.cudasim
def test_spectra_in_the_simulator_match_naive():
    units = [payer(7, 60), *random_units(2, 64, 4), [0, 1, 2, 3, 40]]
    values = np.zeros((4, 64), np.float32)
    launch(series.fill_gpu, 4, *pack(units), values)
    want = [naive.series(days, 64) for days in units]
    np.testing.assert_allclose(values, want, rtol=1e-6, atol=1e-6)
    span = np.array([days[-1] - days[0] + 1 for days in units])
    spectrum = np.fft.rfft(values).astype(np.complex64)
    peaks, strength, entropy = np.empty((4, 3)), np.empty(4), np.empty(4)
    launch(series.peaks_gpu, 4, spectrum, span, 64, True, peaks, strength, entropy)
    for unit, days in enumerate(units):
        want_peaks, want_strength, want_entropy = naive.summary(days, 64)
        np.testing.assert_allclose(peaks[unit], want_peaks, rtol=1e-3)
        assert strength[unit] == pytest.approx(want_strength, rel=1e-4)
        assert entropy[unit] == pytest.approx(want_entropy, rel=1e-4)
