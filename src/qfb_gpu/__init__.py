"""qfb_gpu (量化帮): a bank's raw tables in, customer profiles out, on a GPU or a CPU."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
_PUBLIC = {
    "find_streams": "qfb_gpu.api",
    "plot_stream": "qfb_gpu.plot",
}
__all__ = ["__version__", "find_streams", "plot_stream", "prepare", "profile"]


def __getattr__(name: str) -> Any:
    """Import the public functions on first use: ``import qfb_gpu`` stays light."""
    if name in _PUBLIC:
        from importlib import import_module

        return getattr(import_module(_PUBLIC[name]), name)
    if name in ("prepare", "profile"):  # a stage's folder, which is also for notebooks
        from importlib import import_module

        return import_module(f"qfb_gpu.{name}")
    msg = f"module 'qfb_gpu' has no attribute {name!r}; it has {__all__}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    """Return the public names too, used or not: what a notebook completes."""
    return sorted({*globals(), *__all__})
