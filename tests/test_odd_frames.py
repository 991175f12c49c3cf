"""Data frames as notebooks hold them: odd types are read or named, and what is left out is said."""

import datetime as dt
import pydoc
import re
from importlib import import_module

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import qfb_gpu as qfb
from qfb_gpu.calendars import load_calendar
from qfb_gpu.errors import ConfigError, InputError

NIGHT = {"as_of": dt.date(2024, 12, 31), "device": "cpu"}
N = 24


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "txn_id": [f"t{i}" for i in range(N)],
            "customer_id": [f"C{i % 2}" for i in range(N)],
            "date": [dt.date(2024, 1 + i // 2, 5) for i in range(N)],
            "amount": [100.0] * N,
        }
    )


def test_rows_that_cannot_be_read_are_said(frame):
    """A table in memory has no rejects to look at: they went without a word."""
    frame.loc[0, "date"] = None
    frame.loc[[3, 5], "amount"] = float("nan")
    frame.loc[8, "txn_id"] = "t6"
    words = "4 of 24 rows are left out: 1 date is missing, 2 amount is missing, 1 duplicate txn_id"
    with pytest.warns(UserWarning, match=words) as said:
        found = qfb.find_streams(frame, **NIGHT)
    assert found.n_payments.sum() == N - 4
    assert said[0].filename == __file__


def test_levels_of_an_index_are_columns(frame):
    plain = qfb.find_streams(frame, **NIGHT)
    levels = frame.set_index(["customer_id", "txn_id"])
    pd.testing.assert_frame_equal(qfb.find_streams(levels, **NIGHT), plain)
    pd.testing.assert_frame_equal(qfb.find_streams(frame.set_index("date", drop=False), **NIGHT), plain)  # fmt: skip


def test_columns_that_arrow_cannot_take_are_named(frame):
    frame["customer_id"] = ["a", 5] * (N // 2)
    with pytest.raises(InputError, match=r"column customer_id .*values of one type"):
        qfb.find_streams(frame, **NIGHT)
    twice = pd.concat([frame, frame[["amount"]]], axis=1)
    with pytest.raises(InputError, match="two columns are called 'amount'"):
        qfb.find_streams(twice, **NIGHT)


def test_columns_that_nobody_asks_for_are_not_looked_at(frame):
    """A frame was refused for a column of lists and numbers, or two of one name, beside its payments."""
    plain = qfb.find_streams(frame, **NIGHT)
    odd = frame.assign(what=[object() if i % 2 else 1 for i in range(N)], mixed=["a", 5] * (N // 2))
    odd = pd.concat([odd, odd[["mixed"]]], axis=1)
    odd[("a", 1)] = 1j
    odd.index = pd.Index([object() for _ in range(N)], name="key")
    pd.testing.assert_frame_equal(qfb.find_streams(odd, **NIGHT), plain)
    assert len(qfb.profile(odd, **NIGHT)) == 2
    named = odd.rename(columns={"amount": "value", "customer_id": 7})
    found = qfb.find_streams(named, columns={"amount": "value", "customer_id": "7"}, **NIGHT)
    pd.testing.assert_frame_equal(found, plain)
    kept = {"exclude": [{"column": "kind", "values": ["x"], "reason": "no sale"}]}
    marked = odd.assign(kind=["x", "y"] * (N // 2))
    assert set(qfb.find_streams(marked, **kept, **NIGHT).customer_id) == {"C1"}
    with pytest.raises(InputError, match="no column 'amount'"):
        qfb.find_streams(odd.drop(columns="amount"), **NIGHT)


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string()),
     pa.dictionary(pa.int32(), pa.large_string())],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("find", [qfb.find_streams, qfb.profile])
def test_ids_of_an_arrow_table_come_back_in_the_type_in_which_they_came(frame, kind, find):
    frame["counterparty_id"] = "landlord"
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for name in ("customer_id", "counterparty_id"):
        at = table.schema.get_field_index(name)
        column = table.column(at)
        coded = column.dictionary_encode() if pa.types.is_dictionary(kind) else column
        table = table.set_column(at, name, coded.cast(kind))
    plain = find(frame, **NIGHT)
    for given in (table, table.to_batches()[0]):
        found = find(given, **NIGHT)
        assert type(found) is type(given)
        assert found.schema.field("customer_id").type == kind
        assert found.column("customer_id").to_pylist() == plain.customer_id.tolist()
        if "counterparty_id" in found.schema.names:
            assert found.schema.field("counterparty_id").type == kind
            assert found.schema.field("description").type == pa.string()
            assert found.column("counterparty_id").to_pylist() == ["landlord"] * len(plain)


def test_ids_that_came_as_numbers_are_texts_in_arrow_too(frame):
    frame["customer_id"] = [i % 2 for i in range(N)]
    found = qfb.find_streams(pa.Table.from_pandas(frame, preserve_index=False), **NIGHT)
    assert found.schema.field("customer_id").type == pa.string()
    assert sorted(found.column("customer_id").to_pylist()) == ["0", "1"]


def test_arguments_of_another_kind_are_refused(frame):
    with pytest.raises(ConfigError, match="expected a dict"):
        qfb.find_streams(frame, columns=["date"], **NIGHT)
    with pytest.raises(InputError, match="expected a number such as"):
        qfb.plot_stream(frame, frame.iloc[0], **NIGHT)


def test_a_day_as_text_is_a_day_everywhere(frame):
    for call in (qfb.find_streams, qfb.profile):
        pd.testing.assert_frame_equal(
            call(frame, as_of="2024-12-31", device="cpu"), call(frame, **NIGHT)
        )
    shown = qfb.plot_stream(frame, as_of="2024-12-31", device="cpu")
    assert shown._repr_html_() == qfb.plot_stream(frame, **NIGHT)._repr_html_()


def test_texts_in_views_are_texts(frame):
    """Newer Arrow tables, those of Polars' stream among them, hold texts as views: a traceback."""
    table = pa.Table.from_pandas(frame)
    plain = qfb.find_streams(table, **NIGHT)
    views = table.cast(
        pa.schema(
            [f.with_type(pa.string_view()) if f.name in ("txn_id", "customer_id") else f
             for f in table.schema]
        )
    )  # fmt: skip
    assert qfb.find_streams(views, **NIGHT).cast(plain.schema) == plain
    batch = qfb.find_streams(views.combine_chunks().to_batches()[0], **NIGHT)
    assert isinstance(batch, pa.RecordBatch)
    assert pa.table(batch).cast(plain.schema) == plain


def test_a_frame_of_polars_comes_back_as_one(frame):
    polars = pytest.importorskip("polars")
    table = polars.from_pandas(frame)
    plain = qfb.find_streams(pa.Table.from_pandas(frame), **NIGHT)
    for call in (qfb.find_streams, qfb.profile):
        assert isinstance(call(table, **NIGHT), polars.DataFrame)
    found = qfb.find_streams(table, **NIGHT)
    assert found["stream_id"].to_list() == plain["stream_id"].to_pylist()
    assert found.join(table, on="customer_id").height >= table.height  # a category joins no text
    assert qfb.profile(table, **NIGHT).join(found, on="customer_id").height == found.height
    with pytest.raises(InputError, match=r"got LazyFrame; give table.collect\(\)"):
        qfb.find_streams(table.lazy(), **NIGHT)
    ends = qfb.prepare.month_end(table["date"])
    assert isinstance(ends, polars.Series)
    assert ends[0] == dt.date(2024, 1, 31)
    with pytest.raises(InputError, match=r"give table.to_arrow\(\)"):
        qfb.prepare.split_rows(table, column="txn_id", separator="|")


def test_a_day_of_numpy_is_a_day_and_errors_name_no_other_function(frame):
    day = np.datetime64("2024-12-31")
    assert qfb.profile(frame, as_of=day, device="cpu").as_of[0] == pd.Timestamp(NIGHT["as_of"])
    midnight = pd.Timestamp("2024-12-31")
    assert qfb.profile(frame, as_of=midnight, device="cpu").as_of[0] == midnight
    for hour in (pd.Timestamp("2024-12-31 18:00"), np.datetime64("2024-12-31T18:00")):
        with pytest.raises(ConfigError, match="as_of"):
            qfb.profile(frame, as_of=hour, device="cpu")
    with pytest.raises(ConfigError, match=r"^settings: key 'device'"):
        qfb.profile(frame, as_of=day, device="tpu")
    with pytest.raises(InputError, match="it has none"):
        qfb.find_streams(pd.DataFrame(), **NIGHT)


def test_a_day_before_all_payments_has_no_profiles(frame):
    with pytest.raises(InputError, match="no payment is as early as that"):
        qfb.profile(frame, as_of=dt.date(2000, 1, 1), device="cpu")


def test_amounts_whose_sum_wraps_around_are_refused(frame):
    """103 payments of 900 trillion used to sum to less than nothing."""
    many = pd.concat([frame.assign(txn_id=frame.txn_id + str(i)) for i in range(5)])
    with pytest.raises(InputError, match=r"more than 64 bits.*customer 'C"):
        qfb.find_streams(many.assign(amount=9e14), **NIGHT)
    most = qfb.find_streams(many.assign(amount=7e14), **NIGHT)
    assert most.amount_total_minor.sum() == 120 * 7 * 10**16


def test_one_payment_has_one_day(frame):
    shown = qfb.plot_stream(frame.head(1), **NIGHT)
    assert "1\xa0payment, 5\xa0Jan\xa02024" in shown._repr_html_()
    assert "to 5\xa0Jan" not in shown._repr_html_()


def test_what_duckdb_answers_is_told_how_to_be_a_table(frame):
    duckdb = pytest.importorskip("duckdb")
    answer = duckdb.sql("select * from frame")
    plain = qfb.find_streams(pa.Table.from_pandas(frame), **NIGHT)
    with pytest.raises(InputError, match=r"got DuckDBPyRelation; give table.to_arrow_table\(\)"):
        qfb.find_streams(answer, **NIGHT)
    table = answer.to_arrow_table()
    assert qfb.find_streams(table, **NIGHT).cast(plain.schema) == plain
    reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches())
    with pytest.raises(InputError, match=r"got RecordBatchReader; give table.read_all\(\)"):
        qfb.find_streams(reader, **NIGHT)


def test_a_column_that_arrow_has_no_type_for_is_an_input_error(frame):
    with pytest.raises(InputError, match="the table cannot be read: Conversion failed for column"):
        qfb.find_streams(frame.assign(amount=1j), **NIGHT)


def test_a_setting_of_a_section_is_told_where_it_belongs(frame):
    with pytest.raises(ConfigError, match="did you mean 'payments.false_discovery_rate'"):
        qfb.find_streams(frame, **NIGHT, false_discovery_rate=0.1)
    with pytest.raises(ConfigError, match=r"mean 'payments.horizon_days' or 'models.churn.horiz"):
        qfb.find_streams(frame, **NIGHT, horizon_days=30)


def test_a_notebook_completes_the_public_names():
    assert set(qfb.__all__) <= set(dir(qfb))


SUMMER, WINTER = (dt.timezone(dt.timedelta(hours=hours)) for hours in (2, 1))


@pytest.mark.parametrize("zone", [SUMMER, None], ids=["another zone", "no zone"])
@pytest.mark.parametrize("kind", ["object", "category"])
def test_times_of_several_zones_are_refused(frame, zone, kind):
    """Arrow told all of them on the clock of the first: half of these days were the day before."""
    times = [
        dt.datetime(day.year, day.month, day.day, tzinfo=zone if at % 2 else WINTER)
        for at, day in enumerate(frame.date)
    ]
    odd = frame.assign(date=pd.Series(times, dtype="object").astype(kind))
    for call in (qfb.find_streams, qfb.profile):
        with pytest.raises(InputError, match=r"column 'date' has times of several zones, .*01:00"):
            call(odd, **NIGHT)
    for given in (times, odd.date):
        with pytest.raises(InputError, match="a column has times of several zones"):
            qfb.prepare.month_end(given)
    same = [one.replace(tzinfo=WINTER) for one in times]
    assert qfb.prepare.month_end(same)[0] == dt.date(2024, 1, 31)
    alike = frame.assign(date=pd.Series(same, dtype="object").astype(kind))
    plain = qfb.find_streams(frame, **NIGHT)
    pd.testing.assert_frame_equal(qfb.find_streams(alike, **NIGHT), plain)


@pytest.mark.parametrize("unit", ["D", "h"])
def test_periods_are_refused(frame, unit):
    """They are read as numbers: the 480,101st hour since 1970 as 1 January 2048, or 1948."""
    odd = frame.assign(date=pd.to_datetime(frame.date).dt.to_period(unit))
    for table in (odd, pa.Table.from_pandas(odd)):
        with pytest.raises(InputError, match="column 'date' holds periods of pandas"):
            qfb.find_streams(table, **NIGHT)


def test_runs_of_an_arrow_table_are_read(frame):
    table = pa.Table.from_pandas(frame, preserve_index=False)
    plain = qfb.find_streams(table, **NIGHT)
    for name in ("customer_id", "date", "amount"):
        at = table.schema.get_field_index(name)
        runs = [pc.run_end_encode(chunk) for chunk in table.column(at).chunks]
        table = table.set_column(at, name, pa.chunked_array(runs))
    for given in (table, table.to_batches()[0]):
        found = pa.table(qfb.find_streams(given, **NIGHT))
        pd.testing.assert_frame_equal(found.to_pandas(), plain.to_pandas())


@pytest.mark.parametrize(
    "call",
    [
        qfb.prepare.working_days,
        lambda a, b: qfb.prepare.working_days(a, a, calendar=b),
        lambda a, b: qfb.prepare.pick_date(a, b, rule="earliest"),
        lambda a, b: qfb.prepare.join_columns([a, b]),
        lambda a, b: qfb.prepare.duplicates([a, b], rule="all_equal"),
        lambda a, b: qfb.prepare.group_texts(a, [b]),
        lambda a, b: qfb.prepare.group_texts(a, [a], b, order="first"),
    ],
)
def test_columns_whose_labels_differ_are_not_paired_by_place(call):
    days = pd.Series(["2024-02-09", "2024-02-18"], index=[3, 1])
    with pytest.raises(InputError, match="paired by place, not by label"):
        call(days, days.sort_index())


def test_columns_of_one_table_are_paired_whatever_their_index():
    days = pd.Series(["2024-02-09", "2024-02-18"], index=[3, 3])
    assert qfb.prepare.working_days(days, days).tolist() == [1, 1]
    assert qfb.prepare.working_days(days, pa.array(days.tolist())).tolist() == [1, 1]


def test_one_text_where_a_list_of_columns_belongs_is_told():
    table = pa.table({"k": ["x"], "v": ["y"]})
    for wrong in ({"on": "k", "take": ["v"]}, {"on": ["k"], "take": "v"}):
        with pytest.raises(ConfigError, match="is a list such as .'a', 'b'., not '[kv]'"):
            qfb.prepare.lookup(table, table, **wrong)


@pytest.mark.parametrize("name", ["CHN", "China", "CHINA"])
def test_china_by_another_name_has_its_own_calendar(name):
    assert load_calendar(name) is load_calendar("CN")


def test_help_says_what_each_column_of_the_answer_is(frame):
    for function in (qfb.find_streams, import_module("qfb_gpu.api").profile):
        said = pydoc.render_doc(function, renderer=pydoc.plaintext)
        columns = function(frame, **NIGHT).columns
        told = {name for name in columns if re.search(rf"^ *{name}\n +\S", said, re.MULTILINE)}
        others = sorted(set(columns) - told)
        assert all(name.startswith("schedule_") for name in others), others
