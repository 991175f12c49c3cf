"""The ``qfb`` command: parse, call, exit code."""

from __future__ import annotations

import atexit
import datetime as dt
import gc
import io
import signal
import sys
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TextIO

import typer
from rich.console import Console

from qfb_gpu._cli import wording
from qfb_gpu._cli.catalog import COMMANDS
from qfb_gpu._cli.screen import MOST_ROWS, Patient, console, output
from qfb_gpu.counted import counted
from qfb_gpu.errors import GIVE_OUTPUT, ConfigError, QfbError, is_panic
from qfb_gpu.starting import importing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from qfb_gpu.config import Config
    from qfb_gpu.pipeline import RunResult

_INTERRUPTED = 130
"""What typer makes of Ctrl-C, without a word."""
DEMO_AS_OF = dt.date(2024, 12, 31)
app = typer.Typer(
    name="qfb",
    help=wording.HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Customers = Annotated[int, typer.Option(min=1, help="number of customers")]
Device = Annotated[str, typer.Option(help=wording.DEVICE)]
Seed = Annotated[int, typer.Option(help="decides what is drawn: the same seed, the same portfolio")]


@app.command()
def demo(
    customers: Customers = 1000,
    device: Device = "auto",
    out: Annotated[Path, typer.Option(help="folder for config, sources, results")] = Path("demo"),
    seed: Seed = 1,
) -> None:
    """Try the product: make a portfolio of invented firms, run the night on it, write a report.

    OUT/qfb.toml is a config to start your own from; OUT/out/report.html is the report.
    """
    from qfb_gpu._config.demo import demo_config
    from qfb_gpu.config import load_config
    from qfb_gpu.lake.draft import draft_of
    from qfb_gpu.schema import SOURCES

    _generate(customers, seed, out / "sources", DEMO_AS_OF)
    made = [name for name in SOURCES if (out / "sources" / f"{name}.parquet").exists()]
    config_path = out / "qfb.toml"
    with draft_of(config_path) as draft:
        draft.write_text(demo_config(DEMO_AS_OF, device, made), encoding="utf-8")
    _run(load_config(config_path))
    console().print(f"Look again with: qfb show {out / 'out'}   or: qfb run {config_path}")


@app.command()
def generate(
    customers: Customers,
    out: Annotated[
        Path, typer.Option(help="folder to write to; its files of the same names are replaced")
    ],
    seed: Seed = 1,
    as_of: Annotated[
        dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="last day of the history")
    ] = dt.datetime(2024, 12, 31),  # noqa: DTZ001
    months: Annotated[int, typer.Option(min=1, help="length of the history in months")] = 24,
    hardness: Annotated[
        float, typer.Option(min=0, max=3, help="0 clean, 1 as in a bank, 2 hard")
    ] = 1.0,
) -> None:
    """Write the source tables of a portfolio of invented firms, and the true answers, as Parquet.

    The answers are under OUT/truth. docs/portfolio.md describes every table.
    """
    _generate(customers, seed, out, as_of.date(), months=months, hardness=hardness)


@app.command()
def run(
    config: Annotated[Path, typer.Argument(help=wording.CONFIG)],
    as_of: Annotated[
        str | None, typer.Option(help="score as of this day, YYYY-MM-DD; no later row is used")
    ] = None,
    device: Annotated[str | None, typer.Option(help=wording.DEVICE)] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help=wording.SET)] = None,
    update: Annotated[  # noqa: FBT002
        bool,
        typer.Option("--update", help="score only customers whose rows changed; fit nothing anew"),
    ] = False,
) -> None:
    """Run the night: read what is new in the sources, score every customer, write the gold tables.

    The gold tables and report.html are in the `output` folder of the config. If nothing changed,
    nothing is done. A run that was stopped goes on with the same command.
    """
    _run(load(config, as_of, device, set_), update=update)


@app.command()
def check(
    config: Annotated[Path, typer.Argument(help=wording.CONFIG)],
    set_: Annotated[list[str] | None, typer.Option("--set", help=wording.SET)] = None,
) -> None:
    """Test a config without running it: say what is wrong, and what to do.

    Reads the config, the calendar and the text model it names, and the first rows of each source.
    Nothing is written.
    """
    from qfb_gpu.calendars import load_calendar
    from qfb_gpu.lake.preview import preview
    from qfb_gpu.parts.categories import check_model
    from qfb_gpu.report.show import render_preview

    settings = load(config, None, None, set_)
    load_calendar(settings.calendar)
    check_model(settings)
    if not render_preview(preview(settings), console()):
        raise typer.Exit(2)


@app.command()
def show(
    out: Annotated[Path, typer.Argument(help=wording.OUT)],
    table: Annotated[
        str | None, typer.Argument(help="a gold table, such as payment_streams; else a list of all")
    ] = None,
    customer: Annotated[
        str | None, typer.Option(help="show the rows of this customer's id")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST_ROWS, help=wording.ROWS)] = 20,
) -> None:
    """Look at the results of a run: all tables, the rows of one table, or one customer."""
    from qfb_gpu.lake import gold
    from qfb_gpu.report.show import render

    tables = gold.tables(out)
    if not tables:
        msg = f"{out}: no gold tables there; {GIVE_OUTPUT}"
        raise ConfigError(msg)
    render(gold.reader(out), tables, table, customer, limit, console())


def load(
    path: Path, as_of: str | None, device: str | None, assignments: list[str] | None
) -> Config:
    """Return the config of a file with what the command line changes."""
    from qfb_gpu.config import load_config

    overrides: dict[str, Any] = {}
    for assignment in assignments or []:
        key, equals, value = assignment.partition("=")
        if not equals or not key.strip():
            msg = f"--set {assignment}: expected key=value, e.g. --set payments.horizon_days=30"
            raise ConfigError(msg)
        overrides[key.strip()] = value.strip()
    if as_of is not None:
        overrides["as_of"] = _day(as_of)
    if device is not None:
        overrides["device"] = f'"{device}"'
    return load_config(path, overrides)


def _day(text: str) -> str:
    try:
        return dt.date.fromisoformat(text.strip()).isoformat()
    except ValueError as error:
        msg = f"--as-of {text}: expected a day of the calendar as YYYY-MM-DD, e.g. 2024-12-31"
        raise ConfigError(msg) from error


def _generate(
    customers: int, seed: int, out: Path, as_of: dt.date, *, months: int = 24, hardness: float = 1.0
) -> None:
    from qfb_gpu.calendars import load_calendar
    from qfb_gpu.portfolio import write_portfolio

    if not out.is_dir() and out.exists():
        msg = f"--out {out}: is a file; give a folder"
        raise ConfigError(msg)
    rows = write_portfolio(
        out,
        customers,
        seed,
        as_of=as_of,
        months=months,
        hardness=hardness,
        calendar=load_calendar("CN"),
    )
    tables = ", ".join(f"{count:,} {name}" for name, count in rows.items() if "/" not in name)
    console().print(f"Generated {tables} in {out}")


def _run(config: Config, *, update: bool = False) -> None:
    with importing():
        from qfb_gpu.pipeline import run as run_night

    with _progress() as progress:
        result = run_night(config, progress, update=update)
    _summary(result)


def _summary(result: RunResult) -> None:
    screen = console()
    if result.why_whole:
        screen.print(f"A whole night, not an update: {result.why_whole}")
    if result.why_anew:
        screen.print(f"The same night again: {result.why_anew} had been lost or replaced")
    if result.of_other_code:
        screen.print(
            f"The engine's code is not that of run {result.of_other_code}, the last one: sources "
            "were read and tables made anew"
        )
    if result.unchanged:
        screen.print(
            f"Nothing changed since run {result.run_id}; the tables in {result.output} are current."
        )
        return
    counts = result.counts
    seconds = sum(entry["seconds"] for entry in result.stages.values())
    screen.print(
        f"Run {result.run_id} on {result.device}: {counted(counts['n_payments'], 'payment')} of "
        f"{counted(counts['n_customers'], 'customer')}, {counts['n_regular']:,} regular of "
        f"{counted(counts['n_streams'], 'stream')}, "
        f"{counted(counts['n_rejected'], 'row')} rejected, "
        f"{seconds:.1f} s"
    )
    if result.updated:
        screen.print(
            f"Updated {counted(result.stages['update']['rows'], 'customer')} with changed rows; "
            f"what is learnt of all customers is of night {result.updated}"
        )
    for name, entry in result.stages.items():
        rows = f"{entry['rows']:>14,} rows" if "rows" in entry else ""
        screen.print(f"  {name:<10}{entry['seconds']:>8.2f} s {rows}")
    if counts["n_later"]:
        screen.print(f"{counted(counts['n_later'], 'payment')} later than as_of not looked at")
    for name, part in result.unused.items():
        screen.print(f"Not used yet: sources.{name} ({part}); a later version reads it")
    screen.print(f"Report: {result.output / 'report.html'}")


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar per stage on a terminal, a line per tenth of a stage elsewhere."""
    if console().is_terminal:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

        bars: dict[str, Any] = {}
        columns = ("{task.description:<10}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console()) as progress:

            def bar(stage: str, done: int, total: int) -> None:
                """Move the bar of a stage, which its first call draws."""
                if stage not in bars:
                    bars[stage] = progress.add_task(stage, total=total)
                progress.update(bars[stage], completed=done, total=total)

            yield bar
        return
    last: dict[str, int] = {}

    def line(stage: str, done: int, total: int) -> None:
        """Print a line where another tenth of a stage is done."""
        tenth = 10 * done // total if total else 10
        if tenth > last.get(stage, -1):
            last[stage] = tenth
            console().print(f"{stage}: {done} of {total}")

    yield line


for add in COMMANDS:
    add(app)


def main() -> None:
    """Run the command line; print an expected error as one line and exit with its code."""
    atexit.register(gc.freeze)  # a process that ends need not look for garbage
    warnings.showwarning = _warned
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal of another script stops no night
        sys.stdout.reconfigure(errors="backslashreplace")
    _heed_signals()
    try:
        _in_its_place(app)
    except QfbError as error:
        _end(str(error), error.exit_code)
    except OSError as error:  # what a night meets midway is a QfbError by then
        output().flush()  # of a disk that is full the help hears itself
        why = error.strerror or str(error)
        place = f"{error.filename}: {why}" if error.filename else why
        _end(f"{place}; see to that and run the same command again", 2 if error.filename else 1)
    except (KeyboardInterrupt, SystemExit) as stop:
        output().flush()
        if isinstance(stop, SystemExit) and not stop.code and Patient.lost:
            _end(f"done, but what it says could not be written: {Patient.lost}", 1)
        if isinstance(stop, SystemExit) and stop.code != _INTERRUPTED:
            raise
        _end("stopped; run the same command again to go on", 3)
    except BaseException as error:
        if not is_panic(error):
            raise
        _end(f"a library broke off ({error}); run the same command again to go on", 1)


def _heed_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):  # a scheduler; the end of a connection
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup has it ignored
            signal.signal(number, _terminated)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupted)


class _Stop(KeyboardInterrupt):
    """Ctrl-C, or what asks for the same.

    Where a plain KeyboardInterrupt leaves a text that is being executed, as of a named tuple or of
    Numba, ``python -m qfb_gpu`` ends by SIGINT at last, whoever caught it and whatever the code.
    """


def _terminated(number: int, frame: FrameType | None) -> NoReturn:
    """Stop as by Ctrl-C, and say so; who asks once more has it end at once."""
    signal.signal(number, signal.SIG_DFL)
    _interrupted(number, frame)


def _interrupted(number: int, _frame: FrameType | None) -> NoReturn:
    msg = f"asked to end by signal {number}"
    raise _Stop(msg)


def _end(words: str, code: int) -> NoReturn:
    """Say in a line why it ends, if anybody reads it, and end with an exit code."""
    with suppress(OSError):
        Console(stderr=True, soft_wrap=True, highlight=False).print(
            f"qfb: {' '.join(words.splitlines())}", markup=False, style="bold red"
        )
    raise SystemExit(code) from None


_warned_elsewhere = warnings.showwarning


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Say what the engine warns of in a line, as its errors are said; Python says the others."""
    where = Path(filename).parent
    is_ours = where.is_relative_to(Path(__file__).parent) or where.name == "qfb_kernels"
    is_told = category is UserWarning and where.name == "typer"  # it called the command
    if is_ours or is_told:
        sys.stderr.write(f"qfb: {message}\n")
    else:
        _warned_elsewhere(message, category, filename, lineno, file, line)


def _in_its_place(command: Callable[[], None]) -> None:
    """Run a command; say what this machine or user lacks for any of them.

    That is a locale that can name its files (Chinese ones in ``C``), and a folder for kernels.
    """
    try:
        command()
    except UnicodeEncodeError as error:
        names = sys.getfilesystemencoding()
        if names == "utf-8":
            raise
        msg = f"the locale names files in {names}, which cannot write them; set PYTHONUTF8=1"
        raise ConfigError(msg) from error
    except RuntimeError as error:
        if "no locator available" not in str(error):  # Numba's words, as it is imported
            raise
        msg = (
            "compiled kernels are kept on disk, and this user can write no folder for them (not "
            "NUMBA_CACHE_DIR, nor the package's own, nor one at home); set NUMBA_CACHE_DIR to one"
        )
        raise ConfigError(msg) from error
