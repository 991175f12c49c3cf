"""What all customers do at a cut-off day, and how one of them stands beside that.

For customers whose silence is churn. Everything is told from what had come by the cut-off: BG/NBD
fitted to the active days (:mod:`qfb_gpu.models.lifetime`), the median money of a year by currency,
so that no two currencies are compared, and quartiles of recency, frequency and money. A currency of
fewer than 30 customers has no median, and the money of its customers says nothing.

References
----------
P. S. Fader, B. G. S. Hardie, K. L. Lee (2005), doi:10.1287/mksc.1040.0098 (BG/NBD);
J. R. Miglautsch (2000), "Thoughts on RFM scoring", doi:10.1057/palgrave.jdm.3240019.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu import currencies
from qfb_gpu.models import lifetime
from qfb_gpu.models.histories import RAW

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVELS = ("level_silent", "level_money", "level_active_days", "payments_quiet")
"""Log-odds of a silent horizon by BG/NBD; log of a year's money over the currency's median (NaN:
it has none); logs of the year's active days and of the days since the last payment."""
RFM = "rfm"
READS = (*RAW, "payments_days_since", "n_before")
"""What a yardstick is made of."""
_SAMPLE_ROWS = 20_000
_CERTAIN = 1e-4
_NO_CURRENCY = -1
_MIDDLE = 1.5
"""The mean of the four quarters' places."""


@dataclass(frozen=True, slots=True)
class Yardstick:
    """A cut-off's customers in some numbers.

    Attributes
    ----------
    buying : BetaGeometric or None
        None where too few customers came twice.
    median_money : dict of currency code to float
        Minor units, of currencies of 30 customers or more; -1, who paid nothing in the year, has
        that of all: no money is compared with it.
    quartiles : dict of name to list of float
        Three edges each of ``recency``, ``frequency`` and ``money``.
    """

    buying: lifetime.BetaGeometric | None
    median_money: dict[int, float]
    quartiles: dict[str, list[float]]

    def to_text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Yardstick:
        """Return what :meth:`to_text` wrote."""
        read = json.loads(text)
        buying = read["buying"] and lifetime.BetaGeometric(**read["buying"])
        medians = {int(code): value for code, value in read["median_money"].items()}
        return cls(buying, medians, read["quartiles"])


def yardstick(columns: Mapping[str, Any]) -> Yardstick:
    """Return the yardstick of the customers of one cut-off.

    BG/NBD is of all that ever came, those that left long ago too: without them it would find that
    few leave. Medians and quartiles are of the customers of the last year.

    Parameters
    ----------
    columns : mapping of name to host array, shape (n_customers,)
        :data:`READS`.
    """
    there = np.asarray(columns["active_days"]) > 0
    x, t_x, age = (values[there] for values in _history(columns))
    of_year = np.flatnonzero(np.asarray(columns["n_before"]) > 0)
    columns = {name: np.asarray(columns[name])[of_year] for name in READS}
    money, currency = columns["money"].astype(np.float64), columns["currency"]
    medians = {_NO_CURRENCY: float(np.median(money)) if money.size else 0.0}
    for code in np.unique(currency).tolist():
        own = money[currency == code]
        if own.size >= currencies.FEWEST:
            medians[code] = float(np.median(own))
    of = _rfm(columns, medians)
    of["money"] = of["money"][~np.isnan(of["money"])]
    return Yardstick(
        lifetime.fit_beta_geometric(x, t_x, age, sample_rows=_SAMPLE_ROWS),
        medians,
        {name: _edges(values) for name, values in of.items()},
    )


def measured(known: Yardstick, columns: Mapping[str, Any], horizon_days: int) -> dict[str, Any]:
    """Return :data:`LEVELS` and :data:`RFM` of customers: float64, shape (n_customers,).

    Whose currency has no median is in the middle of the quarters of money.
    """
    x, t_x, age = _history(columns)
    silent = np.full(x.size, np.nan)
    if known.buying is not None:
        there = np.asarray(columns["active_days"]) > 0
        chance = lifetime.p_silent(known.buying, x[there], t_x[there], age[there], horizon_days)
        chance = np.clip(chance, _CERTAIN, 1 - _CERTAIN)
        silent[there] = np.log(chance / (1 - chance))
    of = _rfm(columns, known.median_money)
    place = {name: np.searchsorted(known.quartiles[name], of[name], side="right") for name in of}
    of_money = np.where(np.isnan(of["money"]), _MIDDLE, place["money"])
    return {
        "level_silent": silent,
        "level_money": of["money"],
        "level_active_days": np.log1p(np.asarray(columns["active_days_year"], np.float64)),
        "payments_quiet": np.log1p(np.asarray(columns["payments_days_since"], np.float64)),
        RFM: place["recency"] - place["frequency"] - of_money,
    }


def _history(columns: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    names = ("active_days", "days_to_last", "days_observed")
    n, t_x, age = (np.asarray(columns[name]).astype(np.int64) for name in names)
    return np.maximum(n - 1, 0), t_x, age


def _rfm(columns: Mapping[str, Any], medians: Mapping[int, float]) -> dict[str, np.ndarray]:
    """Return days since the last payment, payments of a year, and log of money over the median.

    The last is NaN where the currency has no median.
    """
    money = np.maximum(np.asarray(columns["money"], np.float64), 0.0)
    codes, place = np.unique(np.asarray(columns["currency"]), return_inverse=True)
    usual = np.array([max(medians.get(code, np.nan), 1.0) for code in codes.tolist()])
    return {
        "recency": np.asarray(columns["payments_days_since"], np.float64),
        "frequency": np.asarray(columns["n_before"], np.float64),
        "money": np.log((money + 0.01 * usual[place]) / usual[place]),
    }


def _edges(values: np.ndarray) -> list[float]:
    quarters = np.quantile(values, (0.25, 0.5, 0.75)) if values.size else np.zeros(3)
    return [float(edge) for edge in quarters]
