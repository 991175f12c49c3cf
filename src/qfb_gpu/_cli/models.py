"""``qfb models``: who is champion, promote, go back; ``qfb replay``: a night again."""

from __future__ import annotations

import json
from pathlib import Path  # noqa: TC003  typer reads it at run time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qfb_gpu._cli import wording

if TYPE_CHECKING:
    from qfb_gpu.parts.registry import Version

_SHOWN = ("auc", "lift_10", "brier", "calibration_error", "hit_rate_1", "hit_rate_3", "map")


def add_models(app: typer.Typer) -> None:
    """Add both commands."""

    @app.command()
    def models(
        out: Annotated[Path, typer.Argument(help=wording.OUT)],
        promote: Annotated[
            tuple[str, int] | None,
            typer.Option(
                help="make this version of a model the champion, by hand: NAME VERSION",
                show_default=False,
            ),
        ] = None,
        rollback: Annotated[
            str | None, typer.Option(help="make the previous champion champion again: NAME")
        ] = None,
        release: Annotated[
            str | None,
            typer.Option(help="after --promote or --rollback, let the gate choose again: NAME"),
        ] = None,
    ) -> None:
        """List all versions of the models: champion, metrics, night and data; choose the champion.

        The champion is the version whose scores are published. Every night the gate, a test on
        held-out rows, decides whether the newest version becomes champion. A choice made here
        stays until --release.
        """
        from qfb_gpu._cli.screen import console
        from qfb_gpu.errors import GIVE_OUTPUT, InputError
        from qfb_gpu.parts import registry

        if not out.is_dir():
            msg = f"{out}: no such folder; {GIVE_OUTPUT}"
            raise InputError(msg)
        if sum(asked is not None for asked in (promote, rollback, release)) > 1:
            msg = "one of --promote, --rollback and --release at a time; nothing was changed"
            raise InputError(msg)
        if promote is not None:
            _said(registry.promote(out, *promote))
        if rollback is not None:
            _said(registry.rollback(out, rollback))
        if release is not None:
            registry.release(out, release)
            console().print(f"{release}: from the next night on the gate chooses its champion")
        _list(registry.versions(out), out)

    _add_replay(app)


def _add_replay(app: typer.Typer) -> None:
    @app.command()
    def replay(
        out: Annotated[Path, typer.Argument(help=wording.OUT)],
        run_id: Annotated[
            str, typer.Argument(help="the run_id of the night; `qfb show OUT runs` lists them")
        ],
        into: Annotated[
            Path | None, typer.Option(help="a new folder; OUT-replay-RUN_ID if not given")
        ] = None,
        device: Annotated[
            str | None,
            typer.Option(help=f"{wording.DEVICE}; what that night was told if not given"),
        ] = None,
    ) -> None:
        """Run an earlier night again, in a folder beside the original, and compare the results."""
        from qfb_gpu.parts import registry
        from qfb_gpu.pipeline import run

        named = out if out.name not in ("", "..") else out.resolve()  # "." has no name
        folder = into or named.parent / f"{named.name}-replay-{run_id}"
        config = registry.replay_config(out, run_id, folder, device)
        result = run(config)
        _compared(out, folder, run_id, result.run_id)


def _said(version: Version) -> None:
    from qfb_gpu._cli.screen import console

    console().print(
        f"{version.name} {version.version} is champion from the next night on, and stays until "
        f"`qfb models OUT --release {version.name}`",
        markup=False,
    )


def _list(found: list[Version], out: Path) -> None:
    from qfb_gpu._cli.screen import console
    from qfb_gpu.report.grid import print_columns

    screen = console()
    if not found:
        screen.print(f"{out}: no model yet; a night registers what it fits", markup=False)
        return
    cells: dict[str, list[str]] = {}
    for one in found:
        is_pinned = one.is_pinned and "champion" in one.aliases
        alias = ", ".join(one.aliases) + (" (pinned)" if is_pinned else "")
        row = {
            "model": one.name, "version": str(one.version), "alias": alias,
            "as of": one.params.get("as_of", ""), "metrics": _metrics(one),
            "night": one.tags.get("qfb_run", ""), "data": _data(one),
            "gate": _by_hand(one) if one.is_by_hand else one.tags.get("gate", ""),
        }  # fmt: skip
        for title, text in row.items():
            cells.setdefault(title, []).append(text)
    print_columns(cells, screen)


def _by_hand(version: Version) -> str:
    return "its model_id names no model" if version.tags.get("model_id") else "registered by hand"


def _metrics(version: Version) -> str:
    short = {name.removeprefix(f"{version.name}."): v for name, v in version.metrics.items()}
    shown = [name for name in _SHOWN if name in short] or sorted(short)
    return ", ".join(f"{name} {short[name]:.3f}" for name in shown)


def _data(version: Version) -> str:
    try:
        inputs: dict[str, Any] = json.loads(version.tags.get("data", "{}"))
    except json.JSONDecodeError:  # longer than a tag may be
        return "see the night's inputs.json"
    return ", ".join(sorted(inputs))


def _compared(out: Path, folder: Path, run_id: str, again: str) -> None:
    from qfb_gpu._cli.screen import console
    from qfb_gpu.errors import InputError
    from qfb_gpu.parts import registry

    before, now = registry.run_row(out, run_id), registry.run_row(folder, again)
    screen = console()
    if again != run_id:
        differing, fed = registry.differing_inputs(before, now), registry.fed_inputs(before)
        retried, other = registry.retried_inputs(before, now), registry.other_code(differing)
        if not differing or not set(differing) <= {*fed, *retried, *other}:
            what = (
                ", ".join(n for n in differing if n not in {*fed, *retried, *other})
                or "the files of text.model"
            )
            msg = (
                f"the replay in {folder} is another night ({again}, not {run_id}): {what} changed "
                "since; restore what it was and replay into another folder"
            )
            raise InputError(msg)
        read_anew = [n for n in differing if n not in {*retried, *other}]
        _say_why_other(read_anew, retried, other, again)
    _say_where(*(str(row.get("device", "")) for row in (before, now)))
    screen.print(f"Replayed {run_id} as of {now['as_of']} into {folder}", markup=False)
    tables = registry.compare(out, folder, run_id)
    if tables is None:
        screen.print(f"{out} has a later night now; its tables were not compared", markup=False)
        return
    later = registry.of_later(out, run_id)
    if later:
        screen.print(
            f"A later night published some of its tables in {out} and was stopped; not compared: "
            f"{', '.join(later)}",
            markup=False,
        )
    other = [name for name, same in tables.items() if not same]
    screen.print(f"{len(tables) - len(other)} of {len(tables)} gold tables are equal", markup=False)
    if other:
        screen.print(f"Not equal: {', '.join(other)}", markup=False)
    if {"segments", "segment_moves"} & set(other):
        screen.print(
            "Segments keep the numbers of the night before, and a replay has none: who moved, and "
            "the segment_ columns of customer_profiles, differ where nothing else does"
        )


def _say_where(before: str, now: str) -> None:
    """Say where a night was on another kind of device than its replay."""
    from qfb_gpu._cli.screen import console

    if before.partition(":")[0] != now.partition(":")[0]:
        console().print(
            f"That night ran on {before}, its replay on {now}: numbers with a fraction agree but "
            "for their last digits, so tables that hold such are not equal for that alone",
            markup=False,
        )


def _say_why_other(fed: list[str], retried: list[str], other: list[str], again: str) -> None:
    """Say why a replay that reads the same rows is another night by its id."""
    from qfb_gpu._cli.screen import console

    if other:
        console().print(
            f"{', '.join(other)}: that night was made by other code, so the replay has another id "
            f"({again}), and tables may be others for that alone",
            markup=False,
        )
    if fed:
        console().print(
            f"{', '.join(fed)}: that night read changes of a Delta table, a replay reads "
            f"the table as it is now, so it has another id ({again}); where the table has later "
            "versions, its rows are others, too",
            markup=False,
        )
    if retried:
        console().print(
            f"{', '.join(retried)}: before that night rejected rows had been tried again; a replay "
            f"reads them with the mended config at once, so it has another id ({again})",
            markup=False,
        )
