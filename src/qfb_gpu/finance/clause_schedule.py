"""Clauses that pay by the month or the quarter: how many payments a stated term makes."""
# ruff: noqa: E501 - lists of words

from __future__ import annotations

import re

from qfb_gpu.finance.clause_words import pattern_of

_PERIODS = (
    (0, pattern_of(r"(?:每|按)\s*(\d{1,2})个?月|every (\d{1,2}) months")),
    (6, pattern_of(r"(?<!\d)6个月付|semi-?annual|half[ -]?yearly|half a year")),
    (1, pattern_of(
        r"(?:每|按|逐)个?月(?!息|利|均|产值|完成)|(?<![次下翌])月付|月度(?:支付|付)|monthly|(?:per|each|every) month")),
    (3, pattern_of(r"(?:每|按|逐)个?季|季付|季度(?:支付|付)|quarterly|(?:per|each|every) quarter")),
    (12, pattern_of(
        r"(?:每|按|逐)1?年(?!息|利|化|均)|(?<!\d{4})年付|年度(?:支付|付)|annually|yearly"
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
_PAID = pattern_of(r"付|缴|交|收取|结算|pay|paid|\bdue\b|rent|fee|instal|advance|arrears")
_NOT_OF_THE_PRICE = pattern_of(r"逾期|违约|罚|滞纳|利息|计息|penalt|interest|\blate\b|damages")
_PARTS = re.compile(r"[,;。\n]|\.(?=\s|$)")
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


def without_schedule(text: str) -> str:
    """Return a clause without its term and its period; of 每月底 the month's end stays."""
    text = re.sub(r"(?:每|按)个?(?=月[底末])", "", without_term(text))
    for _, pattern in _PERIODS:
        text = pattern.sub(" ", text)
    return text
