"""Collect a run's figures from its gold tables."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from qfb_gpu.lake.threads import side_by_side
from qfb_gpu.report.data import CurrencyLine, Drawn, Headline, ReportData
from qfb_gpu.report.figures import cash, making, network, portfolio, quality, segments, streams
from qfb_gpu.report.figures.columns import added, called
from qfb_gpu.report.figures.reading import kept, of_two
from qfb_gpu.report.sections.catalog import SECTIONS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence
    from pathlib import Path

    import pyarrow as pa

    from qfb_gpu.report.data import Portfolio, Regular
    from qfb_gpu.report.figures.reading import Gold, Read

_DRAWN = 5
"""Currencies that are drawn; the others are in the table of all."""


def collect(output_dir: Path, read: Read, extras: dict[str, Any]) -> ReportData:  # noqa: ARG001
    """Return the figures of the run whose gold tables ``read`` gives.

    Parameters
    ----------
    output_dir : Path
        Where the run published; kept for figures that are not in a table.
    read : callable(table, columns or None) -> pyarrow.Table
        Gives the columns of a gold table, same row order at every call; ``KeyError``,
        ``FileNotFoundError`` or ``InputError`` where the run has no such table or column. What
        :func:`qfb_gpu.lake.gold.reader` gives is read piece by piece.
    extras : dict
        ``monthly`` (list of dict), ``run`` (dict), ``customers`` (Arrow table), ``left_out``
        (dict of part to reason); see :mod:`qfb_gpu.report.figures`. All may be absent.

    Raises
    ------
    KeyError, FileNotFoundError, InputError
        ``payment_streams`` or ``expected_payments`` is not there.
    """
    gold = kept(read)
    row = making.run_row(gold, extras)
    as_of, horizon = row["as_of"], making.horizon_days(row)
    asked = cash.ahead(gold, as_of, horizon)
    parts = _Parts(*zip(*_of_streams(gold, as_of, asked), strict=True))
    who = portfolio.collect(gold, extras, as_of, parts.activity)
    order = _currencies(parts.streams, who)
    drawn = order[:_DRAWN]
    listed = streams.listed(parts.streams, drawn) | cash.listed(parts.expected, drawn)
    names, graph, sections, groups, health = side_by_side(
        partial(called, gold, listed),
        partial(network.collect, gold, drawn),
        partial(_sections, gold),
        partial(segments.collect, gold),
        partial(quality.collect, gold, extras, row["inputs"]),
    )
    regular = streams.collect(parts.streams, drawn, names)
    ahead = cash.expected_totals(parts.expected)
    return ReportData(
        headline=Headline(
            run_id=str(row.get("run_id") or ""),
            as_of=as_of,
            device=str(row.get("device") or ""),
            seconds=making.seconds(row),
            n_payments=_number(row, "n_payments", sum(n for n, _, _ in _totals(who).values())),
            n_customers=_number(row, "n_customers", sum(n for _, n in who.by_payments)),
            n_streams=regular.n_streams,
            n_regular=regular.n_regular,
            horizon_days=horizon,
            currencies=[_currency_line(name, who, regular, ahead) for name in order],
        ),
        portfolio=who,
        regular=regular,
        cash=cash.collect(parts.expected, drawn, asked, names),
        segments=groups,
        network=graph,
        quality=health,
        making=making.collect(row),
        sections=sections,
    )


class _Parts(NamedTuple):
    """What each part of the tables by bucket comes to, in their order."""

    streams: tuple[streams.Sums, ...]
    expected: tuple[cash.Sums, ...]
    activity: tuple[portfolio.Activity, ...]


def _of_streams(read: Gold, as_of: dt.date | None, asked: cash.Ahead) -> list[tuple[Any, ...]]:
    """Sum up streams and expected payments, each part of them read once."""
    columns = [*streams.COLUMNS, *portfolio.OF_STREAM, *cash.OF_STREAM]

    def summed(found: pa.Table, expected: pa.Table) -> tuple[Any, ...]:
        return (
            streams.summed(found),
            cash.summed(found, expected, asked),
            portfolio.activity(found, as_of),
        )

    table = ("payment_streams", list(dict.fromkeys(columns)))
    return of_two(read, table, ("expected_payments", cash.COLUMNS), summed)


def _sections(read: Gold) -> list[Drawn]:
    drawn = [(one, one.draw(read)) for one in SECTIONS]
    return [
        Drawn(one.anchor, one.title, one.title_zh, body) for one, body in drawn if body is not None
    ]


def _number(row: dict[str, Any], name: str, otherwise: int) -> int:
    return otherwise if row.get(name) is None else int(row[name])


def _currencies(parts: Sequence[streams.Sums], who: Portfolio) -> list[str]:
    """Return every currency, the one with most payments first."""
    number = {name: n for name, (n, _, _) in _totals(who).items()}
    for name, n in added(part.n_payments for part in parts).items():
        number.setdefault(name, n)
    return sorted(number, key=lambda name: (-number[name], name))


def _totals(who: Portfolio) -> dict[str, tuple[int, int, int]]:
    return {
        name: (sum(p.n_in) + sum(p.n_out), sum(p.in_minor), sum(p.out_minor))
        for name, p in who.periods.items()
    }


def _currency_line(
    name: str, who: Portfolio, regular: Regular, ahead: dict[Any, float]
) -> CurrencyLine:
    n_payments, in_minor, out_minor = _totals(who).get(name, (0, 0, 0))
    shares = [regular.share.get((name, direction), (0, 0)) for direction in ("in", "out")]
    if name not in who.periods:
        in_minor, out_minor = shares[0][1], shares[1][1]
    return CurrencyLine(
        currency=name,
        n_payments=n_payments,
        in_minor=in_minor,
        out_minor=out_minor,
        stream_minor=sum(whole for _, whole in shares),
        regular_minor=sum(part for part, _ in shares),
        expected_in=ahead.get((name, "in"), 0.0),
        expected_out=ahead.get((name, "out"), 0.0),
    )
