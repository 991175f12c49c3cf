"""Run the steps of every part whose sources are there."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache, partial
from itertools import product
from typing import TYPE_CHECKING, Any

from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar
from qfb_gpu.lake import gold, silver
from qfb_gpu.lake.source_rows import read_rows
from qfb_gpu.parts.catalog import PARTS
from qfb_gpu.parts.part import FEATURES, PROFILE, WHOLE, Columns, Given, Saved
from qfb_gpu.schema import GOLD

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger, SourceRows, Streams
    from qfb_gpu.parts.part import Part
    from qfb_gpu.tasks import Night


def active(sources: tuple[str, ...]) -> list[Part]:
    """Return the parts whose sources are among ``sources``."""
    return [part for part in PARTS if set(part.needs) <= set(sources)]


def left_out(sources: tuple[str, ...]) -> dict[str, str]:
    """Return what each other part would give, and the sources that it lacks."""
    return {
        part.what: "needs sources." + ", sources.".join(sorted(set(part.needs) - set(sources)))
        for part in PARTS
        if not set(part.needs) <= set(sources)
    }


def used_sources() -> set[str]:
    """Return the sources that some part reads."""
    return {source for part in PARTS for source in (*part.needs, *part.may_use)}


def tables(sources: tuple[str, ...]) -> list[str]:
    """Return the gold tables that the active parts write by bucket."""
    return [table for part in active(sources) for table in part.tables]


def tables_updated(sources: tuple[str, ...]) -> list[str]:
    """Return the gold tables whose rows of some customers an update makes anew."""
    return [table for part in active(sources) if part.can_update for table in part.tables]


def sets_of_rows(sources: tuple[str, ...]) -> set[str]:
    """Return the names of sets that ``fit`` of the active parts saves a row a customer of."""
    return {f"{part.name}.{name}" for part in active(sources) for name in part.rows}


def tables_left_out(sources: tuple[str, ...]) -> list[str]:
    """Return the gold tables of parts that are not active."""
    return [
        table
        for part in PARTS
        if not set(part.needs) <= set(sources)
        for table in (*part.tables, *part.whole_tables)
    ]


@dataclass(frozen=True, slots=True)
class Scored:
    """What the parts added to a bucket: profile columns and seconds by part."""

    features: Columns
    seconds: dict[str, float]


def score_parts(
    night: Night, bucket: int, ledger: Ledger, streams: Streams, backend: Backend
) -> Scored:
    """Run ``score`` of every part that works on one bucket and save what it returns."""
    parts = _working(night)
    features: Columns = {}
    seconds: dict[str, float] = {}

    @cache
    def rows_of(source: str) -> SourceRows:
        keys, lake = ledger.customer_key, night.lake if source in night.sources else None
        return read_rows(lake, bucket, source, night.as_of_day, keys, backend)

    for part in parts:
        start = time.perf_counter()
        given = Given(
            bucket=bucket,
            as_of_day=night.as_of_day,
            config=night.settings,
            calendar=load_calendar(night.calendar),
            ledger=ledger,
            streams=streams,
            sources={
                source: rows_of(source)
                for source in (*part.needs, *part.may_use)
                if source != "transactions"
            },
            payment_texts=partial(silver.read_texts, night.lake, bucket),
            backend=backend,
        )
        for name, columns in part.score(given).items():
            if name == FEATURES:
                features |= columns
            else:
                night.workspace.save("score", bucket, f"{part.name}.{name}", columns, backend)
        backend.synchronize()
        seconds[part.name] = time.perf_counter() - start
    return Scored(features, seconds)


_LONGEST = ("network", "churn", "next_product", "behaviour", "risks", "categories", "orders")
"""Parts whose ``fit`` takes longest: side by side, they begin first."""


def fitted_after(sources: tuple[str, ...], waits: str, *, measured: bool = False) -> list[str]:
    """Return the active parts whose ``fit`` waits for that and nothing else, the longest first.

    Parameters
    ----------
    sources : tuple of str
    waits : str
    measured : bool
        Those whose ``fit`` waits for their ``measure`` besides; else those that have none.
    """
    parts = [part for part in active(sources) if (part.measure is not None) == measured]
    names = [part.name for part in parts if part.waits == waits]
    return sorted(names, key=lambda name: (*_LONGEST, name).index(name))


def on_host(names: list[str]) -> list[str]:
    """Return those of some parts whose ``fit`` makes no use of a device."""
    on_device = {part.name for part in PARTS if part.on_device}
    return [name for name in names if name not in on_device]


def measure_parts(night: Night, bucket: int) -> dict[str, float]:
    """Run ``measure`` of every active part on one bucket and save what it returns; its seconds."""
    done = night.workspace.finished("measure", bucket)
    if done is not None:
        return done
    seconds: dict[str, float] = {}
    buckets = [bucket] if night.is_update else silver.buckets(night.lake)
    for part in _working(night):
        if part.measure is None:
            continue
        start = time.perf_counter()
        saved = _saved(night, part, buckets)
        for name, columns in part.measure(saved, bucket).items():
            night.workspace.save("measure", bucket, f"{part.name}.{name}", columns, saved.backend)
        seconds[part.name] = time.perf_counter() - start
    night.workspace.finish("measure", bucket, seconds)
    for part in _working(night):
        _discard(night, part.name, part.read_by_measure, [bucket])
    return seconds


def fit_part(night: Night, name: str) -> float:
    """Run ``fit`` of one active part and save what it returns; return its seconds.

    Parts see nothing of each other's fit, so they may be fitted in any order, or side by side. A
    part that an interrupted run has fitted is not fitted again.
    """
    [part] = [part for part in active(night.sources) if part.name == name]
    buckets = silver.buckets(night.lake)
    seconds = night.workspace.once("fitted", name, partial(_fit, night, part, buckets))
    _discard(night, name, part.read_by_fit, buckets)
    return seconds


def _fit(night: Night, part: Part, buckets: list[int]) -> None:
    host = get_backend("cpu")
    found = part.fit(_saved(night, part, buckets))
    for kind, columns in found.items() if isinstance(found, dict) else found:
        arrays = {key: _to_host(values, night) for key, values in columns.items()}
        night.workspace.save("fit", WHOLE, f"{part.name}.{kind}", arrays, host)
        del columns, arrays  # they are not there while the next set is made


def _discard(night: Night, part: str, names: tuple[str, ...], buckets: list[int]) -> None:
    """Delete sets of a part that nothing reads any more, where the disk is short."""
    if night.workspace.packed:
        for bucket, name in product(buckets, names):
            night.workspace.discard(bucket, f"{part}.{name}")


def publish_parts(night: Night, bucket: int, folder: Path) -> tuple[dict[str, int], Columns]:
    """Write the gold parts of one bucket of every part that works on it.

    Returns
    -------
    counts : dict of table to rows
    profile : Columns
        Further columns of the bucket's customer profiles.
    """
    host = get_backend("cpu")
    counts: dict[str, int] = {}
    profile: Columns = {}
    for part in _working(night):
        if night.is_update:
            _place(night, part, bucket)
        made = part.publish(_saved(night, part, [bucket]), bucket)
        profile |= made.pop(PROFILE, {})
        _check(part.name, "publish", part.tables, made)
        for name in part.tables:
            counts[name] = write_table(folder, name, made[name], host)
    return counts, profile


def _working(night: Night) -> list[Part]:
    """Return the active parts, of an update those that can make their tables for some customers."""
    return [part for part in active(night.sources) if part.can_update or not night.is_update]


def _place(night: Night, part: Part, bucket: int) -> None:
    """Make what ``publish`` needs of a bucket's customers in place of their rows in ``fit``."""
    if part.place is None:
        return
    saved = _saved(night, part, [bucket])
    for name, columns in part.place(saved, bucket).items():
        night.workspace.save("place", bucket, f"{part.name}.{name}", columns, saved.backend)


def publish_whole(
    night: Night, buckets: list[int], folder: Path, *, reads_published: bool
) -> dict[str, Path]:
    """Write the gold tables that parts make as a whole; return their part files.

    Parameters
    ----------
    reads_published : bool
        Those of parts that read what was published by bucket, or those of the others.
    """
    host = get_backend("cpu")
    parts: dict[str, Path] = {}
    for part in active(night.sources):
        if part.reads_published != reads_published:
            continue
        made = part.whole(_saved(night, part, buckets))
        _check(part.name, "whole", part.whole_tables, made)
        for name in part.whole_tables:
            write_table(folder, name, made[name], host)
            parts[name] = folder / f"{name}.parquet"
    return parts


def write_table(folder: Path, name: str, columns: Columns, backend: Backend) -> int:
    """Write a part file of a gold table; return its number of rows."""
    table = gold.to_arrow(columns, GOLD[name], backend)
    gold.write_part(folder / f"{name}.parquet", table)
    return int(table.num_rows)


def _saved(night: Night, part: Part, buckets: list[int]) -> Saved:
    return Saved(
        part=part.name,
        workspace=night.workspace,
        buckets=tuple(buckets),
        as_of_day=night.as_of_day,
        config=night.settings,
        device=night.backend,
        lake=night.lake,
        placed=buckets[0] if night.is_update else None,
    )


def _to_host(values: Any, night: Night) -> Any:
    return get_backend(night.backend).to_host(values) if hasattr(values, "dtype") else values


def _check(part: str, step: str, expected: tuple[str, ...], made: dict[str, Columns]) -> None:
    if set(expected) != set(made):
        msg = f"part {part}: {step} should make {sorted(expected)}, it made {sorted(made)}"
        raise RuntimeError(msg)
