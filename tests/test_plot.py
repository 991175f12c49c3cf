"""The picture of a stream: every payment, every missed due date, the range, in one safe file."""

import datetime as dt
import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import qfb_gpu as qfb
from qfb_gpu.backend import get_backend
from qfb_gpu.errors import InputError
from qfb_gpu.payments.spectrum import day_spectrum
from qfb_gpu.report.charts.payment_calendar import Grid

AS_OF = dt.date(2024, 12, 31)
SETTINGS = {"as_of": AS_OF, "device": "cpu", "calendar": "weekends"}
SKIPPED = [(2023, 8), (2024, 3)]


def on(table, **columns):
    return pd.DataFrame({**dict.fromkeys(("customer_id", "counterparty_id"), table), **columns})


@pytest.fixture(scope="module")
def payments():
    months = [(year, m) for year in (2023, 2024) for m in range(1, 13) if (year, m) not in SKIPPED]
    rent = on("a", date=[dt.date(y, m, 15) for y, m in months], amount=-1200.0)
    fridays = [dt.date(2024, 1, 5) + dt.timedelta(weeks=i) for i in range(52)]
    weekly = on("<b>&", date=fridays, amount=100.0)
    once = on("c", date=[dt.date(2024, 5, 5)], amount=-7.0)
    return pd.concat([rent, weekly, once], ignore_index=True)


@pytest.fixture(scope="module")
def streams(payments):
    return qfb.find_streams(payments, **SETTINGS).set_index("customer_id")


def marks(picture, kind):
    return len(re.findall(rf'class="mark {kind}"', picture._repr_html_()))


def charts(picture):
    """Return the SVGs of a picture, each read as XML."""
    return [
        ET.fromstring(svg) for svg in re.findall("<svg.*?</svg>", picture._repr_html_(), re.DOTALL)
    ]


def test_every_payment_every_missed_due_date_and_the_next_are_drawn(payments, streams):
    found = streams.loc["a"]
    picture = qfb.plot_stream(payments, int(found.stream_id), **SETTINGS)
    html = picture._repr_html_()
    assert picture.stream["stream_id"] == found.stream_id
    assert sum(marks(picture, role) for role in ("regular", "late", "early", "extra")) == 22
    assert marks(picture, "missed") == found.n_missed == 2
    assert html.count("due, not paid</title>") == 2
    assert marks(picture, "next") == 1
    range_days = (found.next_date_latest - found.next_date_earliest).days + 1
    assert html.count('class="expected"') == range_days
    assert f"{found.next_date.day}\N{NO-BREAK SPACE}Jan\N{NO-BREAK SPACE}2025" in html
    assert len(charts(picture)) == 2
    assert re.search(r"30\.\d days</text>", html)


def test_a_weekly_payer_is_drawn_by_weeks_and_names_are_escaped(payments):
    picture = qfb.plot_stream(payments, **SETTINGS)  # the regular stream with most payments
    assert picture.stream["cadence"] == "weekly"
    assert [label in picture._repr_html_() for label in (">Mon<", ">31<")] == [True, False]
    assert "<b>" not in picture._repr_html_()
    assert "&lt;b&gt;&amp;" in picture._repr_html_()


def test_a_picture_needs_nothing_from_anywhere(payments, tmp_path):
    picture = qfb.plot_stream(payments, customer_id="a", **SETTINGS)
    path = picture.save(tmp_path / "stream.html")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert picture._repr_html_() in text
    assert not re.search(r"<script|<link|<img|url\(|https?://", text)
    assert "Stream" in repr(picture)
    assert len(repr(picture)) < 3000


def test_a_picture_makes_its_folder_and_says_where_it_cannot_be_written(payments, tmp_path):
    """It ended with a FileNotFoundError, while every `--out` makes its folder."""
    picture = qfb.plot_stream(payments, customer_id="a", **SETTINGS)
    path = picture.save(str(tmp_path / "missing" / "folder" / "x.html"))
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    for wrong in (path.parent, path / "y.html"):  # a folder; a file on the way
        said = f"save.*expected the name of an HTML file.*{re.escape(str(path.parent))}.*Give"
        with pytest.raises(InputError, match=said):
            picture.save(wrong)


def test_the_kind_of_table_makes_no_difference(payments):
    arrow = pa.Table.from_pandas(payments, preserve_index=False)
    pictures = [qfb.plot_stream(t, customer_id="a", **SETTINGS) for t in (payments, arrow)]
    assert pictures[0]._repr_html_() == pictures[1]._repr_html_()


def test_a_single_payment_is_drawn_and_said_not_to_be_regular(payments):
    picture = qfb.plot_stream(payments, customer_id="c", **SETTINGS)
    assert "Not regular" in picture._repr_html_()
    assert "Too few payments for a spectrum" in picture._repr_html_()
    assert (marks(picture, "extra"), marks(picture, "next"), len(charts(picture))) == (1, 0, 1)


def test_a_stream_that_stopped_expects_nothing(payments):
    early = payments[payments.date < dt.date(2024, 3, 1)]
    picture = qfb.plot_stream(early, customer_id="a", **SETTINGS)
    assert picture.stream["status"] == "stopped"
    assert "it has stopped" in picture._repr_html_()
    assert marks(picture, "next") == 0
    assert marks(picture, "missed") == picture.stream["n_missed"]


@pytest.mark.parametrize("until", [dt.date(2024, 12, 31), dt.date(2024, 9, 24)])
def test_two_due_dates_that_roll_to_one_day_are_missed_once_or_not_at_all(until):
    """1 and 8 October 2024 are both due on the 8th; two payments then hid a due date missed elsewhere."""
    spring, autumn = dt.date(2024, 2, 18), dt.date(2024, 10, 8)
    rolled = {dt.date(2024, 2, 13): spring, dt.date(2024, 10, 1): autumn}
    tuesdays = [dt.date(2023, 10, 10) + dt.timedelta(weeks=i) for i in range(65)]
    due = [rolled.get(day, day) for day in tuesdays]
    paid = [day for day in due if day <= until and day != dt.date(2024, 6, 4)]
    if autumn in paid:
        paid[paid.index(autumn) + 1] += dt.timedelta(days=1)  # two days, both for the 8th
    table = on("a", date=paid, amount=-100.0)
    given = {"as_of": AS_OF, "device": "cpu", "calendar": "CN"}
    found = qfb.find_streams(table, **given).iloc[0]
    assert (found.rrule, found.roll) == ("FREQ=WEEKLY;BYDAY=TU", "following")
    assert marks(qfb.plot_stream(table, **given), "missed") == found.n_missed
    unpaid = {day for day in due if day <= AS_OF} - set(paid)
    assert found.n_missed == len(unpaid) == (1 if until == AS_OF else 14)


def test_a_stream_named_by_its_memo(payments):
    rent = payments[payments.customer_id == "a"]
    memo = [f"房租 {d.year}年{d.month}月" for d in rent.date]
    nameless = rent.drop(columns="counterparty_id").assign(memo=memo)
    assert "a → 房租</h3>" in qfb.plot_stream(nameless, **SETTINGS)._repr_html_()


def test_an_unknown_stream_or_customer_is_one_clear_line(payments, streams):
    with pytest.raises(InputError, match=r"no stream 7; there are 3, e\.g\. \d+.*find_streams"):
        qfb.plot_stream(payments, 7, **SETTINGS)
    with pytest.raises(InputError, match="no stream .* of customer 'c'; there are 1"):
        qfb.plot_stream(payments, int(streams.loc["a"].stream_id), customer_id="c", **SETTINGS)
    with pytest.raises(InputError, match="no customer 'z'.*e.g. .*'a'"):
        qfb.plot_stream(payments, customer_id="z", **SETTINGS)


@pytest.mark.parametrize("by_week", [True, False])
def test_every_day_has_a_cell_of_its_own(by_week):
    first, last = dt.date(2023, 11, 29), dt.date(2024, 3, 2)
    grid = Grid(first, last, by_week)
    days = [first + dt.timedelta(days=i) for i in range((last - first).days + 1)]
    assert len({grid.corner(date) for date in days}) == len(days)
    assert {grid.column(date) for date in days} == set(range(grid.n_columns))


def test_the_drawn_spectrum_is_that_of_the_daily_series():
    days = np.array([0, 7, 15, 21, 21, 28, 35, 44])
    frequency, power = day_spectrum(days + 19_000, get_backend("cpu"))
    assert frequency[1] == 1 / 256  # 45 days are a class of 64, padded fourfold
    series = np.bincount(days) - len(days) / 45
    for k in (1, 17, 37, 128):
        wave = np.exp(-2j * np.pi * frequency[k] * np.arange(45))
        assert power[k] == pytest.approx(abs(series @ wave) ** 2, rel=1e-4, abs=1e-4)
    assert all(values.size == 0 for values in day_spectrum(days[:5], get_backend("cpu")))


def test_a_stream_of_some_weekdays_says_which():
    days = [day.date() for day in pd.date_range("2024-01-01", AS_OF) if day.weekday() in (0, 2, 4)]
    table = on("a", date=days, amount=100.0)
    (found,) = qfb.find_streams(table, **SETTINGS).stream_id
    html = qfb.plot_stream(table, int(found), **SETTINGS)._repr_html_()
    assert "Weekly on MO, WE, FR" in html
    assert len(re.findall('class="mark regular"', html)) >= 52
    assert 'class="mark missed"' not in html
