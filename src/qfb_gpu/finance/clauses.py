"""Payment clauses read: what is paid, when it falls due, and whether it adds up to 100%.

Chinese (terse, sentences, numerals, cumulative 付至70%) and English. A clause is brought to one
spelling (:mod:`numerals`), sums of a total that it states are written as shares
(:mod:`clause_sums`), shares that several events have each are written out (:mod:`clause_lists`),
it is cut into pieces of one percentage each (:mod:`clause_pieces`), and
each piece gives a payment (:mod:`clause_drafts`): its kind, its trigger, its due rule. What
cannot be read is said in ``problems``; nothing is guessed in silence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

from qfb_gpu.finance import clause_doubts as doubts
from qfb_gpu.finance import clause_sums as sums
from qfb_gpu.finance import clause_words as words
from qfb_gpu.finance.clause_audit import left_out
from qfb_gpu.finance.clause_drafts import (
    Draft,
    counts_the_pieces,
    draft_of,
    n_instalments,
    scheduled,
)
from qfb_gpu.finance.clause_headings import without_headings
from qfb_gpu.finance.clause_lists import lists_apart, ratio, written_out
from qfb_gpu.finance.clause_pieces import Piece, cut, pieces
from qfb_gpu.finance.clause_rest import rest_named
from qfb_gpu.finance.clause_schedule import n_periods, period_months, without_time_of_work
from qfb_gpu.finance.due_rules import DueRule, due_rule, placed, stated_warranty
from qfb_gpu.finance.numerals import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

_WHOLE = 10_000
_CLOSE = 5
"""Basis points by which a sum may miss 100% (shares such as 33.3%)."""
_SMALL = 10
"""Parts of the whole, of which one at most is small."""
_MOST = 1_200
"""Instalments of a clause: a hundred years of months."""
_AHEAD = 8
"""Payments after one that may tell that it comes before the acceptance."""
_NUMBERED = re.compile(r"第\s*1\s*(?:期|次|笔|批)|first instal", re.IGNORECASE)
_DISCOUNT = re.compile(
    r"\d+(?:\.\d+)?%?\s*(?:/|discount|if paid|within|in|,|\s)*\s*\d{1,2}(?:\s*days?)?\s*[,;/]?\s*"
    r"(?=(?:net|n/)\s*\d)",
    re.IGNORECASE,
)
"""The 2/10 of 2/10 net 30, which the payer may take or leave."""
_NET = re.compile(r"\b(?:n/|net cash )(?=\d{1,3}\b)", re.IGNORECASE)
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
    sum_stated : int or None
        What the clause says in money, ten-thousandths of the currency's unit; None where it says
        shares.
    instalment, n_instalments : int
        Which of how many equal instalments it is, from 0.
    thirds : int
        What the share is more than ``basis_points``, in thirds of one (of all instalments, at the
        first).
    """

    kind: int
    basis_points: int
    rule: DueRule
    sum_stated: int | None = None
    instalment: int = 0
    n_instalments: int = 1
    thirds: int = 0


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause that was read.

    Attributes
    ----------
    nodes : tuple of ClauseNode
        In the order of the clause; instalments one by one.
    problems : tuple of str
        What does not add up or could not be read; empty where all is well.
    total_stated : int or None
        The total of which the nodes' sums are, ten-thousandths; None where they are shares. The
        nodes are a contract's only if this is its amount.
    is_sum_of_all : bool
        The clause states no total: ``total_stated`` is what its sums come to.
    """

    nodes: tuple[ClauseNode, ...]
    problems: tuple[str, ...]
    total_stated: int | None = None
    is_sum_of_all: bool = False

    @property
    def total_basis_points(self) -> int:
        """Sum of the shares; 10,000 where the clause adds up."""
        return sum(node.basis_points for node in self.nodes)


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
    as_written = words.NOT_AT_ALL.sub(" ", without_time_of_work(plain(text)))
    spelled = _NET.sub("net ", _DISCOUNT.sub(" ", doubts.without_bills(as_written)))
    spelled = written_out(without_headings(spelled))
    clause = _of_spelled(spelled, as_written)
    if clause.total_basis_points < _WHOLE:
        clause = _with_rest(spelled, as_written, clause)
    if not clause.nodes:
        return clause
    problems = dict.fromkeys([*clause.problems, *left_out(as_written, clause.nodes)])
    return replace(clause, problems=tuple(problems))


def _with_rest(spelled: str, as_written: str, clause: Clause) -> Clause:
    """Read what is paid off last as what remains, if nothing else is paid at that event."""
    named = rest_named(spelled)
    if named is None:
        return clause
    whole = _of_spelled(named, as_written)
    triggers = [node.rule.trigger for node in whole.nodes]
    is_whole = whole.total_basis_points == _WHOLE
    return whole if is_whole and len(triggers) > 1 and len({*triggers}) == len(triggers) else clause


def _of_spelled(spelled: str, as_written: str) -> Clause:
    """Read a clause in shares, or in sums where its shares do not make up the whole."""
    clause = _read(spelled, _WHOLE, as_written)
    if "%" in spelled and clause.total_basis_points == _WHOLE:
        return clause  # what sums it states are what the price is made of
    summed = sums.in_shares(spelled)
    if summed is None:
        return clause
    text, total, is_sum_of_all = summed
    return replace(_read(text, total, as_written), is_sum_of_all=is_sum_of_all)


def _read(spelled: str, whole: int, as_written: str) -> Clause:
    """Read a clause whose shares are parts of ``whole``."""
    warranty = stated_warranty(spelled)
    drafts, open_ended = _drafts(spelled, whole, warranty)
    if _NUMBERED.search(spelled) or (drafts and counts_the_pieces(spelled, len(drafts))):
        # 分3期: 第1期30%, ...: the instalments are the pieces
        drafts = [replace(draft, n=1) for draft in drafts]
    if not any(draft.share for draft in drafts):
        drafts = _ratios(spelled) or _equal_parts(spelled) or drafts
    not_read = None
    if not any(draft.share for draft in drafts):
        not_read = _not_read(spelled)
        drafts = [] if not_read else _whole(spelled) or drafts
    elif any(draft.share is None for draft in drafts) and sums.has_fixed_sum(spelled):
        not_read, drafts = doubts.FIXED_SUM, []
    if not drafts:
        is_sum = not not_read and sums.has_fixed_sum(spelled)
        unread = doubts.FIXED_SUM if is_sum else "no percentage found"
        return Clause((), (not_read or open_ended or unread,))
    drafts = _named(_repeated(drafts, spelled, whole), warranty, whole)
    drafts, problems = _own_shares(drafts, whole)
    problems += [open_ended] if open_ended else []
    is_by_month = any(draft.rule.is_by_month for draft in drafts)
    problems += _not_known(drafts, spelled)
    problems += doubts.remarks(as_written, is_by_month=is_by_month)
    nodes = [node for draft in drafts for node in _instalments(draft)]
    nodes.sort(key=lambda node: node.kind == words.RETENTION)  # the last to be paid
    if whole != _WHOLE:
        return _of_sums(nodes, whole, problems)
    total = sum(node.basis_points for node in nodes)
    if total and abs(total - _WHOLE) <= _CLOSE:
        last, over = nodes[-1], sum(node.thirds for node in nodes)
        points = last.basis_points + _WHOLE - total
        nodes[-1] = replace(last, basis_points=points, thirds=last.thirds - over)
    elif nodes:
        problems.append(f"sums to {total / 100:g}%")
    return Clause(tuple(nodes), tuple(dict.fromkeys(problems)))


def _of_sums(parts: list[ClauseNode], whole: int, problems: list[str]) -> Clause:
    """Return a clause of sums, whose parts of the total must make it up."""
    paid = list(accumulate((node.basis_points for node in parts), initial=0))
    if paid[-1] != whole:
        return Clause((), (doubts.SUMS_DIFFER,))
    points = [round(_WHOLE * so_far / whole) for so_far in paid]
    if not all(a < b for a, b in pairwise(points)):  # a sum that is no hundredth of a per cent
        return Clause((), (doubts.FIXED_SUM,))
    nodes = tuple(
        replace(node, basis_points=b - a, sum_stated=node.basis_points)
        for node, (a, b) in zip(parts, pairwise(points), strict=True)
    )
    return Clause(nodes, tuple(dict.fromkeys(problems)), whole)


def _drafts(spelled: str, whole: int, warranty: int | None) -> tuple[list[Draft], str | None]:
    """Return a payment a piece; what remains and is paid nobody knows how often is left out."""
    drafts, open_ended = [], None
    found = pieces(spelled)
    for i, piece in enumerate(found, 1):
        draft = draft_of(piece, warranty, whole, found[i : i + _AHEAD])
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
                draft = scheduled(piece, n, whole)
        drafts.append(draft)
    return drafts, open_ended


def _ratios(text: str) -> list[Draft]:
    """Read 3:3:3:1, a common way to say 30%, 30%, 30% and 10%."""
    found = ratio(text)
    if found:
        return [_bare(share * _WHOLE // 100) for share in found[0]]
    digits = re.search(r"(?<!\d)([1-9]{2,5})(?=\s*(?:付款|方式|模式|支付|比例))", text)
    if digits and sum(map(int, digits.group(1))) == 10:  # noqa: PLR2004
        return [_bare(1000 * int(digit)) for digit in digits.group(1)]
    return []


def _repeated(drafts: list[Draft], text: str, whole: int) -> list[Draft]:
    """Read 每季度支付25% as four payments where nothing else is said."""
    only = drafts[0]
    if len(drafts) > 1 or only.share is None or only.n > 1 or not words.EACH.search(text):
        return drafts
    n, over = divmod(whole, only.share)
    months = period_months(text)
    if months and n_periods(text, months) not in (None, n):
        return drafts
    return drafts if over or not 1 < n <= _MOST else [replace(only, n=n, share=whole)]


def _bare(share: int) -> Draft:
    return Draft(words.OTHER, share, False, 1, due_rule("", words.NO_TRIGGER, None))  # noqa: FBT003


def _equal_parts(text: str) -> list[Draft]:
    """Read 3 equal instalments: on signing, on delivery and on acceptance."""
    head, _, rest = text.partition(":")
    counts = [pattern.search(head) for pattern in words.INSTALMENTS]
    n = next((int(match.group(1)) for match in counts if match), 0)
    parts = cut(rest.strip(" .。;"))
    if n < 2 or len(parts) != n:  # noqa: PLR2004
        return []
    shares = [_WHOLE // n + (1 if i < _WHOLE % n else 0) for i in range(n)]
    return [
        replace(draft_of(Piece(part, None, is_cumulative=False), None, _WHOLE), share=share, n=1)
        for part, share in zip(parts, shares, strict=True)
    ]


def _not_read(text: str) -> str | None:
    """Return why a clause without a percentage is not everything at once, if it is not."""
    is_remainder = words.REMAINDER.search(text) is not None
    if not is_remainder and not words.WHOLE.search(text):
        return None
    if sums.has_fixed_sum(text):
        return doubts.FIXED_SUM
    if is_remainder:
        return doubts.NO_FIRST
    months, n = period_months(text), n_instalments(text)
    if months is not None:
        counted = n > 1 or n_periods(text, months) is not None
        return doubts.NOT_ALIKE if doubts.not_alike(text) else None if counted else doubts.NO_TERM
    return _several(text) if n == 1 else None


def _several(text: str) -> str | None:
    """Return what is not said of payments that are several."""
    if doubts.no_number(text):
        return doubts.NO_NUMBER
    return doubts.BY_PROGRESS if doubts.by_progress(text) else None


def _whole(text: str) -> list[Draft]:
    """Read a clause without a percentage: all at once (货到付款, net 30), or by the month."""
    if not words.WHOLE.search(text):
        return []
    piece = Piece(doubts.without_services(text), 100.0, is_cumulative=False)
    months, n = period_months(text), n_instalments(text)
    if months is not None:
        return [scheduled(piece, n_periods(text, months) or n, _WHOLE)]
    return [replace(draft_of(piece, stated_warranty(text), _WHOLE), n=n)]


def _named(drafts: Sequence[Draft], warranty: int | None, whole: int) -> list[Draft]:
    """Give payments that say nothing of what they are the kind of their place."""
    unknown = [i for i, draft in enumerate(drafts) if draft.kind == words.OTHER]
    named = list(drafts)
    if len(unknown) == len(drafts):
        last = drafts[-1].share
        is_small = len(drafts) > 1 and last is not None and last * _SMALL <= whole
        usual = _POSITIONS.get(len(drafts), ())
        if not usual or (usual[-1] == words.RETENTION and last is not None and not is_small):
            usual = (words.ADVANCE, *[words.PROGRESS] * (len(drafts) - 2), words.ACCEPTANCE)
        kinds = [*usual[:-1], words.RETENTION] if is_small else list(usual)
    else:
        kinds = [words.PROGRESS if i else words.ADVANCE for i in range(len(drafts))]
        kinds[-1] = words.ACCEPTANCE if len(drafts) > 1 else words.OTHER
    for i in unknown:
        rule = named[i].rule
        if rule.trigger == words.NO_TRIGGER and not named[i].is_event_unknown:
            rule = placed(rule, words.TRIGGER_OF_KIND[kinds[i]], warranty)
        named[i] = replace(named[i], kind=kinds[i], rule=rule)
    return named


def _not_known(drafts: list[Draft], text: str) -> list[str]:
    """Return what of the payments' events is not known, and shares of several read once."""
    problems = [doubts.EVENT_UNKNOWN] * any(draft.is_event_unknown for draft in drafts)
    is_each = words.EACH_SHARE.search(text) and all(draft.n == 1 for draft in drafts)
    in_parts = any(draft.n > 1 and draft.kind == words.RETENTION for draft in drafts)
    return problems + [doubts.EACH_ONCE] * bool(is_each or in_parts or lists_apart(text))


def _own_shares(drafts: list[Draft], whole: int) -> tuple[list[Draft], list[str]]:
    """Turn cumulative shares and what remains into each payment's own share."""
    problems: list[str] = []
    shares = [draft.share for draft in drafts]
    known = [share for share in shares if share is not None]
    rising = len(known) > 1 and all(a < b for a, b in pairwise(known))
    if rising and known[-1] == whole and not any(d.is_cumulative for d in drafts):
        drafts = [replace(draft, is_cumulative=True) for draft in drafts]
        problems.append("read as cumulative: the shares rise to 100%")
    own: list[Draft] = []
    paid = paid_thirds = 0
    for draft in drafts:
        share, thirds = draft.share, draft.thirds
        if share is not None and draft.is_cumulative:
            if share <= paid:
                problems.append(f"{100 * share / whole:g}% in all after {100 * paid / whole:g}%")
                continue
            share -= paid
            thirds -= paid_thirds
        own.append(replace(draft, share=share, thirds=thirds))
        paid += share or 0
        paid_thirds += thirds
    missing = [i for i, draft in enumerate(own) if draft.share is None]
    problems += [f"no share for {words.KINDS[own[i].kind]}" for i in missing[:-1]]
    if missing and paid < whole:
        own[missing[-1]] = replace(own[missing[-1]], share=whole - paid, thirds=-paid_thirds)
    return [draft for draft in own if draft.share], problems


def _instalments(draft: Draft) -> list[ClauseNode]:
    share = draft.share or 0
    each, over = divmod(share, draft.n)
    return [
        ClauseNode(
            draft.kind,
            each + (1 if i < over else 0),
            draft.rule,
            instalment=i,
            n_instalments=draft.n,
            thirds=0 if i else draft.thirds,
        )
        for i in range(draft.n)
    ]
