"""Work on threads: each item once, in order, no more at a time than asked; errors in their turn."""

import threading
import time

import pytest

from qfb_gpu.lake.threads import in_order


@pytest.mark.parametrize("n_workers", [1, 2, 5])
@pytest.mark.parametrize("n_items", [0, 1, 2, 30])
def test_results_are_in_the_order_of_the_items(n_workers, n_items):
    def work(item):
        time.sleep(0.001 * (item % 3))
        return item * item

    got = list(in_order(work, iter(range(n_items)), n_workers))
    assert got == [item * item for item in range(n_items)]


def test_no_more_than_one_beside_the_threads_is_under_way():
    begun = []

    def items():
        for item in range(20):
            begun.append(item)
            yield item

    ahead = [len(begun) - done for done in in_order(lambda item: item, items(), 2)]
    assert max(ahead) <= 3


def test_items_are_made_by_one_thread_at_a_time():
    free = threading.Lock()

    def items():
        for item in range(50):
            assert free.acquire(blocking=False)
            time.sleep(0.0002)
            free.release()
            yield item

    assert list(in_order(lambda item: item, items(), 4)) == list(range(50))


@pytest.mark.parametrize("where", ["making", "working"])
def test_an_error_comes_after_what_was_before_it(where):
    def items():
        yield from range(5)
        if where == "making":
            message = "cannot be read"
            raise OSError(message)
        yield from range(5, 9)

    def work(item):
        if item == 5:
            message = "cannot be cleaned"
            raise OSError(message)
        time.sleep(0.002 * (5 - item) if item < 5 else 0)
        return item

    results = in_order(work, items(), 3)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(OSError, match="cannot be"):
        next(results)
