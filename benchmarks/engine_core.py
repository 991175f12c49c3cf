"""The peers' task with the engine's own functions, on the lake that a night left behind.

The same stages as the peers, bucket by bucket in one process: what the engine does more in a
night (contracts within a relation, cadences, decisions, forecasts, network, segments, report) is
left out; what its functions compute more (five spectral figures for two, ninety-odd features for
eighteen) is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from peers.task import FEATURES

from qfb_gpu import profile
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import to_day
from qfb_gpu.currencies import currency_name
from qfb_gpu.lake import silver
from qfb_gpu.payments.intervals import gap_stats
from qfb_gpu.payments.spectrum import spectra
from qfb_gpu.schema import DIRECTIONS

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

    from qfb_gpu.ledger import Ledger

_FUNDAMENTAL = 0
BACKEND = get_backend("cpu")


class Bucket(NamedTuple):
    """One bucket of the lake."""

    lake: Path
    number: int
    ledger: Ledger


def read(lake: Path, bucket: int, as_of: dt.date) -> Bucket:
    """Read a bucket: cleaned, hashed and sorted when it was ingested."""
    return Bucket(lake, bucket, silver.read_ledger(lake, bucket, to_day(as_of), BACKEND))


def streams(bucket: Bucket) -> tuple[Bucket, dict[str, Any]]:
    """Count the payments of every relation and measure their intervals."""
    ledger = bucket.ledger
    offsets = ledger.relation_offsets
    mean, std, median = gap_stats(ledger.day, *_units(ledger), BACKEND)
    return bucket, {
        "n_payments": np.diff(offsets),
        "first_date": ledger.day[offsets[:-1]],
        "last_date": ledger.day[offsets[1:] - 1],
        "interval_mean_days": mean,
        "interval_std_days": std,
        "interval_median_days": median,
    }


def spectrum(bucket: Bucket, table: dict[str, Any]) -> dict[str, Any]:
    """Add the dominant period of every stream and its strength."""
    peaks, strength, _ = spectra(bucket.ledger.day, *_units(bucket.ledger), BACKEND)
    transformed = (peaks[:, _FUNDAMENTAL] > 0) & ~np.isnan(strength)  # the peers have no more
    period = np.where(transformed, peaks[:, _FUNDAMENTAL], np.nan)
    return {**table, "spectrum_period_days": period, "spectrum_strength": strength}


def features(bucket: Bucket, as_of: dt.date) -> dict[str, Any]:
    """Compute every feature of the customers' payments."""
    return profile.customer_features(bucket.ledger, to_day(as_of), BACKEND)


def write(bucket: Bucket, table: dict[str, Any], customers: dict[str, Any], out: Path) -> None:
    """Write both tables of the bucket as Parquet, with the ids of customers and counterparties."""
    ledger = bucket.ledger
    names = ["customer_id", "counterparty_id"]
    first = pa.array(ledger.text_row[ledger.relation_offsets[:-1]])
    texts = silver.read_texts(bucket.lake, bucket.number, names, first)
    columns = {
        **{name: texts.column(name) for name in names},
        "direction": _text(ledger.direction, dict(enumerate(DIRECTIONS))),
        "currency": _currency(ledger.currency),
        **{name: _column(name, values) for name, values in table.items()},
    }
    _write(columns, out / "streams.parquet", bucket.number)
    kept = {name: customers[name] for name in FEATURES if name != "main_currency"}
    columns = {
        "customer_id": texts.column("customer_id").take(pa.array(ledger.customer_offsets[:-1])),
        "main_currency": _currency(customers["main_currency"]),
        **{name: _column(name, values) for name, values in kept.items()},
    }
    _write(columns, out / "customers.parquet", bucket.number)


def _units(ledger: Ledger) -> tuple[Any, Any, Any]:
    """Return every relation as one unit: rows of payments, starts, sizes."""
    offsets = ledger.relation_offsets
    return np.arange(ledger.n_payments, dtype=np.int32), offsets[:-1], np.diff(offsets)


def _column(name: str, values: Any) -> pa.Array:
    array = pa.array(values, from_pandas=True)
    return array.cast(pa.date32()) if name.endswith("_date") else array


def _currency(codes: np.ndarray) -> pa.DictionaryArray:
    return _text(codes, {int(code): currency_name(int(code)) for code in np.unique(codes)})


def _text(codes: np.ndarray, names: dict[int, str]) -> pa.DictionaryArray:
    index = np.searchsorted(list(names), codes).astype(np.int32)
    return pa.DictionaryArray.from_arrays(index, list(names.values()))


def _write(columns: dict[str, Any], folder: Path, bucket: int) -> None:
    folder.mkdir(exist_ok=True)
    table = pa.table(columns)
    texts = [f.name for f in table.schema if not pa.types.is_primitive(f.type)]
    pq.write_table(table, folder / f"part-{bucket}.parquet", use_dictionary=texts)
