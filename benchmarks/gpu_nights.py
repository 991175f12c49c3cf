"""A whole night of all sources on both sides, its gold tables compared one by one.

MLflow's store and the report are left out: they are the host's, and need more installed.
"""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
from device_clock import wall
from gpu_parts import chosen
from more_sources import write_more
from parity import compare
from update_everyone import everyone

from qfb_gpu import pipeline
from qfb_gpu._backend import densities, devices
from qfb_gpu._pipeline import kept, update
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar
from qfb_gpu.config import build_config
from qfb_gpu.lake import gold
from qfb_gpu.portfolio import write_portfolio

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from qfb_gpu.backend import Backend
    from qfb_gpu.config import Config

AS_OF = dt.date(2024, 12, 31)
SEED = 20241231
_QUICK = {
    "segments": {"n_segments": 3},
    "finance": {"orders": {"backtest_dates": 0}, "risks": {"history_months": 24}},
}
"""What takes longest of a tiny night, made short."""
_WHOLE = {"text": {"train": True, "training": {"epoch": 1, "dim": 16, "max_rows": 20_000}}}
"""Categories are learnt on the host: how well does not matter here, only that they are used."""
_NOT_COMPARED = ("runs",)
_OF_GROUPS = (
    "segments", "segment_choice", "segment_moves", "segment_drift", "identity_audit",
)  # fmt: skip
"""What follows from clusters: another library finds others, so a difference here is no fault."""
_GROUPS = ("community_id", "segment_id")


def all_sources(n_customers: int, data: Path, *, is_tiny: bool) -> Config:
    """Return the config of a generated portfolio with every source that a part of the night reads.

    ``is_tiny``: without categories of descriptions and back-tests of orders.
    """
    folder = data / f"all-sources-{n_customers}"
    if not (folder / "done").is_file():
        write_portfolio(folder, n_customers, SEED, as_of=AS_OF, calendar=load_calendar("CN"))
        write_more(folder)
        (folder / "done").touch()
    files = sorted(path.name for path in folder.glob("*.*") if path.is_file())
    raw = {
        "as_of": AS_OF,
        "data": str(folder),
        "output": str(data / "out"),
        "n_buckets": 2,
        "workers": 1,
        **(_QUICK if is_tiny else _WHOLE),
        "sources": {name.partition(".")[0]: {"path": name} for name in files},
    }
    return build_config(raw, base=data, where="gpu_round")


def night_parity(config: Config, output: Path, device: Backend) -> dict[str, Any]:
    """Run the night on both sides and compare every gold table.

    Returns
    -------
    dict
        ``cpu`` and ``gpu`` as :func:`run_night` gives them; ``differences`` by gold table;
        ``of_groups``: those that follow from clusters, where there were so many customers that
        cuML found these; ``equal``: names;
        ``update``: what :func:`update_parity` gives of the device.
    """
    sides = (("cpu", get_backend("cpu")), ("gpu", device))
    configs = {
        side: config.model_copy(update={"output": str(output / side), "device": backend.name})
        for side, backend in sides
    }
    rows: dict[str, Any] = {side: run_night(configs[side], backend) for side, backend in sides}
    left, right = (configs[side].output_dir for side in ("gpu", "cpu"))
    found, of_groups, equal = {}, {}, []
    n_customers = gold.read(right, "customer_profiles").num_rows
    is_large = n_customers >= densities.DEVICE_ROWS and devices.has("cuml")
    for name in sorted({*gold.tables(left), *gold.tables(right)} - set(_NOT_COMPARED)):
        rows_of = compare_table(left, right, name)
        if not rows_of:
            equal.append(name)
        elif name in _OF_GROUPS and device.name == "gpu" and is_large:
            of_groups[name] = rows_of
        else:
            found[name] = rows_of
    rows["update"] = update_parity(configs["gpu"], device)
    return {**rows, "differences": found, "of_groups": of_groups, "equal": equal}


def update_parity(config: Config, backend: Backend) -> dict[str, Any]:
    """Take every customer of a published night for touched, and update it.

    Returns
    -------
    dict
        ``seconds``, and ``differences`` between the night's gold tables and the update's.
    """
    output = config.output_dir
    names = [name for name in gold.tables(output) if name not in _NOT_COMPARED]
    before = {name: _columns(gold.read(output, name)) for name in names}
    unlike = replace(kept.load(output), inputs={})  # or nothing would be done
    with (
        mock.patch.object(kept, "load", return_value=unlike),
        mock.patch.object(update, "touched_customers", everyone),
        without_reports(),
        chosen(backend),
        wall(backend) as seconds,
    ):
        pipeline.run(config, update=True)
    found = {name: compare(_columns(gold.read(output, name)), before[name]) for name in names}
    return {"seconds": seconds[0], "differences": {n: rows for n, rows in found.items() if rows}}


def compare_table(left: Path, right: Path, name: str) -> list[dict[str, Any]]:
    """Return what differs between two outputs' table, rows in an order of their own."""
    for side, output in (("gpu", left), ("cpu", right)):
        if name not in gold.tables(output):
            return [{"problem": f"not written on {side}"}]
    return compare(_columns(gold.read(left, name)), _columns(gold.read(right, name)))


def run_night(config: Config, backend: Backend) -> dict[str, Any]:
    """Run a night; return its seconds, its counts and its stages."""
    with without_reports(), chosen(backend), wall(backend) as seconds:
        done = pipeline.run(config)
    return {"seconds": seconds[0], "counts": done.counts, "stages": done.stages}


@contextmanager
def without_reports() -> Iterator[None]:
    """Let a night write no report and no MLflow run."""
    with (
        mock.patch.object(pipeline, "_log"),
        mock.patch.object(pipeline, "write_report"),
        mock.patch.object(pipeline.report_data, "collect"),
    ):
        yield


def _columns(table: Any) -> dict[str, Any]:
    """Return a gold table's columns as arrays, its rows sorted by all that is exact."""
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
