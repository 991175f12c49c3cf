"""Both sides of every payment as the customers' own rows, and the texts of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu._portfolio.firms import firm_ids
from qfb_gpu._portfolio.setting import CURRENCIES, Setting
from qfb_gpu._portfolio.text import coded, dates, decimals, fixed_width, numbers, row_ids
from qfb_gpu._portfolio.vocabulary import (
    CATEGORIES,
    CHANNELS,
    FILLS,
    MEMOS,
    NAMES,
    PAIR_CATEGORIES,
)
from qfb_gpu.schema import DIRECTIONS

if TYPE_CHECKING:
    from qfb_gpu._portfolio.booking import Payments
    from qfb_gpu._portfolio.relations import Relations

_FILL = np.array([memo.fill for memo in MEMOS])
_PAIRS = np.array(PAIR_CATEGORIES)
IN, OUT = DIRECTIONS.index("in"), DIRECTIONS.index("out")
_ROW_BITS = 26
_DAY_BITS = 14
_MONTH_NAMES = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


@dataclass(frozen=True, slots=True)
class Side:
    """Customers' rows: which payment, whose books (its row in the block), which direction.

    Sorted by customer, then day; ``ordinal`` counts a customer's rows from 0.
    """

    payment: np.ndarray
    customer: np.ndarray
    direction: np.ndarray
    ordinal: np.ndarray


def sides(
    setting: Setting, relations: Relations, payments: Payments, first: int, n_customers: int
) -> Side:
    """Return the rows of the customers ``first`` to ``first + n_customers - 1``."""
    payer = relations.payer[payments.relation] - first
    payee = relations.payee[payments.relation] - first
    out = np.flatnonzero((payer >= 0) & (payer < n_customers))
    came = np.flatnonzero((payee >= 0) & (payee < n_customers))
    payment = np.concatenate([out, came])
    customer = np.concatenate([payer[out], payee[came]])
    key = (customer << _DAY_BITS) | (payments.day[payment] - setting.start_day).astype(np.int64)
    order = np.sort((key << _ROW_BITS) | np.arange(len(key))) & ((1 << _ROW_BITS) - 1)
    customer = customer[order]
    counts = np.bincount(customer, minlength=n_customers)
    ordinal = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    direction = np.where(order < len(out), OUT, IN).astype(np.int8)
    return Side(payment[order], customer, direction, ordinal)


def transactions(
    setting: Setting, relations: Relations, payments: Payments, side: Side, first: int
) -> dict[str, pa.Array]:
    """Return the columns of the transactions source for the rows of ``side``."""
    rows = payments.take(side.payment)
    relation = rows.relation
    out = side.direction == OUT
    own = side.customer + first
    own_ids = firm_ids(first + np.arange(side.customer.max(initial=0) + 1))
    partner = pa.chunked_array([firm_ids(relations.payer), firm_ids(relations.payee)])
    number = payment_number(relations, rows)
    category = _PAIRS[relations.category[relation], np.where(out, 0, 1)]
    category = np.where(number // 100 % 100 < 20, -1, category)
    channel = np.where(number // 7 % 100 < 4, -1, relations.channel[relation])
    return {
        "txn_id": row_ids("T", own, side.ordinal),
        "customer_id": own_ids.take(pa.array(side.customer)),
        "counterparty_id": partner.combine_chunks().take(
            pa.array(np.where(out, relation + len(relations), relation))
        ),
        "date": dates(rows.day),
        "amount": decimals(rows.amount),
        "direction": coded(side.direction, DIRECTIONS),
        "currency": coded(relations.currency[relation], CURRENCIES),
        "memo": _memos(setting, relations, rows, number),
        "category": coded(category, CATEGORIES),
        "channel": coded(channel, CHANNELS),
    }


def true_category(relations: Relations, payments: Payments, side: Side) -> pa.Array:
    """Return the category of each row, none left out."""
    pair = relations.category[payments.relation[side.payment]]
    return coded(_PAIRS[pair, np.where(side.direction == OUT, 0, 1)], CATEGORIES)


def payment_number(relations: Relations, rows: Payments) -> np.ndarray:
    """Return an invoice number of eight digits for each payment, the same on both sides."""
    mixed = relations.contract[rows.relation] * 31 + rows.day.astype(np.int64) * 7919
    return (mixed * 2654435761 + rows.amount * 40503) % 10**8


def _memos(setting: Setting, relations: Relations, rows: Payments, number: np.ndarray) -> pa.Array:
    """Return the descriptions: a text of the relation, what varies, the rest of the text."""
    memo = relations.memo[rows.relation]
    fill = _FILL[memo]
    pool, first_month = _month_words(setting.start_day, setting.as_of_day)
    n_months = len(pool) // (len(FILLS) - 3)
    own_number = fixed_width([numbers(relations.contract, 3)])
    counted = np.flatnonzero(fill == FILLS.index("n"))
    words = pa.concat_arrays(
        [pa.array(["", *pool], pa.string()), own_number, fixed_width([numbers(number[counted], 3)])]
    )
    month = setting.days.month_of(rows.day) - first_month
    at = np.where(fill == 0, 0, 1 + (fill - 1) * n_months + month)
    at = np.where(fill == FILLS.index("c"), 1 + len(pool) + rows.relation, at)
    at[counted] = 1 + len(pool) + len(relations) + np.arange(len(counted))
    before = pc.binary_join_element_wise(
        coded(relations.name, NAMES), coded(relations.memo, tuple(m.before for m in MEMOS)), ""
    )
    after = coded(memo, tuple(m.after for m in MEMOS))
    text = pc.binary_join_element_wise(
        before.take(pa.array(rows.relation)), words.take(pa.array(at)), after, ""
    )
    silent = (number % 100 < 3 * setting.hardness) & (relations.name[rows.relation] == 0)
    return pc.if_else(pa.array(~silent), text, None)


@lru_cache(maxsize=4)
def _month_words(start_day: int, as_of_day: int) -> tuple[list[str], int]:
    """Return each month of the window in the spellings of ``FILLS``, and the first month."""
    first, last = (
        int(np.datetime64(int(day), "D").astype("datetime64[M]").astype(int))
        for day in (start_day, as_of_day)
    )
    months = [(1970 + month // 12, month % 12 + 1) for month in range(first, last + 1)]
    words = [f"{year}年{month:02d}月" for year, month in months]
    words += [f"{year}{month:02d}" for year, month in months]
    words += [f"{_MONTH_NAMES[month - 1]} {year}" for year, month in months]
    words += [f"{year}Q{(month + 2) // 3}" for year, month in months]
    return words, first
