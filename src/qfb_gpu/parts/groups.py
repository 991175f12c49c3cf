"""Segments and tiers of all customers, held together with those of the night before."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu import profile
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import to_day
from qfb_gpu.keys import find
from qfb_gpu.lake.earlier import ReaderBefore
from qfb_gpu.lake.texts import hash_texts
from qfb_gpu.ledger import NULL_DAY, Labelled
from qfb_gpu.models import continuity, segment_cards, segment_space, segments
from qfb_gpu.parts.part import WHOLE

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.config import Config
    from qfb_gpu.lake.work import Workspace
    from qfb_gpu.models.segment_space import Blocks
    from qfb_gpu.models.segments import SegmentModel

NONE = -1
_BEFORE = "previous_as_of_day"
_STAGE = "groups"
_READ_AT_ONCE = 4
"""Features of the night before that are read at a time: more is memory, fewer opens files more."""


@dataclass(frozen=True, slots=True)
class Before:
    """The night before, for the customers of this night in their order; ``NONE`` where not there.

    Attributes
    ----------
    as_of_day : int
    segment_id, tier : int32 and int8 arrays, shape (n_customers,)
    n_gone : int
        Customers of the night before that are not there any more.
    n_segments, last_id : int
        Segments of the night before, and the highest of their ids.
    """

    as_of_day: int
    segment_id: np.ndarray
    tier: np.ndarray
    n_gone: int
    n_segments: int
    last_id: int


@dataclass(slots=True)
class Groups:
    """What the night knows of its groups.

    Attributes
    ----------
    columns : dict of arrays or Labelled, a row a customer
        ``segment_*``, ``tier``, ``lifecycle``.
    model : SegmentModel
    cards : list of dict
        See :func:`qfb_gpu.models.segment_cards.profile_cards`.
    moves : dict
        ``row`` (customer), ``from_segment_id``, ``to_segment_id``; and ``previous_as_of_day``.
    drift : dict of columns of ``segment_drift``; empty on a first night
    population : dict of NumPy arrays, a row a customer
        What :func:`place_groups` needs of all customers: ``customer_key``, those of
        :data:`qfb_gpu.profile.MEASURES`, and ``previous_segment_id`` and ``previous_tier``,
        ``NONE`` where there was none.
    """

    columns: dict[str, Any]
    model: SegmentModel
    cards: list[dict[str, Any]]
    moves: dict[str, Any]
    drift: dict[str, Any] = field(default_factory=dict)
    population: dict[str, Any] = field(default_factory=dict)


def fit_groups(
    blocks: Blocks, customer_keys: np.ndarray, config: Config, backend: Backend, run_id: str = ""
) -> Groups:
    """Group every customer; keep number, ids, tiers and who is at a border as the night before.

    Parameters
    ----------
    blocks : sequence of mapping of name to array
        The features of all customers, some customers after the other: of the backend, or the host.
    customer_keys : int64 NumPy array, shape (n_customers,)
    run_id : str
        Of this night: what it has published before it died is not of the night before.
    """
    last = ReaderBefore(config.output_dir, run_id)
    before = read_before(last, config, customer_keys)
    n_before = 0 if before is None else before.n_segments
    model, placed = segments.fit_and_place(blocks, config.segments, backend, n_before)
    now = np.asarray(backend.to_host(placed["segment_id"]))  # rows of the model so far
    if before is not None:
        known = before.segment_id >= 0
        ids = continuity.match_ids(
            before.segment_id[known], now[known], len(model.centres), before.last_id
        )
        model, placed = model.renamed(ids), segments.renamed(placed, ids, backend)
        was_in = backend.asarray(before.segment_id)
        placed = segments.held(placed, was_in, config.segments.least_margin, backend)
        now = np.asarray(backend.to_host(placed["segment_id"]))
    away = placed["segment_distance"]
    cards = segment_cards.profile_cards(model, blocks, now, away, customer_keys, backend)
    none = np.full(customer_keys.shape[0], NONE, np.int8)
    was = none.astype(np.int32) if before is None else before.segment_id
    population = {
        "customer_key": customer_keys,
        **{name: _column(blocks, name, backend) for name in profile.MEASURES},
        "previous_segment_id": was,
        "previous_tier": none if before is None else before.tier,
    }
    standing = _standing(blocks, population, before, config, backend)
    moves = _moves(before, now)
    groups = Groups({**placed, **standing}, model, cards, moves, population=population)
    if before is not None:
        groups.drift = _drift(last, before, now, moves, blocks, backend)
    return groups


def _column(blocks: Blocks, name: str, backend: Backend) -> np.ndarray:
    """Return a feature of all customers, on the host."""
    return np.concatenate([backend.to_host(block[name]) for block in blocks])


def _standing(
    blocks: Blocks,
    population: dict[str, Any],
    before: Before | None,
    config: Config,
    backend: Backend,
) -> dict[str, Any]:
    """Return tier and lifecycle of all customers."""
    stages = []
    for block in blocks:
        asked = {name: backend.asarray(block[name]) for name in profile.STAGES}
        stages.append(profile.lifecycle(asked, backend))
    tier = profile.tier(
        {name: backend.asarray(population[name]) for name in profile.MEASURES},
        backend,
        previous_tier=None if before is None else backend.asarray(before.tier),
        margin=config.segments.tier_margin,
    )
    return {
        "lifecycle": Labelled(backend.xp.concatenate(stages), profile.LIFECYCLES),
        "tier": Labelled(tier, profile.TIERS),
    }


def put(groups: Groups, workspace: Workspace, backend: Backend) -> Groups:
    """Save what has a row a customer; return the rest, which is small enough to travel."""
    rows = {name: values for name, values in groups.moves.items() if name != _BEFORE}
    for name, columns in (("columns", groups.columns), ("moves", rows)):
        workspace.save(_STAGE, WHOLE, name, columns, backend)
    workspace.save(_STAGE, WHOLE, "population", groups.population, get_backend("cpu"))
    return replace(groups, columns={}, moves={_BEFORE: groups.moves[_BEFORE]}, population={})


def taken(small: Groups, workspace: Workspace) -> Groups:
    """Return what :func:`put` was given; arrays are on the host, mapped."""
    moves = {**small.moves, **workspace.load(_STAGE, WHOLE, "moves")}
    population = workspace.load(_STAGE, WHOLE, "population")
    return replace(small, columns=placed(workspace), moves=moves, population=population)


def placed(workspace: Workspace) -> dict[str, Any]:
    """Return ``columns`` of what :func:`put` was given, mapped."""
    return workspace.load(_STAGE, WHOLE, "columns")


def place_groups(
    features: dict[str, Any],
    customer_keys: np.ndarray,
    model: SegmentModel,
    population: dict[str, Any],
    config: Config,
    backend: Backend,
) -> dict[str, Any]:
    """Return ``segment_*``, ``tier`` and ``lifecycle`` of some customers beside all of a night.

    Parameters
    ----------
    features : dict of arrays of the backend, shape (n_customers,)
    customer_keys : int64 NumPy array, shape (n_customers,)
    model : SegmentModel
    population : dict of NumPy arrays
        :attr:`Groups.population`, ascending by key. Who is not in it had neither before.
    """
    at, is_there = find(population["customer_key"], customer_keys, np)
    previous = np.where(is_there, population["previous_tier"][at], NONE).astype(np.int8)
    standing = profile.standing(
        features,
        to_day(config.as_of),
        backend,
        previous_tier=backend.asarray(previous),
        margin=config.segments.tier_margin,
        among={name: backend.asarray(population[name]) for name in profile.MEASURES},
    )
    was = np.where(is_there, population["previous_segment_id"][at], NONE).astype(np.int32)
    placed = segments.placement(model, features, backend)
    least = config.segments.least_margin
    return {**segments.held(placed, backend.asarray(was), least, backend), **standing}


def read_before(last: ReaderBefore, config: Config, customer_keys: np.ndarray) -> Before | None:
    """Return the profiles published last, if they are of no later day; else None."""
    wanted = ["customer_id", "as_of", "segment_id", "tier"]
    if not {*wanted} <= {*last.there("customer_profiles")}:
        return None
    found = []
    for part in last.parts("customer_profiles", wanted):
        table = part()
        if table.num_rows == 0:
            continue
        as_of = table.column("as_of")[0].as_py()
        if as_of > config.as_of:
            return None
        keys = hash_texts(_texts(table.column("customer_id")))
        tier = pc.index_in(_texts(table.column("tier")), value_set=pa.array(profile.TIERS))
        tier = tier.fill_null(NONE).to_numpy(zero_copy_only=False).astype(np.int8)
        found.append((keys, table.column("segment_id").to_numpy(), tier))
    if not found:
        return None
    keys, segment, tiers = (np.concatenate(columns) for columns in zip(*found, strict=True))
    order = np.argsort(keys)
    place, is_there = find(keys[order], customer_keys, np)
    row = order[place]
    return Before(
        to_day(as_of),
        np.where(is_there, segment[row], NONE).astype(np.int32),
        np.where(is_there, tiers[row], NONE).astype(np.int8),
        int(keys.size - is_there.sum()),
        int(np.unique(segment).size),
        int(segment.max()),
    )


def _texts(column: Any) -> pa.Array:
    values = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    values = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    return values.cast(pa.string())


def _moves(before: Before | None, now: np.ndarray) -> dict[str, Any]:
    rows = np.zeros(0, np.int64)
    if before is not None:
        rows = np.flatnonzero((before.segment_id >= 0) & (before.segment_id != now))
    return {
        "row": rows,
        "from_segment_id": np.zeros(0, np.int32) if before is None else before.segment_id[rows],
        "to_segment_id": now[rows],
        _BEFORE: NULL_DAY if before is None else before.as_of_day,
    }


def _drift(
    last: ReaderBefore,
    before: Before,
    now: np.ndarray,
    moves: dict[str, Any],
    blocks: Blocks,
    backend: Backend,
) -> dict[str, Any]:
    there = {*last.there("customer_profiles")}
    names, indices = [name for name, *_ in segment_space.FEATURES], {}
    for some in (names[at : at + _READ_AT_ONCE] for at in range(0, len(names), _READ_AT_ONCE)):
        was = _was(last, [name for name in some if name in there])
        for name in some:
            values = _column(blocks, name, backend).astype("float64")
            indices[name] = continuity.stability_index(was.get(name, np.zeros(0)), values)
    n_both = int((before.segment_id >= 0).sum())
    n_new = before.segment_id.size - n_both
    n_segments = before.n_segments, int(np.unique(now).size)
    return continuity.drift(indices, moves["row"].size, n_both, n_new, before.n_gone, n_segments)


def _was(last: ReaderBefore, names: list[str]) -> dict[str, np.ndarray]:
    """Return features of the night before, null as NaN, of money beyond 2**53 the nearest."""
    table = last("customer_profiles", names).cast(
        pa.schema([(name, pa.float64()) for name in names]), safe=False
    )
    return {name: table.column(name).fill_null(float("nan")).to_numpy() for name in names}


def move_table(groups: Groups, as_of_day: int, moved: Any) -> dict[str, Any]:
    """Return the columns of ``segment_moves``; ``moved``: the ids of who moved."""
    moves = groups.moves
    n = moves["row"].size
    return {
        "customer_id": moved,
        "as_of": np.full(n, as_of_day, np.int32),
        "previous_as_of": np.full(n, moves[_BEFORE], np.int32),
        "from_segment_id": moves["from_segment_id"],
        "to_segment_id": moves["to_segment_id"],
    }


def drift_table(groups: Groups) -> dict[str, Any]:
    """Return the columns of ``segment_drift``."""
    empty = {"measure": [], "value": np.zeros(0), "alarm_above": np.zeros(0),
             "is_alarm": np.zeros(0, bool)}  # fmt: skip
    columns = groups.drift or empty
    return {**columns, "measure": pa.array(columns["measure"], pa.string())}


def choice_table(model: SegmentModel) -> dict[str, Any]:
    """Return the columns of ``segment_choice``: what each number of segments was worth."""
    number = np.array([one["n_segments"] for one in model.choice], np.int32)
    return {
        "n_segments": number,
        "silhouette": np.array([one["silhouette"] for one in model.choice], np.float64),
        "stability": np.array([one["stability"] for one in model.choice], np.float64),
        "is_chosen": number == len(model.centres),
    }
