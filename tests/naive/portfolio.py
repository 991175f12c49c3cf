"""Slow, obvious references for the generated portfolio: loops over plain rows, one at a time."""

import datetime as dt
import re
from calendar import monthrange

DAY = dt.timedelta(days=1)
WEEKDAYS = "Mon Tue Wed Thu Fri Sat Sun".split()


def rows(table):
    return table.to_pylist()


def stream_facts(transactions, stream_payments):
    """Return {stream_no: (n_payments, first, last)}, extras and returned payments left out."""
    date_of = {(row["customer_id"], row["txn_id"]): row["date"] for row in transactions}
    facts = {}
    for row in stream_payments:
        if row["stream_no"] is None or row["role"] in ("extra", "returned"):
            continue
        date = date_of[row["customer_id"], row["txn_id"]]
        n, first, last = facts.get(row["stream_no"], (0, date, date))
        facts[row["stream_no"]] = (n + 1, min(first, date), max(last, date))
    return facts


def rolled(date, roll, is_working):
    """Return the booking day of a due date."""
    if roll == "none" or is_working(date):
        return date
    before = after = date
    while not is_working(before):
        before -= DAY
    while not is_working(after):
        after += DAY
    if roll == "preceding" or (roll == "modified_following" and after.month != date.month):
        return before
    return after


def month_day(year, month, word):
    """Return the day that "15", "last" or "last-1" is in a month."""
    length = monthrange(year, month)[1]
    if word.startswith("last"):
        return length + int(word[4:] or 0)
    return min(int(word), length)


def nth_weekday(year, month, nth, weekday):
    days = [
        day
        for day in range(1, monthrange(year, month)[1] + 1)
        if dt.date(year, month, day).weekday() == WEEKDAYS.index(weekday)
    ]
    return days[-1] if nth == "last" else days[int(nth) - 1]


def due_days_of_month(year, month, schedule):
    """Return the due days that a monthly schedule's words allow in a month."""
    words = schedule.split()
    if match := re.match(r"day (\S+) and (\S+) of each month$", schedule):
        return [month_day(year, month, word) for word in match.groups()]
    if words[0] == "day":
        return [month_day(year, month, words[1])]
    return [nth_weekday(year, month, words[0], words[1])]


def next_due(due, schedule, is_working):
    """Return the due date after ``due``, by the words of ``truth/streams.schedule``."""
    if schedule == "every working day":
        due += DAY
        while not is_working(due):
            due += DAY
        return due
    if match := re.match(r"every (\d+) days", schedule):
        return due + int(match[1]) * DAY
    step = int(match[1]) if (match := re.search(r"every (\d+) months", schedule)) else 1
    later = [day for day in due_days_of_month(due.year, due.month, schedule) if day > due.day]
    if later and step == 1:
        return due.replace(day=min(later))
    index = due.year * 12 + due.month - 1 + step
    year, month = index // 12, index % 12 + 1
    return dt.date(year, month, min(due_days_of_month(year, month, schedule)))


def obeys(due, schedule, is_working):
    """Return whether a due date is one that the schedule's words allow."""
    if schedule == "every working day":
        return is_working(due)
    if schedule.startswith("every "):
        return " on " not in schedule or due.weekday() == WEEKDAYS.index(schedule.split()[-1])
    return due.day in due_days_of_month(due.year, due.month, schedule)


def clause_shares(clause):
    """Return {kind: percent} of a terse Chinese clause, None of any other."""
    if (
        not re.fullmatch(r"((预付|[进到验结质]\S)\S*?[\d.]+%(（分\d期）)?[，。])+", clause)
        or "日内" in clause
    ):
        return None
    shares = {}
    for part in clause.rstrip("。").split("，"):
        name, percent = re.match(r"(\D+)([\d.]+)%", part).groups()
        shares["预付款" if name == "预付" else name] = float(percent)
    return shares
