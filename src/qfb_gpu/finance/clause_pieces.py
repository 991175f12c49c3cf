"""A clause cut into pieces: one percentage that is to be paid each, and the words around it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from qfb_gpu.finance import clause_words as words

_SHARE = re.compile(r"(\d+(?:\.\d+)?)%")
_STRONG = re.compile(
    r"[;。\n]|(?<!\d)\.(?=\s|$)|(?<=\D)(?=\((?:\d{1,2}|[一二三四五六七八九十])\))|(?<![\d%第])(?=\d{1,2}[.、)](?!\d))"
)
_WEAK = re.compile(
    r"[,、:+&]|(?<=[%\u4e00-\u9fff])/|\band\b|\bthen\b|(?<=[\u4e00-\u9fff])\s|(?<=%)\s(?=[\u4e00-\u9fff])|以及|及(?=[^时])|并(?=[^且网验经])"
)
_REACHED_BEFORE = re.compile(r"(?:completion of|upon reaching|reaches)\s*$", re.IGNORECASE)
_REACHED_AFTER = re.compile(
    r"\s*(?:of (?:the )?)?(?:physical )?(?:complet|progress(?! pay))", re.IGNORECASE
)
_NOT_PAID_YET = re.compile(r"%[^,;。付支]{0,8}[在于自待须应经][^,;。付支%]*$")
_PAID_AT_LAST = re.compile(r"[后内时前日](?:一次性)?(?:支?付清?|支付完毕|结清)$")
_CHINESE = re.compile(r"[\u4e00-\u9fff]")


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of a clause about one payment.

    Attributes
    ----------
    text : str
    percent : float or None
        Of the contract's total; None where it is what remains.
    is_cumulative : bool
        The percentage counts what was paid before.
    """

    text: str
    percent: float | None
    is_cumulative: bool


def pieces(text: str) -> list[Piece]:
    """Return the pieces of a clause that :func:`qfb_gpu.finance.numerals.plain` wrote."""
    found: list[Piece] = []
    rest = ""
    for part in _STRONG.split(text):
        segment = part.strip(" ,")
        if not segment:
            continue
        shares = _shares(segment)
        is_remainder = words.REMAINDER.search(segment) is not None
        if not shares and not is_remainder:
            if words.PENALTY.search(segment) or words.NOT_MET.search(segment):
                continue
            if found and words.WARRANTY_TOLD.fullmatch(segment) and _has_event(found[-1].text):
                continue
            if found and words.WHOLE.search(segment) is None and not rest:
                found[-1] = _longer(found[-1], segment)
            else:
                rest = f"{rest} {segment}".strip()
            continue
        found += _of_segment(f"{rest} {segment}".strip() if not shares else segment)
        rest = ""
    return found


def _has_event(text: str) -> bool:
    return any(pattern.search(text) for _, pattern in words.EVENTS)


def _longer(piece: Piece, more: str) -> Piece:
    return Piece(f"{piece.text} {more}", piece.percent, piece.is_cumulative)


def _shares(text: str) -> list[re.Match[str]]:
    return [match for match in _SHARE.finditer(text) if _is_paid(text, match)]


def _is_paid(text: str, match: re.Match[str]) -> bool:
    """Return whether a percentage is to be paid: no tax, penalty, or share of the work done."""
    before, after = text[: match.start()], text[match.end() :]
    if before.isascii() and words.NOT_MET.search(before):
        return False
    if _is_of_something_else(before, after):
        return False
    done = words.DONE_BEFORE.search(before)
    near = re.split(r"[,;。%]", before)[-1]
    if done and words.DONE_AFTER.search(after) and not words.PAID_BEFORE.search(near[-12:]):
        return False
    if words.DONE_THEN_PAID[0].search(before) and words.DONE_THEN_PAID[1].search(after):
        return False
    if _REACHED_BEFORE.search(before) or _REACHED_AFTER.match(after):
        return False
    return 0 < float(match.group(1)) <= 100  # noqa: PLR2004


def _is_of_something_else(before: str, after: str) -> bool:
    """Return whether the words around a percentage say that it is a tax, a penalty or the like."""
    return bool(
        words.RECOVERED.search(before)
        or words.NOT_PAID_BEFORE.search(before)
        or words.NOT_PAID_AFTER.search(after)
    )


def _of_segment(segment: str) -> list[Piece]:
    parts = [part for part in cut(segment) if _shares(part) or not words.NOT_MET.search(part)]
    parts = _joined(parts)
    return [piece for part in parts for piece in _of_part(part)]


def cut(segment: str) -> list[str]:
    """Cut at commas and the like, but not inside brackets."""
    cuts, depth, start = [], 0, 0
    marks = {match.start(): match.end() for match in _WEAK.finditer(segment)}
    for place, character in enumerate(segment):
        depth += (character in "([") - (character in ")]")
        if place in marks and depth <= 0 and place >= start:
            cuts.append(segment[start:place])
            start = marks[place]
    return [part.strip() for part in [*cuts, segment[start:]] if part.strip()]


def _is_anchor(part: str) -> bool:
    return bool(_shares(part)) or words.REMAINDER.search(part) is not None


def _joined(parts: list[str]) -> list[str]:
    """Join parts without a percentage to the one they speak of.

    In Chinese the event comes first (验收合格后, 支付30%), in English mostly after it.
    """
    anchors = [i for i, part in enumerate(parts) if _is_anchor(part)]
    if not anchors:
        return [" ".join(parts)]
    leads = anchors[0] > 0 and words.KEYWORD.search(" ".join(parts[: anchors[0]])) is not None
    joined: list[str] = []
    waiting: list[str] = []
    for i, part in enumerate(parts):
        if i in anchors:
            joined.append(", ".join([*waiting, part]))
            waiting = []
        elif i - 1 in anchors and _completes(part, joined[-1]):
            joined[-1] += ", " + part
        elif (earlier := _of_earlier(part, joined)) is not None:
            joined[earlier] += ", " + part
        elif not joined or (_goes_forward(part, leads=leads) and i < anchors[-1]):
            waiting.append(part)
        else:
            joined[-1] += ", " + part
    return joined


def _completes(part: str, share: str) -> bool:
    """Return whether a part has the verb that a share lacks: 95%在验收合格 并 收到发票后支付."""
    return _NOT_PAID_YET.search(share) is not None and _PAID_AT_LAST.search(part) is not None


def _of_earlier(part: str, joined: list[str]) -> int | None:
    """Return which payment a part goes on with, by the name that it begins with, if not the last.

    除质保金5%外,其余款项于验收后付清,质保金于质保期满后支付: the last part is of the first.
    """
    name = next((name for _, name in words.NAMES if name.match(part)), None)
    if name is None or not joined:
        return None
    has_name = [name.search(one) is not None for one in joined]
    return has_name.index(True) if any(has_name) and not has_name[-1] else None


def _goes_forward(part: str, *, leads: bool) -> bool:
    if re.search(r"无息|不计息|付清|付讫|结清|within|payable|paid|作为|即|含|包括", part):
        return False
    if _CHINESE.search(part):
        return words.KEYWORD.search(part) is not None or leads
    return leads


def _of_part(part: str) -> list[Piece]:
    """Cut a part with several percentages into one each."""
    shares = _shares(part)
    if not shares:
        return [Piece(part, None, is_cumulative=False)]
    if len(shares) == 1:
        return [_piece(part, shares[0])]
    named_first = words.KEYWORD.search(part[: shares[0].start()]) is not None
    if named_first:
        edges = [0, *(_tail(part, match.end()) for match in shares[:-1]), len(part)]
    else:
        edges = [0, *(match.start() for match in shares[1:]), len(part)]
    texts = [part[a:b] for a, b in pairwise(edges)]
    return [piece for text in texts for piece in (_piece(text, m) for m in _shares(text)[:1])]


def _tail(part: str, end: int) -> int:
    """Return where the words that follow a percentage end: (分3期), 作为预付款, 预付款."""
    match = re.match(r"\s*(?:\([^)]*\)|作为[^\d%]{2,8}款)?", part[end:])
    return end + (match.end() if match else 0)


def _piece(text: str, match: re.Match[str]) -> Piece:
    before, after = text[: match.start()], text[match.end() :]
    cumulative = words.CUMULATIVE_BEFORE.search(before) or words.CUMULATIVE_AFTER.search(after)
    of_work = words.OF_WORK_DONE.search(before)
    is_cumulative = cumulative is not None or of_work is not None
    return Piece(text, float(match.group(1)), is_cumulative)
