"""A source that was replaced touches the customers whose rows differ, those and no others."""

import datetime as dt
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qfb_gpu.config import build_config
from qfb_gpu.lake import compare, delta, silver, touched
from qfb_gpu.lake import manifest as state
from qfb_gpu.lake.ingest import ingest

AS_OF = dt.date(2024, 12, 31)
ORIGIN = ("source_file", "source_row")
DAY = dt.date(2024, 1, 1)
N_BUCKETS = 3


def payment(rng, number):
    """Return a payment; some have no id, some no party, many are alike."""
    return {
        "txn_id": f"t{number}" if number % 7 else None, "customer_id": f"c{rng.integers(12)}",
        "counterparty_id": [None, "p1", "p2"][rng.integers(3)],
        "date": DAY + dt.timedelta(days=int(rng.integers(9))), "amount": f"{rng.integers(1, 4)}.00",
        "direction": ["in", "out"][rng.integers(2)], "currency": ["CNY", "USD"][rng.integers(2)],
        "memo": [None, "rent 1", "rent 2", f"m{rng.integers(99)}"][rng.integers(4)],
        "category": [None, "k1"][rng.integers(2)], "channel": ["web", "branch"][rng.integers(2)],
    }  # fmt: skip


def order(rng, number):
    return {
        "order_id": f"o{number}", "customer_id": f"c{rng.integers(12)}", "supplier_id": "s1",
        "order_date": DAY + dt.timedelta(days=int(rng.integers(9))), "due_date": None,
        "delivered_date": [None, DAY][rng.integers(2)], "quantity": float(rng.integers(1, 4)),
        "quantity_delivered": [None, 0.5, float("nan")][rng.integers(3)], "amount": "5.00",
        "currency": "CNY", "item": [None, "bolts"][rng.integers(2)],
    }  # fmt: skip


def touch(rng, number):
    return {
        "touch_id": f"h{number}", "customer_id": f"c{rng.integers(12)}", "campaign": "spring",
        "date": DAY + dt.timedelta(days=int(rng.integers(9))), "channel": "web",
        "responded": [None, True, False][rng.integers(3)],
    }  # fmt: skip


MAKE = {"transactions": payment, "orders": order, "touches": touch}
OTHER = {
    "amount": "77.00", "currency": "EUR", "memo": "words", "category": "k9", "channel": "post",
    "item": "nuts", "campaign": "autumn", "quantity": 77.0, "quantity_delivered": 77.0,
}  # fmt: skip
"""A value that no row has; ids, dates, directions and answers get others by row."""
IDS = {"transactions": "txn_id", "orders": "order_id", "touches": "touch_id"}


class Extracts:
    """Sources whose files are replaced, and a lake of them."""

    def __init__(self, folder, rng):
        self.folder, self.rng = folder, rng
        self.number = 1
        self.files = {name: {} for name in MAKE}
        for name in MAKE:
            for file in ("a", "b"):
                self.files[name][file] = [self.new(name) for _ in range(60)]
                self.write(name, file)

    def new(self, source):
        self.number += 1
        return MAKE[source](self.rng, self.number)

    def write(self, source, file):
        folder = self.folder / source
        folder.mkdir(exist_ok=True)
        columns = {n: pa.string() if n == "amount" else None for n in MAKE[source](self.rng, 1)}
        columns |= dict.fromkeys([n for n in columns if n.endswith("_date")], pa.date32())
        rows = self.files[source][file]
        table = pa.table({n: pa.array([r[n] for r in rows], kind) for n, kind in columns.items()})
        pq.write_table(table, folder / f"{file}.parquet")
        os.utime(folder / f"{file}.parquet", ns=(self.number, self.number))
        self.number += 1

    def change(self, source):
        """Change some rows of one file, of some or of all; now and then rename, join or add one."""
        rng, files = self.rng, self.files[source]
        for file in [f for f in files if rng.random() < 0.6]:
            rows = files[file]
            for _ in range(rng.integers(0, 6)):
                self.change_row(source, rows)
            if rng.random() < 0.5:
                rng.shuffle(rows)
            self.write(source, file)
        if rng.random() < 0.3:
            file = next(iter(files))
            files[f"n{self.number}"] = files.pop(file)
            (self.folder / source / f"{file}.parquet").unlink()
            self.write(source, f"n{self.number}")
        elif rng.random() < 0.2:
            files["more"] = [self.new(source) for _ in range(rng.integers(1, 3))]
            self.write(source, "more")

    def change_row(self, source, rows):
        at = int(self.rng.integers(len(rows)))
        kind = self.rng.choice(["new", "gone", "column", "again", "null"])
        if kind == "new":
            rows.append(self.new(source))
        elif kind == "gone" and len(rows) > 30:
            rows.pop(at)
        elif kind == "again":
            rows.append({**rows[at], **self.one_column(source)} if at % 2 else rows[at])
        elif kind == "null":
            name = self.rng.choice([n for n in rows[at] if n not in ("amount", "currency")])
            rows[at] = {**rows[at], str(name): None}
        else:
            rows[at] = {**rows[at], **self.one_column(source)}

    def one_column(self, source):
        new = self.new(source)
        name = str(self.rng.choice([n for n in new if n != IDS[source]]))
        return {name: new[name]}

    def ingest(self, out="out", **settings):
        raw = {"as_of": AS_OF, "device": "cpu", "n_buckets": N_BUCKETS, "output": out,
               "sources": {name: {"path": name} for name in MAKE}, **settings}  # fmt: skip
        ingest(build_config(raw, base=self.folder, where="test"))
        return touched.ingest_ids(self.folder / out / "lake")

    def rows(self, source, out="out"):
        """Return silver's rows by customer as texts, and with the file and line they came from."""
        folder = self.folder / out / "lake" / source
        names = [file["name"] for file in state.load(folder).files]
        found, whole = {}, []
        for path in delta.table_files(folder):
            for row in pq.ParquetFile(path).read().to_pylist():
                row.pop("silver_place", None)
                number, line = (row.pop(name) for name in ORIGIN)
                found.setdefault(row["customer_key"], []).append(repr(row))
                whole.append((names[number], line, repr(row)))
        return {key: sorted(rows) for key, rows in found.items()}, sorted(whole)

    def since(self, ids, source):
        found = touched.touched(self.folder / "out" / "lake", ids)[source]
        assert found.known, found.why
        return {int(key) for keys in found.customers.values() for key in keys}


@pytest.mark.parametrize("seed", range(2))
def test_random_replacements_touch_whom_a_naive_comparison_finds(tmp_path, seed):
    extracts = Extracts(tmp_path, np.random.default_rng(seed))
    ids = extracts.ingest()
    n_touched = 0
    for turn in range(5):
        before = {name: extracts.rows(name)[0] for name in MAKE}
        for name in MAKE:
            extracts.change(name)
        now = extracts.ingest()
        for name in MAKE:
            after = extracts.rows(name)[0]
            both = before[name].keys() | after.keys()
            wanted = {key for key in both if before[name].get(key) != after.get(key)}
            found = extracts.since(ids, name)
            n_touched += len(found)
            assert wanted <= found
            more = extracts.files[name].get("more", [])  # whoever gets rows is named unasked
            who = [pa.array([row["customer_id"] for row in more], pa.string()).drop_null()]
            assert found - wanted <= {*touched.keys_of(who).tolist()}
        if turn == 3:
            extracts.ingest(f"anew{turn}")
            for name in MAKE:
                assert extracts.rows(name) == extracts.rows(name, f"anew{turn}")
        ids = now
    assert n_touched > 12


def test_a_change_of_any_column_touches_its_customer_alone(tmp_path):
    extracts = Extracts(tmp_path, np.random.default_rng(3))
    ids = extracts.ingest()
    for turn in range(11):
        wanted = {}
        for name in MAKE:
            rows = extracts.files[name]["a"]
            at = next(i for i in range(turn * 3, 60) if rows[i][IDS[name]])
            column = list(rows[at])[turn % len(rows[at])]
            old = rows[at][column]
            flipped = {"in": "out", "out": "in", True: False, False: True, None: True}
            new = OTHER.get(column, AS_OF if column.endswith("date") else flipped.get(old))
            new = f"other{turn}" if column.endswith("_id") else new
            rows[at], row = {**rows[at], column: new}, rows[at]
            extracts.rng.shuffle(rows)
            extracts.write(name, "a")
            extracts.write(name, "b")
            who = [pa.array([row["customer_id"], new if column == "customer_id" else None])]
            wanted[name] = {*touched.keys_of([who[0].drop_null()]).tolist()}
        now = extracts.ingest()
        for name in MAKE:
            assert extracts.since(ids, name) == wanted[name]
        ids = now


def test_a_file_whose_rows_are_as_they_were_keeps_its_place(tmp_path):
    extracts = Extracts(tmp_path, np.random.default_rng(9))
    first = extracts.ingest()
    files = delta.table_files(tmp_path / "out" / "lake" / "orders")
    for name in MAKE:
        for file in extracts.files[name]:
            extracts.write(name, file)
    second = extracts.ingest()
    assert second != first
    assert extracts.since(first, "orders") == set()
    assert delta.table_files(tmp_path / "out" / "lake" / "orders") == files
    for rows in extracts.files["orders"].values():
        rows.reverse()
    extracts.write("orders", "a")
    extracts.write("orders", "b")
    extracts.ingest()
    assert extracts.since(second, "orders") == set()
    assert not {*delta.table_files(tmp_path / "out" / "lake" / "orders")} & {*files}
    extracts.ingest("anew")
    assert extracts.rows("orders") == extracts.rows("orders", "anew")


def test_another_table_to_look_up_touches_those_whose_rows_it_changes(tmp_path):
    extracts = Extracts(tmp_path, np.random.default_rng(8))
    places = tmp_path / "places.csv"
    places.write_text("channel,place\nweb,net\nbranch,town\n")
    look = {"op": "lookup", "table": "places.csv", "on": ["channel"], "take": ["place"]}
    sources = {name: {"path": name} for name in MAKE}
    sources["transactions"] |= {"prepare": [look], "columns": {"category": "place"}}
    ids = extracts.ingest(sources=sources)
    before = extracts.rows("transactions")[0]
    extracts.change("orders")
    places.write_text("channel,place\nweb,net\nbranch,a small town\n")
    extracts.ingest(sources=sources)
    after = extracts.rows("transactions")[0]
    wanted = {key for key in after if before[key] != after[key]}
    assert extracts.since(ids, "transactions") == wanted
    assert any("a small town" in row for rows in after.values() for row in rows)


def test_it_is_said_why_nobody_knows_who_was_touched(tmp_path, monkeypatch):
    extracts = Extracts(tmp_path, np.random.default_rng(4))
    ids = extracts.ingest()
    lake = tmp_path / "out" / "lake"

    def why(ids):
        found = touched.touched(lake, ids)["orders"]
        assert found.known == (not found.why)
        return found.why

    assert why({}) == "no earlier night has seen it"
    now = extracts.ingest(n_buckets=2)
    assert why(ids) == "it is kept in 2 buckets now, not in 3"
    sources = {name: {"path": name} for name in MAKE}
    sources["orders"]["constants"] = {"item": "screws"}
    last = extracts.ingest(n_buckets=2, sources=sources)
    assert why(now) == "its mapping or its preparation changed"
    monkeypatch.setattr(touched, "_MOST_CUSTOMERS", 3)
    extracts.files["orders"]["a"].clear()
    extracts.files["orders"]["a"].extend(extracts.new("orders") for _ in range(60))
    extracts.write("orders", "a")
    now = extracts.ingest(n_buckets=2, sources=sources)
    assert why(last) == "more than 3 customers changed in one ingest"
    assert why(now) == ""
    for path in delta.table_files(lake / "orders"):
        path.write_bytes(b"")
    extracts.write("orders", "a")
    extracts.write("orders", "b")
    extracts.ingest(n_buckets=2, sources=sources)
    assert why(now) == "what stood there could not be read"
    extracts.ingest("anew", n_buckets=2, sources=sources)
    assert extracts.rows("orders") == extracts.rows("orders", "anew")


@pytest.mark.parametrize(
    ("n_rows", "n_buckets"), [(800, 2), (3000, 2), (3001, 4), (250, 2), (249, 1)]
)
def test_a_lake_keeps_its_number_of_buckets_while_it_suits(tmp_path, n_rows, n_buckets):
    def write(n_rows):
        pq.write_table(pa.table({
            "txn_id": [f"t{i}" for i in range(n_rows)],
            "customer_id": [f"c{i % 50}" for i in range(n_rows)],
            "date": [DAY] * n_rows, "amount": ["1.00"] * n_rows,
        }), tmp_path / "payments.parquet")  # fmt: skip
        raw = {"as_of": AS_OF, "device": "cpu", "batch_rows": 1000,
               "sources": {"transactions": {"path": "payments.parquet"}}}  # fmt: skip
        ingest(build_config(raw, base=tmp_path, where="test"))
        return state.load(tmp_path / "out" / "lake" / "transactions").n_buckets

    assert write(1100) == 2
    assert write(n_rows) == n_buckets


@pytest.mark.parametrize("few", [0, 256])
def test_every_kind_of_value_is_compared_to_the_bit(tmp_path, monkeypatch, few):
    """Against a loop over rows, in tables whose rows stand in the order of their customers."""
    monkeypatch.setattr(compare, "_FEW_RUNS", few)
    rng = np.random.default_rng(1)
    kinds = {
        "customer_key": [1, 2, 3, 4, 5, 6], "date": [None, DAY, AS_OF], "flag": [None, True, False],
        "amount_minor": [None, 0, 5, -(2**60)], "memo": [None, "", "a", "b" * 40],
        "quantity": [None, 0.0, -0.0, float("nan"), 1.5], "category": [None, "k", "l"],
        "source_file": [0], "source_row": [1, 2],
    }  # fmt: skip
    types = {"customer_key": pa.int64(), "date": pa.date32(), "flag": pa.bool_(),
             "amount_minor": pa.int64(), "memo": pa.string(), "quantity": pa.float64(),
             "category": pa.dictionary(pa.int32(), pa.string()), "source_file": pa.int32(),
             "source_row": pa.int64()}  # fmt: skip

    def table_of(rows):
        rows = sorted(rows, key=lambda row: row["customer_key"])
        return pa.table({n: pa.array([r[n] for r in rows], kind) for n, kind in types.items()})

    def by_customer(table):
        found = {}
        for row in table.to_pylist():
            values = [repr(row[name]) for name in kinds if name not in ORIGIN]
            found.setdefault(row["customer_key"], []).append(values)
        return found

    def row():
        return {n: values[rng.integers(len(values))] for n, values in kinds.items()}

    for turn in range(60):
        rows = [row() for _ in range(rng.integers(1, 30))]
        part = silver.write_bucket(tmp_path, turn, 1, table_of(rows))
        for _ in range(rng.integers(0, 3)):
            at = rng.integers(len(rows))
            name = str(rng.choice(list(kinds)))
            rows[at] = {**rows[at], name: row()[name]}
        if rng.random() < 0.3:
            rows = rows[1:] + [row() for _ in range(rng.integers(0, 3))]
        new = table_of(rows)
        old = pq.read_table(tmp_path / part.path, partitioning=None)
        before, after = by_customer(old), by_customer(new)
        wanted = {k for k in before.keys() | after.keys() if before.get(k) != after.get(k)}
        found, is_same = compare.different(new if rows else None, [tmp_path / part.path])
        assert set(found.tolist()) == wanted
        assert found.tolist() == sorted(wanted)
        same_place = all(new[name].to_pylist() == old[name].to_pylist() for name in ORIGIN)
        assert is_same == (not wanted and same_place)
