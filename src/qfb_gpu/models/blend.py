"""Trees and a line together: the mean of their log-odds, calibrated on rows that fitted neither.

Trees find what no line holds and need many rows; a line with a ridge carries far with few. Their
errors differ, so the mean is as good as the better of the two or better, for any number of rows
(measured in docs/models.md); no choice between them has to be made from few held-out rows.

References
----------
D. H. Wolpert (1992), "Stacked generalization", doi:10.1016/S0893-6080(05)80023-1; J. Platt (1999),
"Probabilistic outputs for support vector machines" (the calibrating line).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qfb_gpu.models import sampling
from qfb_gpu.models.line import Line, fit_line
from qfb_gpu.models.trees import FILE, Trees

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qfb_gpu.backend import Backend, BoostingOptions

LINE = "line.json"
_MOST_LINE_ROWS = 50_000
_LEAST_SLOPE = 1e-6
_FREE = 10.0
"""Ridge of the calibrating line: scikit-learn's C."""


@dataclass(frozen=True, slots=True)
class Blend:
    """A calibrated probability of rows of features.

    Attributes
    ----------
    line : Line
    trees : Trees or None
        None: the line alone.
    slope, intercept : float
        Of the calibration, by the mean of the log-odds.
    """

    line: Line
    trees: Trees | None
    slope: float
    intercept: float

    def to_files(self) -> dict[str, bytes]:
        """Return the model as files of numbers."""
        about = {**self.line.to_dict(), "calibration": [self.slope, self.intercept]}
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
        return score if self.trees is None else (score + self.trees.log_odds(features, xp)) / 2

    def predict(self, features: Any, xp: Any) -> Any:
        """Return each row's calibrated probability: float64, shape (n_rows,)."""
        return 1 / (1 + xp.exp(-(self.slope * self.log_odds(features, xp) + self.intercept)))

    def contributions(self, features: Any, xp: Any) -> Any:
        """Return what each feature added to each row's calibrated log-odds, as ``features``."""
        added = self.line.contributions(features, xp)
        if self.trees is not None:
            added = (added + self.trees.contributions(features, xp)) / 2
        return self.slope * added


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
    raw = Blend(line, trees, 1.0, 0.0)
    later = np.flatnonzero(held_out)
    if not label[later].any() or label[later].all():
        return raw
    said = raw.log_odds(features[later], np)[:, None]
    known = fit_line(said, label[later], weight[later], _FREE)
    slope = max(float(known.slope[0]), _LEAST_SLOPE)
    shift = known.intercept - float(known.slope[0]) * float(known.center[0])
    return Blend(line, trees, slope, shift)
