"""Customer segments by behaviour: groups of robust standard scores, by K-means or by density."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.models.segment_choice import choose_number
from qfb_gpu.models.segment_space import (
    DIGITS,
    FEATURES,
    first_rows,
    money_shifts,
    nearest_two,
    of_scores,
    scales,
    standardised,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qfb_gpu.backend import Backend
    from qfb_gpu.config import Segments
    from qfb_gpu.models.segment_space import Blocks

_DENSITY_ROWS = 20_000
_DENSITY_SHARE = 100
_MIN_SAMPLES = 5


@dataclass(frozen=True, slots=True)
class SegmentModel:
    """What turns features into a segment.

    Attributes
    ----------
    names : list of str
        The features, in order.
    centre, scale : list of float
        Median and robust standard deviation of each transformed feature.
    centres : list of list of float
        Standardised, a row a segment.
    ids : list of int
        The id of each row: 0, 1, ... from the largest on; from the second night on those of the
        segments of the night before that hold the same customers
        (:mod:`qfb_gpu.models.continuity`).
    choice : list of dict
        What each number of segments was worth, where there was a choice: ``n_segments``,
        ``silhouette``, ``stability``.
    money : dict of str to float
        Currency code to what is added to the log turnover of its customers, so that all can be
        compared; of a currency that is not in it turnover is not known. Empty: all are one.
    """

    names: list[str]
    centre: list[float]
    scale: list[float]
    centres: list[list[float]]
    ids: list[int] = field(default_factory=list)
    choice: list[dict[str, Any]] = field(default_factory=list)
    money: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Give each segment the number of its row where no ids are given."""
        if not self.ids:
            object.__setattr__(self, "ids", list(range(len(self.centres))))

    @property
    def chosen(self) -> dict[str, Any]:
        """What the number of segments was chosen by; empty where it was given."""
        return next((one for one in self.choice if one["n_segments"] == len(self.centres)), {})

    def renamed(self, ids: list[int]) -> SegmentModel:
        """Return the same segments under other ids."""
        return replace(self, ids=ids)

    def to_dict(self) -> dict[str, Any]:
        """Return the model as plain numbers, to be kept."""
        return asdict(self)


def fit_segments(features: Mapping[str, Any], settings: Segments, backend: Backend) -> SegmentModel:
    """Fit segments over all customers of a run.

    Parameters
    ----------
    features : mapping of arrays, shape (n_customers,)
        At least :data:`FEATURES`; NaN counts as the median.
    settings : Segments
        ``method`` is K-means, whose number :func:`choose_number` chooses where it is ``auto``, or
        HDBSCAN, which finds its own: the centres are then the means of the dense groups of a
        sample, and customers in no group go to the nearest.
    """
    return fit_and_place([features], settings, backend)[0]


def fit_and_place(
    blocks: Blocks, settings: Segments, backend: Backend, n_before: int = 0
) -> tuple[SegmentModel, dict[str, Any]]:
    """Fit segments over the customers of all blocks; return the model and where each belongs.

    Parameters
    ----------
    n_before : int
        Segments of the night before, see :func:`choose_number`; 0: there was none.

    Returns
    -------
    model : SegmentModel
    placed : dict of arrays, shape (n_customers,)
        What :func:`placement` returns of all customers, block by block.
    """
    names = [row[0] for row in FEATURES]
    money = money_shifts(blocks, backend)
    centre, scale = scales(blocks, money, backend)
    scores = of_scores(blocks, centre, scale, money, backend)
    sample = first_rows(scores, settings.sample_rows, backend)
    choice: list[dict[str, Any]] = []
    if settings.method == "hdbscan":
        centres = _dense_centres(sample, backend)
    else:
        n_segments, choice = choose_number(sample, settings, backend, n_before)
        centres = np.zeros((1, len(names)))
        if n_segments > 1:
            fitted = backend.kmeans(sample, n_segments, settings.seed)
            centres = np.round(np.asarray(backend.to_host(fitted), dtype="float64"), DIGITS)
    scores = of_scores(blocks, centre, scale, money, backend)
    found = [nearest_two(values, centres, backend) for values in scores]
    counts = np.zeros(len(centres), dtype=np.int64)
    for first, *_ in found:
        counts += np.bincount(backend.to_host(first), minlength=len(centres))
    order = sorted(range(len(centres)), key=lambda s: (-counts[s], centres[s].tolist()))
    model = SegmentModel(names, centre, scale, centres[order].tolist(), choice=choice, money=money)
    return model, _ordered(model, blocks, found, order, backend)


def _ordered(
    model: SegmentModel, blocks: Blocks, found: list[Any], order: list[int], backend: Backend
) -> dict[str, Any]:
    """Return the placement by the model's own order of centres, from that by another one.

    Blocks with a customer as far from one centre as from another are placed anew: of such
    centres the first counts.
    """
    row = np.full(len(order) + 1, -1, dtype=np.int32)  # the last: no second
    row[order] = np.arange(len(order))
    rows = backend.asarray(row)
    parts = []
    for features in blocks:
        first, away, second, further, is_tied = found.pop(0)  # and it is gone
        if bool(is_tied.any()):
            parts.append(placement(model, features, backend))
        else:
            parts.append(_placed(model, rows[first], away, rows[second], further, backend))
    xp = backend.xp
    return {name: xp.concatenate([part[name] for part in parts]) for name in parts[0]}


def _dense_centres(sample: Any, backend: Backend) -> np.ndarray:
    """Return the mean of each dense group of a sample; of all of it where there is none."""
    rows = sample[:_DENSITY_ROWS]
    size = max(_MIN_SAMPLES, rows.shape[0] // _DENSITY_SHARE)
    labels = np.full(rows.shape[0], -1)
    if rows.shape[0] > size:
        labels = np.asarray(backend.to_host(backend.hdbscan(rows, size, _MIN_SAMPLES)))
    host = backend.to_host(rows)
    groups = [host[labels == label] for label in range(int(labels.max()) + 1)] or [host]
    centres: np.ndarray = np.round(np.stack([group.mean(axis=0) for group in groups]), DIGITS)
    return centres


def assign(model: SegmentModel, features: Mapping[str, Any], backend: Backend) -> tuple[Any, Any]:
    """Return each customer's nearest segment and the distance to its centre.

    Returns
    -------
    segment_id : array of int32, shape (n_customers,)
    distance : array of float64, shape (n_customers,)
        Euclidean, in robust standard deviations.
    """
    placed = placement(model, features, backend)
    return placed["segment_id"], placed["segment_distance"]


def placement(model: SegmentModel, features: Mapping[str, Any], backend: Backend) -> dict[str, Any]:
    """Return where each customer belongs and how clearly.

    Returns
    -------
    dict of arrays, shape (n_customers,)
        ``segment_id`` (int32), ``segment_distance`` (robust standard deviations),
        ``segment_second_id`` (int32, the next nearest; -1 where there is none),
        ``segment_margin``: 1 at the centre, 0 on the border to the second; NaN without a second.
    """
    values = standardised(features, model.centre, model.scale, model.money, backend)
    first, away, second, further, _ = nearest_two(values, np.asarray(model.centres), backend)
    return _placed(model, first, away, second, further, backend)


def _placed(
    model: SegmentModel, first: Any, away: Any, second: Any, further: Any, backend: Backend
) -> dict[str, Any]:
    """Return the columns of :func:`placement`, from rows of the model's centres."""
    xp = backend.xp
    known = (second >= 0) & (further > 0)
    margin = xp.where(known, 1.0 - away / xp.where(known, further, 1.0), xp.nan)
    placed = {"segment_id": first, "segment_distance": away, "segment_second_id": second}
    return renamed({**placed, "segment_margin": margin}, model.ids, backend)


def renamed(placed: dict[str, Any], ids: list[int], backend: Backend) -> dict[str, Any]:
    """Return a placement in which each segment has the id at its number; -1 stays."""
    names = backend.asarray(np.array([*ids, -1], dtype=np.int32))
    asked = ("segment_id", "segment_second_id")
    return {**placed, **{name: names[placed[name]] for name in asked}}


def held(
    placed: dict[str, Any], previous_id: Any, margin: float, backend: Backend
) -> dict[str, Any]:
    """Return a placement in which who has not passed the border by a margin stays where it was.

    Parameters
    ----------
    placed : dict of arrays
        What :func:`placement` returns.
    previous_id : array of int32, shape (n_customers,)
        The segment of the night before, -1 where there was none.
    margin : float
        Of ``segment_margin``. Who stays has one of 0 or less, as the second is the nearer.
    """
    xp = backend.xp
    first, second = placed["segment_id"], placed["segment_second_id"]
    away, clear = placed["segment_distance"], placed["segment_margin"]
    stays = (previous_id >= 0) & (second == previous_id) & (clear < margin)
    left = xp.where(stays, 1.0 - clear, 1.0)  # how far of the distance to the second
    return {
        **placed,
        "segment_id": xp.where(stays, second, first),
        "segment_distance": xp.where(stays, away / left, away),
        "segment_second_id": xp.where(stays, first, second),
        "segment_margin": xp.where(stays, 1.0 - 1.0 / left, clear),
    }
