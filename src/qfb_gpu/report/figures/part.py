"""What a part of the streams comes to, with what is expected of them.

A part is a file of ``payment_streams`` and the one of ``expected_payments`` of the same customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.lake.threads import side_by_side
from qfb_gpu.report.figures import cash, portfolio, streams
from qfb_gpu.report.figures.largest import as_they_come, by_key

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    import pyarrow as pa

    from qfb_gpu.report.figures.known import Known
    from qfb_gpu.report.figures.largest import Place
    from qfb_gpu.report.figures.reading import Kept, Part

TABLES = STREAMS, EXPECTED = ("payment_streams", "expected_payments")
COLUMNS = [*dict.fromkeys([*streams.COLUMNS, *portfolio.OF_STREAM, *cash.OF_STREAM])]
"""Of the streams."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a part comes to."""

    streams: streams.Sums
    expected: cash.Sums
    activity: portfolio.Activity


@dataclass(frozen=True, slots=True)
class Asked:
    """What figures depend on beside the rows: the day of the run, and the days after it."""

    as_of: dt.date | None
    ahead: cash.Ahead


def summed(found: pa.Table, expected: pa.Table, asked: Asked) -> Figures:
    """Return what ``COLUMNS`` of streams and ``cash.COLUMNS`` of what is expected come to."""
    return Figures(
        streams.summed(found),
        cash.summed(found, expected, asked.ahead),
        portfolio.activity(found, asked.as_of),
    )


def exchanged(
    known: Figures,
    gone: Figures,
    come: Figures,
    customers: np.ndarray[Any, Any],
    place: Place = by_key,
) -> Figures | None:
    """Return what a part comes to in which some customers have other rows.

    Parameters
    ----------
    known, gone, come : Figures
        Of the part, of the customers' rows there, of those that they have now.
    customers : int64 array, ascending
        Keys of the customers.
    place : callable(keys) -> sequence
        What customers' rows are in order by: see
        :func:`qfb_gpu.report.figures.largest.exchange_largest`.

    Returns
    -------
    Figures, or None where they cannot be told from these
    """
    found = streams.exchanged(known.streams, gone.streams, come.streams, customers, place)
    expected = cash.exchanged(known.expected, gone.expected, come.expected, customers, place)
    if found is None or expected is None:
        return None
    activity = portfolio.exchanged(known.activity, gone.activity, come.activity)
    return Figures(found, expected, activity)


def joined(parts: Iterable[Figures], asked: Asked) -> Figures:
    """Return what parts come to together, each as it was read, one after the other."""
    activity = portfolio.nothing(is_dated=asked.as_of is not None)
    nothing = Figures(streams.NOTHING, cash.nothing(asked.ahead), activity)
    whole, nobody = nothing, np.zeros(0, np.int64)
    for one in parts:
        found = exchanged(whole, nothing, one, nobody, as_they_come)
        assert found is not None  # noqa: S101  nobody's rows are gone
        whole = found
    return whole


def of_all(gold: Kept, asked: Asked, known: Known) -> Figures:
    """Return what all parts come to: they are read where that is not known; it is afterwards.

    Tables of which one has more parts than the other are one part each.
    """
    files = [file for name in TABLES for file in gold.files(name)]
    known.look(asked)
    figures = known.figures(files)
    if figures is None:
        parts = [gold.parts(STREAMS, COLUMNS), gold.parts(EXPECTED, cash.COLUMNS)]
        if len(parts[0]) != len(parts[1]):
            parts = [[partial(gold, STREAMS, COLUMNS)], [partial(gold, EXPECTED, cash.COLUMNS)]]
        read = side_by_side(*(partial(_read, asked, *two) for two in zip(*parts, strict=True)))
        figures = joined(read, asked)
        known.keep(files, figures)
    return figures


def _read(asked: Asked, found: Part, expected: Part) -> Figures:
    return summed(found(), expected(), asked)
