"""Gold: what was read, what was not, and how the night went."""

from __future__ import annotations

from qfb_gpu._schema.model import table

TABLES = (
    table(
        "rejects", "source row",
        ("source", "string", "source name"),
        ("file", "string", "file of the row"),
        ("row", "int64", "0-based row in the file"),
        ("reason", "string", "why it was left out"),
        ("row_json", "string", "the row as it came"),
    ),
    table(
        "data_quality", "source measure",
        ("source", "string", "source name"),
        ("measure", "string", "rows, kept, rejected: reason, excluded: reason, ..."),
        ("value", "int64", "count"),
    ),
    table(
        "runs", "run_id",
        ("run_id", "string", "hash of config, as_of and input versions"),
        ("as_of", "date", "nothing later was seen"),
        ("device", "string", "cpu or gpu, and its name"),
        ("n_payments", "int64", "scored"),
        ("n_customers", "int64", "scored"),
        ("n_streams", "int64", "found"),
        ("n_regular", "int64", "regular among them"),
        ("inputs", "string", "JSON: source -> files, sizes, versions"),
        ("stages", "string", "JSON: stage -> seconds, rows, bytes"),
        ("versions", "string", "JSON: package -> version"),
        ("settings", "string", "JSON: the config as it was used"),
    ),
)  # fmt: skip
