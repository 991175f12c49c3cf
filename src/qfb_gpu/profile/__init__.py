"""What a customer is like as of a date: features in blocks, lifecycle stage, tier."""

from __future__ import annotations

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
