"""Collect a run's figures from its gold tables."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qfb_gpu.lake.threads import side_by_side
from qfb_gpu.report.data import CurrencyLine, Drawn, Headline, ReportData
from qfb_gpu.report.figures import (
    cash,
    making,
    network,
    part,
    portfolio,
    quality,
    segments,
    streams,
)
from qfb_gpu.report.figures.columns import added, called
from qfb_gpu.report.figures.known import Known
from qfb_gpu.report.figures.reading import kept
from qfb_gpu.report.sections.catalog import SECTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from qfb_gpu.report.data import Network, Portfolio, Regular
    from qfb_gpu.report.figures.reading import Gold, Kept, Read

_DRAWN = 5
"""Currencies that are drawn; the others are in the table of all."""


def collect(
    output_dir: Path,  # noqa: ARG001
    read: Read,
    extras: dict[str, Any],
    known: Known | None = None,
) -> ReportData:
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
    known : Known, optional
        Figures that need not be made again; these are known afterwards.

    Raises
    ------
    KeyError, FileNotFoundError, InputError
        ``payment_streams`` or ``expected_payments`` is not there.
    """
    gold, known = kept(read), known or Known()
    row = making.run_row(gold, extras)
    as_of, horizon = row["as_of"], making.horizon_days(row)
    asked = cash.ahead(gold, as_of, horizon)
    figures = _of_all(gold, extras, part.Asked(as_of, asked), known)
    sums, expected = [figures.streams], [figures.expected]
    who = portfolio.collect(gold, extras, as_of, [figures.activity])
    order = _currencies(sums, who)
    drawn = order[:_DRAWN]
    listed = streams.listed(sums, drawn) | cash.listed(expected, drawn)
    names, graph, sections, groups, health = side_by_side(
        partial(called, gold, listed),
        partial(_network, gold, drawn, known),
        partial(_sections, gold),
        partial(segments.collect, gold),
        partial(quality.collect, gold, extras, row["inputs"]),
    )
    regular = streams.collect(sums, drawn, names)
    ahead = cash.expected_totals(expected)
    lines = [_currency_line(name, who, regular, ahead) for name in order]
    return ReportData(
        headline=_headline(row, who, regular, lines),
        portfolio=who,
        regular=regular,
        cash=cash.collect(expected, drawn, asked, names),
        segments=groups,
        network=graph,
        quality=health,
        making=making.collect(row),
        sections=sections,
    )


def _of_all(gold: Kept, extras: dict[str, Any], asked: part.Asked, known: Known) -> part.Figures:
    """Return what the streams come to, and know the network then: one thread takes as long."""
    foreseen = [*portfolio.periods(extras.get("monthly") or [])][:_DRAWN]
    figures: part.Figures
    figures, _ = side_by_side(
        partial(part.of_all, gold, asked, known), partial(_network, gold, foreseen, known)
    )
    return figures


def _headline(
    row: dict[str, Any], who: Portfolio, regular: Regular, currencies: list[CurrencyLine]
) -> Headline:
    updated, n_updated = making.update_of(row)
    return Headline(
        run_id=str(row.get("run_id") or ""),
        as_of=row["as_of"],
        device=str(row.get("device") or ""),
        seconds=making.seconds(row),
        n_payments=_number(row, "n_payments", sum(n for n, _, _ in _totals(who).values())),
        n_customers=_number(row, "n_customers", sum(n for _, n in who.by_payments)),
        n_streams=regular.n_streams,
        n_regular=regular.n_regular,
        horizon_days=making.horizon_days(row),
        currencies=currencies,
        updated=updated,
        n_updated=n_updated,
    )


def _network(read: Gold, drawn: list[str], known: Known) -> Network | None:
    """Return the network's figures, which are of the currencies in the order drawn."""
    found = known.network
    if found is None or [*found.payee_share] != drawn:
        found = known.network = network.collect(read, drawn)
    return found


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
    for name, n in added(one.n_payments for one in parts).items():
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
