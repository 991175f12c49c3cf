"""Numbers, money and dates as a banker writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.counted import counted
from qfb_gpu.currencies import EXPONENT, in_major

if TYPE_CHECKING:
    import datetime as dt

MINUS = "\N{MINUS SIGN}"
NOTHING = "·"
_GAP = "\N{NO-BREAK SPACE}"
_UNITS = ((1e12, "tn"), (1e9, "bn"), (1e6, "m"), (1e3, "k"))
_TEN, _HUNDRED, _THOUSAND = 10, 100, 1000
_MINUTE, _HOUR = 60, 3600
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def to_units(minor: int, currency: str) -> float:
    """Return minor units as units of the currency (two decimals where it is unknown)."""
    scale: int = 10 ** EXPONENT.get(currency, 2)
    return float(minor) / scale


def compact(value: float) -> str:
    """Return about three significant digits: ``12.3 m``, ``1.05 bn``, ``870``."""
    size = abs(value)
    unit = ""
    for scale, name in _UNITS:
        if size >= scale * 0.9995:
            size, unit = size / scale, _GAP + name
            break
    decimals = 2 if size < _TEN else 1 if size < _HUNDRED else 0
    digits = f"{size:,.{decimals}f}"
    if not unit and size == int(size):
        digits = f"{int(size)}"
    sign = MINUS if value < 0 and digits.strip("0.") else ""
    return sign + digits + unit


def money(value: float, currency: str) -> str:
    """Return ``CNY 12.3 m``."""
    return f"{currency}{_GAP}{compact(value)}"


def money_exact(minor: int, currency: str) -> str:
    """Return ``CNY 12,345,678.90``: every minor unit, whatever the size."""
    written = in_major(int(minor), EXPONENT.get(currency, 2))
    return f"{currency}{_GAP}{written.replace('-', MINUS)}"


def amount(value: float | None, currency: str) -> str:
    """Return an estimate with the currency's decimals, ``12,345.67``; a dot for none."""
    if value is None:
        return NOTHING
    return f"{value:,.{EXPONENT.get(currency, 2)}f}".replace("-", MINUS)


def count(value: float) -> str:
    """Return ``1,234,567``."""
    return f"{int(value):,}".replace("-", MINUS)


def percent(part: float, whole: float = 1.0) -> str:
    """Return ``34%``, ``3.4%`` below ten, ``<0.1%``, ``>99.9%`` near the ends; a dot of nothing."""
    if not whole:
        return NOTHING
    share = 100 * part / whole
    if 0 < share < 0.1:  # noqa: PLR2004
        return "<0.1%"
    if 99.95 <= share < _HUNDRED - 1e-9:  # noqa: PLR2004  nearer it is rounding
        return ">99.9%"
    decimals = 1 if 0 < abs(share) < _TEN or 99 < share < _HUNDRED else 0  # noqa: PLR2004
    return f"{share:.{decimals}f}%".replace("-", MINUS)


def day(value: dt.date | None) -> str:
    """Return ``31 Dec 2024``; a dot for none. The same in every locale."""
    if value is None:
        return NOTHING
    return f"{value.day}{_GAP}{_MONTHS[value.month - 1]}{_GAP}{value.year}"


def short_day(value: dt.date) -> str:
    """Return ``31 Dec``."""
    return f"{value.day}{_GAP}{_MONTHS[value.month - 1]}"


def period(label: str) -> str:
    """Return ``Mar 2024`` for ``2024-03``; other labels (quarters, years) as they are."""
    year, _, month = label.partition("-")
    return f"{_MONTHS[int(month) - 1]}{_GAP}{year}" if month.isdigit() else label


def duration(seconds: float | None) -> str:
    """Return ``0.42 s``, ``12.3 s``, ``3 min 05 s`` or ``2 h 07 min``; a dot for none."""
    if seconds is None:
        return NOTHING
    if round(seconds, 2) < _TEN:
        return f"{seconds:.2f}{_GAP}s"
    if round(seconds, 1) < _MINUTE:
        return f"{seconds:.1f}{_GAP}s"
    if round(seconds) < _HOUR:
        minutes, rest = divmod(round(seconds), _MINUTE)
        return f"{minutes}{_GAP}min {rest:02d}{_GAP}s"
    hours, rest = divmod(round(seconds / _MINUTE), _MINUTE)
    return f"{hours}{_GAP}h {rest:02d}{_GAP}min"


def size(n_bytes: float | None) -> str:
    """Return ``1.2 GB`` in powers of a thousand; a dot for none."""
    if n_bytes is None:
        return NOTHING
    for scale, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if n_bytes >= scale:
            return f"{n_bytes / scale:.1f}{_GAP}{name}"
    return f"{int(n_bytes)}{_GAP}B"


def plural(number: int, noun: str, many: str | None = None) -> str:
    """Return ``1 payment`` or ``1,234 payments``."""
    return counted(number, noun, many).replace(" ", _GAP, 1)
