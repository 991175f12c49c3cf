"""One stream in a notebook: its payments in the calendar, its spectrum, its next payment."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qfb_gpu.counted import counted
from qfb_gpu.errors import InputError
from qfb_gpu.report.charts.payment_calendar import Grid, Mark, payment_calendar
from qfb_gpu.report.charts.period_spectrum import period_spectrum
from qfb_gpu.report.markup import esc, legend
from qfb_gpu.report.wording import amount, day, plural

if TYPE_CHECKING:
    from qfb_gpu.report.markup import Html

_ROLES = {
    "regular": "on its due date",
    "late": "late",
    "early": "early",
    "extra": "extra",
    "returned": "returned",
}
_WEEKLY_CADENCES = ("daily", "weekly", "biweekly")
_MOST_WEEKS, _MOST_MONTHS = 78, 120
_NOT_YET = 0.5


@dataclass(frozen=True, slots=True)
class StreamView:
    """What is known of one stream.

    Attributes
    ----------
    stream : dict
        Its row of ``payment_streams``.
    payments : list of (date, amount, role, transaction id)
        Amounts in units of the currency, negative for a reversal.
    missed : list of date
        Due dates that no payment answers.
    period_days, power : list of float
        Its spectrum; empty where there are too few payments.
    as_of : date
    """

    stream: dict[str, Any]
    payments: list[tuple[dt.date, float, str, str]]
    missed: list[dt.date]
    period_days: list[float]
    power: list[float]
    as_of: dt.date


@dataclass(frozen=True, slots=True)
class StreamPicture:
    """The picture of one stream; a notebook shows it, :meth:`save` writes it.

    Attributes
    ----------
    stream : dict
        The stream's row of ``payment_streams``.
    """

    stream: dict[str, Any]
    _html: str = field(repr=False)

    def _repr_html_(self) -> str:
        """Return the picture as HTML that needs nothing from anywhere."""
        return self._html

    def save(self, path: str | Path) -> Path:
        """Write the picture as an HTML page of its own; return its path.

        Parameters
        ----------
        path : str or Path
            Its folder is made where it is not there; a file of that name is replaced.

        Raises
        ------
        InputError
            The page cannot be written there.
        """
        target = Path(path)
        title = esc(_who(self.stream))
        page = (
            f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title>\n'
            f'<body style="margin:24px">{self._html}</body></html>\n'
        )
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(page, encoding="utf-8")
        except OSError as error:
            msg = (
                f"save({str(path)!r}): expected the name of an HTML file that can be written; "
                f"{error.filename or target}: {error.strerror}. Give another"
            )
            raise InputError(msg) from error
        return target


def draw(view: StreamView) -> StreamPicture:
    """Return the picture of a stream."""
    style = (files("qfb_gpu.report") / "static" / "stream.css").read_text(encoding="utf-8")
    stream = view.stream
    parts = [
        f"<h3>{esc(_who(stream))}</h3>",
        f'<p class="lead">{esc(_what(stream), 1000)}</p>',
        f'<p class="next">{_next(stream, view.as_of)}</p>',
        _legend(view),
        _calendar(view),
        f"<h4>{esc('Power of the daily series by period (days)')}</h4>",
        _spectrum(view),
    ]
    html = f'<div class="qfb-stream"><style>{style}</style>{"".join(parts)}</div>'
    return StreamPicture(stream, html)


def _who(stream: dict[str, Any]) -> str:
    other = stream["counterparty_id"] or stream["description"] or "no counterparty given"
    arrow = "→" if stream["direction"] == "out" else "←"
    return f"{stream['customer_id']} {arrow} {other}"


def _what(stream: dict[str, Any]) -> str:
    """Say in a line what the stream is and how sure that is."""
    span, last = day(stream["first_date"]), day(stream["last_date"])
    span += f" to {last}" if last != span else ""
    words = [f"{plural(stream['n_payments'], 'payment')}, {span}"]
    if not stream["is_regular"]:
        return f"Not regular · {words[0]}"
    cadence = stream["cadence"].replace("_", " ")
    if cadence == "every n days":
        cadence = f"every {stream['period_days']:.0f} days"
    words.insert(0, cadence[0].upper() + cadence[1:] + _weekdays(stream["rrule"]))
    typical = amount(stream["amount_typical"], stream["currency"])
    words.append(f"{stream['amount_kind']} amount, typically {stream['currency']} {typical}")
    if stream["n_missed"]:
        words.append(f"{stream['n_missed']} missed")
    words.append(f"confidence {_confidence(stream['confidence'])}")
    return " · ".join(words)


def _weekdays(rrule: str | None) -> str:
    """Say which weekdays of every week a rule names, where it names several."""
    _, _, days = (rrule or "").partition("FREQ=WEEKLY;BYDAY=")
    return f" on {days.replace(',', ', ')}" if "," in days else ""


def _confidence(share: float) -> str:
    return "above 99.9%" if share > 0.999 else f"{100 * share:.1f}%"  # noqa: PLR2004


def _next(stream: dict[str, Any], as_of: dt.date) -> Html:
    """Say when the next payment is expected, or why none is."""
    seen = f"as of {day(as_of)}"
    if stream["next_date"] is None:
        why = "it has stopped" if stream["is_regular"] else "it is not regular"
        return esc(f"No next payment is expected: {why} ({seen}).", 1000)
    dates = f"{day(stream['next_date_earliest'])} to {day(stream['next_date_latest'])}"
    if stream["next_date_earliest"] == stream["next_date_latest"]:
        dates = "that day"
    low, value, high = (
        amount(stream[name], stream["currency"])
        for name in ("next_amount_low", "next_amount", "next_amount_high")
    )
    text = f"Next payment {day(stream['next_date'])} (90%: {dates}), {stream['currency']} {value}"
    text += "" if low == high else f" (90%: {low} to {high})"
    return esc(f"{text}, {seen}.", 1000)


def _legend(view: StreamView) -> Html:
    there = {role for _, _, role, _ in view.payments}
    keys = [(role, words) for role, words in _ROLES.items() if role in there]
    if view.missed:
        keys.append(("missed", "due, not paid"))
    if view.stream["next_date"] is not None:
        keys += [("next", "expected next"), ("range", "its 90% range")]
    return legend(*keys)


def _calendar(view: StreamView) -> str:
    stream = view.stream
    last = max([view.as_of, stream["next_date_latest"] or view.as_of])
    first = min([date for date, *_ in view.payments], default=view.as_of)
    by_week = stream["cadence"] in _WEEKLY_CADENCES
    limit = dt.timedelta(weeks=_MOST_WEEKS) if by_week else dt.timedelta(days=30.4 * _MOST_MONTHS)
    shown = max(first, last - limit)
    n_older = sum(date < shown for date, *_ in view.payments)
    ranged = None
    if stream["next_date"] is not None:
        ranged = (stream["next_date_earliest"], stream["next_date_latest"])
    title = f"{counted(len(view.payments), 'payment')} of {_who(stream)} in the calendar"
    chart = payment_calendar(Grid(shown, last, by_week), _marks(view), ranged, title)
    if not n_older:
        return chart
    note = f"{plural(n_older, 'older payment')} before {day(shown)} not drawn."
    return f'{chart}<p class="note">{esc(note)}</p>'


def _marks(view: StreamView) -> list[Mark]:
    stream = view.stream
    currency = stream["currency"]
    most = max((abs(value) for _, value, _, _ in view.payments), default=0.0) or 1.0
    marks = [Mark(date, "missed", _NOT_YET, f"{day(date)}: due, not paid") for date in view.missed]
    marks += [
        Mark(date, role, abs(value) / most,
             f"{day(date)}: {currency} {amount(value, currency)}, {_ROLES[role]} ({txn})")
        for date, value, role, txn in sorted(view.payments, key=lambda one: -abs(one[1]))
    ]  # fmt: skip
    if stream["next_date"] is not None:
        size = min(1.0, (stream["next_amount"] or 0.0) / most)
        marks.append(Mark(stream["next_date"], "next", size, f"{day(stream['next_date'])}: next"))
    return marks


def _spectrum(view: StreamView) -> str:
    if not view.period_days:
        return '<p class="note">Too few payments for a spectrum: it takes six over 16 days.</p>'
    dominant = view.stream["spectrum_period_days"]
    title = f"spectrum of {_who(view.stream)}"
    return period_spectrum(view.period_days, view.power, dominant, title)
