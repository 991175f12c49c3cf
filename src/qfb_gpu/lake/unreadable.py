"""What is said of a file that cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.errors import in_a_line

if TYPE_CHECKING:
    from qfb_gpu.config import SourcePart
    from qfb_gpu.lake.sources import SourceFile

MOST_BYTES = 1 << 22
"""What a value may have in a CSV file."""


def unreadable(file: SourceFile, part: SourcePart, error: Exception) -> str:
    """Return in one line what is wrong with a file, by what its reader said, and what to do."""
    reason = in_a_line(error)
    lowered = reason.lower()
    if file.format == "csv" and any(word in lowered for word in ("utf", "decode", "codec")):
        return (
            f"{file.path}: not {part.encoding} text ({reason}); "
            "set `encoding`, e.g. 'gb18030', 'utf-16' or 'cp1252'"
        )
    if "straddling" in lowered:
        return (
            f"{file.path}: a value is longer than {MOST_BYTES >> 20} MiB, mostly a quote that is "
            "not closed; mend or replace the file"
        )
    return f"{file.path}: cannot be read as {file.format} ({reason}); mend or replace the file"
