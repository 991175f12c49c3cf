"""Where the commands write: standard output, for as long as somebody reads it."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import IO, Any, ClassVar, cast

from rich.console import Console

MOST_ROWS = 2**31 - 1
"""More than anybody prints: Arrow takes no number beyond 64 bits."""
_WIDE = 1_000_000
"""Columns where there is no screen: a line is never folded."""


class Patient(io.TextIOBase):
    """Standard output of which nobody may hear the end: a night goes on without a reader.

    A pipe whose other end went (``qfb run ... | head``), a log on a disk that is full: what would
    be written there is let go, the command does its work and ends with its own exit code.
    Everything but a pipe that nobody reads is in ``lost``.
    """

    lost: ClassVar[str] = ""

    def __init__(self, out: Any) -> None:
        self._out = out

    def write(self, text: str) -> int:
        """Write, or let go."""
        try:
            self._out.write(text)
        except OSError as error:
            self._let_go(error)
        return len(text)

    def flush(self) -> None:
        """Flush, or let go."""
        try:
            self._out.flush()
        except OSError as error:
            self._let_go(error)

    def isatty(self) -> bool:
        """Return whether a person may look on."""
        return bool(self._out.isatty())

    def fileno(self) -> int:
        """Return the descriptor."""
        return int(self._out.fileno())

    @property
    def encoding(self) -> str:  # type: ignore[override]  # an attribute of the base
        """Return what texts are written as."""
        return str(self._out.encoding)

    def _let_go(self, error: OSError) -> None:
        if not isinstance(error, BrokenPipeError):
            Patient.lost = str(error.strerror)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())  # what is buffered goes there, too, when the process ends
        os.close(nowhere)


def output() -> Patient:
    """Return standard output as it is now (tests replace it)."""
    if sys.stdout is None:  # closed by who started the command
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    return Patient(sys.stdout)


def console() -> Console:
    """Return the screen: standard output, as it is now (tests replace it); texts are no markup."""
    out = output()
    width = None if out.isatty() else _WIDE
    return Console(
        file=cast("IO[str]", out), highlight=False, markup=False, emoji=False, width=width
    )
