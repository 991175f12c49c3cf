"""The local MLflow store of an output folder: ``mlflow.db`` (SQLite) and ``mlartifacts``.

MLflow's import costs seconds, so it happens here, when a store is opened or will be, and nowhere
else.
"""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
import tempfile
import warnings
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from qfb_gpu._schema.output import ARTIFACTS, STORE, WORK
from qfb_gpu.errors import InputError
from qfb_gpu.starting import importing

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPERIMENT = "qfb nightly"
_SQLITE = b"SQLite format 3\0"
_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Where MLflow keeps absolute places."""


def exists(output: Path) -> bool:
    """Say whether an output folder has a store; asks no MLflow.

    Raises
    ------
    InputError
        There is a folder of its name.
    """
    if (output / STORE).is_dir():
        raise InputError(_move_away(output / STORE, "a folder"))
    return (output / STORE).is_file()


def copy(output: Path, into: Path) -> None:
    """Copy the store of an output folder into another, as it is between two changes.

    Of one that is being written, or whose writer was killed, the file alone is neither what it was
    nor what it is to be: what is missing is in a journal beside it.

    Raises
    ------
    InputError
        The store is damaged.
    OSError
        It cannot be read, or the copy not be written.
    """
    refuse_damaged(output)
    try:
        with (
            _said_of(output),
            closing(sqlite3.connect(output / STORE)) as old,
            closing(sqlite3.connect(into / STORE)) as new,
        ):
            old.backup(new)
    except OSError as error:
        if "full" in str(error.strerror):  # which the disk of the copy is
            error.filename = str(into / STORE)
        raise


def refuse_damaged(output: Path) -> None:
    """Raise where the store cannot be opened, before a night is begun that ends with opening it.

    Raises
    ------
    InputError
        It is no SQLite database, or pages of it are lost or broken.
    """
    database = output / STORE
    if not exists(output) or not database.stat().st_size:
        return
    if not _is_sqlite(database):
        raise InputError(_move_away(database, "no SQLite database any more"))
    try:
        with closing(sqlite3.connect(database)) as known:
            said = [row[0] for row in known.execute("PRAGMA quick_check(1)")]
    except sqlite3.OperationalError:  # somebody writes it: MLflow waits for that
        return
    except sqlite3.DatabaseError as error:
        said = [str(error)]
    if said != ["ok"]:
        what = f"a damaged database ({' '.join(said[0].split())[:200]})"
        raise InputError(_move_away(database, what))


def _move_away(database: Path, what: str) -> str:
    return (
        f"{database}: is {what}; expected MLflow's SQLite store. Put a copy of it back, or move it "
        "away: the night begins another, and gold tables, reports and mlartifacts stay"
    )


@dataclass(slots=True)
class _Ahead:
    """What a thread opens while this process waits for others."""

    thread: Thread | None = None
    is_made: bool = False


_ahead = _Ahead()


def opened_beside(output: Path) -> None:
    """Import MLflow in a thread, and make the store where there is none.

    For a process that now waits for others. Whoever opens a store before that is done waits for
    it; a failure shows there. A new store is seen by nobody until :func:`opened` is called.
    """
    _ahead.thread = Thread(target=_open_ahead, args=(output,), name="open mlflow", daemon=True)
    _ahead.thread.start()


def _open_ahead(output: Path) -> None:
    _keep_to_ourselves()
    with importing(), suppress(Exception):  # a new store is 69 migrations
        import_module("mlflow.pyfunc")  # what a model is saved with
        if exists(output):
            _client(output / STORE)
            return
        _make_draft(output)
        _ahead.is_made = True


@contextmanager
def opened(output: Path) -> Iterator[Any]:
    """Give the ``MlflowClient`` of an output folder's store, made where there is none.

    Raises
    ------
    InputError
        The store is damaged.
    OSError
        It cannot be read or written: a full disk, one that is read only, another who writes it.
    """
    if _ahead.thread is not None:
        _ahead.thread.join()
        _ahead.thread = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations between MLflow and SQLAlchemy
        with _said_of(output):
            if not exists(output):
                if not _ahead.is_made or not _draft(output).is_file():
                    _make_draft(output)
                _draft(output).replace(output / STORE)
            _ahead.is_made = False
            refuse_damaged(output)
            yield _client(output.resolve() / STORE)


@contextmanager
def opened_to_read(output: Path) -> Iterator[Any]:
    """Give the ``MlflowClient`` of a store that is there: to who may not write it, of a copy.

    MLflow writes into every store that it opens.
    """
    if all(os.access(place, os.W_OK) for place in (output, output / STORE)):
        with opened(output) as client:
            yield client
        return
    with tempfile.TemporaryDirectory(prefix="qfb-store-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copy(output, Path(folder))
        with _said_of(output):
            yield _client(Path(folder, STORE))


@contextmanager
def _said_of(output: Path) -> Iterator[None]:
    """Turn what SQLite says into errors that name the store."""
    try:
        yield
    except Exception as error:
        if (why := _by_sqlite(error)) is None:
            raise
        database, words = output / STORE, " ".join(str(why).split())
        if not isinstance(why, sqlite3.OperationalError):
            raise InputError(_move_away(database, f"a damaged database ({words})")) from error
        raise OSError(errno.EIO, words, str(database)) from error


def _by_sqlite(error: BaseException | None) -> sqlite3.DatabaseError | None:
    """Return what SQLite said that an error is of, None where that is another's or our own bug."""
    while error is not None:
        if type(error) in (sqlite3.DatabaseError, sqlite3.OperationalError):
            return error  # type: ignore[return-value]
        error = getattr(error, "orig", None) or error.__cause__ or error.__context__
    return None


def _draft(output: Path) -> Path:
    return output / WORK / STORE


def _make_draft(output: Path) -> None:
    """Make a store under another name: one that was half made, on a full disk, is none for ever."""
    draft = _draft(output)
    draft.parent.mkdir(parents=True, exist_ok=True)
    for end in ("", "-journal", "-wal", "-shm"):  # SQLite would take another's for this one's
        draft.with_name(draft.name + end).unlink(missing_ok=True)
    _client(draft)


def _keep_to_ourselves() -> None:
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")


def _client(database: Path) -> Any:
    _follow(database)
    _keep_to_ourselves()
    import mlflow

    for logger in ("mlflow", "alembic"):
        logging.getLogger(logger).setLevel(logging.WARNING)
    # it prints a hundred lines of what it raises as well, with all values of the row
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    uri = f"sqlite:///{database}"
    return mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)


def _follow(database: Path) -> None:
    """Bring artifacts to where the folder is now, if it was moved or copied since.

    Else MLflow would write on into the folder that it was made in.
    """
    if not database.is_file() or not database.stat().st_size:
        return
    here = (database.resolve().parent / ARTIFACTS).as_uri()
    with closing(sqlite3.connect(database)) as store:
        tables = {name for (name,) in store.execute("SELECT name FROM sqlite_master")}
        if not {table for table, _ in _PLACES} <= tables:
            return
        ask = "SELECT artifact_location FROM experiments WHERE name = ?"
        row = store.execute(ask, (EXPERIMENT,)).fetchone()
        if row is None or row[0] == here:
            return
        begin = len(row[0])
        for table, column in _PLACES:
            store.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608  our names
                f"WHERE substr({column}, 1, ?) = ?",
                (here, begin + 1, begin, row[0]),
            )
        store.commit()


def _is_sqlite(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(len(_SQLITE)) == _SQLITE


def experiment(client: Any, output: Path) -> str:
    """Return the id of the nights' experiment, made where there is none."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    location = (output / ARTIFACTS).as_uri()
    return str(client.create_experiment(EXPERIMENT, artifact_location=location))
