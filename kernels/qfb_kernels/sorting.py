"""Sort of a slice in place: no scratch memory, the same order on every device.

Short slices by insertion, which leaves alone what is in order already; long ones by a heap.
"""

from __future__ import annotations

from qfb_kernels.twin import twin

_SHORT = 32


def _before(key, i, j):
    """Whether slot value ``i`` goes before ``j``: by key, then by itself."""
    return key[i] < key[j] or (key[i] == key[j] and i < j)


before = twin(_before, inline=True)


def _sift(order, start, root, size, key, by_key):
    """Restore the heap below ``root``."""
    while 2 * root + 1 < size:
        child = 2 * root + 1
        if child + 1 < size:
            left, right = order[start + child], order[start + child + 1]
            if (before(key, left, right)) if by_key else (left < right):
                child += 1
        here, there = order[start + root], order[start + child]
        if not ((before(key, here, there)) if by_key else (here < there)):
            return
        order[start + root], order[start + child] = there, here
        root = child


sift = twin(_sift, before)


def _insert(order, start, stop):
    """Sort ``order[start:stop]`` by insertion."""
    for i in range(start + 1, stop):
        here = order[i]
        j = i
        while j > start and here < order[j - 1]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = here


def _insert_by(order, start, stop, key):
    """Sort ``order[start:stop]`` by ``key`` of its values, then by the values, by insertion."""
    for i in range(start + 1, stop):
        here = order[i]
        by = key[here]
        j = i
        while j > start:
            there = order[j - 1]
            if by > key[there] or (by == key[there] and here > there):
                break
            order[j] = there
            j -= 1
        order[j] = here


insert, insert_by = twin(_insert), twin(_insert_by)


def _sort(order, start, stop, key, by_key):
    """Sort ``order[start:stop]`` by ``key`` of its values, or by the values."""
    size = stop - start
    if size <= _SHORT:
        if by_key:
            insert_by(order, start, stop, key)
        else:
            insert(order, start, stop)
        return
    for root in range(size // 2 - 1, -1, -1):
        sift(order, start, root, size, key, by_key)
    for last in range(size - 1, 0, -1):
        order[start], order[start + last] = order[start + last], order[start]
        sift(order, start, 0, last, key, by_key)


sort = twin(_sort, sift, insert, insert_by)
