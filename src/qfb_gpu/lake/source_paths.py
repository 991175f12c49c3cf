"""The data files that a path of the config leads to: a file, a folder or a glob.

Hidden are names that begin with ``.`` or ``_`` (but for ``_name=value``), as to Spark and Hive:
what a writer has in hand, checkpoints of notebooks. Links are followed; a file to which two names
of one path lead is one file.
"""

from __future__ import annotations

import glob
import itertools
import os
import urllib.parse
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from qfb_gpu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_PACKED = {
    b"\x1f\x8b": ("gzip", ".gz"),
    b"BZh": ("bzip2", ".bz2"),
    b"\x28\xb5\x2f\xfd": ("zstd", ".zst"),
    b"\x04\x22\x4d\x18": ("LZ4", ".lz4"),
}
"""How a file begins that is compressed, and what its name has to end in."""


@contextmanager
def looking(where: str) -> Iterator[None]:
    """Turn what stops a look at files and folders into the error that says which it is of.

    Its files would not be seen, and their rows leave the lake.
    """
    try:
        yield
    except OSError as error:
        path = str(error.filename).removesuffix("/_delta_log")
        what = f"{path} cannot be opened ({error.strerror})"
        msg = f"{where}: {what}; run again once it can"
        raise InputError(msg) from error


def data_files(root: Path, pattern: str, where: str) -> list[Path]:
    """Return the data files of a path, sorted by name.

    Parameters
    ----------
    root : Path
        What the path is relative to.
    pattern : str
        A file, a folder (all that is in it, at any depth) or a glob.
    where : str
        The part's key in the config, for messages.

    Raises
    ------
    InputError
        It leads to no file, to a link whose file is gone, or into a Delta table.
    OSError
        A folder that it leads through cannot be looked into: see :func:`looking`.
    """
    path = root / pattern
    if path.is_file():
        return [path]
    paths = _below(path) if path.exists() else _globbed(root, pattern)
    files = [one for one in paths if one.is_file()]
    for one in paths:
        if one.is_symlink() and not one.exists():
            msg = f"{where}: {one} is a link to {one.readlink()}, which is not there; mend the link"
            raise InputError(msg)
    table = next((one for one in paths if (one / "_delta_log").is_dir()), None)
    table = table or next((up for one in files for up in _table_of(one, root)), None)
    if table is not None:
        from qfb_gpu.lake.owned import is_ours

        if is_ours(table):
            msg = (
                f"{where}: path {path} leads into {table}, which a run of qfb wrote; let it lead "
                "to the source's files alone, or set `output` to a folder that it does not lead to"
            )
            raise InputError(msg)
        msg = (
            f"{where}: path {path} leads into the Delta table {table}, whose files hold deleted "
            f"rows, too; set path = '{table}', one [[{where.split('[', 1)[0]}]] a table"
        )
        raise InputError(msg)
    if not files:
        what = "has no data files" if path.exists() else "does not exist and matches no file"
        what = f"matches only folders; end it with '/*' ({len(paths)} of them)" if paths else what
        msg = f"{where}: path {path} {what}; correct `path`, or `data` = {root}"
        raise InputError(msg)
    return _once(files)


def _is_hidden(name: str) -> bool:
    return name[0] in "._" and "=" not in name


def _refused(error: OSError) -> None:
    """Raise where a folder cannot be looked into: the rows of its files would leave the lake."""
    raise error


def _below(folder: Path) -> list[Path]:
    """Return everything that is no folder below one; a folder is entered once."""
    found, entered = [], set()
    for top, folders, names in os.walk(folder, onerror=_refused, followlinks=True):
        real = os.path.realpath(top)
        shown = [] if real in entered else sorted(n for n in folders if not _is_hidden(n))
        tables = [] if real in entered else [n for n in folders if n == "_delta_log"]
        if real not in entered:
            found += [Path(top, name) for name in names if not _is_hidden(name)]
            found += [Path(top) for _ in tables]
        folders[:] = shown
        entered.add(real)
    return sorted(found)


def _globbed(root: Path, pattern: str) -> list[Path]:
    _refuse_closed(root, pattern)
    return sorted(root / name for name in _matching(root, pattern, pattern))


def _matching(root: Path, glob_of: str, pattern: str) -> list[str]:
    """Return the names that a glob, a beginning of ``pattern``, matches and that are not hidden."""
    literal = set(Path(pattern).parts)
    names = glob.glob(glob_of, root_dir=root, recursive=True)  # noqa: PTH207 (follows links)
    return [
        name
        for name in names
        if not any(_is_hidden(part) for part in Path(name).parts if part not in literal | {".."})
    ]


def _refuse_closed(root: Path, pattern: str) -> None:
    """Raise where a folder that a glob goes through cannot be looked into: ``glob`` skips it."""
    parts = Path(pattern).parts
    first = next((n for n, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    for n in range(first, len(parts)):
        through = parts[: n + 1] if parts[n] == "**" else parts[:n]
        beginning = os.path.join(*through, "") if through else ""  # noqa: PTH118 (only folders)
        for name in _matching(root, beginning, pattern) if through else [""]:
            if glob.has_magic(parts[n]):
                os.scandir(root / name).close()
                continue
            with suppress(FileNotFoundError, NotADirectoryError):
                (root / name / parts[n]).stat()


def _table_of(file: Path, root: Path) -> list[Path]:
    """Return the Delta table that a file lies in, below the folder of all sources."""
    ups = [up for up in file.parents if up.is_relative_to(root)] or [file.parent]
    return [up for up in ups if (up / "_delta_log").is_dir()]


def _once(files: list[Path]) -> list[Path]:
    """Return files without further links to the same one."""
    by_file: dict[str, Path] = {}
    for one in sorted(files, key=lambda path: (path.is_symlink(), path)):
        by_file.setdefault(os.path.realpath(one), one)
    return sorted(by_file.values())


def folder_values(name: str) -> dict[str, str | None]:
    """Return the columns that stand in the names of a file's folders: ``currency=USD``.

    Parameters
    ----------
    name : str
        Its path relative to the folder of all sources. Of an absolute one, of a file outside, only
        the folders right above the file count: further up are homes and mounts, no columns.
    """
    found: dict[str, str | None] = {}
    parts = Path(name).parent.parts
    if Path(name).is_absolute():
        above = itertools.takewhile(lambda part: "=" in part, reversed(parts))
        parts = tuple(above)[::-1]
    for part in parts:
        column, equals, value = part.partition("=")
        if equals and column.strip():
            text = urllib.parse.unquote(value)
            found[urllib.parse.unquote(column)] = None if text == _NO_VALUE else text
    return found


def refuse_packed(path: Path, magic: bytes, where: str) -> None:
    """Raise where a file's name does not say how it is compressed: readers go by the name."""
    if magic.startswith(b"\xfd7zX"):
        msg = f"{where}: {path} is compressed by xz, which is not read; pack it with gzip or zstd"
        raise InputError(msg)
    found = next((known for head, known in _PACKED.items() if magic.startswith(head)), None)
    if found is not None and path.suffix != found[1]:
        msg = (
            f"{where}: {path} is compressed by {found[0]}, which its name does not say; rename "
            f"it to {path.name}{found[1]}"
        )
        raise InputError(msg)
    if found is None and path.suffix in {end for _, end in _PACKED.values()}:
        msg = f"{where}: {path} is not compressed as its name says; take {path.suffix} off its name"
        raise InputError(msg)
