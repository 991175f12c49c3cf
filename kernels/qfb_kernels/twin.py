"""One plain body, two compilers, for bodies that call one another.

A device function finds its helpers by name in its globals; :func:`twin` gives each of the two
compiled versions the helpers that were compiled the same way.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from numba import cuda, njit


class Twin(NamedTuple):
    """The same function for the host and for a CUDA device."""

    cpu: Any
    gpu: Any


def twin(body: Any, *helpers: Twin) -> Twin:
    """Compile ``body`` for both; each of ``helpers`` goes by the name of its own body."""
    cpu = njit(_with(body, {h.cpu.__name__: h.cpu for h in helpers}))
    gpu = cuda.jit(device=True)(_with(body, {h.cpu.__name__: h.gpu for h in helpers}))
    return Twin(cpu, gpu)


def _with(body: Any, names: dict[str, Any]) -> Any:
    scope = {**body.__globals__, **names}
    copy = type(body)(body.__code__, scope, body.__name__, body.__defaults__, body.__closure__)
    copy.__module__ = body.__module__
    copy.__doc__ = body.__doc__
    copy.__qualname__ = body.__qualname__
    return copy
