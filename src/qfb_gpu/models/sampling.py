"""Which customers train a model and which test it: stratified, seeded, the same for any partition.

A customer's place is a hash of its key and the seed, so it does not depend on the order of rows,
on buckets, or on who else is there, and it stays from night to night: a customer that tests
tonight's model never trained last month's. Strata are filled in the order of that hash.

References
----------
G. Steele, D. Lea, C. Flood (2014), "Fast splittable pseudorandom number generators",
doi:10.1145/2660193.2660195 (the finaliser); E. Cohen, H. Kaplan (2007), "Summarizing data using
bottom-k sketches", doi:10.1145/1281100.1281133.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from qfb_gpu.keys import mixed

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

FIT, CALIBRATE, TEST = 0, 1, 2
_TO_UNIT = 2.0**-53


def place(keys: Any, seed: int, xp: Any) -> Any:
    """Return where a customer stands in [0, 1): float64, shape (n_rows,).

    Parameters
    ----------
    keys : int64 array, shape (n_rows,)
        E.g. ``Ledger.customer_key``; equal keys have equal places.
    seed : int
        Another seed, other places.
    """
    state = mixed(xp.asarray(keys).astype("int64").view("uint64"), seed, xp)
    return (state >> xp.uint64(11)).astype("float64") * _TO_UNIT


def sides(keys: Any, seed: int, shares: tuple[float, float], xp: Any, turn: float = 0.0) -> Any:
    """Return each row's side by its customer: int8 of ``FIT``, ``CALIBRATE``, ``TEST``.

    Parameters
    ----------
    keys : int64 array, shape (n_rows,)
        All rows of a customer (one a cut-off, say) are on one side.
    shares : (float, float)
        Of customers that calibrate and that test, in expectation; the rest fit.
    turn : float
        Whose turn it is: by steps of the testing share, every customer tests once in a round.

    Raises
    ------
    ValueError
        The shares are negative or leave nobody to fit on.
    """
    calibrate, test = shares
    if min(shares) < 0 or calibrate + test >= 1:
        msg = (
            f"shares of calibrating and testing customers must be >= 0 and sum to < 1, got {shares}"
        )
        raise ValueError(msg)
    at = (place(keys, seed, xp) - turn) % 1.0
    side = xp.full(at.shape[0], FIT, dtype="int8")
    side[at < calibrate + test] = CALIBRATE
    side[at < test] = TEST
    return side


def n_turns(share: float) -> int:
    """Return in how many turns of :func:`sides` every customer tests, some of them twice maybe."""
    return math.ceil(round(1.0 / share, 9))


def stratified(
    keys: Any,
    stratum: Any,
    *,
    share: float,
    floor: int,
    cap: int,
    seed: int,
    backend: Backend,
) -> tuple[Any, Any]:
    """Choose customers of each stratum: ``share`` of them, at least ``floor``, at most ``cap``.

    Parameters
    ----------
    keys : int64 array, shape (n_customers,)
        Distinct.
    stratum : integer array, shape (n_customers,)
        The class of each customer; one below 0 is in none and never chosen.
    share : float
    floor, cap : int
        Per stratum; of a stratum smaller than ``floor`` all are chosen.
    seed : int

    Returns
    -------
    chosen : bool array, shape (n_customers,)
        In each stratum those of the lowest place (:func:`place`; then the lowest key): a larger
        sample holds every smaller one, and a union of partitions' lowest holds the whole's.
    weight : float64 array, shape (n_customers,)
        Customers of the stratum per chosen one; 0 where not chosen. Weighted sums over the chosen
        estimate those over all.

    Raises
    ------
    ValueError
        ``floor`` exceeds ``cap``, or one of the numbers is negative.
    """
    if not 0 <= floor <= cap or share < 0:
        msg = f"expected 0 <= floor <= cap and share >= 0, got {floor}, {cap} and {share}"
        raise ValueError(msg)
    xp = backend.xp
    order = backend.lexsort((stratum, place(keys, seed, xp), keys))
    distinct, start, count = xp.unique(stratum[order], return_index=True, return_counts=True)
    wanted = xp.clip(xp.rint(count * share).astype("int64"), floor, cap)
    taken = xp.where(distinct < 0, 0, xp.minimum(wanted, count))
    rank = xp.arange(order.shape[0]) - backend.repeat(start, count)
    inside = rank < backend.repeat(taken, count)
    one = backend.repeat(count / xp.maximum(taken, 1), count)
    chosen = xp.zeros(order.shape[0], dtype=bool)
    weight = xp.zeros(order.shape[0])
    chosen[order] = inside
    weight[order] = xp.where(inside, one, 0.0)
    return chosen, weight


def cutoffs(
    history_days: int, horizon_days: int, *, step_days: int, least_days: int, most: int
) -> tuple[list[int], int, bool]:
    """Return how many days before the as-of day models are trained and tested.

    The label of a cut-off is what happened in the ``horizon_days`` after it. Testing is at the
    latest cut-off whose label is known; training at cut-offs whose labels were known by then.

    Parameters
    ----------
    history_days : int
        Days from the first payment to the as-of day.
    step_days : int
        Between training cut-offs.
    least_days : int
        History that a cut-off needs before it.
    most : int
        Training cut-offs at most.

    Returns
    -------
    train : list of int, the latest first; empty where the history is too short for any
    test : int
    is_split_in_time : bool
        False: only one cut-off fits, and the sides differ in customers alone.
    """
    possible = range(2 * horizon_days, 2 * horizon_days + most * step_days, step_days)
    train = [back for back in possible if back + least_days <= history_days]
    if train:
        return train, horizon_days, True
    fits = horizon_days + least_days <= history_days
    return ([horizon_days] if fits else []), horizon_days, False
