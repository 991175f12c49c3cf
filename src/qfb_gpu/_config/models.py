"""``[models]``: churn, next product and the other fitted models."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from qfb_gpu._config.strict import Seed, Strict

_STEP_DAYS = 15


class Churn(Strict):
    """Who will fall silent: what churning means, how far ahead, and the gate of new models.

    ``definition``: ``inactive`` (no payment in the horizon), ``fall`` (fewer than ``fall_share`` of
    the payments expected, surely) or ``auto``. Shares of customers calibrate and test; the gate
    asks ``margin`` more AUC than the champion.
    """

    definition: Literal["auto", "inactive", "fall"] = "auto"
    horizon_days: Annotated[int, Field(ge=30, le=180)] = 90
    fall_share: Annotated[float, Field(gt=0, lt=1)] = 0.7
    calibrate_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    test_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.2
    margin: Annotated[float, Field(ge=0, lt=0.5)] = 0.005
    sample_rows: Annotated[int, Field(ge=1000)] = 200_000
    seed: Seed = 0

    @field_validator("horizon_days")
    @classmethod
    def _whole_bins(cls, value: int) -> int:
        if value % _STEP_DAYS:
            near = max(30, round(value / _STEP_DAYS) * _STEP_DAYS)
            msg = f"{value} days is not a multiple of {_STEP_DAYS}; the nearest is {near}"
            raise ValueError(msg)
        return value


class NextProduct(Strict):
    """Which product comes next: how far ahead, how many are named, and the gate."""

    horizon_days: Annotated[int, Field(ge=30, le=366)] = 180
    n_products: Annotated[int, Field(ge=1, le=20)] = 3
    test_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.2
    margin: Annotated[float, Field(ge=0, lt=0.5)] = 0.005
    sample_rows: Annotated[int, Field(ge=1000)] = 300_000
    seed: Seed = 0


class Models(Strict):
    """Churn, next product and the other fitted models."""

    churn: Churn = Churn()
    next_product: NextProduct = NextProduct()


SECTIONS: dict[str, list[type[Strict]]] = {
    "models": [Models],
    "churn": [Churn],
    "next_product": [NextProduct],
}
"""Each table of this section, by its key: what an unknown key is compared with."""
