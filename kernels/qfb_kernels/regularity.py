"""What a customer's streams add up to: regular money and what is due next, in exact int64.

Layout: customer ``c`` owns the streams ``offsets[c] .. offsets[c + 1] - 1``. ``regular`` is 0 for
an irregular stream, 1 for a regular one, 2 for a regular one that stopped. Money counts in the
customer's main currency only.
"""

from __future__ import annotations

import math

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

# Columns of the table; the first of two is of direction in, the second of out.
N_REGULAR, SUM, SUM_REGULAR, NEXT_30, NEXT_90, DAYS_TO_NEXT = 0, 2, 4, 6, 8, 10
N_STOPPED, PAID, PAID_REGULAR = 12, 13, 14
N_COLUMNS = 15
_NULL_DAY = -(2**31)
_STOPPED = 2


def _dues(next_day, period, as_of, horizon):
    """Return how many due dates lie within ``horizon`` days: one overdue counts as due next."""
    if next_day > as_of + horizon:
        return 0
    if not period >= 1.0:
        return 1
    first = max(next_day, as_of + 1)
    return 1 + int(math.floor((as_of + horizon - first) / period))


dues = twin(_dues)


def _regularity_row(
    regular, n_payments, amount, direction, currency, next_day, next_minor, period,
    main, as_of, start, stop, table, row,
):  # fmt: skip
    for c in range(N_COLUMNS):
        table[row, c] = 0
    table[row, DAYS_TO_NEXT] = _NULL_DAY
    table[row, DAYS_TO_NEXT + 1] = _NULL_DAY
    for s in range(start, stop):
        side = 0 if direction[s] == 0 else 1
        in_main = currency[s] == main[row]
        table[row, PAID] += n_payments[s]
        if in_main:
            table[row, SUM + side] += max(amount[s], 0)
        if regular[s] == 0:
            continue
        table[row, N_REGULAR + side] += 1
        table[row, PAID_REGULAR] += n_payments[s]
        if in_main:
            table[row, SUM_REGULAR + side] += max(amount[s], 0)
        if regular[s] == _STOPPED:
            table[row, N_STOPPED] += 1
        elif next_day[s] != _NULL_DAY:
            days = max(int(next_day[s]) - as_of, 0)
            known = table[row, DAYS_TO_NEXT + side]
            if known == _NULL_DAY or days < known:
                table[row, DAYS_TO_NEXT + side] = days
            if in_main:
                due = int(next_day[s])
                table[row, NEXT_30 + side] += dues(due, period[s], as_of, 30) * next_minor[s]
                table[row, NEXT_90 + side] += dues(due, period[s], as_of, 90) * next_minor[s]


_regularity_cpu, _regularity_gpu = twin(_regularity_row, dues)


@rows_of("table")
def regularity_cpu(
    row_from, row_to,
    offsets, regular, n_payments, amount, direction, currency, next_day, next_minor, period,
    main, as_of, table,
):  # fmt: skip
    """Loop over customers."""
    for row in range(row_from, row_to):
        _regularity_cpu(
            regular, n_payments, amount, direction, currency, next_day, next_minor, period,
            main, as_of, offsets[row], offsets[row + 1], table, row,
        )  # fmt: skip


@cuda.jit
def regularity_gpu(
    offsets, regular, n_payments, amount, direction, currency, next_day, next_minor, period,
    main, as_of, table,
):  # fmt: skip
    """One thread per customer."""
    row = cuda.grid(1)
    if row < table.shape[0]:
        _regularity_gpu(
            regular, n_payments, amount, direction, currency, next_day, next_minor, period,
            main, as_of, offsets[row], offsets[row + 1], table, row,
        )  # fmt: skip
