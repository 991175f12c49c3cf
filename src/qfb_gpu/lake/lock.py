"""One writer at a time in an output folder.

``<output>/.lock`` is locked by the kernel while somebody writes, and free again when that process
ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from qfb_gpu._schema import output
from qfb_gpu.errors import ConfigError, RunInterruptedError
from qfb_gpu.lake.places import tables_of
from qfb_gpu.schema import SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BY_EFFECTIVE = os.access in os.supports_effective_ids
_held: dict[Path, int] = {}
"""Folders that this process writes in, and how often it entered each."""


@contextmanager
def writing(output_dir: Path) -> Iterator[None]:
    """Hold the lock of an output folder; may be entered again by the process that holds it.

    Raises
    ------
    ConfigError
        The folder cannot be made or written, or no file in it can be locked.
    RunInterruptedError
        Another process writes there.
    """
    folder = output_dir.resolve()
    if folder in _held:
        _held[folder] += 1
        try:
            yield
        finally:
            _held[folder] -= 1
        return
    check_writable(output_dir)
    try:
        number = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise _not_writable(output_dir, error) from error
    try:
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.read(number, 32).decode(errors="replace").strip() or "unknown"
            msg = (
                f"{output_dir}: another qfb (process {other}) is writing there; run the same "
                "command again when it is done"
            )
            raise RunInterruptedError(msg) from None
        except OSError as error:  # two writers at once would not hear of each other
            msg = (
                f"output: {output_dir} is on a file system that locks no files ({error.strerror}); "
                "set `output` to a folder on one that does"
            )
            raise ConfigError(msg) from error
        with suppress(OSError):  # a full disk: what another process is told lacks the number
            os.ftruncate(number, 0)
            os.pwrite(number, str(os.getpid()).encode(), 0)
        _held[folder] = 1
        try:
            yield
        finally:
            del _held[folder]
    finally:
        os.close(number)


def check_writable(output_dir: Path) -> None:
    """Raise where the folder of the results cannot be made or written."""
    probe = output_dir / f".write-test-{os.getpid()}"
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink(missing_ok=True)
    except OSError as error:
        raise _not_writable(output_dir, error) from error
    for place in _written(output_dir):
        there = os.access(place, os.F_OK, effective_ids=_BY_EFFECTIVE)
        if there and not os.access(place, os.W_OK, effective_ids=_BY_EFFECTIVE):
            msg = (
                f"output: {place} cannot be written, though {output_dir} can (another user's?); "
                "give this user the right to write it (chown, chmod u+w)"
            )
            raise ConfigError(msg)


def _written(output_dir: Path) -> Iterator[Path]:
    """Yield what a night writes in: a folder that is not to be written stops it at its very end."""
    for table in tables_of(output_dir):
        yield from (table, table / "_delta_log")
    for source in SOURCES:
        yield output_dir / output.LAKE / source / output.MANIFESTS
    for name in (*output.FOLDERS, output.STORE):
        yield output_dir / name


def _not_writable(output_dir: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"output: cannot write in {output_dir} ({error.strerror}); set `output` to a folder that "
        "can be written"
    )
