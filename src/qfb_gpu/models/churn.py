"""Churn (流失预测): which customers will fall silent, or do much less, in the coming months.

Who left is told from the payments alone. At a cut-off day a customer *churned* where in the
horizon after it

- ``inactive``: it made and received no payment (retail, accounts without standing payments);
- ``fall``: it made fewer than a share of the payments that its own year before lets expect, and
  that is more than two standard deviations of a Poisson count (firms, whose standing payments go
  on for a while when they leave).

``auto`` takes ``inactive`` where at least 3% of customers fell silent at the training cut-offs.
Trees and a line (:mod:`qfb_gpu.models.blend`) learn at past cut-offs from features that end there
(:mod:`qfb_gpu.models.activity`, :mod:`qfb_gpu.models.yardstick`), on some customers; others
calibrate; a third part, at a later cut-off, tests. For a ``fall``, how much a customer does is left
out: of much a fall is sooner proved, which is no reason to leave. :data:`BASELINES`, rules of one
figure each, are calibrated likewise: where one of them ranks better, it is what is published.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from qfb_gpu.backend import BoostingOptions
from qfb_gpu.models import evaluation, sampling, yardstick
from qfb_gpu.models.activity import LEVELS
from qfb_gpu.models.blend import Blend, Learnt, files_of, fit_blend, loaded_files
from qfb_gpu.models.cutoff_spread import half_width, widened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from qfb_gpu.backend import Backend

Definition = Literal["inactive", "fall"]
RISKS = ("low", "medium", "high", "unknown")
NAME = "churn"
FEWEST = 30
"""Churned and staying rows that a fit needs of each."""
BASELINES: dict[str, dict[str, str]] = {
    "inactive": {
        "recency rule": "payments_days_since",
        "RFM quartiles": yardstick.RFM,
        "BG/NBD": "level_silent",
    },
    "fall": {"recency rule": "payments_gaps_since", "fewer trade payments": "trade_drop_90"},
}
"""Of each definition the rules that a model has to beat, and the feature that each reads."""
_ABOUT = "churn.json"
_OFTEN_SILENT = 0.03
_LEAST_EXPECTED = 5.0
_SURE = -2.0
_LEAST_TENURE = 90
_TINY = 1e-9
_ERROR_PARTS = 100_000
_MEDIUM_ODDS, _HIGH_ODDS = 1.5, 3.0
_FEW = BoostingOptions(n_trees=60, n_leaves=4, learning_rate=0.06, min_leaf_rows=30, l2=10.0)
_MANY = BoostingOptions(n_trees=120, n_leaves=10, learning_rate=0.06, min_leaf_rows=30, l2=10.0)
_MANY_CHURNED = 1_000
_EVIDENCE = 20.0
"""Payments of a year at which a customer's own score weighs as much as the base rate."""


@dataclass(frozen=True, slots=True)
class ChurnModel:
    """What turns features into a probability, its range and reasons.

    Attributes
    ----------
    names : tuple of str
        The features, in order.
    definition, horizon_days, fall_share
        What is predicted.
    base_rate : float
        Of the calibrating rows.
    edges, n_rows, n_true : arrays
        Calibrating rows by probability: upper edges of the bins but the last, rows, churned rows,
        as many as tell as much each of another customer (:func:`design_effect`).
    blend : Blend
    days_apart : float
        Half width of tonight's range, in log-odds, for what differs between days
        (:func:`qfb_gpu.models.cutoff_spread.half_width`).
    """

    names: tuple[str, ...]
    definition: Definition
    horizon_days: int
    fall_share: float
    base_rate: float
    edges: np.ndarray
    n_rows: np.ndarray
    n_true: np.ndarray
    blend: Blend
    days_apart: float = 0.0

    def same_question(self, other: ChurnModel) -> bool:
        """Say whether both predict the same thing from the same features."""
        asked = ("names", "definition", "horizon_days", "fall_share")
        return all(getattr(self, name) == getattr(other, name) for name in asked)

    def to_files(self) -> dict[str, bytes]:
        """Return the model as files of numbers."""
        about = {
            "names": list(self.names),
            "definition": self.definition,
            "horizon_days": self.horizon_days,
            "fall_share": self.fall_share,
            "base_rate": self.base_rate,
            "edges": self.edges.tolist(),
            "n_rows": self.n_rows.tolist(),
            "n_true": self.n_true.tolist(),
            "days_apart": self.days_apart,
        }
        return {_ABOUT: json.dumps(about, indent=1).encode(), **self.blend.to_files()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> ChurnModel:
        """Return what :meth:`to_files` wrote."""
        about = json.loads(files[_ABOUT])
        for name in ("edges", "n_rows", "n_true"):
            about[name] = np.array(about[name])
        about["names"] = tuple(about["names"])
        return cls(**about, blend=Blend.from_files(files))

    def matrix(self, features: Mapping[str, Any], xp: Any) -> Any:
        """Return the features it reads as float64, shape (n_rows, n_features)."""
        return xp.stack([xp.asarray(features[name], dtype="float64") for name in self.names], 1)

    def predict(self, features: Any, xp: Any = np) -> Any:
        """Return the calibrated probability of rows of :meth:`matrix`."""
        return self.blend.predict(features, xp)


def define(outcomes: Sequence[Mapping[str, Any]]) -> Definition:
    """Return what leaving means for these customers: see the module's text."""
    there = [np.asarray(o["n_before"]) > 0 for o in outcomes]
    silent = sum(
        int((np.asarray(o["came"])[t] == 0).sum()) for o, t in zip(outcomes, there, strict=True)
    )
    total = sum(int(t.sum()) for t in there)
    return "inactive" if silent >= _OFTEN_SILENT * max(total, 1) and silent else "fall"


def label(outcome: Mapping[str, Any], definition: Definition, fall_share: float) -> np.ndarray:
    """Return 1 where a customer churned after a cut-off, 0 where not, -1 where it cannot be told.

    Parameters
    ----------
    outcome : mapping
        :func:`qfb_gpu.models.activity.outcome`, host arrays.
    """
    came, expected = np.asarray(outcome["came"]), np.asarray(outcome["expected"])
    if definition == "inactive":
        known = np.asarray(outcome["n_before"]) > 0
        churned = came == 0
    else:
        is_old = np.asarray(outcome["tenure_days"]) >= _LEAST_TENURE
        known = (expected >= _LEAST_EXPECTED) & is_old
        sure = (came - expected) / np.sqrt(expected + 1) < _SURE
        churned = sure & (came < fall_share * expected)
    return np.where(known, churned, -1).astype(np.int8)


@dataclass(frozen=True, slots=True)
class Rows:
    """Customers at cut-offs, on the host; arrays of shape (n_rows,).

    Attributes
    ----------
    features : mapping of name to array
    key : int64 array
        The customer.
    churned : int8 array
        0 or 1, -1 where it cannot be told.
    side : int8 array
        Of :func:`qfb_gpu.models.sampling.sides`.
    back : int32 array or None
        Days from the cut-off to the as-of day; None: all are of one.
    """

    features: Mapping[str, Any]
    key: np.ndarray
    churned: np.ndarray
    side: np.ndarray
    back: np.ndarray | None = None


def fit(
    rows: Rows,
    question: tuple[Definition, int, float],
    *,
    seed: int,
    most_rows: int,
    backend: Backend,
    reads: tuple[str, ...] = (),
) -> ChurnModel | None:
    """Fit and calibrate on the rows that do not test.

    Parameters
    ----------
    rows : Rows
    question : (definition, horizon_days, fall_share)
    seed : int
    most_rows : int
        Of more, a stratified sample by customer.
    reads : tuple of str
        A line of these features alone, a rule as it were; empty: trees and a line of all.

    Returns
    -------
    ChurnModel or None
        None where fewer than ``FEWEST`` rows of a class can be fitted.
    """
    used = np.flatnonzero((rows.side != sampling.TEST) & (rows.churned >= 0))
    used, weight = _sampled(used, rows, most_rows, seed, backend)
    fits, true = rows.side[used] == sampling.FIT, rows.churned[used]
    n_true = int(true[fits].sum())
    if min(n_true, int(fits.sum()) - n_true) < FEWEST or fits.all():
        return None
    columns = {n: np.asarray(rows.features[n], np.float64)[used] for n in sorted(rows.features)}
    unfit = LEVELS if question[0] == "fall" else (yardstick.RFM,)
    names = reads or tuple(
        n for n, column in columns.items() if n not in unfit and np.isfinite(column[fits]).any()
    )
    values = np.stack([columns[name] for name in names], 1)
    options = _MANY if n_true >= _MANY_CHURNED else _FEW
    blend = fit_blend(
        Learnt(values, true > 0, ~fits, weight, rows.key[used]),
        seed=seed, options=None if reads else options, backend=backend,
    )  # fmt: skip
    said = blend.predict(values[~fits], np)
    edges, n_rows, n_churned = evaluation.by_score(said, true[~fits])
    alike = design_effect(true[~fits] - said, rows.key[used][~fits])
    back = np.zeros(said.size, np.int32) if rows.back is None else rows.back[used][~fits]
    return ChurnModel(
        names,
        *question,
        base_rate=float((true * weight)[~fits].sum() / weight[~fits].sum()),
        edges=edges,
        n_rows=n_rows / alike,
        n_true=n_churned / alike,
        blend=blend,
        days_apart=half_width(true[~fits] - said, said * (1 - said), back, question[1], alike),
    )


def design_effect(error: np.ndarray, key: np.ndarray) -> float:
    """Return how many rows tell as much as one whose customer is in no other; at least 1.

    Rows of a customer at several cut-offs err alike where something of it is not seen, so they
    tell less of others than as many customers would (J. N. K. Rao, A. J. Scott 1992, "A simple
    method for the analysis of clustered binary data", doi:10.2307/2532311).

    Parameters
    ----------
    error : float64 array, shape (n_rows,)
        What came less what was said. Summed in hundred-thousandths, so in any order alike.
    key : int64 array
        The customers.
    """
    whole = np.rint(error * _ERROR_PARTS).astype(np.int64)
    customer = np.unique(key, return_inverse=True)[1]
    sums = np.zeros(int(customer.max(initial=-1)) + 1, np.int64)
    np.add.at(sums, customer, whole)
    apart = int((whole * whole).sum())
    return max(1.0, int((sums * sums).sum()) / apart) if apart else 1.0


def _sampled(
    used: np.ndarray, rows: Rows, most: int, seed: int, backend: Backend
) -> tuple[np.ndarray, np.ndarray]:
    """Return rows, all of a customer or none, and what each stands for."""
    if used.size <= most:
        return used, np.ones(used.size)
    customers, place = np.unique(rows.key[used], return_inverse=True)
    ever = np.zeros(customers.size, dtype=np.int8)
    np.maximum.at(ever, place, rows.churned[used])
    share = most / used.size
    chosen, weight = sampling.stratified(
        backend.asarray(customers), backend.asarray(ever),
        share=share, floor=FEWEST * 10, cap=most, seed=seed, backend=backend,
    )  # fmt: skip
    kept = backend.to_host(chosen)[place]
    return used[kept], backend.to_host(weight)[place][kept]


def score(
    model: ChurnModel, features: Mapping[str, Any], n_payments: np.ndarray, backend: Backend
) -> dict[str, Any]:
    """Return each customer's probability, its 90% range, its level and what each feature added.

    Of a ``fall``, a customer of few payments is moved towards the base rate: with n payments of a
    year its own score weighs n / (n + 20). (Where silence is churn, few payments are themselves
    what tells, and most customers that the model learnt from have few.) The range is the Jeffreys
    interval of the share that churned among calibrating rows of like probability, as wide as if
    only so many of them counted, and as rows of one customer tell less than others; wider by how
    far the cut-offs were apart.

    Returns
    -------
    dict
        ``probability``, ``low``, ``high`` (float64), ``level`` (int8 of ``RISKS``), and of the
        rows ``explained``, whose level is above the lowest, ``added`` (n_explained, n_features):
        contributions to the log-odds. On the host.
    """
    xp = backend.xp
    values = model.matrix(features, xp)
    own = backend.to_host(model.predict(values, xp))
    shrinks = _EVIDENCE if model.definition == "fall" else 0.0
    weight = (n_payments + _TINY) / (n_payments + shrinks + _TINY)
    shrunk = weight * own + (1 - weight) * model.base_rate
    at = np.searchsorted(model.edges, own, side="left")
    held = np.maximum(model.n_rows[at], 1) * weight
    ends = evaluation.share_range(shrunk * held, held)
    low, high = widened(shrunk, *ends, model.days_apart)
    odds = _odds(shrunk) / max(_odds(model.base_rate), _TINY)
    level = (odds >= _MEDIUM_ODDS).astype(np.int8) + (odds >= _HIGH_ODDS)
    explained = np.flatnonzero(level > 0)
    return {
        "probability": shrunk,
        "low": np.minimum(low, shrunk),
        "high": np.maximum(high, shrunk),
        "level": level,
        "explained": explained,
        "added": backend.to_host(model.blend.contributions(values[backend.asarray(explained)], xp)),
    }


def _odds(probability: Any) -> Any:
    return probability / np.maximum(1 - probability, _TINY)


class _Loaded:
    """The model as MLflow serves it: a frame of features in, probabilities out."""

    def __init__(self, model: ChurnModel) -> None:
        self._model = model

    def predict(self, frame: Any) -> Any:
        """Return a frame of ``churn_probability``."""
        import pandas as pd

        values = self._model.matrix({name: frame[name] for name in self._model.names}, np)
        return pd.DataFrame({"churn_probability": self._model.predict(values)})


def read(folder: Path) -> ChurnModel | None:
    """Return the model of a version's files; None where it was kept before models had a line."""
    files = files_of(folder)
    return None if files is None else ChurnModel.from_files(files)


def _load_pyfunc(folder: str) -> _Loaded:
    return _Loaded(ChurnModel.from_files(loaded_files(folder)))
