"""The sources that the generated portfolio lacks, made of what it has: deals called off, mandates.

Their content is of no interest: they are there so that every part of the night has its sources.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from pathlib import Path

_CALLED_OFF_OF = 200
_FREQUENCY = {
    "daily": "DAIL", "weekly": "WEEK", "biweekly": "FRTN", "monthly": "MNTH", "quarterly": "QURT",
    "semiannual": "MIAN", "annual": "YEAR",
}  # fmt: skip


def write_more(folder: Path) -> None:
    """Write ``cancellations`` and ``open_banking`` beside a portfolio's other tables."""
    payments = pq.read_table(folder / "transactions.parquet")
    pq.write_table(_cancellations(payments), folder / "cancellations.parquet")
    streams = pq.read_table(folder / "truth" / "streams.parquet")
    text = json.dumps(_standing_orders(streams))
    (folder / "open_banking.json").write_text(text, encoding="utf-8")


def _cancellations(payments: pa.Table) -> pa.Table:
    known = payments.filter(payments.column("counterparty_id").is_valid())
    some = known.take(pa.array(np.arange(0, known.num_rows, _CALLED_OFF_OF)))
    kind = pc.if_else(
        pc.equal(some.column("direction").cast(pa.string()), "in"), "sale", "purchase"
    )
    names = ("customer_id", "counterparty_id", "date", "amount", "currency")
    return pa.table(
        {
            "cancellation_id": pc.binary_join_element_wise("V", some.column("txn_id"), ""),
            **{name: some.column(name) for name in names},
            "kind": kind,
        }
    )


def _standing_orders(streams: pa.Table) -> dict[str, Any]:
    """Return an OBIE document: what each customer pays by a schedule, as its bank declares it."""
    out = streams.filter(pc.equal(streams.column("direction").cast(pa.string()), "out"))
    orders = [
        {
            "AccountId": row["customer_id"],
            "StandingOrderId": f"D{number:08d}",
            "Frequency": _FREQUENCY.get(row["cadence"], "EvryWorkgDay"),
            "StandingOrderStatusCode": "Active",
            "FirstPaymentDateTime": f"{row['first_date']}T00:00:00+00:00",
            "NextPaymentDateTime": f"{row['next_due_date'] or row['last_date']}T00:00:00+00:00",
            "NextPaymentAmount": {
                "Amount": f"{row['next_amount'] or 1.0:.2f}",
                "Currency": row["currency"],
            },
            "CreditorAccount": {"Identification": row["counterparty_id"]},
        }
        for number, row in enumerate(out.to_pylist())
    ]
    return {"Data": {"StandingOrder": orders}}
