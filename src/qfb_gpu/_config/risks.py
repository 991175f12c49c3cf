"""``[finance.orders]`` and ``[finance.risks]``: when an order, a firm is at risk."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from qfb_gpu._config.strict import Seed, Strict

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

    default_after_days: Annotated[int, Field(ge=1, le=36_525)] = 60
    alert_share: Share = 0.1
    levels: Annotated[list[Score], Field(min_length=3, max_length=3)] = [15.0, 30.0, 50.0]
    fewest_orders: Annotated[int, Field(ge=50)] = 200
    fewest_late: Annotated[int, Field(ge=10)] = 30
    backtest_dates: Annotated[int, Field(ge=0, le=24)] = 6
    n_clusters: Annotated[int, Field(ge=2, le=50)] = 6
    seed: Seed = 0

    _levels = field_validator("levels")(_ascending)


HALVES: dict[str, float] = {
    "behind_days": 20.0, "unpaid_share": 0.15, "paid_gap": 0.25, "returned_rate": 0.05,
    "cancelled_rate": 0.12, "thin": 0.5,
    "arc": 0.6, "downside": 0.5, "drawdown": 0.4, "trend_break": 0.3, "idle": 0.2,
    "interval": 0.5, "sizes": 0.6, "error": 0.6, "change": 0.3, "bullwhip": 2.0,
    "top_1": 0.5, "hhi": 0.35, "few": 0.2, "growing": 0.2, "supplier_top_1": 0.5,
}  # fmt: skip
"""The value of each part of a risk that is worth 50 of 100 points: see docs/risks.md."""
WEIGHTS: dict[str, float] = {
    "behind_days": 1.0, "unpaid_share": 1.0, "paid_gap": 1.5, "returned_rate": 0.7,
    "cancelled_rate": 1.0, "thin": 0.7,
    "arc": 1.0, "downside": 1.0, "drawdown": 1.0, "trend_break": 0.7, "idle": 1.0,
    "interval": 1.0, "sizes": 0.7, "error": 1.0, "change": 1.0, "bullwhip": 0.5,
    "top_1": 1.0, "hhi": 1.0, "few": 0.7, "growing": 0.3, "supplier_top_1": 0.3,
}  # fmt: skip


class Risks(Strict):
    """The four risks of a customer (风险管理); see docs/risks.md.

    ``halves`` and ``weights`` change only the parts they name. A risk that reaches the level
    ``alert_from`` (1 watch, 2 high, 3 severe) is in ``risk_alerts``, and stays there until its
    score is more than ``alert_margin`` points below.
    """

    levels: Annotated[list[Score], Field(min_length=3, max_length=3)] = [35.0, 50.0, 65.0]
    halves: dict[str, Annotated[float, Field(gt=0)]] = {}
    weights: dict[str, Annotated[float, Field(ge=0)]] = {}
    history_months: Annotated[int, Field(ge=24, le=240)] = 60
    alert_from: Annotated[int, Field(ge=1, le=3)] = 2
    alert_margin: Score = 3.0
    fall: Share = 0.5

    _levels = field_validator("levels")(_ascending)

    @field_validator("halves", "weights")
    @classmethod
    def _known_parts(cls, value: dict[str, float]) -> dict[str, float]:
        unknown = sorted(set(value) - set(HALVES))
        if unknown:
            msg = f"no part of a risk is called {unknown[0]!r}; there are {', '.join(HALVES)}"
            raise ValueError(msg)
        return value

    @property
    def all_halves(self) -> dict[str, float]:
        """The half of every part."""
        return {**HALVES, **self.halves}

    @property
    def all_weights(self) -> dict[str, float]:
        """The weight of every part."""
        return {**WEIGHTS, **self.weights}
