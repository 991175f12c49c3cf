"""Work on threads, results in the order of the items."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, Any

from qfb_gpu._backend.devices import n_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_END = object()


def in_order(work: Callable[[Any], Any], items: Iterator[Any], n_workers: int) -> Iterator[Any]:
    """Map on threads, results in the order of the items; one more is under way than threads.

    A thread takes its next item itself, one thread at a time: where making items is work, as
    reading is, no thread waits for another that makes them for all. An error comes in its turn.
    """
    turn, numbers = Lock(), count()

    def one() -> tuple[int, Any, BaseException | None]:
        """Take the next item and work on it: its number, what came of it, what failed."""
        with turn:
            number = next(numbers)
            try:
                item = next(items, _END)
            except BaseException as error:  # noqa: BLE001
                return number, None, error
        try:
            return number, _END if item is _END else work(item), None
        except BaseException as error:  # noqa: BLE001
            return number, None, error

    with ThreadPoolExecutor(n_workers) as pool:
        waiting: set[Future[Any]] = {pool.submit(one) for _ in range(n_workers + 1)}
        found: dict[int, list[Any]] = {}
        for number in count():
            while number not in found:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    at, *rest = future.result()
                    found[at] = rest
            result, error = found.pop(number)
            if error is not None:
                raise error
            if result is _END:
                return
            waiting.add(pool.submit(one))
            yield result


def side_by_side(*works: Callable[[], Any]) -> list[Any]:
    """Return what some functions do, called on all threads: for work that Arrow does."""
    n_workers = max(1, min(n_threads(), len(works)))
    return list(in_order(lambda work: work(), iter(works), n_workers))
