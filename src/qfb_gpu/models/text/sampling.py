"""Which rows a model is trained on and which it is measured on, by hashes of what the rows say.

Neither the order of the rows nor their number on a worker changes the choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.keys import mixed
from qfb_gpu.models.text.strings import distinct
from qfb_kernels.text import hash_text_cpu

if TYPE_CHECKING:
    from qfb_gpu._config.text import TextTraining


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows to learn from.

    Attributes
    ----------
    text : pyarrow string array, without nulls
    label : int32 array, shape (n_rows,)
        Index into ``labels``.
    labels : tuple of str, ascending
    group : uint64 array, shape (n_rows,)
        Hash of whose description it is; of the text where that is not known.
    """

    text: pa.Array
    label: Any
    labels: tuple[str, ...]
    group: Any

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.label.shape[0])

    def take(self, rows: Any) -> Examples:
        """Return some rows."""
        return Examples(
            self.text.take(pa.array(rows)), self.label[rows], self.labels, self.group[rows]
        )


def examples(text: pa.Array, label: pa.Array, group: pa.Array | None) -> Examples:
    """Put the rows together that have a text and a label.

    Parameters
    ----------
    text, label : pyarrow string arrays, nulls allowed
    group : pyarrow string array or None
    """
    texts, names = distinct(text), distinct(label)
    order = np.argsort(np.array(names.values.to_pylist(), dtype=object), kind="stable")
    rank = np.empty(len(order) + 1, np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    rank[-1] = -1
    hashes = np.append(hashed(texts.values), np.uint64(0))[texts.code]
    if group is not None:
        groups = distinct(group)
        known = np.append(hashed(groups.values), np.uint64(0))[groups.code]
        hashes = np.where(groups.code >= 0, known, hashes)
    is_there = (texts.code >= 0) & (names.code >= 0)
    rows = np.flatnonzero(is_there)
    taken = texts.values.take(pa.array(texts.code[rows]))
    labels = tuple(names.values.take(pa.array(order)).to_pylist())
    return Examples(taken, rank[names.code[rows]], labels, hashes[rows])


def hashed(texts: pa.Array) -> Any:
    """Return the hash of each text: uint64."""
    out = np.zeros(len(texts), np.int64)
    _, offsets, data = texts.buffers()
    if len(texts):
        ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
        hash_text_cpu(np.frombuffer(data or b"\0", np.uint8), ends, out)
    return out.view(np.uint64)


def held_out(group: Any, share: float, seed: int) -> Any:
    """Return which rows are of the share of groups that is held out: bool, shape (n_rows,)."""
    return mixed(group, seed, np) < np.uint64(int(share * 2**32) << 32)


def row_keys(rows: Examples, seed: int) -> Any:
    """Return a random number of each row, by its text, label, group and repetition."""
    texts = distinct(rows.text)
    base = mixed(hashed(texts.values)[texts.code], seed, np)
    base ^= mixed(rows.label.astype(np.uint64), seed, np)
    base = mixed(base ^ rows.group, seed, np)
    order = np.argsort(base, kind="stable")
    return mixed(base + repetition(base, order).astype(np.uint64), seed + 1, np)


def repetition(key: Any, order: Any) -> Any:
    """Return how many rows before it in ``order``, which sorts ``key``, have a row's key."""
    ordered = key[order]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(key) else order
    size = np.diff(np.append(starts, len(key)))
    within = np.arange(len(key)) - np.repeat(starts, size)
    out = np.empty(len(key), np.int64)
    out[order] = within
    return out


def sample(rows: Examples, settings: TextTraining) -> Examples:
    """Return a stratified sample in a random order that depends on the rows' values alone.

    Every class gives the same share of its rows, but at least ``floor`` (or all it has) and at
    most ``cap``; no text and label are there more than ``copies`` times.
    """
    texts = distinct(rows.text)
    pair = texts.code * len(rows.labels) + rows.label
    key = row_keys(rows, settings.seed)
    once = repetition(pair, np.lexsort((key, pair))) < settings.copies
    rows, key = rows.take(np.flatnonzero(once)), key[once]
    count = np.bincount(rows.label, minlength=len(rows.labels))
    wanted = _wanted(count, settings)
    order = np.lexsort((key, rows.label))
    place = repetition(rows.label, order)
    chosen = np.flatnonzero(place < wanted[rows.label])
    return rows.take(chosen[np.argsort(key[chosen], kind="stable")])


def _wanted(count: Any, settings: TextTraining) -> Any:
    """Return the rows of each class that a sample of at most ``max_rows`` takes."""
    low, high = 0.0, 1.0
    most = np.minimum(count, settings.cap)
    least = np.minimum(most, settings.floor)
    if most.sum() <= settings.max_rows:
        return most
    for _ in range(60):
        rate = (low + high) / 2
        wanted = np.clip(np.floor(rate * count), least, most)
        low, high = (rate, high) if wanted.sum() <= settings.max_rows else (low, rate)
    return np.clip(np.floor(low * count), least, most).astype(np.int64)
