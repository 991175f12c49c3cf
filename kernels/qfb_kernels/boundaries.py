"""Where a customer's and a relation's payments begin, and whether rows are in order at all."""

from __future__ import annotations

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

SAME, RELATION, CUSTOMER, UNORDERED = range(4)
"""A row goes on with the relation of the row before, begins one, begins a customer, or should
stand before it."""


def _step_of(
    customer, counterparty, description, direction, currency, day, amount_minor, txn_key, row
):
    """Compare a row with the one before, column by column."""
    if row == 0:
        return CUSTOMER
    before = row - 1
    if customer[row] != customer[before]:
        return CUSTOMER if customer[row] > customer[before] else UNORDERED
    if counterparty[row] != counterparty[before]:
        return RELATION if counterparty[row] > counterparty[before] else UNORDERED
    if description[row] != description[before]:
        return RELATION if description[row] > description[before] else UNORDERED
    if direction[row] != direction[before]:
        return RELATION if direction[row] > direction[before] else UNORDERED
    if currency[row] != currency[before]:
        return RELATION if currency[row] > currency[before] else UNORDERED
    if day[row] != day[before]:
        return SAME if day[row] > day[before] else UNORDERED
    if amount_minor[row] != amount_minor[before]:
        return SAME if amount_minor[row] > amount_minor[before] else UNORDERED
    return SAME if txn_key[row] >= txn_key[before] else UNORDERED


_step_of_cpu, _step_of_gpu = twin(_step_of)


@rows_of("step")
def boundaries_cpu(
    row_from, row_to, customer, counterparty, description, direction, currency, day,
    amount_minor, txn_key, step,
):  # fmt: skip
    """Write the step to each row from the one before."""
    for row in range(row_from, row_to):
        step[row] = _step_of_cpu(
            customer, counterparty, description, direction, currency, day, amount_minor, txn_key,
            row,
        )  # fmt: skip


@cuda.jit
def boundaries_gpu(
    customer, counterparty, description, direction, currency, day, amount_minor, txn_key, step
):
    """One thread per row; launch with ``.forall(n_rows)``."""
    row = cuda.grid(1)
    if row < step.shape[0]:
        step[row] = _step_of_gpu(
            customer, counterparty, description, direction, currency, day, amount_minor, txn_key,
            row,
        )  # fmt: skip
