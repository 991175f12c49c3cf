"""What a fastText model is made of, as arrays.

Words come first in the dictionary, then labels. Row ``i`` of the input matrix is word ``i``, row
``n_words + h`` the n-grams that hash to ``h`` (to the rows kept, where the model is pruned). A row
of the output matrix is a label (``softmax``, ``ova``, ``ns``), an inner node of the Huffman tree of
the labels (``hs``), or a word (unsupervised).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Loss = Literal["hs", "ns", "softmax", "ova"]
Kind = Literal["cbow", "skipgram", "supervised"]
LOSSES: tuple[Loss, ...] = ("hs", "ns", "softmax", "ova")
KINDS: tuple[Kind, ...] = ("cbow", "skipgram", "supervised")
END = b"</s>"
"""The token that ends every line."""
LABEL_PREFIX = "__label__"
SPACE_IN_LABEL = "\u00a0"
"""Stands for a space in a label, which white space would end."""
_WHITE = re.compile(r"[ \t\n\r\f\v\0]")
_N_CENTROIDS = 256


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that a model file keeps; names as fastText's options.

    Attributes
    ----------
    loss, kind : str
    minn, maxn : int
        Characters of the shortest and longest n-gram; none where ``maxn`` is 0.
    word_ngrams : int
        Longest n-gram of words.
    bucket : int
        Rows that n-grams hash to.
    version : int
        Of the file format, 11 or 12.
    """

    dim: int
    ws: int
    epoch: int
    min_count: int
    neg: int
    word_ngrams: int
    loss: Loss
    kind: Kind
    bucket: int
    minn: int
    maxn: int
    lr_update_rate: int
    t: float
    version: int = 12


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Words, then labels, by falling count.

    Attributes
    ----------
    data : uint8 array
        The entries' UTF-8 bytes, one after the other.
    offsets : int64 array, shape (n_entries + 1,)
    count : int64 array, shape (n_entries,), how often each was seen in training
    is_label : int8 array, shape (n_entries,)
    n_tokens : int, words and labels seen in training
    kept : int32 array, shape (n_kept, 2), or None
        Of a pruned model: the hashes that have a row, and which; in the order of the file.
    """

    data: Any
    offsets: Any
    count: Any
    is_label: Any
    n_tokens: int
    kept: Any = None

    @property
    def n_words(self) -> int:
        """Number of words."""
        return int(self.is_label.shape[0] - self.is_label.sum())

    @property
    def n_labels(self) -> int:
        """Number of labels."""
        return int(self.is_label.sum())

    def entry(self, row: int) -> bytes:
        """Return the bytes of one entry."""
        return self.data[self.offsets[row] : self.offsets[row + 1]].tobytes()

    def labels(self, prefix: str = LABEL_PREFIX) -> tuple[str, ...]:
        """Return the labels without their prefix, spaces as spaces."""
        start = self.n_words
        texts = (self.entry(start + i).decode("utf-8", "replace") for i in range(self.n_labels))
        return tuple(text.removeprefix(prefix).replace(SPACE_IN_LABEL, " ") for text in texts)


@dataclass(frozen=True, slots=True)
class Quantiser:
    """A product quantiser: 256 centroids for each run of ``dsub`` dimensions.

    H. Jégou, M. Douze, C. Schmid, "Product Quantization for Nearest Neighbor Search",
    doi:10.1109/TPAMI.2010.57.
    """

    dim: int
    n_parts: int
    dsub: int
    last_dsub: int
    centroids: Any

    def rows(self, codes: Any) -> Any:
        """Return the rows that codes (uint8, shape (n_rows, n_parts)) stand for: float32."""
        out = np.empty((codes.shape[0], self.dim), np.float32)
        whole = _N_CENTROIDS * self.dsub
        for part in range(self.n_parts):
            width = self.last_dsub if part == self.n_parts - 1 else self.dsub
            table = self.centroids[part * whole : part * whole + _N_CENTROIDS * width]
            start = part * self.dsub
            out[:, start : start + width] = table.reshape(_N_CENTROIDS, width)[codes[:, part]]
        return out


@dataclass(frozen=True, slots=True)
class Quantised:
    """A matrix as codes; ``norms`` and ``norm_codes`` where row norms have codes of their own."""

    shape: tuple[int, int]
    codes: Any
    quantiser: Quantiser
    norm_codes: Any = None
    norms: Quantiser | None = None

    def dense(self) -> Any:
        """Return the matrix as float32."""
        rows = self.quantiser.rows(self.codes.reshape(self.shape[0], -1))
        if self.norms is not None:
            rows *= self.norms.rows(self.norm_codes.reshape(-1, 1))
        return rows


Matrix = Any
"""float32 array, shape (n_rows, dim); or :class:`Quantised`."""


def dense(matrix: Matrix) -> Any:
    """Return a matrix as a float32 array."""
    return matrix.dense() if isinstance(matrix, Quantised) else matrix


@dataclass(frozen=True, slots=True)
class TextModel:
    """A fastText model."""

    settings: Settings
    dictionary: Dictionary
    input: Matrix
    output: Matrix

    @property
    def is_quantised(self) -> bool:
        """Whether a matrix is kept as codes."""
        return isinstance(self.input, Quantised) or isinstance(self.output, Quantised)


def written(label: str) -> str:
    """Return a label as lines of fastText have it: without white space, with its prefix."""
    return LABEL_PREFIX + _WHITE.sub(SPACE_IN_LABEL, label)


def read_back(label: str) -> str:
    """Return a label as :meth:`Dictionary.labels` gives it: all white space is a space."""
    return _WHITE.sub(" ", label).replace(SPACE_IN_LABEL, " ")
