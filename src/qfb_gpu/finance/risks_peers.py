"""A raw score beside those of all customers: drawn towards its peers where little is known of it.

What little data cannot say, peers of its size say: the score is drawn towards their mean by
empirical Bayes, and its 90% range is as wide as what is left unknown. All customers are looked at
bucket by bucket.

References
----------
B. Efron, C. Morris, "Data analysis using Stein's estimator", doi:10.1080/01621459.1975.10479864.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from qfb_gpu import currencies
from qfb_kernels.weighed import SCALE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from qfb_gpu.backend import Backend

NOISE = {"contract": 30.0, "volatility": 22.0, "demand": 18.0, "channel": 25.0}
"""Standard deviation of the score that one observation (month, payment, node) gives."""
DRIFT = {"contract": 7.0, "volatility": 6.5, "demand": 5.0, "channel": 6.5}
"""Standard deviation by which a score moves in half a year beyond that: docs/risks.md."""
N_BANDS = 4
ANY_SIZE = N_BANDS
"""The band of who is in a currency of so few customers that it has no quarters: all are peers."""
NOT_THERE = -(2**63)
"""Last year's income of who had not come yet: less than ingest lets anybody have."""
MOST = 100 * SCALE
"""What a score of :func:`qfb_gpu.finance.risks.weighed` is at most."""
_Z = 1.645
_LEAST_SPREAD = 4.0


def from_whole(whole: Any, xp: Any) -> Any:
    """Return raw scores, NaN where unknown, from those of :func:`qfb_gpu.finance.risks.weighed`."""
    return xp.where(whole < 0, xp.nan, whole / SCALE)


def size_cuts(ordered: Sequence[np.ndarray]) -> np.ndarray:
    """Return the incomes that part customers into quarters by last year's income, ascending.

    Found by halving the range of the incomes, so what is in memory is what a search looks at.

    Parameters
    ----------
    ordered : sequence of int64 arrays of the host, each ascending
        Last year's incomes, of each bucket; in any order of buckets. Those that are
        :data:`NOT_THERE` are of nobody.

    Returns
    -------
    array of int64, shape (N_BANDS - 1,); 0 where there are no customers
    """
    ordered = [one[np.searchsorted(one, NOT_THERE, side="right") :] for one in ordered]
    ordered = [one for one in ordered if one.shape[0]]
    n = sum(one.shape[0] for one in ordered)
    if n == 0:
        return np.zeros(N_BANDS - 1, np.int64)
    ranks = np.arange(1, N_BANDS) * n // N_BANDS
    least = np.full(N_BANDS - 1, min(int(one[0]) for one in ordered))
    most = np.full(N_BANDS - 1, max(int(one[-1]) for one in ordered))
    while (least < most).any():
        middle = (least >> 1) + (most >> 1) + (least & most & 1)  # their sum may be too large
        n_up_to = sum(np.searchsorted(one, middle, side="right") for one in ordered)
        is_low = n_up_to <= ranks
        least, most = np.where(is_low, middle + 1, least), np.where(is_low, most, middle)
    return least


def cuts_by_currency(ordered: Mapping[int, Sequence[np.ndarray]]) -> dict[int, np.ndarray]:
    """Return :func:`size_cuts` of each currency that has quarters: no two currencies are compared.

    Those have that :func:`qfb_gpu.currencies.comparable` tells.

    Parameters
    ----------
    ordered : mapping of currency code to what :func:`size_cuts` takes
    """
    n_there = {
        code: sum(int((one > NOT_THERE).sum()) for one in parts) for code, parts in ordered.items()
    }
    return {code: size_cuts(ordered[code]) for code in currencies.comparable(n_there)[1]}


def size_bands(income_year: Any, currency: Any, cuts: Mapping[int, Any], backend: Backend) -> Any:
    """Return each customer's quarter by last year's income: int64, 0 the smallest.

    Equal incomes of a currency are in one band. Whose currency has no quarters is in
    :data:`ANY_SIZE`.

    Parameters
    ----------
    income_year : int64 array, shape (n_customers,)
        Minor units of the currency.
    currency : int64 array, shape (n_customers,)
    cuts : dict of currency code to int64 array
        Of :func:`cuts_by_currency`.
    """
    xp = backend.xp
    band = xp.full(income_year.shape[0], ANY_SIZE, dtype="int64")
    for code, own in cuts.items():
        quarter = xp.searchsorted(backend.asarray(own), income_year, side="right")
        band = xp.where(currency == code, quarter, band)
    return band


def relative_sizes(
    income_year: Any, currency: Any, cuts: Mapping[int, Any], backend: Backend
) -> Any:
    """Return last year's income over the middle one of its currency: float64, shape (n_customers,).

    1 where the currency has no quarters. Parameters as of :func:`size_bands`.
    """
    xp = backend.xp
    relative = xp.ones(income_year.shape[0])
    for code, own in cuts.items():
        middle = max(int(own[N_BANDS // 2 - 1]), 1)
        relative = xp.where(currency == code, income_year.astype("float64") / middle, relative)
    return relative


class Scored(NamedTuple):
    """Raw scores (NaN: unknown), evidence and bands of some customers, as :func:`draw` has them."""

    score: Any
    evidence: Any
    band: Any


class Peers(NamedTuple):
    """Mean and variance of the raw scores of each band: float64 arrays, shape (N_BANDS + 1,).

    The last is :data:`ANY_SIZE`, of all customers.
    """

    mean: Any
    spread: Any


class Drawn(NamedTuple):
    """Scores drawn towards peers: 0 to 100, with a 90% range, and the peers' mean.

    ``known`` says whose own score is in it; the others have their peers' mean. ``half`` is half
    the range's width, before it is widened and cut off at 0 and 100.
    """

    score: Any
    low: Any
    high: Any
    peers: Any
    known: Any
    half: Any


def peers_of(buckets: Callable[[], Iterable[Scored]], risk: str, backend: Backend) -> Peers:
    """Return what the raw scores of all customers say of each band; see :func:`draw`.

    Parameters
    ----------
    buckets : callable
        Gives all buckets each time it is called. Sums are of whole numbers below 2 ** 53, so the
        order of buckets and customers does not matter.
    """
    xp = backend.xp
    n, total, squares = (xp.zeros(N_BANDS + 1) for _ in range(3))  # the last: of all bands
    for one in buckets():
        at, _, value = _of_bands(one, risk, xp)
        n = n + _sums(at, xp.ones(at.shape[0]), xp)
        total = total + _sums(at, xp.rint(value * SCALE), xp)
    some = xp.where(n > 0, n, 1.0)
    mean = xp.where(n > 0, total / SCALE / some, 50.0)
    there = xp.concatenate([mean, xp.zeros(1)])  # the last: not known
    for one in buckets():
        at, error, value = _of_bands(one, risk, xp)
        own = _sums(at, xp.rint((value - there[at]) ** 2 - error), xp)
        of_all = _sums(at, xp.rint((value - mean[ANY_SIZE]) ** 2 - error), xp)
        own[ANY_SIZE] = of_all[ANY_SIZE]
        squares = squares + own
    spread = xp.where(n > 0, xp.maximum(squares / some, _LEAST_SPREAD**2), 20.0**2)
    return Peers(mean, spread)


def _of_bands(one: Scored, risk: str, xp: Any) -> tuple[Any, Any, Any]:
    """Return each score's band, that after the last where it is not known, its variance, and it."""
    known, error, value = _observed(one.score, one.evidence, risk, xp)
    return xp.where(known, one.band, ANY_SIZE + 1), error, value


def _sums(at: Any, whole: Any, xp: Any) -> Any:
    """Return the sums of whole numbers of each band, and last of all that are known."""
    found = xp.bincount(at, whole, minlength=ANY_SIZE + 2)[: ANY_SIZE + 1]
    found[ANY_SIZE] = found.sum()
    return found


def draw(one: Scored, peers: Peers, risk: str, backend: Backend, *, times: float = 1.0) -> Drawn:
    """Draw raw scores towards the mean of their band, the more the less is known.

    Parameters
    ----------
    one : Scored
        Of a score that is NaN, or has no evidence, nothing is known: its peers' mean stands alone.
        The variance of a raw score is :data:`NOISE` ** 2 / evidence; bands are those of
        :func:`size_bands`.
    peers : Peers
    risk : str
        One of :data:`qfb_gpu.finance.risks.RISKS`.
    times : float
        By what the range is widened: :func:`qfb_gpu.finance.risks_widths.widening`.
    """
    xp = backend.xp
    known, error, value = _observed(one.score, one.evidence, risk, xp)
    prior, tau = peers.mean[one.band], peers.spread[one.band]
    weight = xp.where(known, tau / (tau + error), 0.0)
    drawn = weight * value + (1 - weight) * prior
    half = _Z * xp.sqrt(xp.where(known, weight * error, tau) + DRIFT[risk] ** 2)
    low, high = xp.maximum(drawn - times * half, 0.0), xp.minimum(drawn + times * half, 100.0)
    return Drawn(drawn, low, high, prior, known, half)


def _observed(score: Any, evidence: Any, risk: str, xp: Any) -> tuple[Any, Any, Any]:
    """Return which scores are known, the variance of each, and the scores, 0 where unknown."""
    known = ~xp.isnan(score) & (evidence > 0)
    error = NOISE[risk] ** 2 / xp.where(known, evidence, 1.0)
    return known, error, xp.where(known, score, 0.0)
