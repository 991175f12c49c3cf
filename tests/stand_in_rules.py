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
