"""Delta commits: all at once, once only, old versions readable, partitions replaced alone."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from qfb_gpu.lake import delta

SCHEMA = pa.schema([("x", pa.int64()), ("bucket", pa.int32())])


def part(folder, name, values, bucket=0):
    path = folder / f"bucket={bucket}" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"x": pa.array(values, pa.int64())}), path)
    relative = f"bucket={bucket}/{name}"
    return delta.PartFile(relative, len(values), {"bucket": str(bucket)}, {})


def commit(folder, parts, version, **more):
    return delta.commit(
        folder, parts, SCHEMA, partition_by=["bucket"], application="test", version=version, **more
    )


def values(folder, version=None):
    table = DeltaTable(str(folder), version=version)
    read = pa.table(table.to_pyarrow_table())
    return sorted(read.column("x").to_pylist())


def test_a_part_is_invisible_until_it_is_committed(tmp_path):
    made = part(tmp_path, "a.parquet", [1, 2])
    assert delta.open_table(tmp_path) is None
    assert delta.table_files(tmp_path) == []
    assert delta.committed_version(tmp_path, "test") == 0
    assert commit(tmp_path, [made], 1)
    assert values(tmp_path) == [1, 2]
    assert delta.committed_version(tmp_path, "test") == 1


def test_the_same_commit_twice_changes_nothing(tmp_path):
    commit(tmp_path, [part(tmp_path, "a.parquet", [1])], 1, note={"run_id": "one"})
    before = DeltaTable(str(tmp_path)).version()
    assert not commit(tmp_path, [part(tmp_path, "b.parquet", [9])], 1, note={"run_id": "two"})
    assert DeltaTable(str(tmp_path)).version() == before
    assert values(tmp_path) == [1]
    assert delta.last_note(tmp_path)["run_id"] == "one"
    assert commit(tmp_path, [part(tmp_path, "b.parquet", [9])], 2)
    assert not commit(tmp_path, [part(tmp_path, "c.parquet", [7])], 1)
    assert values(tmp_path) == [9]


def test_an_old_version_stays_readable_until_two_later(tmp_path):
    for number in (1, 2):
        commit(tmp_path, [part(tmp_path, f"{number}.parquet", [number])], number)
        delta.sweep(tmp_path)
    assert values(tmp_path) == [2]
    assert values(tmp_path, version=0) == [1]
    commit(tmp_path, [part(tmp_path, "3.parquet", [3])], 3)
    delta.sweep(tmp_path)
    assert values(tmp_path) == [3]
    assert values(tmp_path, version=1) == [2]
    assert not (tmp_path / "bucket=0" / "1.parquet").exists()


def test_one_partition_is_replaced_and_the_others_stay(tmp_path):
    commit(tmp_path, [part(tmp_path, "a.parquet", [1]), part(tmp_path, "b.parquet", [2], 1)], 1)
    old = delta.partition_files(tmp_path, "bucket", "1")
    drop = [path.relative_to(tmp_path).as_posix() for path in old]
    commit(tmp_path, [part(tmp_path, "c.parquet", [5, 6], 1)], 2, drop=drop)
    assert values(tmp_path) == [1, 5, 6]
    assert values(tmp_path, version=0) == [1, 2]
    assert [p.name for p in delta.partition_files(tmp_path, "bucket", "1")] == ["c.parquet"]
    assert [p.name for p in delta.partition_files(tmp_path, "bucket", "0")] == ["a.parquet"]
    assert delta.partition_files(tmp_path, "bucket", "7") == []


def test_bucket_1_is_not_bucket_11(tmp_path):
    commit(tmp_path, [part(tmp_path, "a.parquet", [1], 1), part(tmp_path, "b.parquet", [2], 11)], 1)
    assert [p.name for p in delta.partition_files(tmp_path, "bucket", "1")] == ["a.parquet"]


def test_every_version_is_seen_though_a_log_is_read_once(tmp_path):
    folder = tmp_path / "table"
    for version, names in enumerate((["a"], ["b", "c"], ["d"]), start=1):
        commit(folder, [part(folder, f"{name}.parquet", [1], bucket=3) for name in names], version)
        want = [folder / "bucket=3" / f"{name}.parquet" for name in names]
        for _ in range(2):
            assert delta.table_files(folder) == want
            assert delta.partition_files(folder, "bucket", "3") == want
    shutil.rmtree(folder)
    assert delta.table_files(folder) == []
    commit(folder, [part(folder, "other.parquet", [1])], 1)  # another table in its place
    assert [path.name for path in delta.table_files(folder)] == ["other.parquet"]


def test_sweep_takes_what_no_version_holds_and_leaves_state_alone(tmp_path):
    commit(tmp_path, [part(tmp_path, "a.parquet", [1])], 1)
    part(tmp_path, "orphan.parquet", [8])
    state = tmp_path / "_ingest" / "rejects.parquet"
    state.parent.mkdir()
    state.write_bytes(b"kept")
    delta.sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.rglob("*.parquet")) == ["a.parquet", "rejects.parquet"]


WRITER = """
import sys
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq
from qfb_gpu.lake import delta
folder = Path(sys.argv[1])
schema = pa.schema([("x", pa.int64()), ("bucket", pa.int32())])
version = delta.committed_version(folder, "test")
while True:
    version += 1
    parts = []
    for bucket in range(4):
        name = f"bucket={bucket}/part-{version:06d}.parquet"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"x": pa.array([version] * 50_000, pa.int64())}), folder / name)
        parts.append(delta.PartFile(name, 50_000, {"bucket": str(bucket)}, {}))
    delta.commit(folder, parts, schema, partition_by=["bucket"], application="test", version=version)
    delta.sweep(folder)
    print(version, flush=True)
"""


@pytest.mark.slow
def test_a_writer_that_is_killed_leaves_a_whole_table(tmp_path):
    """Killed at any moment: the table is one version in full, and the next writer goes on."""
    reached = 0
    for wait in (0.0, 0.013, 0.031):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2):
            assert writer.stdout.readline()
        time.sleep(wait)
        os.kill(writer.pid, signal.SIGKILL)
        writer.communicate()
        now = delta.committed_version(tmp_path, "test")
        assert now >= reached + 2
        tables = [pq.ParquetFile(path).read() for path in delta.table_files(tmp_path)]
        seen = pa.concat_tables(tables).column("x").to_pylist()
        assert len(seen) == 200_000
        assert set(seen) == {now}
        reached = now
