"""Payment clauses read: what is paid, when it falls due, and whether it adds up to 100%.

Chinese (terse, sentences, numerals, cumulative 付至70%) and English. A clause is brought to one
spelling (:mod:`numerals`), cut into pieces of one percentage each (:mod:`clause_pieces`), and
each piece gives a payment: its kind, its trigger, its due rule. What cannot be read is said in
``problems``; nothing is guessed in silence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from qfb_gpu.finance import clause_doubts as doubts
from qfb_gpu.finance import clause_words as words
from qfb_gpu.finance.clause_pieces import Piece, cut, pieces
from qfb_gpu.finance.clause_schedule import (
    n_periods,
    period_months,
    without_schedule,
    without_term,
)
from qfb_gpu.finance.due_rules import DueRule, due_rule, stated_warranty
from qfb_gpu.finance.numerals import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

_WHOLE = 10_000
_CLOSE = 5
"""Basis points by which a sum may miss 100% (shares such as 33.3%)."""
_SMALL = 1_000
_LONG_DAYS = 180
_NUMBERED = re.compile(r"第\s*1\s*(?:期|次|笔|批)|first instal", re.IGNORECASE)
_DISCOUNT = re.compile(
    r"\d+(?:\.\d+)?%?\s*(?:/|discount|if paid|within|in|,|\s)*\s*\d{1,2}(?:\s*days?)?\s*[,;/]?\s*"
    r"(?=(?:net|n/)\s*\d)",
    re.IGNORECASE,
)
"""The 2/10 of 2/10 net 30, which the payer may take or leave."""
_NET = re.compile(r"\bn/(?=\d{1,3}\b)", re.IGNORECASE)
_RATIOS = re.compile(
    r"(?<![\d.%])(?<!\d:)\d{1,2}(?:\s*[:∶/\-—]\s*\d{1,2}){1,4}(?![\d.%:年月日天-])"
)
_POSITIONS = {
    1: (words.OTHER,),
    2: (words.ADVANCE, words.ACCEPTANCE),
    3: (words.ADVANCE, words.DELIVERY, words.ACCEPTANCE),
    4: (words.ADVANCE, words.DELIVERY, words.ACCEPTANCE, words.RETENTION),
    5: (words.ADVANCE, words.PROGRESS, words.DELIVERY, words.ACCEPTANCE, words.RETENTION),
}


@dataclass(frozen=True, slots=True)
class ClauseNode:
    """One payment that a clause promises.

    Attributes
    ----------
    kind : int
        Index into ``KINDS``.
    basis_points : int
        Its own share of the total, in hundredths of a per cent.
    rule : DueRule
    """

    kind: int
    basis_points: int
    rule: DueRule


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause that was read.

    Attributes
    ----------
    nodes : tuple of ClauseNode
        In the order of the clause; instalments one by one.
    problems : tuple of str
        What does not add up or could not be read; empty where all is well.
    """

    nodes: tuple[ClauseNode, ...]
    problems: tuple[str, ...]

    @property
    def total_basis_points(self) -> int:
        """Sum of the shares; 10,000 where the clause adds up."""
        return sum(node.basis_points for node in self.nodes)


@dataclass(frozen=True, slots=True)
class _Draft:
    kind: int
    share: int | None
    is_cumulative: bool
    n: int
    rule: DueRule


def parse_clause(text: str | None) -> Clause:
    """Read a payment clause.

    Parameters
    ----------
    text : str or None
        As written in the contract.

    Returns
    -------
    Clause
        Without nodes where there is no text or nothing could be read, which ``problems`` says.
    """
    if text is None or not text.strip():
        return Clause((), ("no clause",))
    as_written = words.NOT_AT_ALL.sub(" ", plain(text))
    spelled = _NET.sub("net ", _DISCOUNT.sub(" ", doubts.without_bills(as_written)))
    drafts, open_ended = _drafts(spelled)
    if _NUMBERED.search(spelled):  # 分3期: 第1期30%, ...: the instalments are the pieces
        drafts = [replace(draft, n=1) for draft in drafts]
    if not any(draft.share for draft in drafts):
        drafts = _ratios(spelled) or _equal_parts(spelled) or drafts
    not_read = None
    if not any(draft.share for draft in drafts):
        not_read = _not_read(spelled)
        drafts = [] if not_read else _whole(spelled) or drafts
    elif any(draft.share is None for draft in drafts) and doubts.has_fixed_sum(spelled):
        not_read, drafts = doubts.FIXED_SUM, []
    if not drafts:
        return Clause((), (not_read or open_ended or "no percentage found",))
    drafts, problems = _own_shares(_named(_repeated(drafts, spelled)))
    problems += [open_ended] if open_ended else []
    problems += doubts.remarks(as_written)
    nodes = [node for draft in drafts for node in _instalments(draft)]
    nodes.sort(key=lambda node: node.kind == words.RETENTION)  # the last to be paid
    total = sum(node.basis_points for node in nodes)
    if total and abs(total - _WHOLE) <= _CLOSE:
        last = nodes[-1]
        nodes[-1] = replace(last, basis_points=last.basis_points + _WHOLE - total)
    elif nodes:
        problems.append(f"sums to {total / 100:g}%")
    return Clause(tuple(nodes), tuple(dict.fromkeys(problems)))


def _drafts(spelled: str) -> tuple[list[_Draft], str | None]:
    """Return a payment a piece; what remains and is paid nobody knows how often is left out."""
    drafts, open_ended = [], None
    for piece in pieces(spelled):
        draft = _draft(piece, stated_warranty(spelled))
        if piece.percent is None and draft.n == 1:
            months = period_months(piece.text)
            n = None if months is None else n_periods(spelled, months)
            if months is not None and n is None:
                open_ended = doubts.NO_TERM
                continue
            if months is None and doubts.no_number(piece.text):
                open_ended = doubts.NO_NUMBER
                continue
            if n is not None:
                draft = _scheduled(piece, n)
        drafts.append(draft)
    return drafts, open_ended


def _scheduled(piece: Piece, n: int) -> _Draft:
    """Return what is paid by the period, ``n`` times."""
    rule = due_rule(without_schedule(piece.text), words.PERIODIC, None)
    share = None if piece.percent is None else round(100 * piece.percent)
    return _Draft(words.PROGRESS, share, is_cumulative=False, n=n, rule=rule)


def _draft(piece: Piece, warranty: int | None) -> _Draft:
    name = _kind_by_name(piece.text)
    trigger = _trigger(piece.text, name)
    kind = name if name is not None else words.KIND_OF_TRIGGER[trigger]
    if kind == words.OTHER:
        kind = _kind_by_length(piece, trigger, kind)
    if trigger == words.NO_TRIGGER:
        trigger = words.TRIGGER_OF_KIND[kind]
    share = None if piece.percent is None else round(100 * piece.percent)
    n = _n_instalments(piece.text)
    if n > 1 and share is not None and words.EACH.search(piece.text) and n * share <= _WHOLE:
        share *= n
    waits = _without_count(piece.text) if n > 1 else piece.text
    waits = waits if trigger == words.WARRANTY_END else without_term(waits)
    rule = due_rule(waits, trigger, warranty)
    return _Draft(kind, share, piece.is_cumulative, n, rule)


def _kind_by_name(text: str) -> int | None:
    """Return the kind that the text names nearest to its percentage, if any."""
    mark = text.find("%")
    found: list[tuple[int, int, int]] = []
    for rank, (kind, pattern) in enumerate(words.NAMES):
        for match in pattern.finditer(text):
            away = min(abs(match.start() - mark), abs(match.end() - mark)) if mark >= 0 else 0
            found.append((away, rank, kind))
    if not found:
        return None
    kinds = {kind for _, _, kind in found}
    if words.RETENTION in kinds and words.REMAINDER.search(text):
        return words.RETENTION
    return min(found)[2]


def _kind_by_length(piece: Piece, trigger: int, kind: int) -> int:
    """Return retention for what remains and is paid months later, progress for instalments."""
    text = piece.text
    if _n_instalments(text) > 1:
        return words.PROGRESS
    days = due_rule(text, trigger, None).days
    is_late = days is not None and days >= _LONG_DAYS
    says = trigger == words.NO_TRIGGER or words.REMAINDER.search(text)
    return words.RETENTION if is_late and says and piece.percent != 100 else kind  # noqa: PLR2004


def _trigger(text: str, kind: int | None) -> int:
    if kind == words.RETENTION:
        return words.WARRANTY_END
    if words.BEFORE_EVENT.search(text):
        return words.SHIPPED
    found = [trigger for trigger, pattern in words.EVENTS if pattern.search(text)]
    if not found:
        return words.NO_TRIGGER
    own = words.NO_TRIGGER if kind is None else words.TRIGGER_OF_KIND[kind]
    return own if own in found else found[0]


def _n_instalments(text: str) -> int:
    for pattern in words.INSTALMENTS:
        match = pattern.search(text)
        if match and re.match(r"[^,;。%]{0,6}:", text[match.end() :]):
            continue  # 分3次支付: what follows says which
        if match and "%" in text[match.end() :] and _names_between(text, match.end()):
            continue
        if match and 2 <= int(match.group(1)) <= 60:  # noqa: PLR2004
            return int(match.group(1))
    return 1


def _without_count(text: str) -> str:
    """Return a text without its number of instalments: 分12个月 is no time to wait."""
    for pattern in words.INSTALMENTS:
        text = pattern.sub(" ", text)
    return text


def _names_between(text: str, start: int) -> bool:
    """Return whether a payment is named between a place and the percentage after it."""
    between = text[start : text.index("%", start)]
    return any(pattern.search(between) for _, pattern in words.NAMES)


def _ratios(text: str) -> list[_Draft]:
    """Read 3:3:3:1, a common way to say 30%, 30%, 30% and 10%."""
    for match in _RATIOS.finditer(text):
        parts = [int(part) for part in re.findall(r"\d+", match.group(0))]
        if sum(parts) in (10, 100) and min(parts) > 0:
            shares = [part * _WHOLE // sum(parts) for part in parts]
            return [_bare(share) for share in shares]
    digits = re.search(r"(?<!\d)([1-9]{2,5})(?=\s*(?:付款|方式|模式|支付|比例))", text)
    if digits and sum(map(int, digits.group(1))) == 10:  # noqa: PLR2004
        return [_bare(1000 * int(digit)) for digit in digits.group(1)]
    return []


def _repeated(drafts: list[_Draft], text: str) -> list[_Draft]:
    """Read 每季度支付25% as four payments where nothing else is said."""
    only = drafts[0]
    if len(drafts) > 1 or only.share is None or only.n > 1 or not words.EACH.search(text):
        return drafts
    n, over = divmod(_WHOLE, only.share)
    return drafts if over or n == 1 else [replace(only, n=n, share=_WHOLE)]


def _bare(share: int) -> _Draft:
    return _Draft(words.OTHER, share, False, 1, due_rule("", words.NO_TRIGGER, None))  # noqa: FBT003


def _equal_parts(text: str) -> list[_Draft]:
    """Read 3 equal instalments: on signing, on delivery and on acceptance."""
    head, _, rest = text.partition(":")
    counts = [pattern.search(head) for pattern in words.INSTALMENTS]
    n = next((int(match.group(1)) for match in counts if match), 0)
    parts = cut(rest.strip(" .。;"))
    if n < 2 or len(parts) != n:  # noqa: PLR2004
        return []
    shares = [_WHOLE // n + (1 if i < _WHOLE % n else 0) for i in range(n)]
    return [
        replace(_draft(Piece(part, None, is_cumulative=False), None), share=share, n=1)
        for part, share in zip(parts, shares, strict=True)
    ]


def _not_read(text: str) -> str | None:
    """Return why a clause without a percentage is not everything at once, if it is not."""
    is_remainder = words.REMAINDER.search(text) is not None
    if not is_remainder and not words.WHOLE.search(text):
        return None
    if doubts.has_fixed_sum(text):
        return doubts.FIXED_SUM
    if is_remainder:
        return doubts.NO_FIRST
    months, n = period_months(text), _n_instalments(text)
    if months is not None:
        counted = n > 1 or n_periods(text, months) is not None
        return doubts.NOT_ALIKE if doubts.not_alike(text) else None if counted else doubts.NO_TERM
    return _several(text) if n == 1 else None


def _several(text: str) -> str | None:
    """Return what is not said of payments that are several."""
    if doubts.no_number(text):
        return doubts.NO_NUMBER
    return doubts.BY_PROGRESS if doubts.by_progress(text) else None


def _whole(text: str) -> list[_Draft]:
    """Read a clause without a percentage: all at once (货到付款, net 30), or by the month."""
    if not words.WHOLE.search(text):
        return []
    piece = Piece(doubts.without_services(text), 100.0, is_cumulative=False)
    months, n = period_months(text), _n_instalments(text)
    if months is not None:
        return [_scheduled(piece, n_periods(text, months) or n)]
    return [replace(_draft(piece, stated_warranty(text)), n=n)]


def _named(drafts: Sequence[_Draft]) -> list[_Draft]:
    """Give payments that say nothing of what they are the kind of their place."""
    unknown = [i for i, draft in enumerate(drafts) if draft.kind == words.OTHER]
    named = list(drafts)
    if len(unknown) == len(drafts):
        kinds = list(_POSITIONS.get(len(drafts), ()))
        kinds = kinds or [words.ADVANCE, *[words.PROGRESS] * (len(drafts) - 2), words.ACCEPTANCE]
        last = drafts[-1].share
        if len(drafts) > 1 and last is not None and last <= _SMALL:
            kinds[-1] = words.RETENTION
    else:
        kinds = [words.PROGRESS if i else words.ADVANCE for i in range(len(drafts))]
        kinds[-1] = words.ACCEPTANCE if len(drafts) > 1 else words.OTHER
    for i in unknown:
        rule = named[i].rule
        if rule.trigger == words.NO_TRIGGER:
            rule = replace(rule, trigger=words.TRIGGER_OF_KIND[kinds[i]])
        named[i] = replace(named[i], kind=kinds[i], rule=rule)
    return named


def _own_shares(drafts: list[_Draft]) -> tuple[list[_Draft], list[str]]:
    """Turn cumulative shares and what remains into each payment's own share."""
    problems: list[str] = []
    shares = [draft.share for draft in drafts]
    known = [share for share in shares if share is not None]
    rising = len(known) > 1 and all(a < b for a, b in pairwise(known))
    if rising and known[-1] == _WHOLE and not any(d.is_cumulative for d in drafts):
        drafts = [replace(draft, is_cumulative=True) for draft in drafts]
        problems.append("read as cumulative: the shares rise to 100%")
    own: list[_Draft] = []
    paid = 0
    for draft in drafts:
        share = draft.share
        if share is not None and draft.is_cumulative:
            if share <= paid:
                problems.append(f"{share / 100:g}% in all after {paid / 100:g}%")
                continue
            share -= paid
        own.append(replace(draft, share=share))
        paid += share or 0
    missing = [i for i, draft in enumerate(own) if draft.share is None]
    problems += [f"no share for {words.KINDS[own[i].kind]}" for i in missing[:-1]]
    if missing and paid < _WHOLE:
        own[missing[-1]] = replace(own[missing[-1]], share=_WHOLE - paid)
    return [draft for draft in own if draft.share], problems


def _instalments(draft: _Draft) -> list[ClauseNode]:
    share = draft.share or 0
    each, over = divmod(share, draft.n)
    return [
        ClauseNode(draft.kind, each + (1 if i < over else 0), draft.rule) for i in range(draft.n)
    ]
