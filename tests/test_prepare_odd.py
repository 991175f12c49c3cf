"""Columns and tables as notebooks hold them: codes, views, odd names, kinds that are no texts."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from qfb_gpu import prepare
from qfb_gpu.errors import ConfigError, InputError

D = dt.date
TEXTS = ["a|b", None, "", "中|文"]
NO_TEXTS = {
    "lists": pa.array([[1], [2]]),
    "structs": pa.array([{"a": 1}]),
    "bytes": pa.array([b"\xff"]),
    "periods": pd.Series(pd.period_range("2024-01", periods=2, freq="M")),
    "a table": pd.DataFrame({"a": ["x"]}),
    "complex numbers": pd.Series([1j, 2j]),
}


@pytest.mark.parametrize("given", NO_TEXTS.values(), ids=NO_TEXTS)
def test_a_column_of_no_texts_is_an_input_error(given):
    """Arrow's own errors came through, and a month of pandas was the text of its number."""
    for call in (
        lambda: prepare.left(given, n=2),
        lambda: prepare.month_end(given),
        lambda: prepare.join_columns([given, given]),
        lambda: prepare.group_texts(given, [["x"] * len(given)]),
    ):
        with pytest.raises(InputError, match="expected "):
            call()


def frames():
    table = pa.table({"k": ["b", "a", None], "t": ["x|y", "", "z"], "n": [1, 2, 3]})
    yield table
    yield table.set_column(0, "k", table.column("k").combine_chunks().dictionary_encode())
    for kind in (pa.large_string(), pa.string_view()):
        yield table.set_column(0, "k", table.column("k").cast(kind))
        yield table.set_column(1, "t", table.column("t").cast(kind))
    yield table.to_batches()[0]
    yield {name: table.column(name).combine_chunks() for name in table.column_names}
    yield table.to_pydict()
    yield table.to_pandas()
    yield table.to_pandas().astype({"k": "category"})
    yield table.to_pandas(types_mapper=pd.ArrowDtype).set_index(pd.Index([7, 7, 7]))


def rows_of(table):
    if isinstance(table, pd.DataFrame):
        table = pa.Table.from_pandas(table, preserve_index=False)
    return (table if isinstance(table, pa.RecordBatch) else pa.table(table)).to_pylist()


OTHER = pa.table({"k": ["a", "q", None], "v": [5, 6, 7]})
CALLS = {
    "lookup": lambda t: prepare.lookup(t, OTHER, on=["k"], take=["v"], unmatched="drop"),
    "inner": lambda t: prepare.join_tables(t, OTHER, on=["k"], how="inner"),
    "outer": lambda t: prepare.join_tables(t, OTHER, on=["k"], how="outer"),
    "keys only": lambda t: prepare.join_tables(t, OTHER.select(["k"]), on=["k"], how="left"),
    "split": lambda t: prepare.split_rows(t, column="t", separator="|", place="at"),
    "union": lambda t: prepare.union_tables([t, OTHER]),
    "texts": lambda t: prepare.join_texts(t, by=["k"], column="t", order="last", order_by="n"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_tables_of_any_kind_give_the_same_of_their_kind(call):
    """Codes and views raised Arrow's errors; of a batch, or columns by name, a table came."""
    given = list(frames())
    want = call(given[0])
    for table in given:
        found = call(table)
        assert type(found.result) is type(table)
        assert rows_of(found.result) == rows_of(want.result)
        assert found.counts == want.counts


def test_an_order_by_of_codes_or_of_nothing_is_one():
    values, by = pa.array(["a", "b"]), pa.array([1, 1])
    for order_by in (pa.array(["x", "y"]).dictionary_encode(), pd.Categorical(["x", "y"])):
        found = prepare.group_texts(values, [by], order_by, order="last")
        assert found.to_pylist() == ["b、a"] * 2
    assert prepare.group_texts(values, [by], [None] * 2, order="first").to_pylist() == ["a、b"] * 2
    with pytest.raises(InputError, match="order_by is a column of numbers, dates or texts"):
        prepare.group_texts(values, [by], pa.array([[1], [2]]), order="first")


def test_a_key_is_the_same_instant_in_any_unit():
    """As texts a second and a nanosecond never met, nor a day and its midnight."""
    day = dt.datetime(2024, 2, 29)  # noqa: DTZ001  no zone
    stamps = [pa.array([day], pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")]
    columns = [*stamps, pa.array([day.date()]), pa.array([day.date()], pa.date64())]
    for one in columns:
        assert all(prepare.present_in(one, other).to_pylist() == [1] for other in columns)
    far = pa.array([dt.datetime(9999, 1, 1)], pa.timestamp("s"))  # noqa: DTZ001
    assert prepare.present_in(far, stamps[3]).to_pylist() == [0]
    zoned = pa.array([day], pa.timestamp("s", "Asia/Shanghai"))
    assert prepare.present_in(zoned, stamps[0]).to_pylist() == [0]


def test_a_key_beyond_64_signed_bits_is_a_number():
    most = pa.array([2**64 - 1, 5], pa.uint64())
    assert prepare.present_in(most, pa.array([2**64 - 1], pa.uint64())).to_pylist() == [1, 0]
    assert prepare.present_in(most, pa.array([5], pa.int8())).to_pylist() == [0, 1]


def test_names_that_are_twice_there_or_are_numbers():
    """A batch lost a column that had the name of another."""
    arrays, names = [pa.array(["p|q"]), pa.array([1]), pa.array([2])], ["k", "a", "a"]
    for kind in (pa.Table, pa.RecordBatch):
        found = prepare.split_rows(kind.from_arrays(arrays, names), column="k", separator="|")
        assert [column.to_pylist() for column in found.result.columns] == [
            ["p", "q"], [1, 1], [2, 2]
        ]  # fmt: skip
    frame = pd.DataFrame([[1, 2, "x"]], columns=["a", "a", "k"])
    found = prepare.lookup(frame, pd.DataFrame({"k": ["x"], "v": [5]}), on=["k"], take=["v"])
    assert found.result.to_numpy().tolist() == [[1, 2, "x", 5]]
    with pytest.raises(InputError, match="several columns of the table are called 'a'"):
        prepare.split_rows(frame, column="a", separator="|")
    numbered = prepare.split_rows(pd.DataFrame([["p|q", 2]]), column="0", separator="|")
    assert numbered.result.to_numpy().tolist() == [["p", 2], ["q", 2]]
    assert numbered.result.columns.tolist() == [0, 1]


def test_a_day_beyond_the_calendar_of_python_is_said():
    far = pa.array([2**31 - 5], pa.int32()).view(pa.date32())
    with pytest.raises(InputError, match="first is 5881580-07"):
        prepare.working_days(far, far)


def test_what_is_given_stays_as_it_was():
    frame = pd.DataFrame({"k": ["a", "b"], "t": ["x|y", "z"]}, index=[3, 3])
    before = frame.copy(deep=True)
    prepare.lookup(frame, pd.DataFrame({"k": ["a"], "v": [1]}), on=["k"], take=["v"])
    prepare.split_rows(frame, column="t", separator="|")
    prepare.show_zero(pd.Series([np.inf, -1.0, np.nan]))
    pd.testing.assert_frame_equal(frame, before)


def test_keys_that_are_numbers_are_compared_as_numbers():
    """As texts 1.00 was not 1, nor 1000000000000 what Arrow writes as 1e+12."""
    columns = [
        pa.array([10**12, 3]),
        pa.array([1e12, 3.0]),
        pa.array([1e12, 3.0, 0.5, float("nan")]),
        pa.array([Decimal("1000000000000.00"), Decimal("3.00")]),
        pa.array([Decimal(10**12), Decimal(3)]),
        pa.array([Decimal(10**12), Decimal(3)], pa.decimal128(38, 20)),
    ]
    for one in columns:
        for other in columns:
            if pa.types.is_decimal(one.type) and 0.5 in other.to_pylist():
                continue  # of different kinds: as texts
            found = prepare.present_in(one, other).to_pylist()
            assert found[:2] == [1, 1] or 0.5 in one.to_pylist(), (one.type, other.type)
            assert found[2:] in ([], [0, 0]) or one is other


def test_a_null_is_a_group_of_its_own_and_so_is_an_empty_text():
    """They were one group, whose key was that of the first row."""
    for keys in (["", None, "x"], [None, "", "x"]):
        table = pa.table({"g": keys, "m": ["a", "a", "b"]})
        found = prepare.join_texts(table, by=["g"], column="m")
        assert found.result["g"].to_pylist() == ["", "x", None]
    assert prepare.group_texts(["a", "b"], [pa.array([-0.0, 0.0])]) == ["a、b", "a、b"]
    with pytest.raises(ConfigError, match="name each once"):
        prepare.join_texts(pa.table({"g": ["x"]}), by=["g"], column="g")


def test_decimals_meet_other_numbers_unchanged():
    """Whole numbers of 64 bits found no room beside decimals; floats lost digits unseen."""
    money, whole = pa.table({"a": [Decimal("1.23")]}), pa.table({"a": [2**63 - 1]})
    found = prepare.union_tables([money, whole]).result["a"].to_pylist()
    assert found == [Decimal("1.23"), Decimal(2**63 - 1)]
    half = pa.table({"a": [0.5]})
    assert prepare.union_tables([money, half]).result["a"].to_pylist() == [1.23, 0.5]
    with pytest.raises(InputError, match=r"45678901234567890.12 has more digits than a float"):
        prepare.union_tables([pa.table({"a": [Decimal("45678901234567890.12"), None]}), half])


@pytest.mark.parametrize("kind", ["int16", "uint8", "uint64"])
def test_a_small_or_unsigned_number_beside_a_null_is_still_one(kind):
    """pandas has no null for them but in its own kinds: as floats they lost digits."""
    most = np.iinfo(kind).max
    other = pd.DataFrame({"k": ["a"], "v": np.array([most], kind)})
    found = prepare.lookup(pd.DataFrame({"k": ["a", "b"]}), other, on=["k"], take=["v"]).result
    assert found["v"].dtype == kind.replace("int", "Int").replace("uI", "UI")
    assert found["v"][0] == most


def test_numbers_too_large_to_be_read_have_a_sign():
    texts = [sign.format("9" * 23) for sign in ("{}", "-{}", "({})", "¥ {}-", "-{}.50", "-{}e+05")]
    found = prepare.show_zero(texts)
    assert found.result == [texts[0], "0", "0", "0", "0", "0"]
    assert found.counts["negative"] == 5


def test_dates_of_settings_may_be_midnights_and_nothing_else():
    days = pd.Series(pd.to_datetime(["2024-02-05", "2024-02-06"]))
    off = [pd.Timestamp("2024-02-05")]
    assert prepare.working_days(days, days, holidays=off).tolist() == [0, 1]
    last = [(pd.Timestamp("2024-02-06"), "")]
    assert prepare.in_intervals(days, intervals=last).tolist() == [0, 1]
    for wrong in ("2024-02-05", pd.NaT, dt.datetime(2024, 2, 5, 1), 5):  # noqa: DTZ001  no zone
        with pytest.raises(ConfigError, match="expected a date such as"):
            prepare.working_days(days, days, holidays=[wrong])
        with pytest.raises(ConfigError, match="expected a date such as"):
            prepare.label_intervals(days, intervals=[(wrong, wrong, "x")])
    stamp = pa.array([86_400_005, -1], pa.int64()).view(pa.date64())
    assert prepare.month_end(stamp).to_pylist() == [D(1970, 1, 31), D(1969, 12, 31)]


def test_an_unknown_word_is_no_default():
    """A typing error in ``unmatched`` kept rows that were meant to be left out."""
    table, other = pa.table({"k": ["a|b"]}), pa.table({"k": ["a"], "v": [1]})
    calls = (
        lambda: prepare.lookup(table, other, on=["k"], take=["v"], unmatched="inner"),
        lambda: prepare.lookup(table, other, on=["k"], take=["v"], cardinality="few"),
        lambda: prepare.split_rows(table, column="k", separator="|", empty="no"),
    )
    for call in calls:
        with pytest.raises(ConfigError, match="is one of"):
            call()
    with pytest.raises(ConfigError, match="into and place are both 'k'"):
        prepare.split_rows(table, column="k", separator="|", place="k")


def test_one_text_is_no_column():
    """Each of its characters was a row."""
    with pytest.raises(InputError, match="give a list of it"):
        prepare.left("房租2024", n=1)


def test_an_empty_text_is_no_key_of_presence():
    """It was 0, as if it had been looked for; a lookup of it counts as without a key."""
    found = prepare.present_in(pa.array(["a", "", None, "b"]), pa.array(["a", ""]))
    assert found.to_pylist() == [1, None, None, 0]


def test_a_blank_hour_or_calendar_is_none():
    """One empty cell of a CSV file stopped the night."""
    stamps = pa.array(["2024-01-31 05:00:00", "", "  ", None, "2024-01-31T23:00:00"])
    found = prepare.label_hours(stamps, hours=[(22, 6, "night")])
    assert found.to_pylist() == ["night", None, None, None, "night"]
    days = pa.array([D(2024, 1, 1)] * 4)
    calendar = pa.array(["CN", "", " ", None])
    assert prepare.working_days(days, days, calendar=calendar).to_pylist() == [0, None, None, None]
