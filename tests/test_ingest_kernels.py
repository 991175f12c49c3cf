"""Kernels of an ingest against plain Python: repeated values, ids as numbers, the order of rows."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfb_gpu.lake.merge import _seen_twice
from qfb_gpu.lake.rows import fixed
from qfb_gpu.lake.serials import serial_of, texts_of
from qfb_gpu.lake.texts import hash_texts
from qfb_kernels import ledger_order
from qfb_kernels.widen import decode_cpu, widen_cpu

LOW, HIGH = -(2**63), 2**63 - 1
FNV, PRIME = 0xCBF29CE484222325, 0x100000001B3
MASK = 2**64 - 1


@given(st.lists(st.integers(-3, 3) | st.integers(LOW, HIGH), max_size=40))
def test_values_that_are_there_twice_are_found(values):
    counts = Counter(values)
    want = [row for row, value in enumerate(values) if counts[value] > 1]
    assert _seen_twice(np.array(values, np.int64)).tolist() == want


@pytest.mark.parametrize("kind", [np.int8, np.int32, np.uint64, np.float64])
def test_values_of_every_kind_that_are_there_twice_are_found(kind):
    values = np.array([3, 0, 7, 3, 9, 0, 1], kind)
    assert _seen_twice(values).tolist() == [0, 1, 3, 5]


@pytest.mark.parametrize("kind", [np.int8, np.int32, np.uint64, np.float64])
@pytest.mark.parametrize("n_values", [0, 1, 2, 100])
def test_places_of_no_values_are_places(kind, n_values):
    """Of floats that are there once they were floats, which no array takes for places."""
    values = np.arange(n_values).astype(kind)
    assert values[_seen_twice(values)].size == 0


def test_zeros_of_both_signs_are_one_value():
    assert _seen_twice(np.array([0.0, 1.0, -0.0])).tolist() == [0, 2]


def test_few_of_many_values_that_are_there_twice_are_found():
    values = np.random.default_rng(3).integers(LOW, HIGH, 50_000)
    values[[7, 49_999]] = values[20_000]
    assert _seen_twice(values).tolist() == [7, 20_000, 49_999]


@given(st.text(max_size=4), st.integers(1, 18), st.data())
def test_ids_come_back_from_their_numbers(prefix, n_digits, data):
    numbers = data.draw(st.lists(st.integers(0, 10**n_digits - 1), min_size=1, max_size=9))
    ids = pa.array([f"{prefix}{number:0{n_digits}d}" for number in numbers])
    form, got = serial_of(ids, np.arange(len(ids)))
    assert form.n_bytes == len(ids[0].as_py().encode())
    sizes, content = texts_of(
        [form, form], np.append(got, got), np.array([0, 2, 2]) * len(ids) // 2
    )
    assert sizes.tolist() == [form.n_bytes] * len(ids)
    assert content.tobytes().decode() == "".join(ids.to_pylist())


@pytest.mark.parametrize(
    "ids",
    [["T1", "T12"], ["T1", "U1"], ["T1", "Tx"], ["T1", None], ["T1", ""], ["T1", "款"], ["T1", "T/"],
     ["T1", "T:"]],
)  # fmt: skip
def test_ids_of_two_forms_stay_texts(ids):
    assert serial_of(pa.array(ids), np.arange(2)) is None


def test_rows_that_are_left_out_do_not_matter():
    form, numbers = serial_of(pa.array(["x", "T2", "", "T1"]), np.array([3, 1]))
    assert (form.prefix, form.n_digits, numbers.tolist()) == (b"T", 1, [1, 2])


@given(st.lists(st.integers(0, 2**40 - 1), max_size=60), st.integers(0, 8), st.integers(1, 11))
def test_numbers_are_sorted_by_some_of_their_bits(values, first_bit, digit_bits):
    numbers, scratch = np.array(values, np.int64), np.zeros(len(values), np.int64)
    counts = np.zeros((2, 1 << digit_bits), np.int64)
    swapped = ledger_order.sort_cpu(numbers, scratch, counts, first_bit, digit_bits)
    mask = (1 << 2 * digit_bits) - 1
    want = sorted(values, key=lambda value: (value >> first_bit) & mask)
    assert (scratch if swapped else numbers).tolist() == want


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 3)), max_size=90))
def test_equal_rows_are_put_in_order_but_for_long_runs(rows):
    rows = sorted(rows, key=lambda row: row[0])
    packed, amount, key = np.array(rows, np.int64).reshape(-1, 3).T
    among, order = np.arange(len(rows)), np.empty(len(rows), np.int64)
    long = np.empty(len(rows) + 1, np.int64)
    both = np.ascontiguousarray((packed << 7) | among)
    columns = [fixed(np.ascontiguousarray(one)) for one in (amount, key)]
    n_long = ledger_order.settle_cpu(both, 7, fixed(among), *columns, order, long)
    counts = Counter(packed.tolist())
    assert n_long == 2 * sum(n > ledger_order.LONGEST for n in counts.values())
    for first, end in long[:n_long].reshape(-1, 2).tolist():
        order[first:end] = sorted(order[first:end], key=lambda row: rows[row])
    assert order.tolist() == sorted(range(len(rows)), key=lambda row: rows[row])


@given(st.lists(st.text(max_size=6), max_size=11))
def test_texts_abreast_are_hashed_as_each_by_itself(texts):
    def hashed(text):
        mix = FNV
        for byte in text.encode():
            mix = (mix ^ byte) * PRIME & MASK
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
            mix = (mix ^ (mix >> shift)) * factor & MASK
        return mix or 1

    got = hash_texts(pa.array(texts, pa.string())).view(np.uint64)
    assert got.tolist() == [hashed(text) for text in texts]


RUN = st.tuples(st.sampled_from([0, 1, 2, 4, 8]), st.integers(LOW, HIGH), st.integers(0, 5))


def spilled(runs, data):
    """Return the bytes of some runs in four views, their places, ends, widths and bases; differences."""
    content, places, small = bytearray(8), [], []
    for width, _, n_rows in runs:
        places.append(len(content))
        largest = 2 ** (8 * width) - 1
        small += data.draw(st.lists(st.integers(0, largest), min_size=n_rows, max_size=n_rows))
        for number in small[len(small) - n_rows :]:
            content += number.to_bytes(width, "little")
        content += bytes(-len(content) % 8)
    whole = np.frombuffer(content, np.uint8)
    views = tuple(whole.view(kind) for kind in (np.uint8, np.uint16, np.uint32, np.int64))
    ends = np.append(0, np.cumsum([n for _, _, n in runs])).astype(np.int64)
    widths, bases = (np.array([run[k] for run in runs], np.int64) for k in (0, 1))
    return (views, np.array(places, np.int64), ends, widths, bases), small


@given(st.lists(RUN, max_size=5), st.sampled_from([np.int32, np.int64]), st.data())
def test_numbers_of_runs_come_back_whatever_they_were_kept_in(runs, kind, data):
    spill, small = spilled(runs, data)
    of_row = [base for _, base, n_rows in runs for _ in range(n_rows)]
    out = np.empty(len(small), kind)
    widen_cpu(*spill, out)
    bits = np.dtype(kind).itemsize * 8
    whole = [(base + one) % 2**bits for base, one in zip(of_row, small, strict=True)]
    assert out.tolist() == [one - 2**bits if one >= 2 ** (bits - 1) else one for one in whole]


@given(st.lists(st.lists(st.integers(-1, 4), max_size=5), max_size=4), st.sampled_from([1, 2, 4]))
def test_codes_of_runs_stand_for_the_texts_of_their_run(codes, width):
    bases = [min(run, default=0) for run in codes]
    runs = [
        (width if len({*run}) > 1 else 0, base, len(run))
        for run, base in zip(codes, bases, strict=True)
    ]

    class Drawn:
        numbers = iter(codes)

        def draw(self, _):
            run = next(self.numbers)
            return [code - min(run) if len({*run}) > 1 else 0 for code in run]

    spill, _ = spilled(runs, Drawn())
    values = fixed(np.arange(5 * len(codes), dtype=np.int32) * 7)
    value_ends = np.arange(len(codes) + 1) * 5
    out = np.empty(sum(map(len, codes)), np.int32)
    decode_cpu(*spill, values, value_ends, out)
    wanted = [
        (5 * n + code) * 7 if code >= 0 else -1 for n, run in enumerate(codes) for code in run
    ]
    assert out.tolist() == wanted
