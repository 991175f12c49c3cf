"""Rows that leave a lake by their content: as many of them as leave, and no other."""

from collections import Counter
from types import SimpleNamespace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfb_gpu.lake.leaving import FeedMismatchError, _without_rejects, subtract
from qfb_gpu.lake.rejects import reject_table

ROWS = st.lists(
    st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([None, -1, 0]),
              st.sampled_from([None, "x", ""])), max_size=8,
)  # fmt: skip
SCHEMA = SimpleNamespace(name="orders", key=("order_id", "customer_id"))


def spilled(rows, file, *, coded):
    """Return rows (customer, amount, memo) in the layout of a bucket's runs."""
    customer, amount, memo = ([row[at] for row in rows] for at in range(3))
    texts = pa.array(memo, pa.string())
    return pa.table({
        "customer_id": pa.array(customer, pa.string()).dictionary_encode(),
        "amount_minor": pa.array(amount, pa.int64()),
        "memo": texts.dictionary_encode() if coded else texts,
        "source_file": pa.array([file] * len(rows), pa.int32()),
        "source_row": pa.array(range(len(rows)), pa.int64()),
    })  # fmt: skip


def content(table):
    return Counter(tuple(row.values())[:3] for row in table.to_pylist())


@given(ROWS, ROWS, ROWS, st.booleans())
@settings(max_examples=120)
def test_each_row_that_leaves_takes_one_of_its_content_away(one, other, gone, coded):
    """From whatever file; which rows are alike, their texts' codes do not say."""
    if not gone:
        return
    tables = [spilled(one, 0, coded=coded), spilled(other, 1, coded=False)]
    removed = [spilled(gone[:3], 2, coded=not coded), spilled(gone[3:], 3, coded=coded)]
    wanted = Counter([*one, *other])
    if not Counter(gone) <= wanted:
        with pytest.raises(FeedMismatchError, match="that leave"):
            subtract(tables, removed, SCHEMA)
        return
    left = subtract(tables, removed, SCHEMA)
    assert content(left[0]) + content(left[1]) == wanted - Counter(gone)
    for before, after in zip(tables, left, strict=True):
        assert content(after) <= content(before)
        assert after.schema == before.schema


@given(st.lists(st.sampled_from("abc"), max_size=8), st.lists(st.sampled_from("abc"), max_size=4))
def test_each_rejected_row_that_leaves_takes_one_of_its_content_away(rows, gone):
    def rejects(texts, file):
        reason = pa.array(["bad" if text == "a" else "worse" for text in texts], pa.string())
        return reject_table("orders", file, range(len(texts)), reason, pa.array(texts, pa.string()))

    tables = [rejects([one], "g") for one in gone]
    if not Counter(gone) <= Counter(rows):
        with pytest.raises(FeedMismatchError, match="not among the rejects"):
            _without_rejects(rejects(rows, "f"), tables)
        return
    left = _without_rejects(rejects(rows, "f"), tables)
    assert Counter(left.column("row_json").to_pylist()) == Counter(rows) - Counter(gone)
    assert set(left.column("file").to_pylist()) <= {"f"}
