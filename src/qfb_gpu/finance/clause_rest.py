"""What remains and is not called so: 预付30%, 货到付清 pays all that is left on delivery."""

from __future__ import annotations

import re

from qfb_gpu.finance import clause_words as words
from qfb_gpu.finance.clause_audit import is_aside
from qfb_gpu.finance.clause_sums import MONEY
from qfb_gpu.finance.clause_words import pattern_of

_PART = re.compile(r"[^,;。\n]+")
_PAID_OFF = pattern_of(r"付清|结清|付讫|\bin full\b")
_SHARE = pattern_of(rf"\d%|{MONEY}")


def rest_named(text: str) -> str | None:
    """Return a clause whose last payment is called what remains.

    Parameters
    ----------
    text : str
        As :func:`qfb_gpu.finance.numerals.plain` writes it.

    Returns
    -------
    str or None
        None where something is called so, where the last payment has a share, or is not said to
        pay all off; in English also where it is another sentence than the share before.
    """
    parts = [part for part in _PART.finditer(text) if not is_aside(part.group(0))]
    if any(words.REMAINDER.search(part.group(0)) for part in parts):
        return None
    shares = [i for i, part in enumerate(parts) if _SHARE.search(part.group(0))]
    later = parts[shares[-1] + 1 :] if shares else []
    last = next((part for part in later if _pays_off(part.group(0))), None)
    if last is None:
        return None
    if text.isascii():
        if words.SENTENCE_END.search(text[parts[shares[-1]].start() : last.end()]):
            return None
        return f"{text[: last.start()]} balance {text[last.start() :].lstrip()}"
    return f"{text[: last.start()]}余款{text[last.start() :].lstrip()}"


def _pays_off(part: str) -> bool:
    """Return whether a part pays all off at an event that is known, or is a retention."""
    is_known = any(event.search(part) for _, event in (*words.EVENTS, words.NAMES[0]))
    return is_known and _PAID_OFF.search(part) is not None
