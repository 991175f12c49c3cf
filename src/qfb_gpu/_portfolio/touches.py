"""Marketing contacts, and whether the customer answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from qfb_gpu._portfolio.firms import Firms, fading, firm_ids
from qfb_gpu._portfolio.setting import BLOCK, Part, Setting, pick
from qfb_gpu._portfolio.text import coded, dates, row_ids
from qfb_gpu.schema import ROLLS

if TYPE_CHECKING:
    from qfb_gpu._portfolio.holdings import Holdings

_CAMPAIGNS = (
    "开门红",
    "普惠贷款",
    "供应链融资",
    "代发升级",
    "理财季",
    "外汇避险",
    "企业网银",
    "保险保障",
)
_CHANNELS = ("sms", "mail", "call", "app")
_ANSWERS = np.array((0.04, 0.03, 0.14, 0.08))
_PER_YEAR = 4.0
_ANSWER_DAYS = 30
_INTEREST_DAYS = 60
_PRECEDING = ROLLS.index("preceding")


def touches_table(
    setting: Setting, block: int, firms: Firms, holdings: Holdings, n_customers: int
) -> pa.Table:
    """Return the touches source; a contact that may still be answered has no answer (null)."""
    rng = setting.rng(block, Part.TOUCHES)
    begin = np.maximum(firms.opened_day, setting.start_day)
    span = np.maximum(setting.as_of_day - begin, 0)
    row = np.repeat(np.arange(BLOCK), rng.poisson(_PER_YEAR * span / 365.2425))
    n = len(row)
    day = begin[row] + (rng.random(n) * span[row]).astype(np.int64)
    day = np.maximum(setting.days.rolled(_PRECEDING, day), begin[row])
    channel = pick(rng, (5, 3, 1, 4), n)
    ahead = holdings.opened[row] - day[:, None]
    interested = ((ahead > 0) & (ahead <= _INTEREST_DAYS)).any(axis=1)
    eager = np.exp(rng.normal(0, 0.6, BLOCK))[row]
    chance = np.minimum(0.9, _ANSWERS[channel] * eager * np.where(interested, 6.0, 1.0))
    chance = chance * (1.0 - fading(firms.leaves_day[row], day))
    wait = (7 * rng.standard_exponential(n)).astype(np.int64)
    answers = (rng.random(n) < chance) & (wait <= _ANSWER_DAYS)
    campaign = rng.integers(0, len(_CAMPAIGNS), n)
    answered = answers & (day + wait <= setting.as_of_day)
    order = np.flatnonzero(row < n_customers)
    order = order[np.lexsort((day[order], row[order]))]
    row, day, answered = row[order], day[order], answered[order]
    waiting = ~answered & (day + _ANSWER_DAYS > setting.as_of_day)
    own = firms.number[row]
    return pa.table(
        {
            "touch_id": row_ids("M", own, np.arange(len(own)) - np.searchsorted(row, row)),
            "customer_id": firm_ids(own),
            "date": dates(day),
            "campaign": coded(campaign[order], _CAMPAIGNS),
            "channel": coded(channel[order], _CHANNELS),
            "responded": pa.array(answered, mask=waiting),
        }
    )
