"""Columns of silver become arrays that may be written to, copied only where they have to be."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from simulate import launch

from qfb_gpu.backend import get_backend
from qfb_gpu.lake.ledgers import NUMERIC, ledger_of_silver
from qfb_kernels.boundaries import boundaries_cpu, boundaries_gpu

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


def naive_steps(rows):
    """Return how each row follows the one before: 0 goes on, 1 relation, 2 customer, 3 unordered."""
    steps = []
    for before, row in zip([None, *rows], rows, strict=False):
        if before is None or (row > before and row[0] != before[0]):
            steps.append(2)
        elif row < before:
            steps.append(3)
        else:
            steps.append(int(row[:5] != before[:5]))
    return steps


DTYPES = ("int64", "int64", "int64", "int8", "int16", "int32", "int64", "int64")


def drawn_rows(n_rows, n_values, seed):
    """Return rows of few different values, sorted but for some."""
    random = np.random.default_rng(seed)
    rows = sorted(map(tuple, random.integers(-1, n_values, (n_rows, len(DTYPES))).tolist()))
    for i in random.integers(0, n_rows, n_rows // 10):
        rows[i], rows[-i] = rows[-i], rows[i]
    return rows


def steps(launch, rows):
    columns = [np.array([row[i] for row in rows], dtype) for i, dtype in enumerate(DTYPES)]
    step = np.full(len(rows), -1, np.int8)
    launch(len(rows), *columns, step)
    return step.tolist()


@pytest.mark.parametrize("n_values", [1, 2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_steps_are_those_of_comparing_rows(n_values, seed):
    rows = drawn_rows(300, n_values, seed)
    backend = get_backend("cpu")

    def launched(n_rows, *arrays):
        backend.launch(boundaries_cpu, boundaries_gpu, n_rows, *arrays)

    found = steps(launched, rows)
    assert found == naive_steps(rows)
    assert len(set(found)) > 1


@pytest.mark.cudasim
def test_steps_in_the_simulator_are_those_of_comparing_rows():
    rows = drawn_rows(40, 2, 5)
    found = steps(lambda n_rows, *arrays: launch(boundaries_gpu, n_rows, *arrays), rows)
    assert found == naive_steps(rows)


@pytest.mark.parametrize("described", [False, True])
def test_rows_in_no_order_become_the_same_ledger(described):
    random = np.random.default_rng(3)
    columns = {name: random.integers(0, 3, 400) for name in NUMERIC}
    columns["txn_key"] = np.arange(400)
    if described:
        columns["description_key"] = random.integers(0, 2, 400)
    order = ["customer_key", "counterparty_key", *(["description_key"] if described else [])]
    order += [name for name in NUMERIC if name not in order]
    table = pa.table({n: pa.array(v).cast(TYPES.get(n, pa.int64())) if n != "date" else
                      pa.array(v.astype(np.int32)).cast(pa.date32())
                      for n, v in columns.items()})  # fmt: skip
    if described:
        texts = pa.array(["rent" if key else None for key in columns["description_key"]])
        table = table.append_column("description", texts.dictionary_encode())
    ordered = table.sort_by([(name, "ascending") for name in order])
    found = ledger_of_silver(table, 10_000, get_backend("cpu"), None)
    wanted = ledger_of_silver(ordered, 10_000, get_backend("cpu"), None)
    np.testing.assert_array_equal(found.text_row, ordered.column("txn_key").to_numpy())
    rows = list(zip(*(ordered.column(n).to_pylist() for n in order[:-3]), strict=True))
    first = [i for i, row in enumerate(rows) if i == 0 or row != rows[i - 1]]
    assert found.relation_offsets.tolist() == [*first, 400]
    of_customer = [rows[i][0] for i in first]
    assert found.relation_customer.tolist() == of_customer
    assert found.customer_key.tolist() == sorted(set(of_customer))
    for name in ("day", "amount_minor", "relation_offsets", "customer_offsets", "direction"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
