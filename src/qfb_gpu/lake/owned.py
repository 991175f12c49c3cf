"""Which Delta tables of an output folder are ours: a bank's own are never written or cleaned up.

Every commit of this package carries its name as a Delta transaction; a table without one is
another's, whatever it is called. ``contract_payments`` and ``lake/transactions`` are names that a
bank's tables may have, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu._schema import output
from qfb_gpu.errors import ConfigError
from qfb_gpu.lake import gold
from qfb_gpu.lake.delta import committed_version, is_table
from qfb_gpu.lake.manifest import APPLICATION as INGEST
from qfb_gpu.lake.places import tables_of

if TYPE_CHECKING:
    from pathlib import Path


def is_ours(path: Path) -> bool:
    """Return whether a Delta table was written by a night or an ingest."""
    return any(committed_version(path, name) for name in (gold.APPLICATION, INGEST))


def refuse_foreign(output_dir: Path) -> None:
    """Raise where a table that a night would write is there and is not ours, or cannot be made.

    Raises
    ------
    ConfigError
        Before anything is written.
    """
    tables = tables_of(output_dir)
    for path in (*tables, *(output_dir / name for name in output.FOLDERS)):
        if path.is_file():  # a night would find out when all else is done, each time
            msg = f"output: {path} is a file, where a night has a folder; move it away"
            raise ConfigError(msg)
    if (output_dir / output.REPORT).is_dir():
        msg = f"output: {output_dir / output.REPORT} is a folder, the report a file; move it away"
        raise ConfigError(msg)
    if is_ours(output_dir / "runs"):
        return
    for path in tables:
        if is_table(path) and not is_ours(path):
            msg = (
                f"output: {path} is a Delta table that qfb did not write and would replace; set "
                "`output` to a folder of its own"
            )
            raise ConfigError(msg)
