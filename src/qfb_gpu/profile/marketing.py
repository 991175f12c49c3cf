"""Features of marketing contacts and of what they brought.

The response rate here is the customer's own; the one that is shrunk to what customers do
needs all of them: :mod:`qfb_gpu.models.response`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.profile.feature import Feature, declared, ratio
from qfb_gpu.profile.grouped import WINDOWS, YEAR, grouped, within

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import SourceRows


def _row(name: str, unit: str, words: str, words_zh: str, dtype: Any = "float64") -> Feature:
    return Feature(f"marketing_{name}", unit, words, words_zh, dtype, "touches")


SHRUNK = _row(
    "response_rate_shrunk", "share",
    "(responses + a) / (contacts whose answer is known + a + b), all time; a, b: the beta-binomial "
    "of all customers, by maximum likelihood",
    "（响应次数＋a）÷（已知结果的触达次数＋a＋b），全部时间；"
    "a、b为全体客户的贝塔-二项分布（最大似然）",
)  # fmt: skip
MARKETING = (
    *(
        _row(f"n_contacts_{days}d", "contacts", f"contacts of the last {days} days",
             f"最近{days}天触达次数", "int64")
        for days in WINDOWS
    ),
    _row("n_responses_365d", "responses",
         "answered contacts of the last 365 days; an answer is known 30 days after the contact",
         "最近365天有响应的触达次数（触达满30天后结果可知）", "int64"),
    _row("response_rate_365d", "share",
         "answered contacts / contacts whose answer is known, both of the last 365 days",
         "最近365天有响应的触达 ÷ 已知结果的触达"),
    _row("n_known", "contacts", "contacts of all time whose answer is known",
         "已知结果的触达次数（全部时间）", "int64"),
    _row("n_responses", "responses", "answered contacts of all time",
         "有响应的触达次数（全部时间）", "int64"),
    _row("days_since_contact", "days", "as-of day less the day of the last contact; null: none",
         "截止日距最近一次触达的天数（没有为空）"),
    _row("days_since_response", "days",
         "as-of day less the day of the last contact known to be answered; null: none",
         "截止日距最近一次有响应的触达的天数（没有为空）"),
)  # fmt: skip


def marketing_features(
    touches: SourceRows, n_customers: int, as_of_day: int, backend: Backend
) -> dict[str, Any]:
    """Return what :data:`MARKETING` declares, a value per customer of the ledger.

    Parameters
    ----------
    touches : SourceRows
        ``responded`` is 1, 0 or -1 (not known yet).
    """
    xp = backend.xp
    rows = grouped(touches, n_customers, as_of_day, backend)
    age, responded = rows.age("date"), rows.column("responded")
    year = within(age, YEAR)
    answered, known = responded == 1, responded >= 0
    day = rows.column("date")
    found = {
        **rows.in_windows("n_contacts", age, age >= 0),
        "n_responses_365d": rows.count(year & answered),
        "response_rate_365d": ratio(rows.count(year & answered), rows.count(year & known), xp),
        "n_known": rows.count(known),
        "n_responses": rows.count(answered),
        "days_since_contact": rows.since(day),
        "days_since_response": rows.since(xp.where(answered, day, NULL_DAY)),
    }
    return declared(found, MARKETING, backend)
