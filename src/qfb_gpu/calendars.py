"""Working days as arrays: weekends, public holidays and make-up working days (调休).

China from ``chinesecalendar`` (State Council notices, with make-up days), every other ISO 3166
country from ``holidays``; ``"weekends"`` knows weekends only. A year that is not published yet
counts weekends only, and so does one from before the first; ``known_from`` and ``known_until``
say which are.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.errors import ConfigError
from qfb_gpu.ledger import NULL_DAY, Calendar

EPOCH = dt.date(1970, 1, 1)
PACKAGES = ("chinesecalendar", "holidays")
"""What tells the days off."""
FIRST_YEAR, LAST_YEAR = 1990, 2040
_SATURDAY = 5
_CHINA = ("CHN", "China", "CHINA")
_MONTHS = 12
_PER_DAY = {unit: 86_400 * 1000**i for i, unit in enumerate(("s", "ms", "us", "ns"))}
_TWO_DIGITS = r"^\s*\d{1,2}\s*[-−/.,\s]\s*\d{1,2}\s*[-−/.,\s]\s*\d{2}(\D|$)"


def to_day(date: dt.date) -> int:
    """Return days since 1970-01-01."""
    return (date - EPOCH).days


def to_date(day: int) -> dt.date:
    """Return the date of a day since 1970-01-01."""
    return EPOCH + dt.timedelta(days=int(day))


def month_index(day: Any, xp: Any) -> Any:
    """Return ``year * 12 + month - 1`` of days since 1970-01-01 in the Gregorian calendar.

    Parameters
    ----------
    day : array of int64, shape (n,)

    References
    ----------
    H. Hinnant, "chrono-compatible low-level date algorithms", ``civil_from_days``.
    """
    shifted = day + 719_468  # days since 0000-03-01
    era = shifted // 146_097
    day_of_era = shifted - era * 146_097
    year_of_era = (
        day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * day_of_year + 2) // 153
    year = year_of_era + era * 400
    return xp.asarray(year * _MONTHS + month_from_march + 2)


def first_day(month: Any, xp: Any) -> Any:
    """Return the first day of months, in days since 1970-01-01.

    Parameters
    ----------
    month : array of int64, shape (n,)
        As :func:`month_index` counts them.

    References
    ----------
    H. Hinnant, "chrono-compatible low-level date algorithms", ``days_from_civil``.
    """
    year, from_march = (month - 2) // _MONTHS, (month - 2) % _MONTHS
    leap_days = year // 4 - year // 100 + year // 400
    return xp.asarray(365 * year + leap_days + (153 * from_march + 2) // 5 - 719_468)


def days_of(instants: pa.Array) -> pa.Array:
    """Return the days of timestamps on their own clock, in whole numbers.

    Arrow's floor, and its clock of a zone, wrap on the first and last day of nanoseconds. A day
    that 32 bits do not hold is beyond any calendar: the first or last that they do.

    Parameters
    ----------
    instants : pyarrow.Array of timestamps, shape (n,)

    Returns
    -------
    pyarrow.Array of date32, shape (n,)
        Null where they are.
    """
    unit, zone = instants.type.unit, instants.type.tz
    unknown = np.asarray(instants.is_null()) if instants.null_count else None
    ticks = instants.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    per_day = _PER_DAY[unit]
    if zone is not None:
        seconds = pa.array(ticks // (per_day // _PER_DAY["s"])).cast(pa.timestamp("s", zone))
        ticks = pc.local_timestamp(seconds).cast(pa.int64()).to_numpy()
        per_day = _PER_DAY["s"]
    days = np.clip(ticks // per_day, NULL_DAY + 1, -(NULL_DAY + 1)).astype(np.int32)
    return pa.array(days, mask=unknown).view(pa.date32())


def names_no_year(texts: pa.Array) -> np.ndarray:
    """Return which texts are three numbers of two digits, as ``01/02/24``: bool, shape (n_texts,).

    Which of them is the year nobody can tell; year first it would be a day of 2001.
    """
    if not pc.all(pc.string_is_ascii(texts)).as_py():  # full-width digits, marks and spaces, too
        texts = pc.utf8_normalize(texts, "NFKC")
    found = pc.match_substring_regex(texts, _TWO_DIGITS)
    return np.asarray(found.fill_null(fill_value=False), bool)


@lru_cache(maxsize=8)
def load_calendar(name: str) -> Calendar:
    """Return the calendar called ``name`` for 1990-01-01 to 2040-12-31.

    Parameters
    ----------
    name : str
        ``"weekends"``, or an ISO 3166 country code with an optional subdivision: ``"CN"``,
        ``"GB-ENG"``.

    Raises
    ------
    ConfigError
        No such calendar.
    """
    if name in _CHINA:  # `holidays` knows it, too, with other days
        return load_calendar("CN")
    first = to_day(dt.date(FIRST_YEAR, 1, 1))
    last = to_day(dt.date(LAST_YEAR, 12, 31))
    days = np.arange(first, last + 1)
    is_working = (days + 3) % 7 < _SATURDAY  # 1970-01-01 was a Thursday
    if name == "weekends":
        known_from, known_until = first, last
    elif name == "CN":
        known_from, known_until = _china(is_working, first)
    else:
        known_from, known_until = _country(name, is_working, first)
    is_working.flags.writeable = False
    return Calendar(name, first, is_working, known_until, known_from)


def stamp_of(calendar: Calendar) -> str:
    """Return a hash of a calendar's days: a newer package may have other ones under its name."""
    about = calendar.first_day, calendar.known_from, calendar.known_until
    digest = hashlib.sha256(str(about).encode())
    digest.update(np.ascontiguousarray(calendar.is_working).tobytes())
    return digest.hexdigest()[:16]


def _china(is_working: np.ndarray, first: int) -> tuple[int, int]:
    from chinese_calendar.constants import holidays, workdays

    for date in holidays:
        is_working[to_day(date) - first] = False
    for date in workdays:
        is_working[to_day(date) - first] = True
    years = [date.year for date in holidays]
    return _years(min(years), max(years))


def _country(name: str, is_working: np.ndarray, first: int) -> tuple[int, int]:
    import holidays

    country, _, subdivision = name.partition("-")
    try:
        found = holidays.country_holidays(country, subdiv=subdivision or None)
    except NotImplementedError as error:
        msg = (
            f"no calendar is called {name!r}: expected 'weekends' or an ISO 3166 code "
            "such as CN, DE or GB-ENG"
        )
        raise ConfigError(msg) from error
    for day in range(is_working.shape[0]):  # its own weekends too, and weekends that are worked
        is_working[day] = found.is_working_day(to_date(first + day))
    return _years(max(found.start_year, FIRST_YEAR), min(found.end_year, LAST_YEAR))


def _years(first: int, last: int) -> tuple[int, int]:
    return to_day(dt.date(first, 1, 1)), to_day(dt.date(last, 12, 31))
