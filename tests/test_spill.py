"""Rows on their way through the spill, and what their texts are looked at for, beside slow ways."""

import datetime as dt
import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulate import launch

from qfb_gpu.lake import run_rows
from qfb_gpu.lake.clean import Cleaned
from qfb_gpu.lake.order import ledger_order
from qfb_gpu.lake.rows import Rows
from qfb_gpu.lake.spill import Spill, bucket_of, split, to_table
from qfb_gpu.lake.texts import clean_text, hash_texts, is_trimmed, text_buffers, trim_plain
from qfb_kernels import recode, text

N_BUCKETS = 3
LOW, HIGH = -(2**63), 2**63 - 1
RUNS = ([2, 0, 0, -1, 1], [0, 0], [], [3, 2, -1])
FAULTS = """
import resource, sys, threading
import numpy as np
if sys.argv[1] == "keeps":
    from qfb_gpu._backend.allocator import keep_freed_memory
    assert keep_freed_memory()
def work():
    for _ in range(20):
        [np.ones(375_000) for _ in range(8)]
thread = threading.Thread(target=work)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
thread.start()
thread.join()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def column_of(kind, n_rows):
    values = {
        "small": st.integers(-3, 3),
        "wide": st.sampled_from([LOW, LOW + 1, -1, 0, HIGH]) | st.integers(LOW, HIGH),
        "tiny": st.integers(-128, 127),
        "float": st.floats(),
        "bool": st.booleans(),
        "day": st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 31)),
        "text": st.sampled_from(["a", "bb", "客户", "x" * 300]),
        "memo": st.text(max_size=5),
    }[kind]
    own = st.just(None) | values if kind not in ("small", "tiny") else values
    return st.lists(own, min_size=n_rows, max_size=n_rows)


TYPES = {"small": pa.int32(), "wide": pa.int64(), "tiny": pa.int8(), "float": pa.float64(),
         "bool": pa.bool_(), "day": pa.date32()}  # fmt: skip


def coded(values):
    return clean_text(pa.array(values, pa.string()))


@st.composite
def ids(draw, n_rows):
    """Draw ids of one form, or of any."""
    some = st.sampled_from(["T07", "T12", "T7", "款07", "", "0042", None])
    if draw(st.booleans()):
        prefix, digits = draw(st.sampled_from(["", "T", "款-"])), draw(st.integers(1, 20))
        some = st.integers(0, 10**digits - 1).map(lambda n: f"{prefix}{n:0{digits}d}")
    return draw(st.lists(some, min_size=n_rows, max_size=n_rows))


@st.composite
def batches(draw):
    """Draw the cleaned rows of a batch: of every kind of column, with and without nulls."""
    n_rows = draw(st.integers(0, 6))
    columns = {"customer_id": coded(draw(st.lists(st.sampled_from("pqrstuv"), min_size=n_rows,
                                                  max_size=n_rows)))}  # fmt: skip
    for kind, arrow in TYPES.items():
        columns[kind] = pa.array(draw(column_of(kind, n_rows)), arrow)
    columns["constant"] = pa.array([draw(st.integers(0, 9))] * n_rows, pa.int32())
    columns["nothing"] = pa.nulls(n_rows, pa.date32())
    columns["text"] = coded(draw(column_of("text", n_rows)))
    columns["id"] = pa.array(draw(ids(n_rows)), pa.string())
    memo = draw(column_of("memo", n_rows))
    columns["memo"] = coded(memo) if draw(st.booleans()) else pa.array(memo, pa.string())
    keep = [row for row in range(n_rows) if draw(st.integers(0, 4))]
    return Cleaned(columns, np.array(keep, np.int64), None)


def in_words(table):
    """Return rows as comparable words, the bits of floats among them."""
    plain = table.cast(pa.schema([
        (f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type)
        for f in table.schema
    ]))  # fmt: skip
    return [repr(tuple(row.values())) for row in plain.to_pylist()]


@given(st.lists(batches(), min_size=1, max_size=3))
@settings(max_examples=15, deadline=None)
def test_a_bucket_gets_its_rows_of_all_batches_as_they_were(tmp_path_factory, some):
    spill = Spill(tmp_path_factory.mktemp("spill") / "rows")
    want = {}
    for cleaned in some:
        kept = to_table(cleaned)
        key = hash_texts(kept.column("customer_id").cast(pa.string()).combine_chunks())
        for bucket, row in zip(bucket_of(key, N_BUCKETS).tolist(), in_words(kept), strict=True):
            want.setdefault(bucket, []).append(row)
        spill.write(split(cleaned, N_BUCKETS))
    spill.seal()
    assert spill.buckets() == sorted(want)
    for bucket, rows in want.items():
        read = [pa.Table.from_batches([batch]) for batch in spill.read(bucket)]
        assert sorted(row for table in read for row in in_words(table)) == sorted(rows)
        assert Rows(read).n_rows == len(rows)
        if len(read) == 1:  # the order is that of the batches
            assert in_words(read[0]) == rows
    spill.remove()


@given(batches())
@settings(max_examples=8, deadline=None)
def test_runs_of_a_batch_in_memory_are_those_on_disk(tmp_path_factory, cleaned):
    spill = Spill(tmp_path_factory.mktemp("spill") / "rows")
    done = split(cleaned, N_BUCKETS)
    kept = {bucket: run_rows.of_bucket(done, number) for number, bucket in enumerate(done.buckets)}
    spill.write(done)
    spill.seal()
    assert kept.keys() == set(spill.buckets())
    for bucket, run in kept.items():
        [read] = spill.read(bucket)
        assert in_words(pa.table(read)) == in_words(pa.table(run))
    spill.remove()


def test_a_spill_that_was_cut_is_not_read(tmp_path):
    spill = Spill(tmp_path / "rows")
    columns = {"customer_id": coded(["p", "q"]), "row": pa.array([1, 2])}
    spill.write(split(Cleaned(columns, np.arange(2), None), 1))
    spill.seal()
    os.truncate(tmp_path / "rows", 8)
    with pytest.raises(OSError, match="ends at byte 8"):
        spill.read(0)
    spill.remove()


def recoded(run):
    """Number a run's codes in the order in which they come."""
    numbers = {}
    for code in run:
        if code >= 0:
            numbers.setdefault(code, len(numbers))
    return [numbers.get(code, -1) for code in run], list(numbers)


def check_recoded(run_kernel, n_places):
    codes = np.array([code for run in RUNS for code in run], np.int32)
    shuffled = np.random.default_rng(1).permutation(codes.size)
    order = np.argsort(shuffled)
    ends = np.append(0, np.cumsum([len(run) for run in RUNS]))
    local, used = np.full(codes.size, 9, np.int32), np.full(codes.size, 9, np.int32)
    place, n_used = np.full((n_places, 4), -1, np.int32), np.full(len(RUNS), 9)
    run_kernel(codes[shuffled], order, ends, place, local, used, n_used)
    assert (place == -1).all()
    for number, run in enumerate(RUNS):
        first = ends[number]
        want, texts = recoded(run)
        assert local[first : ends[number + 1]].tolist() == want
        assert used[first : first + n_used[number]].tolist() == texts


def test_codes_of_runs_match_naive():
    check_recoded(recode.recode_cpu, 1)


@pytest.mark.cudasim
def test_codes_of_runs_in_the_simulator_match_naive():
    check_recoded(lambda *arrays: launch(recode.recode_gpu, len(RUNS), *arrays), len(RUNS))


def rough(texts, kernel=text.rough_cpu):
    data, offsets = text_buffers(pa.array(texts))
    out = np.full(len(texts), 9, np.int8)
    kernel(data, offsets, out)
    return out == 1


def test_no_white_space_of_unicode_is_overlooked():
    characters = [chr(point) for point in range(0x30000) if not 0xD800 <= point < 0xE000]
    for before, after in (("", ""), ("", "x"), ("款", ""), ("é", "")):
        texts = pc.binary_join_element_wise(before, pa.array(characters), after, "")
        is_cut = np.asarray(pc.not_equal(pc.utf8_trim_whitespace(texts), texts))
        found = rough(texts)
        assert is_cut.sum() > 20
        assert not (is_cut & ~found).any()
        assert found.sum() < 500  # few others are looked at again


@pytest.mark.cudasim
def test_rough_texts_in_the_simulator_are_those_on_the_host():
    texts = ["", " a", "a ", "a", "ab", "款", "款\u3000", "\u2003x", "é", "x\u00a0", "1 2"]
    got = rough(texts, lambda *arrays: launch(text.rough_gpu, len(texts), *arrays))
    assert got.tolist() == [value.strip() != value or not value for value in texts]


@given(st.lists(st.none() | st.text(" a款\u3000\u00a0", max_size=4), max_size=8))
def test_texts_are_trimmed_as_python_does(texts):
    want = [(value.strip() or None) if value is not None else None for value in texts]
    given_texts = pa.array(texts, pa.string())
    assert trim_plain(given_texts).to_pylist() == want
    assert clean_text(given_texts).to_arrow().to_pylist() == want
    if is_trimmed(given_texts):
        assert want == texts


def test_memory_that_arrays_gave_back_is_used_again():
    if not sys.platform.startswith("linux") or os.confstr("CS_GNU_LIBC_VERSION") is None:
        pytest.skip("needs glibc")
    clean = {n: v for n, v in os.environ.items() if "MALLOC_" not in n and "TUNABLES" not in n}
    clean["QFB_THREADS"] = "2"
    faults = {
        way: int(subprocess.run([sys.executable, "-c", FAULTS, way], env=clean, check=True,
                                capture_output=True, text=True).stdout)
        for way in ("keeps", "gives back")
    }  # fmt: skip
    assert faults["keeps"] < faults["gives back"] / 4


@given(
    st.lists(st.tuples(*[st.integers(0, 2)] * 5), min_size=1, max_size=12),
    st.sampled_from([1, 40]),
    st.booleans(),
)
def test_payments_are_in_the_order_of_all_their_columns(some, n_times, is_wide):
    rows = [(*row[:-1], n_times * row[-1] + n) for n in range(n_times) for row in some]
    who, whom, day, amount, txn = zip(*rows, strict=True)
    day = [n * (1 << 30) if is_wide else n for n in day]  # wide ones do not fit into one integer
    table = pa.table({
        "customer_id": pa.array([f"c{n}" for n in who]).dictionary_encode(),
        "counterparty_id": pa.array([f"p{n}" for n in whom]).dictionary_encode(),
        "description": pa.array([None] * len(rows), pa.string()).dictionary_encode(),
        "direction_code": pa.array([0] * len(rows), pa.int8()),
        "currency_code": pa.array([n % 2 for n in amount], pa.int16()),
        "date": pa.array([n - 2**31 for n in day] if is_wide else day, pa.int32()),
        "amount_minor": pa.array(amount, pa.int64()),
        "txn_id": pa.array([f"t{n}" for n in txn]),
    })  # fmt: skip
    columns = Rows([table])
    keys = [columns.key(n) for n in ("customer_id", "counterparty_id", "description")]
    keys += [columns.number(n) for n in ("currency_code", "date", "amount_minor")]
    keys.append(columns.key("txn_id"))
    got = ledger_order(columns, np.arange(len(rows)))
    assert got.tolist() == sorted(range(len(rows)), key=lambda row: [int(k[row]) for k in keys])
