"""What a clause says that its nodes do not hold, asked once it is read.

The nodes stay as they are; what looks left out is said, as an error in silence costs more than a
remark. Every check is a pattern of words and a question to the nodes.
"""
# ruff: noqa: E501 - lists of words

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qfb_gpu.finance import clause_doubts as doubts
from qfb_gpu.finance import clause_sums as sums
from qfb_gpu.finance import clause_words as words
from qfb_gpu.finance.clause_words import pattern_of
from qfb_gpu.finance.due_rules import due_rule, in_days

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qfb_gpu.finance.clauses import ClauseNode

BY_PERIOD = "paid again and again, read as paid once"
BACK_IN_TIME = "a payment on signature after one on a later event"
DATE_UNUSED = "a fixed date, which is not counted"
FREE_PERIOD = "a period without payment, which is not counted"
EARLIER_OR_LATER = "the earlier or later of two dates, or a latest date, which is not counted"
SUM_UNREAD = "a sum beside the shares, which is not counted"
SEVERAL_TOTALS = "several totals, read as one"
ONE_EVENT = "several instalments read as of one event"
CHOICE = "a choice of ways to pay, of which one is read"
ALL_DAYS = "days that hold for several payments, which are counted for one at most"
RETAINED_UNTIL = "a retention that waits for something else than the end of the warranty"

_PARTS = re.compile(r"[,;。\n]|(?<!\d)\.(?=\s|$)")
_ASIDE = pattern_of(
    r"违约|罚|滞纳|赔偿|利息|计息|逾期|延期|迟延|延误|保函|履约|保险|另行|penalt|interest|\blate\b|damages|overdue|guarantee\b|bond|insur|discount|折扣|优惠|service charge"
)
"""Parts that speak of no payment, or of one that is late."""
_PERIOD = pattern_of(
    r"(?:按|每|逐)个?(?:月|季度?|半年|年度?)(?:\d{1,2}[日号]之?前?)?[^,;。\d]{0,6}(?:付|结|对账|出账|开票|核对)|框架|滚动|上[月季][^,;。]{0,4}(?:货款|费)"
    r"|framework|call[- ]?off|blanket|(?:paid|payable|invoiced|billed|settled|statements?)[^.;]{0,20}\b(?:monthly|quarterly|annually|each month|every month)"
)
_DATE = re.compile(
    r"(?:(?<!每年)(?<!\d)(?:\d{4}年)?\d{1,2}月\d{1,2}[日号]|\d{4}[-/.]\d{1,2}[-/.]\d{1,2})"
    r"(?![日号]?之?前?[^,;。%付支\d]{0,4}(?:交货|供货|到货|发货|交付|完工|竣工|验收|进场|开工))"
)
"""Not the day by which goods are delivered or works are done."""
_ENGLISH_DATE = pattern_of(
    r"\b\d{1,2}(?:st|nd|rd|th)? (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\b"
    r"|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* \d{1,2}\b"
)
_OF_CONTRACT = pattern_of(
    r"签订|签署|签于|有效|起至|期限|编号|合同号|报价|投标|招标|[货工付]期:|[货工]日期|dated|valid|between|effective|quot|tender"
    r"|(?:deliver|complet|ship|terminat|expir)\w*(?: date)?(?::| by| before| on| until| no later than)"
)
"""The date of a contract, of its number, an offer, the works; of no payment."""
_CHOICE = pattern_of(
    r"(?:选择|采用|采取|选用)[^,;。]{0,14}(?:付款|支付|付清)的?[,:][^。]{0,160}?(?:选择|采用|采取|选用)[^,;。]{0,14}(?:付款|支付|付清)的?[,:]|[2两]种(?:付款|支付|结算)?方式[^,;。]{0,6}(?:任选|选择|之1)|任选其?1|2选1|方案[12AB1一二][^。]{1,80}方案[2B二]"
    r"|\boption [1Aa]\b.{1,160}\boption [2Bb]\b|\balternatively\b|at (?:the )?(?:\w+'s )?(?:option|choice|election)"
)
_EACH_WITHIN = pattern_of(
    r"\b(?:each|all) (?:of (?:which|them) )?(?:is |are |to be |being )*(?:against|payable|due|paid|within)\b[^.;%]{0,60}?\d+ (?:[a-z]+ )?days?|(?:均|皆)[^,;。%]{0,16}\d+个?(?:工作)?[日天]之?内"
)
_OF_ALL = pattern_of(
    r"(?:各期|每期|每[次笔]|各[次笔]|上述|以上|前述|所有|任何1?[期笔次])[^,;。]{0,4}(?:款|付)|\b(?:invoices|all (?:payments|sums|amounts|invoices)|(?:each|every|any) (?:payment|invoice|instal\w*))\b[^.;]{0,40}(?:paid|payable|due|settled|within|days)|payment terms?(?: are| is|:)|\bterms: "
)
_FREE = pattern_of(r"免租|免费期|rent[- ]free|payment holiday")
_EITHER = pattern_of(
    r"(?:孰|较)(?:早|晚|先|后|低|高)|以(?:先|后|早|晚)[^,;。]{0,4}(?:为准|者)|[早晚先后](?:到|发生|届满)(?:者|为准)|或[^,;。%]{0,10}(?:后|满|起)\d+个?(?:月|天|日|年)|\bor (?:within |at )?\d+ (?:working |calendar )?(?:days|weeks|months) (?:after|from|following|of)|whichever|\b(?:earlier|later|lower|higher) of\b|\bin any (?:event|case),? (?:within|by|not?)\b|\bat the latest\b"
)
_LATEST = pattern_of(
    r"(?:最迟|最晚|最长)[^,;。\d]{0,12}(\d+)\s*个?(工作日|天|日|周|月|年)?"
    r"|(?:no|not) later than (\d+) (?:working |business |calendar )?(days|weeks|months)(?! (?:prior|before))|\blatest (\d+) ?(days|weeks|months)?"
)
_NAMED_SUM = pattern_of(rf"(?:预付款?|定金|订金|首付款?|尾款)[^,;。%\d]{{0,8}}(?:{sums.MONEY})")
_NAMED_TOTAL = pattern_of(rf"[款费价]\s*(?:为|共|计)?(?:{sums.MONEY})\s*(?:\([^)]*\))?\s*:")
_RETAINED = pattern_of(
    r"(?:质保金|质量?保证金|保留金|保修金)[^,;。满期年月]{0,6}(?:于|在|待|至)(?![^,;。]*(?:满|到期|质保|保修|缺陷|质量|\d\s*[个]?[年月天日]))[^,;。]{2,14}[后时]"
    r"|(?:retention|retainage|withheld|held back)\b[^.;,\d]{0,24}\b(?:upon|on|after|following|until)\b(?![^.;]*(?:warrant|defect|month|year|liabil|guarantee|maintenance))"
)
_BASE = re.compile(r"([\u4e00-\u9fff]{1,12})的\s*\d+(?:\.\d+)?%")
_OTHER_BASE = re.compile(
    r"不含税|未税|(?:安装|服务|材料|人工|技术|培训|维护|软件|硬件|土建)[^合总]{0,2}[费款价]$"
)
_ENGLISH_BASE = pattern_of(
    r"\d% of (?:the |each |such |this |that |its |their |all |any |said |agreed )*((?:[a-z'-]+ ?){1,3})"
)
_OF_TOTAL = pattern_of(
    r"contract|price|total|order|sum|value|amount|fees?|purchase|consideration|\bpo\b|goods|payment|cost|charge|subscription|hire\b|rent\b|freight|works?|equipment|invoice|net|gross|full|project"
)
_OF_PART = pattern_of(
    r"remain|balance|retention|deposit|advance|annual|monthly|unpaid|outstanding|withheld"
)
_BY_MONTHS = pattern_of(
    r"分\s*\d+\s*个?[月季年期次笔][^;。]{0,6}[按每逐]个?[月季年]|按[月季年][^,;。]{0,6}分\s*\d+\s*个?[月季年期]"
)
_AT_SIGNATURE = pattern_of(
    r"签约|签[订署定]|生效|预付|[定订]金|首付|下单|signing|signature|order|contract|agreement|deposit|advance|down"
)
_FIRST_EVENTS = frozenset(
    (words.SIGNED, words.SHIPPED, words.DELIVERED, words.ACCEPTED, words.SETTLED)
)
_LATER = frozenset((words.DELIVERED, words.ACCEPTED, words.SETTLED))
_OFTEN = frozenset((words.PROGRESSED, words.PERIODIC))


def left_out(text: str, nodes: Sequence[ClauseNode]) -> list[str]:
    """Return what of a clause looks left out of its nodes.

    Parameters
    ----------
    text : str
        As :func:`qfb_gpu.finance.numerals.plain` writes it.
    nodes : sequence of ClauseNode

    Returns
    -------
    list of str
        Empty where nothing does.
    """
    told = [part for part in _PARTS.split(text) if part.strip() and not is_aside(part)]
    payments = "\n".join(told)
    checks = (
        (BY_PERIOD, _is_once(nodes) and _PERIOD.search(payments)),
        (BACK_IN_TIME, _goes_back(nodes, text) and not words.REMAINDER.search(text)),
        (DATE_UNUSED, any(map(_has_date, told))),
        (CHOICE, _CHOICE.search(text)),
        (ALL_DAYS, _has_days_of_all(text, nodes)),
        (FREE_PERIOD, _FREE.search(text)),
        (EARLIER_OR_LATER, any(_has_either(part, nodes) for part in told)),
        (SUM_UNREAD, _has_other_sum(text, nodes)),
        (SEVERAL_TOTALS, len(_NAMED_TOTAL.findall(sums.whole_numbers(text))) > 1),
        (ONE_EVENT, _is_of_one_event(text, nodes)),
        (RETAINED_UNTIL, _waits_for_warranty(nodes) and _RETAINED.search(payments)),
        (doubts.OTHER_BASE, _has_other_base(payments)),
    )
    return [said for said, is_so in checks if is_so]


def is_aside(part: str) -> bool:
    """Return whether a part of a clause speaks of no payment, or of one that is late."""
    return bool(_ASIDE.search(part) or words.NOT_MET.search(part.strip()))


def _is_once(nodes: Sequence[ClauseNode]) -> bool:
    """Return whether no payment repeats; one of all that is due by the month may."""
    if any(node.n_instalments > 1 or node.rule.trigger in _OFTEN for node in nodes):
        return False
    return len(nodes) > 1 or not nodes[0].rule.is_by_month


def _goes_back(nodes: Sequence[ClauseNode], text: str) -> bool:
    """Return whether a signature comes late that is one of several, or not said to be that."""
    triggers = [node.rule.trigger for node in nodes]
    first = next((i for i, trigger in enumerate(triggers) if trigger in _LATER), len(triggers))
    is_other = triggers.count(words.SIGNED) > 1 or not _AT_SIGNATURE.search(text)
    return words.SIGNED in triggers[first:] and is_other


def _has_either(part: str, nodes: Sequence[ClauseNode]) -> bool:
    """Return whether a part gives two dates, or a latest one that is no node's own."""
    latest = _LATEST.search(part)
    if latest is None or _EITHER.search(part):
        return _EITHER.search(part) is not None
    number, unit = next(
        (latest.group(i), latest.group(i + 1)) for i in (1, 3, 5) if latest.group(i)
    )
    events = {trigger for trigger, pattern in words.EVENTS if pattern.search(part)}
    rules = [node.rule for node in nodes if node.rule.days == in_days(int(number), unit or "")]
    return not any(events <= {rule.trigger} for rule in rules)


def _has_date(part: str) -> bool:
    is_date = _DATE.search(part) or _ENGLISH_DATE.search(part)
    return bool(is_date) and not _OF_CONTRACT.search(part)


def _has_other_sum(text: str, nodes: Sequence[ClauseNode]) -> bool:
    if "%" not in text or any(node.sum_stated is not None for node in nodes):
        return False
    whole = sums.whole_numbers(text)
    is_paid = any(sums.IS_PAID.search(whole, *place) for place in sums.paid_parts(whole))
    named = [match.end() for match in _NAMED_SUM.finditer(whole)]
    return is_paid or not all(
        re.match(r"[^;。\n]{0,12}\d%|[^,;。]*%", whole[end:]) for end in named
    )


def _has_days_of_all(text: str, nodes: Sequence[ClauseNode]) -> bool:
    """Return whether days that hold for all payments are those of not all: net 60 on all invoices."""
    if len(nodes) == 1 or not (_OF_ALL.search(text) or _EACH_WITHIN.search(text)):
        return False
    for part in words.SENTENCE_END.split(text):
        each = _EACH_WITHIN.search(part.rpartition("%")[2]) if part.count("%") > 1 else None
        if is_aside(part) or not (each or ("%" not in part and _OF_ALL.search(part))):
            continue
        wanted = due_rule(each.group(0) if each else part, words.NO_TRIGGER, None).days
        if wanted is not None and any(node.rule.days != wanted for node in nodes):
            return True
    return False


def _is_of_one_event(text: str, nodes: Sequence[ClauseNode]) -> bool:
    several = {node.rule.trigger for node in nodes if node.n_instalments > 1}
    return bool(several & _FIRST_EVENTS) or (
        words.PROGRESSED in several and _BY_MONTHS.search(text) is not None
    )


def _waits_for_warranty(nodes: Sequence[ClauseNode]) -> bool:
    return any(node.rule.trigger == words.WARRANTY_END for node in nodes)


def _has_other_base(payments: str) -> bool:
    if any(_OTHER_BASE.search(match.group(1)) for match in _BASE.finditer(payments)):
        return True
    bases = [match.group(1) for match in _ENGLISH_BASE.finditer(payments)]
    return any(_OF_PART.search(base) or not _OF_TOTAL.search(base) for base in bases)
