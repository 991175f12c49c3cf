"""What a silver table was made of: files, mapping, counts; a small JSON file a version.

``<lake>/<source>/_ingest/manifest-<version>.json`` is written before the commit that makes
the version; without that commit it counts for nothing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from qfb_gpu.lake.delta import committed_version

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu.config import Config
    from qfb_gpu.lake.sources import SourceFile

APPLICATION = "qfb-ingest"
_LAYOUT = 2
Change = Literal["none", "append", "rebuild"]


@dataclass(slots=True)
class Manifest:
    """The state of one silver table.

    Attributes
    ----------
    version : int
        1 for the first commit.
    fingerprint : str
        Of everything but the files that decides what silver holds.
    n_buckets : int
    files : list of dict
        ``name``, ``identity``, ``part`` of each file in the order of their numbers.
    counts : dict of measure to int
    n_rows : int
        Rows in silver.
    rejects : list of str
        Names of the files with the rejected rows, in the same folder.
    """

    version: int = 0
    fingerprint: str = ""
    n_buckets: int = 0
    files: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    n_rows: int = 0
    rejects: list[str] = field(default_factory=list)


def folder(table_dir: Path) -> Path:
    """Return the folder of a table's manifests and rejected rows."""
    return table_dir / "_ingest"


def load(table_dir: Path) -> Manifest:
    """Return the manifest of the committed version; an empty one where there is none."""
    version = committed_version(table_dir, APPLICATION)
    path = folder(table_dir) / f"manifest-{version:06d}.json"
    if version == 0 or not path.is_file():
        return Manifest(version=version)
    return Manifest(**json.loads(path.read_text(encoding="utf-8")))


def save(table_dir: Path, manifest: Manifest) -> None:
    """Write a manifest; the commit of its version makes it count."""
    path = folder(table_dir) / f"manifest-{manifest.version:06d}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(asdict(manifest), ensure_ascii=False, indent=1), encoding="utf-8")
    draft.replace(path)


def clear(table_dir: Path, manifest: Manifest) -> None:
    """Delete manifests and rejected rows of other versions."""
    kept = {f"manifest-{manifest.version:06d}.json", *manifest.rejects}
    for path in folder(table_dir).glob("*"):
        if path.name not in kept:
            path.unlink()


def fingerprint(config: Config, source: str) -> str:
    """Return a hash of the settings that decide what the silver table of a source holds."""
    parts = [part.model_dump(mode="json") for part in config.sources[source]]
    material = json.dumps([_LAYOUT, config.currency, parts], sort_keys=True)
    return hashlib.sha256(material.encode()).hexdigest()[:16]


def listed(files: list[SourceFile]) -> list[dict[str, Any]]:
    """Return files as a manifest keeps them."""
    return [{"name": f.name, "identity": f.identity, "part": f.part} for f in files]


def compare(
    before: Manifest, files: list[SourceFile], mapping: str, n_buckets: int | None
) -> tuple[Change, list[SourceFile]]:
    """Say what has to be done for silver to hold ``files``.

    Parameters
    ----------
    before : Manifest
    files : list of SourceFile
        What is there now.
    mapping : str
        The fingerprint now.
    n_buckets : int or None
        What is asked for; None keeps what there is.

    Returns
    -------
    change : {"none", "append", "rebuild"}
    todo : list of SourceFile
        The files to read.
    """
    old = {(f["name"], f["part"]): f["identity"] for f in before.files}
    now = {(f.name, f.part): f.identity for f in files}
    kept = all(now.get(key) == identity for key, identity in old.items())
    same = before.version > 0 and before.fingerprint == mapping and kept and bool(old)
    if not same or (n_buckets is not None and n_buckets != before.n_buckets):
        return "rebuild", files
    new = [f for f in files if (f.name, f.part) not in old]
    return ("append", new) if new else ("none", [])
