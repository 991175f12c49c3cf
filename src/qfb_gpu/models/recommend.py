"""Next product (产品推荐): how likely a customer opens each product that it does not hold.

A row is a customer and a product at a cut-off day. One model scores all products: it knows a
product by how often it is opened, by whom of which size, and with what else it is held, never by
its name, so a new product is scored as soon as some customers opened it. What a row knows ends at
its cut-off; its label is whether the customer opened the product in the horizon after it.

References
----------
Lift of products held together: R. Agrawal, T. Imielinski, A. Swami (1993), "Mining association
rules", doi:10.1145/170035.170072. Mean average precision: C. Buckley, E. M. Voorhees (2000),
doi:10.1145/345508.345543.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.backend import BoostingOptions
from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.models import evaluation
from qfb_gpu.models.blend import Blend, Learnt, files_of, fit_blend, loaded_files
from qfb_gpu.models.size_classes import N_SIZES, class_of, edges_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from qfb_gpu.backend import Backend

NAME = "next_product"
FEWEST = 30
"""Openings, to fit on and to calibrate on together, without which popularity ranks."""
YEAR_DAYS = 360
OF_HOLDING = (
    "products_held",
    "products_closed_year",
    "products_opened_2_years",
    "days_since_opening",
)
POPULARITY, APART, BY_SIZE = (
    "popularity", "popularity, held before apart", "popularity by size",
)  # fmt: skip
BASELINES = (POPULARITY, APART, BY_SIZE)
"""Rules that a model has to beat; where it does not, the best of them ranks."""
_ABOUT = "next_product.json"
_OPTIONS = BoostingOptions(
    n_trees=100, n_leaves=8, learning_rate=0.06, min_leaf_rows=40, l2=10.0, max_rows=300_000
)
_PRIOR = 20.0
_LONGEST_DAYS = 3_650


@dataclass(frozen=True, slots=True)
class Holdings:
    """Who opened what: arrays of shape (n_openings,), on the host.

    ``customer``: row of the customer; ``product``: code below ``n_products``; ``opened``,
    ``closed``: days, ``closed`` NULL_DAY while held.
    """

    customer: np.ndarray
    product: np.ndarray
    opened: np.ndarray
    closed: np.ndarray
    n_customers: int
    n_products: int

    def held(self, day: int) -> np.ndarray:
        """Return whether each customer holds each product: bool (n_customers, n_products)."""
        there = (self.opened <= day) & ((self.closed == NULL_DAY) | (self.closed > day))
        return self._marked(there)

    def had(self, day: int) -> np.ndarray:
        """Return whether each customer ever held each product: bool (n_customers, n_products)."""
        return self._marked(self.opened <= day)

    def opened_in(self, after: int, until: int) -> np.ndarray:
        """Return whether each customer opened each product in ``after < day <= until``."""
        return self._marked((self.opened > after) & (self.opened <= until))

    def first_opened(self, after: int, until: int) -> np.ndarray:
        """Return whether a product was the first each customer opened then; of one day, all.

        Of those that it did not hold on the day ``after``: another of what it has is no new one.
        """
        rows = (self.opened > after) & (self.opened <= until)
        day = np.full((self.n_customers, self.n_products), until + 1)
        np.minimum.at(day, (self.customer[rows], self.product[rows]), self.opened[rows])
        day[self.held(after)] = until + 1
        return (day <= until) & (day == day.min(axis=1, keepdims=True, initial=until + 1))

    def history(self, day: int) -> dict[str, np.ndarray]:
        """Return :data:`OF_HOLDING` of every customer as of a day."""
        seen = self.opened <= day
        closed = (self.closed != NULL_DAY) & (self.closed <= day)
        last = np.full(self.n_customers, day - _LONGEST_DAYS)
        np.maximum.at(last, self.customer[seen], self.opened[seen])
        return {
            "products_held": self._counted(seen & ~closed),
            "products_closed_year": self._counted(closed & (self.closed > day - YEAR_DAYS)),
            "products_opened_2_years": self._counted(seen & (self.opened > day - 2 * YEAR_DAYS)),
            "days_since_opening": (day - last).astype(np.float64),
        }

    def _marked(self, rows: np.ndarray) -> np.ndarray:
        found = np.zeros((self.n_customers, self.n_products), dtype=bool)
        found[self.customer[rows], self.product[rows]] = True
        return found

    def _counted(self, rows: np.ndarray) -> np.ndarray:
        return np.bincount(self.customer[rows], minlength=self.n_customers).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Market:
    """What is known of the products as of a day, over all customers.

    Attributes
    ----------
    rate, rate_new, rate_again : float64 arrays, shape (n_products,)
        Share of non-holders that open it in a horizon, from the openings of a year: of all, of
        those that never had it, of those that had it and closed it.
    lift : float64 array, shape (n_products, n_products)
        Log of how much more often holders of the row hold the column; 0 on the diagonal.
    size_edges : float64 array, shape (N_SIZES - 1,)
    size_lift : float64 array, shape (N_SIZES + 1, n_products)
        Log of the rate among customers of that size over the rate; last, 0, of who has no size.
    """

    rate: np.ndarray
    rate_new: np.ndarray
    rate_again: np.ndarray
    lift: np.ndarray
    size_edges: np.ndarray
    size_lift: np.ndarray


def market(
    holdings: Holdings, size: np.ndarray, day: int, horizon_days: int, there: Any = slice(None)
) -> Market:
    """Return what is known of the products as of a day, shrunk where few customers tell.

    Parameters
    ----------
    holdings : Holdings
    size : float64 array, shape (n_customers,)
        Of :func:`qfb_gpu.models.size_classes.comparable`; NaN: none.
    there : bool array, shape (n_customers,), optional
        Who had come by that day: those who came later could open nothing.
    """
    size, held = size[there], holdings.held(day)[there]
    opened = holdings.opened_in(day - YEAR_DAYS, day)[there]
    had = holdings.had(day - YEAR_DAYS)[there]
    had_not = ~holdings.held(day - YEAR_DAYS)[there]
    could, former = ~had, had & had_not
    share = _shrunk((opened & could).sum(0) + 1, could.sum(0), 0.0)
    # few had it before: what all products say of coming back, then what each says
    # counts first: a sum of shares in the order of customers hung on it in its last bits
    again = ((opened & former).sum() + 1) / ((former.sum(0) * share).sum() + 1)
    again = _shrunk((opened & former).sum(0), former.sum(0), again * share)
    edges = edges_of(size)
    place = class_of(size, edges)
    by_size = np.tile(share, (N_SIZES + 1, 1))
    for at in range(N_SIZES):
        of = place == at
        by_size[at] = _shrunk((opened & could)[of].sum(0), could[of].sum(0), share)
    both = held.T.astype(np.float64) @ held.astype(np.float64)
    alone = np.diag(both).copy()
    usual = (alone + 1) / (held.shape[0] + 2)
    lift = np.log((both + _PRIOR * usual) / (alone[:, None] + _PRIOR) / usual)
    np.fill_diagonal(lift, 0.0)
    every = _shrunk((opened & had_not).sum(0) + 1, had_not.sum(0), 0.0)
    new, again, every = (
        np.clip(of_year * horizon_days / YEAR_DAYS, 1e-6, 0.95) for of_year in (share, again, every)
    )
    return Market(every, new, again, lift, edges, np.log(by_size / share))


def _shrunk(n: np.ndarray, of: np.ndarray, prior: Any) -> np.ndarray:
    """Return n of so many as a share, moved towards a prior share that counts as 20 customers."""
    share: np.ndarray = (n + _PRIOR * prior) / (of + _PRIOR)
    return share


def pairs(
    known: Market,
    holdings: Holdings,
    customers: Mapping[str, np.ndarray],
    day: int,
    rows: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Return a row a customer and product that it does not hold on a day, with its features.

    Parameters
    ----------
    customers : mapping of name to array, shape (n_customers,)
        Features of the customers as of the day; ``size`` among them.
    rows : integer array
        The customers wanted.

    Returns
    -------
    customer, product : integer arrays, shape (n_pairs,)
    features : dict of name to float64 array, shape (n_pairs,)
    """
    held, had = holdings.held(day)[rows], holdings.had(day)[rows]
    at, product = np.nonzero(~held)
    customer = rows[at]
    own = held.astype(np.float64)
    n_held = np.maximum(own.sum(1), 1)
    affinity, best = np.zeros(own.shape), np.zeros(own.shape)
    for other in range(holdings.n_products):  # one order of adding up, whatever the bucket
        lifts = own[:, [other]] * known.lift[other]
        affinity, best = affinity + lifts, np.maximum(best, lifts)
    affinity = affinity / n_held[:, None]
    place = class_of(np.asarray(customers["size"]), known.size_edges)
    again = had[at, product]
    features = {
        "popularity": np.log(np.where(again, known.rate_again[product], known.rate_new[product])),
        "had_before": again.astype(np.float64),
        "affinity": affinity[at, product],
        "affinity_best": best[at, product],
        "size_lift": known.size_lift[place[customer], product],
    }
    features |= {name: values[customer] for name, values in holdings.history(day).items()}
    features |= {n: np.asarray(values, np.float64)[customer] for n, values in customers.items()}
    return customer, product, features


def popularity(
    name: str, known: Market, product: np.ndarray, features: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Return the log of the rate by which one of :data:`BASELINES` ranks pairs: (n_pairs,)."""
    if name == POPULARITY:
        found: np.ndarray = np.log(known.rate)[product]
        return found
    return features["popularity"] + (features["size_lift"] if name == BY_SIZE else 0.0)


@dataclass(frozen=True, slots=True)
class NextProductModel:
    """What turns the features of a customer and a product into a probability and its range.

    ``edges``, ``n_rows``, ``n_true``: calibrating rows by probability, as of churn.
    """

    names: tuple[str, ...]
    horizon_days: int
    edges: np.ndarray
    n_rows: np.ndarray
    n_true: np.ndarray
    blend: Blend

    def to_files(self) -> dict[str, bytes]:
        """Return the model as files of numbers."""
        about = {
            "names": list(self.names),
            "horizon_days": self.horizon_days,
            **{name: getattr(self, name).tolist() for name in ("edges", "n_rows", "n_true")},
        }
        return {_ABOUT: json.dumps(about, indent=1).encode(), **self.blend.to_files()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> NextProductModel:
        """Return what :meth:`to_files` wrote."""
        about = json.loads(files[_ABOUT])
        for name in ("edges", "n_rows", "n_true"):
            about[name] = np.array(about[name])
        about["names"] = tuple(about["names"])
        return cls(**about, blend=Blend.from_files(files))

    def matrix(self, features: Mapping[str, Any], xp: Any = np) -> Any:
        """Return the features it reads as float64, shape (n_rows, n_features)."""
        return xp.stack([xp.asarray(features[name], dtype="float64") for name in self.names], 1)

    def predict(self, values: Any, xp: Any = np) -> Any:
        """Return the calibrated probability of rows of :meth:`matrix`."""
        return self.blend.predict(values, xp)

    def range(self, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the 90% range of the share of like rows that opened (Jeffreys)."""
        at = np.searchsorted(self.edges, probability, side="left")
        held = np.maximum(self.n_rows[at], 1)
        low, high = evaluation.share_range(probability * held, held)
        return np.minimum(low, probability), np.maximum(high, probability)


def fit(
    features: Mapping[str, np.ndarray],
    opened: np.ndarray,
    calibrates: np.ndarray,
    key: np.ndarray,
    *,
    horizon_days: int,
    seed: int,
    backend: Backend,
) -> NextProductModel | None:
    """Fit on pairs of customers, whose ``key`` it is, that do not calibrate; then calibrate.

    Returns None where fewer than :data:`FEWEST` openings are there to fit on.
    """
    if int(opened[~calibrates].sum()) < FEWEST or not calibrates.any():
        return None
    columns = {name: np.asarray(features[name], np.float64) for name in sorted(features)}
    names = tuple(n for n, column in columns.items() if np.isfinite(column[~calibrates]).any())
    values = np.stack([columns[name] for name in names], 1)
    weight = np.ones(opened.size)
    blend = fit_blend(
        Learnt(values, opened, calibrates, weight, key),
        seed=seed,
        options=_OPTIONS,
        backend=backend,
    )
    said = blend.predict(values[calibrates], np)
    edges, n_rows, n_true = evaluation.by_score(said, opened[calibrates])
    return NextProductModel(names, horizon_days, edges, n_rows, n_true, blend)


def ranked(
    customer: np.ndarray, product: np.ndarray, scores: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the order of pairs by customer, then scores from high to low, and each one's rank.

    Ties of all scores go by the product's code.
    """
    order = np.lexsort((product, *(-score for score in reversed(scores)), customer))
    own = customer[order]
    start = np.searchsorted(own, own)
    return order, np.arange(own.size) - start + 1


def hits(
    customer: np.ndarray, order: np.ndarray, rank: np.ndarray, opened: np.ndarray, first: np.ndarray
) -> dict[str, np.ndarray]:
    """Return how well products are ranked for each customer that opened one.

    Parameters
    ----------
    customer, opened, first : arrays, shape (n_pairs,)
        ``opened``: the customer opened the product; ``first``: it was the first that it opened.
    order, rank : of :func:`ranked`

    Returns
    -------
    dict of float64 arrays, shape (n_openers,), by customer
        ``hit_rate_1``, ``hit_rate_3``: the first product opened was first, or among three;
        ``map``: average precision over the products opened.
    """
    own, true, is_first = customer[order], opened[order] > 0, first[order] > 0
    distinct, place = np.unique(own, return_inverse=True)
    n = distinct.size
    so_far = np.cumsum(true) - (np.cumsum(true) - true)[np.searchsorted(own, own)]
    precision = np.bincount(place, weights=true * so_far / rank, minlength=n)
    n_true = np.bincount(place, weights=true, minlength=n)
    opens = n_true > 0
    found = {"map": precision / np.maximum(n_true, 1)}
    for k in (1, 3):
        near = np.bincount(place, weights=is_first & (rank <= k), minlength=n)
        found[f"hit_rate_{k}"] = np.minimum(near, 1.0)
    return {name: values[opens] for name, values in found.items()}


class _Loaded:
    """The model as MLflow serves it: a frame of features in, probabilities out."""

    def __init__(self, model: NextProductModel) -> None:
        self._model = model

    def predict(self, frame: Any) -> Any:
        """Return a frame of ``probability``."""
        import pandas as pd

        values = self._model.matrix({name: frame[name] for name in self._model.names})
        return pd.DataFrame({"probability": self._model.predict(values)})


def read(folder: Path) -> NextProductModel | None:
    """Return the model of a version's files; None where it was kept before models had a line."""
    files = files_of(folder)
    return None if files is None else NextProductModel.from_files(files)


def _load_pyfunc(folder: str) -> _Loaded:
    return _Loaded(NextProductModel.from_files(loaded_files(folder)))
