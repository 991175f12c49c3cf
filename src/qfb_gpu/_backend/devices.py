"""Open the GPU for work, and say in words what a machine has."""

from __future__ import annotations

import os
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qfb_gpu.errors import BackendUnavailableError

CPU_LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "igraph", "numba", "pyarrow")
GPU_LIBRARIES = ("cupy", "numba", "numba-cuda", "pyarrow")
RAPIDS = ("cudf", "cuml", "cugraph", "rmm", "dask-cuda", "nvidia-nvvm")
"""Libraries that a GPU can do without; the compiler may come with a CUDA toolkit."""
_GONE = {"row_stack": "vstack"}
"""Names that NumPy had for others of its functions."""
_POOL_KEPT = 0.75
"""Share of a device that RMM's pool may keep while it holds no data."""
_FEW_BINS = 1 << 14
_TOOLKIT = Path("/usr/local/cuda")
"""Where a toolkit of CUDA is on Linux."""


def open_gpu() -> tuple[str, Any, Any, Any]:
    """Return the device in words, cuDF (None where it is not installed), CuPy, cupyx.scipy.fft.

    CuPy and numba-cuda are all that payments need. What cuML and cuGraph would do runs on the
    host where they are not installed (:func:`has`), and the words say so.

    Raises
    ------
    BackendUnavailableError
        CuPy or a working device is missing, or a library that is installed does not start.
    """
    try:
        import cupy as cp
    except ImportError as error:
        msg = (
            f"device 'gpu' needs RAPIDS ({error}); install env/gpu-py311.txt (or -py312), "
            "or use device 'cpu'"
        )
        raise BackendUnavailableError(msg) from error
    try:  # before cuDF, which takes seconds to import
        properties = cp.cuda.runtime.getDeviceProperties(cp.cuda.runtime.getDevice())
    except cp.cuda.runtime.CUDARuntimeError as error:
        msg = f"device 'gpu' found no working CUDA device ({error}{_driver(cp)}); use device 'cpu'"
        raise BackendUnavailableError(msg) from error
    try:
        import cupyx.scipy.fft

        cudf = _import_cudf() if has("cudf") else None
        if has("rmm"):
            share_memory_pool(cp)
    except (ImportError, OSError, RuntimeError) as error:
        msg = (
            f"device 'gpu' is there, but RAPIDS does not start ({error}); install "
            "env/gpu-py311.txt (or -py312) again, or use device 'cpu'"
        )
        raise BackendUnavailableError(msg) from error
    complete_numpy()
    name_toolkit()
    count_in_place(cp)
    _try_out(cp)
    from numba.cuda.core import config

    # a warning a launch on short buckets, which is no mistake of the user's
    config.CUDA_LOW_OCCUPANCY_WARNINGS = 0
    # CuPy and Numba work on one stream, in order: no need to wait for it at each argument
    config.CUDA_ARRAY_INTERFACE_SYNC = 0
    memory_gib = properties["totalGlobalMem"] / 2**30
    device = f"{properties['name'].decode()}, {memory_gib:.0f} GiB"
    return device + _on_the_host(), cudf, cp, cupyx.scipy.fft


def _driver(cp: Any) -> str:
    """Say for which CUDA the driver and CuPy are, where there is a driver; it may be too old."""
    with suppress(cp.cuda.runtime.CUDARuntimeError):
        found = cuda_versions(cp)
        if found["cuda_driver"] != "0.0":
            return f"; the driver is for CUDA {found['cuda_driver']}, CuPy {found['cuda_runtime']}"
    return ""


def _try_out(cp: Any) -> None:
    """Add numbers on the device by code compiled for it, and look for the kernels' compiler.

    CuPy and Numba look for a compiler when they first need one: in the middle of a night.

    Raises
    ------
    BackendUnavailableError
        One of them is missing, or the device takes no work: another process has it for itself, say.
    """
    try:
        what = "CuPy computes nothing on it (is NVRTC there?)"
        found = int((cp.arange(3) + 1).sum())
        what = "numba-cuda has no libNVVM"
        from cuda.bindings import nvvm  # type: ignore[import-untyped]

        nvvm.version()
    except Exception as error:  # of CuPy's, CUDA's and their loaders' own kinds
        first, *_ = f"{type(error).__name__}: {error}".splitlines()
        msg = (
            f"device 'gpu' is there, but {what}: {first}; install env/gpu-py311.txt (or -py312) "
            "or CUDA 13's toolkit, or use device 'cpu'"
        )
        raise BackendUnavailableError(msg) from error
    if found != 6:  # noqa: PLR2004
        msg = f"device 'gpu' added 1, 2 and 3 to {found}, not 6; use another, or device 'cpu'"
        raise BackendUnavailableError(msg)


def count_in_place(cp: Any) -> None:
    """Let CuPy's ``bincount`` count many bins in the answer itself, by atomic additions.

    It asks CUB, which gives each block of threads counters of its own for all bins, 8 bytes each,
    clears them and adds them up: with 1,024 blocks, which is CuPy's own estimate, 0.8 GB for the
    100,000 relations of a bucket, and 17 for two million parties, where CuPy itself stops. Few
    bins, where many threads would wait for one place, stay with it.
    """
    cub = getattr(cp.cuda, "cub", None)
    by_block = getattr(cub, "cub_histogram", None)
    if cub is None or by_block is None or getattr(by_block, "few", False):
        return

    def few_bins(values: Any, counts: Any, bins: Any) -> Any:
        """Count as CuPy does, or give None, which lets it count in place."""
        return by_block(values, counts, bins) if counts.size <= _FEW_BINS else None

    few_bins.few = True  # type: ignore[attr-defined]
    cub.cub_histogram = few_bins


def complete_numpy() -> None:
    """Give NumPy back a name that numba-cuda 0.30 asks for, and NumPy 2.5 has no more.

    Without it no kernel compiles; the environments of ``env/`` have an older NumPy, an image for
    GPUs may not.
    """
    import numpy as np

    for gone, same in _GONE.items():
        if not hasattr(np, gone):
            setattr(np, gone, getattr(np, same))


def name_toolkit() -> None:
    """Say where the machine's CUDA toolkit is, where its compiler is the only one.

    With NVRTC from a wheel and libNVVM from a toolkit, as an image for GPUs may have them, CUDA's
    libraries look for a toolkit beside NVRTC and find none: no kernel compiles.
    """
    said = any(os.environ.get(name) for name in ("CUDA_HOME", "CUDA_PATH"))
    if said or _version("nvidia-nvvm") != "missing" or not (_TOOLKIT / "nvvm").is_dir():
        return
    os.environ["CUDA_HOME"] = str(_TOOLKIT)


def capability() -> str | None:
    """Return the compute capability of this process's device, as "9.0"; None without a device."""
    try:
        import cupy

        digits = cupy.cuda.Device().compute_capability
    except (ImportError, RuntimeError):
        return None
    return f"{digits[:-1]}.{digits[-1]}"


def has(library: str) -> bool:
    """Return whether a library of RAPIDS is installed; without it the host does its part."""
    return find_spec(library) is not None


def _import_cudf() -> Any:
    import cudf

    return cudf


def _on_the_host() -> str:
    """Say what runs on the host for want of a library."""
    work = {"cuml": "clusters", "cugraph": "graphs"}
    missing = [name for name in work if not has(name)]
    if not missing:
        return ""
    return f" (no {', no '.join(missing)}: {' and '.join(work[n] for n in missing)} on the host)"


def share_memory_pool(cp: Any) -> None:
    """Let CuPy share RMM's pool, so that memory one library freed serves the other.

    A resource that somebody chose already, such as Dask-CUDA in its workers, stays. By itself RMM's
    pool would keep all that it ever had (its threshold is the largest number there is), and a
    driver that loads a kernel, or a library with memory of its own, would find none.
    """
    import rmm
    from rmm.allocators.cupy import rmm_cupy_allocator

    if type(rmm.mr.get_current_device_resource()) is rmm.mr.CudaMemoryResource:
        _, total = cp.cuda.runtime.memGetInfo()
        pool = rmm.mr.CudaAsyncMemoryResource(release_threshold=int(_POOL_KEPT * total))
        rmm.mr.set_current_device_resource(pool)
    cp.cuda.set_allocator(rmm_cupy_allocator)


def processor() -> str:
    """Return the name of this machine's processor."""
    import platform

    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def n_threads() -> int:
    """Return how many threads one process may use: ``QFB_THREADS``, else its cores."""
    return int(os.environ.get("QFB_THREADS", "0")) or len(os.sched_getaffinity(0))


def versions(names: tuple[str, ...], may_lack: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the installed version of each library by its plain name; some may be left out."""
    found = {name: _version(name) for name in (*names, *may_lack)}
    return {name: v for name, v in found.items() if name in names or v != "missing"}


def _version(name: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    for distribution in (name, f"{name}-cu13", f"{name}-cuda13x"):
        with suppress(PackageNotFoundError):
            return version(distribution)
    return "missing"


def cuda_versions(cp: Any) -> dict[str, str]:
    """Return the versions of the CUDA driver and runtime, e.g. 13.0."""
    runtime = cp.cuda.runtime
    numbers = {
        "cuda_driver": runtime.driverGetVersion(),
        "cuda_runtime": runtime.runtimeGetVersion(),
    }
    return {name: f"{n // 1000}.{n % 1000 // 10}" for name, n in numbers.items()}
