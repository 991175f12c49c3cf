"""Everything that can go wrong, by what the user has to do about it.

A message says what was expected, what came and what to do, in one line; the command line
prints it as it is and exits with ``exit_code``.
"""

from __future__ import annotations


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


class RunInterruptedError(QfbError):
    """The run stopped midway; what is done is kept and ``qfb run`` again resumes it."""

    exit_code = 3
