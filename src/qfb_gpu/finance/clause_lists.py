"""Lists of events with a share each, written out: 签约、到货、验收各付30%, 分别付30%、40%、30%."""

from __future__ import annotations

import re

from qfb_gpu.finance import clause_words as words

_AND = r"(?:以及|[、和及与])"
_EVENT = r"[^,;。:、和及与各%\d\n]{1,16}"
_SHARE = r"\d+(?:\.\d+)?%"
_LIST = re.compile(
    rf"(?P<events>{_EVENT}(?:{_AND}{_EVENT}){{1,24}})(?P<days>后\d{{1,3}}个?(?:工作|自然)?[日天]之?内?)?,?"
    rf"(?:各(?P<paid>[^,;。%\d各]{{0,14}})(?P<share>{_SHARE})"
    rf"|分别(?P<paid_so>[^,;。%\d各]{{0,14}})(?P<shares>{_SHARE}(?:(?:{_AND}|,){_SHARE}){{1,24}}))"
)
_WHAT = r"(?:(?! and )[a-z' -]){2,40}"
_ENGLISH = words.pattern_of(
    rf"(?P<share>{_SHARE}) each "
    r"(?P<when>(?:(?:is |are )?(?:payable |paid |due ))?(?:up)?(?:on|at|after) )"
    rf"(?P<events>{_WHAT}(?:, {_WHAT}){{0,24}},? and {_WHAT})(?=[,;.]|$)"
)
_KEYWORD = words.pattern_of(
    "|".join(pattern.pattern for _, pattern in (*words.NAMES, *words.EVENTS))
)
_AFTER = re.compile(r"之?[后时]$")
_MOST = 100.5
"""Per cent; thirds are rounded."""


def written_out(text: str) -> str:
    """Write the share of each event of a list behind the event.

    Parameters
    ----------
    text : str
        As :func:`qfb_gpu.finance.numerals.plain` writes it, its sums as percentages.

    Returns
    -------
    str
        签约付30%,到货付30%,验收付30% for 签约、到货、验收各付30%; days after the last event are
        those after each. As it was where a word of the list is no event or payment, or the shares
        are more or fewer than the events, or more than the whole.
    """
    text = _ENGLISH.sub(_in_english, text)
    return _LIST.sub(lambda match: ",".join(_parts(match)) or match.group(0), _uncounted(text))


def _parts(match: re.Match[str]) -> list[str]:
    """Return each event with its share; none where it is no list of payments."""
    events = re.split(_AND, match.group("events"))
    one, days = match.group("share"), match.group("days") or ""
    shares = [one] * len(events) if one else re.findall(_SHARE, match.group("shares"))
    if len(shares) != len(events) or not _are_payments(events, shares):
        return []
    paid = match.group("paid") or match.group("paid_so") or ""
    whens = [_AFTER.sub("", event) + days if days else event for event in events]
    return [f"{when}{paid}{share}" for when, share in zip(whens, shares, strict=True)]


def _in_english(match: re.Match[str]) -> str:
    events = re.split(r",? and |, ", match.group("events"))
    share, when = match.group("share"), match.group("when")
    if not _are_payments(events, [share] * len(events)):
        return match.group(0)
    alone = [re.sub(r"^(?:upon|on|at|after) ", "", event) for event in events]
    return ", ".join(f"{share} {when}{event}" for event in alone)


def _are_payments(events: list[str], shares: list[str]) -> bool:
    known = all(_KEYWORD.search(event) for event in events)
    return known and sum(float(share[:-1]) for share in shares) <= _MOST


def _uncounted(text: str) -> str:
    """Return a text without the number of payments that its list names: 分3期,签约、到货、验收."""
    match = _LIST.search(text)
    n = len(_parts(match)) if match else 0
    if match is None or not n:
        return text
    head = text[: match.start()]
    for pattern in words.INSTALMENTS:
        head = pattern.sub(lambda count: "" if int(count.group(1)) == n else count.group(0), head)
    return head + text[match.start() :]
