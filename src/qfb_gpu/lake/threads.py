"""Work on threads, results in the order of the items."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from qfb_gpu._backend.devices import n_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def in_order(work: Callable[[Any], Any], items: Iterator[Any], n_workers: int) -> Iterator[Any]:
    """Map on threads with as many items under way, results in the order of the items."""
    with ThreadPoolExecutor(n_workers) as pool:
        waiting: deque[Any] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > n_workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def side_by_side(*works: Callable[[], Any]) -> list[Any]:
    """Return what some functions do, called on all threads: for work that Arrow does."""
    return list(in_order(lambda work: work(), iter(works), n_threads()))
