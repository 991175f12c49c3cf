"""``[finance]``: contracts, orders, payment terms and the four risks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qfb_gpu._config.risks import Orders, Risks
from qfb_gpu._config.strict import Strict

_Rate = Annotated[float, Field(ge=0, le=1)]


class Matching(Strict):
    """Payments that no link names are matched to contracts and orders where at least so sure."""

    confidence: Annotated[float, Field(gt=0, le=1)] = 0.9


class Terms(Strict):
    """What payment terms cost; rates are a year, shares of 1. See docs/payment-terms.md.

    ``buyer_kind`` auto: large where the customers source says so or says nothing, other where it
    says micro, small or medium. ``supplier_failure`` is what being paid after 60 days and not at
    once adds to a supplier's yearly chance of failing; ``failure_cost`` what that costs the buyer,
    as a share of a year's purchases.
    """

    jurisdiction: Literal["CN", "EU", "GB"] = "CN"
    buyer_kind: Literal["auto", "large", "public", "public_agreed", "other"] = "auto"
    policy_cap_days: Annotated[int, Field(ge=0, le=365)] = 60
    cost_of_capital: _Rate = 0.05
    supplier_cost_of_capital: _Rate = 0.08
    pass_through: _Rate = 0.25
    supplier_failure: _Rate = 0.005
    failure_cost: _Rate = 0.30
    discount: _Rate = 0.0
    discount_days: Annotated[int, Field(ge=0, le=365)] = 10
    reference_rate: _Rate = 0.02
    min_payments: Annotated[int, Field(ge=3)] = 6


class Finance(Strict):
    """Contracts, orders, payment terms and the four risks."""

    matching: Matching = Matching()
    terms: Terms = Terms()
    orders: Orders = Orders()
    risks: Risks = Risks()


SECTIONS: dict[str, list[type[Strict]]] = {
    "finance": [Finance],
    "matching": [Matching],
    "terms": [Terms],
    "orders": [Orders],
    "risks": [Risks],
}
"""Each table of this section, by its key: what an unknown key is compared with."""
