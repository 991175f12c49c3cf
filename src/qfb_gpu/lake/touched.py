"""Which customers an ingest touched, so that a later night looks at those alone.

``<lake>/<source>/_ingest/touched-<version>.arrow`` names the customers of each bucket that got
rows, lost some or had one changed when that version was made. It says of which version it is and
which one stood before, so a log of another lake is never taken for this one's. Where that cannot
be told, as under another mapping, it says why instead.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.lake import manifest as state
from qfb_gpu.lake.delta import committed_version
from qfb_gpu.lake.draft import draft_of
from qfb_gpu.lake.texts import hash_texts
from qfb_gpu.schema import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_MOST_CUSTOMERS = 1 << 21
"""More are as good as all of them."""
_ID, _BEFORE, _WHY = b"id", b"before", b"why"
_NEW = "no earlier night has seen it"
_GONE = "silver has nothing of it any more"
_NO_LOG = "its log does not go back to that night"
_UNREADABLE = "what stood there could not be read"


@dataclass(frozen=True, slots=True)
class Touched:
    """Customers of one source whose rows are not what they were.

    Attributes
    ----------
    known : bool
        Whether ``customers`` are all of them; if not, any customer may have changed.
    customers : dict of bucket to int64 NumPy array
        Keys of customers, ascending, each once; a bucket without any is not there. A customer may
        be named though every row that came was a duplicate and left out.
    why : str
        Why it is not known.
    """

    known: bool
    customers: dict[int, Any] = field(default_factory=dict)
    why: str = ""


def ingest_ids(lake_dir: Path) -> dict[str, str]:
    """Return, for each source with silver, the id of what silver holds now.

    An id changes with every ingest that reads anything, and differs between lakes that were made
    of other files.
    """
    ids = {name: _id_now(lake_dir / name) for name in SOURCES if (lake_dir / name).is_dir()}
    return {name: found for name, found in ids.items() if found}


def touched(lake_dir: Path, since: Mapping[str, str]) -> dict[str, Touched]:
    """Return what changed in every source since an earlier :func:`ingest_ids`.

    Parameters
    ----------
    lake_dir : Path
    since : mapping of source to id
        What :func:`ingest_ids` returned then.

    Returns
    -------
    dict of source to Touched
        Of all sources that have silver now or had some then.
    """
    now = ingest_ids(lake_dir)
    return {
        name: _since(lake_dir / name, since[name], now[name])
        if name in since and name in now
        else Touched(known=False, why=_NEW if name in now else _GONE)
        for name in SOURCES
        if name in since or name in now
    }


def _since(table_dir: Path, then: str, now: str) -> Touched:
    """Walk back from the newest version to the one of ``then``."""
    found: dict[int, list[Any]] = {}
    version = _version(now)
    while now != then:
        log = _read(table_dir, version)
        if log is None or log.id != now:
            return Touched(known=False, why=_NO_LOG)
        if log.why:
            return Touched(known=False, why=log.why)
        now = log.before
        version -= 1
        for bucket, keys in log.customers.items():
            found.setdefault(bucket, []).append(keys)
    together = {b: np.unique(np.concatenate(keys)) for b, keys in sorted(found.items())}
    return Touched(known=True, customers=together)


def save(
    table_dir: Path, after: str, before: str, customers: Mapping[int, Any], why: str = ""
) -> None:
    """Write which customers a version touched; the commit of that version makes it count.

    Parameters
    ----------
    table_dir : Path
    after, before : str
        Ids of the version to make and of the one before it.
    customers : mapping of bucket to int64 array or None
        None where it is not known what a bucket held.
    why : str
        Why nobody knows who was touched: ``customers`` are not asked then.
    """
    found = {b: keys for b, keys in customers.items() if keys is not None}
    n_customers = sum(keys.size for keys in found.values())
    if not why and len(found) < len(customers):
        why = _UNREADABLE
    elif not why and n_customers > _MOST_CUSTOMERS:
        why = f"more than {_MOST_CUSTOMERS:,} customers changed in one ingest"
    found = {} if why else found
    numbers = np.repeat(np.array(list(found), np.int32), [k.size for k in found.values()])
    keys = np.concatenate([np.zeros(0, np.int64), *found.values()])
    fields = [("bucket", pa.int32()), ("customer_key", pa.int64())]
    schema = pa.schema(fields, metadata={_ID: after, _BEFORE: before, _WHY: why})
    rows = pa.Table.from_arrays([pa.array(numbers), pa.array(keys)], schema=schema)
    path = _path(table_dir, _version(after))
    with draft_of(path) as draft, pa.ipc.new_file(str(draft), schema) as writer:
        writer.write_table(rows)


def keys_of(columns: Iterable[pa.Array | pa.ChunkedArray]) -> Any:
    """Return the keys of the customers in some columns of ids: int64, ascending, each once."""
    chunks = [c for column in columns for c in getattr(column, "chunks", [column])]
    found = [hash_texts(_used(chunk)) for chunk in chunks]
    return np.unique(np.concatenate([np.zeros(0, np.int64), *found]))


def _used(ids: pa.Array) -> pa.Array:
    """Return the distinct ids of a column without nulls."""
    return (
        ids.unique() if not pa.types.is_dictionary(ids.type) else ids.unique().dictionary_decode()
    )


def id_of(table_dir: Path, version: int) -> str:
    """Return the id of a version whose manifest is written; empty where there is none."""
    try:
        content = state.path_of(table_dir, version).read_bytes()
    except OSError:
        return ""
    return f"{version:06d}-{hashlib.sha256(content).hexdigest()[:16]}"


def _id_now(table_dir: Path) -> str:
    return id_of(table_dir, committed_version(table_dir, state.APPLICATION))


def _version(ingest_id: str) -> int:
    return int(ingest_id.partition("-")[0])


def _path(table_dir: Path, version: int) -> Path:
    return state.folder(table_dir) / f"touched-{version:06d}.arrow"


@dataclass(frozen=True, slots=True)
class _Log:
    """What the log of one version says."""

    id: str
    before: str
    why: str
    customers: dict[int, Any]


def _read(table_dir: Path, version: int) -> _Log | None:
    """Return the log of a version; None where there is none."""
    try:
        with pa.memory_map(str(_path(table_dir, version))) as source:
            table = pa.ipc.open_file(source).read_all()
            about = table.schema.metadata or {}
            bucket, keys = (table.column(n).to_numpy().copy() for n in table.column_names)
    except (OSError, pa.ArrowInvalid):
        return None
    order = np.argsort(bucket, kind="stable")
    found, starts = np.unique(bucket[order], return_index=True)
    split = np.split(keys[order], starts[1:])
    by_bucket = dict(zip(found.tolist(), split, strict=True)) if found.size else {}
    why = about.get(_WHY, b"").decode()
    return _Log(about[_ID].decode(), about[_BEFORE].decode(), why, by_bucket)
