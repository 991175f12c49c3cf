"""How good a score is, how sure that is, and whether a challenger may replace a champion.

All on held-out rows. Rows are put in the order of their values first, so the same rows in any
order give the same figures to the bit.

References
----------
T. Fawcett (2006), "An introduction to ROC analysis", doi:10.1016/j.patrec.2005.10.010;
G. W. Brier (1950), doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2; B. Efron (1979), "Bootstrap
methods", doi:10.1214/aos/1176344552; L. D. Brown, T. T. Cai, A. DasGupta (2001), "Interval
estimation for a binomial proportion", doi:10.1214/ss/1009213286.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.counted import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

N_BINS = 10
DRAWS = 200
MOST_ROWS = 50_000
_LEVEL = 0.90


def ranked(score: np.ndarray) -> np.ndarray:
    """Return the rank of each score, from 0 on, equal ones alike: what hundreds of draws share."""
    place: np.ndarray = np.unique(score, return_inverse=True)[1]
    return place


def auc(label: np.ndarray, score: np.ndarray) -> float:
    """Return the area under the ROC curve, equal scores half; NaN where one class is missing."""
    return auc_ranked(label, ranked(score))


def auc_ranked(label: np.ndarray, place: np.ndarray) -> float:
    """Return :func:`auc` of rows with ranks, some of which may be nobody's."""
    is_true = np.asarray(label, dtype=bool)
    counts = np.bincount(place)
    return auc_counted(np.bincount(place[is_true], minlength=counts.size), counts)


def auc_counted(hits: np.ndarray, counts: np.ndarray) -> float:
    """Return :func:`auc` of ranks, ascending: integer arrays of their true rows and all rows."""
    n_true, n_rows = int(hits.sum()), int(counts.sum())
    if not n_true or n_true == n_rows:
        return float("nan")
    rank = np.cumsum(counts) - (counts - 1) / 2  # halves at most, so sums are exact in any order
    above = (hits * rank).sum() - n_true * (n_true + 1) / 2
    return float(above / (n_true * (n_rows - n_true)))


def lift(label: np.ndarray, score: np.ndarray, share: float = 0.1) -> float:
    """Return the rate among the ``share`` of highest scores over that of all; NaN if none is true.

    Rows that tie at the border count in part, so no order among equals is chosen.
    """
    place = ranked(-np.asarray(score))
    counts = np.bincount(place)
    hits = np.bincount(place, weights=np.asarray(label, dtype=np.float64))
    return lift_counted(hits, counts, share)


def lift_counted(hits: np.ndarray, counts: np.ndarray, share: float = 0.1) -> float:
    """Return :func:`lift` of ranks from the highest score down: their true rows and all rows."""
    n_true, n_rows = float(hits.sum()), int(counts.sum())
    n_top = share * n_rows
    if not n_true:
        return float("nan")
    there = counts > 0
    hits, counts = hits[there], counts[there]
    before = np.cumsum(counts) - counts
    taken = np.clip((n_top - before) / counts, 0.0, 1.0)
    return float((taken * hits).sum() / n_top / (n_true / n_rows))


def brier(label: np.ndarray, probability: np.ndarray) -> float:
    """Return the mean squared error of a probability."""
    error = np.sort((np.asarray(probability) - np.asarray(label, dtype=np.float64)) ** 2)
    return float(error.mean()) if error.size else float("nan")


def reliability(label: np.ndarray, probability: np.ndarray) -> dict[str, np.ndarray]:
    """Return what was said and what came, by tenths of the rows.

    Returns
    -------
    dict of arrays, shape (n_bins,)
        ``n_rows``, ``mean_probability``, ``share`` that came true, ``share_low``, ``share_high``
        (Jeffreys, 90%). Fewer bins where equal probabilities fall together.
    """
    n_rows, n_true, mean = _binned(label, probability)
    low, high = share_range(n_true, n_rows)
    return {
        "n_rows": n_rows,
        "mean_probability": mean,
        "share": n_true / n_rows,
        "share_low": low,
        "share_high": high,
    }


def _binned(
    label: np.ndarray, probability: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows, true rows and mean probability of each bin that has rows."""
    said = np.asarray(probability, dtype=np.float64)
    order = np.argsort(said)
    return _binned_sorted(np.asarray(label, dtype=np.float64)[order], said[order])


def _binned_sorted(hit: np.ndarray, said: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    edges = np.empty(0)
    if said.size:
        edges = np.unique(_quantiles_sorted(said, np.arange(1, N_BINS) / N_BINS))
    cuts = np.concatenate([[0], np.searchsorted(said, edges, side="right"), [said.size]])
    kept = np.flatnonzero(np.diff(cuts))
    start, stop = cuts[kept], cuts[kept + 1]
    n_true = np.concatenate([[0.0], np.cumsum(hit)])
    total = np.array([said[a:b].sum() for a, b in zip(start, stop, strict=True)])
    n_rows = stop - start
    return n_rows, n_true[stop] - n_true[start], total / n_rows


def _quantiles_sorted(ascending: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return what ``numpy.quantile`` does, to the bit, without looking for the order again."""
    place = shares * (ascending.size - 1)
    low = np.floor(place).astype(np.int64)
    a, b, part = ascending[low], ascending[np.minimum(low + 1, ascending.size - 1)], place - low
    return np.asarray(np.where(part < 0.5, a + (b - a) * part, b - (b - a) * (1 - part)))  # noqa: PLR2004


def by_score(said: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return calibrating rows in :data:`N_BINS` bins by what was said of them, fewer where equal.

    Returns
    -------
    edges : float64 array, shape (n_bins - 1,), the upper ones
    n_rows : int64 array, shape (n_bins,)
    n_true : float64 array, shape (n_bins,)
    """
    edges = np.unique(np.quantile(said, np.arange(1, N_BINS) / N_BINS))
    place = np.searchsorted(edges, said, side="left")
    n_rows = np.bincount(place, minlength=edges.size + 1)
    return edges, n_rows, np.bincount(place, weights=true, minlength=edges.size + 1)


def share_range(n_true: Any, n_rows: Any, level: float = _LEVEL) -> tuple[np.ndarray, np.ndarray]:
    """Return the Jeffreys interval of a share; numbers need not be whole.

    It begins at 0 where nothing is true and ends at 1 where all is (Brown, Cai, DasGupta 2001,
    doi:10.1214/ss/1009213286), so the share itself is always in it.
    """
    from scipy.special import betaincinv

    n_true, n_rows = np.asarray(n_true, float), np.asarray(n_rows, float)
    a, b = n_true + 0.5, n_rows - n_true + 0.5
    tail = (1 - level) / 2
    low = np.where(n_true <= 0, 0.0, betaincinv(a, b, tail))
    return low, np.where(n_true >= n_rows, 1.0, betaincinv(a, b, 1 - tail))


def calibration_error(label: np.ndarray, probability: np.ndarray) -> float:
    """Return the mean difference of said and came over the bins, weighted by rows (ECE)."""
    return _calibration_error(*_binned(label, probability))


def calibration_error_sorted(hit: np.ndarray, said: np.ndarray) -> float:
    """Return :func:`calibration_error` of rows that stand by what was said; both float64."""
    return _calibration_error(*_binned_sorted(hit, said))


def _calibration_error(n_rows: np.ndarray, n_true: np.ndarray, mean: np.ndarray) -> float:
    if not n_rows.size:
        return float("nan")
    return float((np.abs(mean - n_true / n_rows) * n_rows).sum() / n_rows.sum())


def metrics(label: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """Return AUC, lift at 10%, Brier score, calibration error, rows and share of the true."""
    is_true = np.asarray(label, dtype=bool)
    return {
        "auc": auc(is_true, probability),
        "lift_10": lift(is_true, probability),
        "brier": brier(is_true, probability),
        "calibration_error": calibration_error(is_true, probability),
        "n_rows": float(is_true.size),
        "base_rate": float(is_true.mean()) if is_true.size else float("nan"),
    }


def range_of(
    metric: Callable[[np.ndarray], float], n_rows: int, seed: int = 0
) -> tuple[float, float]:
    """Return the 90% bootstrap range of a metric of held-out rows in an order of values."""
    if n_rows > MOST_ROWS or not n_rows:
        return float("nan"), float("nan")  # so many rows leave no range worth showing
    rng = np.random.default_rng(seed)
    draws = np.array([metric(rng.integers(0, n_rows, n_rows)) for _ in range(DRAWS)])
    return range_among(draws)


def range_among(draws: np.ndarray) -> tuple[float, float]:
    """Return the 90% range of a metric's draws; NaN where it could be told of too few."""
    known = draws[np.isfinite(draws)]
    if known.size < DRAWS // 2:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a challenger passed the gate, and by what.

    ``gain`` is the challenger's metric less the other's, ``low`` to ``high`` its 90% range over
    bootstrap draws of the held-out rows.
    """

    passed: bool
    gain: float
    low: float
    high: float
    why: str


def gate(
    of: Callable[[np.ndarray], float],
    other: Callable[[np.ndarray], float],
    rows: np.ndarray,
    *,
    margin: float,
    seed: int,
    names: tuple[str, str, str],
    asks_surely: bool = True,
) -> Verdict:
    """Let a challenger pass that beats another model on the same rows by a margin, surely.

    It passes where the gain is at least ``margin`` and the lower end of the gain's 90% range over
    bootstrap draws, in which both are judged on the same draw, is above 0.

    Parameters
    ----------
    of, other : callable(rows) -> float
        The metric of the challenger and of the other on rows (with repeats); larger is better.
    rows : integer array
        The held-out rows in an order of values.
    margin : float
    seed : int
    names : (str, str, str)
        The metric, the challenger and the other, for the words.
    asks_surely : bool
        False: the gain alone decides.
    """
    metric, challenger, champion = names
    if rows.size > MOST_ROWS:  # as many as prove a thousandth
        rows = rows[(np.arange(MOST_ROWS) * (rows.size / MOST_ROWS)).astype(np.int64)]
    gain = of(rows) - other(rows)
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(DRAWS):
        drawn = rows[rng.integers(0, rows.size, rows.size)] if rows.size else rows
        draws.append(of(drawn) - other(drawn))
    known = np.array([draw for draw in draws if np.isfinite(draw)])
    if not np.isfinite(gain) or known.size < DRAWS // 2:
        few = counted(rows.size, "row")
        why = f"{metric} of {challenger} could not be told from {champion}: {few}"
        nothing = float("nan")
        return Verdict(passed=False, gain=nothing, low=nothing, high=nothing, why=why)
    low, high = np.quantile(known, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    passed = bool(gain >= margin and (low > 0 or not asks_surely))
    asked = f"at least {margin:+.4f}" + (", range above 0" if asks_surely else "")
    why = (
        f"{metric} of {challenger} less that of {champion} on {rows.size} held-out rows: "
        f"{gain:+.4f}, 90% range {low:+.4f} to {high:+.4f}; "
        f"{'passes' if passed else 'does not pass'} ({asked})"
    )
    return Verdict(passed, float(gain), float(low), float(high), why)


@dataclass(frozen=True, slots=True)
class Contest:
    """Whose scores are published: a name of the candidates, and the gate's words."""

    used: str
    why: str


@dataclass(frozen=True, slots=True)
class Rules:
    """What a contest asks.

    ``metric`` is a name for the words; ``baselines`` are the names of the rules; ``margin`` what a
    challenger has to gain; ``fewest_events`` without how many of what the metric counts nothing is
    decided; ``is_pinned``: a person chose the champion.
    """

    metric: str
    baselines: tuple[str, ...]
    margin: float
    fewest_events: int
    is_pinned: bool
    seed: int


def contest(
    metric_of: Mapping[str, Callable[[np.ndarray], float]],
    rows: np.ndarray,
    n_events: int,
    rules: Rules,
) -> Contest:
    """Decide between the baselines, the champion and the challenger on the same held-out rows.

    The best baseline takes a champion's place where it beats it by the margin, surely. A
    challenger has to pass the gate against the champion. Where a baseline stands, the challenger
    has to rank at least as well as the best of them: no margin keeps the best of several rules,
    chosen on the tested rows themselves, from being replaced, and what was learnt of earlier days
    alone knows less than tonight's model. A champion that a person pinned stays. Who is alone is
    taken: where too few churned to learn from, there is no rule beside the champion.

    Parameters
    ----------
    metric_of : mapping of name to callable(rows) -> float
        The baselines', ``champion``'s and ``challenger``'s where they are; one at least.
    rows : integer array
    n_events : int
        Churned customers, or customers with an opening, among the rows.
    rules : Rules
    """
    taught = [name for name in rules.baselines if name in metric_of]
    best = _best(taught, metric_of, rows) if taught else "challenger"
    stands = "champion" if "champion" in metric_of else best
    if n_events < rules.fewest_events:
        few = (
            f"{counted(n_events, 'held-out case')} cannot decide, {rules.fewest_events} are needed"
        )
        return Contest(stands, few)
    said = ""
    if stands == "champion" and taught and not rules.is_pinned:
        fallen = _gate(metric_of, best, stands, rows, rules)
        if fallen.passed:
            stands, said = best, f"{fallen.why}; "
    if "challenger" not in metric_of:
        return Contest(stands, f"{said}no challenger: too few rows to fit one")
    if stands == "challenger":
        return Contest(stands, "no rule could be learnt, and there is no champion")
    verdict = _gate(metric_of, "challenger", stands, rows, rules)
    if verdict.passed and rules.is_pinned and stands == "champion":
        return Contest(stands, f"{verdict.why}; the champion is pinned by hand and stays")
    return Contest("challenger" if verdict.passed else stands, said + verdict.why)


def _best(
    names: list[str], metric_of: Mapping[str, Callable[[np.ndarray], float]], rows: np.ndarray
) -> str:
    """Return whose metric is largest; of equal ones, or where none can be told, the first."""
    values = [metric_of[name](rows) for name in names]
    return names[int(np.argmax([value if np.isfinite(value) else -np.inf for value in values]))]


def _gate(
    metric_of: Mapping[str, Callable[[np.ndarray], float]],
    name: str,
    other: str,
    rows: np.ndarray,
    rules: Rules,
) -> Verdict:
    words = (rules.metric, f"the {name}", f"the {other}")
    return gate(
        metric_of[name], metric_of[other], rows,
        margin=rules.margin if "champion" in (name, other) else 0.0, seed=rules.seed,
        names=words, asks_surely=other == "champion",
    )  # fmt: skip
