"""Run steps on the CPU and on a device: same answer, how long, which share of a copy's rate."""

from __future__ import annotations

import statistics
import time
import traceback
from typing import TYPE_CHECKING, Any

from device_clock import peak_memory, timed, wall
from gpu_parts import chosen
from parity import compare, to_host

if TYPE_CHECKING:
    from collections.abc import Callable

    from qfb_gpu.backend import Backend

    Step = Callable[[Backend], dict[str, Any]]

_ENOUGH_SECONDS = 2.0
"""A step is repeated until it took so long in all, or often enough."""


def measured(
    step: Step,
    cpu: Backend,
    device: Backend,
    *,
    repeats: int,
    copy_rate: float | None,
    keep: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Run a step on both sides.

    Parameters
    ----------
    step : callable(Backend) -> dict of str to array, Labelled or Arrow array
    cpu, device : Backend
    repeats : int
        Of the timed runs on the device, at most.
    copy_rate : float, optional
        Bytes a second that a copy moves.
    keep : callable, optional
        Gets the CPU's answer, for steps that come after.

    Returns
    -------
    dict
        ``cpu_seconds``, ``first_seconds`` (compiling included), ``seconds``, ``n_rows``,
        ``differences``, ``peak_bytes`` and ``kernels``; ``error`` and ``traceback`` where a side
        failed.
    """
    row: dict[str, Any] = {}
    try:
        with wall(cpu) as first:  # other types than the night's before may be compiled here, too
            answer = step(cpu)
        want = to_host(answer, cpu)
        once_more = repeats > 1 and first[0] < _ENOUGH_SECONDS
        seconds = _again(step, cpu, repeats) if once_more else first
        row |= {"cpu_seconds": statistics.median(seconds), "n_rows": _n_rows(want)}
        if keep is not None:
            keep(want)
        row |= _on_device(step, device, want, repeats)
    except Exception as error:  # noqa: BLE001  the other steps are worth having
        row |= {"error": repr(error), "traceback": traceback.format_exc()}
    for kernel in row.get("kernels", {}).values():
        rate = kernel["bytes"] / kernel["seconds"] if kernel["seconds"] else 0.0
        kernel["bytes_per_second"] = rate
        kernel["share_of_copy"] = rate / copy_rate if copy_rate else None
    return row


def _on_device(step: Step, device: Backend, want: dict[str, Any], repeats: int) -> dict[str, Any]:
    watched = timed(device)
    with chosen(watched), peak_memory(device) as peak, wall(device) as first:
        got = to_host(step(watched), device)
    seconds = list(first)
    if repeats > 1:
        seconds, watched = _repeated(step, device, repeats)
    return {
        "differences": compare(got, want),
        "first_seconds": first[0],
        "seconds": statistics.median(seconds),
        "peak_bytes": peak[0] if peak else None,
        "kernels": watched.clock.by_name(),
    }


def _repeated(step: Step, device: Backend, repeats: int) -> tuple[list[float], Any]:
    """Time a step that is compiled by now; return its seconds, and a backend that watched it.

    One that takes long is not run again to be watched: its time goes by on the host.
    """
    with chosen(device):
        seconds = _again(step, device, repeats)
    watched = timed(device)
    if seconds[0] < _ENOUGH_SECONDS:
        with chosen(watched):
            step(watched)
    return seconds, watched


def _again(step: Step, backend: Backend, repeats: int) -> list[float]:
    """Run a step some times more; return the seconds of each."""
    seconds: list[float] = []
    start = time.monotonic()
    while len(seconds) < repeats:
        with wall(backend) as again:
            step(backend)
        seconds += again
        if time.monotonic() - start > _ENOUGH_SECONDS:
            break
    return seconds


def failed(row: dict[str, Any]) -> bool:
    """Return whether a step gave another answer, or none."""
    return bool(row.get("differences")) or "error" in row


def line(name: str, row: dict[str, Any]) -> str:
    """Return one line for the screen."""
    if "skipped" in row:
        return f"{name:<26}skipped: {row['skipped']}"
    if "error" in row:
        return f"{name:<26}FAILED: {row['error']}"
    verdict = "equal" if not row["differences"] else f"DIFFERS: {row['differences']}"
    ratio = row["cpu_seconds"] / row["seconds"] if row["seconds"] else 0.0
    return (
        f"{name:<26}{row['cpu_seconds']:>9.3f} s cpu {row['seconds']:>9.4f} s "
        f"({ratio:,.1f}x, first {row['first_seconds']:.1f} s)  {verdict}"
    )


def _n_rows(columns: dict[str, Any]) -> int:
    plain = [getattr(values, "codes", values) for values in columns.values()]
    return max((len(values) for values in plain if hasattr(values, "__len__")), default=0)
