"""Instants: a day is a day somewhere, and a table that keeps days as instants in UTC is told."""

import datetime as dt
import re
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

import qfb_gpu as qfb
from qfb_gpu.config import build_config
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.lake import silver
from qfb_gpu.lake.bucket_read import read_bucket
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.lake.retry import retry

AS_OF = dt.date(2024, 12, 31)
DAYS = [dt.date(2024, 1, 1) + dt.timedelta(days=7 * i) for i in range(40)]


def payments(zone, hour, minute=0):
    """Payments at a time of day in a zone, as instants in UTC, as Spark writes them."""
    there = [dt.datetime(d.year, d.month, d.day, hour, minute, tzinfo=ZoneInfo(zone)) for d in DAYS]
    return pa.table({
        "txn_id": [f"t{i:02d}" for i in range(len(DAYS))],
        "customer_id": ["c"] * len(DAYS),
        "date": pa.array([one.astimezone(ZoneInfo("UTC")) for one in there], pa.timestamp("us", "UTC")),
        "amount": ["1.00"] * len(DAYS),
    })  # fmt: skip


def days_of(tmp_path, **part):
    raw = {"as_of": AS_OF, "device": "cpu", "sources": {"transactions": {"path": "in", **part}}}
    config = build_config({**raw, "n_buckets": 1}, base=tmp_path, where="test")
    counts = ingest(config).counts["transactions"]
    lake = tmp_path / "out" / "lake"
    rows = [read_bucket(lake / "transactions", b) for b in silver.buckets(lake)]
    return sorted(pa.concat_tables(rows).column("date").to_pylist()), counts


@pytest.mark.parametrize(("zone", "hour"), [("Asia/Shanghai", 7), ("America/New_York", 21)])
def test_an_instant_has_its_day_in_the_zone_of_the_source(tmp_path, zone, hour):
    (tmp_path / "in").mkdir()
    pq.write_table(payments(zone, hour, 13), tmp_path / "in" / "a.parquet")
    assert days_of(tmp_path, time_zone=zone)[0] == DAYS
    shift = dt.timedelta(days=-1 if hour < 12 else 1)
    assert days_of(tmp_path)[0] == [day + shift for day in DAYS]  # its own zone is UTC


@pytest.mark.parametrize("zone", ["Mars/Olympus", "CST", "utc+8"])
def test_a_zone_that_nobody_knows_is_named(tmp_path, zone):
    """It was a traceback; where the source says its zone, the file's does not count."""
    (tmp_path / "in").mkdir()
    known = payments("Asia/Shanghai", 7, 13)
    there = known["date"].combine_chunks().view(pa.timestamp("us", zone))
    pq.write_table(known.set_column(2, "date", there), tmp_path / "in" / "a.parquet")
    with pytest.raises(
        InputError, match=rf"a.parquet: column 'date' is .*no zone '{re.escape(zone)}'"
    ):
        days_of(tmp_path)
    assert days_of(tmp_path, time_zone="Asia/Shanghai")[0] == DAYS


@pytest.mark.parametrize("zone", ["Z", "utc", "Zulu"])
def test_other_names_of_utc_are_utc(tmp_path, zone):
    (tmp_path / "in").mkdir()
    known = payments("Asia/Shanghai", 12)
    there = known["date"].combine_chunks().view(pa.timestamp("us", zone))
    pq.write_table(known.set_column(2, "date", there), tmp_path / "in" / "a.parquet")
    with pytest.raises(InputError, match="days of another"):  # all of them at 04:00
        days_of(tmp_path)
    assert days_of(tmp_path, time_zone="UTC")[0] == DAYS


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "America/New_York", "Europe/London"])
def test_days_kept_as_instants_in_utc_are_told_and_not_read_a_day_off(tmp_path, zone):
    write_deltalake(str(tmp_path / "in"), payments(zone, 0))
    with pytest.raises(InputError, match=r"days of another zone|days of another time zone"):
        days_of(tmp_path)
    assert days_of(tmp_path, time_zone=zone)[0] == DAYS
    assert len(days_of(tmp_path, time_zone="UTC")[0]) == len(DAYS)  # said to be right as it is


def test_a_notebook_is_told_too():
    table = payments("Asia/Shanghai", 0)
    with pytest.raises(InputError, match="set time_zone = 'Asia/Shanghai'"):
        qfb.find_streams(table, as_of=AS_OF)
    streams = qfb.find_streams(table, as_of=AS_OF, time_zone="Asia/Shanghai")
    assert streams.column("last_date").to_pylist() == DAYS[-1:]


def test_midnights_of_utc_and_times_of_day_are_read_as_they_are(tmp_path):
    (tmp_path / "in").mkdir()
    pq.write_table(payments("UTC", 0), tmp_path / "in" / "a.parquet")
    assert days_of(tmp_path)[0] == DAYS


def test_since_is_of_the_days_of_the_zone(tmp_path):
    """The latest instant of a file is of the day before in UTC: its statistics do not rule it out."""
    write_deltalake(str(tmp_path / "in"), payments("Asia/Shanghai", 0))
    days, counts = days_of(tmp_path, time_zone="Asia/Shanghai", since=DAYS[-1])
    assert days == DAYS[-1:]
    assert counts[f"excluded: before {DAYS[-1]}"] == len(DAYS) - 1


def test_a_row_tried_again_keeps_its_day(tmp_path):
    (tmp_path / "in").mkdir()
    table = payments("Asia/Shanghai", 7, 13)
    amounts = pa.array(["1.005" if i == 3 else "1.00" for i in range(len(DAYS))])
    pq.write_table(table.set_column(3, "amount", amounts), tmp_path / "in" / "a.parquet")
    assert len(days_of(tmp_path, time_zone="Asia/Shanghai")[0]) == len(DAYS) - 1
    part = {"path": "in", "time_zone": "Asia/Shanghai", "rounding": "half_even"}
    raw = {"as_of": AS_OF, "device": "cpu", "sources": {"transactions": part}, "n_buckets": 1}
    assert retry(build_config(raw, base=tmp_path, where="test"))[0].n_kept == 1
    rows = read_bucket(tmp_path / "out" / "lake" / "transactions", 0)
    assert sorted(rows.column("date").to_pylist()) == DAYS


def test_an_unknown_zone_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="no time zone is called 'Peking'"):
        days_of(tmp_path, time_zone="Peking")
