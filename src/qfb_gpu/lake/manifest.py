"""What a silver table was made of: files, mapping, counts; a small JSON file a version.

``<lake>/<source>/_ingest/manifest-<version>.json`` is written before the commit that makes
the version; without that commit it counts for nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from qfb_gpu import engine
from qfb_gpu._schema.output import MANIFESTS
from qfb_gpu.errors import InputError
from qfb_gpu.lake.delta import committed_version
from qfb_gpu.lake.draft import draft_of
from qfb_gpu.lake.recipe_tables import identities
from qfb_gpu.lake.sources import parts_of

if TYPE_CHECKING:
    from pathlib import Path

    from qfb_gpu.config import Config, SourcePart
    from qfb_gpu.lake.sources import SourceFile

APPLICATION = "qfb-ingest"
RETRIED = "retried"
"""In the inputs of a run: how often rejected rows of a source were tried again."""
_LAYOUT = 4
_LOGS = 40
"""So many ingests back it is known which customers each touched."""


def _code_now() -> str:
    return engine.code()


@dataclass(slots=True)
class Manifest:
    """The state of one silver table.

    Attributes
    ----------
    version : int
        1 for the first commit.
    fingerprint, settings : str, dict
        Everything but the files that decides what silver holds, and its hash.
    n_buckets : int
    files : list of dict
        ``name``, ``identity``, ``part`` and ``counts`` of each file in the order of their numbers;
        ``gone`` where its rows are no longer in silver.
    merged : dict of measure to int
        Counts of rows that met others with their key.
    counts : dict of measure to int
        All of them: those of the files, ``merged`` and ``kept``.
    n_rows : int
        Rows in silver.
    rejects : list of str
        Names of the files with the rejected rows, in the same folder.
    retried : int
        How often rejected rows were tried again.
    tables : dict of part number to dict
        Of parts that are Delta tables: ``version`` of what silver holds, and ``fed``: whether
        change feeds were read, so that rows no longer tell the file they are in.
    profile : dict of bucket to dict
        What the bucket's rows are like: see :mod:`qfb_gpu.lake.measures`.
    code : str
        Of the engine that cleaned the rows: see :func:`qfb_gpu.engine.code`; empty before
        manifests told it.
    columns : dict of part number to list of str
        Our columns that the files read last had: see :mod:`qfb_gpu.lake.vanished`.
    """

    version: int = 0
    fingerprint: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    n_buckets: int = 0
    files: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    n_rows: int = 0
    rejects: list[str] = field(default_factory=list)
    merged: dict[str, int] = field(default_factory=dict)
    retried: int = 0
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    profile: dict[str, dict[str, Any]] = field(default_factory=dict)
    code: str = field(default_factory=_code_now)
    columns: dict[str, list[str]] = field(default_factory=dict)

    def total(self) -> dict[str, int]:
        """Return the counts of all files that are not gone, of merging, and the rows kept."""
        counts: Counter[str] = Counter(self.merged)
        for file in self.files:
            counts.update(file.get("counts", {}))
        counts["kept"] = self.n_rows
        return {name: n for name, n in counts.items() if n or name in ("rows", "kept")}


@dataclass(frozen=True, slots=True)
class Change:
    """What has to be done for silver to hold the files that are there.

    Attributes
    ----------
    kind : {"none", "append", "replace", "rebuild"}
    todo : list of SourceFile
        The files to read.
    gone : set of int
        Numbers of the files whose rows have to leave.
    feeds : dict of part number to (int, int)
        Parts whose change feed is to be read: first and last version.
    """

    kind: Literal["none", "append", "replace", "rebuild"]
    todo: list[SourceFile]
    gone: frozenset[int] = frozenset()
    feeds: dict[int, tuple[int, int]] = field(default_factory=dict)


def folder(table_dir: Path) -> Path:
    """Return the folder of a table's manifests and rejected rows."""
    return table_dir / MANIFESTS


def path_of(table_dir: Path, version: int) -> Path:
    """Return where the manifest of a version is."""
    return folder(table_dir) / f"manifest-{version:06d}.json"


def load(table_dir: Path) -> Manifest:
    """Return the manifest of the committed version; an empty one where there is none."""
    version = committed_version(table_dir, APPLICATION)
    path = path_of(table_dir, version)
    if version == 0 or not path.is_file():
        return Manifest(version=version)
    try:
        return Manifest(**{"code": "", **json.loads(path.read_text(encoding="utf-8"))})
    except (ValueError, TypeError) as error:
        msg = (
            f"{path}: is no manifest that this version reads ({error}); delete {table_dir} and "
            "run again: its sources are read anew"
        )
        raise InputError(msg) from error


def save(table_dir: Path, manifest: Manifest) -> None:
    """Write a manifest; the commit of its version makes it count."""
    content = json.dumps(asdict(manifest), ensure_ascii=False, indent=1)
    with draft_of(path_of(table_dir, manifest.version)) as draft:
        draft.write_text(content, encoding="utf-8")


def clear(table_dir: Path, manifest: Manifest) -> None:
    """Delete manifests and rejected rows of other versions, and logs that are old."""
    logs = (f"touched-{manifest.version - n:06d}.arrow" for n in range(_LOGS))
    kept = {path_of(table_dir, manifest.version).name, *manifest.rejects, *logs}
    for path in folder(table_dir).glob("*"):
        if path.name not in kept:
            path.unlink()


def settings(config: Config, source: str) -> dict[str, Any]:
    """Return the settings that decide what the silver table of a source holds."""
    parts = parts_of(config, source)
    return {
        "layout": _LAYOUT,
        "currency": config.currency,
        "parts": [_told(part) for part in parts],
        "looked up": [one for part in parts for one in identities(config, part.prepare)],
    }


def _told(part: SourcePart) -> dict[str, Any]:
    """Return a part's settings; one that is younger than lakes that are kept, where it is set."""
    told = part.model_dump(mode="json")
    for name, default in (("decimal", "."), ("amount_unit", "major")):
        if told[name] == default:
            del told[name]
    return told


def fingerprint(config: Config, source: str) -> str:
    """Return a hash of :func:`settings`."""
    material = json.dumps(settings(config, source), sort_keys=True)
    return hashlib.sha256(material.encode()).hexdigest()[:16]


def listed(files: list[SourceFile]) -> list[dict[str, Any]]:
    """Return files as a manifest keeps them."""
    return [{"name": f.name, "identity": f.identity, "part": f.part} for f in files]


def versions(files: list[SourceFile]) -> dict[int, int]:
    """Return the version that was read of each part that is a Delta table."""
    return {f.part: f.delta.version for f in files if f.delta is not None}


def compare(
    before: Manifest,
    files: list[SourceFile],
    mapping: str,
    n_buckets: int | None,
    *,
    sums: bool,
    may_feed: frozenset[int] = frozenset(),
) -> Change:
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
    sums : bool
        Whether lines are summed to payments: what was summed cannot be taken apart.
    may_feed : set of int
        Parts whose change feed may be read instead of files that changed.
    """
    live = {n: f for n, f in enumerate(before.files) if not f.get("gone")}
    same = before.version > 0 and before.fingerprint == mapping and bool(live)
    same &= before.code == engine.code()  # a source that never changes is mended, too
    if not same or (n_buckets is not None and n_buckets != before.n_buckets):
        return Change("rebuild", files)
    fed = {int(part) for part, table in before.tables.items() if table["fed"]}
    now = {(f.name, f.part): f for f in files if f.part not in fed}
    there = {(f["name"], f["part"]): n for n, f in live.items() if f["part"] not in fed}
    changed = {key for key, n in there.items()
               if key not in now or now[key].identity != before.files[n]["identity"]}  # fmt: skip
    feeds = _feeds(before, files, fed | {part for _, part in changed} & may_feed)
    if feeds is None or ((changed or feeds) and sums):
        return Change("rebuild", files)
    changed = {key for key in changed if key[1] not in feeds}
    new = [f for key, f in now.items()
           if f.part not in feeds and (key not in there or key in changed)]  # fmt: skip
    names = {name for name, _ in changed}
    is_shared = any(name in names for name, part in there if (name, part) not in changed)
    is_first = not before.n_rows and bool(changed or new or feeds)  # rows where there were none
    if is_first or (changed and (is_shared or (len(changed) == len(live)))):
        return Change("rebuild", files)
    if changed or feeds:
        return Change("replace", new, frozenset(there[key] for key in changed), feeds)
    return Change("append", new) if new else Change("none", [])


def _feeds(
    before: Manifest, files: list[SourceFile], parts: set[int]
) -> dict[int, tuple[int, int]] | None:
    """Return the versions to read of each part; None where a part went back or is gone."""
    now = versions(files)
    feeds = {}
    for part in parts:
        known = before.tables.get(str(part))
        if known is None or part not in now or now[part] < known["version"]:
            if known is not None and known["fed"]:
                return None
            continue
        if now[part] > known["version"]:
            feeds[part] = (known["version"] + 1, now[part])
    return feeds
