"""A stand-in for the GPU backend, on the host: it refuses what CuPy would refuse.

``DeviceArray`` wraps a NumPy array and keeps the two worlds apart as CuPy does: no implicit
conversion, no operation between a host array and a device array, reductions give arrays, and
kernels take device arrays of exactly the types that ``qfb_kernels.registry`` says. It refuses
what CuPy does at a price (a repeat by counts) or without a defined result (a race), too.

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
from stand_in_rounding import SUMS, absolute, as_on_a_device
from stand_in_rules import (
    ADD_AT_DTYPES,
    FROM_HOST,
    METHODS,
    MIXED,
    PROPERTIES,
    refuse_a_race,
    refuse_other_arguments,
    refuse_other_dtypes,
    refuse_to_sort_nan,
    refuse_undefined_cast,
)
from stand_in_threads import backwards, old_memory

from qfb_gpu.backend import Backend, get_backend
from qfb_kernels.registry import KERNELS

WATCH = None
"""Who counts what the device is asked for: a ``device_counts.Counts``."""
ROUNDS = False
"""Whether last bits are others than on the host: ``stand_in_rounding.py``."""


def noted(name, arguments, answer, again=None):
    """Return the answer of an operation, after telling whoever counts.

    ``again(absolute)`` does a sum with its arguments' absolute values.
    """
    if ROUNDS and isinstance(answer, DeviceArray):
        size = None if again is None or name not in SUMS else again(absolute)
        answer.host = as_on_a_device(name, answer.host, size)
    if WATCH is not None:
        WATCH.operation(name, arguments, answer)
    return answer


def waited():
    """Tell whoever counts that the host waits for a number."""
    if WATCH is not None:
        WATCH.wait()


def copied(n_bytes, *, to_host):
    """Tell whoever counts of a copy."""
    if WATCH is not None:
        WATCH.copied(n_bytes, to_host=to_host)


def to_plain(value):
    """Return what NumPy may work with, for what CuPy would take."""
    if isinstance(value, DeviceArray):
        return value.host
    if isinstance(value, np.ndarray):
        raise TypeError(MIXED)
    if isinstance(value, (list, tuple)):
        return type(value)(to_plain(item) for item in value)
    return value


def is_mask(index):
    """Return whether an index picks by true and false: CuPy counts them, and waits for that."""
    return any(isinstance(one, DeviceArray) and one.dtype == bool for one in as_tuple(index))


def as_tuple(index):
    """Return the parts of an index."""
    return index if isinstance(index, tuple) else (index,)


def to_device(value):
    """Return NumPy's answer as CuPy would give it: reductions are arrays, too."""
    if isinstance(value, (np.ndarray, np.generic)):
        return DeviceArray(np.asarray(value))
    if isinstance(value, tuple):
        return tuple(to_device(item) for item in value)
    return value


class DeviceArray:
    """An array that lives on the other side."""

    __slots__ = ("_counted", "host")
    __array_ufunc__ = None
    __hash__ = None

    def __init__(self, host):
        self.host, self._counted = host, None
        refuse_other_dtypes(host)
        self._counted = None if WATCH is None else (WATCH, WATCH.born(host))

    def __del__(self):
        if self._counted is not None:
            watch, key = self._counted
            watch.died(key)

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
            plain = {k: to_plain(v) for k, v in kwargs.items()}
            refuse_to_sort_nan(name, self.host)
            answer = method(*to_plain(args), **plain)
            if name in ("tolist", "item", "tobytes"):
                copied(self.host.nbytes, to_host=True)
                return answer
            return noted(
                name, (self, *args), to_device(answer),
                lambda to: getattr(to(self.host), name)(*to_plain(args), **plain),
            )  # fmt: skip

        return call

    def get(self):
        copied(self.host.nbytes, to_host=True)
        return self.host.copy()

    def __getitem__(self, index):
        found = to_device(self.host[to_plain(index)])
        if not any(isinstance(part, (DeviceArray, list)) for part in as_tuple(index)):
            return found  # a view, whatever NumPy makes of a single element
        return noted("take by mask" if is_mask(index) else "take", (self, index), found)

    def __setitem__(self, index, value):
        noted("put by mask" if is_mask(index) else "put", (self, index, value), self)
        index, value = to_plain(index), to_plain(value)
        refuse_a_race(self.host, index, value)
        self.host[index] = value

    def __len__(self):
        return len(self.host)

    def __int__(self):
        waited()
        return int(self.host)

    def __index__(self):
        waited()
        return operator.index(self.host)

    def __float__(self):
        waited()
        return float(self.host)

    def __bool__(self):
        waited()
        return bool(self.host)

    def __iter__(self):
        msg = "a loop over a device array waits for the device at every element"
        raise TypeError(msg)


def _add_operators():
    def binary(function):
        def method(self, other):
            answer = to_device(function(self.host, to_plain(other)))
            again = lambda to: function(to(self.host), to(to_plain(other)))  # noqa: E731
            return noted(function.__name__, (self, other), answer, again)

        return method

    def compared(function):
        def method(self, other):
            if type(other) is int and self.host.dtype.kind in "iu":
                self.host.dtype.type(other)  # NumPy compares with any number, CuPy overflows
            answer = to_device(function(self.host, to_plain(other)))
            return noted(function.__name__, (self, other), answer)

        return method

    def reflected(function):
        def method(self, other):
            answer = to_device(function(to_plain(other), self.host))
            return noted(function.__name__, (other, self), answer)

        return method

    def in_place(function):
        def method(self, other):
            self.host = function(self.host, to_plain(other))
            return noted("in place", (self, other), self)

        return method

    def unary(function):
        return lambda self: noted(function.__name__, (self,), to_device(function(self.host)))

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
        answer = noted(self._ufunc.__name__, args, to_device(answer))
        if out is None:
            return answer
        out.host[...] = answer.host
        return out

    def at(self, array, index, values):
        if self._ufunc is not np.add or array.dtype.name not in ADD_AT_DTYPES:
            msg = f"{self._ufunc.__name__}.at takes {sorted(ADD_AT_DTYPES)}, not {array.dtype}"
            raise TypeError(msg)
        noted("add.at", (array, index, values), array)
        self._ufunc.at(array.host, to_plain(index), to_plain(values))


class Linalg:
    """``xp.linalg`` on device arrays only."""

    def __getattr__(self, name):
        def call(*args):
            answer = getattr(np.linalg, name)(*to_plain(args))
            whole = to_device(tuple(answer) if isinstance(answer, tuple) else answer)
            return noted(f"linalg.{name}", args, whole)

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
            refuse_other_arguments(name, args, kwargs.get("axis"), DeviceArray)
            given, plain = args, {k: to_plain(v) for k, v in kwargs.items()}
            if name not in FROM_HOST:
                args = to_plain(args)
            elif isinstance(args[0], DeviceArray):
                args = (args[0].host, *args[1:])
            answer = to_device(thing(*args, **plain))
            if name in FROM_HOST and not isinstance(given[0], DeviceArray):
                copied(answer.host.nbytes, to_host=False)
                return answer
            refuse_to_sort_nan(name, args[0] if args else None)
            again = lambda to: thing(*to(args), **to(plain))  # noqa: E731
            return noted(name, (*given, *kwargs.values()), answer, again)

        return call

    def empty(self, shape, dtype="float64"):
        refuse_other_arguments("empty", (shape,), None, DeviceArray)
        return noted("empty", (shape,), to_device(old_memory(shape, dtype)))

    def empty_like(self, array, dtype=None):
        host = to_plain(array)
        return self.empty(host.shape, host.dtype if dtype is None else dtype)

    def repeat(self, array, repeats, axis=None):
        if not isinstance(repeats, int):
            msg = "cupy.repeat by counts launches a kernel an element; use backend.repeat"
            raise TypeError(msg)
        return noted("repeat", (array,), to_device(np.repeat(to_plain(array), repeats, axis)))


class StandIn(Backend):
    """The GPU backend's seams over the CPU backend's arithmetic."""

    def asarray(self, array, dtype=None):
        if isinstance(array, DeviceArray):
            return noted("astype", (array,), to_device(np.asarray(array.host, dtype=dtype)))
        there = to_device(np.array(array, dtype=dtype))  # a copy, as to a device
        copied(there.host.nbytes, to_host=False)
        return there

    def to_host(self, array):
        return array.get() if isinstance(array, DeviceArray) else array

    def all_to_host(self, arrays):
        there = [array.host for array in arrays if isinstance(array, DeviceArray)]
        if there:
            copied(sum(host.nbytes for host in there), to_host=True)
        return [a.host.copy() if isinstance(a, DeviceArray) else np.asarray(a) for a in arrays]

    def versions(self):
        return get_backend("cpu").versions()

    def synchronize(self):
        pass

    def host_scratch(self, n_rows, width):
        return to_device(old_memory((n_rows, width), "int32"))  # the host's body runs here

    def memory_budget_bytes(self):
        return 2**22  # small: the stages work in several batches

    def payments_a_bucket(self):
        return 2**22

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
        if WATCH is not None:
            WATCH.kernel(name, arrays)
        backwards(cpu, plain)

    def rfft(self, batch):
        return self._on_host("rfft", batch)

    def lexsort(self, keys):
        return self._on_host("lexsort", keys)

    def repeat(self, values, counts):
        return self._on_host("repeat", values, counts)

    def _on_device(self, _library, _size):
        return False  # as where RAPIDS is not installed: the host does its part

    def sparse(self, shape, row, column, values):
        from stand_in_sparse import DeviceSparse

        return DeviceSparse(get_backend("cpu").sparse(shape, *to_plain((row, column, values))))

    def _on_host(self, operation, *args, **options):
        answer = to_device(getattr(get_backend("cpu"), operation)(*to_plain(args), **options))
        return noted(f"backend.{operation}", args, answer)


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
