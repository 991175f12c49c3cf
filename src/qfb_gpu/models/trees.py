"""Boosted trees as plain arrays: kept as numbers, read without pickles, walked on any backend.

All trees' nodes stand in one table; ``root`` says where each tree begins. A row goes left where
its value is at most the threshold, or is NaN and NaN goes left; its score is the base plus the
leaf values of all trees, then calibrated.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from qfb_gpu.backend import Boosted

FILE = "trees.npz"
_COLUMNS = {
    "feature": ("feature_idx", np.int32),
    "threshold": ("num_threshold", np.float64),
    "left": ("left", np.int32),
    "right": ("right", np.int32),
    "nan_left": ("missing_go_to_left", np.int8),
    "is_leaf": ("is_leaf", np.int8),
    "value": ("value", np.float64),
}


@dataclass(frozen=True, slots=True)
class Trees:
    """A calibrated ensemble.

    Attributes
    ----------
    feature, left, right : int32 arrays, shape (n_nodes,)
        Children are places in the table of all nodes.
    threshold, value, mean : float64 arrays, shape (n_nodes,)
        ``mean``: of the leaves below, weighted by fitted rows.
    nan_left, is_leaf : int8 arrays, shape (n_nodes,)
    root : int32 array, shape (n_trees,)
    base : float64 array, shape (1,)
        Log-odds before any tree.
    knots, probability : float64 arrays, shape (n_knots,)
        Isotonic calibration, linear between knots; none: the logistic line ``line``.
    line : float64 array, shape (2,)
        Slope and intercept of the log-odds.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    nan_left: np.ndarray
    is_leaf: np.ndarray
    value: np.ndarray
    mean: np.ndarray
    root: np.ndarray
    base: np.ndarray
    knots: np.ndarray
    probability: np.ndarray
    line: np.ndarray

    @classmethod
    def of(cls, model: Boosted) -> Trees:
        """Return a fitted model of the backend as arrays."""
        tables: dict[str, list[np.ndarray]] = {name: [] for name in (*_COLUMNS, "mean")}
        roots, start = [], 0
        for (tree,) in model.trees._predictors:  # noqa: SLF001
            nodes = tree.nodes
            for name, (source, dtype) in _COLUMNS.items():
                shift = start if name in ("left", "right") else 0
                tables[name].append(nodes[source].astype(dtype) + dtype(shift))
            tables["mean"].append(_means(nodes))
            roots.append(start)
            start += len(nodes)
        calibration = model.calibration
        is_line = calibration.kind == "sigmoid"
        nothing = np.empty(0)
        return cls(
            **{name: np.concatenate(parts) for name, parts in tables.items()},
            root=np.array(roots, dtype=np.int32),
            base=np.ravel(model.trees._baseline_prediction)[:1].astype(np.float64),  # noqa: SLF001
            knots=nothing if is_line else calibration.score,
            probability=nothing if is_line else calibration.probability,
            line=calibration.score if is_line else np.array([1.0, 0.0]),
        )

    def to_bytes(self) -> bytes:
        """Return the arrays as an ``.npz`` file."""
        target = io.BytesIO()
        np.savez(target, **{field.name: getattr(self, field.name) for field in fields(self)})
        return target.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Trees:
        """Return what :meth:`to_bytes` wrote; reads no pickles."""
        with np.load(io.BytesIO(content), allow_pickle=False) as found:
            return cls(**{field.name: found[field.name] for field in fields(cls)})

    def log_odds(self, features: Any, xp: Any) -> Any:
        """Return each row's score before calibration: float64, shape (n_rows,).

        Parameters
        ----------
        features : float64 array of ``xp``, shape (n_rows, n_features)
        """
        return self._walk(features, xp, None)

    def predict(self, features: Any, xp: Any) -> Any:
        """Return each row's calibrated probability: float64, shape (n_rows,)."""
        score = self.log_odds(features, xp)
        if self.knots.size:
            return xp.interp(score, xp.asarray(self.knots), xp.asarray(self.probability))
        return 1 / (1 + xp.exp(-(self.line[0] * score + self.line[1])))

    def contributions(self, features: Any, xp: Any) -> Any:
        """Return what each feature added to each row's log-odds: float64, as ``features``.

        A feature gets the change of the mean log-odds at each split on it along the row's path
        (A. Palczewska et al. 2014, doi:10.1007/978-3-319-04717-1_9).
        """
        added = xp.zeros(features.size)
        self._walk(features, xp, added)
        return xp.ascontiguousarray(added.reshape(features.shape[::-1]).T)

    def _walk(self, features: Any, xp: Any, added: Any) -> Any:
        """Return the scores; add contributions to ``added``, shape (n_features, n_rows)."""
        n_rows, n_features = features.shape
        column = self.feature.astype(np.int64) * n_rows
        nan_left = self.nan_left.astype(np.int64) * (n_features * n_rows)
        kids = np.stack([self.right, self.left], 1).astype(np.int64)
        kids[self.is_leaf > 0] = np.flatnonzero(self.is_leaf > 0)[:, None]
        change = self.mean[kids] - self.mean[:, None]
        read, place, kids, change, threshold, value = (
            xp.asarray(table)
            for table in (
                column + nan_left, column, kids.ravel(), change.ravel(), self.threshold, self.value,
            )
        )  # fmt: skip
        known = features.T.ravel()  # of a NaN no threshold is passed: it goes right; here, left:
        known = xp.concatenate([known, xp.where(xp.isnan(known), -xp.inf, known)])
        rows = xp.arange(n_rows)
        score = xp.full(n_rows, float(self.base[0]))
        for root, depth in zip(self.root.tolist(), self._depths().tolist(), strict=True):
            node = xp.full(n_rows, root, dtype="int64")
            for _ in range(depth):
                step = 2 * node + (known[read[node] + rows] <= threshold[node])
                if added is not None:
                    added[place[node] + rows] += change[step]
                node = kids[step]
            score = score + value[node]
        return score

    def _depths(self) -> np.ndarray:
        """Return the longest path of each tree: int64, shape (n_trees,)."""
        depth = np.zeros(self.root.size, dtype=np.int64)
        tree, node = np.arange(self.root.size), self.root
        while (inner := np.flatnonzero(self.is_leaf[node] == 0)).size:
            tree = np.tile(tree[inner], 2)
            node = np.concatenate([self.left[node[inner]], self.right[node[inner]]])
            depth[tree] += 1
        return depth


def _means(nodes: np.ndarray) -> np.ndarray:
    """Return the mean of the leaves below each node, by the rows that were fitted."""
    mean = np.where(nodes["is_leaf"] > 0, nodes["value"], 0.0)
    for at in range(len(nodes) - 1, -1, -1):  # a child stands after its parent
        if not nodes["is_leaf"][at]:
            left, right = int(nodes["left"][at]), int(nodes["right"][at])
            n_left, n_right = float(nodes["count"][left]), float(nodes["count"][right])
            mean[at] = (n_left * mean[left] + n_right * mean[right]) / (n_left + n_right)
    return np.asarray(mean)
