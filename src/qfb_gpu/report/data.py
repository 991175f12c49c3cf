"""The figures of a run's page: small, already aggregated, nothing of one row per payment.

Exact money is an int in minor units of its currency, estimates are floats in currency units.
A currency's figures are never added to another's: what is money is keyed by currency.
"""

from __future__ import annotations

import datetime as dt  # noqa: TC003  dataclass fields are documented types
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qfb_gpu.report.markup import Html

Counts = list[tuple[str, int]]
"""Labels with how many, in the order to be shown."""


@dataclass(frozen=True, slots=True)
class CurrencyLine:
    """One currency's totals: exact sums in minor units, expected money in units."""

    currency: str
    n_payments: int
    in_minor: int
    out_minor: int
    stream_minor: int
    regular_minor: int
    expected_in: float
    expected_out: float


@dataclass(frozen=True, slots=True)
class Headline:
    """What the page opens with. ``currencies`` has the one with most payments first.

    ``updated`` is the whole night that an update was of, ``n_updated`` its customers.
    """

    run_id: str
    as_of: dt.date | None
    device: str
    seconds: float | None
    n_payments: int
    n_customers: int
    n_streams: int
    n_regular: int
    horizon_days: int
    currencies: list[CurrencyLine]
    updated: str = ""
    n_updated: int = 0


@dataclass(frozen=True, slots=True)
class Periods:
    """Payments and money of one currency by month, quarter or year (``step``)."""

    step: str
    labels: list[str]
    in_minor: list[int]
    out_minor: list[int]
    n_in: list[int]
    n_out: list[int]


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Payments over time, and who the customers are."""

    periods: dict[str, Periods]
    by_payments: Counts
    by_recency: Counts
    groups: dict[str, Counts]


@dataclass(frozen=True, slots=True)
class StreamLine:
    """One regular stream, as it is listed; ``called`` is the customer's name where known."""

    customer: str
    counterparty: str | None
    direction: str
    cadence: str
    period_days: float | None
    n_payments: int
    amount_typical: float | None
    next_date: dt.date | None
    next_earliest: dt.date | None
    next_latest: dt.date | None
    next_amount: float | None
    next_low: float | None
    next_high: float | None
    confidence: float | None
    called: str | None = None


@dataclass(frozen=True, slots=True)
class Regular:
    """The streams: how many are regular, how sure, how much money they are."""

    n_streams: int
    n_regular: int
    by_cadence: dict[str, dict[str, int]]
    confidence_edges: list[float]
    confidence_regular: list[int]
    confidence_other: list[int]
    share: dict[tuple[str, str], tuple[int, int]]
    by_amount_kind: Counts
    range_days: float | None
    largest: dict[str, list[StreamLine]]


@dataclass(frozen=True, slots=True)
class Weeks:
    """Expected money of one currency, week by week after the as-of date, in units.

    ``low`` and ``high`` bound the cumulative net; equal to it where no range is known.
    """

    starts: list[dt.date]
    money_in: list[float]
    money_out: list[float]
    n_in: list[int]
    n_out: list[int]
    net: list[float]
    low: list[float]
    high: list[float]


@dataclass(frozen=True, slots=True)
class ExpectedLine:
    """One expected payment, as it is listed; ``called`` is the customer's name where known."""

    due_date: dt.date
    customer: str
    counterparty: str | None
    direction: str
    amount: float
    called: str | None = None


@dataclass(frozen=True, slots=True)
class Cash:
    """What the regular payments will move after the as-of date."""

    horizon_days: int
    n_expected: int
    first_day: dt.date | None
    per_day: list[int]
    weeks: dict[str, Weeks]
    largest: dict[str, list[ExpectedLine]]


@dataclass(frozen=True, slots=True)
class Feature:
    """A segment's mean of one feature beside everyone's; the score is in deviations.

    ``words`` is what a reader calls it; ``is_money`` says that its means are minor units.
    """

    name: str
    words: str
    is_money: bool
    mean: float | None
    everyone: float | None
    score: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A group of customers that behave alike."""

    segment_id: int
    n_customers: int
    share: float
    label: str
    features: list[Feature]
    typical: list[str]


@dataclass(frozen=True, slots=True)
class Node:
    """A node of the picture; ``community`` indexes the picture's legend, -1 is another."""

    name: str
    is_customer: bool
    community: int
    pagerank: float
    degree_in: int
    degree_out: int
    is_hub: bool


@dataclass(frozen=True, slots=True)
class Link:
    """An arrow of the picture: rows of its two nodes and how many payments."""

    payer: int
    payee: int
    n_payments: int


@dataclass(frozen=True, slots=True)
class Network:
    """Who pays whom, in outline."""

    n_nodes: int
    n_customers: int
    n_edges: int
    n_components: int
    n_communities: int
    largest_component: int
    component_sizes: Counts
    communities: list[tuple[int, int]]
    top: list[Node]
    nodes: list[Node]
    links: list[Link]
    pagerank_share: list[tuple[str, float]]
    payee_share: dict[str, list[tuple[str, float]]]


@dataclass(frozen=True, slots=True)
class Reason:
    """Rows that were rejected for one reason, and the first of them."""

    reason: str
    n_rows: int
    where: str
    example: str


@dataclass(frozen=True, slots=True)
class SourceQuality:
    """What became of one source's rows; ``health`` is what they are like, in words."""

    source: str
    rows: int
    kept: int
    excluded: Counts
    rejected: list[Reason]
    measures: Counts
    health: list[tuple[str, str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Quality:
    """Every source's rows, and the parts left out because their source is missing."""

    sources: list[SourceQuality]
    left_out: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the run: how long, how much."""

    name: str
    seconds: float
    rows: int | None
    n_bytes: int | None


@dataclass(frozen=True, slots=True)
class Making:
    """How the run was made: enough to make it again."""

    stages: list[Stage]
    versions: dict[str, str]
    inputs: dict[str, Any]
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A section that a part of the night adds, as HTML."""

    anchor: str
    title: str
    title_zh: str
    body: Html


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything the page shows. A part that was left out is None."""

    headline: Headline
    portfolio: Portfolio
    regular: Regular
    cash: Cash
    segments: list[Segment]
    network: Network | None
    quality: Quality
    making: Making
    sections: list[Drawn] = field(default_factory=list)
