r"""The subset of regular expressions that means one thing everywhere, and its one spelling.

A pattern is read here and written again with every class spelled out, so that Python's ``re``,
RE2 (which runs it) and libcudf cannot read it in three ways. What they read differently is refused
with the reason. The subset: literals; ``\`` before a sign; ``\t \n \r``; ``.`` (any character
but a line end); ``\d \w \s`` and ``\D \W \S`` (ASCII); ``[a-z]``, ``[^...]`` with ranges;
``( )``, ``(?: )``, ``|``; ``* + ? {n} {n,} {n,m}``, also lazy; ``^`` first and ``$`` last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from qfb_gpu.errors import ConfigError

_CLASSES = {"d": "0-9", "w": "0-9A-Z_a-z", "s": "\\t-\\r "}
_SIGNS = {"t": "\t", "n": "\n", "r": "\r"}
_SPECIAL = frozenset("\\^$.|?*+()[]{}")
_MOST = 255
_REASONS = {
    "b": "\\b: word boundaries differ beside letters that are not ASCII, such as 中",
    "B": "\\B: word boundaries differ beside letters that are not ASCII, such as 中",
    "A": "\\A: write ^",
    "Z": "\\Z: write $",
    "z": "\\z: write $",
    "p": "\\p{...}: not known to all engines; list the characters, e.g. [一-龥]",
    "P": "\\P{...}: not known to all engines; list the characters, e.g. [^一-龥]",
}
_GROUPS = {
    "=": "lookahead (?=...)", "!": "lookahead (?!...)", "<": "lookbehind or named groups (?<...)",
    "P": "named groups (?P<...>)", ">": "atomic groups (?>...)", "#": "comments (?#...)",
}  # fmt: skip


@dataclass(slots=True)
class Pattern:
    r"""A pattern that was read.

    Attributes
    ----------
    text : str
        Its one spelling, for RE2 and for Python's ``re`` (with ``\Z`` for ``$``: see ``python``).
    python : str
    n_groups : int
        Capturing groups; each takes part in every match.
    can_be_empty : bool
        Whether it matches the empty text somewhere.
    """

    text: str
    python: str
    n_groups: int
    can_be_empty: bool


@dataclass(slots=True)
class _Piece:
    text: str
    can_be_empty: bool
    has_group: bool = False


@dataclass(slots=True)
class _Reader:
    given: str
    op: str
    ignore_case: bool
    pos: int = 0
    n_groups: int = 0
    at_end: bool = False
    has_bar: bool = False
    depth: int = 0

    def refuse(self, why: str) -> NoReturn:
        """Raise with the pattern, the place and the reason."""
        msg = f"{self.op}: pattern {self.given!r} at {self.pos + 1}: {why}"
        raise ConfigError(msg)

    def peek(self) -> str:
        """Return the next character; an empty text at the end."""
        return self.given[self.pos : self.pos + 1]

    def take(self) -> str:
        """Return the next character and go on behind it."""
        char = self.peek()
        if not char:
            self.refuse("it ends too early")
        self.pos += 1
        return char

    def alternatives(self) -> _Piece:
        """Read up to a closing bracket or the end."""
        found = [self.sequence()]
        self.has_bar |= self.peek() == "|" and self.depth == 0
        while self.peek() == "|":
            self.pos += 1
            found.append(self.sequence())
        if len(found) > 1 and any(piece.has_group for piece in found):
            self.refuse("a group ( ) inside alternatives may take no part; write (?: ) there")
        if len(found) > 1 and not all(piece.text for piece in found):
            self.refuse("an alternative is empty; write ( )? instead")
        return _Piece(
            "|".join(piece.text for piece in found),
            any(piece.can_be_empty for piece in found),
            any(piece.has_group for piece in found),
        )

    def sequence(self) -> _Piece:
        """Read items one after another."""
        texts, can_be_empty, has_group = [], True, False
        while self.peek() not in ("", "|", ")"):
            piece = self.quantified()
            texts.append(piece.text)
            can_be_empty &= piece.can_be_empty
            has_group |= piece.has_group
        return _Piece("".join(texts), can_be_empty, has_group)

    def quantified(self) -> _Piece:
        """Read one item and what says how often."""
        is_anchor = self.peek() in ("^", "$")
        piece = self.item()
        sign = self.peek()
        if sign not in ("*", "+", "?", "{"):
            return piece
        low, text = self.times()
        if is_anchor:
            self.refuse("^ and $ cannot be repeated")
        if piece.can_be_empty:
            self.refuse("what is repeated may be empty: engines end such loops differently")
        if piece.has_group:
            self.refuse("a group ( ) that is repeated: which turn counts differs; write (?: )")
        if self.peek() in ("*", "+", "?", "{"):
            self.refuse("two repeats after each other; put (?: ) around the first")
        return _Piece(piece.text + text, low == 0)

    def times(self) -> tuple[int, str]:
        """Read ``*``, ``+``, ``?`` or ``{n,m}``, lazy or not; return the least and the text."""
        sign = self.take()
        low, text = {"*": 0, "?": 0}.get(sign, 1), sign
        if sign == "{":
            inside, brace, _ = self.given[self.pos :].partition("}")
            bounds = inside.split(",")
            if not brace or len(bounds) > 2 or not bounds[0].isascii() or not bounds[0].isdigit():  # noqa: PLR2004
                self.refuse("{ starts {n}, {n,} or {n,m}; write \\{ for the sign itself")
            self.pos += len(inside) + 1
            last = bounds[-1]
            if last and not (last.isascii() and last.isdigit()):
                self.refuse("{n,m} takes numbers")
            low, high = int(bounds[0]), int(last or bounds[0])
            if not low <= high <= _MOST or high == 0:
                self.refuse(f"{{n,m}} is from 0 to {_MOST}, n not more than m, m not 0")
            text = "{" + inside + "}"
        if self.peek() == "?":
            self.pos += 1
            text += "?"
        elif self.peek() == "+" and sign != "":
            self.refuse("possessive repeats are not known to all engines")
        return low, text

    def item(self) -> _Piece:
        """Read one character, class, group or anchor."""
        char = self.take()
        if char == "(":
            return self.group()
        if char in ("^", "$"):
            return self.anchor(char)
        if char == ".":
            return _Piece("[^\\n]", can_be_empty=False)
        if char in ("[", "\\"):
            text = self.char_class() if char == "[" else self.escape()
            return _Piece(text, can_be_empty=False)
        if char in "*+?":
            self.refuse(f"{char} has nothing to repeat")
        if char in _SPECIAL:
            self.refuse(f"write \\{char} for the sign itself")
        return _Piece(self.literal(char), can_be_empty=False)

    def anchor(self, char: str) -> _Piece:
        """Read ``^`` or ``$``."""
        if char == "^" and self.pos != 1:
            self.refuse("^ stands at the very beginning only")
        if char == "$" and self.pos != len(self.given):
            self.refuse("$ stands at the very end only")
        self.at_end |= char == "$"
        return _Piece(char, can_be_empty=True)

    def group(self) -> _Piece:
        """Read what is in round brackets."""
        is_group = self.peek() != "?"
        if not is_group:
            self.pos += 1
            sign = self.take()
            if sign != ":":
                self.refuse(_GROUPS.get(sign, "flags (?i)") + " are not known to all engines")
        self.n_groups += is_group
        self.depth += 1
        inner = self.alternatives()
        self.depth -= 1
        if self.peek() != ")":
            self.refuse("a ( has no )")
        self.pos += 1
        if not inner.text:
            self.refuse("empty brackets")
        opening = "(" if is_group else "(?:"
        return _Piece(f"{opening}{inner.text})", inner.can_be_empty, is_group or inner.has_group)

    def escape(self) -> str:
        """Read what follows a backslash."""
        char = self.take()
        if char.lower() in _CLASSES:
            return f"[{'^' if char.isupper() else ''}{_CLASSES[char.lower()]}]"
        if char in _SIGNS:
            return self.literal(_SIGNS[char])
        if char in _REASONS:
            self.refuse(_REASONS[char])
        if char.isdigit():
            self.refuse(f"\\{char}: references back are not known to all engines")
        if char.isalpha() or not char.isascii():
            self.refuse(f"\\{char}: unknown; a backslash stands before a sign")
        return self.literal(char)

    def literal(self, char: str) -> str:
        """Spell one character, both cases of an ASCII letter where case is ignored."""
        if self.ignore_case and char.isascii() and char.isalpha():
            return f"[{char.upper()}{char.lower()}]"
        return _quoted(char)

    def char_class(self) -> str:
        """Read a class; ``[`` is behind us."""
        negated = self.peek() == "^"
        self.pos += negated
        parts: list[str] = []
        while self.peek() != "]":
            one = self.class_char()
            if one is None:
                char = self.given[self.pos - 1]
                if char.isupper():
                    self.refuse(f"\\{char} inside [ ] is not known to all engines")
                parts.append(_CLASSES[char])
                continue
            last = one
            if self.peek() == "-" and self.given[self.pos + 1 : self.pos + 2] != "]":
                self.pos += 1
                end = self.class_char()
                if end is None or end < one:
                    self.refuse("a range goes from a lower to a higher character")
                last = end
            parts.append(self.spelled(one, last))
        self.pos += 1
        if not parts:
            self.refuse("an empty class; write \\] for the sign itself")
        return f"[{'^' if negated else ''}{''.join(parts)}]"

    def class_char(self) -> str | None:
        r"""Return one character of a class; None for ``\d``, ``\w``, ``\s``."""
        char = self.take()
        if char == "[":
            self.refuse("write \\[ inside [ ]")
        if char != "\\":
            return char
        char = self.take()
        if char.lower() in _CLASSES:
            return None
        if char in _SIGNS:
            return _SIGNS[char]
        if char.isalnum() or not char.isascii():
            self.refuse(f"\\{char} inside [ ]: unknown; a backslash stands before a sign")
        return char

    def spelled(self, first: str, last: str) -> str:
        """Spell a range of a class, with the other case of its ASCII letters where asked."""
        text = _range(first, last)
        if self.ignore_case:
            for low, high in (("a", "z"), ("A", "Z")):
                start, end = max(first, low), min(last, high)
                if start <= end:
                    text += _range(start.swapcase(), end.swapcase())
        return text


def read_pattern(given: str, op: str, *, ignore_case: bool = False) -> Pattern:
    """Read a pattern of the subset.

    Parameters
    ----------
    given : str
    op : str
        Names the operation in messages.
    ignore_case : bool
        Of ASCII letters: engines differ in others.

    Raises
    ------
    ConfigError
        It is outside the subset; says where and why.
    """
    if not given:
        msg = f"{op}: pattern is empty; give what to look for"
        raise ConfigError(msg)
    reader = _Reader(given, op, ignore_case)
    piece = reader.alternatives()
    if reader.pos < len(given):
        reader.refuse("a ) has no (")
    if reader.has_bar and (given[0] == "^" or reader.at_end):
        reader.refuse("^ or $ beside | binds to one side; write ^(?:a|b)$")
    text = piece.text
    body = text[:-1] if reader.at_end else text
    return Pattern(
        body + "\\z" * reader.at_end,
        body + "\\Z" * reader.at_end,
        reader.n_groups,
        piece.can_be_empty,
    )


def _range(first: str, last: str) -> str:
    return _quoted(first) if first == last else f"{_quoted(first)}-{_quoted(last)}"


def _quoted(char: str) -> str:
    """Spell one character for any engine, in or outside a class."""
    if char in "\t\n\r":
        return {"\t": "\\t", "\n": "\\n", "\r": "\\r"}[char]
    is_sign = char.isascii() and char.isprintable() and not char.isalnum()
    return f"\\{char}" if is_sign and char not in " \"'_" else char
