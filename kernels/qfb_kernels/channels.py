"""What relations had paid before some days, and how a customer's money of a year is shared by them.

Shares are counted in parts of 10^9 of the customer's total, so sums of them are exact. What a
relation paid over a year is the difference of two of its sums; a negative one counts as 0.
"""

from __future__ import annotations

import math

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin
from qfb_kernels.whole import nearest

HHI, TOP_1, TOP_5, N_CHANNELS, TOP_MONEY = range(5)
N_FIGURES = 5
_SCALE = 10**9


def _sums_row(day, amount, start, stop, bounds, before, row):
    """Write what one relation had paid before each of some days, which ascend."""
    total, i = start - start, start
    for at in range(bounds.shape[0]):
        while i < stop and day[i] < bounds[at]:
            total += amount[i]
            i += 1
        before[row, at] = total


_sums_row_cpu, _sums_row_gpu = twin(_sums_row)


@rows_of("relation_offsets", offsets=True)
def sums_cpu(row_from, row_to, day, amount, relation_offsets, bounds, before):
    """Loop over relations on the host, on all its threads."""
    for row in range(row_from, row_to):
        _sums_row_cpu(
            day, amount, relation_offsets[row], relation_offsets[row + 1], bounds, before, row
        )


@cuda.jit
def sums_gpu(day, amount, relation_offsets, bounds, before):
    """One thread per relation; launch with ``.forall(n_relations)``."""
    row = cuda.grid(1)
    if row < relation_offsets.shape[0] - 1:
        _sums_row_gpu(
            day, amount, relation_offsets[row], relation_offsets[row + 1], bounds, before, row
        )


def _year_money(before, direction, currency, wanted, main, low, high, relation):
    """Return what a relation paid between two days; 0 if of another direction or currency."""
    if direction[relation] != wanted or currency[relation] != main:
        return before[relation, low] - before[relation, low]
    return max(before[relation, high] - before[relation, low], 0)


year_money = twin(_year_money, inline=True)


def _shares_row(before, direction, currency, wanted, main, low, high, first, last, figures, row):
    """Write the figures of the relations ``first`` to ``last``, a customer's, at one date."""
    total = first - first
    for relation in range(first, last):
        total += year_money(before, direction, currency, wanted, main, low, high, relation)
    if total <= 0:
        for name in range(N_FIGURES):
            figures[row, name] = math.nan
        return
    n, squares, most = total - total, total - total, total - total
    a, b, c, d, e = n, n, n, n, n  # the largest five
    for relation in range(first, last):
        money = year_money(before, direction, currency, wanted, main, low, high, relation)
        if money <= 0:
            continue
        parts = nearest(money / total * _SCALE)
        n += 1
        most = max(most, money)
        squares += parts * parts
        a, parts = max(a, parts), min(a, parts)
        b, parts = max(b, parts), min(b, parts)
        c, parts = max(c, parts), min(c, parts)
        d, parts = max(d, parts), min(d, parts)
        e = max(e, parts)
    figures[row, HHI] = min(squares / _SCALE / _SCALE, 1.0)
    figures[row, TOP_1] = a / _SCALE
    figures[row, TOP_5] = min((a + b + c + d + e) / _SCALE, 1.0)
    figures[row, N_CHANNELS], figures[row, TOP_MONEY] = n, most


shares_row = twin(_shares_row, nearest, year_money)
_shares_row_cpu, _shares_row_gpu = shares_row.cpu, shares_row.gpu


@rows_of("figures")
def shares_cpu(
    row_from, row_to,
    before, direction, currency, wanted, main, low, high, customer_offsets, figures,
):  # fmt: skip
    """Loop over customers and dates on the host, on all its threads."""
    for row in range(row_from, row_to):
        customer, at = row // low.shape[0], row % low.shape[0]
        _shares_row_cpu(
            before, direction, currency, wanted, main[customer], low[at], high[at],
            customer_offsets[customer], customer_offsets[customer + 1], figures, row,
        )  # fmt: skip


@cuda.jit
def shares_gpu(
    before, direction, currency, wanted, main, low, high, customer_offsets, figures
):  # fmt: skip
    """One thread per customer and date; launch with ``.forall(figures.shape[0])``."""
    row = cuda.grid(1)
    if row < figures.shape[0]:
        customer, at = row // low.shape[0], row % low.shape[0]
        _shares_row_gpu(
            before, direction, currency, wanted, main[customer], low[at], high[at],
            customer_offsets[customer], customer_offsets[customer + 1], figures, row,
        )  # fmt: skip
