"""The notebook functions: the kind of table that comes in goes out."""

import datetime as dt
import subprocess
import sys

import pandas as pd
import pyarrow as pa
import pytest

import qfb_gpu as qfb
from qfb_gpu.api import ledger_of
from qfb_gpu.errors import InputError

AS_OF = dt.date(2024, 12, 31)


@pytest.fixture(scope="module")
def payments():
    dates = [dt.date(2024, month, 15) for month in range(1, 13)]
    return pd.DataFrame(
        {"customer_id": "a", "counterparty_id": "landlord", "date": dates, "amount": -1200.0}
    )


def test_a_monthly_payer_is_found_in_either_kind_of_table(payments):
    streams = qfb.find_streams(payments, as_of=AS_OF, device="cpu", calendar="weekends")
    assert isinstance(streams, pd.DataFrame)
    found = streams.to_dict("records")[0]
    assert found["is_regular"]
    assert found["cadence"] == "monthly"
    assert found["amount_typical"] == 1200
    arrow = pa.Table.from_pandas(payments)
    again = qfb.find_streams(arrow, as_of=AS_OF, device="cpu", calendar="weekends")
    assert isinstance(again, pa.Table)
    assert again.column("stream_id").to_pylist() == [found["stream_id"]]
    batch = qfb.find_streams(
        arrow.to_batches()[0], as_of=AS_OF, device="cpu", calendar="weekends"
    )  # fmt: skip
    assert isinstance(batch, pa.RecordBatch)
    assert pa.table(batch).to_pylist() == again.to_pylist()


def test_rows_are_read_as_those_of_a_source_are(payments):
    """What an error of a table says to set can be set: half a cent, words of a direction, dates."""
    table = payments.assign(
        amount=1200.0000000000002,
        date=[f"15/{month:02d}/2024" for month in range(1, 13)],
        direction="VYDAJ",
    )
    found = qfb.find_streams(
        table, as_of=AS_OF, device="cpu", calendar="weekends", rounding="half_even",
        date_order="dmy", direction_values={"VYDAJ": "out"},
    )  # fmt: skip
    want = qfb.find_streams(payments, as_of=AS_OF, device="cpu", calendar="weekends")
    pd.testing.assert_frame_equal(found, want)
    with pytest.raises(InputError, match="unknown word"):
        qfb.find_streams(table, as_of=AS_OF, device="cpu", rounding="half_even", date_order="dmy")


@pytest.mark.parametrize("name", ["find_streams", "profile", "plot_stream", "ledger_of"])
def test_rows_left_out_are_told_at_the_line_of_the_call(payments, name):
    """Those of a profile were told a frame too high, those of a picture a frame too low."""
    given = {"as_of": AS_OF, "device": "cpu", "calendar": "weekends"}
    stream = [qfb.find_streams(payments, **given).stream_id[0]] if name == "plot_stream" else []
    table = pd.concat([payments, payments.tail(1).assign(date=None)], ignore_index=True)
    call = ledger_of if name == "ledger_of" else getattr(qfb, name)
    with pytest.warns(UserWarning, match="1 of 13 rows are left out: 1 ") as told:
        call(table, *stream, **given)
    assert [one.filename for one in told] == [__file__]


def test_in_pandas_days_can_be_reckoned_with_and_ids_sorted(payments):
    streams = qfb.find_streams(payments, as_of=AS_OF, device="cpu")
    ahead = streams.next_date - pd.Timestamp(AS_OF)
    assert ahead.dt.days.gt(0).any()
    assert streams.next_date.dtype == streams.first_date.dtype == "datetime64[s]"
    assert streams.customer_id.dtype == streams.counterparty_id.dtype == "str"
    assert streams.cadence.dtype == "category"
    profiles = qfb.profile(payments, as_of=AS_OF, device="cpu")
    assert profiles.as_of.tolist() == [pd.Timestamp(AS_OF)]


def test_a_profile_is_one_row_a_customer(payments):
    profiles = qfb.profile(payments, as_of=AS_OF, device="cpu")
    assert profiles.customer_id.tolist() == ["a"]
    assert profiles.frequency_n_365d.tolist() == [12]
    assert profiles.regularity_n_streams.tolist() == [1]


def test_a_table_of_another_kind_is_refused():
    with pytest.raises(InputError, match="pandas, cuDF, Polars or Arrow.*list"):
        qfb.find_streams([1, 2], as_of=AS_OF)


def test_a_worker_imports_its_task_first():
    code = "from qfb_gpu.tasks import score_bucket"
    subprocess.run([sys.executable, "-c", code], check=True)
