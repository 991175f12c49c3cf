"""The order of rows in silver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.lake.rows import fixed, order_by
from qfb_kernels.ledger_order import DIGIT_BITS, pack_cpu, settle_cpu, sort_cpu

if TYPE_CHECKING:
    from qfb_gpu.lake.rows import Rows

_CODED = ("customer_id", "counterparty_id", "description")
_FEW = 4
_WORD = 63


def ledger_order(rows: Rows, among: Any) -> Any:
    """Sort payments by customer, counterparty, description, direction, currency, date, amount, id.

    All but amount and id are packed into one integer where they fit, with the place of the row in
    the lowest bits; those integers are sorted. Only rows that are equal in them are compared in
    the others.

    Parameters
    ----------
    rows : Rows
    among : int64 array
        The rows to sort.
    """
    if not among.size:
        return among
    ranks = [_key_rank(rows, name) for name in _CODED]
    numbers = [rows.number("direction_code"), rows.number("currency_code")]
    ranks += map(_number_rank, numbers)
    day, amount, key = rows.number("date"), rows.number("amount_minor"), rows.key("txn_id")
    day = day.astype(np.int64)
    largest = [*(int(rank.max()) for rank in ranks), int(np.ptp(day)), among.size - 1]
    bits = np.array([one.bit_length() for one in largest], np.int64)
    codes = [*(rows.coded[name].codes for name in _CODED), *numbers]
    if bits.sum() > _WORD:
        columns = [*(rank[code] for rank, code in zip(ranks, codes, strict=True)), day, amount, key]
        return among[order_by([column[among] for column in columns])]
    packed = np.empty(among.size, np.int64)
    both = [fixed(one) for pair in zip(codes, ranks, strict=True) for one in pair]
    pack_cpu(fixed(among), *both, day, day.min(), bits, packed)
    n_bits, place_bits = int(bits[:-1].sum()), int(bits[-1])
    packed = _sorted(packed, place_bits, n_bits)
    return _settled(packed, place_bits, fixed(among), fixed(amount), fixed(key))


def _sorted(packed: Any, first_bit: int, n_bits: int) -> Any:
    """Return numbers sorted by some of their bits; overwrites them."""
    n_digits = max(1, -(-n_bits // DIGIT_BITS))
    digit_bits = -(-n_bits // n_digits)
    scratch, counts = np.empty_like(packed), np.zeros((n_digits, 1 << digit_bits), np.int64)
    swapped = sort_cpu(packed, scratch, counts, first_bit, digit_bits)
    return scratch if swapped else packed


def _settled(packed: Any, place_bits: int, among: Any, amount: Any, key: Any) -> Any:
    """Return the rows of sorted numbers, those with one number by amount, then key."""
    order, long = np.empty(among.size, np.int64), np.empty(among.size + 1, np.int64)
    n_long = settle_cpu(packed, place_bits, among, amount, key, order, long)
    for first, end in long[:n_long].reshape(-1, 2).tolist():
        some = order[first:end]
        order[first:end] = some[np.lexsort([key[some], amount[some]])]
    return order


def generic_order(rows: Rows, among: Any, names: list[str]) -> Any:
    """Sort rows by customer key, then by every other column of the table's key."""
    others = (rows.sortable(name, among) for name in names if name != "customer_id")
    return among[order_by([rows.key("customer_id")[among], *others])]


def _key_rank(rows: Rows, name: str) -> Any:
    """Return the rank of each distinct text's key, then of null."""
    return np.unique(rows.value_keys(name), return_inverse=True)[1].astype(np.int64, copy=False)


def _number_rank(numbers: Any) -> Any:
    """Return the rank of each number from 0 to the largest; only of those that are there."""
    is_seen = np.zeros(int(numbers.max()) + 1, bool)
    rest = numbers
    for _ in range(_FEW):  # directions and currencies are few: a look at each is less than a count
        if rest.size:
            is_seen[rest[0]] = True
            rest = rest[rest != rest[0]]
    is_seen[rest] = True
    return np.cumsum(is_seen) - is_seen
