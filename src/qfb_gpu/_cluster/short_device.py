"""A task for which its device has no memory: done again alone, and if need be by the host.

Several tasks share the device of a process. What a task of a bucket leaves is the same whoever
did it, so one that found no memory is done again when nothing else is under way, and by the host
where it does not fit then either. The same in a process that drives one device and in the workers
of several.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from threading import Condition
from typing import TYPE_CHECKING, Any

from qfb_gpu._backend.shortage import give_memory_back, lacked_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    Task = Callable[[Any, Any], Any]

_NAMED = 5


@dataclass(frozen=True, slots=True)
class Done:
    """What a task answered, and whether the host did it for want of a device's memory."""

    answer: Any
    by_host: bool = False


class _Sharing:
    """Lets tasks be under way side by side, or one alone; new ones wait for who wants that."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._n_beside = self._n_alone = 0

    def beside(self) -> AbstractContextManager[None]:
        """Be under way with others, once nobody wants to be alone."""
        return self._under_way(lambda: not self._n_alone, n_alone=0)

    def alone(self) -> AbstractContextManager[None]:
        """Be under way once no other is; who comes meanwhile waits."""
        return self._under_way(lambda: not self._n_beside, n_alone=1)

    @contextmanager
    def _under_way(self, may_begin: Callable[[], bool], n_alone: int) -> Iterator[None]:
        with self._changed:
            self._n_alone += n_alone
            self._changed.wait_for(may_begin)
            self._n_beside += 1
        try:
            yield
        finally:
            with self._changed:
                self._n_beside -= 1
                self._n_alone -= n_alone
                self._changed.notify_all()


_DEVICE = _Sharing()
"""Of this process: it drives one device."""
_LACKED = object()


def perform(task: Task, shared: Any, bucket: Any) -> Done:
    """Run a task on this process's device, or on the host if the device has no memory for it.

    Parameters
    ----------
    task : callable
        Must bear being started again.
    shared : object
        What has a method ``on_host``, or a tuple of such and others, can be done by the host.
    bucket : int or str

    Raises
    ------
    Exception
        Whatever the task raises, unless it lacked memory and may be tried again.
    """
    with _DEVICE.beside():
        answer = _tried(task, shared, bucket)
    if answer is not _LACKED:
        return Done(answer)
    by_host = _on_host(shared)
    with _DEVICE.alone():
        give_memory_back()
        answer = task(shared, bucket) if by_host is None else _tried(task, shared, bucket)
    if answer is not _LACKED:
        return Done(answer)
    give_memory_back()
    return Done(task(by_host, bucket), by_host=True)


def _tried(task: Task, shared: Any, bucket: Any) -> Any:
    """Return a task's answer, or that it lacked memory: what it held is gone with its error."""
    try:
        return task(shared, bucket)
    except Exception as error:
        if not lacked_memory(error):
            raise
    return _LACKED


def _on_host(shared: Any) -> Any:
    """Return what a task needs to know to run on the host; None where it cannot."""
    if isinstance(shared, tuple):
        found = tuple(_on_host(one) for one in shared)
        changed = tuple(s if f is None else f for s, f in zip(shared, found, strict=True))
        return None if all(one is None for one in found) else changed
    return shared.on_host() if hasattr(shared, "on_host") else None


def in_a_line(names: Sequence[str]) -> str:
    """Say which tasks the host did for want of a device's memory."""
    more = len(names) - _NAMED
    said = ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    return (
        f"a device had too little memory for {said}, even with nothing else under way: the host "
        "did that, which takes longer; more buckets (n_buckets) are smaller ones"
    )
