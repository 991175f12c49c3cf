"""Nights, updates, ingests, retries of rejects, replays and upkeep, stopped at random and run again.

Beside them goes a twin that is never stopped: after each step all tables and silver are the same.
A stop is an error once, or a death: from there on nothing more reaches the disk. Places are what
Python's audit events tell of (files opened to be written, renamed, deleted, folders made) and the
commits of delta-rs. ``QFB_EXPLORE=1`` draws new sequences.
"""

import datetime as dt
import errno
import os
import random
import shutil
import sys

import pyarrow as pa
import pytest

from qfb_gpu.config import build_config
from qfb_gpu.errors import QfbError
from qfb_gpu.lake import delta, gold, silver
from qfb_gpu.lake.bucket_read import read_bucket
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.lake.maintain import maintain
from qfb_gpu.lake.retry import retry
from qfb_gpu.parts import registry
from qfb_gpu.pipeline import run

AS_OF = dt.date(2024, 12, 1)
HEADER = "txn_id,customer_id,counterparty_id,date,amount,direction\n"
EXPLORES = os.environ.get("QFB_EXPLORE", "0") != "0"
SEEDS = [random.SystemRandom().randrange(10**6) for _ in range(8)] if EXPLORES else [1, 2]
N_STEPS = 8
pytestmark = [
    pytest.mark.usefixtures("no_mlflow"),
    pytest.mark.slow,
    # a stop between the opening of two files leaves the first to Python
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


class Death(BaseException):
    """The process is gone."""


class _Places:
    """Counts the places at which something is written, and stops there when it is told to."""

    def __init__(self):
        self.root, self.n, self.stop, self.is_dead, self.kills = "", 0, None, False, False

    def arm(self, root, stop, *, kills):
        self.root, self.n, self.stop, self.is_dead, self.kills = str(root), 0, stop, False, kills

    def disarm(self):
        self.stop = None
        return self.is_dead

    def pass_by(self, path):
        if self.stop is None or not str(path).startswith(self.root):
            return
        self.n += 1
        if self.n == self.stop or (self.is_dead and self.kills):
            self.is_dead = True
            raise Death if self.kills else OSError(errno.ENOSPC, "No space left on device")


PLACES = _Places()
_EVENTS = {"os.rename": 1, "os.remove": 0, "os.mkdir": 0, "os.rmdir": 0, "os.link": 1,
           "os.symlink": 1, "os.truncate": 0}  # fmt: skip


def _hear(event, arguments):
    if PLACES.stop is None:
        return
    if event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        PLACES.pass_by(arguments[0])
    elif event in _EVENTS:
        PLACES.pass_by(arguments[_EVENTS[event]])


@pytest.fixture(scope="module", autouse=True)
def _heard():
    """Hear what is written, from here on for ever: no process that only collects has to pay."""
    sys.addaudithook(_hear)


@pytest.fixture
def commits(monkeypatch):
    """Let the commits of delta-rs be places, before and after they are made."""
    made = delta.commit

    def commit(path, *rest, **named):
        PLACES.pass_by(path)
        done = made(path, *rest, **named)
        PLACES.pass_by(path)
        return done

    for module in [m for n, m in sys.modules.items() if n.startswith("qfb_gpu.lake")]:
        if getattr(module, "commit", None) is made:
            monkeypatch.setattr(module, "commit", commit)
    monkeypatch.setattr(delta, "commit", commit)


class _Bank:
    """One folder: sources, config and what is done with it."""

    def __init__(self, root):
        self.root, self.mended, self.as_of, self.updated = root, False, AS_OF, ""
        (root / "in").mkdir(parents=True)

    def config(self):
        late = {"path": "late.csv", **({"date_order": "dmy"} if self.mended else {})}
        raw = {"as_of": self.as_of, "device": "cpu", "workers": 1, "n_buckets": 2,
               "sources": {"transactions": [{"path": "in"}, late]}}  # fmt: skip
        return build_config(raw, base=self.root, where="test")

    def write(self, name, first, n, *, dmy=False):
        days = [
            dt.date(2024, 1, 1) + dt.timedelta(days=(7 * i) % 330) for i in range(first, first + n)
        ]
        rows = [
            f"t{i},C{i % 5},P{i % 3},{day:{'%d/%m/%Y' if dmy else '%Y-%m-%d'}},{100 + i % 4}.00,out"
            for i, day in zip(range(first, first + n), days, strict=True)
        ]  # fmt: skip
        path = self.root / name
        path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
        os.utime(path, ns=(first + n, first + n))

    def night(self):
        return run(self.config()).run_id

    def update(self):
        self.updated = run(self.config(), update=True).updated

    def ingest(self):
        ingest(self.config())

    def retry(self):
        retry(self.config(), only_rejected=True)

    def maintain(self):
        maintain(self.root / "out")

    def replay(self):
        last = gold.last_run(self.root / "out")
        into = self.root / f"again-{last}"
        again = run(registry.replay_config(self.root / "out", last, into)).run_id
        rows = [registry.run_row(out, of) for out, of in ((self.root / "out", last), (into, again))]
        assert again == last or registry.retried_inputs(*rows) == ["sources.transactions"]
        others = [
            name
            for name, same in registry.compare(self.root / "out", into, last).items()
            if not same
        ]
        assert {*others} <= {"segments", "segment_moves", "segment_drift", "customer_profiles"}
        shutil.rmtree(into)

    def holds(self):
        out, lake = self.root / "out", self.root / "out" / "lake"
        tables = {name: gold.read(out, name) for name in gold.tables(out) if name != "runs"}
        rows = [read_bucket(lake / "transactions", b) for b in silver.buckets(lake)]
        ids = [one.column("txn_id").to_pylist() for one in rows]
        return tables, ids


def stopped(bank, step, rng):
    """Do a step that is stopped; where it was, again until it is done."""
    for _ in range(2):
        PLACES.arm(bank.root, int(10 ** rng.uniform(0, 2.9)), kills=rng.random() < 0.5)
        try:
            getattr(bank, step)()
        except (QfbError, OSError, Death):
            assert PLACES.disarm()
        else:
            PLACES.disarm()
            return
    getattr(bank, step)()


@pytest.mark.usefixtures("commits")
@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_stopped_and_run_again_is_as_if_it_had_not_been(seed, tmp_path):
    rng = random.Random(seed)
    banks = real, twin = [_Bank(tmp_path / name) for name in ("real", "twin")]
    n_rows, n_files = 60, 1
    for bank in banks:
        bank.write("in/0.csv", 0, n_rows)
        bank.write("late.csv", 10_000, 12, dmy=True)
    for number in range(N_STEPS):
        step = (
            rng.choice(["night", "ingest", "retry", "maintain", "replay", "replay"])
            if number
            else "night"
        )
        change = rng.choice(["none", "more", "replaced", "fewer", "later"])
        if step == "replay":  # of a night whose sources are still there
            for bank in banks:
                bank.night()
            change = "none"
        for bank in banks:
            if change == "more":
                bank.write(f"in/{n_files}.csv", 1000 * n_files, 10)
            elif change == "replaced":
                bank.write("in/0.csv", 0, n_rows - 1)
            elif change == "fewer":
                (bank.root / "in" / f"{n_files - 1}.csv").unlink(missing_ok=n_files == 1)
            elif change == "later":
                bank.as_of += dt.timedelta(days=1)
            bank.mended = bank.mended or step == "retry"
            bank.write("in/0.csv", 0, n_rows - (change == "replaced"))
        n_files += change == "more"
        n_files = max(1, n_files - (change == "fewer"))
        n_rows -= change == "replaced"
        stopped(real, step, rng)
        getattr(twin, step)()
        assert_alike(real, twin, f"seed {seed}, step {number}: {step} after {change}")


@pytest.mark.usefixtures("commits")
@pytest.mark.parametrize("seed", SEEDS)
def test_an_update_that_is_stopped_and_run_again_is_as_if_it_had_not_been(seed, tmp_path):
    """Or it is a whole night, where it died between its row in ``runs`` and what is kept of it."""
    rng = random.Random(seed)
    banks = real, twin = [_Bank(tmp_path / name) for name in ("real", "twin")]
    for bank in banks:
        bank.write("in/0.csv", 0, 120)
        bank.write("late.csv", 10_000, 12)
        bank.night()
    for number in range(1, N_STEPS + 1):
        change = rng.choice(["more", "more", "fewer", "replaced", "none"])
        n_new = rng.choice([1, 4])
        for bank in banks:
            if change == "more":
                bank.write(f"in/{number}.csv", 1000 * number, n_new)
            elif change == "fewer":
                (bank.root / f"in/{number - 1}.csv").unlink(missing_ok=True)
                bank.write("in/0.csv", 0, 120)
            elif change == "replaced":
                bank.write("in/0.csv", 0, 120 - number)
        stopped(real, "update", rng)
        twin.update()
        if real.updated != twin.updated:
            twin.night()
        assert_alike(real, twin, f"seed {seed}, step {number}: after {change}")


def assert_alike(real, twin, said):
    (tables, ids), (wanted, wanted_ids) = real.holds(), twin.holds()
    assert ids == wanted_ids, said
    assert tables.keys() == wanted.keys(), said
    for name, table in tables.items():
        assert same(table, wanted[name]), f"{said}: {name}"


def same(left, right):
    return left.schema.equals(right.schema) and left.to_pandas().equals(right.to_pandas())


def test_the_places_are_heard(tmp_path):
    PLACES.arm(tmp_path, 10**9, kills=False)
    (tmp_path / "a").write_text("x", encoding="utf-8")
    (tmp_path / "a").rename(tmp_path / "b")
    (tmp_path / "b").unlink()
    PLACES.disarm()
    assert PLACES.n == 3
    assert isinstance(pa.table({}), pa.Table)
