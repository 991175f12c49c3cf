"""Gold as it was before a run published anything: a run that died while it did goes on from that.

A folder keeps the files of a table's newest version and of the one before it, so what a run has
replaced is still there when it is run again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from qfb_gpu.lake import gold
from qfb_gpu.lake.delta import is_table, last_note, open_table, version_files

if TYPE_CHECKING:
    from pathlib import Path


class ReaderBefore(gold.Reader):
    """Reads gold tables of the night before a run, whether or not that has published its own.

    Where the files of that night were lost, the newest version is read.
    """

    def __init__(self, output_dir: Path, run_id: str) -> None:
        super().__init__(output_dir)
        self._run_id = run_id

    def there(self, name: str) -> list[str]:
        """Return the columns of a table; none where there was no such table."""
        return self.columns(name) if is_table(self._output_dir / name) else []

    def _asked(self, name: str, columns: list[str] | None) -> tuple[list[Path], pa.Schema]:
        if name not in self._opened:
            found = _before(self._output_dir / name, self._run_id)
            if found is not None:
                self._opened[name] = found
        return super()._asked(name, columns)


def _before(folder: Path, run_id: str) -> tuple[list[Path], pa.Schema] | None:
    """Return files and schema of the version before a run's; None where the newest will do."""
    if last_note(folder).get("run_id") != run_id:
        return None
    table = open_table(folder)
    history = [] if table is None else table.history()
    versions = [entry["version"] for entry in history if entry.get("run_id") != run_id]
    if table is None or not versions:
        return [], pa.schema([])
    files, schema = version_files(folder, max(versions), table)
    return (files, schema) if all(file.is_file() for file in files) else None
