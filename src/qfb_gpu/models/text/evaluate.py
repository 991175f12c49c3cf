"""How good a model is, and from which probability on its answer is to be trusted.

Two hold-outs: rows of counterparties that the model knows (a random split, which flatters), and
counterparties it has never seen. The threshold of ``unknown`` is set on one half of the latter
and measured on the other.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

_NEVER = 1.01
_RIGHT_BUT_UNSURE = 0.01


@dataclass(frozen=True, slots=True)
class Score:
    """What came of some rows.

    Attributes
    ----------
    n_rows : int
    accuracy : float
        Share of rows whose best label is right.
    macro_f1 : float
        Mean over the classes that the rows have of the harmonic mean of precision and recall.
    coverage : float
        Share of rows whose probability reaches the threshold.
    precision : float
        Share of those that are right; NaN where there is none.
    """

    n_rows: int
    accuracy: float
    macro_f1: float
    coverage: float
    precision: float

    def as_dict(self) -> dict[str, Any]:
        """Return plain numbers for the card; NaN becomes None."""
        return {k: None if v != v else round(v, 4) for k, v in asdict(self).items()}  # noqa: PLR0124


def score(truth: Any, label: Any, probability: Any, threshold: float) -> Score:
    """Return how good some answers are.

    Parameters
    ----------
    truth, label : int arrays, shape (n_rows,)
        Negative ``truth``: a class that the model does not have; negative ``label``: no answer.
    probability : float array, shape (n_rows,)
    threshold : float
    """
    if len(truth) == 0:
        return Score(0, float("nan"), float("nan"), float("nan"), float("nan"))
    is_right = (label == truth) & (truth >= 0)
    is_known = probability >= threshold
    precision = float(is_right[is_known].mean()) if is_known.any() else float("nan")
    return Score(
        len(truth),
        float(is_right.mean()),
        _macro_f1(truth, label),
        float(is_known.mean()),
        precision,
    )


def _macro_f1(truth: Any, label: Any) -> float:
    n_classes = int(max(truth.max(initial=-1), label.max(initial=-1))) + 1
    if n_classes == 0:
        return 0.0
    there, said = truth >= 0, label >= 0
    right = np.bincount(truth[(truth == label) & there], minlength=n_classes)
    size = np.bincount(truth[there], minlength=n_classes)
    called = np.bincount(label[said], minlength=n_classes)
    is_there = size > 0
    return (
        float((2 * right / np.maximum(size + called, 1))[is_there].mean())
        if is_there.any()
        else 0.0
    )


def threshold_for(truth: Any, label: Any, probability: Any, precision: float) -> float:
    """Return the least probability from which on answers are right with a given precision.

    The precision of all answers at and above it is at least ``precision``; 1.01, which no answer
    reaches, where there is no such probability. Where nearly all answers are right it is the
    probability that one right answer of a hundred falls short of: lower ones are unlike all that
    the model was right about.
    """
    if len(truth) == 0:
        return 0.5
    order = np.argsort(-probability, kind="stable")
    right = np.cumsum((label == truth)[order])
    share = right / np.arange(1, len(order) + 1)
    ordered = probability[order]
    is_last = np.append(ordered[1:] != ordered[:-1], True)
    good = np.flatnonzero((share >= precision) & is_last)
    if not len(good):
        return _NEVER
    usual = np.quantile(probability[label == truth], _RIGHT_BUT_UNSURE, method="lower")
    return float(max(ordered[good[-1]], usual))
