"""Customers that change: the row that held on the day, against a plain loop."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import to_day
from qfb_gpu.config import build_config
from qfb_gpu.lake import gold, silver, source_rows
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.lake.texts import hash_texts
from qfb_gpu.lake.validity import in_force

DAYS = st.none() | st.integers(0, 9)
NO_END = to_day(dt.date(9999, 12, 31))
ENDS = DAYS | st.just(NO_END)


def before(start):
    """Return a day; no start is before all of them."""
    return -1 if start is None else start


@given(st.lists(st.tuples(st.integers(0, 3), DAYS, ENDS), max_size=20), st.integers(0, 9))
@settings(deadline=None)
def test_the_row_in_force_is_the_last_that_began_and_has_not_ended(rows, day):
    rows = sorted({(key, start): end for key, start, end in rows}.items(), key=str)
    rows = [(key, start, end) for (key, start), end in rows]
    table = pa.table({
        "customer_key": pa.array([key for key, _, _ in rows], pa.int64()),
        "valid_from": pa.array([start for _, start, _ in rows], pa.int32()).cast(pa.date32()),
        "valid_to": pa.array([end for _, _, end in rows], pa.int32()).cast(pa.date32()),
    })  # fmt: skip
    held = np.flatnonzero(in_force(table, day))
    found = {rows[n][0]: rows[n] for n in held}
    assert len(found) == held.size
    wanted = {}
    for key, start, end in rows:
        if end in (None, NO_END):  # until the day before the next row of the customer
            later = [s for k, s, _ in rows if k == key and s is not None and s > before(start)]
            last = min(later) - 1 if later else day
        else:
            last = end
        if (start is None or start <= day) and last >= day:
            best = wanted.get(key)
            if best is None or (-1 if start is None else start) > (
                -1 if best[1] is None else best[1]
            ):
                wanted[key] = (key, start, end)
    assert found == wanted


@pytest.mark.parametrize(
    ("open_end", "outer", "wanted"),
    [(None, None, None), (NO_END, None, None), (None, 40, "one"), (NO_END, 40, "one")],
)
def test_what_a_later_row_replaced_does_not_hold_again_unless_it_has_an_end(
    open_end, outer, wanted
):
    """A customer whose last row had ended was shown by one that it had replaced years before."""
    ends = [open_end if outer is None else outer, 20, open_end]
    table = pa.table({
        "customer_key": pa.array([1, 1, 2], pa.int64()),
        "valid_from": pa.array([None, 10, 15], pa.int32()).cast(pa.date32()),
        "valid_to": pa.array(ends, pa.int32()).cast(pa.date32()),
    })  # fmt: skip
    names = ["one", "two", "other"]
    held = [[names[n] for n in np.flatnonzero(in_force(table, day))] for day in (5, 10, 20, 30)]
    assert held == [["one"], ["two"], ["two", "other"], ([wanted] if wanted else []) + ["other"]]


CUSTOMERS = {
    "customer_id": ["a", "a", "a", "b", "b", "c"],
    "name": ["one", "two", "three", "old", "gone", "twice"],
    "valid_from": ["", "2023-01-01", "2024-07-01", "", "2022-01-01", ""],
    "valid_to": ["", "2024-06-30", "", "2021-12-31", "2023-12-31", ""],
}


@pytest.mark.parametrize(
    ("as_of", "names"),
    [(dt.date(2020, 5, 1), ["one", "old", "twice", None]),
     (dt.date(2023, 5, 1), ["two", "gone", "twice", None]),
     (dt.date(2024, 6, 30), ["two", None, "twice", None]),
     (dt.date(2024, 12, 31), ["three", None, "twice", None])],
)  # fmt: skip
def test_profiles_and_parts_see_a_customer_as_on_the_day(tmp_path, as_of, names):
    rows = {name: [*values, values[-1]] for name, values in CUSTOMERS.items()}
    pq.write_table(pa.table(rows), tmp_path / "c.parquet")
    payments = {"customer_id": ["a", "b", "c", "d"], "date": ["2019-01-01"] * 4, "amount": [1] * 4}
    pq.write_table(pa.table(payments), tmp_path / "p.parquet")
    sources = {"transactions": {"path": "p.parquet"}, "customers": {"path": "c.parquet"}}
    raw = {"as_of": as_of, "device": "cpu", "sources": sources, "n_buckets": 1}
    counts = ingest(build_config(raw, base=tmp_path, where="test")).counts["customers"]
    assert counts["kept"] == 6
    assert counts["rejected: duplicate customer_id, valid_from"] == 1
    lake = tmp_path / "out" / "lake"
    keys = hash_texts(pa.array(["a", "b", "c", "d"]))
    found = silver.read_customers(lake, 0, keys, to_day(as_of))
    assert found["name"].to_pylist() == names
    assert "valid_from" not in found
    part = source_rows.read_rows(
        lake, 0, "customers", to_day(as_of), np.sort(keys), get_backend("cpu")
    )
    seen = dict(zip(part.texts.column("customer_id").to_pylist(),
                    part.texts.column("name").to_pylist(), strict=True))  # fmt: skip
    assert seen == {c: n for c, n in zip("abcd", names, strict=True) if n}
    assert gold.read(tmp_path / "out", "rejects").num_rows == 1
