"""Records of Parquet files, read and written again, are the same bytes."""

import struct

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfb_gpu.lake import thrift

INTEGER = {
    kind: st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    for kind, bits in ((thrift.I16, 16), (thrift.I32, 32), (thrift.I64, 64))
}
PLAIN = {
    **INTEGER,
    thrift.BINARY: st.binary(max_size=200),
    thrift.DOUBLE: st.floats().map(lambda value: struct.pack("<d", value)),
    thrift.BYTE: st.integers(0, 255),
}
IN_LISTS = {**PLAIN, thrift.TRUE: st.integers(1, 2)}


def lists_of(kinds):
    """Return lists whose elements are all of one type."""
    one = st.sampled_from(sorted(kinds)).flatmap(
        lambda kind: st.tuples(st.just(kind), st.lists(kinds[kind], max_size=20))
    )
    return st.tuples(st.just(thrift.LIST), one)


def structs(inner):
    """Return records that may hold records."""
    plain = st.sampled_from(sorted(PLAIN)).flatmap(
        lambda kind: st.tuples(st.just(kind), PLAIN[kind])
    )
    bools = st.sampled_from([(thrift.TRUE, True), (thrift.FALSE, False)])
    nested = st.tuples(st.just(thrift.STRUCT), inner)
    values = st.one_of(plain, bools, nested, lists_of({**IN_LISTS, thrift.STRUCT: inner}))
    return st.dictionaries(st.integers(1, 300), values, max_size=6)


@given(record=st.recursive(st.just({}), structs, max_leaves=6), before=st.binary(max_size=3))
def test_a_record_that_is_written_is_read_again(record, before):
    data = thrift.write(record)
    found, end = thrift.read(before + data, len(before))
    assert found == record
    assert end == len(before) + len(data)


def test_the_footer_of_a_file_is_the_same_bytes(tmp_path):
    table = pa.table({
        "id": pa.array(["a", None, "b"]), "n": pa.array([1, 2, -3]), "x": [0.5, None, float("nan")],
        "many": [True, False, None],
    })  # fmt: skip
    pq.write_table(table, tmp_path / "t.parquet", compression="zstd", write_page_index=True)
    data = (tmp_path / "t.parquet").read_bytes()
    footer = data[-8 - int.from_bytes(data[-8:-4], "little") : -8]
    record, end = thrift.read(footer)
    assert end == len(footer)
    assert thrift.write(record) == footer


def test_a_record_that_ends_too_early_is_said_so():
    data = thrift.write({1: (thrift.BINARY, b"text"), 2: (thrift.I64, 1 << 40)})
    with pytest.raises(IndexError):
        thrift.read(data[:-3])


def test_a_map_is_said_to_be_unknown():
    with pytest.raises(ValueError, match="type 11 at byte 1: expected one that Parquet's records"):
        thrift.read(bytes([0x1B, 0x00, 0x00]))
