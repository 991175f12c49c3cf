"""The stages, and who implements them: one table for measuring and for testing."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

STAGES = ("read", "streams", "spectrum", "features", "write")
MODULES = {
    "qfb": "engine_core",
    "pandas": "peers.pandas_scipy",
    "polars": "peers.polars_scipy",
    "duckdb": "peers.duckdb_scipy",
}


def stages_of(name: str) -> dict[str, Callable[..., Any]]:
    """Import an implementation and return ``{stage: function}``."""
    module = importlib.import_module(MODULES[name])
    return {stage: getattr(module, stage) for stage in STAGES}
