"""What workers of a night need, imported once by the process they are forked from.

Kernels are read from Numba's cache as well, if all are there; none is compiled here, as workers
would wait for it. Nothing here may start a thread: see :mod:`qfb_gpu._cluster.fork_server`.
"""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

from qfb_gpu.starting import importing

MODULES = (
    "distributed.nanny", "qfb_gpu.tasks", "qfb_gpu._pipeline.fitting", "scipy.stats",
    "sklearn.ensemble",
)  # fmt: skip
"""The last two are what fitting takes longest to import."""
_OF_A_DEVICE = ("gpu", "rmm")
"""What Dask's workers tell of a device where RMM is installed: each would ask the driver for it
every second, which these, beside a device that another process drives, have nothing of."""

with suppress(Exception), importing():  # what fails here fails again where it can be told
    for module in MODULES:
        import_module(module)
    from distributed.worker import DEFAULT_METRICS

    for metric in _OF_A_DEVICE:
        DEFAULT_METRICS.pop(metric, None)
    from qfb_gpu._backend import ahead, graphs

    ahead.load()
    graphs.import_igraph()
