"""Which code made a table: an upgrade shall leave nothing that the code before it made."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

CODE = "qfb-gpu-code"
"""What :func:`code` is called among the versions of packages."""


@cache
def code() -> str:
    """Return a hash of all Python files of the engine and of its kernels.

    A version's number tells releases apart, this whatever is mended between them.
    """
    kernels = find_spec("qfb_kernels")  # to import it would import Numba
    origins = [Path(__file__), *([Path(str(kernels.origin))] if kernels is not None else [])]
    digest = hashlib.sha256()
    for origin in origins:
        for file in sorted(origin.parent.rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
