"""One call from rows to a model and its card: sample, split, search, measure, calibrate, refit."""

from __future__ import annotations

import hashlib
import importlib.metadata
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.models.text.evaluate import score, threshold_for
from qfb_gpu.models.text.fileformat import write_model
from qfb_gpu.models.text.model import read_back
from qfb_gpu.models.text.normalise import normalise
from qfb_gpu.models.text.predict import load_predictor
from qfb_gpu.models.text.sampling import Examples, held_out, row_keys, sample
from qfb_gpu.models.text.search import candidates
from qfb_gpu.models.text.train import epochs, train_supervised, train_unsupervised

if TYPE_CHECKING:
    import pyarrow as pa

    from qfb_gpu._config.text import TextTraining
    from qfb_gpu.backend import Backend
    from qfb_gpu.models.text.model import TextModel

_LEAST_TO_CALIBRATE = 50
_DEFAULT_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class Learned:
    """A trained model.

    Attributes
    ----------
    model : TextModel
    card : dict
        Plain values: what it is for, settings, measures, threshold, signature, hash of its file.
    unseen : Examples or None
        The rows of held-out counterparties that it was measured on, texts as it reads them.
    """

    model: TextModel
    card: dict[str, Any]
    unseen: Examples | None = None


@dataclass(frozen=True, slots=True)
class _Parts:
    """Rows to train on; of counterparties it knows; of others, to calibrate and to measure."""

    train: Examples
    seen: Examples
    calibrate: Examples
    unseen: Examples


def learn(rows: Examples, settings: TextTraining, backend: Backend) -> Learned:
    """Train a classifier on labelled rows and measure it.

    Parameters
    ----------
    rows : Examples
        From :func:`qfb_gpu.models.text.examples`, texts as they came.
    settings : TextTraining
    backend : Backend
        Predicts the rows held out; training is the library's, on the host.

    Raises
    ------
    InputError
        Fewer than two classes, or settings that cannot be trained.
    """
    rows = _normalised(rows, settings)
    parts = _split(rows, settings)
    settings, trials = _searched(parts, settings, backend)
    drawn = sample(parts.train, settings)
    model = train_supervised(drawn, settings)
    answers = {
        name: _answers(model, getattr(parts, name), backend)
        for name in ("seen", "calibrate", "unseen")
    }
    is_enough = parts.calibrate.n_rows >= _LEAST_TO_CALIBRATE
    threshold = (
        threshold_for(*answers["calibrate"], settings.precision)
        if is_enough
        else _DEFAULT_THRESHOLD
    )
    measures = {name: score(*answers[name], threshold) for name in ("seen", "unseen")}
    if settings.refit and settings.test_share > 0:
        drawn = sample(rows, settings)
        model = train_supervised(drawn, settings)
    card = _card(model, settings, drawn.n_rows) | {
        "threshold": threshold,
        "threshold_calibrated_on": parts.calibrate.n_rows if is_enough else 0,
        "precision_wanted": settings.precision,
        "trained_without_held_out_rows": not (settings.refit and settings.test_share > 0),
        "n_groups_held_out": len(np.unique(parts.unseen.group)),
        "seen_counterparties": measures["seen"].as_dict(),
        "unseen_counterparties": measures["unseen"].as_dict(),
        "labels": list(model.dictionary.labels()),
        "trials": trials,
    }
    return Learned(model, card, parts.unseen)


def learn_embedding(texts: pa.Array, settings: TextTraining) -> Learned:
    """Train an embedding on texts alone; nulls are left out."""
    texts = texts.drop_null()
    if settings.normalise:
        texts = normalise(texts)
    zeros = np.zeros(len(texts), np.int32)
    rows = sample(Examples(texts, zeros, ("",), zeros.astype(np.uint64)), settings)
    model = train_unsupervised(rows.text, settings)
    return Learned(model, _card(model, settings, rows.n_rows))


def _normalised(rows: Examples, settings: TextTraining) -> Examples:
    if not settings.normalise:
        return rows
    return Examples(normalise(rows.text), rows.label, rows.labels, rows.group)


def _split(rows: Examples, settings: TextTraining) -> _Parts:
    share, seed = settings.test_share, settings.seed
    is_out = held_out(rows.group, share, seed)
    half = held_out(rows.group, 0.5, seed + 1)
    is_seen = held_out(row_keys(rows, seed + 2), share / 2, seed + 3) & ~is_out
    return _Parts(
        rows.take(np.flatnonzero(~is_out & ~is_seen)),
        rows.take(np.flatnonzero(is_seen)),
        rows.take(np.flatnonzero(is_out & half)),
        rows.take(np.flatnonzero(is_out & ~half)),
    )


def _answers(model: TextModel, rows: Examples, backend: Backend) -> tuple[Any, Any, Any]:
    """Return truth, best label (both in the rows' numbering) and probability."""
    if rows.n_rows == 0:
        none = np.zeros(0, np.int32)
        return none, none, np.zeros(0, np.float32)
    found = load_predictor(model, backend).predict(rows.text)
    number = {read_back(name): i for i, name in enumerate(rows.labels)}
    of_model = np.array([*(number[name] for name in found.labels), -1], np.int32)
    return rows.label, of_model[found.label[:, 0]], found.probability[:, 0]


def _searched(
    parts: _Parts, settings: TextTraining, backend: Backend
) -> tuple[TextTraining, list[dict[str, Any]]]:
    """Try settings until the time is over; return the best on unseen counterparties, and all."""
    if settings.autotune_seconds <= 0:
        return settings, []
    judge = parts.calibrate if parts.calibrate.n_rows else parts.seen
    best, best_accuracy, trials = settings, -1.0, []
    start = time.perf_counter()
    for changes in candidates(settings):
        tried = settings.model_copy(update=changes)
        model = train_supervised(sample(parts.train, tried), tried)
        accuracy = score(*_answers(model, judge, backend), 0.0).accuracy
        trials.append({**changes, "accuracy": round(accuracy, 4)})
        if accuracy > best_accuracy:
            best, best_accuracy = tried, accuracy
        if time.perf_counter() - start > settings.autotune_seconds:
            break
    return best, trials


def _card(model: TextModel, settings: TextTraining, n_rows: int) -> dict[str, Any]:
    is_supervised = settings.kind == "supervised"
    outputs = ["category: string", "probability: float32", "is_unknown: bool"]
    return {
        "kind": settings.kind,
        "n_rows_trained": n_rows,
        "n_words": model.dictionary.n_words,
        "n_labels": model.dictionary.n_labels,
        "epochs": epochs(settings, n_rows),
        "settings": settings.model_dump(),
        "normalise": settings.normalise,
        "signature": {
            "inputs": ["description: string"],
            "outputs": outputs if is_supervised else [f"embedding: float32[{settings.dim}]"],
        },
        "library": f"fasttext-community {importlib.metadata.version('fasttext-community')}",
        "sha256": hashlib.sha256(write_model(model)).hexdigest(),
    }
