"""The golden table on Arrow, pandas and a stand-in for cuDF: one answer, the same kind back."""

import datetime as dt
import importlib
import importlib.util
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from prepare_cases import COLUMNS, TABLES, TEXTS
from stand_in_frames import FRAME, INDEX, SERIES, DeviceFrame, DeviceSeries

import qfb_gpu as qfb
from qfb_gpu import prepare


def arrow(values):
    array = pa.array(values)
    return array.cast(pa.string()) if pa.types.is_null(array.type) else array


def as_arrow(values):
    return arrow(values)


def as_pandas(values):
    array = arrow(values)
    dtype = "str" if pa.types.is_string(array.type) else None
    index = range(10, 10 + len(values))
    return pd.Series(array.to_pandas().array, index=index, name="given", dtype=dtype)


def as_device(values):
    return DeviceSeries(arrow(values))


def plain(found):
    """Return a column of any library as a list, dates without a time, missing as None."""
    if isinstance(found, pd.Series):
        found = [None if pd.isna(value) else value for value in found]
        return [v.date() if isinstance(v, pd.Timestamp) else v for v in found]
    values = (found.to_arrow() if isinstance(found, DeviceSeries) else found).to_pylist()
    return [v.date() if isinstance(v, dt.datetime) else v for v in values]


KINDS = pytest.mark.parametrize(
    ("make", "kind"), [(as_arrow, pa.Array), (as_pandas, pd.Series), (as_device, DeviceSeries)]
)


@KINDS
@pytest.mark.parametrize(("op", "text", "settings", "expected"), TEXTS)
def test_texts(op, text, settings, expected, make, kind):
    function = getattr(prepare, op)
    found = function(make([text, "b", text]), **settings)
    assert isinstance(found, kind)
    assert [plain(found)[i] for i in (0, 2)] == [expected] * 2
    assert plain(function(make([text, "b"])[:0], **settings) if make is not as_device else
                 function(as_device([]), **settings)) == []  # fmt: skip


@KINDS
@pytest.mark.parametrize(("op", "columns", "settings", "expected"), COLUMNS)
def test_columns(op, columns, settings, expected, make, kind):
    is_list = [isinstance(column, list) and isinstance(column[0], list) for column in columns]
    given = [
        [make(one) for one in column] if several else make(column)
        for column, several in zip(columns, is_list, strict=True)
    ]
    made = {key: make(value) if key == "calendar" and isinstance(value, list) else value
            for key, value in settings.items()}  # fmt: skip
    found = getattr(prepare, op)(*given, **made)
    found = found.result if op == "show_zero" else found
    if op == "split_columns":
        assert [plain(column) for column in found] == expected
        return
    assert isinstance(found, kind)
    assert plain(found) == expected
    if make is as_pandas and op != "shared_values":
        assert list(found.index) == list(range(10, 10 + len(expected)))


def table_of(columns, make):
    table = pa.table({name: arrow(values) for name, values in columns.items()})
    if make is as_arrow:
        return table
    if make is as_device:
        return DeviceFrame.from_arrow(table)
    return pd.DataFrame({name: as_pandas(values) for name, values in columns.items()})


@KINDS
@pytest.mark.parametrize(("op", "tables", "settings", "expected", "counts"), TABLES)
def test_tables(op, tables, settings, expected, counts, make, kind):
    assert kind in (pa.Array, pd.Series, DeviceSeries)
    given = [table_of(columns, make) for columns in tables]
    arguments = [given] if op == "union_tables" else given
    found = getattr(prepare, op)(*arguments, **settings)
    assert isinstance(found.result, type(given[0]))
    assert found.counts == counts
    names = list(found.result.columns if make is not as_arrow else found.result.column_names)
    assert {n: plain(found.result[n]) for n in names} == expected
    assert names == list(expected)


def test_every_function_has_an_example():
    shown = {case[0] for cases in (TEXTS, COLUMNS, TABLES) for case in cases}
    assert shown == set(prepare.__all__)


def test_prepare_is_there_for_notebooks():
    series = pd.Series(["INV-1", None], index=[7, 3])
    found = qfb.prepare.cut(series, n=4)
    assert found.to_dict() == {7: "1", 3: pytest.approx(float("nan"), nan_ok=True)}


@pytest.mark.skipif(importlib.util.find_spec("cudf") is None, reason="needs cuDF")
def test_the_stand_ins_have_no_method_that_cudf_lacks():
    cudf = importlib.import_module("cudf")
    assert set(dir(cudf.Series)) >= set(SERIES)
    assert set(dir(cudf.DataFrame)) >= set(FRAME)
    assert set(dir(cudf.Index)) >= set(INDEX)


def test_the_examples_of_the_page_are_these():
    docs = Path(__file__).parents[1] / "docs"
    spec = importlib.util.spec_from_file_location("make_preparation", docs / "make_preparation.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = (docs / "preparation.md").read_text(encoding="utf-8")
    assert module.render() == page, "run `python docs/make_preparation.py`"
    assert all(f"`{name}`" in page for name in prepare.__all__)
