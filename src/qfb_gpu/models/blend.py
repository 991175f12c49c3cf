"""Trees and a line together: a mean of their log-odds, calibrated on rows that fitted neither.

Trees find what no line holds and need many rows; a line with a ridge carries far with few. Their
errors differ, so of few rows the plain mean is as good as the better of the two, or better
(measured in docs/models.md). Another weight is taken only where the calibrating rows' log-loss is
lower by more than a standard error: few rows do not choose.

References
----------
D. H. Wolpert (1992), "Stacked generalization", doi:10.1016/S0893-6080(05)80023-1; J. Platt (1999),
"Probabilistic outputs for support vector machines" (the calibrating line).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qfb_gpu.models import sampling
from qfb_gpu.models.line import Line, fit_in_one_thread, fit_line
from qfb_gpu.models.trees import FILE, Trees

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qfb_gpu.backend import Backend, BoostingOptions

LINE = "line.json"
_MOST_LINE_ROWS = 50_000
_LEAST_SLOPE = 1e-6
_FREE = 10.0
"""Ridge of the calibrating line: scikit-learn's C."""
_SHARES = (0.5, 0.0, 0.25, 0.75, 1.0)
"""Weights of the trees; the first stands unless another is surely better."""


@dataclass(frozen=True, slots=True)
class Blend:
    """A calibrated probability of rows of features.

    Attributes
    ----------
    line : Line
    trees : Trees or None
        None: the line alone.
    share : float
        Weight of the trees' log-odds, the rest the line's.
    slope, intercept : float
        Of the calibration, by that mean of the log-odds.
    """

    line: Line
    trees: Trees | None
    share: float
    slope: float
    intercept: float

    def to_files(self) -> dict[str, bytes]:
        """Return the model as files of numbers."""
        about = {**self.line.to_dict(), "calibration": [self.share, self.slope, self.intercept]}
        files = {LINE: json.dumps(about, indent=1).encode()}
        return files if self.trees is None else {**files, FILE: self.trees.to_bytes()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Blend:
        """Return what :meth:`to_files` wrote."""
        about = json.loads(files[LINE])
        trees = Trees.from_bytes(files[FILE]) if FILE in files else None
        return cls(Line.from_dict(about), trees, *about["calibration"])

    def log_odds(self, features: Any, xp: Any) -> Any:
        """Return each row's log-odds before calibration: float64, shape (n_rows,)."""
        score = self.line.log_odds(features, xp)
        if self.trees is None:
            return score
        return (1 - self.share) * score + self.share * self.trees.log_odds(features, xp)

    def predict(self, features: Any, xp: Any) -> Any:
        """Return each row's calibrated probability: float64, shape (n_rows,)."""
        return 1 / (1 + xp.exp(-(self.slope * self.log_odds(features, xp) + self.intercept)))

    def contributions(self, features: Any, xp: Any) -> Any:
        """Return what each feature added to each row's calibrated log-odds, as ``features``."""
        added = self.line.contributions(features, xp)
        if self.trees is not None:
            trees = self.trees.contributions(features, xp)
            added = (1 - self.share) * added + self.share * trees
        return self.slope * added


def files_of(folder: Path) -> dict[str, bytes] | None:
    """Return the files of a version of a model; None where it was kept before it had a line."""
    files = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
    return files if LINE in files else None


def loaded_files(folder: str) -> dict[str, bytes]:
    """Return what :func:`files_of` does, for MLflow, which has to load what it is asked for."""
    files = files_of(Path(folder))
    if files is None:
        msg = f"{folder}: expected {LINE}, as models have it now; run the night to have a new one"
        raise ValueError(msg)
    return files


class Learnt(NamedTuple):
    """Rows to learn from; arrays of shape (n_rows,).

    ``features``: float64, (n_rows, n_features); ``label``: bool; ``held_out``: bool, rows that
    calibrate; ``weight``: float64; ``key``: int64, the customer.
    """

    features: np.ndarray
    label: np.ndarray
    held_out: np.ndarray
    weight: np.ndarray
    key: np.ndarray


def fit_blend(
    rows: Learnt, *, seed: int, options: BoostingOptions | None, backend: Backend
) -> Blend:
    """Fit on the rows that are not held out, calibrate on those that are.

    Parameters
    ----------
    rows : Learnt
        Of both classes among those that are not held out. Of very many the line is fitted on
        those of some customers.
    seed : int
    options : BoostingOptions or None
        None: no trees.
    """
    from threadpoolctl import threadpool_limits

    features, label, held_out, weight, key = rows
    share = _MOST_LINE_ROWS / max(int((~held_out).sum()), 1)
    of_line = ~held_out
    if share < 1:
        chosen = of_line & (sampling.place(key, seed + 2, np) < share)
        of_line = chosen if label[chosen].any() and not label[chosen].all() else of_line
    line = fit_line(features[of_line], label[of_line], weight[of_line])
    trees = None
    if options is not None:
        boosted = backend.fit_boosting(
            backend.asarray(features), backend.asarray(label),
            held_out=backend.asarray(held_out), sample_weight=backend.asarray(weight),
            seed=seed, options=options,
        )  # fmt: skip
        trees = Trees.of(boosted)
    later = np.flatnonzero(held_out)
    if not label[later].any() or label[later].all():
        return Blend(line, trees, _SHARES[0], 1.0, 0.0)
    of_line = line.log_odds(features[later], np)
    of_trees = of_line if trees is None else trees.log_odds(features[later], np)
    shares = _SHARES if trees is not None else _SHARES[:1]
    with threadpool_limits(1):
        found = _weighed(of_line, of_trees, label[later], weight[later], shares)
    return Blend(line, trees, *found)


def _weighed(
    line: np.ndarray,
    trees: np.ndarray,
    label: np.ndarray,
    weight: np.ndarray,
    shares: tuple[float, ...],
) -> tuple[float, float, float]:
    """Return the trees' share and the calibration's slope and intercept, from log-odds of rows."""
    order = np.lexsort((line, trees, weight, label))
    line, trees, label, weight = line[order], trees[order], label[order], weight[order]
    found = {}
    for share in shares:
        score = (1 - share) * line + share * trees
        known = fit_in_one_thread(score[:, None], label, weight, _FREE)
        slope, shift = (
            float(known.slope[0]),
            known.intercept - float((known.slope * known.center)[0]),
        )
        if slope < _LEAST_SLOPE:
            slope, shift = _LEAST_SLOPE, _flat(score, label, weight)
        loss = np.logaddexp(0.0, np.where(label, -1.0, 1.0) * (slope * score + shift))
        found[share] = (slope, shift, loss)
    usual = found[shares[0]][2]
    chosen, most = shares[0], 0.0
    for share in shares[1:]:
        gain = usual - found[share][2]
        mean = float(np.average(gain, weights=weight))
        error = float(np.sqrt(np.average((gain - mean) ** 2, weights=weight) / gain.size))
        if mean > error and mean > most:
            chosen, most = share, mean
    return chosen, found[chosen][0], found[chosen][1]


def _flat(score: np.ndarray, label: np.ndarray, weight: np.ndarray) -> float:
    """Return the shift with which a line of the least slope says the share that came true.

    Where the calibrating rows say that a higher score means less, the order is kept (a test
    decides what it is worth) and everyone is given their mean.
    """
    share = float(np.average(label, weights=weight))
    return float(np.log(share / (1 - share))) - _LEAST_SLOPE * float(
        np.average(score, weights=weight)
    )
