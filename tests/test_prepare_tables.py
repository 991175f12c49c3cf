"""Lookups, joins, unions, rows and groups: against loops over rows, and every refusal."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import tables as naive

from qfb_gpu import prepare
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.prepare import columns as columns_module

D = dt.date
KEY = st.none() | st.sampled_from(["a", "b", "中", ""])
KEYS = st.lists(KEY, max_size=8)
DATE = st.none() | st.dates(D(2024, 1, 1), D(2024, 1, 12))


def texts(values):
    return pa.array(values, pa.string())


def keyed(keys):
    return pa.table({"k": texts(keys), "n": pa.array(range(len(keys)), pa.int64())})


def test_a_record_batch_comes_back_as_one():
    """Of a table of one kind another came: a dict of columns."""
    table, other = keyed(["a", "b", "a"]), pa.table({"k": texts(["a"]), "v": pa.array([7])})
    settings = {"on": ["k"], "take": ["v"], "cardinality": "one", "unmatched": "drop"}
    want = prepare.lookup(table, other, **settings)
    found = prepare.lookup(table.to_batches()[0], other, **settings)
    assert isinstance(found.result, pa.RecordBatch)
    assert found.result.to_pylist() == want.result.to_pylist()
    assert found.counts == want.counts


# Lookups -------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(KEYS, KEYS, st.sampled_from(["one", "many"]), st.sampled_from(["null", "drop"]))
def test_lookup_is_a_loop(ours, theirs, cardinality, unmatched):
    table = keyed(ours)
    other = pa.table({"k": texts(theirs), "v": pa.array(range(len(theirs)), pa.int64())})
    settings = {"on": ["k"], "take": ["v"], "cardinality": cardinality, "unmatched": unmatched}
    real = [key for key in theirs if key]
    if cardinality == "one" and len(set(real)) < len(real):
        with pytest.raises(
            InputError, match="several rows in the other table for .*cardinality = 'many'"
        ):
            prepare.lookup(table, other, **settings)
        return
    found = prepare.lookup(table, other, **settings)
    rows = naive.lookup(table.to_pylist(), other.to_pylist(), "k", "v", cardinality, unmatched)
    assert found.result.to_pylist() == rows
    assert found.counts["matched"] == sum(bool(key) and key in theirs for key in ours)
    assert found.counts["without a key"] == sum(not key for key in ours)
    assert sum(found.counts[n] for n in ("matched", "unmatched", "without a key")) == len(ours)


@settings(max_examples=40)
@given(st.lists(st.tuples(KEY, st.integers(0, 2)), max_size=8), st.permutations(range(6)))
def test_a_key_of_two_columns_is_a_pair(ours, order):
    theirs = [(key, number) for key in ("a", "中") for number in range(3)]
    theirs = [theirs[i] for i in order]
    table = pa.table(
        {"k": texts([k for k, _ in ours]), "n": pa.array([n for _, n in ours], pa.int8())}
    )
    other = pa.table({
        "key": texts([k for k, _ in theirs]),
        "number": [n for _, n in theirs],
        "v": [f"{k}{n}" for k, n in theirs],
    })  # fmt: skip
    found = prepare.lookup(table, other, on=[("k", "key"), ("n", "number")], take=["v"])
    expected = [f"{k}{n}" if (k, n) in theirs else None for k, n in ours]
    assert found.result["v"].to_pylist() == expected


@pytest.mark.parametrize("theirs", [["1", "2"], [1.0, 2.0], pa.array([1, 2], pa.int8())])
def test_kinds_of_key_meet(theirs):
    found = prepare.lookup(
        {"k": pa.array([2, 3, None])}, {"k": theirs, "v": ["one", "two"]}, on=["k"], take=["v"]
    )
    assert found.result["v"].to_pylist() == ["two", None, None]


@settings(max_examples=40)
@given(
    st.lists(st.tuples(KEY, DATE), max_size=8),
    st.lists(st.tuples(KEY, DATE), max_size=8, unique=True),
    st.none() | st.integers(0, 4),
)
def test_lookup_asof_is_a_loop(ours, theirs, within):
    theirs = [(key, since) for key, since in theirs if since and key]
    table = pa.table(
        {"k": texts([k for k, _ in ours]), "d": pa.array([d for _, d in ours], pa.date32())}
    )
    other = pa.table({
        "k": texts([k for k, _ in theirs]),
        "since": pa.array([d for _, d in theirs], pa.date32()),
        "v": pa.array(range(len(theirs)), pa.int64()),
    })  # fmt: skip
    found = prepare.lookup_asof(
        table, other, on=["k"], date="d", other_date="since", take=["v"], within_days=within
    )
    rows = [(key, since, n) for n, (key, since) in enumerate(theirs)]
    assert found.result["v"].to_pylist() == naive.lookup_asof(
        [(k or None, d) for k, d in ours], rows, within
    )


@settings(max_examples=40)
@given(KEYS, KEYS, st.sampled_from(["inner", "left", "outer"]))
def test_join_is_pandas(ours, theirs, how):
    ours, theirs = ([key for key in keys if key] for keys in (ours, theirs))
    left, right = keyed(ours), keyed(theirs)
    found = prepare.join_tables(left, right, on=["k"], how=how, cardinality="many").result
    expected = left.to_pandas().merge(right.to_pandas(), on="k", how=how, suffixes=("", "_other"))
    names = ["k", "n", "n_other"]
    rows = sorted(map(str, found.select(names).to_pylist()))
    expected = expected[names].astype(object).where(expected[names].notna(), None)
    whole = [
        {n: v if n == "k" or v is None else int(v) for n, v in row.items()}
        for row in expected.to_dict("records")
    ]
    assert rows == sorted(map(str, whole))


def test_a_join_of_nothing_but_keys_and_the_names_of_both():
    left, right = keyed(["a", "b"]), pa.table({"k": ["a"]})
    assert prepare.join_tables(left, right, on=["k"], how="inner").result == left.slice(0, 1)
    with pytest.raises(ConfigError, match="'inner', 'left' or 'outer'"):
        prepare.join_tables(left, right, on=["k"], how="right")


@settings(max_examples=40)
@given(KEYS, KEYS)
def test_present_in_is_a_scan(ours, theirs):
    found = prepare.present_in(texts(ours), texts(theirs)).to_pylist()
    assert found == [int(k in theirs) if k else None for k in ours]  # an empty text is no key


# Unions --------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.just(0), min_size=1), min_size=1, max_size=4),
       st.sampled_from(["all", "common", "first"]))  # fmt: skip
def test_union_aligns_columns_by_name(layouts, which):
    tables = [
        pa.table({name: pa.array([n, None], pa.int64()) for name in layout})
        for n, layout in enumerate(layouts)
    ]
    found, counts = prepare.union_tables(tables, columns=which, source="from")
    every = list(dict.fromkeys(name for layout in layouts for name in layout))
    names = {
        "all": every,
        "common": [n for n in every if all(n in layout for layout in layouts)],
        "first": list(layouts[0]),
    }[which]
    rows = [
        {**{n: row.get(n) for n in names}, "from": number}
        for number, table in enumerate(tables)
        for row in table.to_pylist()
    ]
    assert found.to_pylist() == rows
    assert counts["filled with null"] == sum(
        2 for t in tables for n in names if n not in t.column_names
    )
    assert counts["columns left out"] == len(every) - len(names)


@pytest.mark.parametrize(
    ("one", "other", "kind"),
    [
        (pa.array([1], pa.int8()), pa.array([2], pa.int32()), pa.int32()),
        (pa.array([1], pa.int64()), pa.array([2.5]), pa.float64()),
        (pa.array([None], pa.null()), pa.array(["a"]), pa.string()),
        (pa.array(["a"]).dictionary_encode(), pa.array(["b"]), pa.string()),
        (pa.array([D(2024, 1, 1)]), pa.array([dt.datetime(2024, 1, 1)]), pa.timestamp("us")),  # noqa: DTZ001
        (pa.array([Decimal("1.5")]), pa.array([Decimal("10.25")]), pa.decimal128(4, 2)),
    ],
)
def test_union_widens_kinds_without_changing_a_value(one, other, kind):
    found = prepare.union_tables([pa.table({"a": one}), pa.table({"a": other})]).result
    assert found["a"].type == kind
    assert found["a"].to_pylist() == one.cast(kind).to_pylist() + other.cast(kind).to_pylist()


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (pa.array([1]), pa.array(["1"]), "'a' is int64 in table 0 and string in table 1"),
        (pa.array([2**60 + 1]), pa.array([0.5]), "table 0 does not fit double"),
        (pa.array([True]), pa.array([1]), "make them one kind first"),
    ],
)
def test_union_refuses_kinds_that_lose_a_value(one, other, words):
    with pytest.raises(InputError, match=words):
        prepare.union_tables([pa.table({"a": one}), pa.table({"a": other})])


# Rows and groups -----------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    st.lists(st.none() | st.text("ab|", max_size=5), max_size=6), st.sampled_from(["keep", "drop"])
)
def test_split_rows_is_a_loop(values, empty):
    table = pa.table({"t": texts(values), "row": pa.array(range(len(values)), pa.int64())})
    found = prepare.split_rows(
        table, column="t", separator="|", into="part", place="n", empty=empty
    )
    rows = naive.split_rows(values, "|", empty)
    got = found.result
    assert list(zip(*(got[n].to_pylist() for n in ("row", "part", "n")), strict=True)) == rows
    assert got["t"].to_pylist() == [values[row] for row, _, _ in rows]
    assert found.counts == {"rows added": len(rows) - len(values)}


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.none() | st.text("ab中", max_size=2), st.none() | st.sampled_from("gh"),
                       st.none() | st.integers(0, 3)), max_size=8),
    st.sampled_from(["text", "first", "last", "count"]),
    st.none() | st.integers(1, 6),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_group_texts_is_a_loop_in_any_order_of_rows(rows, order, max_length, random):
    def run(some):
        values, groups, ranks = ([row[i] for row in some] for i in range(3))
        by = None if order in ("text", "count") else pa.array(ranks, pa.int64())
        found = prepare.group_texts(
            texts(values), [texts(groups)], by,
            order=order, separator="-", max_length=max_length, more="+",
        )  # fmt: skip
        expected = naive.group_texts(values, groups, ranks, order, max_length)
        assert found.to_pylist() == expected
        return dict(zip(groups, expected, strict=True))

    shuffled = list(rows)
    random.shuffle(shuffled)
    assert run(rows) == run(shuffled)


def test_join_texts_has_a_row_a_group():
    frame = pd.DataFrame({"a": ["x", "x", "y"], "b": [1, 1, 2], "memo": ["q", "p", None]})
    found = prepare.join_texts(frame, by=["a", "b"], column="memo", max_length=1)
    expected = pd.DataFrame({"a": ["x", "y"], "b": [1, 2], "memo": ["p…", None]})
    expected["memo"] = expected["memo"].astype("str")
    expected["n_texts"] = pd.array([2, 0], "Int32")
    pd.testing.assert_frame_equal(found.result.astype({"b": "int64"}), expected)
    assert found.counts == {"groups": 2, "shortened": 1, "texts left out": 1}


# Shown as 0 ----------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.lists(st.none() | st.floats(width=32) | st.sampled_from([0.0, -0.0]), max_size=8),
       st.booleans(), st.booleans(), st.booleans())  # fmt: skip
def test_show_zero_is_a_loop(values, infinite, negative, null):
    switches = {"infinite": infinite, "negative": negative, "null": null}
    if not any(switches.values()):
        return
    found, counts = prepare.show_zero(pa.array(values, pa.float64()), **switches)
    expected, n_hits = [], dict.fromkeys(switches, 0)
    for value in values:
        why = None
        if value is None or np.isnan(value):
            why = "null" if null else None
        elif np.isinf(value) and infinite:
            why = "infinite"
        elif value < 0 and negative:
            why = "negative"
        if why:
            n_hits[why] += 1
        expected.append(0.0 if why else value)
    assert str(found.to_pylist()) == str(expected)
    assert counts == {**n_hits, "no number": 0}


@pytest.mark.parametrize(
    "values",
    [pa.array([-1, 2, None], pa.int8()), pa.array([Decimal("-1.50"), Decimal("2.25"), None])],
)
def test_show_zero_keeps_the_kind(values):
    found, counts = prepare.show_zero(values)
    assert found.type == values.type
    assert [float(value) for value in found.to_pylist()] == [0, float(values[1].as_py()), 0]
    assert counts == {"infinite": 0, "negative": 1, "null": 1, "no number": 0}


def test_show_zero_of_a_column_of_nothing():
    found, counts = prepare.show_zero(pa.nulls(2))
    assert found.to_pylist() == [0, 0]
    assert counts["null"] == 2
    found, _ = prepare.show_zero(pa.nulls(2), null=False)
    assert found.to_pylist() == [None, None]


# Long columns, in pieces ---------------------------------------------------------------------


def test_pieces_are_the_whole(monkeypatch):
    values = texts([None if i % 7 == 0 else f"{i}【{i % 3}】,中{i}" for i in range(50)]).slice(3)

    def answers():
        return [
            prepare.right(values, n=3), prepare.between(values, start="【", end="】"),
            prepare.strip_chars(values, brackets=["【】"]), prepare.count_text(values, text="1"),
            *prepare.split_columns(values, separator=",", n=2),
            prepare.replace_pattern(values, pattern=r"\d", replacement="#"),
            prepare.split_rows({"a": values}, column="a", separator=",").result["a"],
        ]  # fmt: skip

    whole = answers()
    monkeypatch.setattr(columns_module, "_PIECE_ROWS", 10)
    monkeypatch.setattr(columns_module, "n_threads", lambda: 3)
    assert answers() == whole


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: prepare.lookup(keyed([]), keyed([]), on=["k"], take=["v"]), InputError, "other table has no column 'v'"),
        (lambda: prepare.lookup(keyed([]), keyed([]), on=["x"], take=["k"], into=["y"]), InputError, "the table has no column 'x'"),
        (lambda: prepare.lookup(keyed([]), keyed([]), on=["k"], take=["n"]), ConfigError, "has a column 'n' already"),
        (lambda: prepare.lookup(keyed([]), keyed([]), on=["k"], take=["n"], into=[]), ConfigError, "once"),
        (lambda: prepare.lookup(keyed([]), keyed([]), on=[], take=["n"], into=["m"]), ConfigError, "on is empty"),
        (lambda: prepare.lookup(keyed(["q"]), keyed([]), on=["k"], take=["n"], into=["m"], unmatched="refuse"), InputError, "no match for 1 row, the first has 'q'"),
        (lambda: prepare.lookup(keyed([])), InputError, "2 tables"),
        (lambda: prepare.lookup(3, keyed([]), on=["k"], take=["n"]), InputError, "got int"),
        (lambda: prepare.lookup_asof({"d": ["2024-01-01"]}, {"d": ["2024-01-01"] * 2, "v": [1, 2]}, date="d", other_date="d", take=["v"]), InputError, "another row in 1 row of the other table, the first at 2024-01-01"),
        (lambda: prepare.lookup_asof({"d": ["x"]}, {"d": [], "v": []}, date="d", other_date="d", take=["v"]), InputError, "no date"),
        (lambda: prepare.lookup_asof({"d": []}, {"d": [], "v": []}, date="d", other_date="d", take=["v"], within_days=-1), ConfigError, "0 or more"),
        (lambda: prepare.union_tables([]), InputError, "no table"),
        (lambda: prepare.union_tables([keyed([])], columns="some"), ConfigError, "'all', 'common'"),
        (lambda: prepare.union_tables([keyed([])], source="k"), ConfigError, "'k' already"),
        (lambda: prepare.split_rows(keyed([]), column="k", separator=""), ConfigError, "empty"),
        (lambda: prepare.split_rows({"k": ["a|b"], "n": [7]}, column="k", separator="|", place="n"),
         ConfigError, "has a column 'n'"),
        (lambda: prepare.group_texts(texts(["a"]), []), InputError, "by is columns"),
        (lambda: prepare.group_texts(texts(["a"]), [texts(["a"])], order="size"), ConfigError, "text, first"),
        (lambda: prepare.group_texts(texts(["a"]), [texts(["a"])], order="first"), ConfigError, "order_by"),
        (lambda: prepare.group_texts(texts(["a"]), [texts(["a"])], max_length=0), ConfigError, "1 or more"),
        (lambda: prepare.group_texts(texts(["a"]), [texts(["a"])], texts([]), order="first"), InputError, "0 rows"),
        (lambda: prepare.shared_values([texts([])], at_least=2), ConfigError, "from 1 to 1"),
        (lambda: prepare.show_zero(texts([]), infinite=False, negative=False, null=False), ConfigError, "nothing to do"),
        (lambda: prepare.show_zero(pa.array([True])), InputError, "expected numbers"),
    ],
)  # fmt: skip
def test_refuses(call, error, words):
    with pytest.raises(error, match=words):
        call()
