"""``[finance.orders]`` and ``[finance.risks]``: when an order, a firm is at risk."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from qfb_gpu._config.strict import Strict

Share = Annotated[float, Field(gt=0, le=1)]
Score = Annotated[float, Field(ge=0, le=100)]


def _ascending(value: list[float]) -> list[float]:
    if value != sorted(value):
        msg = "expected three scores in ascending order: where watch, high and severe begin"
        raise ValueError(msg)
    return value


class Orders(Strict):
    """Which orders will be late, short or never come (订单风险).

    ``default_after_days`` past its due date an order counts as never delivered. ``alert_share`` of
    the open orders are raised as alerts each night. Under ``fewest_orders`` past due, or
    ``fewest_late`` of them late, no model is fitted and an isolation forest ranks the orders.
    """

    default_after_days: Annotated[int, Field(ge=1)] = 60
    alert_share: Share = 0.1
    levels: Annotated[list[Score], Field(min_length=3, max_length=3)] = [15.0, 30.0, 50.0]
    fewest_orders: Annotated[int, Field(ge=50)] = 200
    fewest_late: Annotated[int, Field(ge=10)] = 30
    backtest_dates: Annotated[int, Field(ge=0, le=24)] = 6
    n_clusters: Annotated[int, Field(ge=2, le=50)] = 6
    seed: int = 0

    _levels = field_validator("levels")(_ascending)
