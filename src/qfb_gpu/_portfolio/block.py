"""All tables of one block of customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from qfb_gpu._portfolio.drawn import Drawn, draw_link, draw_own
from qfb_gpu._portfolio.firms import Firms, draw_firms
from qfb_gpu._portfolio.kinds import INDUSTRIES, PROVINCES, SIZES
from qfb_gpu._portfolio.ledger_rows import firm_ids, sides, transactions
from qfb_gpu._portfolio.setting import BLOCK
from qfb_gpu._portfolio.text import coded, dates
from qfb_gpu._portfolio.truth import (
    count,
    irregular_table,
    number_streams,
    payments_columns,
    streams_table,
)
from qfb_gpu._portfolio.vocabulary import NAMES

if TYPE_CHECKING:
    from qfb_gpu._portfolio.setting import Setting

_SUFFIXES = (
    "有限公司",
    "贸易有限公司",
    "科技有限公司",
    "实业有限公司",
    "商行",
    "机械厂",
    "餐饮店",
    "建筑工程公司",
)


def block_tables(setting: Setting, block: int, n_customers: int) -> dict[str, pa.Table]:
    """Return the tables of the first ``n_customers`` of a block; truth under ``truth/``."""
    firms = draw_firms(setting, block)
    first = block * BLOCK
    parts = [
        draw_own(setting, block, firms),
        draw_link(setting, block, firms, draw_firms(setting, block + 1)),
    ]
    if block:
        parts.append(draw_link(setting, block - 1, draw_firms(setting, block - 1), firms))
    drawn = Drawn.join(parts)
    side = sides(setting, drawn.relations, drawn.payments, first, n_customers)
    columns = transactions(setting, drawn.relations, drawn.payments, side, first)
    counted = count(drawn)
    streams = number_streams(drawn, counted, first, n_customers)
    return {
        "transactions": pa.table(columns),
        "customers": customers_table(firms).slice(0, n_customers),
        "truth/streams": streams_table(drawn, counted, streams, first),
        "truth/stream_payments": payments_columns(
            drawn, streams, side, columns["txn_id"], columns["customer_id"]
        ),
        "truth/irregular": irregular_table(drawn, first, n_customers),
    }


def customers_table(firms: Firms) -> pa.Table:
    """Return the customers source of one block."""
    number = firms.number
    name = number * 7919 % (len(NAMES) - 1) + 1
    suffix = coded(number // 11 % len(_SUFFIXES), _SUFFIXES).to_pylist()
    brand = coded(name, NAMES).to_pylist()
    names = [f"{first.strip()}{last}" for first, last in zip(brand, suffix, strict=True)]
    return pa.table(
        {
            "customer_id": firm_ids(number),
            "name": pa.array(names, pa.string()),
            "industry": coded(firms.industry, INDUSTRIES),
            "region": coded(firms.province, PROVINCES),
            "size": coded(firms.size, SIZES),
            "opened_date": dates(firms.opened_day),
        }
    )


def truth_customers(firms: Firms) -> pa.Table:
    """Return ``truth/churn``: who went away after as_of, and when."""
    stays = firms.churn_day == 0
    return pa.table(
        {
            "customer_id": firm_ids(firms.number),
            "churned": ~stays,
            "churn_date": dates(np.where(stays, 0, firms.churn_day), stays),
        }
    )
