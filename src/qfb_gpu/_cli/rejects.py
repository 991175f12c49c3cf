"""``qfb rejects``: why rows were left out, and trying them again after the config was mended."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import typer

from qfb_gpu.counted import counted
from qfb_gpu.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from qfb_gpu.lake.retry import Retried


def add_rejects(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def rejects(
        out: Annotated[
            Path, typer.Argument(help="the output folder of a run, such as demo/out, or its config")
        ],
        retry: Annotated[  # noqa: FBT002
            bool,
            typer.Option("--retry", help="try the rejected rows again with the corrected config"),
        ] = False,
        config: Annotated[Path | None, typer.Option(help="the corrected config")] = None,
        only_rejected: Annotated[  # noqa: FBT002
            bool,
            typer.Option(
                "--only-rejected",
                help="with --retry: I know that my change concerns rejected rows alone",
            ),
        ] = False,
    ) -> None:
        """List why rows were rejected; --retry takes in those that a corrected config can read.

        The source is not read again. After a retry, `qfb run` brings the new rows into the tables.
        """
        from qfb_gpu._cli.screen import console
        from qfb_gpu.config import load_config

        config = out if out.suffix == ".toml" and config is None else config
        settings = None if config is None else load_config(config)
        if settings is not None and out.suffix == ".toml":
            out = settings.output_dir
        if only_rejected and not retry:
            msg = "--only-rejected goes with --retry, which tries the rejected rows again"
            raise ConfigError(msg)
        if not retry:
            _list(out, console())
            return
        if settings is None:
            msg = f"--retry needs the mended config: qfb rejects {out} --retry --config qfb.toml"
            raise ConfigError(msg)
        if settings.output_dir != out.resolve():
            msg = f"{config}: writes to {settings.output_dir}, not to {out}; give one of them"
            raise ConfigError(msg)
        from qfb_gpu.lake.retry import retry as try_again

        _say(try_again(settings, only_rejected=only_rejected), console())


def _list(out: Path, screen: Console) -> None:
    from qfb_gpu.lake import gold

    table = gold.read(out, "rejects", ["source", "file", "row", "reason"])
    keys = ["source", "reason"]
    groups = table.group_by(keys, use_threads=False).aggregate(
        [([], "count_all"), ("file", "first"), ("row", "first")]
    )
    found = sorted(groups.to_pylist(), key=lambda r: (r["source"], -r["count_all"], r["reason"]))
    for one in found:
        where = f"e.g. row {one['row_first']} (from 0) of {one['file_first']}"
        screen.print(
            f"{one['source']}: {one['count_all']:,} {one['reason']} ({where})", markup=False
        )
    where = f"; qfb show {out} rejects has them" if table.num_rows else ""
    screen.print(f"{counted(table.num_rows, 'row')} rejected{where}", markup=False)


def _say(results: list[Retried], screen: Console) -> None:
    for one in results:
        if one.n_tried or one.n_left:
            screen.print(
                f"{one.source}: {counted(one.n_tried, 'rejected row')} tried again, "
                f"{one.n_kept:,} of them kept now, {one.n_left:,} rejected",
                markup=False,
            )
    kept = sum(one.n_kept for one in results)
    screen.print("qfb run takes them into the tables" if kept else "nothing to take in")
