"""One plain body, two compilers, for bodies that call one another.

A body calls its helpers by the names of their twins; :func:`twin` compiles it once with every
helper replaced by its host version and once by its device version.

Compile time: a helper is compiled once for every combination of argument types, a literal
being a type of its own, so bodies keep to int64 and start variables from ``n - n``, not 0.
"""

from __future__ import annotations

from typing import Any

from numba import cuda, njit
from numba.cuda.cudadrv import nvvm

from qfb_kernels.linked import linked

_PACKAGE = __name__.partition(".")[0]


def _as_on_the_host(compile_ir: Any) -> Any:
    """Return NVVM's compiler, which leaves a product and a sum of this package's kernels apart.

    It fuses them to one rounding otherwise, which the host's compiler does not: costs that are
    equal there would differ in the last bit on a device, and another schedule would be chosen.
    """

    def compile_apart(llvmir: Any, **options: Any) -> Any:
        parts = [llvmir] if isinstance(llvmir, str) else llvmir
        own = {"fma": False} if any(_PACKAGE in part for part in parts) else {}
        return compile_ir(llvmir, **own | options)

    return compile_apart


if nvvm.compile_ir is not None:  # the simulator has none
    nvvm.compile_ir = _as_on_the_host(nvvm.compile_ir)


class Twin:
    """The same function for the host (``cpu``) and for a CUDA device (``gpu``).

    Both are for kernels; from Python, call the twin itself.
    """

    def __init__(self, body: Any, cpu: Any, gpu: Any) -> None:
        self.name = body.__name__.lstrip("_")
        self.cpu = cpu
        self.gpu = gpu
        self._host: Any = None

    def __iter__(self) -> Any:
        """Give the host version, then the device's."""
        return iter((self.cpu, self.gpu))

    def __call__(self, *arguments: Any) -> Any:
        """Call the host version from Python; a compiled body never comes here."""
        if self._host is None:
            self._host = njit(error_model="numpy")(getattr(self.cpu, "py_func", self.cpu))
        return self._host(*arguments)


def twin(body: Any, *helpers: Twin, inline: bool = False) -> Twin:
    """Compile ``_name`` for both devices; helpers go by their bodies' names without ``_``.

    ``inline`` puts a small body that hot loops call into its callers on the host, where a call
    with a dozen arguments costs more than it does; a device's compiler does so by itself.
    """
    cpu = linked(_with(body, {helper.name: helper.cpu for helper in helpers}), inline=inline)
    gpu = cuda.jit(device=True)(_with(body, {helper.name: helper.gpu for helper in helpers}))
    return Twin(body, cpu, gpu)


def _with(body: Any, names: dict[str, Any]) -> Any:
    """Return a copy of ``body`` that finds ``names`` before the module's own."""
    scope = {**body.__globals__, **names}
    copy = type(body)(body.__code__, scope, body.__name__, body.__defaults__, body.__closure__)
    copy.__module__ = body.__module__
    copy.__doc__ = body.__doc__
    copy.__qualname__ = body.__qualname__
    return copy
