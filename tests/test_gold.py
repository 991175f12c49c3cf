"""Columns of a stage as gold tables hold them: what is null, which type, in which order."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from qfb_gpu._schema.model import table
from qfb_gpu.backend import get_backend
from qfb_gpu.lake import gold
from qfb_gpu.ledger import NULL_DAY, NULL_MINOR, Labelled

CPU = get_backend("cpu")
KINDS = ("string", "date", "int8", "int32", "int64", "float64", "bool")
TABLE = table("things", "a_string", *((f"a_{kind}", kind, "a column") for kind in KINDS))


def columns():
    return {
        "more_days": np.array([NULL_DAY, 1], np.int32),
        "a_bool": np.array([True, False]),
        "a_float64": np.array([np.nan, -0.5]),
        "a_int64": np.array([NULL_MINOR, 2**62]),
        "a_int32": np.array([7, -7], np.int64),
        "a_int8": np.array([-1, 5], np.int8),
        "a_date": np.array([NULL_DAY, 19_723], np.int32),
        "a_string": Labelled(np.array([-1, 1], np.int8), ("x", "y")),
        "more_minor": np.array([5, NULL_MINOR]),
        "more_words": pa.array(["w", None]),
    }


def test_what_is_not_known_is_null_and_nothing_else():
    found = gold.to_arrow(columns(), TABLE, CPU)
    assert found.to_pydict() == {
        "a_string": [None, "y"], "a_date": [None, dt.date(2024, 1, 1)], "a_int8": [-1, 5],
        "a_int32": [7, -7], "a_int64": [None, 2**62], "a_float64": [None, -0.5],
        "a_bool": [True, False], "more_days": [NULL_DAY, 1], "more_minor": [5, None],
        "more_words": ["w", None],
    }  # fmt: skip


def test_the_columns_of_the_table_come_first_in_its_types():
    found = gold.to_arrow(columns(), TABLE, CPU)
    assert found.column_names == [
        *(f"a_{kind}" for kind in KINDS), "more_days", "more_minor", "more_words",
    ]  # fmt: skip
    fixed = gold.schema_of(TABLE)
    assert fixed.names == [f"a_{kind}" for kind in KINDS]
    for field in fixed:
        kind = found.schema.field(field.name).type
        assert (kind.value_type if pa.types.is_dictionary(kind) else kind) == field.type


def test_a_column_that_is_missing_is_named():
    given = columns()
    del given["a_int8"]
    with pytest.raises(KeyError, match=r"things: columns \['a_int8'\] are missing; there are"):
        gold.to_arrow(given, TABLE, CPU)
