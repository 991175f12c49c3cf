"""``[network]``: communities, contagion, round trips, likeness and related parties."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qfb_gpu._config.strict import Seed, Strict

Share = Annotated[float, Field(ge=0, le=1)]


class Contagion(Strict):
    """What is assumed where a firm stops paying; see docs/network.md.

    ``buffer`` is the share of a year's income whose loss stops a firm altogether, ``cash_share``
    the share of a year's payments it can make without income, ``recovery`` what the first firm
    still pays. Of parties that are not customers only the payments with customers are known:
    ``absorb`` stops a loss there, ``pass_on`` takes what is seen for the whole. The ``n_firms`` on
    which most hangs are tried; the ``n_chains`` highest core scores get their supply chains, of
    customers whose business hangs on the core by ``chain_share`` or more.
    """

    buffer: Annotated[float, Field(gt=0, le=1)] = 1.0
    cash_share: Annotated[float, Field(ge=0, le=10)] = 0.0
    recovery: Share = 0.0
    outsiders: Literal["absorb", "pass_on"] = "absorb"
    n_firms: Annotated[int, Field(ge=0, le=100_000)] = 50
    n_chains: Annotated[int, Field(ge=0, le=10_000)] = 32
    chain_share: Annotated[float, Field(gt=0, le=1)] = 0.1


class RoundTrips(Strict):
    """Money that comes back: within how many days, how much of it, over how many parties.

    Payments of the last ``lookback_days`` are looked at. Every payment of a trip is at least
    ``amount_share`` of its first and at most its inverse. ``max_looks`` bounds the work for one
    first payment.
    """

    lookback_days: Annotated[int, Field(ge=1)] = 365
    window_days: Annotated[int, Field(ge=0, le=366)] = 30
    amount_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    longest: Annotated[int, Field(ge=2, le=5)] = 5
    max_looks: Annotated[int, Field(ge=100)] = 20_000


class Related(Strict):
    """An attribute shared by more than ``max_sharing`` customers (a business park) is no tie."""

    max_sharing: Annotated[int, Field(ge=2, le=1000)] = 20


class Likeness(Strict):
    """How many similar customers and likely partners each customer gets.

    A counterparty of more than ``max_partners`` parties says nothing of who is alike, one of more
    than ``max_middle`` nothing of who may deal with whom.
    """

    n_similar: Annotated[int, Field(ge=0, le=100)] = 5
    n_partners: Annotated[int, Field(ge=0, le=100)] = 5
    max_partners: Annotated[int, Field(ge=2)] = 1000
    max_middle: Annotated[int, Field(ge=2)] = 100


class Network(Strict):
    """The payment network; a higher resolution gives smaller communities."""

    resolution: Annotated[float, Field(gt=0)] = 1.0
    seed: Seed = 0
    contagion: Contagion = Contagion()
    round_trips: RoundTrips = RoundTrips()
    related: Related = Related()
    likeness: Likeness = Likeness()


SECTIONS: dict[str, list[type[Strict]]] = {
    "network": [Network],
    "contagion": [Contagion],
    "round_trips": [RoundTrips],
    "related": [Related],
    "likeness": [Likeness],
}
"""Each table of this section, by its key: what an unknown key is compared with."""
