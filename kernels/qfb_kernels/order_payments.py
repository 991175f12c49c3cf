"""Which payment paid a delivered order: the same payee, currency and amount, first come.

Layout: customer ``c`` owns the orders ``order_offsets[c] .. order_offsets[c + 1] - 1`` in the
order of their delivery, and the relations of :class:`qfb_gpu.ledger.Ledger`. Of equal orders the
one that was delivered first takes the first payment; a payment pays one order.
"""

from __future__ import annotations

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

_NULL_DAY = -(2**31)


def _first_at_least(values, wanted, low, high):
    """Return the first place in ascending ``values[low:high]`` that is not below ``wanted``."""
    while low < high:
        middle = (low + high) // 2
        if values[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


first_at_least = twin(_first_at_least)


def _order_payments_row(
    delivered, amount, payee, money, day, paid, relation_offsets, key, direction, currency,
    horizon, order_offsets, customer_offsets, taken, paid_day, row,
):  # fmt: skip
    for order in range(order_offsets[row], order_offsets[row + 1]):
        paid_day[order] = _NULL_DAY
        best, best_day = -1, delivered[order] + horizon + 1
        stop = customer_offsets[row + 1]
        r = first_at_least(key, payee[order], customer_offsets[row], stop)
        while r < stop and key[r] == payee[order]:
            if direction[r] == 1 and currency[r] == money[order]:
                end = relation_offsets[r + 1]
                p = first_at_least(day, delivered[order], relation_offsets[r], end)
                while p < end and day[p] < best_day:
                    if paid[p] == amount[order] and taken[p] == 0:
                        best, best_day = p, day[p]
                    p += 1
            r += 1
        if best >= 0:
            taken[best] = 1
            paid_day[order] = best_day


_order_payments_cpu, _order_payments_gpu = twin(_order_payments_row, first_at_least)


@rows_of("order_offsets", offsets=True)
def order_payments_cpu(
    row_from, row_to,
    delivered, amount, payee, money, day, paid, relation_offsets, key, direction, currency,
    horizon, order_offsets, customer_offsets, taken, paid_day,
):  # fmt: skip
    """Loop over customers."""
    for row in range(row_from, row_to):
        _order_payments_cpu(
            delivered, amount, payee, money, day, paid, relation_offsets, key, direction, currency,
            horizon, order_offsets, customer_offsets, taken, paid_day, row,
        )  # fmt: skip


@cuda.jit
def order_payments_gpu(
    delivered, amount, payee, money, day, paid, relation_offsets, key, direction, currency,
    horizon, order_offsets, customer_offsets, taken, paid_day,
):  # fmt: skip
    """One thread per customer."""
    row = cuda.grid(1)
    if row < order_offsets.shape[0] - 1:
        _order_payments_gpu(
            delivered, amount, payee, money, day, paid, relation_offsets, key, direction, currency,
            horizon, order_offsets, customer_offsets, taken, paid_day, row,
        )  # fmt: skip
