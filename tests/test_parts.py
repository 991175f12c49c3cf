"""Parts of the night: what each declares is what it reads and writes."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from qfb_gpu import parts
from qfb_gpu.backend import get_backend
from qfb_gpu.lake import gold, quality, source_rows
from qfb_gpu.lake.delta import PartFile, commit, open_table
from qfb_gpu.lake.texts import hash_texts
from qfb_gpu.ledger import NULL_DAY, NULL_MINOR
from qfb_gpu.schema import GOLD, SOURCES


def day(text):
    return int(np.datetime64(text, "D").astype(int))


@pytest.mark.parametrize("part", parts.PARTS, ids=lambda part: part.name)
def test_a_part_names_sources_and_tables_that_there_are(part):
    assert {*part.needs, *part.may_use} <= set(SOURCES)
    assert {*part.tables, *part.whole_tables} <= set(GOLD)


def test_the_sources_said_to_be_used_are_those_that_parts_read():
    assert parts.used_sources() | {"transactions", "customers"} == quality.USED


def test_no_two_parts_write_one_table():
    tables = [name for part in parts.PARTS for name in (*part.tables, *part.whole_tables)]
    assert len(tables) == len(set(tables))


def lake_with(tmp_path, source, columns):
    """Write a lake of one bucket of one source, in the types of silver."""
    folder = tmp_path / source
    (folder / "bucket=0").mkdir(parents=True)
    table = pa.table(columns)
    name = "bucket=0/part-000001.parquet"
    pa.parquet.write_table(table, folder / name)
    schema = table.schema.append(pa.field("bucket", pa.int32()))
    commit(folder, [PartFile(name, table.num_rows, {"bucket": "0"}, {})], schema,
           partition_by=["bucket"], application="test", version=1)  # fmt: skip
    return tmp_path


def orders(tmp_path):
    dates = ["2024-01-05", "2024-02-01", "2024-06-01"]
    columns = {
        "order_id": pa.array(["o1", "o2", "o3"]),
        "customer_id": pa.array(["a", "b", "a"]),
        "supplier_id": pa.array(["s", None, "s"]),
        "order_date": pa.array([dt.date.fromisoformat(d) for d in dates]),
        "due_date": pa.array([dt.date(2024, 3, 1), None, dt.date(2024, 7, 1)]),
        "delivered_date": pa.array([dt.date(2024, 4, 1), None, None]),
        "quantity": pa.array([5.0, None, 1.0]),
        "quantity_delivered": pa.array([5.0, 2.0, None]),
        "amount_minor": pa.array([100, None, 7], pa.int64()),
        "currency": pa.array(["CNY", "USD", None]),
        "item": pa.array(["steel", "coal", "steel"]),
    }
    return lake_with(tmp_path, "orders", columns)


def read(lake, source, as_of, ids=("a",)):
    keys = np.sort(hash_texts(pa.array(ids)))
    return source_rows.read_rows(lake, 0, source, day(as_of), keys, get_backend("cpu"))


def test_rows_are_what_was_known_on_the_day(tmp_path):
    rows = read(orders(tmp_path), "orders", "2024-03-15")
    assert rows.texts.column("order_id").to_pylist() == ["o1", "o2"]
    assert rows.columns["delivered_date"].tolist() == [NULL_DAY, NULL_DAY]
    delivered = rows.columns["quantity_delivered"]
    assert np.isnan(delivered[0])  # delivered in April, which nobody knew in March
    assert delivered[1] == 2.0
    assert rows.customer.tolist() == [0, -1]
    later = read(orders(tmp_path / "later"), "orders", "2024-04-01")
    assert later.columns["delivered_date"].tolist() == [day("2024-04-01"), NULL_DAY]


def test_rows_have_engine_types_and_one_hash_for_one_id(tmp_path):
    rows = read(orders(tmp_path), "orders", "2024-12-31")
    assert rows.columns["amount_minor"].tolist() == [100, NULL_MINOR, 7]
    assert rows.columns["currency"].dtype == np.int16
    assert rows.columns["currency"][2] == -1
    item = rows.columns["item"]
    assert [item.labels[code] for code in item.codes] == ["steel", "coal", "steel"]
    assert rows.keys["supplier_key"][1] == 0
    assert rows.keys["supplier_key"][0] == hash_texts(pa.array(["s"]))[0]


def test_a_source_that_is_not_there_has_no_rows(tmp_path):
    for source in set(SOURCES) - {"transactions"}:
        assert read(tmp_path, source, "2024-12-31").n_rows == 0


def test_a_table_that_a_night_does_not_make_is_not_left_over_from_another(tmp_path):
    sources = ("transactions", "customers")
    gone = parts.tables_left_out(sources)
    made = {*parts.tables(sources), *(t for p in parts.active(sources) for t in p.whole_tables)}
    assert "order_risk" in gone
    assert not set(gone) & made
    part = tmp_path / "part.parquet"
    gold.write_part(part, pa.table({"order_id": ["a", "b"]}))
    gold.publish(tmp_path / "out", "order_risk", [part], gold.Publication("one", 1))
    for _ in range(2):  # the same night twice changes nothing
        gold.publish_nothing(tmp_path / "out", "order_risk", gold.Publication("two", 2))
        assert gold.read(tmp_path / "out", "order_risk").num_rows == 0
    assert open_table(tmp_path / "out" / "order_risk").version() == 1
    gold.publish_nothing(tmp_path / "out", "never_made", gold.Publication("two", 2))
    assert gold.tables(tmp_path / "out") == ["order_risk"]
