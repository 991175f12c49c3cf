"""Count what scoring one bucket asks of a device, and keep the counts.

``python tests/device_work.py`` brings ``tests/device_work.json`` up to date and prints what
changed: of a lake of payments alone each step of ``score_bucket`` and ``decide``, of one with every source the
``score`` of every part. The test that reads it lets no step take more operations, waits, or bytes
over PCIe unseen. The types of all element-wise operations are kept beside them: ``test_gpu_signatures.py``
asks CuPy for its answer's. Publishing is the host's in a night on GPUs, and takes nothing of a device.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from unittest import mock

REPORT = Path(__file__).with_suffix(".json")
sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "benchmarks")]

N_PAYMENTS, N_CUSTOMERS = 4_000, 16
PAYMENTS, SOURCES = "payments alone", "all sources"
SIGNATURES = "element-wise operations"
HELD = ("operations", "launches", "kernels", "arguments", "waits", "transforms")
"""What may not grow; bytes and compiled modules are kept to be looked at."""


def card():
    """Return a stand-in with the memory of a card: stages work in one batch."""
    from stand_in import StandIn, stand_in_backend

    class Card(StandIn):
        """The stand-in, for counting."""

        def memory_budget_bytes(self):
            return 2**34

    plain = stand_in_backend()
    return Card(plain.name, plain.device, plain.xdf, plain.xp, plain.fft)


def of_bucket(n_payments, folder):
    """Return (payments, counts by step, all counts) of rescoring a bucket of payments alone."""
    from device_counts import counted
    from device_lake import AS_OF, PAYMENTS_A_CUSTOMER, SEED, lake_config, make_lake
    from device_payments import Bank
    from gpu_parts import chosen

    from qfb_gpu import pipeline, tasks
    from qfb_gpu.backend import get_backend

    bank = Bank(max(1, n_payments // PAYMENTS_A_CUSTOMER), SEED, 1, AS_OF)
    made = make_lake(bank, lake_config(folder, 1, device="cpu", workers=1), get_backend("cpu"))
    laps = {}
    with counted() as counts:

        class Clock:
            """The clock of a task, which counts instead."""

            def __init__(self, _backend):
                self.seconds = {}

            def lap(self, step):
                self.seconds[step] = 0.0
                laps[step] = counts.row()

        night, backend = tasks.Night.of(made.config, "gpu", "counted"), card()
        with chosen(backend), mock.patch.object(tasks, "_Clock", Clock):
            tasks.score_bucket(night, 0)
        pipeline.decide(night, [0], backend)
        laps["decide"] = counts.row()
    whole, before = counts.row(), dict.fromkeys(counts.row(), 0)
    found = {"whole": whole}
    for step, row in laps.items():
        found[step] = {name: row[name] - before[name] for name in row if name != "peak"}
        before = row
    return made.n_payments, found, counts


def of_parts(n_customers, folder):
    """Return (payments, counts by step, all counts) of every part's ``score`` with all sources.

    What its other steps are made of is among the signatures, too.
    """
    from device_counts import counted
    from gpu_nights import all_sources
    from gpu_parts import chosen, cpu_night, steps

    config = all_sources(n_customers, folder, is_tiny=True)
    before = cpu_night(config)
    backend, found, signatures = card(), {}, set()
    for name, step in steps(before).items():
        is_held = name.endswith(".score") or name == "sources.read"
        if is_held:
            step(backend)  # what it reads is on the device by now
        with chosen(backend), counted() as counts:
            step(backend)
        signatures |= counts.signatures
        if is_held:
            found[name] = counts.row()
    scored = before.night.workspace.finished("score", before.bucket)
    return scored["n_payments"], found, signatures


def measure():
    """Return everything that is kept."""
    with tempfile.TemporaryDirectory() as folder:
        alone = of_bucket(N_PAYMENTS, Path(folder, "lake"))
        data = Path(folder, "data")
        data.mkdir()
        parts = of_parts(N_CUSTOMERS, data)
    return {
        PAYMENTS: {"n_payments": alone[0], "steps": alone[1]},
        SOURCES: {"n_payments": parts[0], "steps": parts[1]},
        SIGNATURES: sorted(alone[2].signatures | parts[2]),
    }


def kept():
    """Return what is under version control."""
    return json.loads(REPORT.read_text(encoding="utf-8")) if REPORT.exists() else {}


def changed(before, now):
    """Yield (lake, step, count, before, now) of all that differs."""
    for lake in (PAYMENTS, SOURCES):
        for step, row in now[lake]["steps"].items():
            old = before.get(lake, {}).get("steps", {}).get(step, {})
            for name, value in row.items():
                if old.get(name) != value:
                    yield lake, step, name, old.get(name), value


def main():
    """Count, keep, and print what changed."""
    before, now = kept(), measure()
    for lake, step, name, old, new in changed(before, now):
        sys.stdout.write(f"{lake}, {step}: {name} {old} -> {new}\n")
    REPORT.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
