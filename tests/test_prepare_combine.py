"""Columns together and apart: golden examples, and a row-by-row reference."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import prepare as naive

from qfb_gpu import prepare
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.prepare.compile import compile_recipe

TEXT = st.none() | st.text("ab-", max_size=3)


def column(texts):
    return pa.array(texts, pa.string())


@given(
    st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=6),
    st.sampled_from(["", "-"]),
    st.sampled_from(["null", "skip", "replace"]),
)
def test_join_columns_is_a_join_of_each_row(rows, separator, nulls):
    columns = [column([row[i] for row in rows]) for i in range(3)]
    found = prepare.join_columns(columns, separator=separator, nulls=nulls, replacement="?")
    assert found.to_pylist() == [naive.join_row(row, separator, nulls, "?") for row in rows]


@given(st.lists(TEXT, max_size=6), st.integers(1, 4))
def test_split_columns_pads_with_null_and_keeps_the_rest(texts, n):
    found = [c.to_pylist() for c in prepare.split_columns(column(texts), separator="-", n=n)]
    for row, text in enumerate(texts):
        parts = [] if text is None else text.split("-", n - 1)
        assert [c[row] for c in found] == parts + [None] * (n - len(parts))


@given(st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=6))
def test_duplicates_are_those_of_a_scan(rows):
    columns = [column([row[i] for row in rows]) for i in range(3)]
    others = [text for row in rows for text in row[1:]]
    found = prepare.duplicates(columns, rule="first_in_others").to_pylist()
    assert found == [None if row[0] is None else int(row[0] in others) for row in rows]
    found = prepare.duplicates(columns, rule="all_equal").to_pylist()
    for row, value in zip(rows, found, strict=True):
        assert value == (None if None in row else int(len(set(row)) == 1))


def test_recipe_steps_take_and_make_several_columns():
    recipe = compile_recipe(
        [
            {"op": "split_columns", "column": "memo", "separator": "-", "n": 2, "into": ["a", "b"]},
            {"op": "join_columns", "columns": ["b", "a"], "separator": "+", "into": "c"},
        ],
        ["memo"],
        "sources.orders",
    )
    rows, _, _ = recipe.apply(pa.RecordBatch.from_pydict({"memo": ["x-y-z", None]}))
    assert rows.column("c").to_pylist() == ["y-z+x", None]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: prepare.join_columns([], separator=","), InputError, "1 or more columns"),
        (lambda: prepare.join_columns([column(["a"])], nulls="drop"), ConfigError, "skip, replace"),
        (
            lambda: prepare.join_columns([column(["a"]), column([])]),
            InputError,
            r"lengths \[1, 0\]",
        ),
        (lambda: prepare.split_columns(column([]), separator="", n=1), ConfigError, "separator"),
        (lambda: prepare.split_columns(column([]), separator="-", n=0), ConfigError, "1 or more"),
        (lambda: prepare.duplicates([column([])], rule="all_equal"), InputError, "2 or more"),
        (lambda: prepare.duplicates([column([])] * 2, rule="some"), ConfigError, "all_equal"),
    ],
)
def test_refuses(call, error, words):
    with pytest.raises(error, match=words):
        call()
