"""A TOML file as a dictionary, or one clear error."""

from __future__ import annotations

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
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))  # Notepad begins with a mark
    except UnicodeDecodeError as error:
        msg = (
            f"{path}: not UTF-8 text (byte {error.object[error.start]:#x} at {error.start}); save "
            "it as UTF-8 (an editor of Windows may have written UTF-16 or GBK)"
        )
        raise ConfigError(msg) from error
    except tomllib.TOMLDecodeError as error:
        msg = f"{path}: not valid TOML: {error}"
        raise ConfigError(msg) from error
