"""The engine itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from detectors.relations import Answer
from qfb_gpu import payments
from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.schema import ROLES

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Calendar, Ledger

FALSE_DISCOVERY_RATE = 0.05
_ANSWERS = [ROLES.index(role) for role in ("regular", "late", "early")]


def detect(ledger: Ledger, calendar: Calendar, as_of_day: int, backend: Backend) -> Answer:
    """Find streams, decide over all of them, and hand out the regular ones."""
    streams = payments.score_streams(ledger, calendar, as_of_day, backend)
    q_values = payments.q_values(streams.columns["p_value"], backend.xp)
    columns = payments.decide(streams.columns, q_values, FALSE_DISCOVERY_RATE, backend.xp)
    regular = np.flatnonzero(columns["is_regular"])
    row = np.full(len(q_values), -1)
    row[regular] = np.arange(len(regular))
    member = np.isin(streams.role, _ANSWERS)
    names = np.array(columns["cadence"].labels, dtype=object)
    return Answer(
        stream=np.where(member, row[streams.stream_of_payment], -1),
        cadence=names[columns["cadence"].codes[regular]],
        next_day=columns["next_date"][regular],
        earliest=_days(columns["next_date_earliest"][regular]),
        latest=_days(columns["next_date_latest"][regular]),
        amount_low=columns["next_amount_low"][regular],
        amount_high=columns["next_amount_high"][regular],
    )


def _days(day: np.ndarray) -> np.ndarray:
    return np.where(day == NULL_DAY, np.nan, day.astype(float))
