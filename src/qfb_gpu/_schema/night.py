"""Gold: what was read, what was not, what was declared, and how the night went."""

from __future__ import annotations

from qfb_gpu._schema.model import table

TABLES = (
    table(
        "rejects", "source row",
        ("source", "string", "source name"),
        ("file", "string", "file of the row"),
        ("row", "int64", "row of the file from 0, below its header: line row + 2 of a plain CSV"),
        ("reason", "string", "why it was left out"),
        ("row_json", "string", "the row as it came"),
    ),
    table(
        "data_quality", "source measure",
        ("source", "string", "source name"),
        ("measure", "string", "rows, kept, rejected: reason, excluded: reason, null: column, ..."),
        ("value", "int64", "count; days for days old: column"),
        ("detail", "string", "the date or version in words, where the measure has one"),
    ),
    table(
        "declared_schedules", "customer_id declaration_id kind",
        ("declaration_id", "string", "of the open-banking document"),
        ("customer_id", "string", "the payer"),
        ("kind", "string", "standing_order, direct_debit or scheduled_payment"),
        ("counterparty_id", "string", "creditor"),
        ("counterparty_name", "string", "as the bank writes it"),
        ("reference", "string", "reference or mandate"),
        ("status", "string", "as the bank writes it"),
        ("frequency", "string", "as declared"),
        ("cadence", "string", "one of the cadences; null where the frequency is not known"),
        ("period_days", "float64", "days between payments on average"),
        ("schedule_code", "string", "the frequency as an OBIE v3.1 code, where it has one"),
        ("amount", "float64", "currency units; next payment, else the last"),
        ("currency", "string", "ISO 4217"),
        ("date", "date", "last payment, as declared"),
        ("first_date", "date", "first payment"),
        ("next_date", "date", "next payment, as declared"),
        ("final_date", "date", "final payment"),
        ("stream_id", "int64", "the stream that was found in its place; null: none"),
        ("found_cadence", "string", "cadence of the stream"),
        ("found_amount", "float64", "typical amount of the stream, currency units"),
        ("found_next_date", "date", "next date of the stream"),
        ("agrees", "bool", "the stream is as declared; null: no stream, or too few payments"),
        ("difference", "string", "how it differs, in words; null where it agrees"),
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
