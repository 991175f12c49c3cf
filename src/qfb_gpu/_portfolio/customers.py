"""The customers source."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from qfb_gpu._portfolio.firms import firm_ids
from qfb_gpu._portfolio.kinds import INDUSTRIES, PROVINCES, SIZES
from qfb_gpu._portfolio.text import coded, dates
from qfb_gpu._portfolio.vocabulary import NAMES

if TYPE_CHECKING:
    from qfb_gpu._portfolio.firms import Firms

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


def customers_table(firms: Firms, n_customers: int) -> pa.Table:
    """Return the customers source of the first customers of a block."""
    number = firms.number
    name = number * 7919 % (len(NAMES) - 1) + 1
    suffix = coded(number // 11 % len(_SUFFIXES), _SUFFIXES).to_pylist()
    brand = coded(name, NAMES).to_pylist()
    names = [f"{first.strip()}{last}" for first, last in zip(brand, suffix, strict=True)]
    table = pa.table(
        {
            "customer_id": firm_ids(number),
            "name": pa.array(names, pa.string()),
            "industry": coded(firms.industry, INDUSTRIES),
            "region": coded(firms.province, PROVINCES),
            "size": coded(firms.size, SIZES),
            "opened_date": dates(firms.opened_day),
        }
    )
    return table.slice(0, n_customers)
