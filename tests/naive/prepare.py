"""Preparation operations, a row and a day at a time: datetime, calendar and loops."""

import calendar
import datetime as dt
import re

DAY = dt.timedelta(days=1)


def working_days(start, end, is_working, closed):
    if start is None or end is None:
        return None
    if end < start:
        return -working_days(end, start, is_working, closed)
    stop = end + DAY if closed == "both" else end
    n_days, date = 0, start
    while date < stop:
        n_days += is_working(date)
        date += DAY
    return n_days


def month_end(date, months):
    if date is None:
        return None
    month = date.year * 12 + date.month - 1 + months
    year, month = month // 12, month % 12 + 1
    return dt.date(year, month, calendar.monthrange(year, month)[1])


def in_intervals(date, intervals, closed):
    if date is None:
        return None
    for first, last in intervals:
        after = first is None or date > first or (date == first and closed in ("both", "left"))
        before = last is None or date < last or (date == last and closed in ("both", "right"))
        if after and before:
            return 1
    return 0


def pick_date(first, second, rule):
    given = [date for date in (first, second) if date is not None]
    if not given:
        return None
    return {"first": given[0], "earliest": min(given), "latest": max(given)}[rule]


# Texts ---------------------------------------------------------------------------------------


def starts(text, wanted):
    """Return where ``wanted`` is, without overlap from the left."""
    found, place = [], 0
    while place + len(wanted) <= len(text):
        if all(text[place + i] == wanted[i] for i in range(len(wanted))):
            found.append(place)
            place += len(wanted)
        else:
            place += 1
    return found


def strip_chars(text, chars, brackets):
    """Take out innermost pairs until there is none."""
    for opening, closing in brackets:
        inner = f"{re.escape(opening)}[^{re.escape(opening + closing)}]*{re.escape(closing)}"
        before = None
        while text != before:
            before, text = text, re.sub(inner, "", text, count=1)
    return "".join(char for char in text if char not in chars)


def clean_special(text, remove):
    """Know a few characters of each class by heart."""
    return "".join(char for char in text if not any(char in KNOWN[name] for name in remove))


KNOWN = {
    "control": "\x00\x07\x1b\x7f\x85"[:4],
    "zero_width": "\u200b\ufeff\u2060\u200e\u00ad",
    "whitespace": " \t\n\u3000\xa0",
    "emoji": "😀🚀⌛⭐☎🏽",
    "ascii_punctuation": ".,;:!?-_()[]{}#%&*@/\\'\"",
    "cjk_punctuation": "，。、；：！？【】《》「」（）",
    "symbol": "+<=>$^`|~¥€©→",
}
KNOWN["punctuation"] = KNOWN["ascii_punctuation"] + KNOWN["cjk_punctuation"] + "—…“”"


def mid(text, start, n):
    places = range(1, len(text) + 1)
    first = start if start > 0 else max(len(text) + 1 + start, 1)
    return "".join(text[place - 1] for place in places if first <= place < first + n)


def between(text, start, end, nth):
    found = [
        match[1]
        for match in re.finditer(f"{re.escape(start)}(.*?){re.escape(end)}", text, re.DOTALL)
    ]
    return _nth(found, nth)


def after(text, wanted, nth):
    place = _nth(starts(text, wanted), nth)
    return None if place is None else text[place + len(wanted) :]


def _nth(found, nth):
    if abs(nth) > len(found):
        return None
    return found[nth - 1 if nth > 0 else nth]


# Columns and periods -------------------------------------------------------------------------


def join_row(row, separator, nulls, replacement):
    if nulls == "null" and None in row:
        return None
    if nulls == "replace":
        row = [replacement if text is None else text for text in row]
    kept = [text for text in row if text is not None]
    return separator.join(kept) if kept else None


def label_445(date, starts):
    """Count weeks of periods off, one by one."""
    if date is None or not starts[0] <= date < starts[-1]:
        return None
    start = max(first for first in starts if first <= date)
    end, number = start, 0
    for weeks in (4, 4, 5) * 4:
        end += 7 * weeks * DAY
        number += 1
        if date < end:
            break
    return f"{(start + 182 * DAY).year}-P{number:02d}"
