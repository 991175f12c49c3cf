"""A script that starts workers is imported by each of them: it must not start them then again."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from qfb_gpu.errors import ConfigError

if TYPE_CHECKING:
    from types import FrameType


def check_main_module() -> None:
    """Refuse to start workers from a line of a script that they would run, too.

    Python's :mod:`multiprocessing` lets each new process import the file that was started. There
    a line at the top level would start the same run, whose workers would start it once more.

    Raises
    ------
    ConfigError
        The line, and what to put around it.
    """
    main = sys.modules["__main__"]
    path, spec = getattr(main, "__file__", None), getattr(main, "__spec__", None)
    if path is None or (spec is not None and spec.name.split(".")[-1] == "__main__"):
        return  # a notebook, or a package that is run: none imports it
    frame: FrameType | None = sys._getframe()  # noqa: SLF001  inspect.stack reads every file
    while frame is not None and frame.f_globals is not main.__dict__:
        frame = frame.f_back
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    if frame is None or not Path(path).is_file():
        return  # asked by another thread
    if not _is_guarded(Path(path).read_bytes(), frame.f_lineno):
        msg = (
            f"{path}, line {frame.f_lineno}: workers import this file, and would run this line "
            'again; put it under `if __name__ == "__main__":`, or set workers = 1'
        )
        raise ConfigError(msg)


def _is_guarded(source: bytes, line: int) -> bool:
    """Return whether a line is in a statement of the top level that asks for the module's name."""
    for statement in ast.parse(source).body:
        if statement.lineno <= line <= (statement.end_lineno or statement.lineno):
            asked = ast.walk(statement.test) if isinstance(statement, ast.If) else ()
            return any(isinstance(one, ast.Name) and one.id == "__name__" for one in asked)
    return True
