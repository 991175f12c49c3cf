"""From hidden vectors to the probability of each label, by the loss that trained the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.models.text.model import TextModel, dense
from qfb_gpu.models.text.strings import read_only
from qfb_kernels import rows

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

_ADDED = np.float32(1e-5)
"""fastText adds it to a probability before the logarithm, and so gives it back."""
_STEPS, _REACH = 512, 8
"""Steps of fastText's table of the sigmoid, and where it ends."""
_HUGE = 10**15


@dataclass(frozen=True, slots=True)
class Scorer:
    """Scores texts.

    Attributes
    ----------
    weight : float32 array, shape (dim, n_rows)
        The output matrix, turned.
    loss : str
    label : int32 array, shape (n_labels,)
        The label of each column of the scores.
    sigmoid : float32 array, shape (513,)
    levels : tuple of (parent, node, inner row, is right) arrays
        Of the tree of ``hs``, from the root down.
    """

    weight: Any
    loss: str
    label: Any
    sigmoid: Any
    levels: tuple[tuple[Any, ...], ...]
    leaf: Any

    def probabilities(self, hidden: Any, backend: Backend) -> Any:
        """Return float32 scores, shape (n_texts, n_labels), of hidden vectors.

        As fastText gives them: 1e-5 is added.
        """
        products = backend.xp.empty((hidden.shape[0], self.weight.shape[1]), dtype="float32")
        weight = read_only(self.weight)
        backend.launch(
            rows.products_cpu, rows.products_gpu, products.size, hidden, weight, products
        )
        if self.loss == "softmax":
            return _softmax(products, backend) + _ADDED
        if self.loss == "hs":
            return self._tree(products, backend.xp)
        return self._table(products, backend.xp) + _ADDED

    def _table(self, products: Any, xp: Any) -> Any:
        """Return the sigmoid as fastText reads it: from a table, 0 and 1 beyond its ends."""
        inside = xp.clip(products, -_REACH, _REACH)
        step = (inside + xp.float32(_REACH)) * xp.float32(_STEPS) / xp.float32(2 * _REACH)
        values = self.sigmoid[step.astype("int64")]
        values = xp.where(products < -_REACH, xp.float32(0), values)
        return xp.where(products > _REACH, xp.float32(1), values)

    def _tree(self, products: Any, xp: Any) -> Any:
        """Add logarithms from the root of the tree to its leaves."""
        right = xp.float32(1) / (xp.float32(1) + xp.exp(-products))
        width = 2 * self.leaf.shape[0] - 1
        score = xp.zeros((products.shape[0], width), dtype="float32")
        for parent, node, inner, is_right in self.levels:
            chance = right[:, inner]
            chance = xp.where(is_right, chance, xp.float32(1) - chance)
            score[:, node] = score[:, parent] + xp.log(chance.astype("float64") + 1e-5).astype(
                "float32"
            )
        return xp.exp(score[:, self.leaf])


def scorer(model: TextModel, backend: Backend) -> Scorer:
    """Lay out what follows a model's hidden layer on a backend."""
    loss, n_labels = model.settings.loss, model.dictionary.n_labels
    weight = np.ascontiguousarray(dense(model.output).T)
    levels: tuple[tuple[Any, ...], ...] = ()
    leaf = np.arange(n_labels, dtype=np.int64)
    if loss == "hs":
        counts = model.dictionary.count[model.dictionary.n_words :]
        parent, is_right = huffman(counts)
        levels = tuple(
            tuple(backend.asarray(a) for a in level) for level in _levels(parent, is_right)
        )
        leaf = _visited(parent, is_right, n_labels)
    steps = np.arange(_STEPS + 1, dtype=np.float32) * np.float32(2 * _REACH) / np.float32(_STEPS)
    at = (steps - np.float32(_REACH)).astype(np.float64)
    sigmoid = (1.0 / (1.0 + np.exp(-at.astype(np.float32)).astype(np.float64))).astype(np.float32)
    return Scorer(
        backend.asarray(weight),
        loss,
        backend.asarray(leaf.astype(np.int32)),
        backend.asarray(sigmoid),
        levels,
        backend.asarray(leaf),
    )


def _softmax(products: Any, backend: Backend) -> Any:
    shifted = backend.xp.exp(products - products.max(axis=1, keepdims=True))
    backend.launch(rows.shares_cpu, rows.shares_gpu, shifted.shape[0], shifted)
    return shifted


def huffman(counts: Any) -> tuple[Any, Any]:
    """Return the parent of each node of the labels' Huffman tree (-1: root), and who is right.

    Leaves are the labels, by falling count; inner nodes follow in the order they are made, the
    root last. A leaf is taken before an inner node only where its count is smaller.

    D. A. Huffman, "A Method for the Construction of Minimum-Redundancy Codes",
    doi:10.1109/JRPROC.1952.273898.
    """
    n_labels = len(counts)
    n_nodes = 2 * n_labels - 1
    count = np.full(n_nodes, _HUGE, np.int64)
    count[:n_labels] = counts
    parent, is_right = np.full(n_nodes, -1, np.int64), np.zeros(n_nodes, bool)
    leaf, inner = n_labels - 1, n_labels
    for made in range(n_labels, n_nodes):
        total = 0
        for side in (False, True):
            if leaf >= 0 and count[leaf] < count[inner]:
                child, leaf = leaf, leaf - 1
            else:
                child, inner = inner, inner + 1
            parent[child], is_right[child] = made, side
            total += int(count[child])
        count[made] = total
    return parent, is_right


def _levels(parent: Any, is_right: Any) -> list[tuple[Any, ...]]:
    """Return (parent, node, row of the output matrix, is right) of each depth below the root."""
    n_labels = (len(parent) + 1) // 2
    depth = np.zeros(len(parent), np.int64)
    for below in range(len(parent) - 2, -1, -1):
        depth[below] = depth[parent[below]] + 1
    found = []
    for level in range(1, int(depth.max(initial=0)) + 1):
        node = np.flatnonzero(depth == level)
        found.append((parent[node], node, parent[node] - n_labels, is_right[node]))
    return found


def _visited(parent: Any, is_right: Any, n_labels: int) -> Any:
    """Return the leaves from left to right, the order in which fastText comes to them."""
    children = np.zeros((len(parent), 2), np.int64)
    below = np.flatnonzero(parent >= 0)
    children[parent[below], is_right[below].astype(np.int64)] = below
    leaves, waiting = [], [len(parent) - 1]
    while waiting:
        node = waiting.pop()
        if node < n_labels:
            leaves.append(node)
        else:
            waiting += [children[node, 1], children[node, 0]]
    return np.array(leaves, np.int64)
