"""Columns of silver become arrays that may be written to, copied only where they have to be."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qfb_gpu.backend import get_backend
from qfb_gpu.lake.ledgers import NUMERIC, ledger_of_silver

TYPES = {"direction_code": pa.int8(), "currency_code": pa.int16(), "date": pa.date32()}


def silver(n_rows):
    values = {name: np.zeros(n_rows, np.int64) for name in NUMERIC}
    values["date"] = values["txn_key"] = np.arange(n_rows)
    columns = {
        name: pa.array(column).cast(pa.int32()).cast(TYPES.get(name, pa.int64()))
        for name, column in values.items()
    }
    return pa.table(columns)


@pytest.mark.parametrize("row_group_size", [1000, 64])  # one piece, several
def test_what_is_read_from_a_file_can_be_written_to(tmp_path, row_group_size):
    path = tmp_path / "silver.parquet"
    pq.write_table(silver(200), path, row_group_size=row_group_size)
    read = pq.ParquetFile(path).read()
    ledger = ledger_of_silver(read, 10_000, get_backend("cpu"), None)
    for name in ("day", "amount_minor", "txn_key"):
        assert getattr(ledger, name).flags.writeable
    np.testing.assert_array_equal(ledger.day, np.arange(200))
    np.testing.assert_array_equal(ledger.txn_key, np.arange(200))


def test_a_slice_of_a_table_gives_its_own_rows():
    ledger = ledger_of_silver(silver(50).slice(20, 10), 10_000, get_backend("cpu"), None)
    np.testing.assert_array_equal(ledger.day, np.arange(20, 30))
    assert ledger.n_payments == 10


def test_no_later_payment_is_seen():
    ledger = ledger_of_silver(silver(50), 29, get_backend("cpu"), None)
    np.testing.assert_array_equal(ledger.day, np.arange(30))
