"""Run one implementation's stages in this process and print their seconds as JSON.

    python benchmarks/run_stages.py polars SOURCE 2024-12-31 OUT SMALL_SOURCE

SOURCE is the Parquet of the transactions; for ``qfb`` the lake that a night left. ``qfb from
source`` makes that lake first, as stage ``ingest``. SMALL_SOURCE is run first, untimed: imports,
thread pools and the kernels' cache are then in memory.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cases import stages_of
from implementations import FROM_SOURCE, make_lake

if TYPE_CHECKING:
    from collections.abc import Iterator


def run_stages(name: str, source: Path, as_of: dt.date, out: Path) -> dict[str, float]:
    """Run the stages in order; return the seconds of each, summed over the parts of the source.

    Where a source comes in parts, a thread reads the next one and another writes the last one
    meanwhile: what counts as reading and writing is how long the computing waits for them.
    """
    out.mkdir(parents=True, exist_ok=True)
    seconds: defaultdict[str, float] = defaultdict(float)
    if name == FROM_SOURCE:
        with _clock(seconds, "ingest"):
            source, name = make_lake(source, as_of.isoformat(), out), "qfb"
    stage = stages_of(name)
    parts = _parts(name, source)
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
        coming = reader.submit(stage["read"], *parts[0], as_of)
        going: Future[None] | None = None
        for after in [*parts[1:], None]:
            with _clock(seconds, "read"):
                payments = coming.result()
            if after is not None:
                coming = reader.submit(stage["read"], *after, as_of)
            with _clock(seconds, "streams"):
                payments, table = stage["streams"](payments)
            with _clock(seconds, "spectrum"):
                table = stage["spectrum"](payments, table)
            with _clock(seconds, "features"):
                customers = stage["features"](payments, as_of)
            whole: tuple[Any, ...] = (payments,) if name == "qfb" else ()
            with _clock(seconds, "write"):
                if going is not None:
                    going.result()
                going = writer.submit(stage["write"], *whole, table, customers, out)
        with _clock(seconds, "write"):
            if going is not None:
                going.result()
    return dict(seconds)


def _parts(name: str, source: Path) -> list[tuple[Any, ...]]:
    if name != "qfb":
        return [(source,)]
    from qfb_gpu.lake import silver

    return [(source, bucket) for bucket in silver.buckets(source)]


@contextmanager
def _clock(seconds: defaultdict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] += time.perf_counter() - start


if __name__ == "__main__":
    _, name_, source_, as_of_, out_, small_ = sys.argv
    day_ = dt.date.fromisoformat(as_of_)
    run_stages(name_, Path(small_), day_, Path(f"{out_}-small"))
    done = run_stages(name_, Path(source_), day_, Path(out_))
    sys.stdout.write(json.dumps(done) + "\n")
