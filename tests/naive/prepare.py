"""Preparation operations, a row and a day at a time: datetime, calendar and loops."""

import calendar
import datetime as dt

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
