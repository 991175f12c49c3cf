"""``qfb whatif OUT --default FIRM``: who is hit where a firm stops paying."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import typer

from qfb_gpu._cli import wording
from qfb_gpu._cli.screen import MOST_ROWS
from qfb_gpu.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from qfb_gpu.report.whatif import WhatIf


def add_whatif(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def whatif(
        out: Annotated[Path, typer.Argument(help=wording.OUT)],
        default: Annotated[str, typer.Option("--default", help="id of the firm that stops paying")],
        recovery: Annotated[
            float | None,
            typer.Option(help="share that it still pays, 0 to 1; if not given, the run's setting"),
        ] = None,
        html: Annotated[
            Path | None, typer.Option(help="the page to write; OUT/whatif.html if not given")
        ] = None,
        limit: Annotated[int, typer.Option(min=1, max=MOST_ROWS, help=wording.ROWS)] = 20,
    ) -> None:
        """Show who loses how much of a year's income if one firm stops paying.

        Prints the parties that lose most, and writes a page with a chart.
        """
        from qfb_gpu._cli.screen import console
        from qfb_gpu.parts.whatif import what_if
        from qfb_gpu.report.whatif import render

        if recovery is not None and not 0 <= recovery <= 1:
            msg = f"--recovery {recovery}: expected a share from 0 (pays nothing) to 1 (pays all)"
            raise ConfigError(msg)
        answer = what_if(out, default, recovery)
        _print(answer, limit, console())
        page = html or out / "whatif.html"
        try:
            page.write_text(render(answer), encoding="utf-8")
        except OSError as error:
            msg = f"{page}: cannot be written ({error.strerror}); give another file with --html"
            raise ConfigError(msg) from error
        console().print(f"Chart: {page}", markup=False)


def _print(answer: WhatIf, limit: int, screen: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    from qfb_gpu.report.whatif import assumptions, summary
    from qfb_gpu.report.wording import count, money, percent, to_units

    screen.print(summary(answer), markup=False)
    if answer.hits:
        grid = Table(box=None)
        grid.add_column("party", overflow="fold")
        for title in ("lost", "direct", "indirect", "payments away", "by clearing", "missing"):
            grid.add_column(title, justify="right")
        for hit in answer.hits[:limit]:
            grid.add_row(
                Text(hit.name + ("" if hit.is_customer else " (no customer)")),
                percent(hit.lost), percent(hit.direct), percent(hit.indirect), count(hit.step),
                percent(hit.cleared),
                money(to_units(hit.missing_minor, hit.currency), hit.currency),
            )  # fmt: skip
        screen.print(grid)
        if len(answer.hits) > limit:
            screen.print(f"{len(answer.hits) - limit:,} more lose less; --limit shows more")
    screen.print(assumptions(answer), markup=False)
