"""A lake of any size, made on the device bucket by bucket as ingest would have written it.

Its config names a source of no rows that the manifest already knows: ``pipeline.run`` finds
nothing to ingest and goes on. ``benchmarks/scale_night.py`` makes such lakes and rescores them.
"""

from __future__ import annotations

import datetime as dt
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from device_payments import Bank, customers_by_bucket, id_bytes, payments_of, relations_of

from qfb_gpu._backend.devices import n_threads
from qfb_gpu.config import build_config
from qfb_gpu.currencies import currency_code
from qfb_gpu.lake import manifest as state
from qfb_gpu.lake import measures, silver
from qfb_gpu.lake.delta import PartFile, commit
from qfb_gpu.lake.sources import find_files
from qfb_gpu.schema import DIRECTIONS, SOURCES

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu.backend import Backend
    from qfb_gpu.config import Config

AS_OF = dt.date(2024, 12, 31)
SEED = 20241231
PAYMENTS_A_CUSTOMER = 100
"""About: 3.5 relations of 29 payments."""
_CURRENCIES = ("CNY", "USD")
_NO_TEXTS = ("memo", "category", "channel")
_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Made:
    """A lake that was made.

    Attributes
    ----------
    config : Config
        What runs a night on it.
    n_payments, n_bytes : int
        Rows, and bytes of the Parquet files.
    seconds : float
    """

    config: Config
    n_payments: int
    n_bytes: int
    seconds: float


_COLUMNS = "txn_id", "customer_id", "counterparty_id", "date", "direction", "amount", "currency"
"""What the file has of which an ingest would make the same lake."""


def lake_config(folder: Path, n_buckets: int, **settings: Any) -> Config:
    """Return the config of a lake in ``folder``; writes the source of no rows beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "payments.parquet"
    if not source.is_file():
        pq.write_table(pa.table({name: pa.array([], kind) for name, kind in _SOURCE}), source)
    raw = {
        "as_of": AS_OF,
        "n_buckets": n_buckets,
        "sources": {"transactions": {"path": source.name}},
        **settings,
    }
    return build_config(raw, base=folder, where="device_lake")


_SOURCE = (
    ("txn_id", pa.string()), ("customer_id", pa.string()), ("counterparty_id", pa.string()),
    ("date", pa.date32()), ("amount", pa.decimal128(18, 2)), ("direction", pa.string()),
    ("currency", pa.string()),
)  # fmt: skip


def make_lake(bank: Bank, config: Config, backend: Backend) -> Made:
    """Draw every bucket on the device and write its silver file, then the commit and the manifest.

    The host's threads write one bucket while the device draws the next; at most one bucket a
    thread is in memory.
    """
    start = time.perf_counter()
    folder = config.output_dir / "lake" / "transactions"
    customers, starts = customers_by_bucket(bank, backend)
    manifest = state.Manifest(
        version=1,
        fingerprint=state.fingerprint(config, "transactions"),
        settings=state.settings(config, "transactions"),
        n_buckets=bank.n_buckets,
        columns={"0": sorted(_COLUMNS)},
    )
    parts: list[PartFile] = []
    schema, n_rows = pa.schema([]), 0
    waiting: deque[Future[tuple[PartFile, Any, pa.Schema]]] = deque()
    with ThreadPoolExecutor(n_threads()) as pool:
        for bucket in range(bank.n_buckets):
            own = backend.asarray(customers[starts[bucket] : starts[bucket + 1]].astype(np.int64))
            relations = relations_of(bank, own, backend)
            drawn = on_host(relations, payments_of(bank, relations, backend), backend)
            if drawn["day"].size:
                waiting.append(pool.submit(_write, folder, bucket, drawn, n_rows))
                n_rows += drawn["day"].size
            while waiting and (len(waiting) > n_threads() or bucket + 1 == bank.n_buckets):
                part, about, schema = waiting.popleft().result()
                parts.append(part)
                manifest.profile[part.partition["bucket"]] = about
    manifest.n_rows = n_rows
    manifest.files = [
        {**file, "counts": {"rows": n_rows}}
        for file in state.listed(find_files(config, "transactions"))
    ]
    manifest.counts = manifest.total()
    state.save(folder, manifest)
    commit(
        folder,
        parts,
        silver.plain_schema(schema),
        partition_by=["bucket"],
        application=state.APPLICATION,
        version=1,
        note={"files": 1, "rows": n_rows},
    )
    n_bytes = sum((folder / part.path).stat().st_size for part in parts)
    return Made(config, n_rows, n_bytes, time.perf_counter() - start)


def on_host(
    relations: dict[str, Any], payments: dict[str, Any], backend: Backend
) -> dict[str, np.ndarray]:
    """Return what a bucket's file is made of, copied from the device in one go."""
    xp, row = backend.xp, payments["relation"]
    texts = {
        "customer_text": id_bytes(ord("C"), relations["customer"], _DIGITS, xp),
        "counterparty_text": id_bytes(
            relations["letter"], relations["counterparty"], _DIGITS, xp
        ),
    }  # fmt: skip
    names = ("customer_key", "counterparty_key", "direction", "currency")
    of_payment = {name: relations[name][row] for name in names}
    picked = {name: payments[name] for name in payments if name != "txn"}
    return {name: backend.to_host(v) for name, v in {**picked, **of_payment, **texts}.items()}


def silver_rows(drawn: dict[str, np.ndarray], first_row: int) -> pa.Table:
    """Return a bucket in the columns of silver."""
    n_rows = drawn["day"].size
    relation = drawn["relation"]
    names = pa.array(_CURRENCIES)
    codes = np.array([currency_code(name) for name in _CURRENCIES])
    place = (drawn["currency"][:, None] == codes).argmax(axis=1).astype(np.int32)
    columns = {
        "txn_id": strings(drawn["txn_text"]),
        "customer_id": _dictionary(drawn["customer_text"], drawn["customer_key"], relation),
        "counterparty_id": _dictionary(
            drawn["counterparty_text"], drawn["counterparty_key"], relation
        ),
        "date": pa.array(drawn["day"]).view(pa.date32()),
        "amount_minor": pa.array(drawn["amount_minor"]),
        "direction": pa.DictionaryArray.from_arrays(
            pa.array(drawn["direction"].astype(np.int32)), pa.array(DIRECTIONS)
        ),
        "direction_code": pa.array(drawn["direction"]),
        "currency": pa.DictionaryArray.from_arrays(pa.array(place), names),
        "currency_code": pa.array(drawn["currency"]),
        **{name: pa.nulls(n_rows, pa.string()) for name in _NO_TEXTS},
        **{f"{name}_key": pa.array(drawn[f"{name}_key"]) for name in _KEYED},
        "description": pa.nulls(n_rows, pa.string()),
        "description_key": pa.array(np.zeros(n_rows, np.int64)),
        "source_file": pa.array(np.zeros(n_rows, np.int32)),
        "source_row": pa.array(np.arange(first_row, first_row + n_rows)),
    }  # fmt: skip
    return pa.table(columns)


_KEYED = ("customer", "counterparty", "txn")


def strings(text: np.ndarray) -> pa.Array:
    """Return rows of bytes of one width as an Arrow string array."""
    n_rows, width = text.shape
    offsets = pa.py_buffer(np.arange(n_rows + 1, dtype=np.int32) * np.int32(width))
    return pa.StringArray.from_buffers(n_rows, offsets, pa.py_buffer(np.ascontiguousarray(text)))


def _dictionary(text: np.ndarray, key: np.ndarray, relation: np.ndarray) -> pa.Array:
    """Return the ids of payments from those of their relations, each id once."""
    rows, where = np.unique(relation, return_index=True)
    _, first, code = np.unique(key[where], return_index=True, return_inverse=True)
    of_relation = np.zeros(text.shape[0], np.int32)
    of_relation[rows] = code
    values = strings(text[rows[first]])
    return pa.DictionaryArray.from_arrays(pa.array(of_relation[relation]), values)


def _write(
    folder: Path, bucket: int, drawn: dict[str, np.ndarray], first_row: int
) -> tuple[PartFile, dict[str, Any], pa.Schema]:
    table = silver_rows(drawn, first_row)
    part = silver.write_bucket(folder, bucket, 1, table)
    return part, measures.profile(table, SOURCES["transactions"]), table.schema
