"""``qfb maintain``: put small files together, delete what nothing needs."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads it at run time
from typing import Annotated

import typer

from qfb_gpu._cli import wording
from qfb_gpu.counted import counted

_KIB = 1024


def add_maintain(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def maintain(
        out: Annotated[Path, typer.Argument(help=wording.OUT)],
        dry_run: Annotated[  # noqa: FBT002
            bool,
            typer.Option(
                "--dry-run", help="only say what would be joined and deleted, and what that frees"
            ),
        ] = False,
        newest_only: Annotated[  # noqa: FBT002
            bool,
            typer.Option(
                "--newest-only",
                help="delete the version before the newest, too, so that rows that left are in no "
                "file; whoever reads a table at that moment may be cut off",
            ),
        ] = False,
    ) -> None:
        """Free disk space: join small files of tables, delete files that no version needs.

        No row changes. The command is refused while a night writes to the same folder.
        """
        from qfb_gpu._cli.screen import console
        from qfb_gpu.lake.maintain import maintain as keep_up

        screen = console()
        done = keep_up(out, dry_run=dry_run, newest_only=newest_only)
        for one in done:
            said = []
            if one.n_compacted:
                said.append(f"{counted(one.n_compacted, 'file')} into {one.n_into:,}")
            if one.n_deleted:
                said.append(f"{counted(one.n_deleted, 'file')} deleted, {_size(one.n_bytes)}")
            if said:
                screen.print(f"{one.name}: {'; '.join(said)}", markup=False)
        total = sum(one.n_bytes for one in done)
        screen.print(f"{'would free' if dry_run else 'freed'} {_size(total)}", markup=False)


def _size(n_bytes: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if n_bytes < _KIB:
            return f"{n_bytes:,.0f} {unit}"
        n_bytes /= _KIB
    return f"{n_bytes:,.1f} GiB"
