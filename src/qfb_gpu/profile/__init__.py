"""What a customer is like as of a date: features in blocks, lifecycle stage, tier."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from qfb_gpu.profile.catalog import FEATURES
from qfb_gpu.profile.compute import customer_features
from qfb_gpu.profile.feature import BLOCKS, Feature
from qfb_gpu.profile.monthly import merge_monthly, monthly_totals
from qfb_gpu.profile.regularity import regularity_features
from qfb_gpu.profile.standing import LIFECYCLES, LIFECYCLES_ZH, TIERS, standing

__all__ = [
    "BLOCKS",
    "FEATURES",
    "LIFECYCLES",
    "LIFECYCLES_ZH",
    "TIERS",
    "Feature",
    "customer_features",
    "merge_monthly",
    "monthly_totals",
    "regularity_features",
    "standing",
]


class _Callable(ModuleType):
    """The package, which is also the notebook function ``qfb_gpu.profile(transactions, ...)``."""

    def __call__(self, *arguments: Any, **settings: Any) -> Any:
        """Call :func:`qfb_gpu.api.profile`."""
        return import_module("qfb_gpu.api").profile(*arguments, **settings)


sys.modules[__name__].__class__ = _Callable
