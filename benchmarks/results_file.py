"""The JSON that a benchmark writes: appended after every single run, so it can be taken up again.

A file belongs to one state of the code (a hash of the engine, the kernels and the peers) on one
machine; ``nightly-<date>-<code>.json``.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
from itertools import count
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
_CODE = ("src", "kernels", "benchmarks/peers", "benchmarks/nightly.py")
_PACKAGES = (
    "qfb-gpu", "numpy", "scipy", "pandas", "pyarrow", "polars", "duckdb", "numba", "deltalake",
    "dask", "mlflow", "scikit-learn", "igraph",
)  # fmt: skip


class ResultsFile:
    """Runs of one benchmark, on disk after every :meth:`append`."""

    def __init__(self, path: Path, content: dict[str, Any]) -> None:
        self.path = path
        self.content = content

    @classmethod
    def open(cls, folder: Path, benchmark: str, settings: dict[str, Any]) -> ResultsFile:
        """Return the file of this code, machine and settings if there is one, else a new one.

        A file of others stays as it is: the new one gets a number.
        """
        head = {"benchmark": benchmark, "code": code_hash(), "hardware": hardware(), **settings}
        for path in sorted(folder.glob(f"{benchmark}-*.json"), reverse=True):
            content = json.loads(path.read_text(encoding="utf-8"))
            if all(_same(content.get(name), value) for name, value in head.items()):
                return cls(path, content)
        folder.mkdir(parents=True, exist_ok=True)
        date = dt.datetime.now(tz=dt.UTC)
        content = {
            **head,
            "date": date.isoformat(timespec="seconds"),
            "commit": _git("rev-parse", "HEAD"),
            "dirty": bool(_git("status", "--porcelain", "--", *_CODE)),
            "versions": versions(),
            "portfolios": {},
            "equality": {},
            "runs": [],
        }
        return cls(_free(folder, f"{benchmark}-{date:%Y%m%d}-{head['code']}"), content)

    def append(self, run: dict[str, Any]) -> None:
        """Add one run and save."""
        self.content["runs"].append(run)
        self.save()

    def save(self) -> None:
        """Write the file; atomic."""
        draft = self.path.with_suffix(".tmp")
        text = json.dumps(
            self.content, indent=1, ensure_ascii=False, sort_keys=True, default=_plain
        )
        draft.write_text(text + "\n", encoding="utf-8")
        draft.replace(self.path)

    def runs(self, **wanted: Any) -> list[dict[str, Any]]:
        """Return the runs that have all these values."""
        return [r for r in self.content["runs"] if all(r.get(k) == v for k, v in wanted.items())]


def _same(kept: Any, now: Any) -> bool:
    """Return whether a setting is that of a file; a virtual machine's memory may grow in use."""
    if isinstance(kept, dict) and isinstance(now, dict):
        kept, now = ({**one, "memory_gib": None} for one in (kept, now))
    return bool(kept == now)


def _free(folder: Path, name: str) -> Path:
    """Return the first of ``name``, ``name-2``, ... of which there is no file."""
    numbered = (f"{name}-{n}" if n > 1 else name for n in count(1))
    return next(path for one in numbered if not (path := folder / f"{one}.json").exists())


def _plain(value: Any) -> Any:
    """Return a number of NumPy or of a device as Python's, anything else in words."""
    return value.item() if hasattr(value, "item") else repr(value)


def hardware() -> dict[str, Any]:
    """Return what this machine is: processor, cores this process may use, memory."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Return the versions of the libraries that take part."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def code_hash() -> str:
    """Return a hash of the code that is measured."""
    digest = hashlib.sha256()
    for name in _CODE:
        path = ROOT / name
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            digest.update(str(file.relative_to(ROOT)).encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:10]


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(ROOT), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:  # there is no git
        return "unknown"
    return done.stdout.strip() if done.returncode == 0 else "unknown"
