"""Rows per second of every preparation operation, beside pandas and Polars, in one run.

``python benchmarks/prepare.py [--rows 1e6] [--repeats 3] [--only TEXT]``: the columns are in
memory, each in its own library's form; the answers are compared first; medians of the repeats.
Working days are also measured beside ``numpy.busday_count`` and a loop over rows with
``chinesecalendar`` and ``holidays``, which are given fewer rows.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from peers.preparation import CASES, Polars
from results_file import ROOT, ResultsFile

from qfb_gpu import prepare
from qfb_gpu.calendars import to_day

_WHAT = ("房租", "工资", "社保", "货款", "其他")
_LOOP_ROWS = 300
_ASLEEP = 0.2
"""A first call that took less is repeated at least three times."""


class Held:
    """A table beside the columns: pandas compares what it finds in ``attrs``."""

    def __init__(self, frame: Any) -> None:
        self.frame = frame


class Arrow(dict[str, Any]):
    """Columns by name, the two other tables, and a choice of columns."""

    names: pa.Table
    rates: pa.Table

    def select(self, names: list[str]) -> pa.Table:
        """Return some columns as a table."""
        return pa.table({name: self[name] for name in names})


def make_columns(n_rows: int, seed: int = 1) -> Arrow:
    """Return columns such as a bank's export has; a fiftieth of the memos is null."""
    rng = np.random.default_rng(seed)
    number = rng.integers(0, 10 * n_rows, n_rows)
    what = rng.choice(len(_WHAT), n_rows)
    month = rng.integers(1, 13, n_rows)
    memo = pc.binary_join_element_wise(
        pa.repeat("付款INV-", n_rows), pa.array(number).cast(pa.string()),
        pa.repeat("/", n_rows), pa.array(_WHAT).take(pa.array(what)), pa.repeat("【", n_rows),
        pa.array(month).cast(pa.string()), pa.repeat("月】*#/", n_rows),
        pa.array(number % 977).cast(pa.string()), "",
    )  # fmt: skip
    memo = pc.if_else(pa.array(rng.random(n_rows) < 0.02), pa.scalar(None, pa.string()), memo)
    day = rng.integers(to_day(FIRST), to_day(LAST), n_rows).astype(np.int32)
    due = (day + rng.integers(-90, 400, n_rows)).astype(np.int32)
    value = rng.normal(100, 80, n_rows)
    value[rng.random(n_rows) < 0.01] = np.inf
    codes = pa.array([f"C{i:04d}" for i in range(2000)])
    tags = pa.array(["a|b", "a", "a|b|c", "d"])
    columns = Arrow(
        id=pa.array(np.arange(n_rows)),
        memo=memo,
        code=codes.take(pa.array(rng.integers(0, 2000, n_rows))),
        other=codes.take(pa.array(rng.integers(500, 1500, n_rows))),
        tags=tags.take(pa.array(rng.integers(0, 4, n_rows))),
        kind=codes.take(pa.array(rng.integers(0, 50, n_rows))),
        who=pa.array(rng.integers(0, max(n_rows // 20, 1), n_rows)),
        day=pa.array(day).view(pa.date32()),
        due=pa.array(due).view(pa.date32()),
        later=pa.array(np.maximum(day, due)).view(pa.date32()),
        time=pa.array(day.astype("datetime64[D]").astype("datetime64[s]")
                      + rng.integers(0, 86_400, n_rows).astype("timedelta64[s]")),
        value=pa.array(value, mask=rng.random(n_rows) < 0.01),
    )  # fmt: skip
    half = codes.slice(0, 1500)
    columns.names = pa.table({"code": half, "name": pc.binary_join_element_wise(half, half, "=")})
    since = np.tile(np.arange(to_day(FIRST), to_day(LAST), 90, dtype=np.int32), 1500)
    of = np.repeat(np.arange(1500), len(since) // 1500)
    columns.rates = pa.table({
        "code": half.take(pa.array(of)),
        "since": pa.array(since).view(pa.date32()),
        "rate": pa.array(np.arange(len(of)) / 7),
    })  # fmt: skip
    return columns


FIRST, LAST = pd.Timestamp(2022, 1, 1).date(), pd.Timestamp(2024, 12, 1).date()


def in_libraries(columns: Arrow) -> dict[str, Any]:
    """Return the same columns as each implementation takes them."""
    table = columns.select(list(columns))
    frame = pd.DataFrame({name: _pandas(column) for name, column in columns.items()})
    for name in ("names", "rates"):
        other = getattr(columns, name)
        other_frame = pd.DataFrame({n: _pandas(other[n]) for n in other.column_names})
        frame.attrs[name] = Held(other_frame)
    polars = Polars(
        pl.from_arrow(table), pl.from_arrow(columns.names), pl.from_arrow(columns.rates)
    )
    return {"qfb": columns, "pandas": frame, "polars": polars}


def _pandas(column: Any) -> pd.Series:
    if pa.types.is_string(column.type):
        return pd.Series(column.to_pandas(), dtype="str")
    if pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("s"))
    return pd.Series(column.to_pandas())


def check_equal(name: str, want: Any, got: Any) -> None:
    """Raise where a peer's answer differs: texts, numbers and dates by value."""
    left, right = _arrow(want), _arrow(got)
    same = left.equals(right) or left.cast(right.type).equals(right)
    if not same:
        differ = [
            i
            for i, (a, b) in enumerate(zip(left.to_pylist(), right.to_pylist(), strict=True))
            if a != b
        ]
        if differ:
            row = differ[0]
            msg = f"{name}: {len(differ)} rows differ, row {row}: {left[row]} and {right[row]}"
            raise AssertionError(msg)


def _arrow(column: Any) -> pa.Array:
    if isinstance(column, pl.Series):
        column = column.to_arrow()
    array = pa.array(column, from_pandas=True) if isinstance(column, pd.Series) else column
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    kind = array.type
    if pa.types.is_dictionary(kind):
        array = array.cast(kind.value_type)
    if pa.types.is_timestamp(array.type):
        return array.cast(pa.timestamp("s")).cast(pa.date32())
    if str(array.type) in ("large_string", "string_view"):
        return array.cast(pa.string())
    if pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
        return array.cast(pa.float64())
    return array


def measure(call: Any, repeats: int) -> list[float]:
    """Return the seconds of each of some calls, after one that does not count."""
    call()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return seconds


def working_day_cases(columns: Arrow) -> dict[str, tuple[int, Any]]:
    """Return {implementation: (rows, callable)} for working days of China and Germany."""
    import chinese_calendar
    import holidays

    day, due = columns["day"], columns["due"]
    n_rows = len(day)
    start, end = (np.asarray(c.view(pa.int32())).astype("datetime64[D]") for c in (day, due))
    pairs = list(zip(day[:_LOOP_ROWS].to_pylist(), due[:_LOOP_ROWS].to_pylist(), strict=True))
    germany = holidays.country_holidays("DE", years=range(2021, 2027))
    step = pd.Timedelta(days=1).to_pytimedelta()

    def loop(is_working: Any) -> list[int]:
        out = []
        for first, last in pairs:
            low, high = min(first, last), max(first, last)
            n_days, at = 0, low
            while at <= high:
                n_days += is_working(at)
                at += step
            out.append(n_days if last >= first else -n_days)
        return out

    def china() -> list[int]:
        out = []
        for first, last in pairs:
            low, high = min(first, last), max(first, last)
            n_days = len(chinese_calendar.get_workdays(low, high))
            out.append(n_days if last >= first else -n_days)
        return out

    for calendar, answer in (("CN", china()), ("DE", loop(germany.is_working_day))):
        found = prepare.working_days(day[:_LOOP_ROWS], due[:_LOOP_ROWS], calendar=calendar)
        assert found.to_pylist() == answer, calendar
    off = sorted(date for date in germany if date.year in range(2021, 2027))
    both = np.busday_count(start, end, holidays=off)
    left = prepare.working_days(day, due, calendar="DE", closed="left")
    late = end >= start
    assert (np.asarray(left)[late] == both[late]).all(), "numpy.busday_count"
    return {
        "qfb, CN with make-up days": (n_rows, lambda: prepare.working_days(day, due)),
        "qfb, DE": (n_rows, lambda: prepare.working_days(day, due, calendar="DE")),
        "numpy.busday_count, DE": (n_rows, lambda: np.busday_count(start, end, holidays=off)),
        "chinesecalendar, a loop": (len(pairs), china),
        "holidays, a loop, DE": (len(pairs), lambda: loop(germany.is_working_day)),
    }


def main(argv: list[str] | None = None) -> Path:
    """Measure and write; return the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=float, default=1e6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="operations whose name holds this")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args(argv)
    n_rows = int(options.rows)
    small = in_libraries(make_columns(min(n_rows, 20_000)))
    columns = in_libraries(make_columns(n_rows))
    results = ResultsFile.open(options.out, "prepare", {"rows": n_rows, "repeats": options.repeats})
    for name, implementations in CASES.items():
        if options.only not in name:
            continue
        answer = implementations["qfb"](small["qfb"])  # also compiles and caches its kernels
        row = {}
        for library, run in implementations.items():
            check_equal(f"{name}, {library}", answer, run(small[library]))
            repeats = 1 if library == "pandas" else options.repeats
            seconds = measure(lambda r=run, c=columns[library]: r(c), repeats)
            row[library] = statistics.median(seconds)
            results.append({"operation": name, "implementation": library, "seconds": seconds,
                            "rows_per_second": n_rows / row[library]})  # fmt: skip
        _say(name, n_rows, row)
    if options.only in "working_days":
        for name, (rows, run) in working_day_cases(columns["qfb"]).items():
            seconds = measure(run, options.repeats)
            per_second = rows / statistics.median(seconds)
            run_of = {"operation": "working_days", "implementation": name, "rows": rows}
            results.append({**run_of, "seconds": seconds, "rows_per_second": per_second})
            print(f"working_days: {name:<28} {per_second:>14,.0f} rows/s", flush=True)
    print(results.path)
    return results.path


def _say(name: str, n_rows: int, row: dict[str, float]) -> None:
    rates = "  ".join(f"{library} {n_rows / s:>13,.0f}" for library, s in row.items())
    ratio = f"   {row['qfb'] / row['polars']:.2f} x polars' time" if "polars" in row else ""
    print(f"{name:<36} rows/s: {rates}{ratio}", flush=True)


if __name__ == "__main__":
    main()
