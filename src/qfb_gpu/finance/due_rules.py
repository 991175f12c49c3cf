"""When a payment of a clause falls due: so many days after an event, or by the month.

By the month means after the end of the event's month (月结30天, net 30 EOM) or on a day of the month
that follows it (次月15日, the 15th of the following month).
"""
# ruff: noqa: E501 - one pattern a line

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from qfb_gpu.finance import clause_words as words
from qfb_gpu.finance.clause_words import pattern_of

DAY_KINDS = ("calendar", "working", "month_end", "month_end_working", "next_month_day")
"""What days are: after the event; after the last day of its month; the day of the month after."""
CALENDAR, WORKING, MONTH_END, MONTH_END_WORKING, NEXT_MONTH_DAY = range(len(DAY_KINDS))
LAST = 31
"""The day of a month that names its last."""
_UNIT = {"周": 7, "星期": 7, "week": 7, "月": 30, "month": 30, "年": 365, "year": 365}
_LENGTH = re.compile(
    r"(?<![每\d])(\d+)\s*(?:\(\d+\)\s*)?-?(?:个)?\s*(工作日|交易日|营业日|日历日|自然日|星期|日|天|周|月|年"
    r"|(?:working|business|banking)\s*days?|(?:calendar\s*)?days?|weeks?|months?|years?)"
    r"(?![a-z])(?!\s*(?:前|\d|份|底|末|初|[上中下]旬|结|度|签|before|prior))",
    re.IGNORECASE,
)
_NET = re.compile(
    r"(?<![a-z])net\s*(\d{1,3})(?!\d|[.,]\d|(?:st|nd|rd|th)\b|\s*[%-]|\s*(?:(?!after |from |of )[a-z]+ )?(?:day|week|month|year))",
    re.IGNORECASE,
)
"""Net 30 without its unit is of days."""
_WARRANTY = re.compile(
    r"(?:质保|保修|质量保证|缺陷责任|保证|维保)期?(?:限)?(?:为|:|是|自[^,;。]{0,16}?起|(?:为|是|:|自|从)+(?:(?!满|届|结束|到期|终了)[^,;。%付支\d]){0,16}?(?:起|后)(?:计?算)?)?\s*(?:满)?\s*(\d+)\s*(?:个)?(月|年|天|日)"
    r"|(\d+)\s*(?:个)?(月|年|天|日)(?:的)?(?:质保|保修|质量保证|缺陷责任|维保)"
    r"|(\d+)[\s-]*(month|year|day)s?[\s-]*(?:warranty|defects?|guarantee|maintenance)"
    r"|(?:warranty|defects? liability|guarantee|maintenance)(?: period)?(?: of| \(| is|:)?\s*(\d+)\s*(month|year|day)",
    re.IGNORECASE,
)
_BEFORE = re.compile(r"前(?:的|约|至少|不少于)?\s*$")
_THEN = re.compile(
    r"\s*(?:之?内|以内|以?后|期?满后?)?(?:并|且|经)?(?:通过|进行|完成|由[^,;。\d付支]{1,6})?"
)
_DONE_LATER = (words.ACCEPTED, words.DELIVERED, words.SHIPPED)
_PAID = re.compile(r"付|支|清|返还|退还")
_DATE = re.compile(
    r"\d{4}[-/年.]\d{1,2}[-/月.]\d{1,2}日?|\d{1,2}月\d{1,2}日|每月\d{1,2}日|\d{4}年\d{1,2}月份?(?!\d)"
)
_AT_ONCE = re.compile(
    r"当[日天]|立即|即付|同时|immediately|upon|due on receipt|at sight|即期|on the (?:same )?day",
    re.IGNORECASE,
)
_NEXT = r"(?:次|下|翌)1?个?月(?:份)?的?"
_FOLLOWING = r"(?:following|next|subsequent|succeeding)"
_NEXT_MONTH_DAY = pattern_of(
    rf"{_NEXT}第?(\d{{1,2}})[日号](?!之?前?[^,;。付支\d]{{0,4}}(?:开票|开具|对账|核对|提供|提交|报送))"
    rf"|\b(\d{{1,2}})(?:st|nd|rd|th)?(?: calendar)?(?: days?)? (?:of|in) (?:the )?(?:{_FOLLOWING} (?:calendar )?month|month (?:following|after))"
    r"|\b(\d{1,2})(?:st|nd|rd|th)? prox\b|\b(\d{1,2}) ?MFI\b"
)
_FOR_LAST_MONTH = pattern_of(
    r"(?:每月|(?<![\d月]))(\d{1,2})[日号](?!之?内|以内|之?后)[^,;。\d%]{0,10}(?:付|结清|缴)[^,;。\d%]{0,4}上1?个?月(?![进\d])"
)
"""每月15日前支付上月费用: on that day, what the month before was for."""
_NEXT_MONTH_WORKING = pattern_of(rf"{_NEXT}[第前]?(\d{{1,2}})个?(?:工作日|交易日|营业日)")
_IN_NEXT_MONTH = pattern_of(
    rf"{_NEXT}(?:月?[底末]|内?(?:付|支付|结清|清)(?!至))"
    rf"|(?:end|last day) of (?:the )?(?:{_FOLLOWING} (?:calendar )?month|month (?:following|after))|{_FOLLOWING} month[- ]end"
)
_MONTH_END = pattern_of(
    r"\bEOM\b|\b(?:end|last day) of (?:the |each |every |that )?month\b(?!\s*\d| (?:following|after))|\bmonth[- ]end\b"
    r"|月结(?!算)|(?<![\d次下翌遇])(?<!个)月[底末]"
)
_MONTHLY = pattern_of(r"月结")
"""Without days it says only that months are settled as a whole."""
_NEAR, _FAR = 6, 16
"""Characters between a length and the end of the month that it is counted from."""
_OF_MONTH_END = pattern_of(r"\bEOM\s*[+,]?\s*(?:net\s*)?(\d{1,3})\b(?!\s*%)|\b(\d{1,3})\s*EOM\b")
MOST_DAYS = 36_500
"""What is longer is no time to wait: 2024年, the number of an account."""
DEFAULT_WARRANTY_DAYS = 365
"""Assumed where a retention names no period: 12 months, the usual one."""


@dataclass(frozen=True, slots=True)
class DueRule:
    """Due ``days`` after the trigger, which for a retention is so many days after acceptance.

    Or ``days`` after the end of the trigger's month, or on day ``days`` of the month after.

    Attributes
    ----------
    trigger : int
        Index into ``TRIGGERS``.
    days : int or None
        None where the clause does not say.
    day_kind : int
        Index into ``DAY_KINDS``: what the days are, and what they are counted from.
    warranty_days : int
        0 but for what is due at the end of a warranty; a month counts as 365/12 days.
    """

    trigger: int
    days: int | None
    day_kind: int
    warranty_days: int

    @property
    def is_working(self) -> bool:
        """Whether the days are working days."""
        return self.day_kind in (WORKING, MONTH_END_WORKING)

    @property
    def is_by_month(self) -> bool:
        """Whether the due date depends on the month of the trigger."""
        return self.day_kind >= MONTH_END


def stated_warranty(text: str) -> int | None:
    """Return the days of the warranty that a clause names, None where it names none."""
    match = _WARRANTY.search(text)
    if match is None:
        return None
    number, unit = next(
        (match.group(i), match.group(i + 1)) for i in (1, 3, 5, 7) if match.group(i) is not None
    )
    days = in_days(int(number), unit)
    return days if days <= MOST_DAYS else None


def placed(rule: DueRule, trigger: int, warranty: int | None) -> DueRule:
    """Return a rule whose trigger is told by the payment's place, with the warranty it waits for.

    Parameters
    ----------
    rule : DueRule
    trigger : int
    warranty : int or None
        Days of the warranty that the clause names anywhere.
    """
    waits = DEFAULT_WARRANTY_DAYS if warranty is None else warranty
    is_last = trigger == words.WARRANTY_END
    return replace(rule, trigger=trigger, warranty_days=waits if is_last else rule.warranty_days)


def due_rule(text: str, trigger: int, warranty: int | None) -> DueRule:
    """Return the due rule of one piece of a clause.

    Parameters
    ----------
    text : str
        The piece.
    trigger : int
    warranty : int or None
        Days of the warranty that the clause names anywhere.
    """
    own = _WARRANTY.search(text)
    rest = _DATE.sub(" ", text[: own.start()] + " " + text[own.end() :] if own else text)
    rest = _NET.sub(r"net \1 days", rest)
    every = _LENGTH.finditer(rest)
    lengths = [m for m in every if in_days(int(m.group(1)), m.group(2)) <= MOST_DAYS]
    lengths = [m for m in lengths if not _is_before_event(rest, m)]
    warranty_days = 0
    if trigger == words.WARRANTY_END:
        long = [m for m in lengths if in_days(int(m.group(1)), m.group(2)) >= 90]  # noqa: PLR2004
        if own is None and warranty is None and long:
            warranty = in_days(int(long[0].group(1)), long[0].group(2))
            lengths.remove(long[0])
        warranty_days = DEFAULT_WARRANTY_DAYS if warranty is None else warranty
    last_month = _FOR_LAST_MONTH.search(text)
    if last_month:
        return DueRule(trigger, min(int(last_month[1]), LAST), NEXT_MONTH_DAY, warranty_days)
    by_month = _by_month(rest, lengths)
    if by_month:
        return DueRule(trigger, *by_month, warranty_days)
    if not lengths:
        at_once = trigger != words.NO_TRIGGER and _AT_ONCE.search(text)
        return DueRule(trigger, 0 if at_once else None, CALENDAR, warranty_days)
    days, is_working = _chosen(rest, lengths)
    return DueRule(trigger, days, WORKING if is_working else CALENDAR, warranty_days)


def _is_before_event(text: str, length: re.Match[str]) -> bool:
    """Return whether a length ends before the event: 发货前15天, 试运行3个月后终验合格."""
    if _BEFORE.search(text[: length.start()]):
        return True
    gap = _THEN.match(text, length.end())
    return gap is not None and any(words.EVENT[e].match(text, gap.end()) for e in _DONE_LATER)


def _chosen(text: str, lengths: list[re.Match[str]]) -> tuple[int, bool]:
    """Return the days of the length that limits the payment, and whether they are working days."""
    limits = [m for m in lengths if _is_limit(text, m)]
    last = max((m.end() for m in _PAID.finditer(text)), default=0)
    until = [m for m in limits if m.end() <= last and not text.isascii()]
    chosen = (until[-1:] or limits or lengths)[0]
    unit = chosen.group(2)
    is_working = re.search(r"工作日|交易日|营业日|working|business|banking", unit) is not None
    return in_days(int(chosen.group(1)), unit), is_working


def _by_month(text: str, lengths: list[re.Match[str]]) -> tuple[int | None, int] | None:
    """Return days and their kind where a payment is due by the month; None where it is not.

    Nor where it is days after the end of the month that follows, which no kind holds.
    """
    day, working = _NEXT_MONTH_DAY.search(text), _NEXT_MONTH_WORKING.search(text)
    if day:
        return min(max(_number(day), 1), LAST), NEXT_MONTH_DAY
    if working:
        return _number(working), MONTH_END_WORKING
    if _IN_NEXT_MONTH.search(text):
        return None if lengths else (LAST, NEXT_MONTH_DAY)
    return _after_month(text, lengths) if _MONTH_END.search(text) else None


def _after_month(text: str, lengths: list[re.Match[str]]) -> tuple[int | None, int] | None:
    """Return days after the end of the month, None where the length is not said of it."""
    if lengths:
        near = [one for one in lengths if _is_beside(one, text)]
        days, is_working = _chosen(text, near or lengths)
        return (days, MONTH_END_WORKING if is_working else MONTH_END) if near else None
    bare = _OF_MONTH_END.search(text)
    if bare:
        return _number(bare), MONTH_END
    return None if _MONTHLY.search(text) else 0, MONTH_END


def _is_beside(length: re.Match[str], text: str) -> bool:
    """Return whether a length stands beside an end of the month: 月末后10日内, 30 days EOM."""
    ends = [match.span() for match in _MONTH_END.finditer(text)]
    gaps = [
        text[length.end() : a] if a >= length.end() else text[b : length.start()] for a, b in ends
    ]
    return any(len(gap) <= (_FAR if gap.isascii() else _NEAR) for gap in gaps)


def _number(match: re.Match[str]) -> int:
    return int(next(filter(None, match.groups())))


def _is_limit(text: str, match: re.Match[str]) -> bool:
    """Return whether a length limits a payment: 30日内, within 30 days, 30 days after."""
    before, after = text[: match.start()], text[match.end() :]
    return bool(
        re.match(r"\s*(?:之?内|以内|付|支|清|after|of|from|following|net)", after, re.IGNORECASE)
        or re.search(r"(?:within|net|不超过|不迟于)\s*$", before, re.IGNORECASE)
    )


def in_days(number: int, unit: str) -> int:
    """Return a length in days: of a week, of a month of 365/12 days, of a year; else as it is."""
    for word, days in _UNIT.items():
        if word in unit.lower():
            return round(number * 365 / 12) if days == 30 else number * days  # noqa: PLR2004
    return number
