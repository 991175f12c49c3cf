"""How the models did, as rows of ``model_evaluations``: each candidate beside the baselines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.models import evaluation, ranges
from qfb_gpu.parts.part import WHOLE, Columns, Part
from qfb_gpu.schema import GOLD

if TYPE_CHECKING:
    from collections.abc import Callable

    from qfb_gpu.parts.part import Saved

_MAKERS = ("churn", "next_product")
_KINDS: dict[str, Callable[[list[Any]], Any]] = {
    "string": lambda values: pa.array(values, pa.string()),
    "int32": lambda values: np.array(values, dtype=np.int32),
    "int64": lambda values: np.array(values, dtype=np.int64),
    "float64": lambda values: np.array(values, dtype=np.float64),
    "bool": lambda values: np.array(values, dtype=bool),
    "date": lambda values: np.array(values, dtype=np.int32),
}


@dataclass(frozen=True, slots=True)
class Judged:
    """One candidate's scores of the held-out rows, and whether they are published.

    ``version`` is the champion's, 0 of all others. ``said`` are the probabilities that were said
    of the rows where they are not the score itself, which then only ranks.
    """

    name: str
    true: np.ndarray
    score: np.ndarray
    is_used: bool
    version: int = 0
    is_probability: bool = True
    said: np.ndarray | None = None

    @property
    def probability(self) -> np.ndarray:
        """What was said of the rows."""
        return self.score if self.said is None else self.said


def evaluation_rows(model: str, judged: list[Judged], note: str, test_day: int) -> Columns:
    """Return the rows of a model's candidates; one row that says why where there is none."""
    rows: list[dict[str, Any]] = []
    for one in judged:
        head = {
            "model": model, "candidate": one.name, "version": one.version,
            "is_used": one.is_used, "n_rows": one.true.size, "note": note,
        }  # fmt: skip
        rows += [{**head, **row} for row in _figures(one)]
        if one.is_probability:
            rows += [{**head, **row} for row in _bins(one)]
    if not rows:
        rows = [{"model": model, "candidate": "none", "is_used": False, "note": note}]
    return evaluation_table([{"test_date": test_day, **row} for row in rows])


def evaluation_table(rows: list[dict[str, Any]]) -> Columns:
    """Return rows as columns of the gold table; what a row lacks is null, a version 0."""
    missing = {"string": "", "float64": float("nan"), "bool": False, "int32": 0, "int64": 0}
    missing["date"] = 0
    columns: Columns = {}
    for column in GOLD["model_evaluations"].columns:
        default = -1 if column.name == "bin" else missing[column.kind]
        columns[column.name] = _KINDS[column.kind]([row.get(column.name, default) for row in rows])
    return columns


def _figures(one: Judged) -> list[dict[str, Any]]:
    found = evaluation.metrics(one.true, one.score)
    told = ranges.ranges(one.true, one.score, is_probability=one.is_probability)
    if one.said is not None:
        asked = ("brier", "calibration_error")
        by_value = ranges.ranges(one.true, one.said, is_probability=True)
        told |= {name: by_value[name] for name in asked}
        found |= {name: getattr(evaluation, name)(one.true, one.said) for name in asked}
    rows = [
        {"metric": name, "value": found[name], "low": low, "high": high}
        for name, (low, high) in told.items()
    ]
    return [*rows, {"metric": "base_rate", "value": found["base_rate"]}]


def _bins(one: Judged) -> list[dict[str, Any]]:
    table = evaluation.reliability(one.true, one.probability)
    return [
        {
            "metric": "reliability",
            "bin": at,
            "value": float(table["share"][at]),
            "low": float(table["share_low"][at]),
            "high": float(table["share_high"][at]),
            "mean_probability": float(table["mean_probability"][at]),
            "n_rows": int(table["n_rows"][at]),
        }
        for at in range(table["n_rows"].size)
    ]


def _whole(saved: Saved) -> dict[str, Columns]:
    """Put the rows of every model that was judged tonight into one table."""
    found = []
    for maker in _MAKERS:
        name = f"{maker}.evaluations"
        if (saved.workspace.folder("fit", WHOLE) / f"{name}.arrow").is_file():
            found.append(saved.workspace.load("fit", WHOLE, name))
    found = found or [evaluation_table([])]
    columns = {}
    for name in found[0]:
        parts = [one[name] for one in found]
        texts = isinstance(parts[0], pa.Array)
        columns[name] = pa.chunked_array(parts) if texts else np.concatenate(parts)
    columns["version"] = pa.array(columns["version"], mask=columns["version"] == 0)
    return {"model_evaluations": columns}


MODEL_EVALUATIONS = Part(
    name="model_evaluations",
    what="how good the models are",
    whole_tables=("model_evaluations",),
    whole=_whole,
)
