"""What work would cost on a device, counted on the stand-in: operations, launches, waits, bytes.

How many launches an operation of CuPy makes, and where it waits for the device to know the size
of its answer, is read from the source of CuPy 14.2 (:data:`CUPY`). Bytes are those of an
operation's arrays, each once: what has to move at least. Memory is what the arrays hold; what a
library takes beside them for a moment (a sort does) is not seen.

    with counted() as counts:
        stage(on_device(ledger, backend), backend)
    counts.row(); counts.waits
"""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import numpy as np
import stand_in

_ENGINE = str(Path(stand_in.get_backend.__code__.co_filename).parent)

CUPY = {
    "empty": (0, 0), "empty_like": (0, 0), "full": (1, 0), "zeros": (1, 0), "arange": (1, 0),
    "take by mask": (6, 1), "put by mask": (7, 1), "put": (2, 0),
    "nonzero": (5, 1), "flatnonzero": (5, 1), "compress": (6, 1),
    "sort": (11, 0), "argsort": (13, 0), "partition": (11, 0), "median": (15, 0),
    "unique": (20, 1), "bincount": (8, 2), "searchsorted": (2, 0), "isin": (12, 0),
    "cumsum": (2, 0), "stack": (3, 0), "append": (2, 0), "roll": (3, 0), "interp": (4, 0),
    "take_along_axis": (4, 0), "backend.rfft": (3, 0), "mean": (2, 0), "std": (5, 0),
    "backend.repeat": (6, 1),
}  # fmt: skip
"""Operation to (launches, waits); any other is one launch and no wait.

A sort of 8-byte keys is a radix sort of 8 passes. ``bincount`` looks at the smallest and at the
largest value on the host. A mask, read or written through, is summed up and the sum fetched.
"""


@dataclass
class Counts:
    """What was counted so far.

    Attributes
    ----------
    operations, kernels : Counter of name
        Calls that go to the device; kernels of the engine.
    arguments : int, arrays given to kernels: Numba wraps each anew
    waits : Counter of (file, line)
        Where the host waits for the device.
    to_device, to_host, moved : int, bytes
        Copied over PCIe; read and written by operations and kernels on the device.
    peak : int, bytes that arrays held at most
    compiled : set of (operation, types)
        What CuPy compiles at first use: one module each.
    transforms : set of samples a row
    """

    operations: Counter = field(default_factory=Counter)
    kernels: Counter = field(default_factory=Counter)
    waits: Counter = field(default_factory=Counter)
    places: Counter = field(default_factory=Counter)
    launches: int = 0
    arguments: int = 0
    to_device: int = 0
    to_host: int = 0
    moved: int = 0
    peak: int = 0
    compiled: set = field(default_factory=set)
    transforms: set = field(default_factory=set)
    signatures: set = field(default_factory=set)
    _live: dict = field(default_factory=dict)
    _now: int = 0

    def row(self):
        """Return the counts as plain numbers."""
        return {
            "operations": self.operations.total(),
            "launches": self.launches,
            "kernels": self.kernels.total(),
            "arguments": self.arguments,
            "waits": self.waits.total(),
            "to_device": self.to_device,
            "to_host": self.to_host,
            "moved": self.moved,
            "peak": self.peak,
            "compiled": len(self.compiled),
            "transforms": len(self.transforms),
        }

    def operation(self, name, arguments, answer):
        """Count an operation; one whose answer is a view of an argument costs nothing."""
        given = list(_arrays(arguments))
        made = list(_arrays((answer,)))
        if name in UFUNCS and made:
            types = " ".join(_type_of(one) for one in arguments)
            self.signatures.add(f"{UFUNCS[name]} {types} -> {made[0].dtype}")
        owners = {id(_owner(one.host)) for one in given}
        if made and name not in _IN_PLACE and all(id(_owner(o.host)) in owners for o in made):
            return
        launches, waits = _cost(name, arguments)
        self.launches += launches
        self.operations[name] += 1
        self.places[_place()] += 1
        if name == "backend.rfft":
            self.transforms.add(given[0].shape[1])
        if waits:
            self.waits[_place()] += waits
        self.moved += _bytes((*given, *made))
        types = tuple(str(one.dtype) for one in (*given, *made))
        if launches:
            self.compiled.add((name, *types))

    def kernel(self, name, arrays):
        """Count a launch of one of the engine's kernels."""
        self.kernels[name] += 1
        self.arguments += len(list(_arrays(arrays)))
        self.launches += 1
        self.places[_place()] += 1
        self.moved += _bytes(_arrays(arrays))

    def wait(self):
        """Count that the host waits for a number."""
        self.waits[_place()] += 1

    def copied(self, n_bytes, *, to_host):
        """Count a copy over PCIe; the host waits for one that comes."""
        if to_host:
            self.to_host += n_bytes
            self.wait()
        else:
            self.to_device += n_bytes
            self.operations["copy to device"] += 1

    def born(self, host):
        """Count an array's memory, once for all its views."""
        owner = _owner(host)
        key = id(owner)
        n = self._live.get(key, (0, owner))[0]
        if not n:
            self._now += owner.nbytes
            self.peak = max(self.peak, self._now)
        self._live[key] = (n + 1, owner)
        return key

    def died(self, key):
        """Count that a view, or the last of an array, is gone."""
        n, owner = self._live.get(key, (0, None))
        if n == 1:
            self._now -= owner.nbytes
            del self._live[key]
        elif n:
            self._live[key] = (n - 1, owner)


OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide",
    "floordiv": "floor_divide", "mod": "remainder", "pow": "power", "and_": "bitwise_and",
    "or_": "bitwise_or", "xor": "bitwise_xor", "lshift": "left_shift", "rshift": "right_shift",
    "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater",
    "ge": "greater_equal", "neg": "negative", "invert": "invert", "abs": "absolute",
}  # fmt: skip
UFUNCS = OPERATORS | {
    name: name
    for name, one in vars(np).items()
    if isinstance(one, np.ufunc) and one.__name__ == name and not one.signature
}
"""Name of an operation to CuPy's name of its ufunc."""


def _type_of(value):
    return str(value.dtype) if hasattr(value, "dtype") else type(value).__name__


_IN_PLACE = {"put", "put by mask", "in place", "add.at"}


@contextmanager
def counted():
    """Count what the stand-in is asked for while the block runs."""
    counts = Counts()
    with mock.patch.object(stand_in, "WATCH", counts):
        yield counts


def _cost(name, arguments):
    if (
        name == "backend.lexsort"
    ):  # a stable radix sort a key, and two gathers for each after the first
        n_keys = len(arguments[0])
        return 15 * n_keys - 2, 0
    if name == "where" and len(arguments) == 1:
        name = "nonzero"
    launches, waits = CUPY.get(name, (1, 0))
    return launches, waits


def _arrays(values):
    for value in values:
        if isinstance(value, stand_in.DeviceArray):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _arrays(value)


def _bytes(arrays):
    return sum({id(one.host): one.host.nbytes for one in arrays}.values())


def _owner(host):
    while isinstance(host.base, np.ndarray):
        host = host.base
    return host


def _place():
    """Return file and line of the engine that asked."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(_ENGINE) and not name.endswith(("/backend.py",)):
            return f"{name[len(_ENGINE) + 1 :]}:{frame.f_lineno}"
        frame = frame.f_back
    return "elsewhere"
