"""The tables of an empty MLflow store, as its migrations make them, kept in the package.

``python tests/mlflow_schema.py`` writes ``src/qfb_gpu/models/mlflow_schema.sql`` anew, after a change
of MLflow's version. A test compares the two.
"""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from qfb_gpu.models import store

_FIRST = "-- MLflow "
_MADE_BY_THE_STORE = "experiments"  # the default one, with a folder of its own


def migrated(folder):
    """Return the statements that make what MLflow's migrations make of an empty store."""
    import mlflow
    from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine

    database = Path(folder) / "migrated.db"
    engine = create_sqlalchemy_engine(f"sqlite:///{database}")
    _initialize_tables(engine)
    engine.dispose()
    with closing(sqlite3.connect(database)) as made:
        return f"{_FIRST}{mlflow.__version__}\n{statements(made)}"


def statements(connection):
    """Return the statements that make a store: tables, indexes, and what rows there are."""
    kept = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
    lines = [f"{sql};" for (sql,) in connection.execute(kept)]
    names = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid"
    for (name,) in connection.execute(names).fetchall():
        if name == _MADE_BY_THE_STORE:
            continue
        for row in connection.execute(f'SELECT * FROM "{name}"'):
            values = ", ".join("NULL" if v is None else repr(v) for v in row)
            lines.append(f"INSERT INTO {name} VALUES ({values});")
    return "\n".join(lines) + "\n"


def in_no_order(script):
    """Return the lines of statements, sorted: SQLAlchemy takes a table's constraints from a set."""
    return sorted(line.strip(" ,\t") for line in script.splitlines())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        store.SCHEMA.write_text(migrated(scratch), encoding="utf-8")
