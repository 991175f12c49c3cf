"""What goes wrong on a real machine: two writers, kill -9 at any moment, a disk that is full.

The disk is made full with RLIMIT_FSIZE, which fails writes with EFBIG as a full disk does with
ENOSPC, and by a small tmpfs where the machine lets one be mounted.
"""

import datetime as dt
import errno
import json
import os
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qfb_gpu.config import build_config
from qfb_gpu.errors import ConfigError, RunInterruptedError
from qfb_gpu.lake import delta, lock
from qfb_gpu.lake.ingest import ingest

N = 6000
RAW = {"as_of": "2024-12-31", "device": "cpu", "n_buckets": 4,
       "sources": {"transactions": {"path": "in/*.parquet"}}}  # fmt: skip


def payments(first, n, memo="m"):
    return pa.table({
        "txn_id": [f"t{i}" for i in range(first, first + n)],
        "customer_id": [f"c{i % 97}" for i in range(first, first + n)],
        "date": [dt.date(2024, 1, 1 + i % 28) for i in range(n)],
        "amount": [f"{i}.00" for i in range(n)],
        "memo": [f"{memo}{os.urandom(12).hex()}" for _ in range(n)],
    })  # fmt: skip


@pytest.fixture
def lake(tmp_path):
    (tmp_path / "in").mkdir()

    class Lake:
        base = tmp_path
        out = tmp_path / "out"

        def write(self, name, table):
            draft = tmp_path / "draft"
            pq.write_table(table, draft)
            draft.replace(tmp_path / "in" / name)

        def ingest(self):
            return ingest(build_config(RAW, base=tmp_path, where="test"))

        def rows(self):
            """Return the ids in silver, as any reader of the Delta table sees them."""
            table = delta.open_table(self.out / "lake" / "transactions")
            if table is None:
                return []
            return sorted(
                pa.table(table.to_pyarrow_table(columns=["txn_id"])).column(0).to_pylist()
            )

        def child(self, code, *arguments):
            command = [sys.executable, "-c", code, json.dumps(RAW), str(tmp_path), *arguments]
            return subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )

    return Lake()


def ids(first, n):
    return sorted(f"t{i}" for i in range(first, first + n))


HEAD = """
import json, sys, time
from pathlib import Path
from qfb_gpu.config import build_config
from qfb_gpu.errors import QfbError
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.lake.lock import writing
raw, base = json.loads(sys.argv[1]), Path(sys.argv[2])
config = build_config(raw, base=base, where="test")
"""


def test_a_second_writer_is_told_who_the_first_is_and_changes_nothing(lake):
    lake.write("a.parquet", payments(0, 100))
    lake.ingest()
    lake.write("b.parquet", payments(100, 100))
    first = lake.child(
        HEAD + "with writing(config.output_dir):\n print('in', flush=True)\n time.sleep(99)"
    )
    assert first.stdout.readline() == "in\n"
    with pytest.raises(RunInterruptedError, match=rf"process {first.pid}\) is writing"):
        lake.ingest()
    assert lake.rows() == ids(0, 100)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    assert lake.ingest().n_rows == 200
    with lock.writing(lake.out):  # the process that has it may enter again
        assert not lake.ingest().changed


@pytest.mark.parametrize("call", ["ftruncate", "pwrite"])
def test_a_disk_that_is_full_as_the_lock_is_taken_stops_nothing(tmp_path, monkeypatch, call):
    """It was a bare OSError: only the number of the process is written there."""

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with lock.writing(tmp_path / "out"):
        pass


def test_a_file_system_without_locks_is_said_of_the_output(tmp_path, monkeypatch):
    """It was "No locks available", without a word of where or what to do."""

    def none(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", none)
    with (
        pytest.raises(ConfigError, match=f"{tmp_path} is on a file system that locks no files"),
        lock.writing(tmp_path),
    ):
        pass


def test_a_lock_that_cannot_be_made_is_said_of_the_output(tmp_path):
    (tmp_path / "out" / ".lock").mkdir(parents=True)
    with (
        pytest.raises(ConfigError, match="output: cannot write in"),
        lock.writing(tmp_path / "out"),
    ):
        pass


@pytest.mark.parametrize(
    "place",
    [
        "segments",
        "runs/_delta_log",
        "lake",
        "lake/transactions/_ingest",
        "mlflow.db",
        "models/text",
    ],
)
def test_a_place_that_may_not_be_written_is_named_before_a_night_begins(
    tmp_path, monkeypatch, place
):
    """A night stopped at its very end, each time ("File exists: lake/kept")."""
    (tmp_path / place).mkdir(parents=True)
    with lock.writing(tmp_path):
        pass
    may = os.access

    def access(path, mode, **named):
        return may(path, mode, **named) and not (mode == os.W_OK and path == tmp_path / place)

    monkeypatch.setattr(os, "access", access)
    with (
        pytest.raises(ConfigError, match=rf"output: .*/{place} cannot be written.*chown"),
        lock.writing(tmp_path),
    ):
        pass


LOOP = (
    HEAD
    + """
import time
end = time.monotonic() + 3
n = 0
while time.monotonic() < end:
    try:
        ingest(build_config({**raw, "n_buckets": 1 + n % 5}, base=base, where="test"))
        n += 1
    except QfbError as error:
        assert "is writing there" in str(error), error
print(n)
"""
)


@pytest.mark.slow
def test_writers_side_by_side_lose_nothing_and_double_nothing(lake):
    lake.write("a.parquet", payments(0, N))
    children = [lake.child(LOOP) for _ in range(2)]
    results = [child.communicate() for child in children]
    assert [child.returncode for child in children] == [0, 0], results
    assert sum(int(out) for out, _ in results) > 0
    assert lake.rows() == ids(0, N)
    assert lake.ingest().n_rows == N


COMMIT = """
import sys
from pathlib import Path
import pyarrow as pa, pyarrow.parquet as pq
from qfb_gpu.lake import delta
folder, name = Path(sys.argv[3]), sys.argv[4]
schema = pa.schema([("x", pa.string())])
won = 0
for version in range(1, 16):
    pq.write_table(pa.table({"x": [f"{name}{version}"]}), folder / f"{name}{version}.parquet")
    part = delta.PartFile(f"{name}{version}.parquet", 1, {}, {})
    input()
    try:
        won += delta.commit(folder, [part], schema, partition_by=[], application="test",
                            version=version, drop=[])
    except Exception as error:
        print("lost", type(error).__name__, file=sys.stderr)
    print("done", flush=True)
"""


def test_of_two_commits_of_one_version_one_counts(tmp_path, lake):
    """Without the lock, on another machine say: a version is still committed once."""
    folder = tmp_path / "t"
    folder.mkdir()
    pq.write_table(pa.table({"x": ["0"]}), folder / "0.parquet")
    schema = pa.schema([("x", pa.string())])
    delta.commit(folder, [delta.PartFile("0.parquet", 1, {}, {})], schema, partition_by=[],
                 application="other", version=1)  # fmt: skip
    children = []
    for name in "ab":
        command = [sys.executable, "-c", COMMIT, "", "", str(folder), name]
        children.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, text=True))  # fmt: skip
    for version in range(1, 16):
        for child in children:
            child.stdin.write("\n")
            child.stdin.flush()
        for child in children:
            assert child.stdout.readline() == "done\n"
        read = pa.table(delta.open_table(folder).to_pyarrow_table()).column("x").to_pylist()
        assert sorted(int(x.lstrip("ab")) for x in read) == list(range(version + 1))
    for child in children:
        child.communicate()
    del lake


SWAP = (
    HEAD
    + """
import os, shutil
print("ready", flush=True)
n = 0
while True:
    n += 1
    shutil.copyfile(base / "old" / f"{n % 2}.parquet", base / "draft")
    os.utime(base / "draft", ns=(n, n))
    (base / "draft").replace(base / "in" / "b.parquet")
    ingest(config)
    print("done", flush=True)
"""
)


@pytest.mark.slow
def test_killed_while_it_replaces_a_file_it_holds_one_state_or_the_other(lake):
    """SIGKILL at moments spread over a replacement; then the next ingest goes on."""
    (lake.base / "old").mkdir()
    lake.write("a.parquet", payments(0, N))
    states = [payments(N, 3000), payments(N + 1000, 4000)]
    for number, table in enumerate(states):
        pq.write_table(table, lake.base / "old" / f"{number}.parquet")
    wanted = [sorted([*ids(0, N), *table.column("txn_id").to_pylist()]) for table in states]
    for wait in (0.01, 0.06, 0.13):
        child = lake.child(SWAP)
        for line in ("ready\n", "done\n", "done\n"):
            assert child.stdout.readline() == line, child.stderr.read()
        time.sleep(wait)
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        assert lake.rows() in wanted
    lake.ingest()
    assert lake.rows() in wanted
    assert not list(lake.out.rglob("*.arrows"))


FULL = f"""
{HEAD}
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for limit in json.loads(sys.argv[3]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, -1))
    try:
        ingest(config)
    except OSError as error:
        said = error.errno
    else:
        said = "done"
    resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
    print(said, flush=True)
    input()
"""


def test_a_disk_that_is_full_leaves_what_was_there(lake):
    """Full while rows are spilled, and while buckets are written."""
    lake.write("a.parquet", payments(0, 500))
    lake.ingest()
    lake.write("b.parquet", payments(500, N))
    limits = [1_000, 40_000, 150_000]
    command = [sys.executable, "-c", FULL, json.dumps(RAW), str(lake.base), json.dumps(limits)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    child = subprocess.Popen(command, text=True, **pipes)
    for _ in limits:
        assert child.stdout.readline() == f"{errno.EFBIG}\n", child.stderr.read()
        assert lake.rows() == ids(0, 500)
        child.stdin.write("\n")
        child.stdin.flush()
    child.communicate()
    assert lake.ingest().n_rows == 500 + N
    assert lake.rows() == ids(0, 500 + N)


def test_a_small_file_system_that_is_full(lake):
    """The same on a tmpfs of two MiB."""
    small = lake.base / "small"
    small.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(small)],
                          capture_output=True, check=False)  # fmt: skip
    if made.returncode:
        pytest.skip("this machine lets nobody mount a tmpfs; RLIMIT_FSIZE stands for it")
    try:
        raw = {**RAW, "output": str(small / "out")}
        lake.write("a.parquet", payments(0, 500))
        ingest(build_config(raw, base=lake.base, where="test"))
        lake.write("b.parquet", payments(500, 60_000))
        with pytest.raises(OSError, match="No space left"):
            ingest(build_config(raw, base=lake.base, where="test"))
        table = delta.open_table(small / "out" / "lake" / "transactions")
        assert pa.table(table.to_pyarrow_table(columns=["txn_id"])).num_rows == 500
    finally:
        subprocess.run(["umount", str(small)], check=True)
