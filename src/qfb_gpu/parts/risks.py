"""The four risks (风险管理): contract, income, demand and channel risk of every customer."""

from __future__ import annotations

import math
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu import profile
from qfb_gpu.currencies import currency_name
from qfb_gpu.finance import concentration, months, risks, risks_peers
from qfb_gpu.finance.levels import level_of
from qfb_gpu.finance.months import YEAR
from qfb_gpu.finance.risks import RISKS
from qfb_gpu.finance.risks_history import (
    AGO,
    ALERT_MONTHS,
    Tested,
    fell,
    held_levels,
    held_since,
    nearest,
    tested,
    widened,
)
from qfb_gpu.ledger import Labelled, SourceRows
from qfb_gpu.parts import risk_tables
from qfb_gpu.parts.part import Columns, Given, Part, Saved
from qfb_gpu.parts.risk_dates import (
    FELL,
    TOLD,
    Bucket,
    Date,
    is_tested,
    of_bucket,
    of_date,
)

if TYPE_CHECKING:
    from qfb_gpu._config.risks import Risks as Settings
    from qfb_gpu.backend import Backend
    from qfb_gpu.lake.work import Workspace

_BOUGHT = "purchase"
_EVIDENCE = {"contract": "int32", "volatility": "int8", "demand": "int8", "channel": "int8"}
"""Types that hold the evidence of each risk: all but that of contracts is 100 at most."""
_CHANNELS = ("top_1", "n_channels", "supplier_top_1")
"""Of the concentration what is told of every date, besides ``hhi``, and of the last alone."""
_NOW = ("top_5", "top_1_minor")
_CHANNEL_AGO = tuple(sorted({*AGO, *(ago + YEAR for ago in AGO)}))


def _settings(config: Any) -> Settings:
    settings: Settings = config.finance.risks
    return settings


def score(given: Given) -> dict[str, Columns]:
    """Sum a bucket's payments by month, and say how concentrated its income was at each date."""
    ledger, backend = given.ledger, given.backend
    xp = backend.xp
    ends = months.month_ends(given.as_of_day, _settings(given.config).history_months, backend)
    main = profile.main_currency(ledger, backend).astype("int64")
    of_month = months.by_month(ledger, main, ends, backend)
    tables = {name: of_month[name] for name in ("income", "spend")}
    tables |= {name: of_month[name].astype("int32") for name in ("n_in", "n_returned")}
    n_paid = of_month["n_in"] + of_month["n_returned"] + of_month["n_out"]
    years = months.years(given.as_of_day, ends.n_months, _CHANNEL_AGO)
    found = concentration.dependence(ledger, main, years, backend)
    at = [nearest(_CHANNEL_AGO, ago) for ago in _ago(ends.n_months)]
    channels = {name: found[name][:, at] for name in _CHANNELS}
    if "cancellations" in given.config.sources:
        void = given.sources["cancellations"]
        whose = (_seller(void, main, backend), void.columns["date"])
        cancelled = months.count_by_month(*whose, ledger.n_customers, ends, backend)
        tables["cancelled"] = cancelled.astype("int32")
    return {
        "months": {name: values.reshape(-1) for name, values in tables.items()},
        "channels": {name: values.reshape(-1) for name, values in channels.items()},
        "hhi": {"hhi": found["hhi"].reshape(-1)},
        "main": {
            "currency": main,
            "first": months.first_month_seen(n_paid, xp),
            **{name: found[name][:, 0] for name in _NOW},
        },
        "years": {"sum": months.year_sums(of_month["income"], backend).reshape(-1)},
    }


def _seller(void: SourceRows, main: Any, backend: Backend) -> Any:
    """Return whose sale was called off, a row; -1 where it bought, or in another currency.

    What it sold is counted in its main currency, so what of it was called off is, too.
    """
    xp, kind, customer = backend.xp, void.columns["kind"], void.customer
    bought = [word.strip().casefold() == _BOUGHT for word in kind.labels]
    is_bought = backend.asarray(np.array([*bought, False]))[kind.codes]  # code -1 finds the last
    if not customer.shape[0] or not main.shape[0]:  # nobody was paid yet: all are -1
        return customer
    same = void.columns["currency"] == main[xp.maximum(customer, 0)]
    return xp.where(same & ~is_bought, customer, -1)


def _months(saved: Saved, bucket: int, ends: months.MonthEnds) -> risks.Months:
    """Return a bucket's tables on the device."""
    main, n_months = saved.scored("main", bucket), ends.n_months

    def tables(name: str, n_columns: int) -> Columns:
        flat = saved.scored(name, bucket).items()
        return {key: saved.backend.asarray(v).reshape(-1, n_columns) for key, v in flat}

    by_month = tables("months", n_months)
    return risks.Months(
        **{name: by_month[name] for name in ("income", "spend", "n_in", "n_returned")},
        n_cancelled=by_month.get("cancelled"),
        first=saved.backend.asarray(main["first"]),
        first_month=ends.first_month,
        hhi=tables("hhi", sum(ago <= n_months for ago in _CHANNEL_AGO))["hhi"],
        channels=tables("channels", len(_ago(n_months))),
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
    main = np.append(saved.scored("main", bucket)["currency"], -1)  # -1, nobody, finds the last
    in_main = (contracts["currency"] == main[payer])[nodes["contract"]]
    of = {
        "nodes": {
            "customer": payer[nodes["contract"]], "due": nodes["due_day"],
            "paid": nodes["paid_day"], "amount": np.where(in_main, nodes["amount_minor"], 0),
        },
        "contracts": {
            "customer": payer, "start": contracts["start_day"], "end": contracts["end_day"],
            "total": contracts["total_minor"],
        },
        "payments": {
            "contract": paid["contract"], "day": paid["day"],
            "amount": np.where(paid["counts"], paid["amount_minor"], 0),
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
        ``raw`` (see :func:`qfb_gpu.finance.risks.weighed`) and ``evidence`` by risk and date,
        ``income`` of the year and, in ``ordered``, ascending, by date and currency, of those who
        had come by then (others :data:`qfb_gpu.finance.risks_peers.NOT_THERE`), ``falls`` after
        past dates, the ``main`` currency, and what is said of the ``latest``.
    """
    backend, settings = saved.backend, _settings(saved.config)
    xp = backend.xp
    ends, dates = _dates(saved)
    table = _months(saved, bucket, ends)
    about = _about(dates, ends, backend)
    seasons = _seasons(saved)
    peers = backend.asarray(np.stack([seasons[f"{ago}"] for ago in dates]))
    shape = (table.income.shape[0], len(dates))
    raw, income = xp.empty((*shape, len(RISKS)), dtype="int32"), xp.empty(shape, dtype="int64")
    evidence = {risk: xp.empty(shape, dtype=width) for risk, width in _EVIDENCE.items()}
    there = xp.empty(shape, dtype=bool)
    latest = []
    for start, stop, found in risks.measured(table, about, peers, backend):
        figures = found.figures.reshape(-1, found.figures.shape[2])
        points, scores = risks.weighed(figures, settings.all_halves, settings.all_weights, backend)
        raw[start:stop] = scores.reshape(stop - start, len(dates), len(RISKS))
        income[start:stop], there[start:stop] = found.income, found.length > 0
        for risk, values in found.evidence.items():
            evidence[risk][start:stop] = values
        latest.append(_latest(found, points.reshape(found.figures.shape)[:, 0]))
    by_date = {f"{ago}": xp.ascontiguousarray(income[:, at]) for at, ago in enumerate(dates)}
    main = saved.scored("main", bucket)
    return {
        "raw": {
            f"{risk}.{ago}": raw[:, at, of]
            for of, risk in enumerate(RISKS)
            for at, ago in enumerate(dates)
        },
        "evidence": {
            f"{risk}.{ago}": values[:, at]
            for risk, values in evidence.items()
            for at, ago in enumerate(dates)
        },
        "income": by_date,
        "ordered": _ordered(by_date, there, main["currency"], backend),
        "falls": _falls(table.income, dates, settings.fall, backend),
        "latest": {
            **{name: xp.concatenate([one[name] for one in latest]) for name in latest[0]},
            **{name: main[name] for name in _NOW},
            "n_channels": table.channels["n_channels"][:, 0],
        },
        "main": {"currency": main["currency"]},
    }


def _ordered(by_date: Columns, there: Any, currency: np.ndarray, backend: Backend) -> Columns:
    """Return each date's incomes by currency, ascending, of who had come by then."""
    xp, codes = backend.xp, backend.asarray(currency)
    found = {}
    for at, (date, values) in enumerate(by_date.items()):
        income = xp.where(there[:, at], values, xp.int64(risks_peers.NOT_THERE))
        found[date] = income[backend.lexsort((codes, income))]
    return {**found, "currency": np.sort(currency)}


def _latest(found: risks.Measures, points: Any) -> Columns:
    """Return what stands behind some customers' scores at the first of the dates."""
    parts = {name: found.figures[:, 0, at] for at, name in enumerate(risks.COLUMNS)}
    names = [name for of_risk in risks.PARTS.values() for name in of_risk]
    return {
        **parts,
        **{name: found.nodes[name][:, 0] for name in ("hazard", "paid_ratio", "n_nodes")},
        **{f"points.{name}": points[:, risks.COLUMNS.index(name)] for name in names},
        "class_code": parts["class_code"].astype("int8"),
        "effective_channels": 1 / parts["hhi"].clip(1e-9),
        "n_in_year": found.came[:, 0],
        "n_months_year": found.length[:, 0].clip(0, YEAR),
    }


def _falls(income: Any, dates: list[int], share: float, backend: Backend) -> Columns:
    """Return whose income fell after each past date that is tested: int8, 0, TOLD or FELL."""
    income, found = months.by_column(income, backend.xp), {}
    for ago in filter(is_tested, dates):
        low, told = fell(income, ago, share, backend)
        found[f"{ago}"] = backend.xp.where(low, FELL, told * TOLD).astype("int8")
    return found


def _dates(saved: Saved) -> tuple[months.MonthEnds, list[int]]:
    """Return the months that are looked at, and how many months ago scores are made."""
    n_months = _settings(saved.config).history_months
    ends = months.month_ends(saved.as_of_day, n_months, saved.backend)
    return ends, _ago(n_months)


def _about(dates: list[int], ends: months.MonthEnds, backend: Backend) -> risks.Dates:
    """Return where the dates are in the tables."""
    days = backend.to_host(ends.start_day)
    return risks.Dates(
        tuple(ends.n_months - ago for ago in dates),
        tuple((nearest(_CHANNEL_AGO, ago), nearest(_CHANNEL_AGO, ago + YEAR)) for ago in dates),
        tuple(int(days[-1 - ago]) for ago in dates),
    )


def _ago(n_months: int) -> list[int]:
    return [ago for ago in AGO if ago + YEAR < n_months]


def _seasons(saved: Saved) -> Columns:
    """Return the seasons of all customers as they were known at each date, on the host."""
    if saved.is_update:
        return saved.fitted("seasons")
    ends, dates = _dates(saved)
    sums = _year_sums(saved.workspace, saved.buckets)
    found = {}
    for ago in dates:
        of_date = months.season_sums(sums, ends.first_month, ends.n_months - ago, np)
        found[f"{ago}"] = months.peer_seasons(of_date, np)
    return found


@lru_cache(maxsize=1)
def _year_sums(workspace: Workspace, buckets: tuple[int, ...]) -> Any:
    """Return the sums of all buckets' years; each process reads them once a night."""
    found = [workspace.load("score", bucket, f"{RISK.name}.years")["sum"] for bucket in buckets]
    return np.sum(found, axis=0).reshape(-1, YEAR)


def fit(saved: Saved) -> dict[str, Columns]:
    """Learn peers of all customers, a date and risk at a time; test the scores of past dates."""
    backend = saved.backend
    ends, dates = _dates(saved)
    days = backend.to_host(ends.start_day)
    views = [of_bucket(saved, bucket) for bucket in saved.buckets]
    cuts: Columns = {}
    peers: Columns = {}
    tests: dict[str, list[tuple[Tested | None, np.ndarray]]] = {risk: [] for risk in RISKS}
    for ago in dates:
        all_buckets = [of_date(one, ago) for one in views]
        found_cuts = risks_peers.cuts_by_currency(_by_currency(all_buckets, ago))
        cuts |= {f"{ago}.{code}": own for code, own in found_cuts.items()}
        date = Date(all_buckets, ago, found_cuts, backend)
        is_past = is_tested(ago)
        small = date.auc_small() if is_past else math.nan
        for risk in RISKS:
            found = risks_peers.peers_of(partial(date.scored, risk), risk, backend)
            peers |= {f"{risk}.{ago}.{name}": values for name, values in found._asdict().items()}
            if is_past:
                came = partial(date.pasts, risk), partial(date.drawn, risk, found)
                tests[risk].append(tested(risk, int(days[-1 - ago]) - 1, *came, small, backend))
    made = {risk: widened(found) for risk, found in tests.items()}
    every = [one for risk in RISKS for one in made[risk][0]]
    return {
        "tests": risk_tables.tested_columns(every), "seasons": _seasons(saved),
        "cuts": cuts, "peers": peers,
        "widths": {risk: np.array([times]) for risk, (_, times) in made.items()},
    }  # fmt: skip


def _by_currency(buckets: list[Bucket], ago: int) -> dict[int, list[np.ndarray]]:
    """Return the incomes of a date in order, of each bucket that has the currency."""
    found: dict[int, list[np.ndarray]] = {}
    for one in buckets:
        income, currency = (np.asarray(one.ordered[name]) for name in (f"{ago}", "currency"))
        codes, starts = np.unique(currency, return_index=True)
        for code, own in zip(codes.tolist(), np.split(income, starts[1:]), strict=False):
            found.setdefault(code, []).append(own)
    return found


def _cuts_of(cuts: Columns, ago: int) -> dict[int, np.ndarray]:
    """Return the cuts of a date by currency."""
    parted = ((name.split("."), own) for name, own in cuts.items())
    return {int(code): own for (date, code), own in parted if date == f"{ago}"}


def _columns(saved: Saved, bucket: int) -> Columns:
    """Return a row a customer: scores, levels, since when, and the parts behind them."""
    backend, settings = saved.backend, _settings(saved.config)
    xp, here = backend.xp, of_bucket(saved, bucket)
    cuts, peers, widths = (saved.fitted(name) for name in ("cuts", "peers", "widths"))
    latest = saved.measured("latest", bucket)
    columns: Columns = {f"part.{name}": values for name, values in latest.items()}
    recent = [ago for ago in _dates(saved)[1] if ago <= ALERT_MONTHS]
    dates = {ago: Date([here], ago, _cuts_of(cuts, ago), backend) for ago in recent}
    for risk in RISKS:
        drawn = {}
        for ago, date in dates.items():
            names = [f"{risk}.{ago}.{name}" for name in risks_peers.Peers._fields]
            known = risks_peers.Peers(*(backend.asarray(peers[name]) for name in names))
            [drawn[ago]] = date.drawn(risk, known, float(widths[risk][0]))
        found = drawn[0]._asdict()
        found["raw"] = risks_peers.from_whole(backend.asarray(here.raw[f"{risk}.0"]), xp)
        found["evidence"] = here.evidence[f"{risk}.0"]
        found["level"] = level_of(drawn[0].score, settings.levels, xp)
        scores, are_known = (
            xp.stack([getattr(one, name) for one in drawn.values()], axis=1)
            for name in ("score", "known")
        )
        held = held_levels(scores, are_known, settings.levels, settings.alert_margin, xp)
        found |= {"alert": held[:, 0], "held": held_since(held, xp)}
        before = drawn[1 if 1 in recent else 0]
        found["before"] = xp.where(before.known, before.score, xp.nan)
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
    read_by_measure=("months", "channels", "hhi"),
    on_device=True,
    score=score,
    measure=measure,
    fit=fit,
    publish=publish,
    whole=whole,
)
