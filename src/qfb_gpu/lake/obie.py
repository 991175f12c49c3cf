"""OBIE account-information documents as flat rows.

Open Banking Read/Write Data API, account and transaction v3.1 and v4
(https://openbankinguk.github.io/read-write-api-site3/): ``{"Data": {"Transaction": [...]}}`` and
its siblings, one document a file, a list of documents, or a document a line. A document gives rows
of two tables: transactions, and what was declared (standing orders, direct debits, scheduled
payments, balances, accounts). Numbers stay the texts they were written as.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from qfb_gpu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TRANSACTIONS = (
    "AccountId", "Folder", "TransactionId", "TransactionReference", "BookingDate", "ValueDate",
    "Amount", "Currency", "CreditDebitIndicator", "Status", "CounterpartyId", "CounterpartyName",
    "MerchantName", "Information", "TransactionCode", "StatementReference",
)  # fmt: skip
"""Headers of a document read as transactions."""
DECLARED = (
    "AccountId", "Folder", "Kind", "DeclarationId", "CounterpartyId", "CounterpartyName",
    "Reference", "Status", "Frequency", "Date", "FirstDate", "NextDate", "FinalDate", "Amount",
    "Currency", "NumberOfPayments",
)  # fmt: skip
"""Headers of a document read as declarations."""
KINDS = {
    "StandingOrder": "standing_order",
    "DirectDebit": "direct_debit",
    "ScheduledPayment": "scheduled_payment",
    "Balance": "balance",
    "Account": "account",
}
_KNOWN = {"Transaction", *KINDS}
NOT_BOOKED = ("Pending", "PDNG", "Rejected", "RJCT", "INFO", "FUTR")
"""Status of transactions that are no payments (yet), as the standard spells it."""
_SPELLED = {status.casefold(): status for status in NOT_BOOKED}
_START = ("FirstPaymentDateTime", "StartDateTime")
Row = dict[str, Any]


def read_rows(path: Path, what: str) -> tuple[pa.RecordBatch, Counter[str]]:
    """Read one file.

    Parameters
    ----------
    path : Path
        JSON, plain or compressed.
    what : {"transactions", "open_banking"}
        Which of its rows.

    Returns
    -------
    rows : pyarrow.RecordBatch of texts
        Columns ``TRANSACTIONS`` or ``DECLARED``, in the order of the file.
    unread : Counter
        Objects of resources that hold neither, by ``not read: <resource>``, and what is no object
        where one belongs (but for null, which says that there is none); counted once, with
        the declarations.

    Raises
    ------
    InputError
        Not JSON, or not a document of the API.
    """
    folder = path.resolve().parent.name
    names = TRANSACTIONS if what == "transactions" else DECLARED
    rows: list[Row] = []
    unread: Counter[str] = Counter()
    for data in _documents(path):
        resources = {name: _listed(value) for name, value in data.items()}
        odd = {name: _n_odd(value) for name, value in data.items()}
        if what == "transactions":
            rows += [_transaction(one) for one in resources.get("Transaction", [])]
            continue
        for name, kind in KINDS.items():
            rows += [_MAKERS[kind](one) for one in resources.get(name, [])]
        unread.update({f"not read: {name} that is no object": n for name, n in odd.items() if n})
        for name, objects in resources.items():
            if name not in _KNOWN and objects:
                unread[f"not read: {name}"] += len(objects)
    for row in rows:
        row["Folder"] = folder
    columns = [pa.array([_text(row.get(name)) for row in rows], pa.string()) for name in names]
    return pa.RecordBatch.from_arrays(columns, names=list(names)), unread


def _documents(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the ``Data`` of every document of a file."""
    with pa.input_stream(str(path), compression="detect") as stream:
        text = stream.read().decode("utf-8-sig")
    for document in _parse(text, path):
        data = document.get("Data") if isinstance(document, dict) else None
        if not isinstance(data, dict):
            msg = (
                f"{path}: expected OBIE account information, an object with 'Data' that holds "
                f"Transaction, StandingOrder, ...; found {_shape(document)}; take the file away or "
                "correct `path`"
            )
            raise InputError(msg)
        yield data


def _parse(text: str, path: Path) -> list[Any]:
    try:
        whole = json.loads(text, parse_float=str, parse_int=str)
    except (json.JSONDecodeError, RecursionError) as error:
        lines = [line for line in text.split("\n") if line.strip()]
        try:
            return [json.loads(line, parse_float=str, parse_int=str) for line in lines]
        except (json.JSONDecodeError, RecursionError):
            msg = f"{path}: not JSON ({error}); mend or replace the file"
            raise InputError(msg) from error
    return whole if isinstance(whole, list) else [whole]


def _shape(document: Any) -> str:
    if isinstance(document, dict):
        return f"an object with {', '.join(map(repr, list(document)[:8])) or 'nothing'}"
    return f"a {type(document).__name__}"


def _listed(value: Any) -> list[Row]:
    objects = value if isinstance(value, list) else [value]
    return [one for one in objects if isinstance(one, dict)]


def _n_odd(value: Any) -> int:
    """Return how many things are no objects; null is nothing."""
    things = value if isinstance(value, list) else [value]
    return sum(not isinstance(one, dict) and one is not None for one in things)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "; ".join(str(one) for one in value) or None
    return json.dumps(value, ensure_ascii=False)


def _at(row: Row, *path: str) -> Any:
    node: Any = row
    for name in path:
        node = node.get(name) if isinstance(node, dict) else None
    return node


def _first(*values: Any) -> Any:
    return next((value for value in values if value not in (None, "")), None)


def _day(value: Any) -> Any:
    """Return the day of a date-time, as the bank wrote it, in the bank's own time zone."""
    return value[:10] if isinstance(value, str) and value[10:11] in ("T", " ") else value


def _transaction(row: Row) -> Row:
    is_credit = str(row.get("CreditDebitIndicator", "")).casefold() in ("credit", "crdt")
    side = "Debtor" if is_credit else "Creditor"
    account, merchant = f"{side}Account", _at(row, "MerchantDetails", "MerchantName")
    name = _first(_at(row, account, "Name"), _at(row, f"{side}Agent", "Name"), merchant)
    return {
        **{n: row.get(n) for n in ("AccountId", "TransactionId", "TransactionReference")},
        "Status": _SPELLED.get(str(row.get("Status")).strip().casefold(), row.get("Status")),
        "BookingDate": _day(row.get("BookingDateTime")),
        "ValueDate": _day(row.get("ValueDateTime")),
        "Amount": _at(row, "Amount", "Amount"),
        "Currency": _at(row, "Amount", "Currency"),
        "CreditDebitIndicator": row.get("CreditDebitIndicator"),
        "CounterpartyId": _first(_at(row, account, "Identification"), merchant),
        "CounterpartyName": name,
        "MerchantName": merchant,
        "Information": _first(row.get("TransactionInformation"), row.get("TransactionReference")),
        "TransactionCode": _first(
            _at(row, "BankTransactionCode", "SubCode"),
            _at(row, "BankTransactionCode", "Code"),
            _at(row, "ProprietaryBankTransactionCode", "Code"),
        ),
        "StatementReference": row.get("StatementReference"),
    }


def _declared(kind: str, row: Row, number: Any, **values: Any) -> Row:
    """Return a declaration; one without an id gets one made of its content."""
    if number in (None, ""):
        content = json.dumps(row, sort_keys=True, ensure_ascii=False)
        number = "~" + hashlib.sha256(content.encode()).hexdigest()[:16]
    return {"AccountId": row.get("AccountId"), "Kind": kind, "DeclarationId": number, **values}


def _money(row: Row, *names: str) -> Row:
    found = _first(*(row.get(name) for name in names if _at(row, name, "Amount") is not None))
    return {"Amount": _at(found or {}, "Amount"), "Currency": _at(found or {}, "Currency")}


def frequency_text(row: Row) -> str | None:
    """Return the frequency of a standing order or direct debit as one text.

    v3.1 writes one (``IntrvlMnthDay:01:15``); of a v4 object ``Type:CountPerPeriod:PointInTime``
    is made (``MNTH:1:15``), without the parts that are not there.
    """
    plain = row.get("Frequency")
    found = _first(_at(row, "MandateRelatedInformation", "Frequency"), plain)
    if not isinstance(found, dict):
        return _text(found)
    kind = _first(found.get("Type"), found.get("PeriodType"))
    parts = [kind, found.get("CountPerPeriod"), found.get("PointInTime")]
    while parts and parts[-1] in (None, ""):
        parts.pop()
    return ":".join("" if part is None else str(part) for part in parts) or None


def _mandate_date(row: Row, *names: str) -> Any:
    """Return a date of the order, or of its v4 mandate.

    ``RecurringPaymentDateTime`` is not among those asked for: it is the day of the first payment
    after a first one that is not in step, long past for most orders, and not the next.
    """
    found = [_first(row.get(n), _at(row, "MandateRelatedInformation", n)) for n in names]
    return _day(_first(*found))


def _reference(row: Row) -> Any:
    """Return what an order is paid with; v4 has it in the remittance information."""
    structured = _listed(_at(row, "RemittanceInformation", "Structured"))
    told = [_at(one, "CreditorReferenceInformation", "Reference") for one in structured]
    return _first(row.get("Reference"), *told, _at(row, "RemittanceInformation", "Unstructured"))


def _standing_order(row: Row) -> Row:
    amounts = ("NextPaymentAmount", "LastPaymentAmount", "FirstPaymentAmount", "FinalPaymentAmount")
    return _declared(
        "standing_order", row, row.get("StandingOrderId"),
        CounterpartyId=_at(row, "CreditorAccount", "Identification"),
        CounterpartyName=_at(row, "CreditorAccount", "Name"),
        Reference=_reference(row),
        Status=row.get("StandingOrderStatusCode"),
        Frequency=frequency_text(row),
        Date=_day(row.get("LastPaymentDateTime")),
        FirstDate=_mandate_date(row, *_START),
        NextDate=_mandate_date(row, "NextPaymentDateTime"),
        FinalDate=_mandate_date(row, "FinalPaymentDateTime"),
        NumberOfPayments=row.get("NumberOfPayments"),
        **_money(row, *amounts),
    )  # fmt: skip


def _direct_debit(row: Row) -> Row:
    mandate = _at(row, "MandateRelatedInformation", "MandateIdentification")
    return _declared(
        "direct_debit", row, row.get("DirectDebitId"),
        CounterpartyId=_first(_at(row, "CreditorAccount", "Identification"), row.get("Name")),
        CounterpartyName=row.get("Name"),
        Reference=_first(row.get("MandateIdentification"), mandate),
        Status=row.get("DirectDebitStatusCode"),
        Frequency=frequency_text(row),
        Date=_day(row.get("PreviousPaymentDateTime")),
        FirstDate=_mandate_date(row, *_START),
        NextDate=_mandate_date(row, "NextPaymentDateTime"),
        FinalDate=_mandate_date(row, "FinalPaymentDateTime"),
        **_money(row, "PreviousPaymentAmount"),
    )  # fmt: skip


def _scheduled_payment(row: Row) -> Row:
    return _declared(
        "scheduled_payment", row, row.get("ScheduledPaymentId"),
        CounterpartyId=_at(row, "CreditorAccount", "Identification"),
        CounterpartyName=_at(row, "CreditorAccount", "Name"),
        Reference=_first(row.get("Reference"), row.get("DebtorReference")),
        Status=row.get("ScheduledType"),
        NextDate=_day(row.get("ScheduledPaymentDateTime")),
        **_money(row, "InstructedAmount"),
    )  # fmt: skip


def _balance(row: Row) -> Row:
    """Return a balance; a debit one is negative."""
    money = _money(row, "Amount")
    is_debit = str(row.get("CreditDebitIndicator", "")).casefold() in ("debit", "dbit")
    if is_debit and money["Amount"] is not None:
        money["Amount"] = "-" + str(money["Amount"]).lstrip("-")
    return _declared("balance", row, None, Status=row.get("Type"),
                     Date=_day(row.get("DateTime")), **money)  # fmt: skip


def _account(row: Row) -> Row:
    """v3.1 says AccountType and AccountSubType, v4 AccountCategory and AccountTypeCode."""
    numbers = _listed(row.get("Account", []))
    kind = _first(row.get("AccountSubType"), row.get("AccountTypeCode"), row.get("AccountType"))
    return _declared(
        "account", row, row.get("AccountId"),
        CounterpartyId=_at(numbers[0], "Identification") if numbers else None,
        CounterpartyName=_at(numbers[0], "Name") if numbers else row.get("Nickname"),
        Reference=kind, Status=row.get("Status"), Date=_day(row.get("StatusUpdateDateTime")),
        FirstDate=_day(row.get("OpeningDate")), Currency=row.get("Currency"),
    )  # fmt: skip


_MAKERS: dict[str, Callable[[Row], Row]] = {
    "standing_order": _standing_order,
    "direct_debit": _direct_debit,
    "scheduled_payment": _scheduled_payment,
    "balance": _balance,
    "account": _account,
}
