"""When a payment of a clause falls due: so many days after an event."""
# ruff: noqa: E501 - one pattern a line

from __future__ import annotations

import re
from dataclasses import dataclass

from qfb_gpu.finance import clause_words as words

DAY_KINDS = ("calendar", "working")
_UNIT = {"周": 7, "星期": 7, "week": 7, "月": 30, "month": 30, "年": 365, "year": 365}
_LENGTH = re.compile(
    r"(\d+)\s*(?:\(\d+\)\s*)?-?(?:个)?\s*(工作日|交易日|营业日|日历日|自然日|星期|日|天|周|月|年"
    r"|(?:working|business|banking)\s*days?|(?:calendar\s*)?days?|weeks?|months?|years?)"
    r"(?!\s*(?:前|\d|份|结|度|签|ly\b|before|prior))",
    re.IGNORECASE,
)
_NET = re.compile(
    r"(?<![a-z])net\s*(\d{1,3})(?!\d|[.,]\d|\s*[%-]|\s*(?:[a-z]+ )?(?:day|week|month|year))",
    re.IGNORECASE,
)
"""Net 30 without its unit is of days."""
_WARRANTY = re.compile(
    r"(?:质保|保修|质量保证|缺陷责任|保证|维保)期?(?:限)?(?:为|:|是|自[^,;。]{0,16}?起)?\s*(?:满)?\s*(\d+)\s*(?:个)?(月|年|天|日)"
    r"|(\d+)\s*(?:个)?(月|年|天|日)(?:的)?(?:质保|保修|质量保证|缺陷责任|维保)"
    r"|(\d+)[\s-]*(month|year|day)s?[\s-]*(?:warranty|defects?|guarantee|maintenance)"
    r"|(?:warranty|defects? liability|guarantee|maintenance)(?: period)?(?: of| \(| is|:)?\s*(\d+)\s*(month|year|day)",
    re.IGNORECASE,
)
_DATE = re.compile(r"\d{4}[-/年.]\d{1,2}[-/月.]\d{1,2}日?|\d{1,2}月\d{1,2}日|每月\d{1,2}日")
_AT_ONCE = re.compile(
    r"当[日天]|立即|即付|同时|immediately|upon|due on receipt|at sight|即期|on the (?:same )?day",
    re.IGNORECASE,
)
DEFAULT_WARRANTY_DAYS = 365
"""Assumed where a retention names no period: 12 months, the usual one."""


@dataclass(frozen=True, slots=True)
class DueRule:
    """Due ``days`` after the trigger, which for a retention is so many days after acceptance.

    Attributes
    ----------
    trigger : int
        Index into ``TRIGGERS``.
    days : int or None
        None where the clause does not say.
    is_working : bool
        The days are working days.
    warranty_days : int
        0 but for what is due at the end of a warranty; a month counts as 365/12 days.
    """

    trigger: int
    days: int | None
    is_working: bool
    warranty_days: int


def stated_warranty(text: str) -> int | None:
    """Return the days of the warranty that a clause names, None where it names none."""
    match = _WARRANTY.search(text)
    if match is None:
        return None
    number, unit = next(
        (match.group(i), match.group(i + 1)) for i in (1, 3, 5, 7) if match.group(i) is not None
    )
    return _days(int(number), unit)


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
    lengths = list(_LENGTH.finditer(rest))
    warranty_days = 0
    if trigger == words.WARRANTY_END:
        long = [m for m in lengths if _days(int(m.group(1)), m.group(2)) >= 90]  # noqa: PLR2004
        if own is None and warranty is None and long:
            warranty = _days(int(long[0].group(1)), long[0].group(2))
            lengths.remove(long[0])
        warranty_days = DEFAULT_WARRANTY_DAYS if warranty is None else warranty
    if not lengths:
        at_once = trigger != words.NO_TRIGGER and _AT_ONCE.search(text)
        return DueRule(trigger, 0 if at_once else None, False, warranty_days)  # noqa: FBT003
    chosen = next((m for m in lengths if _is_limit(rest, m)), lengths[0])
    days = _days(int(chosen.group(1)), chosen.group(2))
    working = (
        re.search(r"工作日|交易日|营业日|working|business|banking", chosen.group(2)) is not None
    )
    return DueRule(trigger, days, working, warranty_days)


def _is_limit(text: str, match: re.Match[str]) -> bool:
    """Return whether a length limits a payment: 30日内, within 30 days, 30 days after."""
    before, after = text[: match.start()], text[match.end() :]
    return bool(
        re.match(r"\s*(?:之?内|以内|付|支|清|after|of|from|following|net)", after, re.IGNORECASE)
        or re.search(r"(?:within|net|不超过|不迟于)\s*$", before, re.IGNORECASE)
    )


def _days(number: int, unit: str) -> int:
    for word, days in _UNIT.items():
        if word in unit.lower():
            return round(number * 365 / 12) if days == 30 else number * days  # noqa: PLR2004
    return number
