"""``[behaviour]``: what customers do alike, learnt from whom they deal with and when."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from qfb_gpu._config.strict import Strict


class Behaviour(Strict):
    """Vectors of parties and customers, and which parties go together.

    A visit is a party that a customer deals with in one period of ``period_days``, of the last
    ``lookback_days``. A party of fewer than ``least_customers`` customers says nothing of others.
    An older visit counts half after ``half_life_days``. At most ``sample_visits`` are fitted on.
    A pair of parties is listed where at least ``least_both`` customers deal with both and its
    q-value is at most ``false_discovery_rate``; parties of more than ``most_share`` of all
    customers are left out of pairs, of which the surest ``n_pairs`` are kept.
    """

    dimensions: Annotated[int, Field(ge=2, le=64)] = 8
    period_days: Annotated[int, Field(ge=7, le=92)] = 30
    lookback_days: Annotated[int, Field(ge=30, le=1100)] = 360
    half_life_days: Annotated[float, Field(gt=0)] = 180.0
    least_customers: Annotated[int, Field(ge=2)] = 3
    sample_visits: Annotated[int, Field(ge=1000)] = 5_000_000
    least_both: Annotated[int, Field(ge=2)] = 5
    most_share: Annotated[float, Field(gt=0, le=1)] = 0.2
    n_pairs: Annotated[int, Field(ge=0, le=100_000)] = 1000
    false_discovery_rate: Annotated[float, Field(gt=0, lt=1)] = 0.01


SECTIONS: dict[str, list[type[Strict]]] = {"behaviour": [Behaviour]}
