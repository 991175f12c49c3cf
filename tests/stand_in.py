"""A stand-in for the GPU backend, on the host: it refuses what CuPy would refuse.

``DeviceArray`` wraps a NumPy array and keeps the two worlds apart as CuPy does: no implicit
conversion, no operation between a host array and a device array, reductions give arrays, and
kernels take device arrays of exactly the types that ``qfb_kernels.registry`` says. It also
refuses what CuPy does only at a price (a repeat by counts: one launch an element) or without
a defined result (writing several values to one place).

    rehearsal = stand_in_backend()
    got = stage(on_device(ledger, rehearsal), rehearsal)
"""

from __future__ import annotations

import operator
from dataclasses import fields
from functools import cache

import numpy as np
from numba import typeof
from numba.core import sigutils

from qfb_gpu.backend import Backend, get_backend
from qfb_kernels.registry import KERNELS

# what cupy.ndarray has besides operators; tests/test_stand_in.py compares it with CuPy
METHODS = set(
    "all any argmax argmin argpartition argsort astype choose clip compress conj copy cumprod "
    "cumsum diagonal dot fill flatten imag item max mean min nonzero partition prod put ravel "
    "real reshape round sort squeeze std sum swapaxes take tobytes tolist trace transpose var "
    "view".split()
)
PROPERTIES = {"shape", "dtype", "ndim", "size", "nbytes", "itemsize", "T", "strides", "flags"}
FROM_HOST = {"asarray", "array"}
TAKES_AN_ARRAY = set(
    "append argmax argmin argsort bincount clip cumsum flatnonzero interp isin median nonzero "
    "partition roll round searchsorted sort sum take_along_axis unique where".split()
)
"""Functions that call methods of their first argument, or refuse what is no array of CuPy."""
TAKES_ARRAYS = {"concatenate", "stack"}
TAKES_A_SHAPE = {"arange", "empty", "full", "ones", "zeros"}
ADD_AT_DTYPES = {"int32", "float16", "float32", "float64", "uint32", "uint64"}
MIXED = "a host array and a device array meet; CuPy raises TypeError"


def to_plain(value):
    """Return what NumPy may work with, for what CuPy would take."""
    if isinstance(value, DeviceArray):
        return value.host
    if isinstance(value, np.ndarray):
        raise TypeError(MIXED)
    if isinstance(value, (list, tuple)):
        return type(value)(to_plain(item) for item in value)
    return value


def to_device(value):
    """Return NumPy's answer as CuPy would give it: reductions are arrays, too."""
    if isinstance(value, (np.ndarray, np.generic)):
        return DeviceArray(np.asarray(value))
    if isinstance(value, tuple):
        return tuple(to_device(item) for item in value)
    return value


def refuse_undefined_cast(host, dtype):
    """Refuse a float that is no integer's: x86 gives the smallest one, CUDA 0 or the nearest."""
    if host.dtype.kind != "f" or np.dtype(dtype).kind not in "iu" or not host.size:
        return
    limits = np.iinfo(dtype)
    low, high = float(limits.min), float(limits.max)
    if not ((host >= low) & (host <= high)).all():  # NaN is neither
        msg = f"NaN, infinity or a number too large becomes {np.dtype(dtype)}: a GPU gives another"
        raise ValueError(msg)


def refuse_other_arguments(name, args):
    """Refuse what CuPy's function of that name does not take."""
    if name in TAKES_AN_ARRAY and not isinstance(args[0], (DeviceArray, np.ndarray)):
        msg = f"cupy.{name} takes an array of the device first, got {type(args[0]).__name__}"
        raise TypeError(msg)
    if name == "searchsorted" and isinstance(args[1], np.generic):
        msg = "cupy.searchsorted takes an array or a Python number, no scalar of NumPy"
        raise TypeError(msg)
    if name in TAKES_ARRAYS and not all(isinstance(one, DeviceArray) for one in args[0]):
        msg = f"cupy.{name} takes arrays of the device only"
        raise TypeError(msg)
    if name in TAKES_A_SHAPE:
        sizes = args if name == "arange" else args[:1]
        sizes = sizes[0] if isinstance(sizes[0], tuple) else sizes
        if any(isinstance(one, DeviceArray) for one in sizes):
            msg = f"cupy.{name} takes numbers, not an array of the device"
            raise TypeError(msg)


class DeviceArray:
    """An array that lives on the other side."""

    __slots__ = ("host",)
    __array_ufunc__ = None
    __hash__ = None

    def __init__(self, host):
        self.host = host

    def __array__(self, *_, **__):
        msg = "Implicit conversion to a NumPy array is not allowed; use backend.to_host"
        raise TypeError(msg)

    def __getattr__(self, name):
        if name in PROPERTIES:
            value = getattr(self.host, name)
            return to_device(value) if name == "T" else value
        if name not in METHODS:
            msg = f"cupy.ndarray has no {name!r}"
            raise AttributeError(msg)
        method = getattr(self.host, name)
        if not callable(method):
            return to_device(method)

        def call(*args, **kwargs):
            if name == "astype":
                refuse_undefined_cast(self.host, args[0] if args else kwargs["dtype"])
            answer = method(*to_plain(args), **{k: to_plain(v) for k, v in kwargs.items()})
            return answer if name in ("tolist", "item", "tobytes") else to_device(answer)

        return call

    def get(self):
        return self.host.copy()

    def __getitem__(self, index):
        return to_device(self.host[to_plain(index)])

    def __setitem__(self, index, value):
        index, value = to_plain(index), to_plain(value)
        if isinstance(index, np.ndarray) and index.dtype.kind in "iu" and np.ndim(value):
            self._refuse_a_race(index, value)
        self.host[index] = value

    def _refuse_a_race(self, index, value):
        written = self.host.copy()
        written[index] = value
        again = self.host.copy()
        again[index[::-1]] = np.broadcast_to(value, index.shape + np.shape(value)[1:])[::-1]
        if not np.array_equal(written, again, equal_nan=written.dtype.kind == "f"):
            msg = "several values go to one place; on a GPU any of them may stay"
            raise ValueError(msg)

    def __len__(self):
        return len(self.host)

    def __int__(self):
        return int(self.host)

    def __index__(self):
        return operator.index(self.host)

    def __float__(self):
        return float(self.host)

    def __bool__(self):
        return bool(self.host)

    def __iter__(self):
        msg = "a loop over a device array waits for the device at every element"
        raise TypeError(msg)


def _add_operators():
    def binary(function):
        return lambda self, other: to_device(function(self.host, to_plain(other)))

    def compared(function):
        def method(self, other):
            if type(other) is int and self.host.dtype.kind in "iu":
                self.host.dtype.type(other)  # NumPy compares with any number, CuPy overflows
            return to_device(function(self.host, to_plain(other)))

        return method

    def reflected(function):
        return lambda self, other: to_device(function(to_plain(other), self.host))

    def in_place(function):
        def method(self, other):
            self.host = function(self.host, to_plain(other))
            return self

        return method

    def unary(function):
        return lambda self: to_device(function(self.host))

    for name in ("add sub mul truediv floordiv mod pow and or xor lshift rshift matmul").split():
        function = getattr(operator, f"__{name}__")
        setattr(DeviceArray, f"__{name}__", binary(function))
        setattr(DeviceArray, f"__r{name}__", reflected(function))
        setattr(DeviceArray, f"__i{name}__", in_place(getattr(operator, f"__i{name}__")))
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        setattr(DeviceArray, f"__{name}__", compared(getattr(operator, f"__{name}__")))
    for name in ("neg", "pos", "abs", "invert"):
        setattr(DeviceArray, f"__{name}__", unary(getattr(operator, f"__{name}__")))


_add_operators()


class Ufunc:
    """A ufunc with what CuPy's take."""

    def __init__(self, ufunc):
        self._ufunc = ufunc

    def __call__(self, *args, out=None, dtype=None, casting="same_kind"):
        options = {"casting": casting} if dtype is None else {"casting": casting, "dtype": dtype}
        answer = self._ufunc(*to_plain(args), **options)
        if out is None:
            return to_device(answer)
        out[...] = to_device(answer)
        return out

    def at(self, array, index, values):
        if self._ufunc is not np.add or array.dtype.name not in ADD_AT_DTYPES:
            msg = f"{self._ufunc.__name__}.at takes {sorted(ADD_AT_DTYPES)}, not {array.dtype}"
            raise TypeError(msg)
        self._ufunc.at(array.host, to_plain(index), to_plain(values))


class Linalg:
    """``xp.linalg`` on device arrays only."""

    def __getattr__(self, name):
        def call(*args):
            answer = getattr(np.linalg, name)(*to_plain(args))
            return tuple(map(to_device, answer)) if isinstance(answer, tuple) else to_device(answer)

        return call


class Xp:
    """``xp`` as CuPy is it: NumPy's functions on device arrays only."""

    linalg = Linalg()

    def __getattr__(self, name):
        thing = getattr(np, name)
        if isinstance(thing, np.ufunc):
            return Ufunc(thing)
        if isinstance(thing, type) or not callable(thing):
            return thing

        def call(*args, **kwargs):
            refuse_other_arguments(name, args)
            if name not in FROM_HOST:
                args, kwargs = to_plain(args), {k: to_plain(v) for k, v in kwargs.items()}
            elif isinstance(args[0], DeviceArray):
                args = (args[0].host, *args[1:])
            return to_device(thing(*args, **kwargs))

        return call

    def repeat(self, array, repeats, axis=None):
        if not isinstance(repeats, int):
            msg = "cupy.repeat by counts launches a kernel an element; use backend.repeat"
            raise TypeError(msg)
        return to_device(np.repeat(to_plain(array), repeats, axis))


class StandIn(Backend):
    """The GPU backend's seams over the CPU backend's arithmetic."""

    def asarray(self, array, dtype=None):
        if isinstance(array, DeviceArray):
            return to_device(np.asarray(array.host, dtype=dtype))
        return to_device(np.array(array, dtype=dtype))  # a copy, as to a device

    def to_host(self, array):
        return array.get() if isinstance(array, DeviceArray) else array

    def versions(self):
        return get_backend("cpu").versions()

    def synchronize(self):
        pass

    def memory_budget_bytes(self):
        return 2**22  # small: the stages work in several batches

    def launch(self, cpu, gpu, n_rows, *arrays):
        if n_rows == 0:
            return
        if n_rows < 0 or not isinstance(n_rows, int):
            msg = f"a kernel is launched over a number of rows, got {n_rows!r}"
            raise TypeError(msg)
        name = f"{gpu.__module__.rpartition('.')[2]}.{gpu.__name__}"
        plain = to_plain(arrays)
        for position, (value, wanted) in enumerate(zip(plain, _types(name), strict=True)):
            if typeof(value) != wanted:
                msg = f"{name} takes {wanted} as argument {position}, got {typeof(value)}"
                raise TypeError(msg)
        cpu(*plain)

    def rfft(self, batch):
        return self._on_host("rfft", batch)

    def lexsort(self, keys):
        return self._on_host("lexsort", keys)

    def repeat(self, values, counts):
        return self._on_host("repeat", values, counts)

    def _on_device(self, _library):
        return False  # as where RAPIDS is not installed: the host does its part

    def sparse(self, shape, row, column, values):
        return DeviceSparse(get_backend("cpu").sparse(shape, *to_plain((row, column, values))))

    def _on_host(self, operation, *args, **options):
        return to_device(getattr(get_backend("cpu"), operation)(*to_plain(args), **options))


class DeviceSparse:
    """A sparse matrix of the other side: it takes device arrays, and gives them."""

    def __init__(self, host):
        self._host = host

    def __matmul__(self, other):
        if isinstance(other, DeviceSparse):
            return DeviceSparse(self._host @ other._host)
        return to_device(self._host @ to_plain(other))

    def __getitem__(self, rows):
        return DeviceSparse(self._host[to_plain(rows)])

    def __getattr__(self, name):
        if name in ("data", "indices", "indptr"):
            return to_device(getattr(self._host, name))
        if name == "shape":
            return self._host.shape
        if name == "T":
            return DeviceSparse(self._host.T)
        msg = f"the stages use no {name!r} of a sparse matrix"
        raise AttributeError(msg)


@cache
def _types(name):
    if name not in KERNELS:
        msg = f"{name} is not in qfb_kernels/registry.py"
        raise KeyError(msg)
    return sigutils.normalize_signature(KERNELS[name])[0]


def stand_in_backend():
    """Return the stand-in for the GPU backend."""
    parts = {field.name: None for field in fields(Backend)}
    return StandIn(**(parts | {"name": "gpu", "device": "a stand-in for a GPU", "xp": Xp()}))
