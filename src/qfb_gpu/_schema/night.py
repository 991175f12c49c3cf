"""Gold: what was read, what was not, what was declared, and how the night went."""

from __future__ import annotations

from qfb_gpu._schema.model import table

TABLES = (
    table(
        "rejects", "source row",
        ("source", "string", "name of the source"),
        ("file", "string", "file that the row is in"),
        ("row", "int64", "row of the file, from 0 below its header: line row + 2 of a plain CSV"),
        ("reason", "string", "why it was left out, e.g. duplicate txn_id"),
        ("row_json", "string", "JSON: the row as it came"),
    ),
    table(
        "data_quality", "source measure",
        ("source", "string", "name of the source"),
        ("measure", "string",
         ("rows, kept, rejected: <reason>, excluded: <reason>, null: <column>, days old: <date>, "
          "...")),
        ("value", "int64", "number of rows; days for days old: <date>"),
        ("detail", "string", "the date or version in words, where the measure has one"),
    ),
    table(
        "declared_schedules", "customer_id declaration_id kind",
        ("declaration_id", "string", "number in the open-banking document"),
        ("customer_id", "string", "the payer"),
        ("kind", "string", "standing_order, direct_debit or scheduled_payment"),
        ("counterparty_id", "string", "the creditor"),
        ("counterparty_name", "string", "as the bank writes it"),
        ("reference", "string", "reference or mandate"),
        ("status", "string", "as the bank writes it"),
        ("frequency", "string", "as declared"),
        ("cadence", "string", "as in payment_streams; null where the frequency is not known"),
        ("period_days", "float64", "mean days between payments"),
        ("schedule_code", "string", "the frequency as an OBIE v3.1 code; null where it has none"),
        ("amount", "float64", "the next payment, else the last, currency units"),
        ("currency", "string",
         "ISO 4217 code, e.g. CNY; without an amount that of the stream, null without both"),
        ("date", "date", "day of the last payment, as declared"),
        ("first_date", "date", "day of the first payment"),
        ("next_date", "date", "day of the next payment, as declared"),
        ("final_date", "date", "day of the final payment"),
        ("stream_id", "int64", "the stream that was found in its place; null: none"),
        ("found_cadence", "string", "cadence of the stream"),
        ("found_amount", "float64", "typical amount of the stream, currency units"),
        ("found_next_date", "date", "next date of the stream"),
        ("agrees", "bool",
         "the stream is as declared; null: no stream, or fewer than three payments"),
        ("difference", "string", "how it differs, in words; null where it agrees"),
    ),
    table(
        "runs", "run_id",
        ("run_id", "string",
         ("number of the run: a hash of code, config, as_of and input versions; in several rows if "
          "the night was run again after another: the last counts")),
        ("as_of", "date", "the day the night is of; nothing later was seen"),
        ("device", "string", "cpu or gpu, and its name, e.g. cpu: AMD EPYC, 2 threads"),
        ("n_payments", "int64", "payments scored"),
        ("n_customers", "int64", "customers scored"),
        ("n_streams", "int64", "streams found"),
        ("n_regular", "int64", "of these, regular"),
        ("inputs", "string", "JSON: source -> files, sizes, versions"),
        ("stages", "string", "JSON: stage -> seconds, rows, bytes"),
        ("versions", "string", "JSON: package -> version, and which code qfb-gpu was"),
        ("settings", "string", "JSON: the config as it was used"),
    ),
)  # fmt: skip
