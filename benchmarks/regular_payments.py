"""Who finds the regular payments: this engine beside rules and libraries, on labelled portfolios.

    python benchmarks/regular_payments.py --customers 150 --seeds 1 2 3 --hardness 0 1 2

All detectors see the same payments in the same run. Results are JSON in ``benchmarks/results``;
the README table is made from the newest one. A library that is not installed is left out, and
said so.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import sys
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import stream_truth
from detectors import daily, engine, rules
from detectors.relations import Relations
from regular_table import DETECTORS, accuracy_table
from results_file import ResultsFile

from qfb_gpu.api import ledger_of
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar, to_day
from qfb_gpu.portfolio import generate_portfolio

if TYPE_CHECKING:
    from collections.abc import Callable

    from qfb_gpu.ledger import Ledger

AS_OF = dt.date(2024, 12, 31)
CALENDAR = "CN"
HERE = Path(__file__).parent
_NEEDS = {"Lomb-Scargle": "astropy", "Autoperiod": "pyriodicity", "CFD-Autoperiod": "pyriodicity"}
_PEERS = {
    "CV < 0.3": rules.steady_gaps,
    "8-period FFT": rules.eight_periods,
    "Lomb-Scargle": daily.lomb_scargle,
    "Autoperiod": daily.autoperiod,
    "CFD-Autoperiod": daily.cfd_autoperiod,
}


class Case:
    """One generated portfolio, ready for every detector."""

    def __init__(self, n_customers: int, seed: int, hardness: float) -> None:
        self.backend = get_backend("cpu")
        self.calendar = load_calendar(CALENDAR)
        tables = generate_portfolio(
            n_customers,
            seed,
            AS_OF,
            hardness=hardness,
            calendar=self.calendar,
            tables=("transactions", "truth/streams", "truth/stream_payments"),
        )
        self.ledger: Ledger = ledger_of(
            tables["transactions"], as_of=AS_OF, calendar=CALENDAR, device="cpu"
        )
        self.truth = stream_truth.Truth.of(tables, self.ledger)
        self.relations = Relations(
            self.ledger.day, self.ledger.amount_minor, self.ledger.relation_offsets, to_day(AS_OF)
        )
        self.relation = np.repeat(np.arange(self.ledger.n_relations), self.relations.n_payments)

    def detector(self, name: str) -> Callable[[], Any]:
        """Return a detector as a function without arguments."""
        if name == "qfb":
            day = self.relations.as_of_day
            return partial(engine.detect, self.ledger, self.calendar, day, self.backend)
        return partial(_PEERS[name], self.relations)

    def score(self, answer: Any) -> dict[str, Any]:
        """Return all figures of one answer."""
        counts = stream_truth.compare(self.truth, answer)
        return {
            **stream_truth.scores(counts),
            **stream_truth.chance_streams(self.truth, self.relation, answer),
            "by_cadence": stream_truth.by(counts, "cadence"),
            "by_payments": stream_truth.by(counts, "n_payments"),
        }


def main(arguments: list[str]) -> int:
    """Measure and save; return 0."""
    options = _options(arguments)
    names = [name for name in options.detectors if _is_there(name)]
    Case(5, 0, 1.0).detector("qfb")()  # compile
    settings = {"customers": options.customers, "as_of": AS_OF.isoformat(), "calendar": CALENDAR}
    results = ResultsFile.open(options.out, "regular_payments", settings)
    for hardness in options.hardness:
        for seed in options.seeds:
            case = Case(options.customers, seed, hardness)
            for name in names:
                key = {"detector": name, "seed": seed, "hardness": hardness}
                if results.runs(**key):
                    continue
                results.append({**key, **_measure(case, name)})
    print(accuracy_table(results.content["runs"]))
    print(f"\n{results.path}")
    return 0


def _measure(case: Case, name: str) -> dict[str, Any]:
    detect = case.detector(name)
    seconds = []
    for _ in range(3 if name == "qfb" else 1):
        start = time.perf_counter()
        answer = detect()
        seconds.append(time.perf_counter() - start)
    return {
        "seconds": statistics.median(seconds),
        "n_payments": case.ledger.n_payments,
        "n_relations": case.ledger.n_relations,
        **case.score(answer),
    }


def _is_there(name: str) -> bool:
    library = _NEEDS.get(name)
    if library is None or find_spec(library):
        return True
    print(f"{name} is left out: {library} is not installed (env/peers-py*.txt)")
    return False


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--customers", type=int, default=150)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--hardness", type=float, nargs="+", default=[0.0, 1.0, 2.0])
    parser.add_argument("--detectors", nargs="+", default=list(DETECTORS), choices=DETECTORS)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
