"""The schedule of each unit, and how it is called."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.ledger import Labelled
from qfb_gpu.schema import CADENCES, ROLLS
from qfb_kernels import dues
from qfb_kernels.abreast import MORE_DUES, WORK_ROWS
from qfb_kernels.cadence import N_KNOWN
from qfb_kernels.pauses import parts_cpu, parts_gpu
from qfb_kernels.phases import MOST_DAYS
from qfb_kernels.search import FIRST_SLOT, N_FIT_INT, search_cpu, search_gpu

if TYPE_CHECKING:
    from collections.abc import Iterable

    from qfb_gpu.backend import Backend

IRREGULAR = CADENCES.index("irregular")
SCHEDULE_COLUMNS = (
    "schedule_kind", "schedule_step", "schedule_anchor", "schedule_a", "schedule_b",
    "schedule_roll", "schedule_clock",
)  # fmt: skip
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_DAYS_CADENCE = {1: "daily", 7: "weekly", 14: "biweekly"}
_MONTHS_CADENCE = {1: "monthly", 2: "bimonthly", 3: "quarterly", 6: "semiannual", 12: "annual"}
_MONTH_DAYS = 365.2425 / 12
_SHORTEST_MONTH = 28


def fit_schedules(
    day: Any,
    amount_minor: Any,
    units: Any,
    gap: Any,
    peaks: Any,
    tables: tuple[Any, Any, Any],
    backend: Backend,
) -> tuple[Any, Any]:
    """Return the best schedule of each unit.

    Parameters
    ----------
    day, amount_minor : int32 and int64, shape (n_payments,)
    units : Units
    gap : float64, shape (n_units,), median gap in days
    peaks : float64, shape (n_units, 3), spectral periods in days
    tables : the calendar table, the log-gamma table, the table of due dates

    Returns
    -------
    fit_int : int64, shape (n_units, 14)
        See :mod:`qfb_kernels.search`; step 0 where no schedule was found.
    fit_float : float64, shape (n_units, 2)
        Evidence and code length, nats.
    """
    xp = backend.xp
    n_units = units.start.shape[0]
    start, size = xp.empty(n_units, dtype="int64"), xp.empty(n_units, dtype="int32")
    backend.launch(
        parts_cpu, parts_gpu, n_units, day, units.member, units.start, units.size, gap, start, size
    )
    fit_int = xp.zeros((n_units, N_FIT_INT), dtype="int64")
    fit_float = xp.zeros((n_units, 2))
    cal, lg, due_at = tables
    at, mark = (xp.empty(units.member.shape[0], dtype="int64") for _ in range(2))
    longest = int(units.span.max())
    width = longest + MOST_DAYS
    near = xp.empty((backend.lanes(n_units, 4 * width), width), dtype="int32")
    known = xp.empty((near.shape[0], 3 * N_KNOWN))
    work = backend.host_scratch(WORK_ROWS * near.shape[0], longest + MORE_DUES)
    backend.launch(
        search_cpu, search_gpu, near.shape[0], day, amount_minor, units.member, start,
        size, cal, due_at, lg, gap, peaks, at, mark, near, known, work, fit_int, fit_float,
    )  # fmt: skip
    fit_int[:, FIRST_SLOT:] += (start - units.start)[:, None]
    return fit_int, fit_float


def name_schedules(fit: Any, is_closed_due: Any, backend: Backend) -> dict[str, Any]:
    """Return the columns that name each stream's schedule.

    Parameters
    ----------
    fit : int32, shape (n_streams, 7 or more), schedule; step 0 where there is none
    is_closed_due : bool, shape (n_streams,)
        Whether any due date fell on a closed day; where none did, the roll cannot be seen.
    """
    xp = backend.xp
    anchor = xp.where(fit[:, 0] == dues.DAYS, fit[:, 2] % 7, 0)
    key = fit[:, 1].astype("int64")
    for part, size in ((fit[:, 0], 8), (anchor, 8), (fit[:, 3] + 40, 128), (fit[:, 4] + 40, 128)):
        key = key * size + part
    _, first, code = np.unique(backend.to_host(key), return_index=True, return_inverse=True)
    code = backend.asarray(code.astype("int32"))
    rows = backend.to_host(fit[backend.asarray(first)])
    names = [
        _describe(kind, step, first % 7, a, b) for kind, step, first, a, b, *_ in rows.tolist()
    ]
    number = {text: i for i, text in enumerate(CADENCES)}
    cadence = backend.asarray([number[n[0]] for n in names], dtype="int8")
    period = backend.asarray([n[1] for n in names], dtype="float64")
    roll = xp.where(is_closed_due, fit[:, 5], dues.NONE).astype("int8")
    return {
        "cadence": Labelled(cadence[code], CADENCES),
        "period_days": period[code],
        "schedule_code": _labelled(code, [n[2] for n in names], backend),
        "rrule": _labelled(code, [n[3] for n in names], backend),
        "roll": Labelled(roll, ROLLS),
    }


def _labelled(code: Any, texts: list[str], backend: Backend) -> Labelled:
    """Return texts that repeat as codes into the distinct ones; an empty text is null."""
    labels = tuple(sorted({text for text in texts if text}))
    number = {text: i for i, text in enumerate(labels)}
    return Labelled(
        backend.asarray([number.get(t, -1) for t in texts], dtype="int32")[code], labels
    )


@lru_cache(maxsize=2**16)  # of the few thousand that there are, each bucket has most
def _describe(kind: int, step: int, weekday: int, a: int, b: int) -> tuple[str, float, str, str]:
    """Cadence, period, OBIE frequency code and RRULE of one schedule, Thursday being weekday 0."""
    if step == 0:
        return "irregular", float("nan"), "", ""
    if kind in (dues.MONTHS, dues.NTH, dues.MONTH_WORKDAY):
        return _describe_months(kind, step, a, b)
    if kind == dues.DAYS:
        return _describe_days(step, _WEEKDAYS[(weekday + 3) % 7])
    if kind == dues.PAIR:
        code = f"IntrvlMnthDay:01:{_signed(a)},IntrvlMnthDay:01:{_signed(b)}"
        return "semimonthly", _MONTH_DAYS / 2, code, "FREQ=MONTHLY" + _by_two_days(a, b)
    if kind == dues.BYDAY:
        days = a | b << dues.WEEKEND_BIT
        return _describe_weekdays([day for day in range(7) if days >> day & 1])
    return "daily", 7 / 5, "EvryWorkgDay", _every_week(range(5))


def _describe_weekdays(weekdays: list[int]) -> tuple[str, float, str, str]:
    """Return the names of a set of weekdays: weekly up to four of them, daily from five on."""
    cadence = "weekly" if len(weekdays) < 5 else "daily"  # noqa: PLR2004
    code = ",".join(f"IntrvlWkDay:01:{day + 1:02d}" for day in weekdays)
    return cadence, 7 / len(weekdays), code, _every_week(weekdays)


def _every_week(weekdays: Iterable[int]) -> str:
    return "FREQ=WEEKLY;BYDAY=" + ",".join(_WEEKDAYS[day] for day in weekdays)


def _describe_months(kind: int, step: int, a: int, b: int) -> tuple[str, float, str, str]:
    cadence = _MONTHS_CADENCE[step]
    every = "FREQ=MONTHLY" + (f";INTERVAL={step}" if step > 1 else "")
    if kind == dues.MONTHS:
        code = f"IntrvlMnthDay:{step:02d}:{_signed(a)}"
        return cadence, step * _MONTH_DAYS, code, every + _by_month_day(a)
    if kind == dues.NTH:
        code = f"WkInMnthDay:{_signed(a)}:{b + 1:02d}" if step == 1 else "NotKnown"
        return cadence, step * _MONTH_DAYS, code, f"{every};BYDAY={a}{_WEEKDAYS[b]}"
    rule = f"{every};BYDAY={','.join(_WEEKDAYS[:5])};BYSETPOS={a}"
    return cadence, step * _MONTH_DAYS, "NotKnown", rule


def _describe_days(step: int, weekday: str) -> tuple[str, float, str, str]:
    cadence = _DAYS_CADENCE.get(step, "every_n_days")
    if step == 1:
        return cadence, 1.0, "EvryDay", "FREQ=DAILY"
    if step % 7 == 0:
        weeks = step // 7
        rule = "FREQ=WEEKLY" + (f";INTERVAL={weeks}" if weeks > 1 else "") + f";BYDAY={weekday}"
        code = f"IntrvlWkDay:{weeks:02d}:{_WEEKDAYS.index(weekday) + 1:02d}"
        return cadence, float(step), code if weeks <= 9 else f"IntrvlDay:{step}", rule  # noqa: PLR2004
    return cadence, float(step), f"IntrvlDay:{step:02d}", f"FREQ=DAILY;INTERVAL={step}"


def _by_month_day(a: int) -> str:
    if a <= _SHORTEST_MONTH:
        return f";BYMONTHDAY={a}"
    if a == 31:  # noqa: PLR2004
        return ";BYMONTHDAY=-1"
    days = ",".join(str(d) for d in range(_SHORTEST_MONTH, a + 1))
    return f";BYMONTHDAY={days};BYSETPOS=-1"


def _by_two_days(a: int, b: int) -> str:
    """Return two days, five apart or more, as a rule; where a month lacks one it is its last."""
    if b == 31:  # noqa: PLR2004
        return f";BYMONTHDAY={a},-1"
    if b <= _SHORTEST_MONTH:
        return f";BYMONTHDAY={a},{b}"
    days = ",".join(str(d) for d in (a, *range(_SHORTEST_MONTH, b + 1)))
    return f";BYMONTHDAY={days};BYSETPOS=1,-1"


def _signed(a: int) -> str:
    return f"-{-a:02d}" if a < 0 else ("-01" if a == 31 else f"{a:02d}")  # noqa: PLR2004
