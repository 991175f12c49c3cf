"""The four risks (风险管理): contract, income, demand and channel risk of every customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.currencies import currency_name
from qfb_gpu.finance import concentration, months, risks
from qfb_gpu.finance.levels import level_of
from qfb_gpu.finance.months import YEAR
from qfb_gpu.finance.risks import RISKS
from qfb_gpu.finance.risks_history import (
    AGO,
    ALERT_MONTHS,
    HALF_YEAR,
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
    from collections.abc import Sequence

    from qfb_gpu._config.risks import Risks as Settings
    from qfb_gpu.backend import Backend

_BOUGHT = "purchase"
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
    }


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


def fit(saved: Saved) -> dict[str, Columns]:
    """Score all customers as of the last month's end and of past ones; test the past ones."""
    backend = saved.backend
    ends, dates = _dates(saved)
    seasons = _peer_seasons(saved, ends, dates)
    found = _measured_all(saved, ends, dates, seasons)
    raw, evidence, income, latest, falls = (_joined(found, name, backend) for name in _SETS)
    cuts = {ago: risks.size_cuts(income[f"{ago}"], backend) for ago in dates}
    band = {ago: risks.size_bands(income[f"{ago}"], cuts[ago], backend) for ago in dates}
    peers = {
        f"{risk}.{ago}": risks.peers_of(
            raw[f"{risk}.{ago}"], evidence[f"{risk}.{ago}"], band[ago], risk, backend
        )
        for risk in RISKS
        for ago in dates
    }
    scores = _drawn(raw, evidence, band, peers, backend)
    tests = _tests(scores, falls, income, dates, ends, backend)
    columns = _columns(scores, evidence, latest, dates, _settings(saved.config), backend)
    columns["bucket"] = np.concatenate([one["bucket"] for one in found])
    return {
        "scores": columns,
        "tests": risk_tables.tested_columns(tests),
        "seasons": {f"{ago}": values for ago, values in zip(dates, seasons, strict=True)},
        "cuts": {f"{ago}": values for ago, values in cuts.items()},
        "peers": {
            f"{key}.{name}": values
            for key, one in peers.items()
            for name, values in one._asdict().items()
        },
    }


def place(saved: Saved, bucket: int) -> dict[str, Columns]:
    """Score a bucket's customers as of the last month's end, beside the peers that ``fit`` knew."""
    backend = saved.backend
    ends, dates = _dates(saved)
    dates = [ago for ago in dates if ago <= ALERT_MONTHS]
    known_seasons, cuts, known = (saved.fitted(name) for name in ("seasons", "cuts", "peers"))
    seasons = [backend.asarray(known_seasons[f"{ago}"]) for ago in dates]
    found = _measured_all(saved, ends, dates, seasons, [bucket])
    raw, evidence, income, latest, _ = (_joined(found, name, backend) for name in _SETS)
    band = {
        ago: risks.size_bands(income[f"{ago}"], backend.asarray(cuts[f"{ago}"]), backend)
        for ago in dates
    }
    peers = {
        key: risks.Peers(*(backend.asarray(known[f"{key}.{n}"]) for n in risks.Peers._fields))
        for key in raw
    }
    scores = _drawn(raw, evidence, band, peers, backend)
    columns = _columns(scores, evidence, latest, dates, _settings(saved.config), backend)
    columns["bucket"] = np.concatenate([one["bucket"] for one in found])
    return {"scores": columns}


def _dates(saved: Saved) -> tuple[months.MonthEnds, list[int]]:
    """Return the months that are looked at, and how many months ago scores are made."""
    ends = months.month_ends(saved.as_of_day, _settings(saved.config).history_months, saved.backend)
    return ends, [ago for ago in AGO if ago + YEAR < ends.n_months]


def _measured_all(
    saved: Saved,
    ends: months.MonthEnds,
    dates: list[int],
    seasons: list[Any],
    buckets: Sequence[int] = (),
) -> list[dict[str, Any]]:
    """Return :func:`_measured` of all customers, block by block, of all buckets or of some."""
    found = []
    for bucket in buckets or saved.buckets:
        table = _months(saved, bucket, ends)
        n = table.tables["income"].shape[0]
        for block in risks.blocks(table, saved.backend):
            one = _measured(saved, block, ends, dates, seasons)
            # a lone customer is there twice
            mine = {name: {key: v[:n] for key, v in values.items()} for name, values in one.items()}
            bucket_of = np.full(mine["income"]["0"].shape[0], bucket)
            found.append({**mine, "bucket": bucket_of})
    return found


def _drawn(
    raw: Columns,
    evidence: Columns,
    band: dict[int, Any],
    peers: dict[str, risks.Peers],
    backend: Backend,
) -> dict[str, Columns]:
    """Return the scores of each risk and date, drawn towards the peers."""
    scores: dict[str, Columns] = {}
    for risk in RISKS:
        for ago, bands in band.items():
            key = f"{risk}.{ago}"
            drawn = risks.draw(raw[key], evidence[key], bands, peers[key], risk, backend)
            scores[key] = {**drawn._asdict(), "raw": raw[key]}
    return scores


_SETS = ("raw", "evidence", "income", "latest", "falls")


def _peer_seasons(saved: Saved, ends: months.MonthEnds, dates: list[int]) -> list[Any]:
    """Return the seasons of all customers as they were known at each date."""
    xp = saved.backend.xp
    sums = [xp.zeros(YEAR, dtype="int64") for _ in dates]
    for bucket in saved.buckets:
        flat = saved.backend.asarray(saved.scored("months", bucket)["income"])
        income = flat.reshape(-1, ends.n_months)
        income = months.by_column(income, xp)
        for at, ago in enumerate(dates):
            part, _ = months.season_sums(
                income[:, : ends.n_months - ago], ends.first_month, saved.backend
            )
            sums[at] = sums[at] + part
    return [months.peer_seasons(total, xp) for total in sums]


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
    out: dict[str, Any] = {name: {} for name in _SETS}
    for place, ago in enumerate(dates):
        at = nearest(_CHANNEL_AGO, ago)
        before = nearest(_CHANNEL_AGO, ago + YEAR)
        found = risks.measure(table, ago, at, before, int(days[-1 - ago]), peers[place], backend)
        point = risks.points(found.parts, settings.all_halves, backend.xp)
        raw = risks.raw_scores(point, settings.all_weights, backend.xp)
        out["raw"] |= {f"{risk}.{ago}": raw[risk] for risk in RISKS}
        out["evidence"] |= {f"{risk}.{ago}": found.evidence[risk] for risk in RISKS}
        out["income"][f"{ago}"] = found.facts["income_year_minor"]
        if ago == 0:
            out["latest"] = {
                **found.parts, **found.facts, **{f"points.{n}": v for n, v in point.items()},
            }  # fmt: skip
        if ago >= HALF_YEAR:
            low, told = fell(table.tables["income"], ago, settings.fall, backend)
            out["falls"] |= {f"fell.{ago}": low, f"told.{ago}": told}
    return out


def _joined(found: list[dict[str, Any]], name: str, backend: Backend) -> dict[str, Any]:
    keys = found[0][name]
    return {key: backend.xp.concatenate([one[name][key] for one in found]) for key in keys}


def _tests(
    scores: dict[str, Columns],
    falls: Columns,
    income: Columns,
    dates: list[int],
    ends: months.MonthEnds,
    backend: Backend,
) -> list[Tested]:
    days = backend.to_host(ends.start_day)
    made = [
        tested(
            risk, int(days[-1 - ago]) - 1, scores[f"{risk}.{ago}"],
            scores[f"{risk}.{ago - HALF_YEAR}"]["raw"],
            (falls[f"fell.{ago}"], falls[f"told.{ago}"]), income[f"{ago}"], backend,
        )
        for risk in RISKS
        for ago in dates
        if ago >= HALF_YEAR and ago % HALF_YEAR == 0
    ]  # fmt: skip
    return [one for one in made if one is not None]


def _columns(
    scores: dict[str, Columns],
    evidence: Columns,
    latest: Columns,
    dates: list[int],
    settings: Settings,
    backend: Backend,
) -> Columns:
    """Return a row a customer: scores, levels, since when, and the parts behind them."""
    xp = backend.xp
    columns: Columns = {f"part.{name}": values for name, values in latest.items()}
    recent = [ago for ago in dates if ago <= ALERT_MONTHS]
    for risk in RISKS:
        now = scores[f"{risk}.0"]
        columns |= {f"{risk}.{name}": now[name] for name in ("score", "low", "high", "raw")}
        columns[f"{risk}.peers"] = now["peers"]
        columns[f"{risk}.evidence"] = evidence[f"{risk}.0"]
        level = xp.stack(
            [level_of(scores[f"{risk}.{ago}"]["score"], settings.levels, xp) for ago in recent],
            axis=1,
        )
        columns[f"{risk}.level"] = level[:, 0]
        columns[f"{risk}.held"] = held_since(level, xp)
        before = scores[f"{risk}.1"] if 1 in recent else now
        columns[f"{risk}.before"] = before["score"]
    return columns


def publish(saved: Saved, bucket: int) -> dict[str, Columns]:
    """Return a bucket's risks, its alerts and its profile columns."""
    columns = saved.fitted("scores")
    mine = np.flatnonzero(columns["bucket"] == bucket)
    columns = {name: values[mine] for name, values in columns.items()}
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
    rows=("scores",),
    on_device=True,
    score=score,
    fit=fit,
    place=place,
    publish=publish,
    whole=whole,
)
