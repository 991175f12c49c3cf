"""Labels by time: golden examples, and a date-by-date reference."""

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import prepare as naive

from qfb_gpu import prepare
from qfb_gpu.errors import ConfigError, InputError

D = dt.date
YEARS = [D(2022, 12, 31), D(2023, 12, 30), D(2025, 1, 4), D(2026, 1, 3)]  # the second: 53 weeks
SEASONS = [(D(2024, 6, 1), D(2024, 8, 31), "summer"), (D(2024, 3, 1), D(2024, 5, 31), "spring")]
DATES = st.lists(st.none() | st.dates(D(2022, 12, 1), D(2026, 2, 1)), max_size=8)


@given(DATES)
def test_labelled_intervals_are_a_comparison(dates):
    found = prepare.label_intervals(pa.array(dates, pa.date32()), intervals=SEASONS, default="-")
    for date, label in zip(dates, found.to_pylist(), strict=True):
        inside = [name for a, b, name in SEASONS if date and a <= date <= b]
        assert label == (None if date is None else (inside or ["-"])[0])


@given(DATES)
def test_445_periods_are_weeks_counted_off(dates):
    found = prepare.label_445(pa.array(dates, pa.date32()), starts=YEARS)
    assert found.to_pylist() == [naive.label_445(date, YEARS) for date in dates]


@given(DATES)
def test_calendar_periods_are_those_of_datetime(dates):
    column = pa.array(dates, pa.date32())
    found = {
        u: prepare.label_period(column, unit=u).to_pylist() for u in ("month", "quarter", "year")
    }
    for row, date in enumerate(dates):
        expected = [date and f"{date:%Y-%m}", date and f"{date:%Y}-Q{(date.month + 2) // 3}"]
        expected.append(date and f"{date:%Y}")
        assert [found[u][row] for u in ("month", "quarter", "year")] == expected


def test_hours_by_example():
    times = [
        "2024-01-01 05:59:59",
        "2024-01-01 06:00",
        "2024-01-01 22:00",
        "2024-01-01 12:00",
        None,
    ]
    hours = [(22, 6, "night"), (6, 12, "morning")]
    found = prepare.label_hours(pa.array(times), hours=hours, default="rest")
    assert found.to_pylist() == ["night", "morning", "night", "rest", None]


@pytest.mark.parametrize(
    ("op", "settings", "words"),
    [
        ("label_intervals", {"intervals": []}, "empty"),
        ("label_intervals", {"intervals": [(D(2024, 2, 1), D(2024, 1, 1), "a")]}, "exchange"),
        (
            "label_intervals",
            {"intervals": [*SEASONS, (D(2024, 5, 31), D(2024, 5, 31), "x")]},
            "'spring' and 'x' overlap at 2024-05-31",
        ),
        ("label_hours", {"hours": []}, "empty"),
        ("label_hours", {"hours": [(22, 6, "night"), (5, 7, "dawn")]}, "overlap at hour 5"),
        ("label_hours", {"hours": [(3, 25, "x")]}, "from 3 to 25"),
        ("label_period", {"unit": "week"}, "month, quarter, year"),
        ("label_445", {"starts": [D(2024, 1, 1)]}, "two or more"),
        ("label_445", {"starts": [D(2024, 1, 1), D(2025, 1, 1)]}, "52 or 53 weeks"),
    ],
)
def test_refuses(op, settings, words):
    with pytest.raises(ConfigError, match=f"{op}: .*{words}"):
        getattr(prepare, op)(pa.array(["2024-01-01"]), **settings)


def test_a_date_has_no_hour():
    with pytest.raises(InputError, match="date has no hour"):
        prepare.label_hours(pa.array([D(2024, 1, 1)]), hours=[(0, 24, "day")])
