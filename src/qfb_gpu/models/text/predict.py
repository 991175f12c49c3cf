"""Categories and embeddings of texts: hash, gather, mean, product, best.

A text's hidden vector is the mean of the input rows of its features. Where nothing hangs on the
order of the sum, a known word is one row, the sum of its own and its n-grams', made once a model.
fastText reads the sigmoid of ``ova`` and ``ns`` from a table of 512 steps, which a last bit can
move by a whole step; there the rows are added one by one in its order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.errors import InputError
from qfb_gpu.models.text.model import dense
from qfb_gpu.models.text.scores import Scorer, scorer
from qfb_gpu.models.text.strings import distinct, spans, split_words
from qfb_gpu.models.text.vocabulary import (
    Features,
    Vocabulary,
    features_of,
    means,
    vocabulary,
    without_end,
)
from qfb_kernels import rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from qfb_gpu.backend import Backend
    from qfb_gpu.models.text.model import TextModel

_LEAST_BATCH = 256
"""Texts; fewer do not keep the threads of a device busy."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """The best labels of each text, best first.

    Attributes
    ----------
    label : int32 array, shape (n_texts, k)
        Index into ``labels``; -1 where the text has no feature at all.
    probability : float32 array, shape (n_texts, k)
        As fastText gives it, 1e-5 added; 0 where there is no label. Scores of ``ova`` and ``ns``
        do not sum to 1.
    labels : tuple of str
        Without their prefix.
    """

    label: Any
    probability: Any
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Predictor:
    """A model laid out on a backend; make it with :func:`load_predictor`."""

    model: TextModel
    words: Vocabulary
    scorer: Scorer | None
    backend: Backend

    def predict(self, texts: Any, k: int = 1) -> Predictions:
        """Return the ``k`` best labels of each text.

        Parameters
        ----------
        texts : Arrow strings (plain or dictionary), or a sequence of str
            A null has no label. Each distinct text is looked at once; a line end in a text is
            white space.
        k : int
            At most the number of labels.

        Raises
        ------
        InputError
            The model is unsupervised, or ``k`` is below 1.
        """
        if self.scorer is None:
            msg = f"a {self.model.settings.kind} model has no labels to predict; use embed"
            raise InputError(msg)
        if k < 1:
            msg = f"k is the number of labels a text gets: expected 1 or more, got {k}"
            raise InputError(msg)
        k = min(k, self.model.dictionary.n_labels)
        column = distinct(texts)
        n_texts = len(column.values)
        label = np.full((n_texts + 1, k), -1, np.int32)
        probability = np.zeros((n_texts + 1, k), np.float32)
        for first, last, found in self._batches(column.values):
            best, value = self._best(found, k, self.scorer)
            label[first:last] = self.backend.to_host(best)
            probability[first:last] = self.backend.to_host(value)
        labels = self.model.dictionary.labels()
        return Predictions(label[column.code], probability[column.code], labels)

    def embed(self, texts: Any) -> Any:
        """Return the vector of each text: float32, shape (n_texts, dim), on the host.

        A null has the zero vector. As fastText's sentence vectors: of a supervised model the mean
        of the rows of all features, of another the mean of its words' vectors of length 1.
        """
        column = distinct(texts)
        dim = self.model.settings.dim
        out = np.zeros((len(column.values) + 1, dim), np.float32)
        if self.model.settings.kind != "supervised":
            out[:-1] = self._sentences(column.values)
            return out[column.code]
        for first, last, found in self._batches(column.values):
            hidden = means(found, self.words.table, self.backend)
            out[first:last] = self.backend.to_host(hidden)
        return out[column.code]

    def output(self) -> Any:
        """Return the output matrix on the host: float32, shape (n_rows, dim)."""
        return dense(self.model.output)

    def _best(self, found: Features, k: int, score: Scorer) -> tuple[Any, Any]:
        xp = self.backend.xp
        chance = score.probabilities(means(found, self.words.table, self.backend), self.backend)
        column = xp.zeros((chance.shape[0], k), dtype="int32")
        value = xp.zeros((chance.shape[0], k), dtype="float32")
        self.backend.launch(rows.best_cpu, rows.best_gpu, chance.shape[0], chance, column, value)
        is_empty = found.count[:, :1] == 0
        label = score.label[column]
        return xp.where(is_empty, xp.int32(-1), label), xp.where(is_empty, xp.float32(0), value)

    def _batches(self, values: pa.Array) -> Iterator[tuple[int, int, Features]]:
        """Yield parts of the texts and their features, each within the backend's budget."""
        return batches(values, self.words, self._bytes_per_text(), self.backend)

    def _bytes_per_text(self) -> int:
        n_out = 0 if self.scorer is None else int(self.scorer.weight.shape[1])
        return 4 * (self.model.settings.dim + 4 * n_out)

    def _sentences(self, values: pa.Array) -> Any:
        """Return the mean of the words' unit vectors; each distinct word's is made once."""
        xp = self.backend.xp
        words, n_words = split_words(values)
        column = distinct(words)
        unit = np.zeros((max(len(column.values), 1), self.model.settings.dim), np.float32)
        single = without_end(self.words)
        for first, last, found in batches(
            column.values, single, self._bytes_per_text(), self.backend
        ):
            vector = means(found, self.words.table, self.backend)
            norm = xp.sqrt((vector * vector).sum(axis=1, keepdims=True))
            vector /= xp.where(norm > 0, norm, xp.float32(1))
            unit[first:last] = self.backend.to_host(vector)
        is_there = np.append((unit != 0).any(axis=1), False)[column.code]
        running = np.append(0, np.cumsum(is_there))
        count = np.column_stack([np.diff(n_words), np.diff(running[n_words])])
        found = Features(column.code.astype(np.int32), n_words[:-1], count)
        device = Features(
            *(
                self.backend.asarray(np.ascontiguousarray(a))
                for a in (found.feature, found.first, found.count)
            )
        )
        return self.backend.to_host(means(device, self.backend.asarray(unit), self.backend))


def load_predictor(model: TextModel, backend: Backend) -> Predictor:
    """Lay out a model on a backend, once, for any number of texts."""
    supervised = model.settings.kind == "supervised"
    in_order = supervised and model.settings.loss in ("ova", "ns")
    score = scorer(model, backend) if supervised else None
    return Predictor(model, vocabulary(model, backend, in_order=in_order), score, backend)


def batches(
    values: pa.Array, words: Vocabulary, bytes_per_text: int, backend: Backend
) -> Iterator[tuple[int, int, Features]]:
    """Yield ``first``, ``last`` and the features of the texts between, within the budget."""
    texts = spans(values, backend)
    budget = backend.memory_budget_bytes()
    average = int((texts.stop - texts.start).sum()) // max(texts.n_texts, 1)
    each = bytes_per_text + (average + 8) * (4 + words.reach())
    step = max(budget // each, _LEAST_BATCH)
    for first in range(0, texts.n_texts, step):
        last = min(first + step, texts.n_texts)
        yield first, last, features_of(texts.part(first, last), words, backend)
