"""Whole nights on a device: equal to the CPU's, and growing until time or disk runs out.

MLflow's store is left out: it is neither the engine's speed nor installed everywhere.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from device_clock import peak_memory, wall
from parity import compare
from portfolios import AS_OF, portfolio_of

from qfb_gpu import pipeline
from qfb_gpu.config import build_config
from qfb_gpu.lake import gold, ingest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portfolios import Portfolio

    from qfb_gpu.backend import Backend
    from qfb_gpu.config import Config

_COLUMNS = ("txn_id", "customer_id", "counterparty_id", "date", "amount", "direction", "currency")
_NOT_COMPARED = ("runs", "segments")
_GROUPS = ("community_id", "segment_id")
_GROWTH = 3
_SPARE_DISK = 4 * 2**30


def night_parity(portfolio: Portfolio, data: Path, cpu: Backend, device: Backend) -> dict[str, Any]:
    """Run the night on both and compare the gold tables.

    Returns
    -------
    dict
        ``cpu`` and ``gpu`` as :func:`run_night` gives them; ``differences`` by gold table.
    """
    with tempfile.TemporaryDirectory(dir=data) as folder:
        outputs = {"cpu": Path(folder) / "cpu", "gpu": Path(folder) / "gpu"}
        rows: dict[str, Any] = {
            side: run_night(portfolio, outputs[side], backend)
            for side, backend in (("cpu", cpu), ("gpu", device))
        }
        found = {
            name: compare(
                _columns(gold.read(outputs["gpu"], name)), _columns(gold.read(outputs["cpu"], name))
            )
            for name in gold.tables(outputs["cpu"])
            if name not in _NOT_COMPARED
        }
    return {**rows, "differences": {name: rows for name, rows in found.items() if rows}}


def grow(
    n_payments: int, most_payments: int, data: Path, device: Backend, deadline: float
) -> Iterator[dict[str, Any]]:
    """Yield nights of three times the payments each, while the next fits time and disk.

    Parameters
    ----------
    n_payments, most_payments : int
        Of the first night; of the last at most.
    data : Path
        Where portfolios and outputs go.
    device : Backend
    deadline : float
        On the monotonic clock.
    """
    while n_payments <= most_payments:
        start = time.monotonic()
        portfolio = portfolio_of(n_payments, data)
        made = time.monotonic() - start
        output = Path(tempfile.mkdtemp(prefix="night-", dir=data))
        with peak_memory(device) as peak:
            row = run_night(portfolio, output, device)
        used = sum(file.stat().st_size for file in output.rglob("*") if file.is_file())
        shutil.rmtree(output)
        yield {
            **row,
            "generate_seconds": made,
            "peak_bytes": peak[0] if peak else None,
            "disk_bytes": used,
        }
        n_payments *= _GROWTH
        disk = _GROWTH * (used + portfolio.transactions_bytes) + _SPARE_DISK
        now = time.monotonic()
        if now + _GROWTH * (now - start) > deadline or disk > shutil.disk_usage(data).free:
            return


def run_night(portfolio: Portfolio, output: Path, backend: Backend) -> dict[str, Any]:
    """Run the night of a portfolio; return its seconds, its counts and its stages."""
    config = _config(portfolio, output, device=backend.name)
    log, pipeline._log = pipeline._log, lambda *_: None  # noqa: SLF001
    try:
        with wall(backend) as seconds:
            done = pipeline.run(config)
    finally:
        pipeline._log = log  # noqa: SLF001
    return {
        "seconds": seconds[0],
        "n_payments": portfolio.n_payments,
        "counts": done.counts,
        "stages": done.stages,
    }


def ingest_one_bucket(portfolio: Portfolio, data: Path) -> Path:
    """Return a lake that holds the portfolio in one bucket."""
    output = Path(tempfile.mkdtemp(prefix="one-bucket-", dir=data))
    ingest.ingest(_config(portfolio, output, device="cpu", n_buckets=1))
    return output / "lake"


def _config(portfolio: Portfolio, output: Path, **settings: Any) -> Config:
    columns = {name: name for name in _COLUMNS}
    source = {"path": portfolio.transactions, "columns": columns}
    raw = {"as_of": AS_OF, "output": str(output), "sources": {"transactions": source}, **settings}
    return build_config(raw, base=output.parent, where="gpu_round")


def _columns(table: Any) -> dict[str, Any]:
    """Return a gold table's columns as arrays, its rows in an order of their own."""
    exact = [
        field.name
        for field in table.schema
        if not field.name.endswith(_GROUPS) and not str(field.type).startswith(("float", "double"))
    ]
    table = table.sort_by([(name, "ascending") for name in exact])
    columns = {}
    for name in table.column_names:
        values = table.column(name).to_numpy()
        columns[name] = values if values.dtype.kind in "fiub" else np.asarray(values, dtype="U")
    return columns
