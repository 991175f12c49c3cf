"""Currencies by ISO 4217 (list one, 2026-01): codes as small integers, and minor units."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FEWEST = 30
"""Customers of a currency from whom on they are compared with one another."""
_ALPHABET = 26
_ZERO = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split()
_THREE = "BHD IQD JOD KWD LYD OMR TND".split()
_FOUR = "CLF UYW".split()
_TWO = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
CNY COP CRC CSK CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD
HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK
MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD
RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS
UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG
""".split()
# CSK, the Czechoslovak koruna, was withdrawn in 1993; historical data still carries it.

EXPONENT: dict[str, int] = {
    **dict.fromkeys(_ZERO, 0),
    **dict.fromkeys(_TWO, 2),
    **dict.fromkeys(_THREE, 3),
    **dict.fromkeys(_FOUR, 4),
}


def currency_code(name: str) -> int:
    """Return the int16 code of an ISO 4217 currency: its letters as a base-26 number.

    Parameters
    ----------
    name : str
        Three capital letters, e.g. ``"CNY"``.

    Raises
    ------
    KeyError
        ``name`` is not a currency of ISO 4217.
    """
    if name not in EXPONENT:
        msg = f"{name!r} is not an ISO 4217 currency code (three capital letters, e.g. CNY)"
        raise KeyError(msg)
    first, second, third = (ord(letter) - ord("A") for letter in name)
    return (first * _ALPHABET + second) * _ALPHABET + third


def currency_name(code: int) -> str:
    """Return the three letters of :func:`currency_code`'s number."""
    rest, third = divmod(code, _ALPHABET)
    first, second = divmod(rest, _ALPHABET)
    return "".join(chr(ord("A") + part) for part in (first, second, third))


def minor_per_major(code: int) -> int:
    """Return how many minor units make one unit of the currency: 100 for CNY, 1 for JPY."""
    return int(10 ** EXPONENT[currency_name(code)])


def in_major(minor: int, exponent: int) -> str:
    """Return minor units as an amount of whole units, ``-1,234.50``."""
    units, rest = divmod(abs(minor), 10**exponent)
    decimals = f".{rest:0{exponent}d}" if exponent else ""
    return f"{'-' if minor < 0 else ''}{units:,}{decimals}"


def comparable(n_customers: Mapping[int, int]) -> tuple[int | None, list[int]]:
    """Return the currency of most customers, and those whose customers can be compared, ascending.

    Those of :data:`FEWEST` customers or more, and the one of most, of equals the lowest code. The
    first is None where there is no currency.

    Parameters
    ----------
    n_customers : mapping of currency code to number of customers
    """
    most = max(n_customers, key=lambda code: (n_customers[code], -code), default=None)
    return most, [c for c in sorted(n_customers) if c == most or n_customers[c] >= FEWEST]
