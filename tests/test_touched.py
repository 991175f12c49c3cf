"""The log of touched customers names every customer whose rows are not what they were."""

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from qfb_gpu.config import build_config
from qfb_gpu.lake import delta, silver, touched
from qfb_gpu.lake.ingest import forget, ingest
from qfb_gpu.lake.texts import hash_texts

AS_OF = dt.date(2024, 12, 31)


def key(name):
    return int(hash_texts(pa.array([name]))[0])


@pytest.fixture
def lake(tmp_path):
    """Return a lake of payments and orders in two folders."""

    class Lake:
        path = tmp_path / "out" / "lake"
        raw = {"transactions": {"path": "in"}}  # noqa: RUF012

        def payments(self, name, rows, day=1):
            """Write payments ``(id, customer)``."""
            (tmp_path / "in").mkdir(exist_ok=True)
            pq.write_table(pa.table({
                "txn_id": pa.array([i for i, _ in rows], pa.string()),
                "customer_id": [c for _, c in rows],
                "date": [dt.date(2024, 1, day)] * len(rows),
                "amount": ["1.00"] * len(rows),
            }), tmp_path / "in" / name)  # fmt: skip

        def ingest(self, **settings):
            raw = {"as_of": AS_OF, "device": "cpu", "n_buckets": 4, "sources": self.raw, **settings}
            ingest(build_config(raw, base=tmp_path, where="test"))
            return touched.ingest_ids(self.path)

        def since(self, ids, source="transactions"):
            """Return whether the touched customers are known, and which those are."""
            found = touched.touched(self.path, ids)[source]
            for bucket, keys in found.customers.items():
                assert list(keys) == sorted(set(keys.tolist()))
                assert all(k % 4 == bucket for k in keys.tolist())
            return found.known, {int(k) for keys in found.customers.values() for k in keys}

        def rows(self, source="transactions"):
            """Return the rows of each customer, but for where they came from."""
            found = {}
            for path in delta.table_files(self.path / source):
                for row in pq.ParquetFile(path).read().to_pylist():
                    del row["source_file"], row["source_row"]
                    found.setdefault(key(row["customer_id"]), []).append(row)
            return {k: sorted(rows, key=repr) for k, rows in found.items()}

    return Lake()


def different(before, after):
    return {k for k in before.keys() | after.keys() if before.get(k) != after.get(k)}


def test_new_rows_touch_their_customers_alone(lake):
    lake.payments("a.parquet", [(f"t{n}", f"c{n % 20}") for n in range(100)])
    first = lake.ingest()
    assert lake.since(first) == (True, set())
    before = lake.rows()
    lake.payments("b.parquet", [("n1", "c3"), ("n2", "c7"), ("n3", "new")])
    second = lake.ingest()
    assert second != first
    assert lake.since(first) == (True, {key("c3"), key("c7"), key("new")})
    assert different(before, lake.rows()) == {key("c3"), key("c7"), key("new")}
    lake.payments("c.parquet", [("n4", "c4")])
    lake.ingest()
    assert lake.since(first)[1] == {key(c) for c in ("c3", "c4", "c7", "new")}
    assert lake.since(second)[1] == {key("c4")}
    assert not touched.touched(lake.path, {})["transactions"].known


def test_rows_that_leave_and_duplicates_that_return_touch_their_customers(lake):
    lake.payments("a.parquet", [(f"t{n}", f"c{n % 20}") for n in range(100)])
    lake.payments("b.parquet", [("n1", "c3"), ("n2", "c5")], day=1)
    lake.payments("c.parquet", [("n1", "c3"), ("n9", "c9")], day=2)
    first, before = lake.ingest(), lake.rows()
    (lake.path.parents[1] / "in" / "b.parquet").unlink()
    lake.ingest()
    known, customers = lake.since(first)
    assert known
    assert different(before, lake.rows()) == {key("c3"), key("c5")} <= customers
    assert len(customers) == 2


def test_an_order_with_the_id_of_another_customers_touches_its_own_alone(lake, tmp_path):
    lake.raw = {**lake.raw, "orders": {"path": "orders"}}
    lake.payments("a.parquet", [("t1", "c1")])
    one, other = "c1", next(c for c in map("b{}".format, range(99)) if key(c) % 4 == key("c1") % 4)
    (tmp_path / "orders").mkdir()
    for name, customer, day in (("a", one, 9), ("b", other, 2)):
        pq.write_table(pa.table({
            "order_id": ["o1"], "customer_id": [customer], "order_date": [dt.date(2024, 1, day)],
        }), tmp_path / "orders" / f"{name}.parquet")  # fmt: skip
        if name == "a":
            first, before = lake.ingest(), lake.rows("orders")
    lake.ingest()
    assert different(before, lake.rows("orders")) == {key(other)}
    assert lake.since(first, "orders") == (True, {key(other)})
    assert lake.since(first) == (True, set())


def test_changes_of_a_table_with_a_feed_touch_their_customers(lake, tmp_path):
    table = pa.table({
        "txn_id": [f"t{n}" for n in range(40)], "customer_id": [f"c{n % 8}" for n in range(40)],
        "date": [dt.date(2024, 1, 1)] * 40, "amount": ["1.00"] * 40,
    })  # fmt: skip
    feed = {"delta.enableChangeDataFeed": "true"}
    write_deltalake(str(tmp_path / "in"), table, configuration=feed)
    first, before = lake.ingest(), lake.rows()
    DeltaTable(str(tmp_path / "in")).update(updates={"amount": "'2.00'"}, predicate="txn_id = 't5'")
    DeltaTable(str(tmp_path / "in")).delete("txn_id = 't6'")
    lake.ingest()
    assert lake.since(first) == (True, {key("c5"), key("c6")})
    assert different(before, lake.rows()) == {key("c5"), key("c6")}


def test_a_lake_read_anew_knows_nobody(lake, tmp_path):
    lake.payments("a.parquet", [("t1", "c1")])
    lake.payments("b.parquet", [("t2", "c2")])
    first = lake.ingest()
    lake.ingest(n_buckets=2)
    assert lake.since(first) == (False, set())
    forget(tmp_path / "out")
    lake.payments("b.parquet", [("t3", "c3")])
    lake.ingest()
    lake.payments("c.parquet", [("t4", "c4")])
    lake.ingest()
    assert lake.since(first) == (False, set())
    assert silver.buckets(lake.path)


def test_only_sources_that_are_or_were_there_are_told_of(lake):
    lake.payments("a.parquet", [("t1", "A")])
    ids = lake.ingest()
    assert set(ids) == {"transactions"}
    assert set(touched.touched(lake.path, ids)) == {"transactions"}
    assert set(touched.touched(lake.path, {})) == {"transactions"}
    assert not touched.touched(lake.path, {})["transactions"].known
    gone = touched.touched(lake.path, {**ids, "orders": "000001-0123456789abcdef"})
    assert {name: one.known for name, one in gone.items()} == {
        "transactions": True, "orders": False,
    }  # fmt: skip
    lake.payments("b.parquet", [("t2", name) for name in "DCBEFGH"])
    lake.ingest()
    found = touched.touched(lake.path, ids)["transactions"].customers
    assert list(found) == sorted(found)
    assert len(found) > 1
