"""Every CUDA launcher with the types it is called with.

Tests compile each entry to PTX and SASS for compute capability 9.0 without a GPU and keep
its registers and spills; a launcher that is not listed here fails a test. A line is
``"module.launcher_gpu": "void(types of the arguments)"``.
"""

from __future__ import annotations

KERNELS: dict[str, str] = {}
