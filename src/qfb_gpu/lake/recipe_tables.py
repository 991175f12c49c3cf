"""What recipes need of files: the tables that steps look things up in, and whole files at once."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import version
from stat import S_ISREG
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from qfb_gpu.calendars import PACKAGES
from qfb_gpu.errors import InputError
from qfb_gpu.lake.formulas import without_formulas
from qfb_gpu.lake.readers import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from typing import Any

    from qfb_gpu.config import Config


def loader(config: Config, where: str) -> Callable[[str], pa.Table]:
    """Return what reads the table of a step: a CSV (texts, UTF-8) or Parquet file.

    Parameters
    ----------
    config : Config
        Paths are relative to its data folder.
    where : str
        Names the part of the config in errors.
    """

    def load(path: str) -> pa.Table:
        """Read a table by its path."""
        found = config.data_dir / path
        try:
            return _read(found, identity(found))
        except (pa.ArrowInvalid, OSError) as error:
            msg = f"{where}: table {found} cannot be read ({error}); expected a CSV (UTF-8) or "
            raise InputError(" ".join(msg.split()) + " Parquet file with a header") from error

    return load


def identities(config: Config, steps: list[dict[str, Any]]) -> list[str]:
    """Return what changes when a table that steps name, or a calendar, may have changed."""
    paths = [step["table"] for step in steps if isinstance(step.get("table"), str)]
    days = PACKAGES if any(map(_asks_a_calendar, steps)) else ()
    return [
        *(f"{path}:{identity(config.data_dir / path)}" for path in paths),
        *(f"{name} {version(name)}" for name in days),
    ]


def _asks_a_calendar(step: dict[str, Any]) -> bool:
    from qfb_gpu.prepare.operations import OPERATIONS  # seldom needed, and it takes long

    operation = OPERATIONS.get(str(step.get("op")))
    return operation is not None and "calendar_column" in operation.columns


def identity(path: Path) -> str:
    """Return a file's size and time of modification; nothing where it cannot be looked at."""
    try:
        stat = path.stat()
    except OSError:
        return ""
    if not S_ISREG(stat.st_mode):
        return ""
    return f"{stat.st_size}:{stat.st_mtime_ns}"


@lru_cache(maxsize=8)
def _read(path: Path, _identity: str) -> pa.Table:
    with path.open("rb") as stream:
        is_parquet = stream.read(4) == b"PAR1"
    if is_parquet:
        return pq.read_table(path)
    parse = pacsv.ParseOptions(newlines_in_values=True)
    names = pacsv.open_csv(path, parse_options=parse).schema.names
    names = [name.removeprefix("\ufeff") for name in names]
    table = pacsv.read_csv(
        path,
        parse_options=parse,
        read_options=pacsv.ReadOptions(column_names=names, skip_rows_after_names=1),
        convert_options=pacsv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
        ),
    )
    columns = [
        pa.chunked_array([without_formulas(chunk) for chunk in column.chunks], pa.string())
        for column in table.columns
    ]
    return pa.Table.from_arrays(columns, names=names)


def gathered(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Give the batches of a file as one, for steps that have to see all of its rows."""
    found = list(batches)
    if not found:
        return
    tables = [pa.Table.from_batches([_plain(batch.rows)]) for batch in found]
    table = pa.concat_tables(tables).combine_chunks()
    rows = pa.RecordBatch.from_arrays(
        [column.combine_chunks() for column in table.columns], table.column_names
    )
    whole = Batch(rows, found[0].first_row, [line for batch in found for line in batch.broken])
    whole.numbers = np.concatenate([batch.row_numbers() for batch in found])
    for batch in found:
        whole.counts.update(batch.counts)
    yield whole


def _plain(rows: pa.RecordBatch) -> pa.RecordBatch:
    columns = [
        column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
        for column in rows.columns
    ]
    return pa.RecordBatch.from_arrays(columns, rows.schema.names)
