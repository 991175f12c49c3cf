"""Run one implementation's stages in this process and print their seconds as JSON.

    python benchmarks/run_stages.py polars SOURCE 2024-12-31 OUT SMALL_SOURCE

SOURCE is the Parquet of the transactions; for ``qfb`` the lake that a night left. SMALL_SOURCE
is run first, untimed: imports, thread pools and the kernels' cache are then in memory.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cases import stages_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def run_stages(name: str, source: Path, as_of: dt.date, out: Path) -> dict[str, float]:
    """Run the stages in order; return the seconds of each, summed over the parts of the source."""
    stage = stages_of(name)
    out.mkdir(parents=True, exist_ok=True)
    seconds: defaultdict[str, float] = defaultdict(float)
    for part in _parts(name, source):
        with _clock(seconds, "read"):
            payments = stage["read"](*part, as_of)
        with _clock(seconds, "streams"):
            payments, table = stage["streams"](payments)
        with _clock(seconds, "spectrum"):
            table = stage["spectrum"](payments, table)
        with _clock(seconds, "features"):
            customers = stage["features"](payments, as_of)
        with _clock(seconds, "write"):
            whole: tuple[Any, ...] = (payments,) if name == "qfb" else ()
            stage["write"](*whole, table, customers, out)
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
