"""What a customer is like as of a date: features in blocks, lifecycle stage, tier.

In a notebook the package is a function: ``qfb_gpu.profile(transactions, as_of=...)`` returns one
row of features per customer, as the kind of table that came in. Its parameters are those of
:func:`qfb_gpu.find_streams`; ``help(qfb_gpu.api.profile)`` has them.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from qfb_gpu.profile.catalog import FEATURES
from qfb_gpu.profile.claims import claims_features
from qfb_gpu.profile.compute import customer_features, main_currency
from qfb_gpu.profile.contracts import contracts_features, contracts_paid_features
from qfb_gpu.profile.feature import BLOCKS, Feature
from qfb_gpu.profile.journey import journey_features, visits_in_order
from qfb_gpu.profile.marketing import marketing_features
from qfb_gpu.profile.mix import mix_features
from qfb_gpu.profile.monthly import add_monthly, merge_monthly, monthly_of, monthly_totals
from qfb_gpu.profile.products import products_features
from qfb_gpu.profile.purchases import LIFETIME, purchase_history
from qfb_gpu.profile.regularity import regularity_features
from qfb_gpu.profile.standing import (
    LIFECYCLES,
    LIFECYCLES_ZH,
    MEASURES,
    STAGES,
    TIERS,
    lifecycle,
    standing,
    tier,
)
from qfb_gpu.profile.terms import terms_features

__all__ = [
    "BLOCKS",
    "FEATURES",
    "LIFECYCLES",
    "LIFECYCLES_ZH",
    "LIFETIME",
    "MEASURES",
    "STAGES",
    "TIERS",
    "Feature",
    "add_monthly",
    "claims_features",
    "contracts_features",
    "contracts_paid_features",
    "customer_features",
    "journey_features",
    "lifecycle",
    "main_currency",
    "marketing_features",
    "merge_monthly",
    "mix_features",
    "monthly_of",
    "monthly_totals",
    "products_features",
    "purchase_history",
    "regularity_features",
    "standing",
    "terms_features",
    "tier",
    "visits_in_order",
]


class _Callable(ModuleType):
    """The package, which is also the notebook function ``qfb_gpu.profile(transactions, ...)``."""

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        """Call :func:`qfb_gpu.api.profile`."""
        return import_module("qfb_gpu.api").profile(*arguments, **settings)


sys.modules[__name__].__class__ = _Callable
