"""Digital journeys: visits and their steps, more of them before a product is opened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from qfb_gpu._portfolio.firms import Firms, fading, firm_ids
from qfb_gpu._portfolio.holdings import ACCOUNT
from qfb_gpu._portfolio.relations import Rows
from qfb_gpu._portfolio.setting import BLOCK, Part, Setting, pick, ragged
from qfb_gpu._portfolio.text import coded, dates, row_ids

if TYPE_CHECKING:
    from qfb_gpu._portfolio.holdings import Holdings

CHANNELS = ("app", "web", "branch")
_STEPS = ("login", "view", "quote", "transfer", "apply", "fill", "upload", "submit", "abandon")
_VISITS = (
    "login", "login view", "login view view", "login view view view", "login transfer",
    "login view quote", "login view apply abandon", "login view apply fill abandon",
    "login view apply fill upload abandon", "login view apply fill upload submit",
)  # fmt: skip
_USUAL = (4, 5, 4, 2, 6, 1, 0.4, 0.3, 0.1, 0)
_INTERESTED = (0, 1, 2, 2, 0, 3, 2, 2, 1, 0)
_SUBMITTED = len(_VISITS) - 1
_CODES = [[_STEPS.index(step) for step in visit.split()] for visit in _VISITS]
_LENGTH = np.array([len(codes) for codes in _CODES])
_FIRST = np.cumsum(_LENGTH) - _LENGTH
_STEP = np.array([code for codes in _CODES for code in codes])
_PER_YEAR = 10.0
_LOOKS_DAYS = 18.0
_LOOKS_AHEAD_DAYS = 90


@dataclass(frozen=True, slots=True)
class _Visits(Rows):
    """Visits, shape (n_visits,) each: row of the customer, day, which kind of visit."""

    customer: np.ndarray
    day: np.ndarray
    visit: np.ndarray


def events_table(
    setting: Setting, block: int, firms: Firms, holdings: Holdings, n_customers: int
) -> pa.Table:
    """Return the events source of the first customers of a block, a row a step."""
    rng = setting.rng(block, Part.EVENTS)
    visits = _Visits.join([_usual(setting, rng), _before_opening(setting, rng, holdings)])
    begin = np.maximum(firms.opened_day, setting.start_day)[visits.customer]
    kept = (visits.day >= begin) & (visits.day <= setting.as_of_day)
    leaves = firms.leaves_day[visits.customer]
    kept &= rng.random(len(begin)) >= fading(leaves, visits.day)
    habit = pick(rng, (5, 3, 1), BLOCK)[visits.customer]
    channel = np.where(rng.random(len(begin)) < 0.8, habit, rng.integers(0, 3, len(begin)))
    rows = np.flatnonzero(kept & (visits.customer < n_customers))
    rows = rows[np.lexsort((visits.visit[rows], visits.day[rows], visits.customer[rows]))]
    visits, channel = visits.take(rows), channel[rows]
    row, step = ragged(_LENGTH[visits.visit])
    customer = visits.customer[row]
    own = firms.number[customer]
    session = np.arange(len(rows)) - np.searchsorted(visits.customer, visits.customer)
    return pa.table(
        {
            "event_id": row_ids(
                "V", own, np.arange(len(row)) - np.searchsorted(customer, customer)
            ),
            "customer_id": firm_ids(own),
            "date": dates(visits.day[row]),
            "session_id": row_ids("S", own, session[row]),
            "channel": coded(channel[row], CHANNELS),
            "step": coded(_STEP[_FIRST[visits.visit[row]] + step], _STEPS),
        }
    )


def _usual(setting: Setting, rng: np.random.Generator) -> _Visits:
    rate = _PER_YEAR * np.exp(rng.normal(-0.2, 0.7, BLOCK))
    customer, _ = ragged(rng.poisson(rate * setting.years))
    n = len(customer)
    window = setting.as_of_day - setting.start_day + 1
    day = setting.start_day + (rng.random(n) * window).astype(np.int64)
    return _Visits(customer, day, pick(rng, _USUAL, n))


def _before_opening(setting: Setting, rng: np.random.Generator, holdings: Holdings) -> _Visits:
    """Let customers look around ever more often before they open a product, then apply."""
    soon = setting.as_of_day + _LOOKS_AHEAD_DAYS
    looked_for = (holdings.opened >= setting.start_day) & (holdings.opened <= soon)
    looked_for[:, ACCOUNT] = False  # it is opened in a branch
    row, product = np.nonzero(looked_for)
    opened = holdings.opened[row, product]
    owner, ordinal = ragged(2 + rng.poisson(2.5, len(row)))
    n = len(owner)
    ahead = np.where(ordinal == 0, 0, 1 + _LOOKS_DAYS * rng.standard_exponential(n))
    visit = np.where(ordinal == 0, _SUBMITTED, pick(rng, _INTERESTED, n))
    return _Visits(row[owner], opened[owner] - ahead.astype(np.int64), visit)
