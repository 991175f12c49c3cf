"""Every further command: a function that adds it to the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import typer

COMMANDS: tuple[Callable[[typer.Typer], None], ...] = ()
