"""Texts to numbers the slow way: big integers, ``decimal`` and ``datetime``."""

import datetime as dt
import re
import unicodedata
from decimal import ROUND_HALF_EVEN, Decimal

MASK = 2**64 - 1
EPOCH = dt.date(1970, 1, 1)
MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
SPACE = " \t\r\n\u00a0\u3000\u202f"


def hash_text(text):
    state = 0xCBF29CE484222325
    for byte in text.encode():
        state = ((state ^ byte) * 0x100000001B3) & MASK
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
    state = (state ^ (state >> 31)) or 1
    return state - 2**64 if state >= 2**63 else state


def ascii_form(text):
    """Write full-width characters, currency signs and the minus sign in ASCII."""
    out = []
    for char in text:
        if char in SPACE:
            out.append(" ")
        elif char in "￥€£¥元円$":
            out.append("$")
        elif char == "−":
            out.append("-")
        elif 0xFF01 <= ord(char) <= 0xFF5E:
            out.append(unicodedata.normalize("NFKC", char))
        else:
            out.append(char)
    return "".join(out)


def decimal(text):
    """Return a Decimal, or the word 'missing' or 'unreadable'."""
    plain = ascii_form(text)
    if not plain.strip(" "):
        return "missing"
    number = r"(\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d*)?|\d+(?:\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?"
    found = re.fullmatch(rf"([ $+(-]*){number}([ $)-]*)", plain, flags=re.ASCII)
    if not found:
        return "unreadable"
    head, figure, power, rest = found.groups()
    around = head + rest
    if figure.endswith(".") and "-" in rest:  # 100.-, as the Swiss write 100: no minus, but odd
        return "unreadable"
    if around.count("$") > 1:
        return "unreadable"
    marks = around.replace(" ", "").replace("$", "")
    if (
        marks not in ("", "-", "+", "()")
        or rest.strip(" $") == "+"
        or marks
        == "()"
        != (head.replace(" ", "").replace("$", "") + rest.replace(" ", "").replace("$", ""))
    ):
        return "unreadable"
    value = Decimal(figure.replace(",", "")) * Decimal(10) ** int((power or "e0")[1:])
    return -value if marks in ("-", "()") else value


def to_minor(value, exponent, *, half_even):
    """Return minor units and a word for what became of it."""
    exact = value.scaleb(exponent)
    whole = exact.to_integral_value(ROUND_HALF_EVEN)
    if whole != exact and not half_even:
        return 0, "too fine"
    if abs(whole) >= 10**17:
        return 0, "too large"
    return int(whole), "ok" if whole == exact else "rounded"


def date(text, order):
    """Return days since 1970-01-01, or 'missing', 'unreadable', 'impossible', 'ambiguous'."""
    plain = ascii_form(text).replace("年", "/").replace("月", "/")
    plain = plain.strip(" ")
    if not plain:
        return "missing"
    time = r"[日号]*(?:[ T][\d: +.\-TZAPMtzapm]*)?"
    found = re.fullmatch(rf"(\d{{14}}|\d{{8}}|\d{{6}}){time}", plain, flags=re.ASCII)
    if found:
        return number(*compact(found[1], order))
    sep = " *[-/.,]? *"
    part = r"(\d{1,4}|[A-Za-z]{3,9})"
    found = re.fullmatch(rf"{part}{sep}{part}{sep}(\d{{1,4}}){time}", plain, flags=re.ASCII)
    if not found:
        return "unreadable"
    a, b, c = found.groups()
    touching = (found.end(1) == found.start(2), found.end(2) == found.start(3))
    if (a + b).isalpha() or (touching[0] and (a + b).isdigit()) or (touching[1] and b.isdigit()):
        return "unreadable"
    if (a + b).isalnum() and not (a + b).isdigit() and name(b if a.isdigit() else a) is None:
        return "unreadable"
    if a.isalpha():
        year, month, day = c, name(a), b
    elif b.isalpha():
        year, month, day = (a, name(b), c) if len(a) == 4 else (c, name(b), a)
    elif len(a) == 4:
        year, month, day = a, b, c
    elif order == "ymd":
        if len(c) == 4 and len(a) < 3 and len(b) < 3:
            return "ambiguous"
        year, month, day = a, b, c
    else:
        year, month, day = (c, b, a) if order == "dmy" else (c, a, b)
    return number(year, month, day)


def name(text):
    word = text.lower()[:3]
    return str(MONTHS.index(word) + 1) if word in MONTHS else None


def compact(digits, order):
    digits = digits[:8] if len(digits) == 14 else digits
    if len(digits) == 8 and (order == "ymd" or int(digits[4:6]) <= 12):
        return digits[:4], digits[4:6], digits[6:]
    if len(digits) == 8:
        first, second, year = digits[:2], digits[2:4], digits[4:]
    elif order == "ymd":
        return digits[:2], digits[2:4], digits[4:]
    else:
        first, second, year = digits[:2], digits[2:4], digits[4:]
    return (year, second, first) if order == "dmy" else (year, first, second)


def number(year, month, day):
    if len(year) not in (2, 4) or len(month) > 2 or len(day) > 2:
        return "unreadable"
    value = int(year)
    if len(year) == 2:
        value += 1900 if value >= 69 else 2000
    if not 1800 <= value <= 9999:
        return "impossible"
    try:
        return (dt.date(value, int(month), int(day)) - EPOCH).days
    except ValueError:
        return "impossible"
