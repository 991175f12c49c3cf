"""Delta tables of others: every feature gives the rows that delta-rs' own reader gives."""

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from delta_tables import Table, in_file, inline
from deltalake import DeltaTable, QueryBuilder, write_deltalake

from qfb_gpu.config import SourcePart, build_config
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.lake import delta_source
from qfb_gpu.lake import readers as readers_module
from qfb_gpu.lake.readers import estimate_rows, headers, read_batches
from qfb_gpu.lake.sources import find_files

COLUMNS = {
    "amount": (pa.int64(), "col-a1", 1),
    "memo text": (pa.string(), "col-b2", 2),
    "day": (pa.date32(), "col-c3", 3),
    "added": (pa.string(), "col-d4", 4),
}
PART = SourcePart(path="t")


def ours(folder, **part):
    """Return the rows as ingest reads them: texts, in batches of two."""
    config = build_config(
        {"as_of": dt.date(2024, 6, 30), "sources": {"transactions": {"path": folder.name, **part}}},
        base=folder.parent,
        where="test",
    )
    found = []
    for file in find_files(config, "transactions"):
        names = headers(file, PART)
        n_rows = 0
        for batch in read_batches(file, PART, names, [], 2):
            n_rows += batch.rows.num_rows
            found += [tuple(None if v is None else str(v) for v in row.values())
                      for row in batch.rows.to_pylist()]  # fmt: skip
            if batch.numbers is not None:
                assert len(batch.numbers) == batch.rows.num_rows
        assert estimate_rows(file, PART) == n_rows
    return sorted(found, key=str)


def theirs(folder, version=None):
    """Return the rows as delta-rs' DataFusion reads them."""
    table = DeltaTable(str(folder), version=version)
    rows = pa.table(QueryBuilder().register("t", table).execute("select * from t").read_all())
    return sorted(
        (tuple(None if v is None else str(v) for v in row.values()) for row in rows.to_pylist()),
        key=str,
    )


@pytest.mark.parametrize("mode", ["none", "name", "id"])
def test_mapped_partitioned_evolved_and_deleted_rows(tmp_path, mode):
    """All of it at once, in each mode of column mapping."""
    folder = tmp_path / "t"
    table = Table(folder, COLUMNS, ["day"], mode, ["deletionVectors"])
    old = {"amount": [1, 2, 3, 4, 5], "memo text": ["a", None, "c", "d", "e"]}
    new = {"amount": [6, 7, 8], "memo text": ["f", "g", "h"], "added": ["x", None, "z"]}
    table.commit([
        table.file("day=2024-01-01/a.parquet", old, {"day": "2024-01-01"}, inline([0, 3])),
        table.file("moved/b%20c.parquet", new, {"day": None}, in_file(folder, [2])),
    ])  # fmt: skip
    (folder / "moved" / "b%20c.parquet").rename(folder / "moved" / "b c.parquet")
    read = ours(folder)
    assert read == theirs(folder)
    assert len(read) == 5
    assert headers(next(iter(find_files(config_of(folder), "transactions"))), PART) == list(COLUMNS)


def config_of(folder, **part):
    raw = {
        "as_of": dt.date(2024, 6, 30),
        "sources": {"transactions": {"path": folder.name, **part}},
    }
    return build_config(raw, base=folder.parent, where="test")


def test_by_id_a_column_is_found_whatever_the_file_calls_it(tmp_path):
    """As the protocol has it; delta-rs 1.6.6 goes by the physical name and finds nothing."""
    folder = tmp_path / "t"
    table = Table(folder, {"a": (pa.int64(), "p1", 1), "b": (pa.string(), "p2", 2)}, mode="id")
    table.commit([table.file("1.parquet", {"b": ["x"], "a": [1]}, by_id_only=True)])
    assert ours(folder) == [("1", "x")]


def test_a_column_that_was_dropped_is_not_there_and_its_name_may_be_taken_again(tmp_path):
    folder = tmp_path / "t"
    table = Table(folder, {"a": (pa.int64(), "p1", 1), "b": (pa.string(), "p2", 2)}, mode="name")
    table.commit([table.file("1.parquet", {"a": [1], "b": ["old"]})])
    table.columns = {"a": (pa.int64(), "p1", 1), "b": (pa.string(), "p3", 3)}
    table.commit([table.metadata(), table.file("2.parquet", {"a": [2], "b": ["new"]})])
    assert ours(folder) == theirs(folder) == [("1", None), ("2", "new")]


def test_tables_that_delta_rs_writes(tmp_path):
    """Its own writer: partitions of dates, numbers, texts with odd characters, and nulls."""
    folder = tmp_path / "t"
    rows = pa.table({
        "k": ["1", "2", "3", "4"], "n": pa.array([1, 2, None, 2], pa.int64()),
        "p": ["a b/c=d", None, "中文%20", "a b/c=d"],
        "d": [dt.date(2024, 1, 1), None, dt.date(2024, 2, 1), dt.date(2024, 1, 1)],
    })  # fmt: skip
    write_deltalake(str(folder), rows, partition_by=["p", "d", "n"])
    more = rows.append_column("later", pa.array(["x"] * 4))
    write_deltalake(
        str(folder), more, mode="append", schema_mode="merge", partition_by=["p", "d", "n"]
    )
    DeltaTable(str(folder)).delete("k = '2'")
    assert ours(folder) == theirs(folder)
    assert len(ours(folder)) == 6


def test_a_deletion_vector_changes_the_identity_of_its_file(tmp_path):
    folder = tmp_path / "t"
    table = Table(folder, COLUMNS, features=["deletionVectors"])
    action = table.file("a.parquet", {"amount": [1, 2, 3]})
    table.commit([action])
    ((_, before, _),) = delta_source.snapshot(folder).files
    gone = {"remove": {"path": "a.parquet", "dataChange": True, "deletionTimestamp": 1}}
    action["add"]["deletionVector"] = inline([1])
    table.commit([gone, action])
    ((_, after, file),) = delta_source.snapshot(folder).files
    assert before != after
    assert file.deleted.tolist() == [1]


def test_the_version_as_of_the_night_is_read(tmp_path):
    folder = tmp_path / "t"
    table = Table(folder, {"amount": (pa.int64(), "amount", 1)})
    days = {1: dt.datetime(2024, 6, 29, 12, tzinfo=dt.UTC), 2: dt.datetime(2024, 6, 30, 23, 59, tzinfo=dt.UTC),
            3: dt.datetime(2024, 7, 1, 0, 1, tzinfo=dt.UTC)}  # fmt: skip
    log = folder / "_delta_log" / f"{0:020d}.json"
    log.write_text(log.read_text().replace("1700000000000", "1719000000000"))
    for number, when in days.items():
        table.commit([table.file(f"{number}.parquet", {"amount": [number]})],
                     int(when.timestamp() * 1000))  # fmt: skip
    assert ours(folder) == [("1",), ("2",), ("3",)]
    assert ours(folder, snapshot="as_of") == [("1",), ("2",)] == theirs(folder, 2)
    assert ours(folder, snapshot=1) == [("1",)] == theirs(folder, 1)
    with pytest.raises(InputError, match="has no version 9.*set `snapshot`"):
        ours(folder, snapshot=9)
    early = config_of(folder, snapshot="as_of").model_copy(update={"as_of": dt.date(2024, 1, 1)})
    with pytest.raises(InputError, match="as of 2024-01-01.*its first is of 2024-06-21"):
        find_files(early, "transactions")


@pytest.mark.parametrize("feature", ["typeWidening", "someFeatureToCome"])
def test_a_feature_that_is_not_read_is_refused_by_name(tmp_path, feature):
    folder = tmp_path / "t"
    table = Table(folder, COLUMNS, features=[feature])
    table.commit([table.file("a.parquet", {"amount": [1]})])
    with pytest.raises(InputError, match=feature):
        ours(folder)


def test_no_delta_table_is_said_to_be_none(tmp_path):
    with pytest.raises(InputError, match="expected a Delta table"):
        delta_source.snapshot(tmp_path / "nowhere")


def test_a_folder_that_delta_rs_takes_for_another_is_refused(tmp_path):
    """The log of ``a b`` was read for ``a%20b``: rows of the one, where the files have one name."""
    for name in ("a b", "a%20b"):
        table = Table(tmp_path / name, COLUMNS)
        table.commit([table.file("a.parquet", {"amount": [len(name)]})])
    assert ours(tmp_path / "a b") == [("3", None, None, None)]
    with pytest.raises(InputError, match="holds '%20'; rename the folder"):
        ours(tmp_path / "a%20b")


@pytest.mark.parametrize("name", ["源 表", "a#b?c", "100%", "a&b+c='d'"])
def test_any_other_name_of_a_folder_is_read(tmp_path, name):
    table = Table(tmp_path / name, COLUMNS)
    table.commit([table.file("a.parquet", {"amount": [7]})])
    assert ours(tmp_path / name) == [("7", None, None, None)]


STATS = {
    "minValues": {"date": "2020-01-01"},
    "maxValues": {"date": "2020-12-31"},
    "nullCount": {"date": 0},
}
NULLS = {**STATS, "nullCount": {"date": 1}}


@pytest.mark.parametrize(("stats", "n_read"), [(STATS, 1), (NULLS, 2), (None, 2)])
def test_files_that_are_too_early_are_counted_and_not_read(tmp_path, monkeypatch, stats, n_read):
    """Statistics save the reading of a file only where they say all there is to know."""
    from qfb_gpu.lake import job
    from qfb_gpu.lake.ingest import ingest

    folder = tmp_path / "t"
    columns = {"customer_id": (pa.string(), "c", 1), "date": (pa.date32(), "d", 2),
               "amount": (pa.int64(), "a", 3)}  # fmt: skip
    table = Table(folder, columns, features=["deletionVectors"])
    early = {"customer_id": ["c", "c", "c"], "date": [dt.date(2020, 5, 1)] * 3, "amount": [1, 2, 3]}
    late = {"customer_id": ["c", "c"], "date": [dt.date(2024, 5, 1), dt.date(2020, 6, 1)],
            "amount": [4, 5]}  # fmt: skip
    table.commit([table.file("1.parquet", early, vector=inline([0]), stats=stats),
                  table.file("2.parquet", late)])  # fmt: skip
    read = []
    original = readers_module.read_batches
    monkeypatch.setattr(
        job, "read_batches", lambda f, *more: read.append(f.name) or original(f, *more)
    )
    result = ingest(config_of(folder, since=dt.date(2023, 1, 1)))
    assert len(read) == n_read
    counts = result.counts["transactions"]
    assert counts == {"rows": 4, "kept": 1, "excluded: before 2023-01-01": 3}


def test_settings_that_would_do_nothing_are_refused(tmp_path):
    from qfb_gpu.lake.ingest import ingest

    pq.write_table(pa.table({"customer_id": ["c"], "date": ["2024-01-01"], "amount": [1]}),
                   tmp_path / "t.parquet")  # fmt: skip
    with pytest.raises(InputError, match="no Delta table.*take `snapshot` away"):
        find_files(config_of(tmp_path / "t.parquet", snapshot="as_of"), "transactions")
    sources = {"transactions": {"path": "t.parquet"},
               "customers": {"path": "t.parquet", "since": dt.date(2024, 1, 1)}}  # fmt: skip
    raw = {"as_of": dt.date(2024, 6, 30), "device": "cpu", "sources": sources}
    with pytest.raises(ConfigError, match="sources.customers: .*take `since` away"):
        ingest(build_config(raw, base=tmp_path, where="test"))
