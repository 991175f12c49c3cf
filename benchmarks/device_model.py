"""How long a bucket takes on a device, from what was counted and what is assumed.

Nothing here has been timed on a device: counts are the stand-in's, host seconds those of a CPU,
and :class:`Assumed` says what everything costs. The answer is a bound to look at a round with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PAYMENTS = 1_000_000_000


@dataclass(frozen=True)
class Assumed:
    """What an H200 and its host cost; none of it is measured here. Others: :data:`CARDS`.

    Attributes
    ----------
    operation, launch, kernel, argument, wait : float, seconds of the host
        For an operation of CuPy with its first launch, for a further launch of it, for a kernel of
        Numba and for each array that it wraps, for a number or a copy that comes back.
    shortest : float, seconds of the device for the smallest launch
    memory, pcie : float, bytes a second
        Three quarters of 4.8 TB/s; PCIe of generation 5.
    room : float, bytes of the device
    core : float
        Instructions a second of the core that the kernels were timed on.
    more : float
        Instructions of a device for one of that core's: 64-bit integers take several.
    lanes : float
        Share of a warp's 32 lanes that are busy, as rows differ in length.
    schedulers, clock, latency : 132 x 4, cycles a second, cycles from instruction to instruction
    busiest : float
        Share of its cycles in which a scheduler issues, at most.
    """

    operation: float = 12e-6
    launch: float = 4e-6
    kernel: float = 40e-6
    argument: float = 10e-6
    wait: float = 20e-6
    shortest: float = 2.5e-6
    memory: float = 0.75 * 4.8e12
    pcie: float = 50e9
    room: float = 139 * 2**30
    core: float = 6e9
    more: float = 1.5
    lanes: float = 1 / 3
    schedulers: int = 528
    clock: float = 1.7e9
    latency: float = 12.0
    busiest: float = 0.5


CARDS = {
    "H200": Assumed(),
    "H100": Assumed(memory=0.75 * 3.35e12, room=79 * 2**30),
}
"""The same processor with more memory, or less that is slower, by its maker's figures."""


def seconds(n_payments: float, counted: dict[str, Any], assumed: Assumed) -> dict[str, float]:
    """Return the seconds of each resource for a bucket.

    Parameters
    ----------
    n_payments : float
    counted : dict
        ``fixed`` and ``each`` (a payment): dicts of counts and bytes; ``host``: seconds of
        ``python`` (a bucket), and of ``files`` and ``kernels``, each fixed and a payment;
        ``units``: rows of a kernel for a payment.
    assumed : Assumed
    """
    fixed, each, host = counted["fixed"], counted["each"], counted["host"]
    n = {name: fixed[name] + each[name] * n_payments for name in fixed}
    more_launches = n["launches"] - n["operations"] - n["kernels"]
    return {
        "python": host["python"]
        + n["operations"] * assumed.operation
        + max(more_launches, 0.0) * assumed.launch
        + n["kernels"] * assumed.kernel
        + n["arguments"] * assumed.argument,
        "waits": n["waits"] * assumed.wait,
        "launches": n["launches"] * assumed.shortest,
        "memory": n["moved"] / assumed.memory,
        "kernels": _kernels(n_payments, counted, assumed),
        "copies": (n["to_device"] + n["to_host"]) / assumed.pcie,
        "files": host["files"][0] + host["files"][1] * n_payments,
    }


def _kernels(n_payments: float, counted: dict[str, Any], assumed: Assumed) -> float:
    """Return the seconds of the kernels: few warps leave schedulers idle between instructions."""
    instructions = counted["host"]["kernels"] * n_payments * assumed.core * assumed.more
    of_warps = instructions / (32 * assumed.lanes)
    warps = counted["units"] * n_payments / 32 / assumed.schedulers
    issued = min(assumed.busiest, warps / assumed.latency)
    return of_warps / (assumed.schedulers * assumed.clock * issued)


def together(found: dict[str, float], under_way: int) -> dict[str, float]:
    """Return who is busy how long for a bucket where several are under way.

    Python runs one bucket at a time, and so does the device; files are decoded and written side
    by side.
    """
    device = ("launches", "memory", "kernels", "copies")
    return {
        "python": found["python"],
        "device": sum(found[name] for name in device),
        "files": found["files"] / under_way,
        "one bucket": sum(found.values()) / under_way,
    }


def row(
    n_payments: int, counted: dict[str, Any], under_way: int, assumed: Assumed
) -> dict[str, Any]:
    """Return a bucket's seconds, what limits it, and the seconds of a billion payments."""
    found = seconds(n_payments, counted, assumed)
    busy = together(found, under_way)
    limit = max(busy, key=lambda name: busy[name])
    return {
        "n_payments": n_payments,
        "under_way": under_way,
        "seconds": found,
        "busy": busy,
        "alone": sum(found.values()),
        "bucket": busy[limit],
        "limit": limit,
        "billion": busy[limit] * PAYMENTS / n_payments,
        "peak_bytes": counted["peak"] * n_payments,
        "fits": counted["peak"] * n_payments * under_way <= assumed.room,
    }
