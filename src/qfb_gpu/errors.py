"""Everything that can go wrong, by what the user has to do about it.

A message says what was expected, what came and what to do, in one line; the command line
prints it as it is and exits with ``exit_code``.
"""

from __future__ import annotations

import re
import sys
import warnings

GIVE_OUTPUT = "give the output folder of a `qfb run`"
"""What to do where there is none of its tables."""
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class QfbError(Exception):
    """Base of every error this package raises on purpose."""

    exit_code = 1


class ConfigError(QfbError):
    """The config, or a command-line override of it, is wrong: mend it and run again."""

    exit_code = 2


class InputError(QfbError):
    """A source table is missing, unreadable or lacks a column: mend it and run again."""

    exit_code = 2


class BackendUnavailableError(QfbError):
    """The requested device cannot run on this machine: install it or use ``cpu``."""

    exit_code = 2


def is_panic(error: BaseException) -> bool:
    """Say whether a library that is written in Rust broke off: no ``Exception`` to Python."""
    return type(error).__name__ == "PanicException"


def is_failure(error: BaseException) -> bool:
    """Say whether work went wrong: an exception, or a panic; no interrupt and no exit."""
    return isinstance(error, Exception) or is_panic(error)


def in_a_line(error: object, longest: int = 200) -> str:
    """Return the words of an error of another library in one line, cut, without its colours."""
    return " ".join(_COLOUR.sub("", str(error)).split())[:longest]


def warn_caller(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line that called the package, however many of its functions lie between."""
    package = __name__.partition(".")[0]
    frame, level = sys._getframe(1), 2  # noqa: SLF001 - the public way is Python 3.12's
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


class RunInterruptedError(QfbError):
    """The run stopped midway; what is done is kept and ``qfb run`` again resumes it."""

    exit_code = 3
