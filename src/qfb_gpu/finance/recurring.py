"""Shares of the total that recur across contracts: one-dimensional clusters, all groups at once.

For contracts whose clause is missing or unreadable, and as a check of those that were read. A
cluster is a peak of the density of payment shares in a group (a category of contracts): a share
that far more payments fall on than its neighbourhood would give by chance. Unlike linkage by
gaps it does not chain through a background of odd shares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.finance.joins import starts

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

NARROW = 25
"""Half width of a cluster, basis points."""
_WIDE = 300
"""Half width of the neighbourhood that says what chance gives."""
_FEWEST = 3
_DEVIATIONS = 3.0
_SPAN = 1 << 32


def recurring_shares(group: Any, basis_points: Any, backend: Backend) -> dict[str, Any]:
    """Return the shares that recur in each group.

    Parameters
    ----------
    group : int64 array, shape (n_payments,), 0 .. n_groups - 1
    basis_points : int64 array, shape (n_payments,)
        Share of the total of one payment, hundredths of a per cent, -2**31 .. 2**31.

    Returns
    -------
    dict of arrays, shape (n_clusters,), by group, then share
        ``group`` and ``basis_points`` (int64; the densest share, the lowest of equal ones),
        ``n_payments`` (int64, within ``NARROW`` of it). A cluster has at least three payments and
        three standard deviations (Poisson) more than its neighbourhood would give.
    """
    xp = backend.xp
    key = xp.sort(group * _SPAN + basis_points + _SPAN // 2)
    narrow = _within(key, NARROW, xp)
    wide = _within(key, _WIDE, xp) - _within(key, 2 * NARROW, xp)
    chance = wide * (NARROW / (_WIDE - 2 * NARROW))
    dense = (narrow >= _FEWEST) & (narrow > chance + _DEVIATIONS * xp.sqrt(chance))
    key, narrow = key[dense], narrow[dense]
    exact = _within(key, 0, xp)
    best = _peaks(key, narrow * _SPAN + exact, backend)
    key, narrow = key[best], narrow[best]
    first = starts((key,), backend)
    key, narrow = key[first], narrow[first]
    return {
        "group": key // _SPAN,
        "basis_points": key % _SPAN - _SPAN // 2,
        "n_payments": narrow.astype("int64"),
    }


def _within(key: Any, reach: int, xp: Any) -> Any:
    """Return how many keys lie within ``reach`` of each."""
    high = xp.searchsorted(key, key + reach, side="right")
    return high - xp.searchsorted(key, key - reach, side="left")


def _peaks(key: Any, height: Any, backend: Backend) -> Any:
    """Return which keys are the highest within twice ``NARROW``; of equal ones the lowest key.

    Greedy from the highest: a peak takes everything within its reach, then the next highest of
    what is left. As a peak silences its neighbours only, a few rounds of local maxima do it.
    """
    xp = backend.xp
    n = key.shape[0]
    is_peak = xp.zeros(n, dtype=bool)
    alive = xp.ones(n, dtype=bool)
    while bool(alive.any()):
        rows = xp.nonzero(alive)[0]
        keys, heights = key[rows], height[rows]
        low = xp.searchsorted(keys, keys - 2 * NARROW, side="left")
        high = xp.searchsorted(keys, keys + 2 * NARROW, side="right")
        order = backend.lexsort((-heights, keys))
        place = xp.empty(rows.shape[0], dtype="int64")
        place[order] = xp.arange(rows.shape[0])
        best = place == _range_min(place, low, high, xp)
        is_peak[rows[best]] = True
        silenced = xp.zeros(rows.shape[0] + 1, dtype="int64")
        silenced += xp.bincount(low[best], minlength=silenced.shape[0])
        silenced -= xp.bincount(high[best], minlength=silenced.shape[0])
        alive[rows[xp.cumsum(silenced)[:-1] > 0]] = False
    return is_peak


def _range_min(values: Any, low: Any, high: Any, xp: Any) -> Any:
    """Return the least of ``values[low:high]`` (not empty) of each row, by a sparse table."""
    levels = [values]
    width = 1
    while 2 * width <= values.shape[0]:
        last = levels[-1]
        levels.append(xp.minimum(last[:-width], last[width:]))
        width *= 2
    size = high - low
    level = xp.zeros(size.shape[0], dtype="int64")
    for power in range(1, len(levels)):
        level = xp.where(size >= 1 << power, power, level)
    least = xp.empty_like(values)
    for power, table in enumerate(levels):
        rows = xp.nonzero(level == power)[0]
        least[rows] = xp.minimum(table[low[rows]], table[high[rows] - (1 << power)])
    return least


def nearest_share(group: Any, basis_points: Any, clusters: dict[str, Any], backend: Backend) -> Any:
    """Return the recurring share that each payment is, -1 where it is none: int64.

    Parameters
    ----------
    group, basis_points : int64 arrays, shape (n_payments,)
    clusters : dict
        From :func:`recurring_shares`.
    """
    xp = backend.xp
    there = clusters["group"] * _SPAN + clusters["basis_points"] + _SPAN // 2
    wanted = group * _SPAN + basis_points + _SPAN // 2
    if there.shape[0] == 0:
        return xp.full(wanted.shape[0], -1, dtype="int64")
    after = xp.minimum(xp.searchsorted(there, wanted), there.shape[0] - 1)
    before = xp.maximum(after - 1, 0)
    is_before = xp.abs(there[before] - wanted) <= xp.abs(there[after] - wanted)
    place = xp.where(is_before, before, after)
    near = xp.abs(there[place] - wanted) <= NARROW
    return xp.where(near, clusters["basis_points"][place], -1)
