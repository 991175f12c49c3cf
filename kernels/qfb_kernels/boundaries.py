"""Where a customer's and a relation's payments begin, and whether rows are in order at all."""

from __future__ import annotations

from numba import cuda, int8, uint64

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

SAME, RELATION, CUSTOMER, UNORDERED = range(4)
"""A row goes on with the relation of the row before, begins one, begins a customer, or should
stand before it."""


def _step_of(
    customer,
    counterparty,
    description,
    direction,
    currency,
    day,
    amount_minor,
    txn_key,
    row,
    before,
):
    """Compare a row with the one before, column by column; without a branch, so that it is fast."""
    customers = relation = customer[row] == customer[before]
    less = customer[row] < customer[before]
    less |= relation & (counterparty[row] < counterparty[before])
    relation &= counterparty[row] == counterparty[before]
    less |= relation & (description[row] < description[before])
    relation &= description[row] == description[before]
    less |= relation & (direction[row] < direction[before])
    relation &= direction[row] == direction[before]
    less |= relation & (currency[row] < currency[before])
    relation &= currency[row] == currency[before]
    less |= relation & (day[row] < day[before])
    equal = relation & (day[row] == day[before])
    less |= equal & (amount_minor[row] < amount_minor[before])
    equal &= amount_minor[row] == amount_minor[before]
    less |= equal & (txn_key[row] < txn_key[before])
    in_order = int8(CUSTOMER) - int8(customers) - int8(relation)
    return int8(UNORDERED) * int8(less) + int8(not less) * in_order


_step_of_cpu, _step_of_gpu = twin(_step_of, inline=True)


@rows_of("step")
def boundaries_cpu(
    row_from, row_to, customer, counterparty, description, direction, currency, day,
    amount_minor, txn_key, step,
):  # fmt: skip
    """Write the step to each row from the one before."""
    if row_from == 0 and row_to > 0:
        step[0] = CUSTOMER
    for row in range(uint64(max(row_from, 1)), uint64(row_to)):  # never below 0: vectors of rows
        step[row] = _step_of_cpu(
            customer, counterparty, description, direction, currency, day, amount_minor, txn_key,
            row, row - uint64(1),
        )  # fmt: skip


@cuda.jit
def boundaries_gpu(
    customer, counterparty, description, direction, currency, day, amount_minor, txn_key, step
):
    """One thread per row; launch with ``.forall(n_rows)``."""
    row = cuda.grid(1)
    if row >= step.shape[0]:
        return
    if row == 0:
        step[0] = CUSTOMER
    else:
        step[row] = _step_of_gpu(
            customer, counterparty, description, direction, currency, day, amount_minor, txn_key,
            row, row - 1,
        )  # fmt: skip
