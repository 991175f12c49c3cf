"""Profile cards: what sets each segment apart, and three customers to look at.

Customers come in blocks. What is added up is added up without rounding, as whole numbers, so it is
the same in whatever blocks and order they come; a figure is rounded once.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.backend import get_backend
from qfb_gpu.models.segment_space import (
    CURRENCY,
    DIGITS,
    FEATURES,
    MONEY,
    of_scores,
    place_of_values,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qfb_gpu.backend import Backend
    from qfb_gpu.models.segment_space import Blocks
    from qfb_gpu.models.segments import SegmentModel

_WORDS = {name: words for name, _, words, _ in FEATURES}
_NOTABLE = 0.5
_TYPICAL = 3
_MOST_ROWS = 1 << 18
"""Rows whose sums, of whole numbers, are exact in float64."""
_HALF = 17
"""Bits of the lower half of a score of nine decimals."""
_PIECE, _LAST = 26, -3
"""Bits of a piece of a feature's value, and which piece is the last: the rest is below 2**-78."""


def profile_cards(
    model: SegmentModel, blocks: Blocks, segment_id: Any, distance: Any, keys: np.ndarray,
    backend: Backend,
) -> list[dict[str, Any]]:  # fmt: skip
    """Describe each segment.

    Parameters
    ----------
    model : SegmentModel
    blocks : sequence of features
    segment_id, distance : arrays, shape (n_customers,)
        Of the customers of all blocks, one block after the other.
    keys : int64 NumPy array, shape (n_customers,)
        Of customers whose scores are the same the least key comes first.
    backend : Backend

    Returns
    -------
    list of dict, one per segment
        ``segment_id``, ``n_customers``, ``share``, ``label`` (what is high and low, in words),
        ``feature`` (JSON: feature to mean, population mean, standard score, words) and ``typical``
        (rows of up to three customers nearest to the centre).
    """
    number = np.zeros(max(model.ids) + 1, dtype=np.int64)
    number[model.ids] = np.arange(len(model.ids))
    segment, away = number[backend.to_host(segment_id)], backend.to_host(distance)
    of_score, of_value = _Scores(len(model.ids)), _Values(len(model.ids))
    near: list[tuple[np.ndarray, ...]] = []
    start = 0
    scores = of_scores(blocks, model.centre, model.scale, model.money, backend)
    for features, standard in zip(blocks, scores, strict=True):
        stop = start + standard.shape[0]
        values = backend.to_host(standard)
        mine = segment[start:stop]
        for at in range(0, stop - start, _MOST_ROWS):
            rows = slice(at, at + _MOST_ROWS)
            of_score.add(values[rows], mine[rows])
            for name in model.names:
                of_value.add(name, _values(features, name, model, backend)[rows], mine[rows])
        near.append(_nearest(values, mine, away[start:stop], keys[start:stop], start))
        start = stop
    typical = _typical(near, len(model.ids))
    cards = []
    for at, segment_number in enumerate(model.ids):
        standing, n_customers = of_score.standing(at), of_score.n_rows[at]
        cards.append(
            {
                "segment_id": segment_number,
                "n_customers": n_customers,
                "share": n_customers / max(1, segment.size),
                "label": _label(standing),
                "feature": _feature_json(model.names, of_value, at, standing),
                "typical": typical[at],
            }
        )
    return cards


def _values(
    features: Mapping[str, Any], name: str, model: SegmentModel, backend: Backend
) -> np.ndarray:
    """Return a feature on the host; money of other currencies than the usual one is not known."""
    values = np.asarray(backend.to_host(features[name]))
    if name != MONEY or len(model.money) == 0:
        return values
    usual = next(int(code) for code, moved in model.money.items() if moved == 0)
    is_usual = np.asarray(backend.to_host(features[CURRENCY])) == usual
    return values if is_usual.all() else np.where(is_usual, values, np.nan)


class _Scores:
    """Sums of standard scores, in billionths, by segment, and of all customers' squares."""

    def __init__(self, n_segments: int) -> None:
        self.n_rows = [0] * n_segments
        self._sums = [[0] * len(FEATURES) for _ in range(n_segments)]
        self._squares = [0] * len(FEATURES)

    def add(self, values: np.ndarray, segment: np.ndarray) -> None:
        """Add the scores of some customers, at most ``_MOST_ROWS``."""
        n_segments = len(self.n_rows)
        for number, n in enumerate(np.bincount(segment, minlength=n_segments).tolist()):
            self.n_rows[number] += n
        for feature in range(values.shape[1]):
            whole = np.rint(values[:, feature] * 10.0**DIGITS)
            sums = np.bincount(segment, weights=whole, minlength=n_segments)
            for number, one in enumerate(sums.tolist()):
                self._sums[number][feature] += int(one)
            high = np.floor(whole * 2.0**-_HALF)
            low = whole - high * 2.0**_HALF
            squares = (int(high @ high) << 2 * _HALF) + (int(high @ low) << _HALF + 1)
            self._squares[feature] += squares + int(low @ low)

    def standing(self, number: int) -> list[float]:
        """Return how many standard deviations a segment's means are from all customers'."""
        n, n_own = sum(self.n_rows), self.n_rows[number]
        found = []
        for feature, squares in enumerate(self._squares):
            total, own = sum(row[feature] for row in self._sums), self._sums[number][feature]
            spread = math.sqrt((n * squares - total * total) / (n * n)) if n else 0.0
            known = n_own and spread > 0
            shift = (own * n - total * n_own) / (n_own * n) if known else 0.0
            found.append(round(shift / spread, 6) if known else 0.0)
        return found


class _Values:
    """Sums of features as they are, by segment: of what is known, a number for each piece."""

    def __init__(self, n_segments: int) -> None:
        self.n_segments = n_segments
        self._n_known: dict[str, np.ndarray] = {}
        self._pieces: dict[tuple[str, int], list[int]] = {}

    def add(self, name: str, values: np.ndarray, segment: np.ndarray) -> None:
        """Add a feature of some customers, at most ``_MOST_ROWS``; NaN is not known."""
        is_known = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(values.size, bool)
        own = segment[is_known]
        counts = np.bincount(own, minlength=self.n_segments)
        self._n_known[name] = self._n_known.get(name, 0) + counts
        rest = values[is_known].astype(np.float64)
        most = float(abs(rest).max(initial=0.0))
        for piece in range(max(math.frexp(most)[1] // _PIECE, _LAST), _LAST - 1, -1):
            if not rest.any():
                break
            whole = np.rint(np.ldexp(rest, -piece * _PIECE))
            rest = rest - np.ldexp(whole, piece * _PIECE)
            sums = np.bincount(own, weights=whole, minlength=self.n_segments).tolist()
            there = self._pieces.setdefault((name, piece), [0] * self.n_segments)
            self._pieces[name, piece] = [a + int(b) for a, b in zip(there, sums, strict=True)]

    def mean(self, name: str, numbers: range) -> float | None:
        """Return the mean over the customers of some segments; None where nothing is known."""
        n_known = int(self._n_known[name][numbers].sum())
        whole = sum(
            sums[number] << (piece - _LAST) * _PIECE
            for (of, piece), sums in self._pieces.items()
            if of == name
            for number in numbers
        )
        if not n_known:
            return None
        return float(f"{whole / (n_known << -_LAST * _PIECE):.9g}")


def _nearest(
    values: np.ndarray, segment: np.ndarray, away: np.ndarray, key: np.ndarray, start: int
) -> tuple[np.ndarray, ...]:
    """Return segment, distance, place by values, key, and row of who is nearest in each segment."""
    chosen = [np.zeros(0, np.int64)]
    for number in np.flatnonzero(np.bincount(segment)):
        rows = np.flatnonzero(segment == number)
        if rows.size > _TYPICAL:
            last = np.partition(away[rows], _TYPICAL - 1)[_TYPICAL - 1]
            rows = rows[away[rows] <= last]
        chosen.append(rows)
    rows = np.concatenate(chosen)
    place = place_of_values(values[rows], get_backend("cpu"))
    about = segment[rows], away[rows], place, key[rows], rows + start
    first = _first(about)  # all of those who have paid nothing for a year may be as near
    return tuple(column[first] for column in about)


def _first(near: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return the rows of the nearest of each segment, of equals the first by values, then key."""
    segment, away, place, key, _ = near
    order = np.lexsort((key, place, away, segment))
    begin = np.searchsorted(segment[order], segment[order])
    return order[np.arange(order.size) - begin < _TYPICAL]


def _typical(near: list[tuple[np.ndarray, ...]], n_segments: int) -> list[list[int]]:
    """Return the rows nearest to each centre."""
    every = tuple(np.concatenate(parts) for parts in zip(*near, strict=True))
    first = _first(every)
    segment, row = every[0][first], every[-1][first]
    return [row[segment == number].tolist() for number in range(n_segments)]


def _label(scores: list[float]) -> str:
    ranked = sorted(range(len(scores)), key=lambda i: (-abs(scores[i]), i))
    notable = [i for i in ranked if abs(scores[i]) >= _NOTABLE][:_TYPICAL]
    if not notable:
        return "close to the average 接近平均"
    words = [f"{_degree(i, scores[i])[0]} {FEATURES[i][2]}" for i in notable]
    words_zh = [f"{FEATURES[i][3]}{_degree(i, scores[i])[1]}" for i in notable]
    return f"{', '.join(words)} {'、'.join(words_zh)}"


def _degree(feature: int, score: float) -> tuple[str, str]:
    """Return how much there is of a feature, in both languages; what is counted is many or few."""
    name = FEATURES[feature][0]
    if "_n_" in name and not name.startswith("trend"):
        return ("many", "多") if score > 0 else ("few", "少")
    if "_days" in name:
        return ("many", "长") if score > 0 else ("few", "短")
    return ("high", "高") if score > 0 else ("low", "低")


def _feature_json(names: list[str], values: _Values, number: int, standing: list[float]) -> str:
    described = {
        name: {
            "mean": values.mean(name, range(number, number + 1)),
            "population_mean": values.mean(name, range(values.n_segments)),
            "standard_score": score,
            "words": _WORDS[name],
        }
        for name, score in zip(names, standing, strict=True)
    }
    return json.dumps(described)
