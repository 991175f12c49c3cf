"""The night on many GPUs, on paper: what a bucket costs, and which resource runs out first.

    python benchmarks/scale_model.py --run OUT          from a finished night; JSON and a table

Takes bytes and seconds a payment from a finished run (its lake, its gold tables, its ``runs`` row)
and plays the night of a billion payments through a queueing model: each worker takes a bucket at
a time through read, copy in, compute, copy out, publish, write; a disk, a network and a PCIe link
are shared equally by whoever uses them at that moment; the workers of a host share its disk, and
each publishes on cores of its own. Then all is decided and fitted: on a device in turn what uses
one, by processes of its host beside it what does not, and that is no faster there. What the
machines can do is assumed and printed with the result; nothing here was measured on a GPU.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from results_file import ResultsFile
from scale_table import scale_table

from qfb_gpu.lake import gold
from qfb_gpu.parts import PARTS

GIB = 2**30
BUCKET_PAYMENTS = 1 << 20
STEPS = ("read", "copy in", "compute", "copy out", "publish", "write")
_CORES = 2  # that a night's seconds were measured on
_DEVICE_BYTES = 39  # the numeric columns of silver: keys, codes, day, amount
_ANSWER_BYTES = 17  # stream, role, due day and row: kept between scoring and publishing
_SAMPLED = ("churn", "behaviour")
"""Parts whose fit looks at a sample: it does not grow with the payments."""


@dataclass(frozen=True, slots=True)
class Fits:
    """Seconds of one core that fitting takes, by what they are asked of.

    Attributes
    ----------
    device, host : dict of str to (float, float)
        Of the fits that use a device and of those that do not: seconds a payment, and seconds that
        do not grow with the payments.
    by_bucket : float
        Seconds a payment of what the host does bucket by bucket, on all its cores.
    """

    device: dict[str, tuple[float, float]]
    host: dict[str, tuple[float, float]]
    by_bucket: float = 0.0

    def seconds(self, n_payments: float, n_cores: int, speed: float) -> tuple[float, float]:
        """Return how long a device is at it, and its host beside it.

        A fit of the host is one core's, so the longest is the least that all of them take.
        """
        device, host = (
            [each * n_payments + fixed for each, fixed in fits.values()]
            for fits in (self.device, self.host)
        )
        work = sum(host) + self.by_bucket * n_payments
        return sum(device) / (_CORES * speed), max([*host, work / n_cores])


@dataclass(frozen=True, slots=True)
class Cost:
    """What a payment costs: bytes read and written compressed, seconds on two CPU cores.

    ``seconds`` are scoring's, which a GPU does; ``publish_seconds`` stay the host's;
    ``serial_seconds`` are those of ``decide`` and ``fit``, which ``decide_seconds`` and ``fits``
    take apart.
    """

    read_bytes: float
    write_bytes: float
    seconds: float
    publish_seconds: float
    serial_seconds: float
    decide_seconds: float
    fits: Fits


@dataclass(frozen=True, slots=True)
class Machine:
    """Bytes per second of the parts of a host, and its cores a GPU; all hosts share the store."""

    disk: float = 6 * GIB
    pcie: float = 50 * GIB
    store: float = 40 * GIB
    network: float = 23 * GIB
    cores: int = 16


def cost_of(run: Path) -> Cost:
    """Read the costs of a payment off a finished run."""
    row = gold.read(run, "runs").to_pylist()[-1]
    stages, n = json.loads(row["stages"]), row["n_payments"]
    files = (run / "lake" / "transactions").rglob("*.parquet")
    names = ("payment_streams", "stream_payments", "expected_payments", "customer_profiles")
    written = [p for name in names for p in (run / name).glob("*.parquet")]
    serial = sum(stages[name]["seconds"] for name in ("decide", "fit"))
    return Cost(
        read_bytes=sum(p.stat().st_size for p in files) / n + _ANSWER_BYTES,
        write_bytes=sum(p.stat().st_size for p in written) / n + _ANSWER_BYTES,
        seconds=stages["score"]["seconds"] / n,
        publish_seconds=stages["publish"]["seconds"] / n,
        serial_seconds=serial / n,
        decide_seconds=stages["decide"]["seconds"] / n,
        fits=fits_of(stages["fit"]["steps"], n),
    )


def fits_of(steps: dict[str, float], n_payments: int) -> Fits:
    """Return what the steps of ``fit`` are asked of; a part's measuring is by bucket, all of it.

    Parameters
    ----------
    steps : dict of str to float
        Seconds of a process each, of a night of so many payments.
    """
    fits = Fits({}, {})
    known = {part.name: part for part in PARTS}
    by_bucket = 0.0
    for name, seconds in steps.items():
        cost = (0.0, seconds) if name in _SAMPLED else (seconds / n_payments, 0.0)
        if name in known and known[name].measure is not None:
            by_bucket += seconds / n_payments
        elif name in known and not known[name].on_device:
            fits.host[name] = cost
        else:
            fits.device[name] = cost
    return Fits(fits.device, fits.host, by_bucket)


def simulate(
    cost: Cost, machine: Machine, *, hosts: int, gpus: int, speed: float, n_payments: float,
    local: bool,
) -> dict[str, Any]:  # fmt: skip
    """Play a night; return its seconds and how busy each resource was.

    Parameters
    ----------
    speed : float
        How many times as fast a GPU computes as two CPU cores.
    local : bool
        The lake is on each host's own disk; else in a store that all hosts share over the network.
    """
    n_buckets = int(-(-n_payments // BUCKET_PAYMENTS))
    work = {
        "read": cost.read_bytes * BUCKET_PAYMENTS,
        "copy in": _DEVICE_BYTES * BUCKET_PAYMENTS,
        "compute": cost.seconds * BUCKET_PAYMENTS / speed,
        "copy out": _ANSWER_BYTES * BUCKET_PAYMENTS,
        "publish": cost.publish_seconds * BUCKET_PAYMENTS * _CORES / machine.cores,
        "write": cost.write_bytes * BUCKET_PAYMENTS,
    }
    workers = [(host, gpu) for host in range(hosts) for gpu in range(gpus)]
    seconds, busy = _play(work, workers, n_buckets, machine, hosts, local=local)
    device, host = cost.fits.seconds(n_payments, machine.cores * gpus, speed)
    serial = cost.decide_seconds * n_payments / speed + max(device, host)
    return {
        "hosts": hosts, "gpus": gpus, "speed": speed, "lake": "disk" if local else "store",
        "seconds": seconds + serial, "serial_seconds": serial,
        "fit_seconds": {"device": device, "host": host},
        "seconds_fit_on_host": seconds + cost.serial_seconds * n_payments,
        "busy": {name: value / seconds for name, value in busy.items()},
    }  # fmt: skip


def _rates(
    active: dict[int, list[Any]], machine: Machine, hosts: int, *, local: bool
) -> dict[int, float]:
    """Return how fast each worker's step goes now; bytes or seconds of work per second."""
    using = [0] * hosts
    for host, step, _ in active.values():
        using[host] += STEPS[step] in ("read", "write")
    everyone = sum(using)
    rates = {}
    for worker, (host, step, _) in active.items():
        if STEPS[step] in ("compute", "publish"):
            rates[worker] = 1.0
        elif STEPS[step] in ("copy in", "copy out"):
            rates[worker] = machine.pcie
        elif local:
            rates[worker] = machine.disk / using[host]
        else:
            rates[worker] = min(machine.network / using[host], machine.store / everyone)
    return rates


def _play(
    work: dict[str, float], workers: list[tuple[int, int]], n_buckets: int, machine: Machine,
    hosts: int, *, local: bool,
) -> tuple[float, dict[str, float]]:  # fmt: skip
    """Give buckets to workers until none is left; return seconds, and busy seconds a resource."""
    waiting = n_buckets
    active: dict[int, list[Any]] = {}
    for worker in range(min(len(workers), n_buckets)):
        active[worker] = [workers[worker][0], 0, work["read"]]
        waiting -= 1
    now, busy = 0.0, dict.fromkeys(("lake", "PCIe", "GPU", "cores"), 0.0)
    while active:
        rates = _rates(active, machine, hosts, local=local)
        step_seconds = min(left / rates[w] for w, (_, _, left) in active.items())
        whole = machine.disk * hosts if local else min(machine.store, machine.network * hosts)
        _count(busy, active, rates, whole, step_seconds, len(workers))
        now += step_seconds
        for worker in list(active):
            state = active[worker]
            state[2] -= rates[worker] * step_seconds
            if state[2] > 1e-6 * max(1.0, work[STEPS[state[1]]]):
                continue
            state[1] += 1
            if state[1] < len(STEPS):
                state[2] = work[STEPS[state[1]]]
            elif waiting:
                waiting -= 1
                state[1:] = [0, work["read"]]
            else:
                del active[worker]
    return now, busy


def _count(
    busy: dict[str, float], active: dict[int, list[Any]], rates: dict[int, float],
    whole: float, seconds: float, n_workers: int,
) -> None:  # fmt: skip
    """Add what each resource did in some seconds; ``whole`` is the lake's bytes per second."""
    for worker, (_, step, _) in active.items():
        name = STEPS[step]
        if name == "compute":
            busy["GPU"] += seconds / n_workers
        elif name == "publish":
            busy["cores"] += seconds / n_workers
        elif name in ("read", "write"):
            busy["lake"] += seconds * rates[worker] / whole
        else:
            busy["PCIe"] += seconds / n_workers


def main(arguments: list[str]) -> int:
    """Simulate and save; return 0."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--run", type=Path, required=True, help="output folder of a finished night")
    parser.add_argument("--payments", type=float, default=1e9)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args(arguments)
    cost, machine = cost_of(options.run), Machine()
    settings = {"payments": options.payments, "cost": asdict(cost), "machine": asdict(machine)}
    results = ResultsFile.open(options.out, "scale_model", settings)
    results.content["runs"] = [
        simulate(cost, machine, hosts=hosts, gpus=gpus, speed=speed,
                 n_payments=options.payments, local=local)
        for hosts, gpus in ((1, 1), (1, 8), (10, 8))
        for speed in (10.0, 50.0, 200.0)
        for local in (True, False)
    ]  # fmt: skip
    results.save()
    print(scale_table(results.content))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
