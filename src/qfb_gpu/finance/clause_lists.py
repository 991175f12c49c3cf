"""Lists of events with a share each, written out: 签约、到货、验收各付30%, 分别付30%、40%、30%."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from qfb_gpu.finance import clause_words as words
from qfb_gpu.finance.clause_sums import MONEY

if TYPE_CHECKING:
    from collections.abc import Iterator

_AND = r"(?:以及|[、和及与])"
_EVENT = r"[^,;。:、和及与各%\d\n]{1,16}"
_PERCENT = r"\d+(?:\.\d+)?%"
_SHARE = rf"(?:{_PERCENT}|{MONEY})"
_LIST = words.pattern_of(
    rf"(?P<events>{_EVENT}(?:{_AND}{_EVENT}){{1,24}})(?P<days>后\d{{1,3}}个?(?:工作|自然)?[日天]之?内?)?,?"
    rf"(?:各(?P<paid>[^,;。%\d各]{{0,14}})(?P<share>{_SHARE})"
    rf"|分别(?P<paid_so>[^,;。%\d各]{{0,14}})(?P<shares>{_SHARE}(?:(?:{_AND}|,){_SHARE}){{1,24}}))"
)
_SHARES_FIRST = words.pattern_of(
    rf"(?P<shares>{_SHARE}(?:(?:{_AND}|,){_SHARE}){{1,24}})[^,;。%\d]{{0,6}},?分别(?:于|在)"
    rf"(?P<events>{_EVENT}(?:{_AND}{_EVENT}){{1,24}}?)(?P<days>后\d{{1,3}}个?(?:工作|自然)?[日天]之?内?)?"
    r"(?=[,;。付支]|$)(?:支?付)?"
)
_WHAT = r"(?:(?! and )[a-z' -]){2,40}"
_ENGLISH = words.pattern_of(
    rf"(?P<share>{_SHARE}) each "
    r"(?P<when>(?:(?:is |are )?(?:payable |paid |due ))?(?:up)?(?:on|at|after) )"
    rf"(?P<events>{_WHAT}(?:, {_WHAT}){{0,24}}(?:,? and {_WHAT}){{1,3}})(?=[,;.]|$)"
)
_RATIOS = re.compile(
    r"(?<![\d.%])(?<!\d:)\d{1,2}(?:\s*[:∶/\-—]\s*\d{1,2}){1,4}(?![\d%:年月日天-]|\.\d)"
)
_BETWEEN = re.compile(r"[、,:/+>→-]|以及|[和及与]|\band\b")
_AFTER = re.compile(r"之?[后时]$")
_MOST = 100.5
"""Per cent; thirds are rounded."""


def written_out(text: str) -> str:
    """Write the share of each event of a list behind the event.

    Parameters
    ----------
    text : str
        As :func:`qfb_gpu.finance.numerals.plain` writes it.

    Returns
    -------
    str
        签约付30%,到货付30%,验收付30% for 签约、到货、验收各付30%, and so for sums of money; days
        after the last event are those after each. As it was where a word of the list is no event
        or payment, or the shares are more or fewer than the events, or more than the whole.
    """
    text = _with_ratio(text)
    if " each " in text.lower():
        text = _ENGLISH.sub(_in_english, text)
    for pattern in (_LIST, _SHARES_FIRST) if "各" in text or "分别" in text else ():
        text = pattern.sub(
            lambda match: ",".join(_parts(match)) or match.group(0), _uncounted(text, pattern)
        )
    return text


def ratio(text: str) -> tuple[list[int], tuple[int, int]] | None:
    """Return the percentages of 3:3:3:1 or 30/60/10 and where they stand; None if there are none.

    Parameters
    ----------
    text : str
        As :func:`qfb_gpu.finance.numerals.plain` writes it.
    """
    for match in _RATIOS.finditer(text):
        parts = [int(part) for part in re.findall(r"\d+", match.group(0))]
        if sum(parts) in (10, 100) and min(parts) > 0:
            return [part * 100 // sum(parts) for part in parts], match.span()
    return None


def _with_ratio(text: str) -> str:
    """Write the shares of a ratio behind its events: 1:6:3, 签约、到货、验收."""
    found = None if "%" in text else ratio(text)
    if found is None:
        return text
    shares, (start, end) = found
    rest = text[:start] + ";" + text[end:]
    for listed in re.split(r"[;。()\n]", rest):
        events = [one for one in _BETWEEN.split(listed) if _is_event(one)]
        if len(events) == len(shares):
            parts = (f"{event}付{share}%" for event, share in zip(events, shares, strict=True))
            return rest.replace(listed, ";".join(parts), 1)
    return text


def _is_event(text: str) -> bool:
    return words.KEYWORD.search(text) is not None or text.strip().lower() == "order"


def _parts(match: re.Match[str]) -> list[str]:
    """Return each event with its share; none where it is no list of payments."""
    events = re.split(_AND, match.group("events"))
    groups = match.groupdict()
    one, days = groups.get("share"), groups["days"] or ""
    shares = [one] * len(events) if one else re.findall(_SHARE, match.group("shares"))
    if len(shares) != len(events) or not _are_payments(events, shares):
        return []
    paid = groups.get("paid") or groups.get("paid_so") or ""
    whens = [_AFTER.sub("", event) + days if days else event for event in events]
    return [f"{when}{paid}{share}" for when, share in zip(whens, shares, strict=True)]


def _in_english(match: re.Match[str]) -> str:
    share, when = match.group("share"), match.group("when")
    ways = (
        events
        for events in _readings(match.group("events"))
        if _are_payments(events, [share] * len(events))
    )
    events = next(ways, [])
    if not events:
        return match.group(0)
    alone = [re.sub(r"^(?:upon|on|at|after) ", "", event) for event in events]
    return ", ".join(f"{share} {when}{event}" for event in alone)


def lists_apart(text: str) -> bool:
    """Return whether a clause lists events apart from a ratio, or payments apart from their share.

    Parameters
    ----------
    text : str
        As :func:`written_out` returns it.
    """
    found = None if "%" in text else ratio(text)
    if found:
        return len(words.KEYWORD.findall(text)) > 1
    ordinals = set(re.findall(r"第\s*(\d+)\s*[期次笔批]", text))
    return len(ordinals) > max(len(re.findall(_PERCENT, text)), 1)


def _readings(written: str) -> Iterator[list[str]]:
    """Yield the events of a list, of which the last may be of two words: inspection and acceptance.

    First as if each "and" parted two events, where each part is one; then with the last "and" that
    does.
    """
    *head, tail = re.split(r", (?!and )", written)
    words_of_tail = re.split(r",? and ", tail)
    if len(words_of_tail) == 2:  # noqa: PLR2004
        yield [*head, *words_of_tail]
    for i in range(1, len(words_of_tail)):
        yield [*head, " and ".join(words_of_tail[:i]), " and ".join(words_of_tail[i:])]


def _are_payments(events: list[str], shares: list[str]) -> bool:
    known = all(words.KEYWORD.search(event) for event in events)
    percents = [float(share[:-1]) for share in shares if share.endswith("%")]
    return known and sum(percents) <= _MOST


def _uncounted(text: str, pattern: re.Pattern[str]) -> str:
    """Return a text without the number of payments that its list names: 分3期,签约、到货、验收."""
    match = pattern.search(text)
    n = len(_parts(match)) if match else 0
    if match is None or not n:
        return text
    head = text[: match.start()]
    for count in words.INSTALMENTS:
        head = count.sub(lambda found: "" if int(found.group(1)) == n else found.group(0), head)
    return head + text[match.start() :]
