"""What a clause says that shares of the total and days after an event cannot hold.

Such a clause is not read as something else in silence: :func:`qfb_gpu.finance.clauses.parse_clause`
says what it is that was not read.
"""
# ruff: noqa: E501 - lists of words

from __future__ import annotations

import re

from qfb_gpu.finance.clause_words import NOT_MET, pattern_of

FIXED_SUM = "a fixed sum, which is no share of the total"
SUMS_DIFFER = "fixed sums that do not make up the stated total"
SUM_DIFFERS = "fixed sums that do not make up the contract's amount"
TOTAL_DIFFERS = "fixed sums of a stated total that is not the contract's amount"
NO_FIRST = "a remainder of what is not said"
NO_TERM = "paid by the period, but not for how long"
NOT_ALIKE = "paid by the period, but not only so"
NO_NUMBER = "in instalments, but not how many"
BY_PROGRESS = "paid by progress, but not in which shares"
MONTH_END = "days from the end of a month, read as from the event"
EVENT_UNKNOWN = "an event that is not known; the payment's kind is that of its place"
EACH_ONCE = "a list of events that have a share each, not read as such"
BY_MEANS = "shares by means of payment, read as payments"
OTHER_BASE = "a share of something else than the total"
LIMIT = "a share with a limit, read without it"
BY_BILL = "paid by bill of exchange, whose term is not counted"
BACK_TO_BACK = "waits for another's payment"


_NO_NUMBER = pattern_of(r"分期|分批|分次|分阶段|in (?:stages|tranches|parts)|instal")
_NOT_ALIKE = pattern_of(
    r"之后|此后|以后|首年|第1年|前\d+个?[月年季]|一次性|押金|递增|递减|上浮|下浮|thereafter|first (?:\d+ )?(?:month|year|quarter)|deposit|increas|decreas|escalat|\brises?\b|\brising\b|rent review|review (?:every|each)"
)
_WARRANTY = pattern_of(r"质保|保修|质量保证|缺陷责任|维保|warrant|defects|guarantee")
_END_OR_PAID = pattern_of(r"满|到期|结束|后|付|支|款|金|after|expir|end|paid|pay|retain|retention")
_DISCOUNT = pattern_of(r"discount|折扣|优惠|贴现|提前付款")
_BY_PROGRESS = pattern_of(
    r"(?:按|依|随|根据)[^,;。]{0,8}(?:进度|工程量|产值|完成量|工作量|节点|里程碑)|(?:同|同等|相应|相同)比例|pro[ -]rata|滚动|压[^,;。]{1,3}批?付"
    r"|(?:each|every|per|by) (?:milestone|stage|phase)|progress payments|(?:by|against|with) progress"
)
_MONTH_END = pattern_of(
    r"\bEOM\b|end of (?:the )?(?:following |next )?month|月结(?!算)|(?<!\d)[当次下]?个?月[底末]|[次下翌]1?个?月(?:份)?的?第?\d{1,2}[日号]"
)
_BILL_TERM = pattern_of(
    r"(?:\d+\s*个?(?:月|天|日)(?:期|以内|内)?的?\s*)?(?:电子)?(?:银行承兑汇票|商业承兑汇票|(?:银行|商业)?承兑(?:汇票)?|银票|商票|电票|[银商电]承(?![兑担诺包接运建揽办继受])|商业汇票)"
    r"(?:\s*[(,]?(?:期限|票期|账期)?(?:不超过|不长于|最长|为|:)?\s*\d+\s*个?(?:月|天|日)(?:以?内)?\)?)?"
    r"|(?:\d+[ -]*(?:days?|months?)['’]?\s*)?(?:banker'?s'? acceptances?|bank acceptances?|acceptance (?:draft|bill)s?)(?:\s*(?:of|at|for)?\s*\d+[ -]*(?:days?|months?))?"
)
_BACK_TO_BACK = pattern_of(
    r"背靠背|(?:业主|总包|上游|最终用户)[^,;。]{0,6}(?:回款|付款后|款后|款到|款项到)|(?:拨款|财政资金|专项资金)(?:拨付)?[^,;。付支]{0,4}(?:到位|到账|下达)|back[ -]to[ -]back|pay[ -]when[ -]paid|when paid by"
)
_LIMIT = pattern_of(
    r"(?:不超过|不高于|不得超过|上限|最高|最多|capped|maximum|at most|exceed\w*|limited to)[^,;。%\d]{0,24}\d+(?:\.\d+)?%"
)
_NOT_OF_SHARES = pattern_of(
    r"违约|罚|滞纳|赔偿|利息|利率|税|误差|偏差|调整|调价|波动|变更|保函|担保|折扣|涨|浮"
    r"|damages|penalt|interest|\btax|\bVAT|adjust|escalat|increas|variation|bond|guarantee|liabil|discount|toleran|inflation"
)
_OTHER_BASE = pattern_of(
    r"(?:余款|剩余(?:款项?|部分|价款)?|尾款|质保金|[年月季]度?[^,;。%付支\d]{0,3}(?:费用?|租金))的\s*\d+(?:\.\d+)?%(?! ?\()"
    r"|该(?:台|套|件|栋|批|期|部分|阶段|项|层|段)[^,;。%付支\d]{0,5}的\s*\d+(?:\.\d+)?%"
    r"|(?:每[次期笔批][^,;。]{0,6}|从[^,;。]{0,10})扣[^,;。]{0,6}\d+%|less \d+(?:\.\d+)?% retention|(?:deduct|withh[eo]ld)\w*[^.;]{0,40}(?:each|every)"
    r"|\d% of (?:the |each |such )*(?:remaining|balance|retention|deposit|advance|annual|monthly|yearly|instal)"
)
_MEANS = r"(?:汇票|承兑|电汇|现汇|现金|转账|银承|商承|银票|商票)"
_BY_MEANS = pattern_of(
    rf"{_MEANS}(?:支?付|占|比例)?\s*\d+(?:\.\d+)?%[^;。\d]{{0,10}}{_MEANS}(?:支?付|占|比例)?\s*\d"
    rf"|\d%(?:以|用|为)?(?:银行|商业)?{_MEANS}[^;。\d]{{0,12}}\d+(?:\.\d+)?%(?:以|用|为)?(?:银行|商业)?{_MEANS}"
)
_REMARKS = (
    (BY_MEANS, _BY_MEANS),
    (OTHER_BASE, _OTHER_BASE),
    (MONTH_END, _MONTH_END),
    (BACK_TO_BACK, _BACK_TO_BACK),
)


def no_number(text: str) -> bool:
    """Return whether payments are said to be several; not how many."""
    return _NO_NUMBER.search(text) is not None


def not_alike(text: str) -> bool:
    """Return whether a clause pays by the period and something else besides."""
    return _NOT_ALIKE.search(text) is not None


def without_services(text: str) -> str:
    """Return a clause without what it says of warranties, discounts and defaults.

    No payment waits for them.
    """
    kept = []
    for part in re.split(r"([,;。\n])", text):
        tells = _WARRANTY.search(part) is None or _END_OR_PAID.search(part) is not None
        is_aside = _DISCOUNT.search(part) or NOT_MET.search(part.strip())
        kept.append(part if tells and not is_aside else " ")
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
    found += [LIMIT] * any(map(_is_limit, re.split(r"[;。\n]|\.\s", text)))
    bills = _BILL_TERM.finditer(text)
    return found + [BY_BILL] * any(re.search(r"\d", bill.group(0)) for bill in bills)


def _is_limit(sentence: str) -> bool:
    """Return whether a sentence limits a share that is paid: 10%, capped at 5% of the total."""
    return bool(_LIMIT.search(sentence)) and not _NOT_OF_SHARES.search(sentence)


def without_bills(text: str) -> str:
    """Return a clause without bills of exchange: their acceptance is none of goods or works."""
    return _BILL_TERM.sub(" ", text)
