"""The columns of ``payment_streams``, for every stream as if it were regular."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.currencies import EXPONENT, currency_code
from qfb_gpu.keys import mixed
from qfb_gpu.ledger import NULL_DAY, Labelled, Ledger
from qfb_gpu.payments.cadence import SCHEDULE_COLUMNS, name_schedules
from qfb_gpu.schema import AMOUNT_KINDS, STATUSES
from qfb_kernels.dues import MONTHS

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.payments.described import Described

MIN_PAYMENTS = 3
MIN_ANNUAL_PAYMENTS = 2
CHANCE_OF_BOUND = 0.1
CHANCE_OF_BOUND_OF_TWO = 0.045
_YEAR = 12


def stream_columns(
    ledger: Ledger, relation: Any, members: tuple[Any, Any, Any], fit_int: Any, fit_float: Any,
    described: Described, backend: Backend,
) -> dict[str, Any]:  # fmt: skip
    """Return one array or Labelled a column.

    Parameters
    ----------
    relation : int32, shape (n_streams,)
    members : member, start, size of each stream, reversals left out
    fit_int, fit_float : see :mod:`qfb_kernels.search`
    described : measures of the same streams
    """
    xp = backend.xp
    member, start, size = members
    ordinal = xp.arange(relation.shape[0], dtype="int64") - described.stream_offsets[relation]
    some = size > 0
    last_slot = xp.where(some, start + size - 1, 0)
    first_slot = xp.where(some, start, 0)
    return {
        "stream_id": stream_ids(ledger, relation, ordinal, xp),
        "description": _descriptions(ledger, relation, xp),
        "n_payments": size,
        "first_date": xp.where(some, ledger.day[member[first_slot]], NULL_DAY).astype("int32"),
        "last_date": xp.where(some, ledger.day[member[last_slot]], NULL_DAY).astype("int32"),
        "p_value": p_values(fit_int, fit_float[:, 0], size, xp),
        **name_schedules(fit_int, described.closed > 0, backend),
        **{name: fit_int[:, i].astype("int32") for i, name in enumerate(SCHEDULE_COLUMNS)},
        "interval_mean_days": described.mean,
        "interval_std_days": described.std,
        "interval_median_days": described.median,
        "spectrum_period_days": described.period,
        "spectrum_strength": described.strength,
        "spectrum_entropy": described.entropy,
        "next_date": described.quantile[:, 1],
        "next_date_earliest": described.quantile[:, 0],
        "next_date_latest": described.quantile[:, 2],
        "next_due_date": described.next_due,
        "n_missed": described.missed,
        "status": Labelled(described.status, STATUSES),
        **_amounts(ledger, relation, members, described, backend),
    }


def p_values(fit_int: Any, evidence: Any, size: Any, xp: Any) -> Any:
    """Return the p-value of each stream: float64; NaN where there are too few payments.

    1 where no schedule is more likely than chance.

    ``evidence`` is the log of a Bayes factor against payments at random, so by Markov's
    inequality it is as large by chance with a probability of at most ``exp(-evidence)``. The
    bound is wide: over 2 to 80 payments at random, on working days or any, the chance is below
    a tenth of it (``tests/test_evidence.py`` repeats the simulation).
    """
    is_annual = (fit_int[:, 0] == MONTHS) & (fit_int[:, 1] == _YEAR)
    enough = fit_int[:, 7] >= xp.where(is_annual, MIN_ANNUAL_PAYMENTS, MIN_PAYMENTS)
    share = xp.where(fit_int[:, 7] < MIN_PAYMENTS, CHANCE_OF_BOUND_OF_TWO, CHANCE_OF_BOUND)
    p = xp.minimum(1.0, share * xp.exp(-xp.clip(evidence, -50.0, 690.0)))
    p = xp.where(enough & (fit_int[:, 1] > 0), p, 1.0)
    return xp.where(enough | (size >= MIN_PAYMENTS), p, xp.nan)


def stream_ids(ledger: Ledger, relation: Any, ordinal: Any, xp: Any) -> Any:
    """Return a number for each stream that depends on its relation's keys and ordinal only.

    Returns
    -------
    array of int64, shape (n_streams,), not negative
    """
    customer = ledger.customer_key[ledger.relation_customer[relation]]
    party = ledger.counterparty_key  # 0 where a description stands for it
    party = party if ledger.description_key is None else party ^ ledger.description_key
    state = xp.zeros(relation.shape[0], dtype="uint64")
    for part in (
        customer,
        party[relation],
        ledger.direction[relation],
        ledger.currency[relation],
        ordinal,
    ):
        state = mixed(state ^ part.astype("int64").view("uint64"), 0, xp)
    return (state & xp.uint64(2**63 - 1)).astype("int64")


def _descriptions(ledger: Ledger, relation: Any, xp: Any) -> Labelled:
    if ledger.description is None:
        return Labelled(xp.full(relation.shape[0], -1, dtype="int32"), ())
    return Labelled(ledger.description.codes[relation], ledger.description.labels)


def _amounts(
    ledger: Ledger, relation: Any, members: tuple[Any, Any, Any], described: Described,
    backend: Backend,
) -> dict[str, Any]:  # fmt: skip
    xp = backend.xp
    member, start, size = members
    value = described.amount_value
    unit = backend.asarray(_minor_units())[ledger.currency[relation]]
    names = ("amount_typical", "next_amount", "next_amount_low", "next_amount_high")
    total = xp.zeros(member.shape[0] + 1, dtype="int64")
    total[1:] = xp.cumsum(ledger.amount_minor[member])
    return {
        "amount_kind": Labelled(described.amount_kind, AMOUNT_KINDS),
        **{name: value[:, i] / unit for i, name in enumerate(names)},
        "amount_total_minor": total[start + size] - total[start],
        "amount_step_date": described.step_day,
        "amount_step_ratio": value[:, 5],
    }


@cache
def _minor_units() -> np.ndarray:
    """Return minor units per unit of each currency code: float64, not to be written to."""
    units = np.ones(26**3)
    for name, exponent in EXPONENT.items():
        units[currency_code(name)] = 10.0**exponent
    return units
