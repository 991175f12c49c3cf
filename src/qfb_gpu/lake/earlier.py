"""Gold as it was before a run published anything: a run that died while it did goes on from that.

A folder keeps the files of a table's newest version and of the one before it, so what a run has
replaced is still there when it is run again.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import pyarrow as pa

from qfb_gpu.lake import gold
from qfb_gpu.lake.delta import (
    committed_version,
    is_table,
    last_note,
    open_table,
    version_files,
)
from qfb_gpu.lake.quality import INGEST

if TYPE_CHECKING:
    from pathlib import Path


_TRIED = 4
"""Versions whose files are looked for: a folder keeps those of two."""


class ReaderBefore(gold.Reader):
    """Reads gold tables of the night before a run, whether or not that has published its own.

    A night that published some tables and then died, as before its settings were mended, is none.
    Where the files of the night before were lost, another version is read, the newest at last.
    """

    def __init__(self, output_dir: Path, run_id: str) -> None:
        super().__init__(output_dir)
        self._run_id = run_id

    @cached_property
    def _done(self) -> set[str]:
        """The ids of the runs that were finished; none where that is not known."""
        if not is_table(self._output_dir / "runs"):
            return set()
        return {*gold.read(self._output_dir, "runs", ["run_id"]).column("run_id").to_pylist()}

    def there(self, name: str) -> list[str]:
        """Return the columns of a table; none where there was no such table."""
        return self.columns(name) if is_table(self._output_dir / name) else []

    def _asked(self, name: str, columns: list[str] | None) -> tuple[list[Path], pa.Schema]:
        if name not in self._opened:
            found = _before(self._output_dir / name, self._run_id, self._done)
            if found is not None:
                self._opened[name] = found
        return super()._asked(name, columns)


def _before(folder: Path, run_id: str, done: set[str]) -> tuple[list[Path], pa.Schema] | None:
    """Return files and schema of the version before a run's; None where the newest will do."""
    newest = last_note(folder).get("run_id")
    if newest != run_id and (not done or newest in done):
        return None
    table = open_table(folder)
    history = [] if table is None else table.history()
    others = [one for one in history if one.get("run_id") != run_id]
    others.sort(key=lambda one: (one.get("run_id") in done, one["version"]), reverse=True)
    if table is None or not others:
        return [], pa.schema([])
    for one in others[:_TRIED]:
        files, schema = version_files(folder, one["version"], table)
        if all(file.is_file() for file in files):
            return files, schema
    return None


def half_published(output_dir: Path, run_id: str) -> list[str]:
    """Return the tables that a run later than this one made its own and then died.

    It has no row in ``runs``.
    """
    done, found = committed_version(output_dir / "runs", gold.APPLICATION), []
    for name in gold.tables(output_dir):
        if committed_version(output_dir / name, gold.APPLICATION) > done:
            by = str(last_note(output_dir / name).get("run_id"))
            if by != run_id and not by.startswith(INGEST):
                found.append(name)
    return found
