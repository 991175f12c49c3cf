"""Every further command: a function that adds it to the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu._cli.ego import add_ego
from qfb_gpu._cli.maintain import add_maintain
from qfb_gpu._cli.models import add_models
from qfb_gpu._cli.prepare import add_prepare
from qfb_gpu._cli.rejects import add_rejects
from qfb_gpu._cli.text import add_text
from qfb_gpu._cli.whatif import add_whatif

if TYPE_CHECKING:
    from collections.abc import Callable

    import typer

COMMANDS: tuple[Callable[[typer.Typer], None], ...] = (
    add_maintain,
    add_models,
    add_prepare,
    add_rejects,
    add_text,
    add_whatif,
    add_ego,
)
