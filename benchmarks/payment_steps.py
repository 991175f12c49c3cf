"""Where the seconds of scoring go: every kernel, the transform, and the share of memory bandwidth.

    python benchmarks/payment_steps.py --customers 600

One generated portfolio, scored several times by ``qfb_gpu.payments`` alone; results are JSON in
``benchmarks/results``. Bytes are each array of a call once, the least that has to be moved; their
rate is given as a share of what a plain copy reaches on the same machine in the same run.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import bandwidth
from device_clock import timed
from payment_steps_table import steps_table
from regular_payments import AS_OF, Case
from results_file import ResultsFile

from qfb_gpu.calendars import to_day
from qfb_gpu.payments import score_streams

_COPY_BYTES = 256 * 2**20


def main(arguments: list[str]) -> int:
    """Measure and save; return 0."""
    options = _options(arguments)
    case = Case(options.customers, 1, 1.0)
    settings = {"customers": options.customers, "as_of": AS_OF.isoformat()}
    results = ResultsFile.open(options.out, "payment_steps", settings)
    copy = bandwidth.measure(case.backend, _COPY_BYTES, 5)["copy"]
    score(case)  # compile, touch the memory
    for _ in range(options.repeats):
        results.append({"copy_bytes_per_second": copy, **score(case)})
    print(steps_table(results.content))
    print(f"\n{results.path}")
    return 0


def score(case: Case) -> dict[str, Any]:
    """Score the portfolio once; return seconds, and seconds and bytes of each kernel."""
    backend = timed(case.backend)
    start = time.perf_counter()
    score_streams(case.ledger, case.calendar, to_day(AS_OF), backend)
    seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "n_payments": case.ledger.n_payments,
        "n_relations": case.ledger.n_relations,
        "kernels": backend.clock.by_name(),
    }


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--customers", type=int, default=600)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
