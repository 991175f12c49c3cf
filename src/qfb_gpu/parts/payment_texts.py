"""Texts of a few payments, null where the source has no such column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from qfb_gpu.parts.part import Given


def texts_of(given: Given, payment: Any, *names: str) -> dict[str, pa.Array]:
    """Return text columns of some payments.

    Parameters
    ----------
    given : Given
    payment : integer array of the backend, shape (n_chosen,)
        Rows of payments in the ledger.
    *names : str
        ``txn_id``, ``memo``, ``counterparty_id``, ...

    Returns
    -------
    dict of name to Arrow string array, shape (n_chosen,)
    """
    rows = given.backend.to_host(given.ledger.text_row[payment])
    if rows.shape[0] == 0:
        return {name: pa.array([], pa.string()) for name in names}
    table = given.payment_texts(list(names))
    found = {}
    for name in names:
        if name in table.column_names:
            taken = table.column(name).take(pa.array(rows))
            found[name] = pc.cast(taken, pa.string()).combine_chunks()
        else:
            found[name] = pa.nulls(rows.shape[0], pa.string())
    return found
