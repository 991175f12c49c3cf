"""Which bank products customers hold, when each was opened and closed, and which comes next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from qfb_gpu._portfolio.firms import Firms, firm_ids
from qfb_gpu._portfolio.relations import NEVER
from qfb_gpu._portfolio.setting import BLOCK, Part, Setting
from qfb_gpu._portfolio.text import coded, dates

PRODUCTS = ("account", "ebank", "payroll", "card", "wealth", "loan", "guarantee", "factoring",
            "letter_of_credit", "fx", "insurance", "supply_chain_loan")  # fmt: skip
ACCOUNT = PRODUCTS.index("account")
_PER_YEAR = np.array((0, 0.5, 0.16, 0.2, 0.1, 0.09, 0.03, 0.03, 0.02, 0.02, 0.08, 0.05))
_BY_SIZE = np.array((0, 0.1, 0.5, 0.1, 0.2, 0.4, 0.9, 0.8, 1.0, 0.8, 0.2, 0.5))
_CREDIT = np.array((0, 0, 0, 0, 0, 1.0, 1.0, 0.8, 0.5, 0, 0.2, 1.2))
_TRADE = np.array((0, 0, 0, 0, 0, 0, 0.3, 0.8, 1.2, 1.5, 0, 0.3))
_CARE = np.array((0, 0.3, 0.6, 0.5, 1.0, 0, 0, 0, 0, 0, 1.0, 0))
_LIFE_YEARS = 15.0
_YEAR = 365.2425
HORIZON_DAYS = 180
"""How far after as_of the truth looks for the next product."""
_LAST_OPENS_DAYS, _WINDS_DOWN_DAYS = 150, 120


@dataclass(frozen=True, slots=True)
class Holdings:
    """Days on which customers open and close products, shape (BLOCK, n_products) each.

    ``NEVER`` where it does not happen; both may lie after as_of.
    """

    opened: np.ndarray
    closed: np.ndarray


def draw_holdings(setting: Setting, block: int, firms: Firms) -> Holdings:
    """Draw what the customers of a block hold: by size, and by three tastes of each."""
    rng = setting.rng(block, Part.HOLDINGS)
    shape = (BLOCK, len(PRODUCTS))
    tastes = rng.normal(0, 0.9, (3, BLOCK, 1))
    log_rate = _BY_SIZE * (firms.size[:, None] - 0.5)
    log_rate = log_rate + tastes[0] * _CREDIT + tastes[1] * _TRADE + tastes[2] * _CARE
    rate = np.minimum(_PER_YEAR * np.exp(log_rate), 2.0)
    wait = rng.standard_exponential(shape) / np.maximum(rate, 1e-6) * _YEAR
    opened = firms.opened_day[:, None] + np.minimum(wait, NEVER // 4).astype(np.int64)
    leaves = firms.leaves_day[:, None]
    opened = np.where(opened > leaves - _LAST_OPENS_DAYS, NEVER, opened)
    life = rng.standard_exponential(shape) * _LIFE_YEARS * _YEAR + 90
    closed = opened + life.astype(np.int64)
    winds_down = leaves - (rng.random(shape) * _WINDS_DOWN_DAYS).astype(np.int64)
    closed = np.where(leaves < NEVER, np.minimum(closed, winds_down), closed)
    closed = np.where(opened == NEVER, NEVER, closed)
    opened[:, ACCOUNT], closed[:, ACCOUNT] = firms.opened_day, firms.leaves_day
    return Holdings(opened, closed)


def products_table(
    setting: Setting, firms: Firms, holdings: Holdings, n_customers: int
) -> pa.Table:
    """Return the products source: what was opened by as_of."""
    row, product = np.nonzero(holdings.opened[:n_customers] <= setting.as_of_day)
    closed = holdings.closed[row, product]
    held = closed > setting.as_of_day
    return pa.table(
        {
            "customer_id": firm_ids(firms.number[row]),
            "product_id": coded(product, PRODUCTS),
            "opened_date": dates(holdings.opened[row, product]),
            "closed_date": dates(np.where(held, 0, closed), held),
        }
    )


def truth_next_product(
    setting: Setting, firms: Firms, holdings: Holdings, n_customers: int
) -> pa.Table:
    """Return ``truth/next_product``: the first product opened after as_of, null where none is."""
    opened = holdings.opened[:n_customers]
    opened = np.where(opened > setting.as_of_day, opened, NEVER)
    product = np.argmin(opened, axis=1)
    day = opened[np.arange(len(opened)), product]
    none = day > setting.as_of_day + HORIZON_DAYS
    return pa.table(
        {
            "customer_id": firm_ids(firms.number[:n_customers]),
            "product_id": coded(np.where(none, -1, product), PRODUCTS),
            "opened_date": dates(np.where(none, 0, day), none),
        }
    )


def truth_churn(firms: Firms, n_customers: int) -> pa.Table:
    """Return ``truth/churn``: who goes away after as_of, and when."""
    day = firms.churn_day[:n_customers]
    stays = day == 0
    return pa.table(
        {
            "customer_id": firm_ids(firms.number[:n_customers]),
            "churned": ~stays,
            "churn_date": dates(day, stays),
        }
    )
