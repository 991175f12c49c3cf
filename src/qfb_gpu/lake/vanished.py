"""Columns that the files of a source had and newer ones lack: most likely renamed upstream.

A column that is mapped has to be there. One that is taken by our own name may be missing, and
then is null; without a direction the sign decides, and without a currency the config's counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.errors import warn_caller
from qfb_gpu.lake.manifest import fingerprint
from qfb_gpu.lake.sources import part_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qfb_gpu.config import Config
    from qfb_gpu.lake.clean import FilePlan
    from qfb_gpu.lake.manifest import Manifest
    from qfb_gpu.lake.sources import SourceFile

_LASTING = {"direction", "currency"}
"""What other columns mean hangs on them: they are missed until the mapping says what holds."""


def told(
    config: Config,
    source: str,
    before: Manifest,
    files: Sequence[SourceFile],
    plans: Sequence[FilePlan],
) -> dict[str, list[str]]:
    """Warn of columns that files had and none of the new ones has; return what is had now.

    Parameters
    ----------
    config : Config
    source : str
    before : Manifest
        What stands; under another mapping nothing is missed of it.
    files, plans : sequences of SourceFile, FilePlan
        The new files and how they are cleaned.

    Returns
    -------
    dict of part number to list of str
    """
    had = before.columns if before.fingerprint == fingerprint(config, source) else {}
    now: dict[str, set[str]] = {}
    last: dict[str, FilePlan] = {}
    for file, plan in zip(files, plans, strict=True):
        part = str(file.part)
        found = {name for name, mapped in plan.mapped.items() if mapped.how != "constant"}
        now[part] = now.get(part, set()) | found
        last[part] = plan
    known = dict(had)
    for part, found in now.items():
        lost = sorted(set(had.get(part, [])) - found)
        for name in lost:
            where = part_key(config, source, int(part))
            warn_caller(f"{where}: {_words(name, last[part], config)}")
        known[part] = sorted(found | (_LASTING & set(lost)))
    return known


def _words(name: str, plan: FilePlan, config: Config) -> str:
    there = ", ".join(repr(header) for header in (plan.recipe.names if plan.recipe else [])[:30])
    meaning = {
        "direction": "so the sign of an amount decides, and without one below 0 all are received",
        "currency": f"so all its amounts count as {config.currency}",
        "txn_id": "so ids are made of what its rows say",
    }.get(name, "so it is null in those rows")
    return (
        f"{plan.name} has no column {name!r} any more, which files before it had (it has {there}), "
        f"{meaning}; if it was renamed, map it: columns = {{ {name} = 'its name there' }}"
    )
