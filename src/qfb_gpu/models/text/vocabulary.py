"""A model's dictionary and input rows, laid out for the kernels."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.errors import InputError
from qfb_gpu.models.text.model import END, LABEL_PREFIX, TextModel, dense
from qfb_gpu.models.text.strings import Spans, read_only
from qfb_kernels import ngrams, rows

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

_END_HASH = 3617362777
"""FNV-1a of ``</s>``."""
_NEVER_IN_UTF8 = 255
_WITH_END = 6
"""Place of the option whether a text ends with ``</s>``."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What the kernels need to turn texts into rows of ``table``, on a backend.

    Attributes
    ----------
    entry_data, entry_offsets, places, prefix
        The dictionary, its hash table, the label prefix.
    word_rows, word_offsets : int32, int64 arrays
        The rows of ``table`` that a word stands for, and where each word's begin.
    word_count : int64 array, shape (n_words,)
        Rows of the input matrix they stand for.
    kept : int32 array
        Row of each hash in a pruned model, -1 for none; empty where all are kept.
    options : int64 array, shape (7,)
        minn, maxn, word n-grams, bucket, hash and entry of ``</s>``, whether a text ends with it.
    table : float32 array, shape (n_rows, dim)
    """

    entry_data: Any
    entry_offsets: Any
    places: Any
    prefix: Any
    word_rows: Any
    word_offsets: Any
    word_count: Any
    kept: Any
    options: Any
    table: Any

    def fixed(self) -> Vocabulary:
        """Return the same arrays, read-only."""
        return Vocabulary(*(read_only(getattr(self, field.name)) for field in fields(self)))

    def reach(self) -> int:
        """Return about how many bytes of features a byte of text may need."""
        minn, maxn = int(self.options[0]), int(self.options[1])
        return 4 * (max(maxn - max(minn, 1) + 1, 0) + int(self.options[2]))


@dataclass(frozen=True, slots=True)
class Features:
    """Rows of a vocabulary's table: text ``i`` has ``count[i, 0]`` of them at ``first[i]``."""

    feature: Any
    first: Any
    count: Any


def vocabulary(model: TextModel, backend: Backend, *, in_order: bool) -> Vocabulary:
    """Lay out a model for the kernels.

    Parameters
    ----------
    model : TextModel
    backend : Backend
    in_order : bool
        A known word is its rows one by one, as fastText adds them; else one row, their sum.

    Raises
    ------
    InputError
        The model has n-grams but no rows for them.
    """
    words, settings = model.dictionary, model.settings
    if settings.bucket <= 0 and (settings.maxn > 0 or settings.word_ngrams > 1):
        msg = (
            f"the model has n-grams (maxn {settings.maxn}, word_ngrams {settings.word_ngrams}) but "
            "no bucket for them; train it with bucket > 0"
        )
        raise InputError(msg)
    plain = _empty(model, backend)
    n_words = words.n_words
    entries = Spans(
        plain.entry_data, plain.entry_offsets[:n_words], plain.entry_offsets[1 : n_words + 1]
    )
    found = features_of(entries, without_end(plain), backend)
    row_of, offsets = _word_rows(found, n_words, _end_entry(model), backend)
    places = _places(model)
    count = offsets[1:] - offsets[:-1]
    known = replace(plain, places=backend.asarray(places), word_count=count)
    table = backend.asarray(dense(model.input))
    if in_order or row_of.shape[0] == n_words:
        return replace(known, word_rows=row_of, word_offsets=offsets, table=table)
    sums = _sums(table, row_of, offsets, backend)
    xp = backend.xp
    return replace(
        known,
        word_rows=xp.arange(n_words, dtype="int32"),
        word_offsets=xp.arange(n_words + 1, dtype="int64"),
        table=xp.concatenate([sums, table[n_words:]]),
    )


def features_of(texts: Spans, words: Vocabulary, backend: Backend) -> Features:
    """Return the features of each text."""
    xp, texts, words = backend.xp, texts.fixed(), words.fixed()
    bound = xp.zeros((texts.n_texts, 2), dtype="int64")
    backend.launch(
        ngrams.bounds_cpu, ngrams.bounds_gpu, texts.n_texts,
        texts.data, texts.start, texts.stop, words.options, bound,
    )  # fmt: skip
    room = bound.sum(axis=1)
    first = xp.zeros(texts.n_texts + 1, dtype="int64")
    first[1:] = xp.cumsum(room)
    feature = xp.empty(max(int(first[-1]), 1), dtype="int32")
    count = xp.zeros((texts.n_texts, 2), dtype="int64")
    first = first[:-1]
    backend.launch(
        ngrams.features_cpu, ngrams.features_gpu, texts.n_texts,
        texts.data, texts.start, texts.stop, words.entry_data, words.entry_offsets, words.places,
        words.prefix, words.word_rows, words.word_offsets, words.word_count, words.kept,
        words.options, first, first + bound[:, 0], feature, count,
    )  # fmt: skip
    return Features(feature, first, count)


def means(found: Features, table: Any, backend: Backend) -> Any:
    """Return the mean input row of each text: float32, shape (n_texts, dim); 0 without features."""
    n_texts, dim = found.first.shape[0], table.shape[1]
    out = backend.xp.empty((n_texts, dim), dtype="float32")
    backend.launch(
        rows.means_cpu, rows.means_gpu, n_texts * dim,
        read_only(table), found.feature, found.first, found.count, out,
    )  # fmt: skip
    return out


def _empty(model: TextModel, backend: Backend) -> Vocabulary:
    """Return a vocabulary that knows no word: every word is its n-grams."""
    words, s = model.dictionary, model.settings
    options = [s.minn, s.maxn, s.word_ngrams, max(s.bucket, 1), _END_HASH, _end_entry(model), 1]
    host = {
        "entry_data": words.data if words.data.size else np.zeros(1, np.uint8),
        "entry_offsets": words.offsets,
        "places": np.full(1, -1, np.int32),
        "prefix": np.frombuffer(LABEL_PREFIX.encode(), np.uint8),
        "word_rows": np.zeros(0, np.int32),
        "word_offsets": np.zeros(1, np.int64),
        "word_count": np.zeros(words.n_words, np.int64),
        "kept": _kept(model),
        "options": np.array(options, np.int64),
    }
    device = {name: backend.asarray(array) for name, array in host.items()}
    return Vocabulary(**device, table=None)


def _with(options: Any, changes: dict[int, int]) -> Any:
    changed = options.copy()
    for place, value in changes.items():
        changed[place] = value
    return changed


def without_end(words: Vocabulary) -> Vocabulary:
    """Return the vocabulary for single words: no ``</s>``, no labels, no word n-grams."""
    no_prefix = words.prefix[:1] | _NEVER_IN_UTF8
    return replace(words, prefix=no_prefix, options=_with(words.options, {2: 1, _WITH_END: 0}))


def _end_entry(model: TextModel) -> int:
    for row in range(model.dictionary.n_words):
        if model.dictionary.entry(row) == END:
            return row
    return -1


def _places(model: TextModel) -> Any:
    n_entries = model.dictionary.is_label.shape[0]
    table = np.full(1 << max(2 * n_entries, 1).bit_length(), -1, np.int32)
    data = model.dictionary.data if model.dictionary.data.size else np.zeros(1, np.uint8)
    ngrams.fill_table_cpu(data, model.dictionary.offsets, table)
    return table


def _kept(model: TextModel) -> Any:
    pairs = model.dictionary.kept
    if pairs is None:
        return np.zeros(0, np.int32)
    kept = np.full(max(model.settings.bucket, 1), -1, np.int32)
    kept[pairs[:, 0]] = pairs[:, 1]
    return kept


def _word_rows(found: Features, n_words: int, end: int, backend: Backend) -> tuple[Any, Any]:
    """Return the input rows of each known word, its own first, and where each word's begin."""
    xp = backend.xp
    count = found.count[:, 0].copy()
    if end >= 0:
        count[end] = 0
    offsets = xp.zeros(n_words + 1, dtype="int64")
    offsets[1:] = xp.cumsum(count + 1)
    row_of = xp.empty(int(offsets[-1]), dtype="int32")
    row_of[offsets[:-1]] = xp.arange(n_words, dtype="int32")
    within = xp.arange(int(count.sum()), dtype="int64")
    starts = xp.cumsum(count) - count
    word = backend.repeat(xp.arange(n_words, dtype="int64"), count)
    within = within - starts[word]
    row_of[offsets[:-1][word] + 1 + within] = found.feature[found.first[word] + within]
    return row_of, offsets


def _sums(table: Any, row_of: Any, offsets: Any, backend: Backend) -> Any:
    xp = backend.xp
    n_words = offsets.shape[0] - 1
    count = xp.ones((n_words, 2), dtype="int64")
    count[:, 0] = offsets[1:] - offsets[:-1]
    return means(Features(row_of, offsets[:-1].copy(), count), table, backend)
