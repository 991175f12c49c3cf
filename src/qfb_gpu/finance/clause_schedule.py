"""Clauses that pay by the month or the quarter: how many payments a stated term makes."""
# ruff: noqa: E501 - lists of words

from __future__ import annotations

import re

from qfb_gpu.finance.clause_words import pattern_of

_PERIODS = (
    (0, pattern_of(r"(?:每|按)\s*(\d{1,2})个?月|(?<!\d)(\d{1,2})个?月[1一](?:付|结|交|缴)|every (\d{1,2}) months")),
    (6, pattern_of(r"(?<!\d)6个月付|semi-?annual|half[ -]?yearly|half a year")),
    (1, pattern_of(
        r"(?:每|按|逐)个?月(?!息|利|均|产值|完成)|(?<![次下翌个\d])月付|(?<![次下翌个\d])月[1一](?:付|结|交|缴)|月度(?:支付|付)|monthly|(?:per|each|every) month")),
    (3, pattern_of(r"(?:每|按|逐)个?季|季付|季度(?:支付|付)|季度?[1一](?:付|结|交|缴)|quarterly|(?:per|each|every) quarter")),
    (12, pattern_of(
        r"(?:每|按|逐)1?年(?:\d{1,2}月(?:\d{1,2}[日号])?)?(?!息|利|化|均)|(?<!\d)年付|年度(?:支付|付)|年度?[1一](?:付|结|交|缴)|annually|yearly"
        r"|annual (?:\w+ )?(?:payment|fee|rent|instal)|each anniversary|(?:per|each|every) (?:year|annum)")),
)  # fmt: skip
"""Months between two payments; 0 where the words say how many."""
_TERMS = (
    pattern_of(
        r"(?:租赁?期|租约期?|服务期|合同期|承租期|使用期|维保期|运维期|有效期)(?:限|间)?(?:为|:|是|共|计|,)?\s*"
        r"(\d{1,3})\s*个?(月|年)"),
    pattern_of(r"(?:共计?|为期|合计)\s*(\d{1,3})\s*个?(月|年)"),
    pattern_of(r"(\d{1,3})\s*个?(月|年)(?:期)?的?(?:租约|租赁|服务|合同)"),
    pattern_of(r"(\d{1,3})[\s-]*(month|year)s?[\s-]*(?:lease|term|contract|agreement|rental|tenancy|subscription)"),
    pattern_of(
        r"(?:lease|term|contract|agreement|tenancy|rental)(?: term| period)?(?: of| is|:| for)?\s*"
        r"(\d{1,3})[\s-]*(month|year)"),
    pattern_of(r"\bfor (?:a (?:term|period) of )?(\d{1,3})[\s-]*(month|year)s?"),
)  # fmt: skip
_TIME_OF_WORK = (
    pattern_of(
        r"(?:工期|工程期|施工期|交货期|供货期|交付期|到货期|(?:建设|施工|交货|供货|实施|开发)周期)(?:限|间)?"
        r"(?!后|满|届|过)[^,;。%付支\d]{0,16}?\d+\s*个?(?:日历天|日历日|自然日|工作日|天|日|周|月)(?:之?内|以内)?"),
    pattern_of(
        r"\b(?:lead|delivery|construction|completion) (?:time|period)(?: (?:of|is|about|approx\w*\.?))*\s*:?\s*"
        r"\d+(?:(?:-| to )\d+)?\s*(?:working |calendar |business )?(?:days?|weeks?|months?)\b"),
    pattern_of(
        r"(?:^|(?<=[;\n])|(?<=\. ))\s*(?:delivery|shipment|completion|installation|commissioning)(?: shall be| will be| is)?(?: made| effected)?"
        r" (?:within \d+|by|before|on or before) (?:(?!\bpa[iy]|\bdue\b)[^.;%])*(?=[.;\n]|$)"),
    pattern_of(
        r"(?:^|(?<=[,;。\n]))[^,;。\n%付支]{0,20}\d+\s*个?(?:(?:日历天|工作日|天|日|周|月)(?:之?内|以内)|[日号]之?前)(?:完成|全部){0,2}"
        r"(?:交货|供货|到货|发货|交付|完工|竣工|安装)(?:完毕|完成)?[,;。\n](?=\s*(?:签|合同[签生]|预付|[定订]金|首付))"),
)  # fmt: skip
"""In how many days goods are delivered or works are done: no payment waits so long."""
_PAID = pattern_of(r"付|缴|交|收取|结算|pay|paid|\bdue\b|rent|fee|instal|advance|arrears")
_NOT_OF_THE_PRICE = pattern_of(r"逾期|违约|罚|滞纳|利息|计息|penalt|interest|\blate\b|damages")
_PARTS = re.compile(r"[,;。\n]|\.(?=\s|$)")
_DAY_OF_MONTH = re.compile(
    r"[每按]个?月\d{1,2}[日号](?!之?内|以内|之?后)(?![^,;。]{0,14}(?:上|[次下翌])1?个?月)"
)
"""每月25日付 is the day, and no time to wait."""
_MOST = 120


def period_months(text: str) -> int | None:
    """Return the months from one payment to the next, None where none is said.

    Parameters
    ----------
    text : str
        As :func:`qfb_gpu.finance.numerals.plain` writes it.
    """
    for part in _PARTS.split(text):
        if not _PAID.search(part) or _NOT_OF_THE_PRICE.search(part):
            continue
        for months, pattern in _PERIODS:
            match = pattern.search(part)
            if match:
                return months or int(next(number for number in match.groups() if number))
    return None


def n_periods(text: str, months: int) -> int | None:
    """Return how many payments of so many months fill the term of a clause, if it states one."""
    match = next(filter(None, (pattern.search(text) for pattern in _TERMS)), None)
    if match is None or months == 0:
        return None
    term = int(match.group(1)) * (12 if match.group(2).lower() in ("年", "year") else 1)
    n, over = divmod(term, months)
    return n if not over and 0 < n <= _MOST else None


def without_term(text: str) -> str:
    """Return a clause without the term of its contract, which is no time to wait for a payment."""
    for pattern in _TERMS:
        text = pattern.sub(" ", text)
    return text


def without_time_of_work(text: str) -> str:
    """Return a clause without the time in which goods are delivered or works are done: 工期90天."""
    for pattern in _TIME_OF_WORK:
        text = pattern.sub(" ", text)
    return text


def without_schedule(text: str) -> str:
    """Return a clause without its term and its period; of 每月底 the month's end stays."""
    text = _DAY_OF_MONTH.sub(" ", without_term(text))
    text = re.sub(r"(?:每|按)个?(?=月[底末])", "", text)
    for _, pattern in _PERIODS:
        text = pattern.sub(" ", text)
    return text
