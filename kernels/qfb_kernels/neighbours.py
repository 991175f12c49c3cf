"""The nearest rows by Euclidean distance, leaf by leaf of a k-d tree; on the host alone.

Known rows stand in leaves of one width, the values of a feature side by side, so that a leaf is
measured in vectors. How far the box of a leaf is from a row is never more than how far a row in it
is, to the last bit: both add up squares of the features in order.
"""

from __future__ import annotations

import math

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

_FIRST = 3
"""Leaves that are looked at before all others: those whose boxes are nearest."""


def _boxes_away(own, row, low, high, bound):
    """Write the squared distance from a row to each leaf's box."""
    for leaf in range(bound.shape[0]):
        bound[leaf] = 0.0
    for feature in range(own.shape[1]):
        at = own[row, feature]
        nothing = at - at  # in the type of the rows: a literal would make it float64
        for leaf in range(bound.shape[0]):
            off = max(low[feature, leaf] - at, at - high[feature, leaf], nothing)
            bound[leaf] += off * off


def _nearest_box(bound):
    """Return the leaf whose box is nearest."""
    least = 0
    for leaf in range(bound.shape[0]):
        if bound[leaf] < bound[least]:
            least = leaf
    return least


def _rows_away(own, row, point, leaf, begin, end, away):
    """Add to the squared distance from a row to each row of a leaf what some features give."""
    for feature in range(begin, end):
        at = own[row, feature]
        for slot in range(away.shape[0]):
            off = at - point[leaf, feature, slot]
            away[slot] += off * off


def _n_within(away, most):
    """Return how many rows of a leaf are nearer than that."""
    n = 0
    for slot in range(away.shape[0]):
        n += int(away[slot] < most)
    return n


def _keep(away, place, leaf, nearest, found, row):
    """Put those of a leaf that are nearer than the last one kept in their places."""
    last = nearest.shape[0] - 1
    for slot in range(away.shape[0]):
        if away[slot] < nearest[last]:
            at = last
            while at > 0 and away[slot] < nearest[at - 1]:
                nearest[at], found[row, at] = nearest[at - 1], found[row, at - 1]
                at -= 1
            nearest[at], found[row, at] = away[slot], place[leaf, slot]


boxes_away, nearest_box, rows_away = twin(_boxes_away), twin(_nearest_box), twin(_rows_away)
n_within, keep = twin(_n_within), twin(_keep)
_boxes_away_cpu, _nearest_box_cpu, _rows_away_cpu = boxes_away.cpu, nearest_box.cpu, rows_away.cpu
_n_within_cpu, _keep_cpu = n_within.cpu, keep.cpu


@rows_of("scratch")
def neighbours_cpu(row_from, row_to, own, low, high, point, place, n_before, scratch, found):
    """Write to each row of ``found`` as many places as it has columns, the nearest first.

    Parameters
    ----------
    own : float32, shape (n_rows, n_features)
    low, high : float32, shape (n_features, n_leaves), the box of each leaf
    point : float32, shape (n_leaves, n_features, width), inf where a leaf has no further row
    place : int64, shape (n_leaves, width)
    n_before : int
        Features after which a leaf is left that has no row nearer by them than those kept.
    scratch : float32, shape (n_parts, n_leaves + width + n_nearest), a row for a part of the rows
    found : int64, shape (n_rows, n_nearest), of no more than there are known rows
    """
    n_leaves, width = place.shape
    last = found.shape[1] - 1
    for part in range(row_from, row_to):
        bound, away = scratch[part, :n_leaves], scratch[part, n_leaves : n_leaves + width]
        nearest = scratch[part, n_leaves + width :]
        for row in range(part, own.shape[0], scratch.shape[0]):
            _boxes_away_cpu(own, row, low, high, bound)
            for at in range(last + 1):
                nearest[at] = math.inf
            for turn in range(_FIRST + n_leaves):
                leaf = _nearest_box_cpu(bound) if turn < _FIRST else turn - _FIRST
                if bound[leaf] >= nearest[last]:
                    continue
                for slot in range(width):
                    away[slot] = 0.0
                _rows_away_cpu(own, row, point, leaf, 0, n_before, away)
                if _n_within_cpu(away, nearest[last]) > 0:
                    _rows_away_cpu(own, row, point, leaf, n_before, own.shape[1], away)
                    _keep_cpu(away, place, leaf, nearest, found, row)
                bound[leaf] = math.inf
