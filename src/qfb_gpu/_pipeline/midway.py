"""What stops a night midway, in words that say how to go on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from qfb_gpu.errors import QfbError, RunInterruptedError, in_a_line, is_failure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANEW = ", and where it stops so once more, delete that folder first: the night is begun anew then"
"""Of a folder that holds what a night has done: after the power failed it may be broken."""
_LONGEST = 400


@contextmanager
def midway(kept: Path, more: str = "") -> Iterator[None]:
    """Turn what nobody expected into the error that says how to go on.

    Parameters
    ----------
    kept : Path
        Where lies what is done.
    more : str
        What else may be done.
    """
    try:
        yield
    except QfbError:
        raise
    except BaseException as error:
        if not is_failure(error):
            raise
        reason = in_a_line(f"{type(error).__name__}: {error}", _LONGEST)
        msg = (
            f"the run stopped midway ({reason}); what is done is kept in "
            f"{kept}; run the same command again to go on{more}"
        )
        raise RunInterruptedError(msg) from error
