"""Customer features of one ledger: tally in batches of customers, then compute each feature.

A batch is as many customers as fit the backend's memory budget; the answer does not depend on
it. Order within a batch: relations' windows, main currency, counts, money, counterparties, the
daily series with its gaps, its Fourier transform, the spectrum's summary (these in batches of
their own, as they take a dozen times the memory of all else), the features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.profile.catalog import FEATURES
from qfb_gpu.profile.feature import Tallies
from qfb_kernels import activity as daily
from qfb_kernels import features as tally

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger

_TALLIED_BYTES = 8 * (
    tally.N_COUNTS + tally.N_MONEY + tally.N_PARTNERS + daily.N_GAPS + daily.N_SPECTRUM
)
_DAILY_BYTES = daily.SERIES_DAYS * (4 + 8 + 4 + 3 * 4)
"""Of a customer's days: paid, net, signal, its transform and work space."""
_MONTH_EDGE = 5
_MONTH_START, _MONTH_END = 1, 2


def customer_features(ledger: Ledger, as_of_day: int, backend: Backend) -> dict[str, Any]:
    """Return what :data:`FEATURES` of source ``payments`` declare, a value per customer.

    Parameters
    ----------
    ledger : Ledger
        Nothing in it is later than ``as_of_day``; a customer has at least one payment.
    as_of_day : int
        Days since 1970-01-01.

    Returns
    -------
    dict of str to array, shape (n_customers,)
        ``main_currency`` (int16 code; that of most payments, then of the latest payment, then of
        most money, then the first code) and each feature in its declared dtype. Counts and sums
        are exact; NaN is null.

    Raises
    ------
    ValueError
        A payment is later than ``as_of_day``.
    """
    if ledger.n_payments and int(ledger.day.max()) > as_of_day:
        msg = (
            f"expected no payment after day {as_of_day} (as_of), got day {int(ledger.day.max())}; "
            "leave later payments out of the ledger"
        )
        raise ValueError(msg)
    declared = [feature for feature in FEATURES if feature.compute is not None]
    n_customers = ledger.n_customers
    columns = {"main_currency": backend.xp.empty(n_customers, dtype="int16")}
    batches = _batches(n_customers, _TALLIED_BYTES, backend)
    if len(batches) != 1:  # one is not copied into place
        for feature in declared:
            columns[feature.name] = backend.xp.empty(n_customers, dtype=feature.dtype)
    month_part = backend.asarray(_month_parts(as_of_day))
    for start, stop in batches:
        tallies = _tally(ledger, start, stop, as_of_day, month_part, backend)
        columns["main_currency"][start:stop] = tallies.main_currency
        for feature in declared:
            if feature.compute is None:
                continue
            if len(batches) == 1:
                found = backend.asarray(feature.compute(tallies), dtype=feature.dtype)
                columns[feature.name] = backend.xp.ascontiguousarray(found)
            else:
                columns[feature.name][start:stop] = feature.compute(tallies)
    return columns


def main_currency(ledger: Ledger, backend: Backend) -> Any:
    """Return each customer's main currency as :func:`customer_features` does: int16 codes.

    What is later than as-of is not in the ledger, so the day of the view does not matter.
    """
    xp = backend.xp
    main = xp.empty(ledger.n_customers, dtype="int16")
    for start, stop in _batches(ledger.n_customers, _TALLIED_BYTES, backend):
        main[start:stop] = _currencies(ledger, start, stop, 0, backend)[1]
    return main


def _batches(n_customers: int, bytes_each: int, backend: Backend) -> list[tuple[int, int]]:
    size = max(1, backend.memory_budget_bytes() // bytes_each)
    return [(start, min(start + size, n_customers)) for start in range(0, n_customers, size)]


def _month_parts(as_of_day: int) -> Any:
    """Return, for each age of a year, 1 for days 1 to 5 of a month, 2 for its last 5, else 0."""
    import numpy as np

    days = (as_of_day - np.arange(tally.YEAR_DAYS)).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    since_start = (days - months.astype("datetime64[D]")).astype("int64")
    until_end = ((months + np.timedelta64(1, "M")).astype("datetime64[D]") - days).astype("int64")
    parts = np.zeros(tally.YEAR_DAYS, dtype=np.int8)
    parts[until_end <= _MONTH_EDGE] = _MONTH_END
    parts[since_start < _MONTH_EDGE] = _MONTH_START
    return parts


def _tally(
    ledger: Ledger, start: int, stop: int, as_of_day: int, month_part: Any, backend: Backend
) -> Tallies:
    xp, n = backend.xp, stop - start
    windows, main, n_currencies = _currencies(ledger, start, stop, as_of_day, backend)
    payments = (ledger.day, ledger.amount_minor, ledger.relation_offsets)
    counts = xp.empty((n, tally.N_COUNTS), dtype="int64")
    backend.launch(
        tally.counts_cpu, tally.counts_gpu, n,
        *payments, ledger.direction, month_part, as_of_day, ledger.customer_offsets, start, counts,
    )  # fmt: skip
    sided = (ledger.direction, ledger.currency, main)
    money = xp.empty((n, tally.N_MONEY), dtype="int64")
    backend.launch(
        tally.money_cpu, tally.money_gpu, n,
        *payments, *sided, as_of_day, ledger.customer_offsets, start, money,
    )  # fmt: skip
    partners = xp.empty((n, tally.N_PARTNERS), dtype="int64")
    backend.launch(
        tally.partners_cpu, tally.partners_gpu, n,
        ledger.day, ledger.relation_offsets, ledger.counterparty_key, *sided, windows, as_of_day,
        ledger.customer_offsets, start, partners,
    )  # fmt: skip
    gaps, spectrum = _rhythm(ledger, start, main, as_of_day, backend)
    # kernels write a customer after the other, features read a column after the other
    counts, money, partners, gaps, spectrum = (
        xp.asfortranarray(table) for table in (counts, money, partners, gaps, spectrum)
    )
    return Tallies(counts, money, partners, gaps, spectrum, main, n_currencies, as_of_day, xp)


def _currencies(
    ledger: Ledger, start: int, stop: int, as_of_day: int, backend: Backend
) -> tuple[Any, Any, Any]:
    """Return the relations' windows, the customers' main currency and number of currencies."""
    xp, n = backend.xp, stop - start
    first = int(ledger.customer_offsets[start])
    n_relations = int(ledger.customer_offsets[stop]) - first
    windows = xp.empty((n_relations, tally.N_WINDOWS), dtype="int64")
    backend.launch(
        tally.windows_cpu, tally.windows_gpu, n_relations,
        ledger.day, ledger.amount_minor, ledger.relation_offsets, as_of_day, first, windows,
    )  # fmt: skip
    main, n_currencies = xp.empty(n, dtype="int16"), xp.empty(n, dtype="int32")
    backend.launch(
        tally.currency_cpu, tally.currency_gpu, n,
        ledger.day, ledger.relation_offsets, ledger.currency, windows,
        ledger.customer_offsets, start, main, n_currencies,
    )  # fmt: skip
    return windows, main, n_currencies


def _rhythm(
    ledger: Ledger, start: int, main: Any, as_of_day: int, backend: Backend
) -> tuple[Any, Any]:
    xp, n = backend.xp, main.shape[0]
    gaps = xp.empty((n, daily.N_GAPS), dtype="int64")
    spectrum = xp.empty((n, daily.N_SPECTRUM))
    for begin, end in _batches(n, _DAILY_BYTES, backend):
        some = (main[begin:end], gaps[begin:end], spectrum[begin:end])
        _days(ledger, start + begin, *some, as_of_day, backend)
    return gaps, spectrum


def _days(
    ledger: Ledger, start: int, main: Any, gaps: Any, spectrum: Any, as_of_day: int,
    backend: Backend,
) -> None:  # fmt: skip
    """Write the gaps and the spectrum of some customers, from ``start`` on, by their days."""
    xp, n = backend.xp, main.shape[0]
    paid = xp.empty((n, daily.SERIES_DAYS), dtype="int32")
    net = xp.empty((n, daily.SERIES_DAYS), dtype="int64")
    signal = xp.empty((n, daily.SERIES_DAYS), dtype="float32")
    backend.launch(
        daily.series_cpu, daily.series_gpu, n,
        ledger.day, ledger.amount_minor, ledger.relation_offsets, ledger.direction,
        ledger.currency, main, as_of_day, ledger.customer_offsets, start, paid, net, signal, gaps,
    )  # fmt: skip
    waves = xp.ascontiguousarray(backend.rfft(signal)).view("float32")
    backend.launch(daily.spectrum_cpu, daily.spectrum_gpu, n, waves, gaps, spectrum)
