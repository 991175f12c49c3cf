"""Features of digital visits: how often, how lately, and how far they go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.profile.feature import Feature, balance, declared, ratio
from qfb_gpu.profile.grouped import (
    WINDOWS,
    YEAR,
    count_by,
    grouped,
    since,
    starts,
    total_by,
    within,
)

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import SourceRows

_QUARTER = 90


def _row(name: str, unit: str, words: str, words_zh: str, dtype: Any = "float64") -> Feature:
    return Feature(f"journey_{name}", unit, words, words_zh, dtype, "events")


JOURNEY = (
    *(
        _row(
            f"n_visits_{days}d", "visits",
            f"visits that began in the last {days} days; a visit is the steps of one session_id, "
            f"or "
            "of one day where there is none",
            f"最近{days}天开始的访问次数"
            "（一次访问为同一session_id的步骤，没有则为同一天的步骤）", "int64",
        )
        for days in WINDOWS
    ),
    _row("days_since_visit", "days", "as-of day less the first day of the last visit; null: none",
         "截止日距最近一次访问首日的天数（没有为空）"),
    _row("days_since_apply", "days",
         "as-of day less the first day of the last visit with an application step; null: none",
         "截止日距最近一次有申请步骤的访问首日的天数（没有为空）"),
    _row("steps_per_visit_365d", "steps",
         "steps of the visits that began in the last 365 days / those visits",
         "最近365天开始的访问的步骤数 ÷ 访问次数"),
    _row("n_applied_365d", "visits", "visits with an application step, last 365 days",
         "最近365天有申请步骤的访问次数", "int64"),
    _row("conversion_365d", "share",
         "visits with a view step and an application step / visits with a view step, last 365 days",
         "最近365天同时有浏览和申请步骤的访问 ÷ 有浏览步骤的访问"),
    _row("completion_365d", "share",
         "visits with an application step and a submission / visits with an application step, "
         "last 365 days",
         "最近365天同时有申请和提交步骤的访问 ÷ 有申请步骤的访问"),
    _row("n_left_90d", "visits",
         "visits of the last 90 days with an application step and no submission",
         "最近90天有申请而无提交步骤的访问次数", "int64"),
    _row("n_channels_365d", "channels", "distinct channels of the visits of the last 365 days",
         "最近365天使用的渠道数", "int64"),
    _row("visits_quarter", "score",
         "(a - b) / (a + b): visits of the last 90 days a, of the 90 before them b",
         "最近90天与之前90天访问次数之差 ÷ 两者之和"),
)  # fmt: skip


def visits_in_order(customer: Any, day: Any, session_key: Any, backend: Backend) -> tuple[Any, Any]:
    """Return an order of steps, visit by visit, and where in it each visit begins.

    A visit is the steps of a customer with one session, or on one day where there is none. Two
    customers' visits are two, though their sessions have one number.

    Parameters
    ----------
    customer : int32 array, shape (n_steps,)
    day : int32 array, shape (n_steps,)
    session_key : int64 array, shape (n_steps,)
        0: none.

    Returns
    -------
    order : int64 array, shape (n_steps,)
        By customer and visit; within a visit by day.
    is_new : bool array, shape (n_steps,)
    """
    visit = backend.xp.where(session_key == 0, day.astype("int64"), session_key)
    order = backend.lexsort((customer, visit, day))
    return order, starts(customer[order], visit[order], backend)


def journey_features(
    events: SourceRows,
    n_customers: int,
    as_of_day: int,
    backend: Backend,
    *,
    steps: dict[str, tuple[str, ...]],
) -> dict[str, Any]:
    """Return what :data:`JOURNEY` declares, a value per customer of the ledger.

    Parameters
    ----------
    events : SourceRows
        None later than ``as_of_day``.
    n_customers, as_of_day : int
    steps : dict of ``view``, ``apply``, ``submit`` to labels of ``step``
        Only days are known of a step, so a visit converts where it has both.
    """
    xp = backend.xp
    rows = grouped(events, n_customers, as_of_day, backend)
    day = rows.column("date")
    order, is_new = visits_in_order(rows.customer, day, rows.key("session"), backend)
    customer, first_day = rows.customer[order], day[order]
    number = xp.cumsum(is_new) - 1
    n_visits = int(is_new.sum())
    has = {
        name: count_by(number[rows.is_one_of("step", labels)[order]], n_visits, backend) > 0
        for name, labels in steps.items()
    }
    customer, first_day = customer[is_new], first_day[is_new]
    size = count_by(number, n_visits, backend)
    age = as_of_day - first_day.astype("int64")

    def count(holds: Any) -> Any:
        return count_by(customer[holds], n_customers, backend)

    year = within(age, YEAR)
    n_steps = total_by(customer, xp.where(year, size, 0), n_customers, backend)
    visits = {f"n_visits_{days}d": count(within(age, days)) for days in WINDOWS}
    viewed, applied = count(year & has["view"]), count(year & has["apply"])
    far = {
        "conversion_365d": ratio(count(year & has["view"] & has["apply"]), viewed, xp),
        "completion_365d": ratio(count(year & has["apply"] & has["submit"]), applied, xp),
        "n_left_90d": count(within(age, _QUARTER) & has["apply"] & ~has["submit"]),
    }
    is_step, channel = within(rows.age("date"), YEAR), rows.column("channel")
    before = count(within(age - _QUARTER, _QUARTER))
    apply_day = xp.where(has["apply"], first_day, NULL_DAY)
    found = visits | {
        **far,
        "days_since_visit": since(first_day, customer, n_customers, as_of_day, backend),
        "days_since_apply": since(apply_day, customer, n_customers, as_of_day, backend),
        "steps_per_visit_365d": ratio(n_steps, visits["n_visits_365d"], xp),
        "n_applied_365d": applied,
        "n_channels_365d": rows.n_distinct(channel, is_step & (channel >= 0)),
        "visits_quarter": balance(visits["n_visits_90d"], before, xp),
    }
    return declared(found, JOURNEY, backend)
