"""One piece of a clause read: the payment's kind, its trigger, its share, its due rule.

A share is counted in parts of a whole that the caller gives: 10,000 for hundredths of a per cent,
or the total that the clause states, where it pays sums of money.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qfb_gpu.finance import clause_words as words
from qfb_gpu.finance.clause_schedule import period_months, without_schedule, without_term
from qfb_gpu.finance.due_rules import CALENDAR, DueRule, due_rule, in_days

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qfb_gpu.finance.clause_pieces import Piece

_EACH_MONTH = re.compile(r"每月|按月|monthly", re.IGNORECASE)
_WARRANTY = re.compile(r"质保|保修|质量保证|缺陷责任|warranty", re.IGNORECASE)
_LONG_DAYS = 180
_MOST_RETAINED = 30.0
"""Per cent; more that is paid a year later is no retention."""
_EXACT = 0.02
"""Thirds of a hundredth of a per cent by which four decimals of a third miss it."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A payment before shares are added up.

    Attributes
    ----------
    kind : int
        Index into ``KINDS``.
    share : int or None
        Parts of the whole, over all instalments; None where it is what remains.
    is_cumulative : bool
        The share counts what was paid before.
    n : int
        Number of instalments.
    rule : DueRule
    is_event_unknown : bool
        It waits for something that no list of events has.
    thirds : int
        What a third is more than its hundredths of a per cent, in thirds of them.
    """

    kind: int
    share: int | None
    is_cumulative: bool
    n: int
    rule: DueRule
    is_event_unknown: bool = False
    thirds: int = 0


def scheduled(piece: Piece, n: int, whole: int) -> Draft:
    """Return what is paid by the period, ``n`` times."""
    rule = due_rule(without_schedule(piece.text), words.PERIODIC, None)
    months = period_months(piece.text)
    if rule.days is not None and months and rule.days >= in_days(n * months, "month"):
        rule = replace(rule, days=None, day_kind=CALENDAR)  # the term, told once more
    share = None if piece.percent is None else _parts(piece.percent, whole)
    return Draft(words.PROGRESS, share, is_cumulative=False, n=n, rule=rule)


def draft_of(piece: Piece, warranty: int | None, whole: int, later: Sequence[Piece] = ()) -> Draft:
    """Return what a piece pays.

    Parameters
    ----------
    piece : Piece
    warranty : int or None
        Days of the warranty that the clause names anywhere.
    whole : int
    later : sequence of Piece, optional
        What is paid after it.
    """
    said = without_warranty(piece.text)
    name = _kind_by_name(said)
    trigger = _trigger(said, name)
    if trigger == words.ACCEPTED and _is_only_installed(said) and any(map(_is_accepted, later)):
        trigger = words.PROGRESSED
    kind = name if name is not None else words.KIND_OF_TRIGGER[trigger]
    if kind == words.OTHER:
        kind = _kind_by_length(piece, trigger, kind)
    is_unknown = trigger == words.NO_TRIGGER and (
        words.UNKNOWN_EVENT.search(piece.text) is not None
        or (kind == words.OTHER and _waits(piece, trigger))
    )
    if trigger == words.NO_TRIGGER and not is_unknown:
        trigger = words.TRIGGER_OF_KIND[kind]
    share = None if piece.percent is None else _parts(piece.percent, whole)
    thirds = 0 if piece.percent is None else _thirds(piece.percent)
    n = n_instalments(piece.text)
    if n > 1 and share is not None and words.EACH.search(piece.text) and n * share <= whole:
        share *= n
        thirds *= n
    waits = _without_count(piece.text) if n > 1 else piece.text
    waits = waits if trigger == words.WARRANTY_END else without_term(waits)
    rule = due_rule(waits, trigger, warranty)
    return Draft(kind, share, piece.is_cumulative, n, rule, is_unknown, thirds)


def without_warranty(text: str) -> str:
    """Return a piece without the length of the warranty, where it waits for another event.

    签约付30%，验收付70%，质保期1年: no payment waits for the end of the warranty.
    """
    if not _WARRANTY.search(text):
        return text
    rest = words.WARRANTY_TOLD.sub(" ", text)
    if rest == text:
        return text
    found = [trigger for trigger, pattern in words.EVENTS if pattern.search(rest)]
    return rest if found and words.WARRANTY_END not in found else text


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
    if n_instalments(text) > 1 or period_months(text) is not None:
        return words.PROGRESS
    is_late = _is_late(text, trigger) and (piece.percent is None or piece.percent <= _MOST_RETAINED)
    says = trigger == words.NO_TRIGGER or words.REMAINDER.search(text)
    return words.RETENTION if is_late and says and piece.percent != 100 else kind  # noqa: PLR2004


def _waits(piece: Piece, trigger: int) -> bool:
    """Return whether a piece that names no event waits so many days for one all the same."""
    days = due_rule(piece.text, trigger, None).days
    return days is not None and (piece.percent != 100 or days >= _LONG_DAYS)  # noqa: PLR2004


def _is_late(text: str, trigger: int) -> bool:
    days = due_rule(text, trigger, None).days
    return days is not None and days >= _LONG_DAYS


def _events(text: str) -> list[int]:
    return [trigger for trigger, pattern in words.EVENTS if pattern.search(text)]


def _trigger(text: str, kind: int | None) -> int:
    if kind == words.RETENTION:
        return words.WARRANTY_END
    if words.BEFORE_EVENT.search(text):
        return words.SHIPPED
    if words.FROM_INVOICE.search(text):
        return words.INVOICED
    text = words.PART_DONE.sub("节点", text)
    if kind == words.PROGRESS and (named := _events(words.NAMES_OF_PROGRESS.sub(" ", text))):
        found = named
    else:
        found = _events(text)
    if words.INVOICED in found and found[0] == words.PROGRESSED:
        progress = words.EVENT[words.PROGRESSED].search(_EACH_MONTH.sub(" ", text))
        found = found if progress else [words.INVOICED]  # invoiced each month
    if not found:
        return words.NO_TRIGGER
    if words.PROGRESSED in found and words.MONTHLY.search(text):
        return words.PROGRESSED
    own = words.NO_TRIGGER if kind is None else words.TRIGGER_OF_KIND[kind]
    return own if own in found else found[0]


def _is_only_installed(text: str) -> bool:
    rest = words.INSTALLED.sub(" ", text)
    return rest != text and words.EVENT[words.ACCEPTED].search(rest) is None


def _is_accepted(piece: Piece) -> bool:
    """Return whether a piece waits for an acceptance and nothing after it."""
    text = words.INSTALLED.sub(" ", piece.text)
    return piece.percent is not None and _trigger(text, _kind_by_name(text)) == words.ACCEPTED


def n_instalments(text: str) -> int:
    """Return how many payments a piece is of; 1 where it does not say."""
    for pattern in words.INSTALMENTS:
        match = pattern.search(text)
        if match and re.match(r"[^,;。%]{0,6}:", text[match.end() :]):
            continue  # 分3次支付: what follows says which
        if match and "%" in text[match.end() :] and _names_between(text, match.end()):
            continue
        if match and 2 <= int(match.group(1)) <= 60:  # noqa: PLR2004
            return int(match.group(1))
    return 1


def counts_the_pieces(text: str, n: int) -> bool:
    """Return whether a clause begins with the number of its pieces: 3次付清:签订30%,到货30%,..."""
    head = text.partition("%")[0]
    counts = (match for pattern in words.INSTALMENTS for match in pattern.finditer(head))
    return any(
        int(match.group(1)) == n and re.search(r"[,:;。]", head[match.end() :]) for match in counts
    )


def _without_count(text: str) -> str:
    """Return a text without its number of instalments: 分12个月 is no time to wait."""
    for pattern in words.INSTALMENTS:
        text = pattern.sub(" ", text)
    return text


def _names_between(text: str, start: int) -> bool:
    """Return whether a payment is named between a place and the percentage after it."""
    between = text[start : text.index("%", start)]
    return any(pattern.search(between) for _, pattern in words.NAMES)


def _thirds(percent: float) -> int:
    """Return what 33.3333% is more than 33.33%, in thirds of a hundredth; 0 of 33.33% itself."""
    exact = round(300 * percent)
    return exact - 3 * round(100 * percent) if abs(300 * percent - exact) < _EXACT else 0


def _parts(percent: float, whole: int) -> int:
    """Return a percentage as parts of the whole."""
    return round(percent * (whole / 100))
