"""``qfb prepare CONFIG``: what the recipes of the sources do, before a night is run."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads it at run time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qfb_gpu._cli import wording
from qfb_gpu._cli.screen import MOST_ROWS
from qfb_gpu.counted import counted

if TYPE_CHECKING:
    from rich.console import Console

    from qfb_gpu.lake.explain import Explanation, StepDone


def add_prepare(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def prepare(
        config: Annotated[Path, typer.Argument(help=wording.CONFIG)],
        *,
        explain: Annotated[
            bool,
            typer.Option(
                "--explain", help="show the steps and their counts, not the prepared rows"
            ),
        ] = False,
        source: Annotated[
            str | None, typer.Option(help="name of one source; all if not given")
        ] = None,
        rows: Annotated[
            int,
            typer.Option(
                min=1, max=MOST_ROWS, help="read so many first rows of each part of a source"
            ),
        ] = 100_000,
        limit: Annotated[
            int, typer.Option(min=1, max=MOST_ROWS, help="prepared rows to print at most")
        ] = 10,
        set_: Annotated[list[str] | None, typer.Option("--set", help=wording.SET)] = None,
    ) -> None:
        """Try the preparation steps of the sources (`prepare` in the config) on their first rows.

        Nothing is written. docs/preparation.md describes the steps.
        """
        from qfb_gpu._cli.screen import console
        from qfb_gpu.cli import load
        from qfb_gpu.lake.explain import explain as explain_recipes

        for part in explain_recipes(load(config, None, None, set_), source, rows):
            if explain:
                _steps(part, console())
            else:
                _example(part, limit, console())


def _steps(part: Explanation, screen: Console) -> None:
    from rich.table import Table

    files = f"{part.n_files} file{'s' if part.n_files > 1 else ''}"
    screen.print(f"{part.where}: {files}, the first {counted(part.n_rows, 'row')}", markup=False)
    screen.print(f"  columns in: {', '.join(part.columns)}", markup=False)
    grid = Table(box=None)
    for title in ("step", "reads", "makes"):
        grid.add_column(title, overflow="fold")
    grid.add_column("rows", justify="right")
    grid.add_column("what it did", overflow="fold")
    for step in part.steps:
        reads = [*step.reads, *([step.table] if step.table else [])]
        cells = [step.label, ", ".join(reads), ", ".join(step.makes), _rows(step), _did(step)]
        grid.add_row(*(_plain(cell) for cell in cells))
    screen.print(grid)
    made = dict.fromkeys([*part.columns, *(name for step in part.steps for name in step.makes)])
    screen.print(f"  columns out: {', '.join(made)}", markup=False)


def _rows(step: StepDone) -> str:
    if step.rows_before == step.rows_after:
        return f"{step.rows_after:,}"
    return f"{step.rows_before:,} → {step.rows_after:,}"


def _did(step: StepDone) -> str:
    said = [f"{n:,} {what}" for what, n in step.counts.items() if n or what == "changed"]
    return ", ".join(said) or "nothing"


def _example(part: Explanation, limit: int, screen: Console) -> None:
    from qfb_gpu.report.grid import print_columns

    screen.print(part.where, markup=False)
    if part.example is None:
        screen.print("  no rows")
        return
    some = part.example.slice(0, limit)
    columns = zip(some.column_names, some.columns, strict=True)
    print_columns(
        {name: ["" if v is None else str(v) for v in of.to_pylist()] for name, of in columns},
        screen,
    )


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text(text)
