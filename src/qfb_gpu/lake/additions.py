"""Few new rows of a large bucket: a small file beside the bucket's own, not that one anew.

That is right where the rows that are there stay as they are: where no new row has the key of an
old one, and no lines are summed. Ids that are derived count occurrences; a derived id that is
there already is such a key. Everything else, and more rows than a tenth of the bucket's, is
written anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.lake.bucket_read import (
    PLACE,
    n_rows_of,
    nullable,
    order_of_files,
    read_near,
)
from qfb_gpu.lake.delta import open_file
from qfb_gpu.lake.merge import repeated
from qfb_gpu.lake.rows import Rows, order_by

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu.schema import Table

MOST_FILES = 8
"""More additions of a bucket become one."""
_SHARE = 10
_KEY = "customer_key"
_PAYMENT_KEY = (_KEY, "direction_code", "txn_key")
_PAYMENT_ORDER = (
    _KEY, "counterparty_key", "description_key", "direction_code", "currency_code", "date",
    "amount_minor", "txn_key",
)  # fmt: skip


def are_few(files: list[Path], n_new: int) -> bool:
    """Return whether new rows and earlier additions are few beside the bucket's own file."""
    n_added = sum(n_rows_of(path) for path in files[1:])
    return bool(files) and (n_new + n_added) * _SHARE <= n_rows_of(files[0])


def places_of(files: list[Path], new: pa.Table, schema: Table) -> Any:
    """Return where new rows belong among a bucket's.

    Parameters
    ----------
    files : list of Path
        Of the bucket, the oldest first.
    new : pyarrow.Table
        Sorted, in the columns of silver.
    schema : Table

    Returns
    -------
    int64 array, shape (n_new,), or None
        Before which row of the bucket; None where a new row has the key of one that is there.
    """
    is_payment = schema.name == "transactions"
    others = [name for name in schema.key if name != "customer_id"]
    order = _PAYMENT_ORDER if is_payment else (_KEY, *others)
    key = _PAYMENT_KEY if is_payment else schema.key
    names = list(dict.fromkeys([*order, *key]))
    customers, of_row = np.unique(new.column(_KEY).to_numpy(), return_inverse=True)
    old, number, first = read_near(files, names, customers)  # who else has the key does not matter
    near = np.arange(number.size)
    rows = Rows([old, new.select(names).cast(old.schema)])
    if repeated(rows, np.arange(rows.n_rows), list(key))[0].size:
        return None
    among = np.append(near, np.arange(old.num_rows, rows.n_rows))
    among = among[order_by([rows.sortable(name, among) for name in order])]
    is_new = among >= old.num_rows
    after = np.zeros(among.size, np.int64)
    after[~is_new] = number[among[~is_new]] + 1
    return np.maximum(np.maximum.accumulate(after)[is_new], first[of_row])


def together(files: list[Path], new: pa.Table, places: Any) -> tuple[pa.Table, Any]:
    """Put a bucket's additions and further rows into one.

    Returns
    -------
    table : pyarrow.Table
    places : int64 array
        Among the rows of the bucket's first file.
    """
    opened = [open_file(path) for path in files]
    n_base = opened[0].metadata.num_rows
    order = order_of_files(opened)
    order = np.insert(order, places, order.size + np.arange(places.size))
    is_added = order >= n_base
    tables = [nullable(file.read(columns=new.column_names)) for file in opened[1:]]
    plain = pa.schema([(name, tables[0].schema.field(name).type) for name in new.column_names])
    rows = pa.concat_tables([*tables, new.cast(plain)]).combine_chunks()
    return rows.take(pa.array(order[is_added] - n_base)), np.cumsum(~is_added)[is_added]


def with_places(table: pa.Table, places: Any) -> pa.Table:
    """Return an addition as it is written."""
    return table.append_column(PLACE, pa.array(places, pa.int64()))
