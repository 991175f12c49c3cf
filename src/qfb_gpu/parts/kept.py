"""Files of a model in the night's workspace, where only columns of numbers and texts are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qfb_gpu.parts.part import Columns, Saved


def save_files(name: str, files: Mapping[str, bytes]) -> dict[str, Columns]:
    """Return sets of columns that hold files, for a ``fit``; :func:`load_files` reads them."""
    content = np.frombuffer(b"".join(files[file] for file in sorted(files)), dtype=np.uint8)
    sizes = np.array([len(files[file]) for file in sorted(files)], dtype=np.int64)
    return {
        f"{name}.names": {"file": pa.array(sorted(files), pa.string()), "size": sizes},
        f"{name}.content": {"byte": content},
    }


def load_files(saved: Saved, name: str) -> dict[str, bytes]:
    """Return the files that a part's ``fit`` kept under a name; empty where it kept none."""
    about = saved.fitted(f"{name}.names")
    content = np.asarray(saved.fitted(f"{name}.content")["byte"]).tobytes()
    ends = np.cumsum(about["size"])
    starts = (ends - about["size"]).tolist()
    files = about["file"].to_pylist()
    return {f: content[a:b] for f, a, b in zip(files, starts, ends.tolist(), strict=True)}
