"""A small set of OBIE account-information documents with known answers.

Some customers with an account each; every account has standing orders and direct debits whose
payments are among its transactions, and card payments at random. ``truth`` says of each schedule
how it was declared and whether its payments keep to it.
"""

import datetime as dt
import json

import numpy as np

AS_OF = dt.date(2024, 12, 31)
MONTHS = 18
SCHEDULES = (
    ("IntrvlMnthDay:01:15", "monthly", {"PeriodType": "MNTH", "CountPerPeriod": 1, "PointInTime": "15"}),
    ("IntrvlWkDay:01:03", "weekly", {"Type": "WEEK", "CountPerPeriod": 1, "PointInTime": "03"}),
    ("IntrvlWkDay:02:05", "biweekly", {"Type": "FRTN", "CountPerPeriod": 1, "PointInTime": "05"}),
)  # fmt: skip


def due_dates(code, first, last):
    """Return the due dates of the three codes above."""
    day = first
    found = []
    anchor = dt.date(2023, 1, 2)  # a Monday
    while day <= last:
        if code == "IntrvlMnthDay:01:15":
            hit = day.day == 15
        else:
            weeks = int(code[12:14])
            weekday = int(code[15:]) - 1
            hit = day.weekday() == weekday and (day - anchor).days // 7 % weeks == 0
        if hit:
            found.append(day)
        day += dt.timedelta(days=1)
    return found


def money(pence):
    return {"Amount": f"{pence / 100:.2f}", "Currency": "GBP"}


def stamp(day):
    return f"{day}T00:00:00+00:00"


def account_documents(number, rng, version):
    """Return the resources of one account, and the truth of its schedules."""
    account = f"acc{number:03d}"
    data = {name: [] for name in ("Account", "Transaction", "Balance", "StandingOrder",
                                  "DirectDebit", "ScheduledPayment")}  # fmt: skip
    truth = []
    first = dt.date(2023, 7, 1)
    data["Account"].append({"AccountId": account, "Status": "Enabled", "Currency": "GBP",
                            "AccountSubType": "CurrentAccount",
                            "Account": [{"SchemeName": "UK.OBIE.SortCodeAccountNumber",
                                         "Identification": f"80200110203{number:03d}",
                                         "Name": f"Firm {number}"}]})  # fmt: skip

    def pay(day, pence, payee, info, status="Booked", side="Debit"):
        one = {"AccountId": account, "TransactionId": f"{account}-{len(data['Transaction'])}",
               "CreditDebitIndicator": side, "Status": status if version == 3 else
               {"Booked": "BOOK", "Pending": "PDNG"}[status], "BookingDateTime": stamp(day),
               "Amount": money(pence), "TransactionInformation": info}  # fmt: skip
        if payee:
            one["CreditorAccount" if side == "Debit" else "DebtorAccount"] = {
                "SchemeName": "UK.OBIE.IBAN", "Identification": payee, "Name": info}  # fmt: skip
        data["Transaction"].append(one)

    for n, (code, cadence, frequency) in enumerate(SCHEDULES):
        payee, pence = f"GB{number:02d}{n:02d}", int(rng.integers(1000, 90_000))
        keeps = (number + n) % 4 != 3  # every fourth pays another amount than declared
        for due in due_dates(code, first, AS_OF):
            pay(due, pence if keeps else pence * 2, payee, f"STO {payee}")
        nxt = due_dates(code, AS_OF + dt.timedelta(days=1), AS_OF + dt.timedelta(days=40))[0]
        order = {"AccountId": account, "StandingOrderId": f"so{number}-{n}",
                 "Reference": f"order {n}", "NextPaymentDateTime": stamp(nxt),
                 "NextPaymentAmount": money(pence), "StandingOrderStatusCode": "Active",
                 "CreditorAccount": {"SchemeName": "UK.OBIE.IBAN", "Identification": payee,
                                     "Name": f"Payee {n}"}}  # fmt: skip
        if version == 3:
            order |= {"Frequency": code, "FirstPaymentDateTime": stamp(first),
                      "FirstPaymentAmount": money(pence)}  # fmt: skip
        else:
            order["MandateRelatedInformation"] = {"Frequency": frequency,
                                                  "FirstPaymentDateTime": stamp(first)}  # fmt: skip
        data["StandingOrder"].append(order)
        truth.append({"declaration_id": f"so{number}-{n}", "customer_id": account,
                      "cadence": cadence, "keeps": keeps})  # fmt: skip
    data["StandingOrder"].append({
        "AccountId": account, "StandingOrderId": f"so{number}-x", "Frequency": "EvryWorkgDay",
        "NextPaymentDateTime": stamp(AS_OF + dt.timedelta(days=2)), "NextPaymentAmount": money(777),
        "CreditorAccount": {"Identification": f"GB{number:02d}XX"},
    })  # fmt: skip
    truth.append({"declaration_id": f"so{number}-x", "customer_id": account, "cadence": "daily",
                  "keeps": None})  # fmt: skip
    data["DirectDebit"].append({
        "AccountId": account, "Name": "Utility Co", "MandateIdentification": f"m{number}",
        "DirectDebitStatusCode": "Active", "Frequency": "UK.OBIE.Monthly",
        "PreviousPaymentDateTime": stamp(dt.date(2024, 12, 2)),
        "PreviousPaymentAmount": money(4200),
    })  # fmt: skip
    for month in range(MONTHS):
        year, of_year = divmod(6 + month, 12)
        pay(dt.date(2023 + year, of_year + 1, 2), 4200, "Utility Co", "DD Utility Co")
    data["ScheduledPayment"].append({
        "AccountId": account, "ScheduledPaymentId": f"sp{number}", "ScheduledType": "Execution",
        "ScheduledPaymentDateTime": stamp(AS_OF + dt.timedelta(days=9)),
        "InstructedAmount": money(5000),
    })  # fmt: skip
    for _ in range(25):
        day = first + dt.timedelta(days=int(rng.integers(0, 540)))
        pay(day, int(rng.integers(100, 30_000)), f"SHOP{rng.integers(0, 12)}", "card")
    pay(AS_OF, 999, "SHOP1", "card", status="Pending")
    pay(first, 500_000, "PAYER", "invoice", side="Credit")
    data["Balance"].append({"AccountId": account, "CreditDebitIndicator": "Debit", "Type": "ClosingBooked",
                            "DateTime": stamp(AS_OF), "Amount": money(12_345)})  # fmt: skip
    return data, truth


def write(folder, n_accounts=12, seed=1, version=3):
    """Write the set: a folder an account, a document a resource; return truth and row counts."""
    rng = np.random.default_rng(seed)
    truth, counts = [], {}
    for number in range(n_accounts):
        data, known = account_documents(number, rng, version)
        truth += known
        home = folder / f"acc{number:03d}"
        home.mkdir(parents=True, exist_ok=True)
        for name, rows in data.items():
            counts[name] = counts.get(name, 0) + len(rows)
            document = {"Data": {name: rows}, "Links": {"Self": "self"}, "Meta": {"TotalPages": 1}}
            (home / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return truth, counts
