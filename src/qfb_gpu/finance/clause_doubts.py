"""What a clause says that shares of the total and days after an event cannot hold.

Such a clause is not read as something else in silence: :func:`qfb_gpu.finance.clauses.parse_clause`
says what it is that was not read.
"""
# ruff: noqa: E501 - lists of words

from __future__ import annotations

import re

from qfb_gpu.finance.clause_words import pattern_of

FIXED_SUM = "a fixed sum, which is no share of the total"
SUMS_DIFFER = "fixed sums that do not make up the stated total"
TOTAL_DIFFERS = "fixed sums of a stated total that is not the contract's amount"
NO_FIRST = "a remainder of what is not said"
NO_TERM = "paid by the period, but not for how long"
NOT_ALIKE = "paid by the period, but not only so"
NO_NUMBER = "in instalments, but not how many"
BY_PROGRESS = "paid by progress, but not in which shares"
MONTH_END = "days from the end of a month, read as from the event"
BY_BILL = "paid by bill of exchange, whose term is not counted"
BACK_TO_BACK = "waits for another's payment"


_NO_NUMBER = pattern_of(r"分期|分批|分次|分阶段|in (?:stages|tranches|parts)|instal")
_NOT_ALIKE = pattern_of(
    r"之后|此后|以后|首年|第1年|前\d+个?[月年季]|一次性|押金|thereafter|first (?:\d+ )?(?:month|year|quarter)|deposit"
)
_WARRANTY = pattern_of(r"质保|保修|质量保证|缺陷责任|维保|warrant|defects|guarantee")
_END_OR_PAID = pattern_of(r"满|到期|结束|后|付|支|款|金|after|expir|end|paid|pay|retain|retention")
_BY_PROGRESS = pattern_of(
    r"(?:按|依|随|根据)[^,;。]{0,8}(?:进度|工程量|产值|完成量|工作量|节点|里程碑)"
    r"|(?:each|every|per|by) (?:milestone|stage|phase)|progress payments|(?:by|against|with) progress"
)
_MONTH_END = pattern_of(
    r"\bEOM\b|end of (?:the )?(?:following |next )?month|月结(?!算)|(?<!\d)[当次下]?个?月[底末]|[次下翌]1?个?月(?:份)?的?第?\d{1,2}[日号]"
)
_BILL_TERM = pattern_of(
    r"(?:\d+\s*个?(?:月|天|日)(?:期|以内|内)?的?\s*)?(?:电子)?(?:银行|商业)?承兑(?:汇票)?(?:\s*\(?\d+\s*个?(?:月|天|日)\)?)?"
    r"|(?:\d+[ -]*(?:days?|months?)['’]?\s*)?(?:banker'?s'? acceptances?|bank acceptances?|acceptance (?:draft|bill)s?)(?:\s*(?:of|at|for)?\s*\d+[ -]*(?:days?|months?))?"
)
_BACK_TO_BACK = pattern_of(
    r"背靠背|(?:业主|总包|上游|最终用户)[^,;。]{0,6}(?:回款|付款后|款后|款到|款项到)|back[ -]to[ -]back|pay[ -]when[ -]paid|when paid by"
)
_REMARKS = ((MONTH_END, _MONTH_END), (BACK_TO_BACK, _BACK_TO_BACK))


def no_number(text: str) -> bool:
    """Return whether payments are said to be several; not how many."""
    return _NO_NUMBER.search(text) is not None


def not_alike(text: str) -> bool:
    """Return whether a clause pays by the period and something else besides."""
    return _NOT_ALIKE.search(text) is not None


def without_services(text: str) -> str:
    """Return a clause without what it says of a warranty that no payment waits for."""
    kept = []
    for part in re.split(r"([,;。\n])", text):
        tells = _WARRANTY.search(part) is None or _END_OR_PAID.search(part) is not None
        kept.append(part if tells else " ")
    return "".join(kept)


def by_progress(text: str) -> bool:
    """Return whether a clause pays what was done, whenever it is done."""
    return _BY_PROGRESS.search(text) is not None


def remarks(text: str, *, is_by_month: bool) -> list[str]:
    """Return what is left out of the due rules of a clause that was read otherwise.

    Parameters
    ----------
    text : str
    is_by_month : bool
        A payment was read as due by the month.
    """
    found = [said for said, pattern in _REMARKS if pattern.search(text)]
    if is_by_month:
        found = [said for said in found if said != MONTH_END]
    bills = _BILL_TERM.finditer(text)
    return found + [BY_BILL] * any(re.search(r"\d", bill.group(0)) for bill in bills)


def without_bills(text: str) -> str:
    """Return a clause without bills of exchange: their acceptance is none of goods or works."""
    return _BILL_TERM.sub(" ", text)
