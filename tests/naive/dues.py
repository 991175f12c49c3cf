"""Due dates by ``datetime`` only: a month is a list of its dates, a roll is a walk day by day."""

import datetime as dt

EPOCH = dt.date(1970, 1, 1)
DAY = dt.timedelta(days=1)


def month_dates(month):
    """Return the dates of a month, which is counted from January 1970."""
    date = dt.date(1970 + month // 12, month % 12 + 1, 1)
    dates = []
    while (date.year - 1970) * 12 + date.month - 1 == month:
        dates.append(date)
        date += DAY
    return dates


def month_of(date):
    return (date.year - 1970) * 12 + date.month - 1


def is_open(date, closed, opened):
    """Whether banks work: ``closed`` are holidays, ``opened`` weekends that are worked."""
    if date in opened:
        return True
    return date.weekday() < 5 and date not in closed


def nominal(schedule, k, closed=(), opened=()):
    """Return the ``k``-th due date of (kind, step, anchor, a, b) before it is rolled."""
    kind, step, anchor, a, b = schedule
    if kind == "days":
        return EPOCH + dt.timedelta(days=anchor + k * step)
    if kind == "pair":
        dates = month_dates(anchor + k // 2)
        day = a if k % 2 == 0 else b
        return dates[min(day, len(dates)) - 1]
    if kind == "byday":
        weekdays = [day for day in range(7) if (a + 32 * b) & 2**day]
        weeks, place = divmod(k, len(weekdays))
        return dt.date(1970, 1, 5) + dt.timedelta(weeks=weeks, days=weekdays[place])
    dates = month_dates(anchor + k * step)
    if kind == "months":
        return dates[a] if a < 0 else dates[min(a, len(dates)) - 1]
    if kind == "nth":
        dates = [date for date in dates if date.weekday() == b]
    if kind == "month_workday":
        dates = [date for date in dates if is_open(date, closed, opened)]
    return dates[a] if a < 0 else dates[a - 1]


def walk(date, step, closed, opened):
    while not is_open(date, closed, opened):
        date += step
    return date


def rolled(date, roll, closed=(), opened=()):
    """Return where a due date goes that falls on a closed day."""
    if roll == "none":
        return date
    before, after = (walk(date, step, closed, opened) for step in (-DAY, DAY))
    if roll == "preceding":
        return before
    if roll == "modified" and after.month != date.month:
        return before
    return after


def due(schedule, roll, k, closed=(), opened=()):
    return rolled(nominal(schedule, k, closed, opened), roll, closed, opened)


def expected(schedule, roll, first_due, as_of, horizon_days, closed=(), opened=()):
    """Return the days after ``as_of`` on which a stream is expected to pay, as dates.

    Due dates before ``first_due`` are done with; one that is late is expected tomorrow.
    """
    tomorrow, last = as_of + DAY, as_of + dt.timedelta(days=horizon_days)
    k = 0
    while due(schedule, roll, k, closed, opened) >= first_due:
        k -= 1
    dates = []
    while (date := due(schedule, roll, k, closed, opened)) <= last:
        if date >= first_due:
            dates.append(max(date, tomorrow))
        k += 1
    return sorted(set(dates))
