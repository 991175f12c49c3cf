"""Rows of silver into the arrays of a ledger: up to a day, sorted, with their two levels of CSR."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.ledger import Labelled, Ledger
from qfb_kernels.boundaries import CUSTOMER, UNORDERED, boundaries_cpu, boundaries_gpu

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

NUMERIC = (
    "customer_key", "counterparty_key", "direction_code", "currency_code",
    "date", "amount_minor", "txn_key",
)  # fmt: skip
"""Columns of silver that every ledger needs."""


def ledger_of_silver(table: pa.Table, as_of_day: int, backend: Backend, texts: Any) -> Ledger:
    """Return the ledger of some rows of silver.

    Parameters
    ----------
    table : pyarrow.Table
        The columns ``NUMERIC`` and, where a payment may have one, ``description_key`` and the
        dictionary ``description``.
    as_of_day : int
        Days since 1970-01-01; later payments are left out.
    backend : Backend
    texts : pyarrow.Table or None
        Becomes ``Ledger.texts``.
    """
    xp = backend.xp
    described = _is_described(table)
    names = [*NUMERIC[:2], *(["description_key"] if described else []), *NUMERIC[2:]]
    columns = dict(zip(names, (backend.asarray(_numbers(table, n)) for n in names), strict=True))
    columns["row"] = xp.arange(table.num_rows, dtype="int64")
    columns, step = _in_order(columns, as_of_day, backend)
    first = xp.flatnonzero(step)
    new_customer = step[first] == CUSTOMER
    of_customer = xp.cumsum(new_customer) - 1
    end = xp.asarray([columns["date"].shape[0]], dtype="int64")
    first_relation = xp.flatnonzero(new_customer)
    n_relations = xp.asarray([first.shape[0]], dtype="int64")
    return Ledger(
        day=columns["date"],
        amount_minor=columns["amount_minor"],
        txn_key=columns["txn_key"],
        text_row=columns["row"],
        relation_offsets=xp.concatenate([first.astype("int64"), end]),
        relation_customer=of_customer.astype("int32"),
        counterparty_key=columns["counterparty_key"][first],
        direction=columns["direction_code"][first],
        currency=columns["currency_code"][first],
        customer_offsets=xp.concatenate([first_relation.astype("int64"), n_relations]),
        customer_key=columns["customer_key"][first][first_relation],
        texts=texts,
        description_key=columns["description_key"][first] if described else None,
        description=_labels(table, columns["row"][first], backend) if described else None,
    )


def _is_described(table: pa.Table) -> bool:
    there = "description" in table.column_names
    return there and table.column("description").null_count < table.num_rows


def _numbers(table: pa.Table, name: str) -> Any:
    """Return a column as an array that may be written to: kernels are compiled for one kind.

    What was read from a file in one piece is not copied: its memory is nobody else's.
    """
    column = table.column(name)
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    if column.num_chunks == 1 and not column.null_count:
        chunk = column.chunk(0)
        memory = chunk.buffers()[1]
        if memory is not None and memory.is_mutable:
            dtype = chunk.type.to_pandas_dtype()
            return np.frombuffer(memory, dtype)[chunk.offset : chunk.offset + len(chunk)]
    values = column.to_numpy()
    return values if values.flags.writeable else values.copy()


def _in_order(
    columns: dict[str, Any], as_of_day: int, backend: Backend
) -> tuple[dict[str, Any], Any]:
    """Return the rows up to a day, sorted by the columns in their order, and the step to each."""
    xp = backend.xp
    day = columns["date"]
    if not bool((day <= as_of_day).all()):
        seen = xp.flatnonzero(day <= as_of_day)
        columns = {name: values[seen] for name, values in columns.items()}
    step = _steps(columns, backend)
    if bool((step == UNORDERED).any()):
        order = backend.lexsort(tuple(columns[name] for name in columns if name != "row"))
        columns = {name: values[order] for name, values in columns.items()}
        step = _steps(columns, backend)
    return columns, step


def _steps(columns: dict[str, Any], backend: Backend) -> Any:
    """Return how each row follows the one before: int8, see ``qfb_kernels/boundaries.py``."""
    parts = {"description_key": columns["customer_key"], **columns}  # without one: no difference
    step = backend.xp.empty(parts["date"].shape[0], dtype="int8")
    backend.launch(
        boundaries_cpu, boundaries_gpu, step.shape[0],
        *(parts[name] for name in (*NUMERIC[:2], "description_key", *NUMERIC[2:])), step,
    )  # fmt: skip
    return step


def _labels(table: pa.Table, first: Any, backend: Backend) -> Labelled:
    """Return the descriptions of relations by the row of a payment of each."""
    texts = table.column("description").unify_dictionaries().combine_chunks()
    picked = texts.take(pa.array(backend.to_host(first)))
    used, codes = np.unique(picked.indices.fill_null(-1).to_numpy(), return_inverse=True)
    n_null = int(used.size > 0 and used[0] < 0)
    labels = texts.dictionary.take(pa.array(used[n_null:])).to_pylist()
    return Labelled(backend.asarray((codes - n_null).astype(np.int32)), tuple(labels))
