"""What a worker does with one bucket: score it, later publish it.

A task reads one bucket of silver, in which every customer is whole, and leaves its results as
intermediates (:class:`qfb_gpu.lake.work.Workspace`) or gold part files. It returns only counts,
so nothing large travels between processes, and a task that is done is not done again.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu import network, parts, payments, profile
from qfb_gpu._schema.output import LAKE, WORK
from qfb_gpu.backend import BackendName, get_backend
from qfb_gpu.calendars import load_calendar, to_day
from qfb_gpu.currencies import currency_name
from qfb_gpu.lake import carry, gold, silver
from qfb_gpu.lake.work import Workspace
from qfb_gpu.ledger import NULL_DAY, Labelled
from qfb_gpu.parts import decided, groups, payment_graph
from qfb_gpu.parts.customer_names import customers_at
from qfb_gpu.parts.names import load_names
from qfb_gpu.schema import DIRECTIONS, GOLD, ROLES

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu.backend import Backend
    from qfb_gpu.config import Config
    from qfb_gpu.ledger import Ledger, Streams

BY_BUCKET = ("payment_streams", "stream_payments", "expected_payments", "customer_profiles")
"""Gold tables that :func:`publish_bucket` writes whatever the sources."""
_GROUP_ROWS = 1 << 20
"""Edges in memory at a time: a group of a Parquet file's rows, as Arrow cuts them by itself."""
_IRREGULAR_ROLE = ROLES.index("extra")
_RETURNED_ROLE = ROLES.index("returned")


@dataclass(frozen=True, slots=True)
class Night:
    """What every task of a run needs to know."""

    lake: Path
    workspace: Workspace
    as_of_day: int
    backend: BackendName
    calendar: str
    horizon_days: int
    settings: Config
    sources: tuple[str, ...] = ()
    is_update: bool = False
    """The lake holds some customers alone, who stand beside what a whole night has fitted."""

    @classmethod
    def of(
        cls, config: Config, backend: BackendName, work: str, *, is_update: bool = False
    ) -> Night:
        """Return the night of a config; its intermediates go to a folder called ``work``."""
        return cls(
            lake=config.output_dir / LAKE,
            workspace=Workspace(config.output_dir / WORK / work),
            as_of_day=to_day(config.as_of),
            backend=backend,
            calendar=config.calendar,
            horizon_days=config.payments.horizon_days,
            settings=config,
            sources=tuple(config.sources),
            is_update=is_update,
        )

    def on_host(self) -> Night:
        """Return the same night for a task that the host does: for want of a device's memory."""
        return replace(self, backend="cpu")


def score_bucket(night: Night, bucket: int) -> dict[str, Any]:
    """Find the streams, features and edges of one bucket and save them; return its counts."""
    done = night.workspace.finished("score", bucket)
    if done is not None:
        return done
    backend = get_backend(night.backend)
    clock = _Clock(backend)
    ledger = silver.read_ledger(night.lake, bucket, night.as_of_day, backend)
    clock.lap("read")
    streams = _score_streams(night, bucket, ledger, backend)
    clock.lap("streams")
    features = profile.customer_features(ledger, night.as_of_day, backend)
    clock.lap("features")
    edges, books = network.edges_and_books(ledger, backend, night.as_of_day)
    monthly = profile.monthly_totals(ledger, backend)
    clock.lap("edges")
    more = parts.score_parts(night, bucket, ledger, streams, backend)
    features |= more.features
    clock.lap("parts")
    _save_scores(night, bucket, ledger, streams, backend)
    save = night.workspace.save
    save("score", bucket, "features", features, backend)
    save("score", bucket, "edges", edges, backend)
    save("score", bucket, "books", books, backend)
    save("score", bucket, "monthly", monthly, backend)
    clock.lap("save")
    summary = {
        "bucket": bucket,
        "n_payments": ledger.n_payments,
        "n_customers": ledger.n_customers,
        "n_relations": ledger.n_relations,
        "n_streams": int(streams.relation.shape[0]),
        "seconds": {**clock.seconds, **more.seconds},
    }
    night.workspace.finish("score", bucket, summary)
    return summary


def _score_streams(night: Night, bucket: int, ledger: Ledger, backend: Backend) -> Streams:
    """Score the streams of a bucket: anew only those of relations that an earlier night lacks."""
    calendar = load_calendar(night.calendar)
    if night.is_update:  # buckets are not those of the lake that carries
        return payments.score_streams(
            ledger, calendar, night.as_of_day, backend, night.horizon_days
        )
    stamp = carry.stamp_of(calendar)
    carried = carry.load(night.lake, bucket, stamp)
    known = described = None
    if carried is not None:
        known, described = payments.from_columns(carried, backend)
    streams = payments.score_streams(
        ledger, calendar, night.as_of_day, backend, night.horizon_days,
        known=known, described=described,
    )  # fmt: skip
    carry.save(night.lake, bucket, stamp, payments.to_columns(streams, backend))
    return streams


def _save_scores(
    night: Night, bucket: int, ledger: Ledger, streams: Streams, backend: Backend
) -> None:
    save = night.workspace.save
    save("score", bucket, "streams", {**streams.columns, "relation": streams.relation}, backend)
    answers = {
        "text_row": ledger.text_row,
        "stream": streams.stream_of_payment,
        "role": streams.role,
        "due_day": streams.due_day,
    }
    save("score", bucket, "payments", answers, backend)
    first = pa.array(backend.to_host(ledger.text_row[ledger.relation_offsets[:-1]]))
    texts = silver.read_texts(night.lake, bucket, ["customer_id", "counterparty_id"], first)
    relations = {
        "customer": ledger.relation_customer,
        "counterparty_key": ledger.counterparty_key,
        "direction": ledger.direction,
        "currency": ledger.currency,
        "customer_id": texts.column("customer_id"),
        "counterparty_id": texts.column("counterparty_id"),
    }
    save("score", bucket, "relations", relations, backend)
    first_relation = pa.array(backend.to_host(ledger.customer_offsets[:-1]))
    customers = {
        "customer_key": ledger.customer_key,
        "customer_id": texts.column("customer_id").take(first_relation),
    }
    save("score", bucket, "customers", customers, backend)


def publish_bucket(night: Night, bucket: int) -> dict[str, Any]:
    """Write the gold parts of one bucket from its decided streams and profile; return counts."""
    done = night.workspace.finished("publish", bucket)
    if done is not None:
        return done
    backend = get_backend(night.backend)
    load = night.workspace.load
    streams = decided.streams(night.workspace, bucket, night.settings)
    relations = load("score", bucket, "relations")
    relation = pa.array(streams["relation"])
    ids = {name: relations[name].take(relation) for name in ("customer_id", "counterparty_id")}
    kinds = {
        "direction": Labelled(relations["direction"][streams["relation"]], DIRECTIONS),
        "currency": currency_labels(relations["currency"][streams["relation"]]),
    }
    found = {name: values for name, values in streams.items() if name != "relation"}
    part = night.workspace.folder("publish", bucket)
    counts = {
        "payment_streams": _write(part, "payment_streams", {**found, **ids, **kinds}, backend),
        "stream_payments": _publish_payments(night, bucket, streams, ids["customer_id"], backend),
        "expected_payments": _publish_expected(night, bucket, streams, ids, kinds, backend),
    }
    more, columns = parts.publish_parts(night, bucket, part)
    counts |= more
    counts["customer_profiles"] = _publish_profiles(night, bucket, columns, backend)
    night.workspace.finish("publish", bucket, counts)
    return counts


def _publish_payments(
    night: Night, bucket: int, streams: dict[str, Any], customer_id: Any, backend: Backend
) -> int:
    answers = night.workspace.load("score", bucket, "payments")
    texts = silver.read_texts(night.lake, bucket, ["txn_id"])
    stream, role, due_day = answers["stream"], answers["role"], answers["due_day"]
    is_regular = streams["is_regular"][stream]
    columns = {
        "txn_id": texts.column("txn_id").take(pa.array(answers["text_row"])),
        "customer_id": _repeat(customer_id, stream),
        "stream_id": streams["stream_id"][stream],
        "role": Labelled(
            np.where(is_regular | (role == _RETURNED_ROLE), role, _IRREGULAR_ROLE), ROLES
        ),
        "due_date": np.where(is_regular, due_day, np.int32(NULL_DAY)),
    }
    return _write(night.workspace.folder("publish", bucket), "stream_payments", columns, backend)


def _publish_expected(
    night: Night,
    bucket: int,
    streams: dict[str, Any],
    ids: dict[str, Any],
    kinds: dict[str, Labelled],
    backend: Backend,
) -> int:
    expected = payments.expected_payments(
        {name: on_device(values, backend) for name, values in streams.items()},
        load_calendar(night.calendar),
        night.as_of_day,
        night.horizon_days,
        backend,
    )
    row = backend.to_host(expected["stream"])
    columns = {
        "customer_id": ids["customer_id"].take(pa.array(row)),
        "stream_id": streams["stream_id"][row],
        "due_date": expected["due_day"],
        "amount": expected["amount"],
        **{name: Labelled(kind.codes[row], kind.labels) for name, kind in kinds.items()},
    }
    return _write(night.workspace.folder("publish", bucket), "expected_payments", columns, backend)


def _publish_profiles(night: Night, bucket: int, of_parts: dict[str, Any], backend: Backend) -> int:
    customers = night.workspace.load("score", bucket, "customers")
    columns = decided.profiles(night.workspace, bucket)
    n_customers = len(customers["customer_id"])
    row = {
        "customer_id": customers["customer_id"],
        "as_of": np.full(n_customers, night.as_of_day, dtype=np.int32),
        **columns,
        **of_parts,
        "main_currency": currency_labels(columns["main_currency"]),
    }
    if "customers" in night.sources:
        keys = customers["customer_key"]
        row |= silver.read_customers(night.lake, bucket, keys, night.as_of_day)
    return _write(night.workspace.folder("publish", bucket), "customer_profiles", row, backend)


def write_whole_tables(night: Night, buckets: list[int], fitted: dict[str, Any]) -> dict[str, Path]:
    """Write the gold parts that are neither by bucket nor made of such: segments, network, parts.

    Parameters
    ----------
    fitted : dict
        ``groups``, ``nodes`` and ``edges`` of the run, on the host.

    Returns
    -------
    dict of table name to part file
    """
    cpu = get_backend("cpu")
    keys, ids = load_names(night.workspace)
    grouped = fitted["groups"]
    _, moved = customers_at(night.workspace, buckets, grouped.moves["row"])
    whole = {
        "segments": _segment_table(grouped.cards, night, buckets),
        "segment_choice": groups.choice_table(grouped.model),
        "segment_moves": groups.move_table(grouped, night.as_of_day, moved),
        "segment_drift": groups.drift_table(grouped),
        "graph_nodes": network.node_table(
            fitted["nodes"], keys, ids, customer_keys(night, buckets)
        ),
    }
    folder = night.workspace.folder("publish", -1)
    for name, columns in whole.items():
        _write(folder, name, columns, cpu)
    _write_edges(night, fitted, whole["graph_nodes"]["node_id"], folder / "graph_edges.parquet")
    written = {name: folder / f"{name}.parquet" for name in (*whole, "graph_edges")}
    return written | parts.publish_whole(night, buckets, folder, reads_published=False)


def _write_edges(night: Night, fitted: dict[str, Any], node_ids: pa.Array, path: Path) -> None:
    """Write all edges of the network: with their names they are the most that this process has."""
    edges, ends = fitted["edges"], payment_graph.read_ends(night.workspace, fitted["nodes"]["key"])
    tables = network.edge_tables(edges, ends, node_ids, _GROUP_ROWS)
    cpu, form = get_backend("cpu"), GOLD["graph_edges"]
    pieces = (gold.to_arrow(columns, form, cpu) for columns in tables)
    first = next(pieces)
    gold.write_part(path, first, more=pieces, n_more=ends.payer.shape[0] - first.num_rows)


def write_tables_of_published(night: Night, buckets: list[int]) -> dict[str, Path]:
    """Write the gold parts that are made of what was published by bucket; return them by table."""
    folder = night.workspace.folder("publish", -1)
    return parts.publish_whole(night, buckets, folder, reads_published=True)


def _segment_table(cards: list[dict[str, Any]], night: Night, buckets: list[int]) -> dict[str, Any]:
    rows = np.array([row for card in cards for row in card["typical"]], dtype=np.int64)
    names = iter(customers_at(night.workspace, buckets, rows)[1].to_pylist())
    typical = [
        json.dumps([next(names) for _ in card["typical"]], ensure_ascii=False) for card in cards
    ]
    return {
        "segment_id": np.array([card["segment_id"] for card in cards], dtype=np.int32),
        "n_customers": np.array([card["n_customers"] for card in cards], dtype=np.int64),
        "share": np.array([card["share"] for card in cards]),
        "label": pa.array([card["label"] for card in cards]),
        "feature": pa.array([card["feature"] for card in cards]),
        "typical_customers": pa.array(typical),
    }


def customer_keys(night: Night, buckets: list[int]) -> np.ndarray:
    """Return the keys of all customers of scored buckets: int64, in the order of the buckets."""
    load = night.workspace.load
    return np.concatenate([load("score", b, "customers")["customer_key"] for b in buckets])


def _write(folder: Path, name: str, columns: dict[str, Any], backend: Backend) -> int:
    table = gold.to_arrow(columns, GOLD[name], backend)
    gold.write_part(folder / f"{name}.parquet", table)
    return int(table.num_rows)


def _repeat(texts: Any, row: np.ndarray) -> pa.DictionaryArray:
    """Return ``texts[row]`` without copying a text.

    Each text is in the dictionary once: Parquet gives up one with the same text twice, and writes
    the text of each row.
    """
    once = texts.dictionary_encode()
    return pa.DictionaryArray.from_arrays(once.indices.take(pa.array(row)), once.dictionary)


def currency_labels(codes: np.ndarray) -> Labelled:
    """Return currency codes as a column of ISO 4217 names."""
    distinct, index = np.unique(codes, return_inverse=True)
    return Labelled(index.astype(np.int32), tuple(currency_name(int(code)) for code in distinct))


def on_device(values: Any, backend: Backend) -> Any:
    """Return a loaded column as an array (or Labelled) of the backend; texts stay as they are."""
    if isinstance(values, Labelled):
        return Labelled(backend.asarray(values.codes), values.labels)
    return backend.asarray(values) if isinstance(values, np.ndarray) else values


class _Clock:
    """Seconds per step of a task, read when the device has finished the step."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._last = time.perf_counter()
        self.seconds: dict[str, float] = {}

    def lap(self, step: str) -> None:
        """Note the seconds since the step before."""
        self._backend.synchronize()
        now = time.perf_counter()
        self.seconds[step] = now - self._last
        self._last = now
