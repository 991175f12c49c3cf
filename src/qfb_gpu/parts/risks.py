"""The four risks (风险管理): contract, income, demand and channel risk of every customer."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from qfb_gpu.currencies import currency_name
from qfb_gpu.finance import concentration, months, risks
from qfb_gpu.finance.levels import level_of
from qfb_gpu.finance.months import YEAR
from qfb_gpu.finance.ranks import ranked
from qfb_gpu.finance.risks import RISKS
from qfb_gpu.finance.risks_history import (
    AGO,
    ALERT_MONTHS,
    HALF_YEAR,
    Past,
    Tested,
    fell,
    held_since,
    nearest,
    tested,
)
from qfb_gpu.ledger import Labelled, SourceRows
from qfb_gpu.parts import risk_tables
from qfb_gpu.parts.part import Columns, Given, Part, Saved

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qfb_gpu._config.risks import Risks as Settings
    from qfb_gpu.backend import Backend

_BOUGHT = "purchase"
_EVIDENCE = {"contract": "int32", "volatility": "int8", "demand": "int8", "channel": "int8"}
"""Types that hold the evidence of each risk: all but that of contracts is 100 at most."""
_CHANNEL_AGO = tuple(sorted({*AGO, *(ago + YEAR for ago in AGO)}))


def _settings(config: Any) -> Settings:
    settings: Settings = config.finance.risks
    return settings


def score(given: Given) -> dict[str, Columns]:
    """Sum a bucket's payments by month, and say how concentrated its income was at each date."""
    ledger, backend = given.ledger, given.backend
    ends = months.month_ends(given.as_of_day, _settings(given.config).history_months, backend)
    main = months.main_currency(ledger, backend)
    tables = months.by_month(ledger, main, ends, backend)
    years = months.years(given.as_of_day, ends.n_months, _CHANNEL_AGO)
    channels = concentration.dependence(ledger, main, years, backend)
    void = given.sources["cancellations"]
    cancelled = months.count_by_month(
        _seller(void, main, backend), void.columns["date"], ledger.n_customers, ends, backend
    )
    return {
        "months": {name: values.reshape(-1) for name, values in tables.items()}
        | {"cancelled": cancelled.reshape(-1)},
        "channels": {name: values.reshape(-1) for name, values in channels.items()},
        "main": {"currency": main},
        "seasons": _sums(tables["income"], ends, backend),
    }


def _sums(income: Any, ends: months.MonthEnds, backend: Backend) -> Columns:
    """Return what the seasons of a bucket's customers are made of, by date."""
    income = months.by_column(income, backend.xp)
    found = {}
    for ago in _ago(ends.n_months):
        known = income[:, : ends.n_months - ago]
        found[f"{ago}"], _ = months.season_sums(known, ends.first_month, backend)
    return found


def _seller(void: SourceRows, main: Any, backend: Backend) -> Any:
    """Return whose sale was called off, a row; -1 where it bought, or in another currency.

    What it sold is counted in its main currency, so what of it was called off is, too.
    """
    xp, kind, customer = backend.xp, void.columns["kind"], void.customer
    bought = [word.strip().casefold() == _BOUGHT for word in kind.labels]
    is_bought = backend.asarray(np.array([*bought, False]))[kind.codes]  # code -1 finds the last
    if not customer.shape[0]:
        return customer
    same = void.columns["currency"] == main[xp.maximum(customer, 0)]
    return xp.where(same & ~is_bought, customer, -1)


def _months(saved: Saved, bucket: int, ends: months.MonthEnds) -> risks.Months:
    """Return a bucket's tables on the device."""
    backend = saved.backend
    flat = saved.scored("months", bucket)
    shape = (-1, ends.n_months)
    tables = {name: backend.asarray(values).reshape(shape) for name, values in flat.items()}
    cancelled = tables.pop("cancelled")
    n_dates = sum(ago < ends.start_day.shape[0] for ago in _CHANNEL_AGO)
    channels = {
        name: backend.asarray(values).reshape(-1, n_dates)
        for name, values in saved.scored("channels", bucket).items()
    }
    known = "cancellations" in saved.config.sources
    return risks.Months(
        tables,
        cancelled if known else None,
        ends.first_month,
        channels,
        **_contracts(saved, bucket),
    )


def _contracts(saved: Saved, bucket: int) -> dict[str, Any]:
    """Return what the contracts part found: nodes, contracts and payments; None without it."""
    if "contracts" not in saved.config.sources:
        return {"nodes": None}
    nodes, contracts, paid = (
        saved.workspace.load("score", bucket, f"contracts.{name}")
        for name in ("nodes", "contracts", "paid")
    )
    payer = contracts["customer"]
    of = {
        "nodes": {
            "customer": payer[nodes["contract"]],
            "due": nodes["due_day"], "paid": nodes["paid_day"], "amount": nodes["amount_minor"],
        },
        "contracts": {
            "customer": payer, "start": contracts["start_day"], "end": contracts["end_day"],
            "total": contracts["total_minor"],
        },
        "payments": {
            "contract": paid["contract"], "day": paid["day"], "amount": paid["amount_minor"],
        },
    }  # fmt: skip
    return {
        name: {column: saved.backend.asarray(values) for column, values in columns.items()}
        for name, columns in of.items()
    }


def measure(saved: Saved, bucket: int) -> dict[str, Columns]:
    """Measure a bucket's customers as of the last month's end and of past ones.

    Returns
    -------
    dict of sets of columns, shape (n_customers,)
        ``raw`` (see :func:`qfb_gpu.finance.risks.to_whole`) and ``evidence`` by risk and date,
        ``income`` of the year and, in ``ordered``, ascending, by date, ``falls`` after past dates,
        and what is said of the ``latest``.
    """
    backend = saved.backend
    ends, dates = _dates(saved)
    seasons = _seasons(saved, dates)
    table = _months(saved, bucket, ends)
    n = table.tables["income"].shape[0]
    found = [
        # a lone customer is there twice
        {name: {key: v[:n] for key, v in values.items()} for name, values in one.items()}
        for block in risks.blocks(table, backend)
        for one in [_measured(saved, block, ends, dates, seasons)]
    ]
    sets = {
        name: {key: backend.xp.concatenate([one[name][key] for one in found]) for key in keys}
        for name, keys in found[0].items()
    }
    ordered = {key: backend.xp.sort(values) for key, values in sets["income"].items()}
    return {**sets, "ordered": ordered}


def _dates(saved: Saved) -> tuple[months.MonthEnds, list[int]]:
    """Return the months that are looked at, and how many months ago scores are made."""
    n_months = _settings(saved.config).history_months
    ends = months.month_ends(saved.as_of_day, n_months, saved.backend)
    return ends, _ago(n_months)


def _ago(n_months: int) -> list[int]:
    return [ago for ago in AGO if ago + YEAR < n_months]


def _seasons(saved: Saved, dates: list[int]) -> list[Any]:
    """Return the seasons of all customers as they were known at each date."""
    backend = saved.backend
    if saved.is_update:
        known = saved.fitted("seasons")
        return [backend.asarray(known[f"{ago}"]) for ago in dates]
    sums = _season_sums(saved)
    return [months.peer_seasons(backend.asarray(sums[f"{ago}"]), backend.xp) for ago in dates]


def _season_sums(saved: Saved) -> Columns:
    """Return what the seasons of all buckets' customers are made of, by date."""
    total: Columns = {}
    for bucket in saved.buckets:
        for name, sums in saved.scored("seasons", bucket).items():
            total[name] = sums + total.get(name, 0)
    return total


def _measured(
    saved: Saved,
    table: risks.Months,
    ends: months.MonthEnds,
    dates: list[int],
    peers: list[Any],
) -> dict[str, Any]:
    """Return raw scores and evidence of some customers at every date, and what the last says."""
    backend, settings = saved.backend, _settings(saved.config)
    days = backend.to_host(ends.start_day)
    out: dict[str, Any] = {name: {} for name in ("raw", "evidence", "income", "latest", "falls")}
    for place, ago in enumerate(dates):
        at = nearest(_CHANNEL_AGO, ago)
        before = nearest(_CHANNEL_AGO, ago + YEAR)
        found = risks.measure(table, ago, at, before, int(days[-1 - ago]), peers[place], backend)
        point = risks.points(found.parts, settings.all_halves, backend.xp)
        raw = risks.raw_scores(point, settings.all_weights, backend.xp)
        for risk, width in _EVIDENCE.items():
            out["raw"][f"{risk}.{ago}"] = risks.to_whole(raw[risk], backend.xp)
            out["evidence"][f"{risk}.{ago}"] = found.evidence[risk].astype(width)
        out["income"][f"{ago}"] = found.facts["income_year_minor"]
        if ago == 0:
            out["latest"] = {
                **found.parts, **found.facts, **{f"points.{n}": v for n, v in point.items()},
            }  # fmt: skip
        if ago >= HALF_YEAR:
            low, told = fell(table.tables["income"], ago, settings.fall, backend)
            out["falls"] |= {f"fell.{ago}": low, f"told.{ago}": told}
    return out


class _Bucket(NamedTuple):
    """What ``measure`` says of a bucket's customers at each date; the columns are mapped."""

    raw: Columns
    evidence: Columns
    income: Columns
    ordered: Columns
    falls: Columns


def _bucket(saved: Saved, bucket: int) -> _Bucket:
    return _Bucket(*(saved.measured(name, bucket) for name in _Bucket._fields))


def fit(saved: Saved) -> dict[str, Columns]:
    """Learn peers of all customers, a date and risk at a time; test the scores of past dates."""
    backend = saved.backend
    ends, dates = _dates(saved)
    days = backend.to_host(ends.start_day)
    all_buckets = [_bucket(saved, bucket) for bucket in saved.buckets]
    cuts: Columns = {}
    peers: Columns = {}
    tests: dict[str, list[Tested | None]] = {risk: [] for risk in RISKS}
    for ago in dates:
        cuts[f"{ago}"] = risks.size_cuts([one.ordered[f"{ago}"] for one in all_buckets])
        date = _Date(all_buckets, ago, cuts[f"{ago}"], backend)
        is_past = ago >= HALF_YEAR and ago % HALF_YEAR == 0
        small = date.auc_small() if is_past else math.nan
        for risk in RISKS:
            found = risks.peers_of(partial(date.scored, risk), risk, backend)
            peers |= {f"{risk}.{ago}.{name}": values for name, values in found._asdict().items()}
            if is_past:
                pasts = partial(date.pasts, risk, found)
                tests[risk].append(tested(risk, int(days[-1 - ago]) - 1, pasts, small, backend))
    seasons = {f"{ago}": s for ago, s in zip(dates, _seasons(saved, dates), strict=True)}
    made = [one for risk in RISKS for one in tests[risk] if one is not None]
    return {
        "tests": risk_tables.tested_columns(made), "seasons": seasons, "cuts": cuts, "peers": peers,
    }  # fmt: skip


class _Date:
    """Buckets as they were measured so many months ago; all that is read twice is the bands."""

    def __init__(self, buckets: list[_Bucket], ago: int, cuts: Any, backend: Backend) -> None:
        self._buckets, self._ago, self._backend = buckets, ago, backend
        cuts, incomes = backend.asarray(cuts), (one.income[f"{ago}"] for one in buckets)
        self._bands = [
            risks.size_bands(backend.asarray(income), cuts, backend).astype("int8")
            for income in incomes
        ]

    def scored(self, risk: str) -> Iterator[risks.Scored]:
        """Yield each bucket's raw scores of a risk, and what they are drawn by."""
        backend, key = self._backend, f"{risk}.{self._ago}"
        for one, band in zip(self._buckets, self._bands, strict=True):
            raw, evidence = backend.asarray(one.raw[key]), backend.asarray(one.evidence[key])
            raw = risks.from_whole(raw, backend.xp)
            yield risks.Scored(raw, evidence.astype("float64"), band.astype("int64"))

    def drawn(self, risk: str, peers: risks.Peers) -> Iterator[risks.Drawn]:
        """Yield each bucket's scores of a risk, drawn towards the peers."""
        return (risks.draw(*one, peers, risk, self._backend) for one in self.scored(risk))

    def pasts(self, risk: str, peers: risks.Peers) -> Iterator[Past]:
        """Yield each bucket's scores of a risk, and what came."""
        ago, later = f"{self._ago}", f"{self._ago - HALF_YEAR}"
        for one, drawn in zip(self._buckets, self.drawn(risk, peers), strict=True):
            columns = (
                one.raw[f"{risk}.{ago}"], one.raw[f"{risk}.{later}"],
                one.falls[f"fell.{ago}"], one.falls[f"told.{ago}"],
            )  # fmt: skip
            yield Past(drawn.score, drawn.low, drawn.high, *map(self._backend.asarray, columns))

    def auc_small(self) -> float:
        """Return how well it ranks whose income falls that small firms do."""
        n = sum(int(told.sum()) for _, _, told in self._falls())
        if not n:
            return math.nan

        def buckets() -> Iterator[tuple[Any, Any]]:
            for income, fell_, told in self._falls():
                yield -income[told].astype("float64"), fell_[told]

        return ranked(buckets, n, self._backend).auc

    def _falls(self) -> Iterator[tuple[Any, Any, Any]]:
        for one in self._buckets:
            names = f"fell.{self._ago}", f"told.{self._ago}"
            columns = (one.income[f"{self._ago}"], *(one.falls[name] for name in names))
            income, fell_, told = map(self._backend.asarray, columns)
            yield income, fell_, told


def _columns(saved: Saved, bucket: int) -> Columns:
    """Return a row a customer: scores, levels, since when, and the parts behind them."""
    backend, settings = saved.backend, _settings(saved.config)
    xp, here = backend.xp, _bucket(saved, bucket)
    cuts, peers = saved.fitted("cuts"), saved.fitted("peers")
    latest = saved.measured("latest", bucket)
    columns: Columns = {f"part.{name}": values for name, values in latest.items()}
    recent = [ago for ago in _dates(saved)[1] if ago <= ALERT_MONTHS]
    dates = {ago: _Date([here], ago, cuts[f"{ago}"], backend) for ago in recent}
    for risk in RISKS:
        drawn = {}
        for ago, date in dates.items():
            names = [f"{risk}.{ago}.{name}" for name in risks.Peers._fields]
            known = risks.Peers(*(backend.asarray(peers[name]) for name in names))
            [drawn[ago]] = date.drawn(risk, known)
        found = drawn[0]._asdict()
        found["raw"] = risks.from_whole(backend.asarray(here.raw[f"{risk}.0"]), xp)
        found["evidence"] = here.evidence[f"{risk}.0"]
        level = xp.stack([level_of(one.score, settings.levels, xp) for one in drawn.values()], 1)
        found |= {"level": level[:, 0], "held": held_since(level, xp)}
        found["before"] = drawn[1 if 1 in recent else 0].score
        columns |= {f"{risk}.{name}": backend.to_host(values) for name, values in found.items()}
    return columns


def publish(saved: Saved, bucket: int) -> dict[str, Columns]:
    """Return a bucket's risks, its alerts and its profile columns."""
    columns = _columns(saved, bucket)
    ends = months.month_ends(saved.as_of_day, _settings(saved.config).history_months, saved.backend)
    days = np.asarray(saved.backend.to_host(ends.start_day))
    customers = pa.array(saved.customers(bucket)["customer_id"])
    main = saved.scored("main", bucket)["currency"]
    distinct, code = np.unique(main, return_inverse=True)
    money = Labelled(code.astype(np.int32), tuple(currency_name(int(one)) for one in distinct))
    return risk_tables.tables(columns, customers, money, days, _settings(saved.config))


def whole(saved: Saved) -> dict[str, Columns]:
    """Return the back-test."""
    return {"risk_backtest": risk_tables.backtest(saved.fitted("tests"))}


RISK = Part(
    name="risks",
    what="contract, income, demand and channel risk of customers",
    may_use=("cancellations",),
    tables=("customer_risks", "risk_alerts"),
    whole_tables=("risk_backtest",),
    score=score,
    measure=measure,
    fit=fit,
    publish=publish,
    whole=whole,
)
