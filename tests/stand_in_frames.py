"""Stand-ins for a cuDF Series, Index and DataFrame on the host: only the methods that are used.

They refuse what cuDF refuses, an implicit conversion to NumPy above all;
tests/test_prepare_cases.py compares their methods with cuDF's where that is installed.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
from stand_in import DeviceArray, to_plain

SERIES = ("to_arrow", "from_arrow", "factorize", "take", "index", "name")
FRAME = ("from_arrow", "columns", "take", "copy", "drop", "index")
INDEX = ("to_arrow",)


class _Refuses:
    __hash__ = None

    def __array__(self, *_, **__):
        msg = "Implicit conversion to a host NumPy array is not allowed; use to_arrow"
        raise TypeError(msg)

    def __iter__(self):
        msg = "a column on a device is not iterable; use to_arrow"
        raise TypeError(msg)


class DeviceIndex(_Refuses):
    """Labels on the other side."""

    def __init__(self, values):
        self._values = values

    def to_arrow(self):
        return self._values

    def __len__(self):
        return len(self._values)


class DeviceSeries(_Refuses):
    """A column on the other side."""

    def __init__(self, values, index=None, name=None):
        self._values = values
        self._index = index or DeviceIndex(pa.array(range(len(values)), pa.int64()))
        self.name = name

    @classmethod
    def from_arrow(cls, values):
        assert isinstance(values, pa.Array), "Series.from_arrow takes an array"
        return cls(values)

    @property
    def index(self):
        return self._index

    @index.setter
    def index(self, index):
        assert len(index) == len(self._values), "an index as long as the column"
        self._index = index

    def to_arrow(self):
        return self._values

    def factorize(self, *, sort=False, use_na_sentinel=True):
        assert not sort
        assert use_na_sentinel
        coded = self._values.dictionary_encode()
        codes = np.asarray(coded.indices.fill_null(-1), np.int64)
        return DeviceArray(codes), DeviceIndex(coded.dictionary)

    def take(self, indices):
        rows = pa.array(to_plain(indices) if isinstance(indices, DeviceArray) else indices)
        return DeviceSeries(self._values.take(rows), DeviceIndex(self._index.to_arrow().take(rows)))

    def __len__(self):
        return len(self._values)


class DeviceFrame(_Refuses):
    """A table on the other side."""

    def __init__(self, columns=None, index=None):
        self._columns = dict(columns or {})
        n_rows = len(next(iter(self._columns.values()), ()))
        self.index = index or DeviceIndex(pa.array(range(n_rows), pa.int64()))

    @classmethod
    def from_arrow(cls, table):
        return cls({n: table.column(n).combine_chunks() for n in table.column_names})

    @property
    def columns(self):
        return pd.Index(list(self._columns))

    def __getitem__(self, name):
        return DeviceSeries(self._columns[name], self.index, name)

    def __setitem__(self, name, series):
        assert isinstance(series, DeviceSeries)
        assert series.index.to_arrow().equals(self.index.to_arrow()), "it would be aligned"
        self._columns[name] = series.to_arrow()

    def copy(self, *, deep=True):
        assert not deep
        return DeviceFrame(self._columns, self.index)

    def take(self, indices):
        rows = pa.array(indices)
        columns = {name: column.take(rows) for name, column in self._columns.items()}
        return DeviceFrame(columns, DeviceIndex(self.index.to_arrow().take(rows)))

    def drop(self, *, columns):
        return DeviceFrame({n: c for n, c in self._columns.items() if n not in columns}, self.index)

    def __len__(self):
        return len(self.index)
