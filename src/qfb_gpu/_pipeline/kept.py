"""What a whole night keeps, so that an update can apply it to customers whose rows changed.

``<output>/lake/kept/kept.json`` says of which night it is; ``fit/-1`` beside it holds what was
fitted over all customers, ``score/<bucket>`` each bucket's monthly totals with the files of silver
that they are of, ``figures.json`` what the report says of the streams and of what is expected
(:mod:`qfb_gpu.report.figures.known`). It is a cache: without it, or after a change of settings or
of the engine, the next night is a whole one.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu import engine, parts
from qfb_gpu._pipeline.records import settings_of
from qfb_gpu._schema.output import KEPT, LAKE
from qfb_gpu.backend import get_backend
from qfb_gpu.lake import touched
from qfb_gpu.lake.delta import partition_files
from qfb_gpu.lake.draft import draft_of
from qfb_gpu.lake.work import Workspace
from qfb_gpu.ledger import Labelled
from qfb_gpu.models.segments import SegmentModel
from qfb_gpu.parts.part import WHOLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from qfb_gpu.config import Config
    from qfb_gpu.tasks import Night

_FILES = "file"
_OF_WHOLE_TABLES = ("edges", "edges.ends", "graph.nodes", "graph.edges", "names")
"""Sets that only whole tables are made of."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A published night and what it fitted.

    Attributes
    ----------
    run_id : str
        Of the newest tables.
    base : str
        Of the whole night that fitted.
    stamp : str
        Settings, code and device of that night.
    inputs : dict
        What the tables were made of: see :class:`qfb_gpu.lake.ingest.IngestResult`.
    ingest_ids : dict of source to str
        What silver held then.
    buckets : list of int
        A table by bucket has a part file each, in this order.
    counts : list of dict
        ``n_payments``, ``n_customers``, ``n_streams``, ``n_regular`` of each.
    tables : list of str
        The gold tables that are of this night.
    segments : dict
        The segment model.
    """

    run_id: str
    base: str
    stamp: str
    inputs: dict[str, Any]
    ingest_ids: dict[str, str]
    buckets: list[int]
    counts: list[dict[str, int]]
    tables: list[str]
    segments: dict[str, Any]

    @property
    def model(self) -> SegmentModel:
        """The segment model."""
        return SegmentModel(**self.segments)


def folder(output: Path) -> Path:
    """Return where an output folder keeps it."""
    return output / LAKE / KEPT


def figures(output: Path) -> Path:
    """Return where figures of the report are kept."""
    return folder(output) / "figures.json"


def stamp_of(config: Config, device: str) -> str:
    """Return what has to be the same for a night's fit to be applied to further rows."""
    material = json.dumps([settings_of(config), device], sort_keys=True)
    return hashlib.sha256(material.encode()).hexdigest()[:16]


def load(output: Path) -> Kept | None:
    """Return what is kept, None where there is nothing or it cannot be read."""
    try:
        content = json.loads((folder(output) / "kept.json").read_text(encoding="utf-8"))
        return Kept(**content)
    except (OSError, ValueError, TypeError):
        return None


def save(output: Path, kept: Kept) -> None:
    """Say what is kept; atomic, and last."""
    with draft_of(folder(output) / "kept.json") as draft:
        draft.write_text(json.dumps(asdict(kept)), encoding="utf-8")


def forget(output: Path) -> None:
    """Delete what is kept: tables change, and nothing tells yet what they are of."""
    shutil.rmtree(folder(output), ignore_errors=True)


def keep(config: Config, night: Night, buckets: list[int], fitted: Mapping[str, Any]) -> None:
    """Move what a night fitted out of its workspace, and what else an update needs beside it.

    Parameters
    ----------
    fitted : mapping
        ``groups``, on the host.
    """
    work, host = night.workspace, get_backend("cpu")
    root = folder(config.output_dir)
    forget(config.output_dir)
    root.mkdir(parents=True)
    population = _ordered(fitted["groups"].population, "customer_key")
    work.save("fit", WHOLE, "population", population, host)
    work.save("fit", WHOLE, "q_values", work.load("decide", WHOLE, "q_values"), host)
    left_out = {*_OF_WHOLE_TABLES, *parts.sets_of_rows(night.sources)}
    for name in left_out:
        (work.folder("fit", WHOLE) / f"{name}.arrow").unlink(missing_ok=True)
    (root / "fit").mkdir()
    shutil.move(work.folder("fit", WHOLE), root / "fit" / str(WHOLE))
    if (work.root / "text").is_dir():
        shutil.move(work.root / "text", root / "text")
    for bucket in buckets:
        files = partition_files(night.lake / "transactions", "bucket", str(bucket))
        monthly = of_files(work.load("score", bucket, "monthly"), files)
        keep_monthly(config.output_dir, monthly, bucket)


def of_files(totals: Mapping[str, Any], files: Sequence[Path]) -> dict[str, Any]:
    """Return a bucket's monthly totals with the names of the files of silver that they sum up."""
    of_row = np.zeros(totals["month"].size, np.int8)
    return {**totals, _FILES: Labelled(of_row, tuple(file.name for file in files))}


def keep_monthly(output: Path, totals: Mapping[str, Any], bucket: int) -> None:
    """Keep a bucket's monthly totals, with their files; atomic."""
    work = Workspace(folder(output))
    work.save("score", bucket, "draft", totals, get_backend("cpu"))
    draft = work.folder("score", bucket) / "draft.arrow"
    draft.replace(draft.with_stem("monthly"))


def monthly(output: Path, bucket: int) -> tuple[set[str], dict[str, Any]]:
    """Return the names of a bucket's files of silver, and the monthly totals that they come to.

    No names where no totals are kept: the bucket is new.
    """
    work = Workspace(folder(output))
    if not work.has("score", bucket, "monthly"):
        return set(), {}
    totals = work.load("score", bucket, "monthly")
    return {*totals.pop(_FILES).labels}, totals


def lend(output: Path, work: Workspace) -> None:
    """Show a workspace what was fitted, as if it had been fitted in it.

    What an update that died was shown is shown anew: the output folder may have moved since, or be
    a copy, in which links have become folders.
    """
    root = folder(output).resolve()
    for name in (f"fit/{WHOLE}", "text"):
        link = work.root / name
        link.parent.mkdir(parents=True, exist_ok=True)
        if link.is_symlink():
            link.unlink()
        shutil.rmtree(link, ignore_errors=True)
        if (root / name).is_dir():
            link.symlink_to(root / name, target_is_directory=True)


def ingest_ids(output: Path) -> dict[str, str]:
    """Return what silver holds now."""
    return touched.ingest_ids(output / LAKE)


def made_of(output: Path) -> dict[str, str]:
    """Return what intermediates of a night that begins now are made of: silver, and our code."""
    return {**ingest_ids(output), "engine": engine.code()}


def _ordered(columns: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return rows in order of their keys: whoever looks a key up searches for it."""
    order = np.argsort(columns[key], kind="stable")
    return {name: values[order] for name, values in columns.items()}
