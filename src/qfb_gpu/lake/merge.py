"""The runs of one bucket into one sorted table without duplicates.

What a bucket holds depends on its rows alone: not on their order, nor on the file or the batch
that brought them. Of several rows with one key the first by date, amount, then texts is kept; of
several states of one thing (an order open and delivered, a schedule in two documents) the latest.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.currencies import EXPONENT, currency_name
from qfb_gpu.keys import find, mixed, of_rows
from qfb_gpu.lake.descriptions import add_descriptions
from qfb_gpu.lake.order import generic_order, ledger_order
from qfb_gpu.lake.rejects import reject_table, rows_to_json
from qfb_gpu.lake.rows import Rows, fixed, group_starts, order_by
from qfb_gpu.schema import DIRECTIONS
from qfb_kernels.repeats import may_repeat_cpu

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qfb_gpu.schema import Table

_SLOT_BITS = 3
"""Eight slots a row: of those that are there once, one in eight is compared."""
SUMMED = "summed: further lines of one payment"
_DERIVED = "^~[0-9a-f]{16}$"
_ORIGIN = ("source_file", "source_row")
_SPILLED = {"amount": "amount_minor", "currency": "currency_code", "direction": "direction_code"}
_LATEST = {
    "orders": ("delivered_date", "quantity_delivered"),
    "claims": ("paid_date", "submitted_date"),
    "products": ("closed_date",),
    "touches": ("responded",),
    "open_banking": ("next_date", "date"),
}
"""Of several rows with one key the one with most of these is kept, null the least: they only come.

So an order stays delivered, whichever file says so; of documents the newest counts.
"""
_CANONICAL = (
    "date", "amount_minor", "counterparty_id", "currency_code", "memo", "category", "channel",
    *_ORIGIN,
)  # fmt: skip


@dataclass(slots=True)
class Merged:
    """One bucket, ready to be written.

    Attributes
    ----------
    rows : Rows
    order : int64 array, the rows to write in the order of silver
    rejects : Arrow table of gold ``rejects``, or None
    counts : Counter of measures of ``data_quality``
    """

    rows: Rows
    order: Any
    rejects: pa.Table | None = None
    counts: Counter[str] = field(default_factory=Counter)


def merge(rows: Rows, schema: Table, sums: Any, files: list[str]) -> Merged:
    """Put one bucket together.

    Parameters
    ----------
    rows : Rows
        All rows of the bucket, in any order.
    schema : Table
        What the source is.
    sums : array of bool, shape (n_files,)
        Whether a file's rows may be lines of one payment, to be summed.
    files : list of str
        Names of the source's files, by number.
    """
    counts: Counter[str] = Counter()
    keep = np.arange(rows.n_rows)
    if schema.name == "transactions":
        is_derived = forget_derived(rows)
        derived = np.flatnonzero(is_derived)
        keep = _sum_lines(rows, keep[~is_derived] if derived.size else keep, sums, counts)
        keep, losers = _first_of_each(rows, keep, ["customer_id", "direction_code", "txn_id"])
        _derive_ids(rows, derived)
        add_descriptions(rows)
        order = ledger_order(rows, np.concatenate([keep, derived]) if derived.size else keep)
    else:
        latest = _LATEST.get(schema.name, ())
        keep, losers = _first_of_each(rows, keep, list(schema.key), latest)
        order = generic_order(rows, keep, list(schema.key))
    if not losers.size:
        return Merged(rows, order, None, counts)
    named = [name for name in schema.key if name != "customer_id"]
    named = list(schema.key) if schema.name == "customers" else named
    reason = f"duplicate {', '.join(named)}"
    counts[f"rejected: {reason}"] += int(losers.size)
    return Merged(rows, order, _duplicates(rows, schema, losers, reason, files), counts)


def forget_derived(rows: Rows) -> Any:
    """Return which payments have no id of their source; ids made here before count as none."""
    values = rows.arrow["txn_id"]
    made = pc.starts_with(values, "~")
    is_any = pc.any(made).as_py()
    if not is_any and not values.null_count:
        return np.zeros(len(values), bool)
    if is_any:
        made = pc.match_substring_regex(values, _DERIVED)
    return made.fill_null(True).to_numpy(zero_copy_only=False)  # noqa: FBT003


def repeated(rows: Rows, among: Any, names: list[str]) -> tuple[Any, list[Any]]:
    """Return the rows that may share their key with another, and the exact columns of the key."""
    exact = [rows.key(name) if _is_text(rows, name) else rows.number(name) for name in names]
    one = exact[-1] if among.size == rows.n_rows else exact[-1][among]
    among = among[_seen_twice(one)]  # few rows share one column, of those few the key
    if among.size:
        hashes = of_rows([column[among].astype(np.int64).view(np.uint64) for column in exact], np)
        among = among[_seen_twice(hashes)]
    return among, exact


def _seen_twice(values: Any) -> Any:
    """Return the places of values that are there more than once."""
    whole = values if values.dtype.kind in "iu" else _numbered(values)
    whole = fixed(whole.astype(np.int64, copy=False))
    bits = max(values.size - 1, 0).bit_length() + _SLOT_BITS
    slots, rows = np.zeros(1 << (bits - 2), np.uint8), np.empty(values.size, np.int32)
    among = rows[: may_repeat_cpu(whole, 64 - bits, slots, rows)].astype(np.int64)
    some = values[among]
    ordered = np.sort(some)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    return among[find(twice, some, np)[1]] if twice.size else among[:0]


def _numbered(values: Any) -> Any:
    """Return integers that are equal where floats are."""
    return (values + 0.0).view(np.int64)  # -0.0 becomes 0.0


def _is_text(rows: Rows, name: str) -> bool:
    return name in rows.coded or pa.types.is_string(rows.arrow[name].type)


def _sum_lines(rows: Rows, keep: Any, sums: Any, counts: Counter[str]) -> Any:
    """Add up the lines of one payment; the first of them stands for all."""
    if not sums.any():
        return keep
    of_lines = keep[sums[rows.number("source_file")[keep]]]
    names = ["customer_id", "direction_code", "txn_id", "counterparty_id", "currency_code", "date"]
    among, exact = repeated(rows, of_lines, names)
    if not among.size:
        return keep
    among, starts = _by_key(rows, among, exact, _CANONICAL)
    amount = rows.number("amount_minor").copy()
    amount[among[starts]] = np.add.reduceat(amount[among], np.flatnonzero(starts))
    rows.set_number("amount_minor", amount)
    counts[SUMMED] += int((~starts).sum())
    return _without(rows, keep, among[~starts])


def _first_of_each(
    rows: Rows, keep: Any, names: list[str], latest: Sequence[str] = ()
) -> tuple[Any, Any]:
    """Split rows into the first of each key and the others; the most ``latest`` come before."""
    among, exact = repeated(rows, keep, names)
    if not among.size:
        return keep, among
    others = sorted(set(rows.arrow) - {*_CANONICAL, *names})
    there = [name for name in _CANONICAL if name in rows.arrow]
    first = [_falling(rows.number(name)[among]) for name in latest]
    among, starts = _by_key(rows, among, exact, [*others, *there], first)
    return _without(rows, keep, among[~starts]), among[~starts]


def _falling(values: Any) -> Any:
    """Return numbers that sort the other way round: null, the smallest, is last."""
    if values.dtype.kind == "f":
        return -values
    return -np.maximum(values.astype(np.int64), -(2**62))


def _by_key(
    rows: Rows, among: Any, exact: list[Any], canonical: Sequence[str], first: Sequence[Any] = ()
) -> tuple[Any, Any]:
    """Sort rows by their key, ``first``, then canonically; return them and where keys start."""
    key = [column[among] for column in exact]
    order = order_by([*key, *first, *(rows.sortable(name, among) for name in canonical)])
    return among[order], group_starts([column[order] for column in key])


def _without(rows: Rows, keep: Any, gone: Any) -> Any:
    is_kept = np.zeros(rows.n_rows, bool)
    is_kept[keep] = True
    is_kept[gone] = False
    return np.flatnonzero(is_kept)


def _derive_ids(rows: Rows, among: Any) -> None:
    """Give payments without an id one made of their content and an occurrence number.

    The sort key leaves out who pays whom, so it does not depend on how ids are spelled.
    """
    if not among.size:
        return
    content = np.zeros(among.size, np.uint64)
    for name in ("date", "amount_minor", "direction_code", "currency_code"):
        content = mix(content, rows.number(name)[among])
    for name in ("memo", "category", "channel"):
        content = mix(content, rows.key(name)[among])
    group = [rows.key("customer_id")[among], rows.key("counterparty_id")[among], content]
    order = order_by([*group, *(rows.number(name)[among] for name in _ORIGIN)])
    starts = group_starts([column[order] for column in group])
    first = np.maximum.accumulate(np.where(starts, np.arange(order.size), 0))
    key = mix(content[order], np.arange(order.size) - first)
    texts = _hexadecimal(mix(key, group[1][order]))
    signed = key.view(np.int64).copy()
    signed[signed == 0] = 1
    rows.replace_texts("txn_id", among[order], texts, signed)


def mix(state: Any, values: Any) -> Any:
    """One step of splitmix64 over a column."""
    return mixed(state ^ values.astype(np.int64).view(np.uint64), 0, np)


def _hexadecimal(numbers: Any) -> pa.Array:
    """Return ``~`` and 16 hexadecimal digits of each number, as text."""
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    shifts = np.arange(60, -4, -4, dtype=np.uint64)
    nibbles = ((numbers[:, None] >> shifts) & np.uint64(15)).astype(np.intp)
    text = np.empty((numbers.size, 17), np.uint8)
    text[:, 0] = ord("~")
    text[:, 1:] = digits[nibbles]
    ends = np.arange(numbers.size + 1, dtype=np.int32) * 17
    return pa.StringArray.from_buffers(numbers.size, pa.py_buffer(ends), pa.py_buffer(text))


def _duplicates(rows: Rows, schema: Table, losers: Any, reason: str, files: list[str]) -> pa.Table:
    """Return duplicate rows as rejects, in JSON as they were read."""
    picked = pa.array(losers)
    names = {name: _SPILLED.get(name, name) for name in schema.names}
    as_read = {n: rows.arrow[at].take(picked) for n, at in names.items() if at in rows.arrow}
    if "direction" in as_read:
        as_read["direction"] = pa.array(DIRECTIONS).take(as_read["direction"])
    if "currency" in as_read:
        code, place = np.unique(as_read["currency"].to_numpy(), return_inverse=True)
        known = [currency_name(int(one)) for one in code]
        as_read["currency"] = pa.array(known).take(pa.array(place))
        if "amount" in as_read:
            exponent = np.array([EXPONENT[name] for name in known], np.int64)[place]
            as_read["amount"] = _decimal_texts(as_read["amount"], exponent)
    batch = pa.RecordBatch.from_pydict(as_read)
    file = pa.array(files).take(pa.array(rows.number("source_file")[losers]))
    why = pa.repeat(reason, losers.size)
    number = rows.number("source_row")[losers]
    return reject_table(schema.name, file, number, why, rows_to_json(batch))


def _decimal_texts(minor: pa.Array, exponent: Any) -> pa.Array:
    """Write minor units as decimals: ``-12.30``; null stays null."""
    texts = [
        None if amount is None else f"{Decimal(amount).scaleb(-digits):f}"
        for amount, digits in zip(minor.to_pylist(), exponent.tolist(), strict=True)
    ]
    return pa.array(texts, pa.string())
