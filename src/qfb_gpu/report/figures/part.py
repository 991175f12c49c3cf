"""What a part of the streams comes to, with what is expected of them.

A part is a file of ``payment_streams`` and the one of ``expected_payments`` of the same customers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from qfb_gpu.lake.threads import side_by_side
from qfb_gpu.report.figures import cash, portfolio, streams

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    import numpy as np
    import pyarrow as pa

    from qfb_gpu.report.figures.known import Known
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
    known: Figures, gone: Figures, come: Figures, customers: np.ndarray[Any, Any]
) -> Figures | None:
    """Return what a part comes to in which some customers have other rows.

    Parameters
    ----------
    known, gone, come : Figures
        Of the part, of the customers' rows there, of those that they have now.
    customers : int64 array, ascending
        Keys of the customers.

    Returns
    -------
    Figures, or None where they cannot be told from these
    """
    found = streams.exchanged(known.streams, gone.streams, come.streams, customers)
    expected = cash.exchanged(known.expected, gone.expected, come.expected, customers)
    if found is None or expected is None:
        return None
    activity = portfolio.exchanged(known.activity, gone.activity, come.activity)
    return Figures(found, expected, activity)


def of_all(gold: Kept, asked: Asked, known: Known) -> list[Figures]:
    """Return what each part comes to: it is read where that is not known, once.

    Tables of which one has more parts than the other are one part each. What is known afterwards
    are the figures of these parts.
    """
    parts = [gold.parts(STREAMS, COLUMNS), gold.parts(EXPECTED, cash.COLUMNS)]
    if len(parts[0]) != len(parts[1]):
        parts = [[partial(gold, STREAMS, COLUMNS)], [partial(gold, EXPECTED, cash.COLUMNS)]]
    files = [gold.files(name) for name in (STREAMS, EXPECTED)]
    places = [*zip(*files, strict=True)] if all(len(one) == len(parts[0]) for one in files) else []
    known.look(asked)
    found = [known.figures(*place) for place in places] or [None] * len(parts[0])
    figures = side_by_side(
        *(
            _found(one) if one is not None else partial(_read, asked, *two)
            for one, two in zip(found, zip(*parts, strict=True), strict=True)
        )
    )
    known.keep(dict(zip(places, figures, strict=bool(places))))
    return figures


def _found(figures: Figures) -> Callable[[], Figures]:
    return lambda: figures


def _read(asked: Asked, found: Part, expected: Part) -> Figures:
    return summed(found(), expected(), asked)
