"""Rejected rows back from their JSON into rows that can be cleaned again."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.config import SourcePart
from qfb_gpu.lake.clean import Cleaned, FilePlan, clean
from qfb_gpu.lake.readers import Batch
from qfb_gpu.lake.rejects import DUPLICATE
from qfb_gpu.lake.run_rows import of_bucket
from qfb_gpu.lake.sources import Mapped
from qfb_gpu.lake.spill import bucket_of, split
from qfb_gpu.lake.texts import hash_texts

if TYPE_CHECKING:
    from qfb_gpu.schema import Table

_INFINITY = re.compile(r'(?<!\\)(": )(-?inf)(?=[,}])')


def is_duplicate(rejects: pa.Table) -> Any:
    """Return a bool a row: it was left out because another row has its key."""
    if not rejects.num_rows:
        return np.zeros(0, bool)
    return np.asarray(pc.starts_with(rejects.column("reason"), DUPLICATE))


def from_json(rows_json: pa.ChunkedArray) -> pa.RecordBatch:
    """Return rows as texts under the headers that they came with; what one lacks is null."""
    rows = [_row(text) for text in rows_json.to_pylist()]
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = [pa.array([_text(row.get(name)) for row in rows], pa.string()) for name in names]
    return pa.RecordBatch.from_arrays(columns, names=names)


def _row(text: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(text, parse_float=str, parse_int=str)
    except ValueError:  # of a lake of before: infinity as a number
        quoted = _INFINITY.sub(r'\1"\2"', text)
        found = json.loads(quoted, parse_float=str, parse_int=str)
    return found


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return "true" if value is True else "false" if value is False else str(value)


def file_numbers(rejects: pa.Table, names: list[str | None]) -> Any:
    """Return the number of each row's file; -1 where it is none of ``names``."""
    number = {name: i for i, name in reversed(list(enumerate(names))) if name is not None}
    coded = rejects.column("file").combine_chunks().dictionary_encode()
    of_value = np.array([number.get(name, -1) for name in coded.dictionary.to_pylist()], np.int32)
    return of_value[coded.indices.to_numpy()] if len(coded) else np.zeros(0, np.int32)


class Duplicates:
    """Duplicates that may be the first of their key again when other rows leave.

    Attributes
    ----------
    rows : Arrow table of gold ``rejects``
    bucket : integer array, the bucket of each
    """

    def __init__(
        self, rejects: pa.Table, numbers: Any, schema: Table, n_buckets: int, currency: str
    ) -> None:
        self.rows = rejects
        self._n_buckets = n_buckets
        self._cleaned = _as_kept(rejects, numbers, schema, currency)
        customer = self._cleaned.columns["customer_id"]
        keys = hash_texts(customer.values)
        self.bucket = bucket_of(keys, n_buckets)[customer.codes]

    def runs(self, buckets: set[int]) -> dict[int, pa.RecordBatch]:
        """Return the rows of some buckets as spilled rows."""
        self._cleaned.keep = np.flatnonzero(np.isin(self.bucket, sorted(buckets)))
        found = split(self._cleaned, self._n_buckets)
        return {bucket: of_bucket(found, number) for number, bucket in enumerate(found.buckets)}


def _as_kept(rejects: pa.Table, numbers: Any, schema: Table, currency: str) -> Cleaned:
    """Clean duplicates, which are in our own columns and were readable."""
    rows = from_json(rejects.column("row_json"))
    there = set(rows.schema.names)
    mapped = {name: Mapped((name,)) for name in schema.names if name in there}
    plan = FilePlan(0, "", schema.name, SourcePart(path=""), schema, mapped, [], currency)
    batch = Batch(rows, 0, numbers=rejects.column("row").to_numpy())
    cleaned = clean(batch, plan)
    if cleaned.keep.size != rows.num_rows:
        why = "unknown" if cleaned.rejects is None else cleaned.rejects.column("reason")[0]
        msg = f"{schema.name}: a duplicate that was readable is not any more ({why})"
        raise RuntimeError(msg)
    cleaned.columns["source_file"] = pa.array(numbers.astype(np.int32))
    return cleaned
