"""Changes of a Delta table between two versions, from its change data feed.

A table that keeps one says which rows came and which went; nothing else has to be read. The feed
is written to disk once, so that its size does not matter, and read twice: what came, what went.
https://github.com/delta-io/delta/blob/master/PROTOCOL.md#change-data-files
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.lake.delta_source import load
from qfb_gpu.lake.readers import Batch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CAME = ("insert", "update_postimage")
WENT = ("delete", "update_preimage")
_FEED = "delta.enableChangeDataFeed"
_KIND = "_change_type"


@dataclass(frozen=True, slots=True)
class Feed:
    """The changes of one part of a source.

    Attributes
    ----------
    part : int
        Its number.
    name : str
        As rejects name it.
    path : Path
        An Arrow stream of the rows.
    columns : tuple of str
        The table's columns.
    version : int
        The last version that is in it.
    n_rows : int
    """

    part: int
    name: str
    path: Path
    columns: tuple[str, ...]
    version: int
    n_rows: int

    def batches(self, kinds: tuple[str, ...], names: list[str], batch_rows: int) -> Iterator[Batch]:
        """Yield the rows that came or went, in some columns."""
        wanted = pa.array(kinds)
        first = 0
        with pa.memory_map(str(self.path)) as source, pa.ipc.open_stream(source) as stream:
            for rows in stream:
                some = rows.filter(pc.is_in(rows.column(_KIND), wanted)).select(names)
                for start in range(0, some.num_rows, batch_rows):
                    part = some.slice(start, batch_rows)
                    yield Batch(part, first)
                    first += part.num_rows


def fetch(root: Path, first: int, last: int, part: int, path: Path) -> Feed | None:
    """Write the changes of versions ``first`` to ``last``; None where they are not all known."""
    from deltalake.exceptions import DeltaError

    table = load(root, last)
    if table.metadata().configuration.get(_FEED) != "true":
        return None
    partitions = set(table.metadata().partition_columns)
    columns = tuple(field.name for field in pa.schema(table.schema().to_arrow()))
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        reader = pa.RecordBatchReader.from_stream(table.load_cdf(first, last))
        schema = pa.schema([_plain(f, partitions) for f in reader.schema])
        n_rows = 0
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
            for batch in reader:
                writer.write_table(pa.Table.from_batches([batch]).cast(schema))
                n_rows += batch.num_rows
    except (DeltaError, OSError, pa.ArrowInvalid, pa.ArrowNotImplementedError):
        path.unlink(missing_ok=True)
        return None
    if not set(columns) <= set(schema.names):
        path.unlink(missing_ok=True)
        return None
    name = f"{root.name} (changes of versions {first} to {last})"
    return Feed(part, name, path, columns, last, n_rows)


def _plain(field: pa.Field, partitions: set[str]) -> pa.Field:
    """Return a column's type as a file of the table gives it; partition values are texts."""
    is_instant = pa.types.is_timestamp(field.type) and field.type.tz is not None
    if (field.name in partitions and not is_instant) or pa.types.is_string_view(field.type):
        return pa.field(field.name, pa.string())
    if pa.types.is_dictionary(field.type):
        return pa.field(field.name, field.type.value_type)
    return field
