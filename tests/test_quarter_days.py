"""Quarter days have no family of their own; docs/payments-core.md says what is found of them."""

import datetime as dt

import pandas as pd
import pytest

import qfb_gpu as qfb

DAYS = {
    "english": ([(3, 25), (6, 24), (9, 29), (12, 25)], 6),
    "old_scottish": ([(2, 2), (5, 15), (8, 1), (11, 11)], 13),
    "scottish": ([(2, 28), (5, 28), (8, 28), (11, 28)], 0),
}


@pytest.mark.parametrize("kind", DAYS)
def test_quarter_days_are_one_quarterly_stream_whose_range_holds_the_next_date(kind: str) -> None:
    days, off = DAYS[kind]
    dates = [dt.date(year, *day) for year in range(2016, 2026) for day in days]
    for month in (1, 4, 7, 10):
        as_of = dt.date(2024, month, 20)
        came = [day for day in dates if day <= as_of]
        coming = pd.Timestamp(min(day for day in dates if day > as_of))
        table = pd.DataFrame(
            {
                "customer_id": "C",
                "counterparty_id": "P",
                "date": came,
                "amount": 25000.0,
                "direction": "out",
            }
        )
        (stream,) = qfb.find_streams(
            table, as_of=as_of, calendar="GB-ENG", device="cpu"
        ).itertuples()
        assert stream.is_regular
        assert stream.cadence == "quarterly"
        assert stream.next_date_earliest <= coming <= stream.next_date_latest
        assert abs((stream.next_date - coming).days) <= off
