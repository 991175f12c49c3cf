"""Every further command: a function that adds it to the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu._cli.whatif import add_whatif

if TYPE_CHECKING:
    from collections.abc import Callable

    import typer

COMMANDS: tuple[Callable[[typer.Typer], None], ...] = (add_whatif,)
