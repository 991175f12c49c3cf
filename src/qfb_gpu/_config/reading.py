"""A TOML file as a dictionary, or one clear error."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

from qfb_gpu.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def read_toml(path: Path, missing: str) -> dict[str, Any]:
    """Return what a TOML file says.

    Parameters
    ----------
    path : Path
    missing : str
        What the error says of a file that is not there, after its path.

    Raises
    ------
    ConfigError
        There is no such file, or it is not TOML.
    """
    if not path.is_file():
        msg = f"{path}: {missing}"
        raise ConfigError(msg)
    text = ""
    try:
        text = path.read_text(encoding="utf-8-sig")  # Notepad begins with a mark
        return tomllib.loads(text)
    except UnicodeDecodeError as error:
        msg = (
            f"{path}: not UTF-8 text (byte {error.object[error.start]:#x} at {error.start}); save "
            "it as UTF-8 (an editor of Windows may have written UTF-16 or GBK)"
        )
        raise ConfigError(msg) from error
    except tomllib.TOMLDecodeError as error:
        msg = f"{path}: not valid TOML: {error}{_help(str(error), text)}"
        raise ConfigError(msg) from error


_HELP = {
    "Unescaped '\\'": r"a path of Windows stands in single quotes, 'D:\data\core.csv', or has /",
    "twice": "write [[sources.NAME]], in double brackets, for each of several parts of a source",
    "Cannot mutate immutable": "write [[sources.NAME]] for each of several parts of a source",
    "inline table": "all that stands in { } has to be in one line",
    "Invalid initial character for a key part": "all that stands in { } has to be in one line",
    "Cannot overwrite a value": "a key stands twice in one section; take one away",
    "Invalid value": 'texts stand in straight quotes, "payments.csv"; dates and numbers in none',
    "Expected '='": 'expected key = value, e.g. currency = "CNY"',
}
"""What to do about what the parser says."""
_LONGEST = 80


def _help(said: str, text: str) -> str:
    """Return the line that the parser stopped at, and what to do about it."""
    at = re.search(r"at line (\d+)", said)
    line = text.split("\n")[int(at[1]) - 1].strip()[:_LONGEST] if at else ""
    todo = next((words for sign, words in _HELP.items() if sign in said), "")
    return "; ".join(["", *([f"the line is `{line}`"] if line else []), *([todo] if todo else [])])
