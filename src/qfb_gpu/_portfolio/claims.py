"""Expense claims of a firm's people: spent, claimed some days later, reimbursed later still."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from qfb_gpu._portfolio.firms import Firms, fading, firm_ids
from qfb_gpu._portfolio.setting import (
    CURRENCIES,
    CURRENCY_SCALE,
    CURRENCY_UNIT,
    Part,
    Setting,
    pick,
)
from qfb_gpu._portfolio.text import coded, dates, decimals, fixed_width, letters, numbers, row_ids
from qfb_gpu.schema import ROLLS

_CATEGORIES = ("travel", "meals", "transport", "office", "entertainment", "training", "medical")
_WEIGHTS = (6, 5, 6, 3, 2, 1, 1)
_TYPICAL = np.array((900, 180, 90, 260, 600, 1200, 150))
_PER_YEAR = np.array((1.0, 4.0, 14.0, 50.0))
_PEOPLE = np.array((2, 6, 20, 120))
_FOLLOWING = ROLLS.index("following")


def claims_table(setting: Setting, block: int, firms: Firms, n_customers: int) -> pa.Table:
    """Return the claims source of the first customers of a block: what was claimed by as_of."""
    rng = setting.rng(block, Part.CLAIMS)
    begin = np.maximum(firms.opened_day, setting.start_day)
    span = np.maximum(setting.as_of_day - begin, 0)
    rate = _PER_YEAR[firms.size] * np.exp(rng.normal(-0.2, 0.6, len(span)))
    row = np.repeat(np.arange(len(span)), rng.poisson(rate * span / 365.2425))
    n = len(row)
    spent = begin[row] + (rng.random(n) * span[row]).astype(np.int64)
    submitted = setting.days.rolled(
        _FOLLOWING, spent + 1 + (8 * rng.standard_exponential(n)).astype(np.int64)
    )
    wait = 3 + (6 + 20 * setting.hardness * firms.tidy[row]) * rng.standard_exponential(n)
    paid = setting.days.rolled(_FOLLOWING, submitted + np.minimum(wait, 300).astype(np.int64))
    category = pick(rng, _WEIGHTS, n)
    person = (rng.random(n) * _PEOPLE[firms.size[row]]).astype(np.int64)
    amount = _amount(rng, firms, row, category)
    kept = (rng.random(n) >= fading(firms.leaves_day[row], spent)) & (
        submitted <= setting.as_of_day
    )
    order = np.flatnonzero(kept & (row < n_customers))
    order = order[np.lexsort((spent[order], row[order]))]
    row, paid = row[order], paid[order]
    is_open = paid > setting.as_of_day
    own = firms.number[row]
    return pa.table(
        {
            "claim_id": row_ids("B", own, np.arange(len(own)) - np.searchsorted(row, row)),
            "customer_id": firm_ids(own),
            "claimant": fixed_width(
                [letters(np.zeros(len(own), int), "E"), numbers(person[order], 1)]
            ),
            "date": dates(spent[order]),
            "submitted_date": dates(submitted[order]),
            "paid_date": dates(np.where(is_open, 0, paid), is_open),
            "amount": decimals(amount[order]),
            "currency": coded(firms.currency[row], CURRENCIES),
            "category": coded(category[order], _CATEGORIES),
        }
    )


def _amount(
    rng: np.random.Generator, firms: Firms, row: np.ndarray, category: np.ndarray
) -> np.ndarray:
    """Return hundredths of the firm's currency."""
    currency = firms.currency[row]
    unit = np.array(CURRENCY_UNIT)[currency]
    amount = _TYPICAL[category] * np.exp(0.6 * rng.normal(0, 1, len(row)))
    amount = amount * 100 * np.array(CURRENCY_SCALE)[currency] / unit
    return np.maximum(np.rint(amount), 1).astype(np.int64) * unit
