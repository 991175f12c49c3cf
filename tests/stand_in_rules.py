"""What CuPy has and takes, by name: the stand-in refuses the rest."""

import numpy as np

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
NO_ROWS = "cupy.cumsum along an axis launches no block, and fails, where there are no rows"
IN_ORDER = set("argsort partition sort median unique searchsorted".split())
"""What sorts, or asks where something is among sorted numbers."""
KINDS = "biufc"
"""Of dtypes that CuPy has: no texts, objects, dates, or records."""
MIXED = "a host array and a device array meet; CuPy raises TypeError"


def refuse_undefined_cast(host, dtype):
    """Refuse a float that is no integer's: x86 gives the smallest one, CUDA 0 or the nearest."""
    if host.dtype.kind != "f" or np.dtype(dtype).kind not in "iu" or not host.size:
        return
    limits = np.iinfo(dtype)
    low, high = float(limits.min), float(limits.max)
    if not ((host >= low) & (host <= high)).all():  # NaN is neither
        msg = f"NaN, infinity or a number too large becomes {np.dtype(dtype)}: a GPU gives another"
        raise ValueError(msg)


def refuse_to_sort_nan(name, values):
    """Refuse to sort NaN: CuPy sorts floats by their bits, where one with a sign comes first.

    Of a division of zeros that sign is set, on x86 as in CUDA, and that of ``nan`` itself is not.
    """
    if name in IN_ORDER and _kind(values) == "f" and np.isnan(values).any():
        msg = f"cupy.{name} of NaN: a GPU puts some of them first, some last; leave them out before"
        raise ValueError(msg)


def refuse_other_dtypes(host):
    """Refuse an array that CuPy cannot hold."""
    if host.dtype.kind not in KINDS:
        msg = f"CuPy has no {host.dtype}"
        raise TypeError(msg)


def refuse_a_race(host, index, value):
    """Refuse to write several values to one place: on a GPU any of them may stay."""
    parts = index if isinstance(index, tuple) else (index,)
    fancy = [part for part in parts if isinstance(part, np.ndarray) and part.dtype.kind in "iu"]
    if not fancy or not np.ndim(value):
        return
    places = np.arange(host.size).reshape(host.shape)[index]
    values = np.broadcast_to(value, places.shape).astype(host.dtype).ravel()
    order = np.argsort(places.ravel(), kind="stable")
    place, values = places.ravel()[order], values[order]
    same = (values[1:] == values[:-1]) | ((values[1:] != values[1:]) & (values[:-1] != values[:-1]))
    if ((place[1:] == place[:-1]) & ~same).any():
        msg = "several values go to one place; on a GPU any of them may stay"
        raise ValueError(msg)


def refuse_other_arguments(name, args, axis, device):
    """Refuse what CuPy's function of that name does not take; ``device``: its arrays' class."""
    if name in TAKES_AN_ARRAY and not isinstance(args[0], (device, np.ndarray)):
        msg = f"cupy.{name} takes an array of the device first, got {type(args[0]).__name__}"
        raise TypeError(msg)
    if name == "searchsorted" and isinstance(args[1], np.generic):
        msg = "cupy.searchsorted takes an array or a Python number, no scalar of NumPy"
        raise TypeError(msg)
    if name == "searchsorted" and {_kind(args[0]), _kind(args[1])} == {"i", "u"}:
        msg = "cupy.searchsorted: numbers with and without a sign are compared as unsigned"
        raise TypeError(msg)
    if name in TAKES_ARRAYS and not all(isinstance(one, device) for one in args[0]):
        msg = f"cupy.{name} takes arrays of the device only"
        raise TypeError(msg)
    if name == "cumsum" and axis is not None and not args[0].size:
        raise ValueError(NO_ROWS)
    if name in TAKES_A_SHAPE:
        sizes = args if name == "arange" else args[:1]
        sizes = sizes[0] if isinstance(sizes[0], tuple) else sizes
        if any(isinstance(one, device) for one in sizes):
            msg = f"cupy.{name} takes numbers, not an array of the device"
            raise TypeError(msg)


def _kind(value):
    return getattr(getattr(value, "dtype", None), "kind", None)
