"""What the law says of payment terms: a table of caps with their sources.

A cap counts days from delivery (CN), or from the receipt of the invoice or of the goods,
whichever is later (EU, GB). None: the law sets no number.
"""

from __future__ import annotations

from dataclasses import dataclass

BUYER_KINDS = ("large", "public", "public_agreed", "other")
"""A large firm; a public body; a public body whose contract says more; any other firm."""
_CN = "State Council Decree No. 802 of 2025 (保障中小企业款项支付条例), in force from 2025-06-01"
_EU = "Directive 2011/7/EU of the European Parliament and of the Council"
_GB = "Late Payment of Commercial Debts (Interest) Act 1998 as amended in 2013, SI 2013/395"


@dataclass(frozen=True, slots=True)
class LegalCap:
    """A rule of one jurisdiction for one kind of buyer.

    Attributes
    ----------
    jurisdiction : str
    buyer_kind : str
    cap_days : int or None
        The longest terms that the engine recommends under this law.
    late_a_day : float or None
        Default late interest a day, as a share of what is owed; None: ``late_margin`` over the
        reference rate.
    late_margin : float
        A year, over the reference rate.
    source : str
    note : str
    """

    jurisdiction: str
    buyer_kind: str
    cap_days: int | None
    late_a_day: float | None
    late_margin: float
    source: str
    note: str

    def late_rate_a_day(self, reference_rate: float) -> float:
        """Return the late interest a day, given the reference rate a year."""
        if self.late_a_day is not None:
            return self.late_a_day
        return (self.late_margin + reference_rate) / 365


LEGAL_CAPS: tuple[LegalCap, ...] = (
    LegalCap("CN", "large", 60, 0.0005, 0.0, _CN,
             "Article 9: 60 days from delivery to small and medium suppliers; a contract may "
             "say otherwise by industry norms, which is not used here; no pay-when-paid"),
    LegalCap("CN", "public", 30, 0.0005, 0.0, _CN,
             "Article 9: 30 days from delivery; no pay-when-paid"),
    LegalCap("CN", "public_agreed", 60, 0.0005, 0.0, _CN,
             "Article 9: where the contract agrees more than 30 days, 60 at most"),
    LegalCap("CN", "other", None, 0.0005, 0.0, _CN,
             "small and medium buyers are outside the decree: their contract decides; the "
             "decree's default interest is the price of being late"),
    LegalCap("EU", "large", 60, None, 0.08, _EU,
             "Article 3(5): 60 days unless expressly agreed and not grossly unfair"),
    LegalCap("EU", "public", 30, None, 0.08, _EU, "Article 4(3): 30 days"),
    LegalCap("EU", "public_agreed", 60, None, 0.08, _EU,
             "Article 4(4) and (6): 60 days where justified or for health care"),
    LegalCap("EU", "other", 60, None, 0.08, _EU, "Article 3(5), for firms of every size"),
    LegalCap("GB", "large", 60, None, 0.08, _GB,
             "60 days unless agreed and not grossly unfair; 8 points over the Bank's rate"),
    LegalCap("GB", "public", 30, None, 0.08, _GB, "30 days for public authorities"),
    LegalCap("GB", "public_agreed", 30, None, 0.08, _GB, "30 days for public authorities"),
    LegalCap("GB", "other", 60, None, 0.08, _GB, "60 days, for firms of every size"),
)  # fmt: skip


def legal_cap(jurisdiction: str, buyer_kind: str) -> LegalCap:
    """Return the rule of a jurisdiction for a kind of buyer.

    Raises
    ------
    KeyError
        There is no such rule.
    """
    for rule in LEGAL_CAPS:
        if (rule.jurisdiction, rule.buyer_kind) == (jurisdiction, buyer_kind):
            return rule
    known = sorted({(rule.jurisdiction, rule.buyer_kind) for rule in LEGAL_CAPS})
    msg = f"no legal cap for {jurisdiction!r}, {buyer_kind!r}; there are {known}"
    raise KeyError(msg)
