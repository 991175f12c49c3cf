"""``qfb text``: train, test, predict and embed descriptions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qfb_gpu._cli import wording
from qfb_gpu._cli.screen import MOST_ROWS, output
from qfb_gpu.counted import counted
from qfb_gpu.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

_TEXT = "a column that the model was trained on, in that order; may be repeated; memo if not given"
Model = Annotated[
    Path, typer.Argument(help="a fastText model: a .bin or .ftz file, or a folder with one")
]
Table = Annotated[Path, typer.Argument(help="a table: Parquet, CSV, or lines of fastText")]
Columns = Annotated[list[str] | None, typer.Option("--text", help=_TEXT)]
Out = Annotated[
    Path | None, typer.Option("--out", help="write Parquet to this file, instead of printing rows")
]
Device = Annotated[str, typer.Option(help=wording.DEVICE)]
_SET = "change a key of the job: KEY=VALUE, e.g. training.lr=0.2; may be repeated"
_SHOWN = 20


def add_text(app: typer.Typer) -> None:
    """Add the ``text`` commands."""
    text_app = typer.Typer(
        help="Train and use text models: categories and embeddings of payments' descriptions.",
        no_args_is_help=True,
    )
    text_app.command("test")(measure)
    for command in (train, predict, embed):
        text_app.command()(command)
    app.add_typer(text_app, name="text")


def train(
    config: Annotated[
        Path,
        typer.Argument(
            help="the job, a TOML file with data, text, label, output: see docs/text.md"
        ),
    ],
    set_: Annotated[list[str] | None, typer.Option("--set", help=_SET)] = None,
    device: Device = "auto",
) -> None:
    """Train a model on a table, measure it on counterparties it has not seen, and write it."""
    from qfb_gpu._config.text import load_text_job
    from qfb_gpu.parts import text_job

    job = load_text_job(config, _overrides(set_ or []))
    learned, path = text_job.train(job, device)
    card = learned.card
    labels = counted(card["n_labels"], "category", "categories")
    _say(f"Trained on {counted(card['n_rows_trained'], 'row')}, {labels}: {path}")
    for name in ("seen_counterparties", "unseen_counterparties"):
        if card.get(name) and card[name]["n_rows"]:
            s = card[name]
            kept = "" if s["precision"] is None else (
                f"; at the threshold {card['threshold']:.3f} it answers {s['coverage']:.1%}, "
                f"{s['precision']:.1%} of them right"
            )  # fmt: skip
            _say(f"  {name.replace('_', ' ')}: {s['accuracy']:.1%} of {s['n_rows']:,} right{kept}")
    for trial in card.get("trials", []):
        _say(f"  tried {trial}")


def measure(
    model: Model,
    table: Table,
    text: Columns = None,
    label: Annotated[str, typer.Option(help="column with the true category")] = "category",
    k: Annotated[int, typer.Option(min=1, max=MOST_ROWS, help="labels a text may get")] = 1,
    device: Device = "auto",
) -> None:
    """Measure how often a model is right: precision and recall at k, as fastText counts them."""
    from qfb_gpu.parts import text_job

    loaded = text_job.open_model(model, device)
    columns = text or ["memo"]
    rows = text_job.read_table(table, [*columns, label], columns[0], label)
    measured = text_job.tested(loaded, _texts(rows, columns), text_job.label_lists(rows, label), k)
    _say(f"N {measured['n_rows']:,}   P@{k} {measured['precision']:.3f}   "
         f"R@{k} {measured['recall']:.3f}")  # fmt: skip
    _say(
        f"believed (probability at least {loaded.threshold:.3f}): {measured['coverage']:.1%}, "
        f"of those right {measured['precision_believed']:.1%}"
    )


def predict(
    model: Model,
    table: Table,
    text: Columns = None,
    k: Annotated[int, typer.Option(min=1, max=MOST_ROWS, help="labels a text gets")] = 1,
    out: Out = None,
    device: Device = "auto",
) -> None:
    """Give every row of a table its category, its probability, and whether it is unknown."""
    from qfb_gpu.parts import text_job

    loaded = text_job.open_model(model, device)
    columns = text or ["memo"]
    rows = text_job.read_table(table, columns, columns[0], None)
    _give(text_job.predicted(loaded, _texts(rows, columns), k), out)


def embed(
    model: Model, table: Table, text: Columns = None, out: Out = None, device: Device = "auto"
) -> None:
    """Give every row of a table the embedding (a vector) of its description."""
    from qfb_gpu.parts import text_job

    loaded = text_job.open_model(model, device)
    columns = text or ["memo"]
    rows = text_job.read_table(table, columns, columns[0], None)
    _give(text_job.embedded(loaded, _texts(rows, columns)), out)


def _texts(rows: pa.Table, columns: list[str]) -> pa.Array:
    from qfb_gpu.parts import text_job

    return text_job.joined([text_job.column(rows, name) for name in columns])


def _give(table: pa.Table, out: Path | None) -> None:
    if out is not None:
        import pyarrow.parquet as pq

        from qfb_gpu.lake.draft import draft_of

        try:
            with draft_of(out) as draft:
                pq.write_table(table, draft)
        except OSError as error:
            msg = f"--out {out}: cannot be written ({error.strerror or error}); give a file"
            raise ConfigError(msg) from error
        _say(f"{counted(table.num_rows, 'row')}: {out}")
        return
    for row in table.slice(0, _SHOWN).to_pylist():
        _say("\t".join(str(value) for value in row.values()))
    if table.num_rows > _SHOWN:
        _say(f"... {table.num_rows:,} rows; --out FILE.parquet writes all")


def _overrides(assignments: list[str]) -> dict[str, Any]:
    import tomllib

    found: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key.strip():
            msg = f"--set {assignment}: expected key=value, e.g. --set training.lr=0.2"
            raise ConfigError(msg)
        try:
            found[key.strip()] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            found[key.strip()] = value.strip()
    return found


def _say(line: str) -> None:
    output().write(line + "\n")
