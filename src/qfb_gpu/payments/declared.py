"""Schedules that a bank declares (standing orders, direct debits) beside the streams found.

Frequencies are those of the Open Banking Read/Write Data API: v3.1 codes
(``IntrvlMnthDay:01:15``), v3.1 names of direct debits (``UK.OBIE.Monthly``) and v4
``Type:CountPerPeriod:PointInTime`` with the code set OBFrequency6Code (``MNTH:1:15``).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qfb_gpu.keys import first_in_run

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

_MONTH_DAYS = 365.25 / 12
_WORKING_DAYS = 7 / 5
_BY_DAYS = {1: "daily", 7: "weekly", 14: "biweekly"}
_BY_MONTHS = {1: "monthly", 2: "bimonthly", 3: "quarterly", 6: "semiannual", 12: "annual"}
_NAMES = {
    "daily": (1, 0), "weekly": (7, 0), "fortnightly": (14, 0), "monthly": (0, 1),
    "quarterly": (0, 3), "halfyearly": (0, 6), "annual": (0, 12), "yearly": (0, 12),
}  # fmt: skip
_ISO = {
    "DAIL": (1, 0), "WEEK": (7, 0), "FRTN": (14, 0), "MNTH": (0, 1), "QURT": (0, 3),
    "MIAN": (0, 6), "YEAR": (0, 12), "FOWK": (28, 0), "TWMH": (0, 2), "ALMH": (0, 2),
    "FOMH": (0, 4), "FIMH": (0, 5),
}  # fmt: skip
_V3 = re.compile(
    r"(EvryDay|EvryWorkgDay)|(IntrvlDay):(\d\d?)|(IntrvlWkDay):0?(\d):0?([1-7])|"
    r"(WkInMnthDay):(-?0[1-5]):0?([1-7])|(IntrvlMnthDay):(\d\d):(-0[1-5]|0[1-9]|[12]\d|3[01])|"
    r"(QtrDay):(ENGLISH|SCOTTISH|RECEIVED)"
)
OTHER_CADENCE, OTHER_AMOUNT, OTHER_NEXT, NOT_REGULAR, STOPPED, NOT_ACTIVE = 1, 2, 4, 8, 16, 32
_SAME_PARTY, _SAME_AMOUNT, _NEAR_AMOUNT, _SAME_CADENCE, _SAME_NEXT = 8, 4, 2, 4, 1
_AMOUNT, _NEAR, _DAYS, _PERIOD = 0.01, 0.1, 5, 0.05
_LONGEST_DAYS = 100 * 366
MIN_PAYMENTS = 3
"""With fewer payments a stream cannot be said to differ."""


@dataclass(frozen=True, slots=True)
class Frequency:
    """What a frequency code says.

    Attributes
    ----------
    cadence : str
        One of the cadences of :mod:`qfb_gpu.schema`; ``irregular`` for ad hoc.
    period_days : float
        On average; NaN where irregular.
    code : str
        As an OBIE v3.1 code where it has one, else empty.
    """

    cadence: str
    period_days: float
    code: str = ""


def parse_frequency(text: str | None) -> Frequency | None:
    """Return what a frequency says; None where it is missing, ``NotKnown`` or no such code."""
    if not text:
        return None
    name = text.strip().rsplit(".", 1)[-1].casefold()
    if name in _NAMES:
        return _every(*_NAMES[name])
    iso, _, rest = text.strip().partition(":")
    if iso in _ISO:
        return _of_iso(iso, rest)
    if text.strip() == "WODL":
        return Frequency("daily", _WORKING_DAYS, "EvryWorkgDay")
    if iso in ("ADHO", "INDA"):
        return Frequency("irregular", float("nan"))
    match = _V3.fullmatch(text.strip())
    return None if match is None else _of_code(match, text.strip())


def _every(days: int, months: int, code: str = "") -> Frequency:
    if days:
        return Frequency(_BY_DAYS.get(days, "every_n_days"), float(days), code)
    return Frequency(_BY_MONTHS.get(months, "every_n_days"), months * _MONTH_DAYS, code)


def _of_iso(iso: str, rest: str) -> Frequency | None:
    """``CountPerPeriod`` payments in each period; ``PointInTime`` is the day in it."""
    count, _, point = rest.partition(":")
    days, months = _ISO[iso]
    n_per_period = _whole(count) if count else 1
    if not n_per_period:
        return None
    if n_per_period > 1:
        return _parts_of(days, months, n_per_period)
    whole, day = _every(days, months), _whole(point) or 0
    if iso == "MNTH" and 1 <= day <= 31:  # noqa: PLR2004
        return Frequency(whole.cadence, whole.period_days, f"IntrvlMnthDay:01:{day:02d}")
    if iso in ("WEEK", "FRTN") and 1 <= day <= 7:  # noqa: PLR2004
        weeks = 1 if iso == "WEEK" else 2
        return Frequency(whole.cadence, whole.period_days, f"IntrvlWkDay:{weeks:02d}:{day:02d}")
    return whole


def _whole(text: str) -> int | None:
    """Return a whole number as JSON may write it, ``2`` or ``2.0``; None of anything else."""
    match = re.fullmatch(r"(\d+)(\.0*)?", text)
    return None if match is None else int(match[1])


def _parts_of(days: int, months: int, n_per_period: int) -> Frequency:
    """Return the frequency of several payments in each so many days or months."""
    if months and months % n_per_period == 0:
        return _every(0, months // n_per_period)
    if days and days % n_per_period == 0:
        return _every(days // n_per_period, 0)
    period = _every(days, months).period_days / n_per_period
    return Frequency("semimonthly" if n_per_period == 2 * months else "every_n_days", period)


def _of_code(match: re.Match[str], text: str) -> Frequency | None:
    every, by_days, n_days, by_weeks, n_weeks, _, nth, _, _, by_months, n_months, _, _, _ = (
        match.groups()
    )
    if every:
        return Frequency("daily", 1.0 if every == "EvryDay" else _WORKING_DAYS, text)
    if by_days:
        return _every(int(n_days), 0, text) if int(n_days) else None
    if by_weeks:
        return _every(7 * int(n_weeks), 0, text) if int(n_weeks) else None
    if by_months:
        return _every(0, int(n_months), text) if int(n_months) else None
    return _every(0, 1 if nth else 3, text)


def last_in_force(first_day: int, n_payments: float, frequency: Frequency | None) -> int | None:
    """Return a day by which so many payments from the first on have been made, None if unknown.

    ``NumberOfPayments`` of the standard counts all payments of the sequence, those before today
    too. The day is a quarter of a period after the last is due, 5 days at least: a day of payment
    moves with the month, the weekend and holidays. How many holidays an order of working days meets
    is not known.
    """
    if frequency is None or not n_payments >= 1 or n_payments % 1:
        return None
    period = frequency.period_days
    span = (n_payments - 1) * period + max(_DAYS, period / 4)
    if frequency.code == "EvryWorkgDay" or not span < _LONGEST_DAYS:
        return None
    return first_day + math.ceil(span)


def match_streams(
    declared: dict[str, Any], streams: dict[str, Any], backend: Backend
) -> dict[str, Any]:
    """Find the stream of each declared schedule, and how the two differ.

    A stream is a declaration's where its counterparty is the same; one without a counterparty
    where amount, cadence and next date are. Of several the nearest in amount, cadence and next
    date is taken, then that of the smallest id. One without a currency, as it has no amount, may
    be of any.

    Parameters
    ----------
    declared, streams : dict of str to array
        ``customer`` (row), ``counterparty_key`` (0: none), ``currency`` (of a declaration -1:
        none), ``amount`` (units, NaN),
        ``cadence`` (code, -1: none), ``period_days`` (NaN), ``next_day`` (``NULL_DAY``); of a
        declaration ``is_schedule``, ``is_active``, ``until_day`` (the last day in force of one that
        ended; ``NULL_DAY``: not known) and ``is_past`` (its next day is no later than today); of a
        stream ``stream_id``, ``is_out``, ``is_regular``, ``is_stopped``, ``n_payments``,
        ``last_day``.
    backend : Backend

    Returns
    -------
    dict
        ``stream`` : int64, shape (n_declared,), row of the stream, -1 where there is none;
        ``difference`` : int8, the sum of OTHER_CADENCE, ..., 0 where they agree or none is found.
    """
    xp = backend.xp
    left, right = _pairs(declared, streams, xp)
    score, gap = _score(declared, streams, left, right, xp)
    good = score >= _SAME_PARTY
    left, right, score, gap = left[good], right[good], score[good], gap[good]
    order = backend.lexsort((left, -score, gap, streams["stream_id"][right]))
    left, right = left[order], right[order]
    is_first = first_in_run(left, xp)
    stream = xp.full(declared["customer"].shape[0], -1, dtype="int64")
    stream[left[is_first]] = right[is_first]
    difference = xp.zeros(stream.shape[0], dtype="int8")
    matched = xp.flatnonzero(stream >= 0)
    difference[matched] = _difference(declared, streams, matched, stream[matched], xp)
    return {"stream": stream, "difference": difference}


def _pairs(declared: dict[str, Any], streams: dict[str, Any], xp: Any) -> tuple[Any, Any]:
    """Return every pair of a schedule and an outgoing stream of one customer and currency."""
    outgoing = xp.flatnonzero(streams["is_out"])
    outgoing = outgoing[xp.argsort(streams["customer"][outgoing], kind="stable")]
    of_customer = streams["customer"][outgoing]
    rows = xp.flatnonzero(declared["is_schedule"] & (declared["customer"] >= 0))
    start = xp.searchsorted(of_customer, declared["customer"][rows], side="left")
    count = xp.searchsorted(of_customer, declared["customer"][rows], side="right") - start
    pair = xp.searchsorted(xp.cumsum(count), xp.arange(int(count.sum())), side="right")
    first = xp.cumsum(count) - count
    place = start[pair] + xp.arange(pair.shape[0]) - first[pair]
    left, right = rows[pair], outgoing[place]
    currency = declared["currency"][left]
    same = (currency == streams["currency"][right]) | (currency < 0)
    return left[same], right[same]


def _gap(declared: dict[str, Any], streams: dict[str, Any], left: Any, right: Any, xp: Any) -> Any:
    """Return the relative difference of amounts; NaN where none is declared."""
    one, other = xp.abs(declared["amount"][left]), xp.abs(streams["amount"][right])
    return xp.abs(one - other) / xp.maximum(xp.maximum(one, other), 1e-9)


def _same_cadence(
    declared: dict[str, Any], streams: dict[str, Any], left: Any, right: Any, xp: Any
) -> Any:
    one, other = declared["period_days"][left], streams["period_days"][right]
    near = xp.abs(one - other) <= _PERIOD * one
    return near & (declared["cadence"][left] >= 0)


def _days_apart(
    declared: dict[str, Any], streams: dict[str, Any], left: Any, right: Any, xp: Any
) -> Any:
    """Return the days between next dates; a large number where one of them is not known."""
    one = declared["next_day"][left].astype("int64")
    other = streams["next_day"][right].astype("int64")
    known = (one > _NULL) & (other > _NULL)
    return xp.where(known, xp.abs(one - other), 1 << 30)


_NULL = -(2**31)


def _score(
    declared: dict[str, Any], streams: dict[str, Any], left: Any, right: Any, xp: Any
) -> tuple[Any, Any]:
    party = declared["counterparty_key"][left]
    other = streams["counterparty_key"][right]
    gap = _gap(declared, streams, left, right, xp)
    cadence = _same_cadence(declared, streams, left, right, xp)
    near = _days_apart(declared, streams, left, right, xp) <= _DAYS
    score = (
        _SAME_PARTY * ((party == other) & (party != 0)).astype("int32")
        + _SAME_AMOUNT * (gap <= _AMOUNT)
        + _NEAR_AMOUNT * ((gap > _AMOUNT) & (gap <= _NEAR))
        + _SAME_CADENCE * cadence
        + _SAME_NEXT * near
    )
    may_stand_alone = (party == other) | (other == 0)
    return xp.where(may_stand_alone, score, 0), xp.where(xp.isnan(gap), 1.0, gap)


def _difference(
    declared: dict[str, Any], streams: dict[str, Any], left: Any, right: Any, xp: Any
) -> Any:
    regular = streams["is_regular"][right] & (streams["n_payments"][right] >= MIN_PAYMENTS)
    gap = _gap(declared, streams, left, right, xp)
    has_cadence = declared["cadence"][left] >= 0
    same = _same_cadence(declared, streams, left, right, xp)
    apart = _days_apart(declared, streams, left, right, xp)
    active, stopped = declared["is_active"][left], streams["is_stopped"][right]
    enough = streams["n_payments"][right] >= MIN_PAYMENTS
    last = streams["last_day"][right].astype("int64")
    due = declared["next_day"][left].astype("int64")
    is_paid = declared["is_past"][left] & (last >= due - _DAYS)
    goes_on = ~active & ~stopped & (last > declared["until_day"][left])
    found = (
        OTHER_CADENCE * (regular & has_cadence & ~same)
        + OTHER_AMOUNT * (gap > _AMOUNT)
        + OTHER_NEXT * ((apart > _DAYS) & (apart < (1 << 30)) & active & ~is_paid)
        + NOT_REGULAR * (enough & ~streams["is_regular"][right])
        + STOPPED * (active & stopped & regular)
        + NOT_ACTIVE * (goes_on & regular)
    )
    return found.astype("int8")
