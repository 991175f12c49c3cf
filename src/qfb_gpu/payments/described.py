"""What is measured of each stream, and how much of it an earlier night knows already.

Gaps and spectrum of a stream depend on its payments alone; its next payment and amount on the
as-of day as well. Relations with the same days and amounts have the same streams, so a night
measures the streams of the others, and of all of them what depends on a day that has moved.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from qfb_gpu.payments.forecast import next_payments
from qfb_gpu.payments.intervals import gap_stats
from qfb_gpu.payments.spectrum import spectra
from qfb_kernels.prices import prices_cpu, prices_gpu

if TYPE_CHECKING:
    from collections.abc import Callable

    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger

    Measure = Callable[[Any], tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Described:
    """Measures of the streams of some relations.

    Attributes
    ----------
    stream_offsets : int64, shape (n_relations + 1,), into the streams
    as_of_day : int64, shape (1,)
    mean, std, median : float64, shape (n_streams,), gaps in days
    period, strength, entropy : float64, of the spectrum
    quantile : int32, shape (n_streams, 3); next_due, closed, missed : int32; status : int8
        See :func:`qfb_gpu.payments.forecast.next_payments`.
    amount_kind : int8; amount_value : float64, shape (n_streams, 6), minor units; step_day : int32
        See :mod:`qfb_kernels.prices`.
    """

    stream_offsets: Any
    as_of_day: Any
    mean: Any
    std: Any
    median: Any
    period: Any
    strength: Any
    entropy: Any
    quantile: Any
    next_due: Any
    closed: Any
    missed: Any
    status: Any
    amount_kind: Any
    amount_value: Any
    step_day: Any


DESCRIBED_COLUMNS = tuple(field.name for field in fields(Described))


def describe(  # noqa: PLR0913  all that streams are made of
    ledger: Ledger, offsets: Any, members: tuple[Any, Any, Any], answers: tuple[Any, Any, Any],
    fit_int: Any, cal: Any, as_of_day: int, earlier: tuple[Described, Any] | None,
    backend: Backend,
) -> Described:  # fmt: skip
    """Measure every stream, or take what an earlier night measured.

    Parameters
    ----------
    offsets : int64, shape (n_relations + 1,), into the streams
    members : member, start, size of each stream, reversals left out
    answers : owner, due day, offset of each payment
    earlier : measures of an earlier night, and the row there of each relation (-1: none)
    """
    xp = backend.xp
    n_streams = int(offsets[-1])
    known, row = None, xp.full(n_streams, -1, dtype="int64")
    if earlier is not None and earlier[0].mean.shape[0]:
        known, row = earlier[0], _rows_of(offsets, *earlier, backend)
    member, start, size = members

    def by_payments(rows: Any) -> tuple[Any, ...]:
        """Return what follows from the payments alone: gaps and spectrum."""
        some = (ledger.day, member, start[rows], size[rows], backend)
        peaks, strength, entropy = spectra(*some)
        period = xp.where(peaks[:, 0] > 0.0, peaks[:, 0], xp.nan)
        return (*gap_stats(*some), period, strength, entropy)

    def by_day(rows: Any) -> tuple[Any, ...]:
        """Return what the as-of day changes: the next payment and its amount."""
        some = (member, start[rows], size[rows])
        fit = xp.ascontiguousarray(fit_int[rows])
        next_ = next_payments(answers, some, cal, fit, as_of_day, backend)
        return (*next_, *_prices(ledger, some, next_[0][:, 1], backend))

    same_day = known is not None and int(known.as_of_day[0]) == as_of_day
    measured = [
        *_fill(by_payments, DESCRIBED_COLUMNS[2:8], row, known, xp),
        *_fill(by_day, DESCRIBED_COLUMNS[8:], row, known if same_day else None, xp),
    ]
    return Described(offsets, xp.full(1, as_of_day, dtype="int64"), *measured)


def _rows_of(offsets: Any, known: Described, place: Any, backend: Backend) -> Any:
    """Return the row among the known ones of each stream, -1 where there is none."""
    xp = backend.xp
    counts = offsets[1:] - offsets[:-1]
    first = xp.where(place >= 0, known.stream_offsets[place] - offsets[:-1], -1 - offsets[:-1])
    shift = backend.repeat(first, counts)
    row = shift + xp.arange(int(offsets[-1]), dtype="int64")
    return xp.where(backend.repeat(place, counts) >= 0, row, -1)


def _fill(
    measure: Measure, names: tuple[str, ...], row: Any, known: Described | None, xp: Any
) -> list[Any]:
    """Return the named columns: as known where ``row`` says where, measured elsewhere."""
    if known is None:
        return list(measure(slice(None)))
    new = xp.flatnonzero(row < 0)
    columns = [getattr(known, name)[row] for name in names]
    for column, values in zip(columns, measure(new), strict=True):
        column[new] = values
    return columns


def _prices(
    ledger: Ledger, members: tuple[Any, Any, Any], next_day: Any, backend: Backend
) -> tuple[Any, Any, Any]:
    xp = backend.xp
    member, start, size = members
    n_streams = start.shape[0]
    kind = xp.empty(n_streams, dtype="int8")
    value = xp.empty((n_streams, 6))
    step_day = xp.empty(n_streams, dtype="int32")
    scratch = xp.empty(member.shape[0], dtype="int32")
    next_day = xp.ascontiguousarray(next_day)
    backend.launch(
        prices_cpu, prices_gpu, n_streams, ledger.day, ledger.amount_minor, member, start, size,
        next_day, scratch, kind, value, step_day,
    )  # fmt: skip
    return kind, value, step_day
