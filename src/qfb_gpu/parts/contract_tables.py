"""The gold rows of one bucket's contracts, their nodes and their payments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.backend import get_backend
from qfb_gpu.currencies import currency_name, minor_per_major
from qfb_gpu.finance import clause_words as words
from qfb_gpu.finance.contracts import BASES
from qfb_gpu.finance.due_rules import DAY_KINDS
from qfb_gpu.finance.joins import find, mix
from qfb_gpu.finance.nodes import MOST
from qfb_gpu.finance.recurring import nearest_share
from qfb_gpu.finance.timing import CLOCKS, forecast
from qfb_gpu.ledger import NULL_DAY, Labelled
from qfb_gpu.parts.contract_rows import WHOLE, load, node_times, per_contract, shares

if TYPE_CHECKING:
    from qfb_gpu.parts.contract_rows import Rows
    from qfb_gpu.parts.part import Columns, Saved

_FINISHED = 0.999
_NODE_BASES = ("clause", "payments", "both")
_STATUSES = ("paid", "part", "overdue", "open")
_PAID, _PART, _OVERDUE, _OPEN = range(4)
_ADVANCE_DAYS = 60
_NULL = -(2**31)


def publish(saved: Saved, bucket: int) -> dict[str, Columns]:
    """Return the bucket's rows of the three tables."""
    rows = load(saved, bucket)
    status = _status(rows, saved.as_of_day)
    kind = _kinds(saved, rows)
    return {
        "contract_summary": _summary(saved, rows, status, kind),
        "contract_nodes": _nodes(rows, status, kind),
        "contract_payments": _payments(saved, rows, kind),
    }


def _status(rows: Rows, as_of_day: int) -> np.ndarray:
    is_paid = rows.node["paid_day"] != NULL_DAY
    part = rows.node["paid_minor"] > 0
    late = _is_overdue(rows, as_of_day)
    status: np.ndarray = np.where(
        is_paid, _PAID, np.where(part, _PART, np.where(late, _OVERDUE, _OPEN))
    )
    return status


def _is_overdue(rows: Rows, as_of_day: int) -> np.ndarray:
    """Return which nodes were not paid in full by the end of their due date."""
    due, is_open = rows.node["due_day"], rows.node["paid_day"] == NULL_DAY
    overdue: np.ndarray = is_open & (due != NULL_DAY) & (due <= as_of_day)
    return overdue


def _kinds(saved: Saved, rows: Rows) -> np.ndarray:
    """Return each node's kind: the clause's, the memo's, what its share mostly is, or its place."""
    backend = get_backend("cpu")
    learnt = saved.fitted("kinds")
    nodes, kind = rows.nodes, rows.nodes.kind.copy()
    category = rows.contract["category_key"][nodes.contract]
    place = find(mix((category, nodes.basis_points), backend), learnt["key"], backend)
    unknown = rows.node["is_bare"] & (kind == words.OTHER)
    known = unknown & (place >= 0)
    kind[known] = learnt["kind"][place[known]]
    soon = rows.node["paid_day"] - rows.contracts.start_day[nodes.contract] <= _ADVANCE_DAYS
    is_first = unknown & (place < 0) & (nodes.number == 0) & soon & (nodes.basis_points < WHOLE)
    kind[is_first] = words.ADVANCE
    return kind


def _ids(rows: Rows, contract: Any = None) -> Columns:
    take = None if contract is None else pa.array(contract)
    names = ("customer_id", "contract_id")
    return {n: rows.contract[n] if take is None else rows.contract[n].take(take) for n in names}


def _currency(codes: np.ndarray) -> Labelled:
    distinct, index = np.unique(codes, return_inverse=True)
    labels = [currency_name(int(code)) if code >= 0 else "" for code in distinct]
    place = np.where(distinct >= 0, np.arange(distinct.shape[0]), -1)
    return Labelled(place[index].astype(np.int32), tuple(labels))


def _texts(values: np.ndarray, labels: tuple[str, ...]) -> Labelled:
    return Labelled(values.astype(np.int32), labels)


def _whole_numbers(values: np.ndarray, null: np.ndarray) -> pa.Array:
    return pa.array(np.where(null, 0, values).astype(np.int32), mask=null)


def _nodes(rows: Rows, status: np.ndarray, kind: np.ndarray) -> Columns:
    nodes, node = rows.nodes, rows.node
    bare = node["is_bare"]
    whole = np.maximum(rows.contracts.total_minor[nodes.contract], 1)
    percent = nodes.basis_points / 100
    percent = np.where(nodes.basis_points < MOST, percent, 100 * nodes.amount_minor / whole)
    paid_percent = np.where(node["n_payments"] > 0, 100 * node["paid_minor"] / whole, np.nan)
    basis = np.where(bare, 1, np.where(node["n_payments"] > 0, 2, 0))
    due, paid_day = node["due_day"], node["paid_day"]
    no_late = (due == NULL_DAY) | (paid_day == NULL_DAY)
    no_days = nodes.days == NULL_DAY
    return {
        **_ids(rows, nodes.contract),
        "node_no": nodes.number,
        "kind": _texts(kind, words.KINDS),
        "basis": _texts(basis, _NODE_BASES),
        "percent": percent,
        "percent_clause": np.where(bare, np.nan, nodes.basis_points / 100),
        "percent_paid": paid_percent,
        "trigger": _texts(nodes.trigger, words.TRIGGERS),
        "due_days": _whole_numbers(nodes.days, no_days),
        "due_days_kind": _texts(np.where(no_days, -1, nodes.day_kind), DAY_KINDS),
        "warranty_days": nodes.warranty_days,
        "due_date": due,
        "currency": _currency(rows.contracts.currency[nodes.contract]),
        "amount_minor": nodes.amount_minor,
        "paid_minor": node["paid_minor"],
        "n_payments": node["n_payments"],
        "paid_date": paid_day,
        "late_days": _whole_numbers(paid_day.astype(np.int64) - due, no_late),
        "status": _texts(status, _STATUSES),
    }


def _payments(saved: Saved, rows: Rows, kind: np.ndarray) -> Columns:
    paid = rows.paid
    backend = get_backend("cpu")
    recurring = saved.fitted("recurring")
    row, category, points = shares(rows)
    keys = np.unique(np.concatenate([recurring["category_key"], category]))
    clusters = {**recurring, "group": np.searchsorted(keys, recurring["category_key"])}
    near = nearest_share(np.searchsorted(keys, category), points, clusters, backend)
    percent = np.full(paid["contract"].shape[0], np.nan)
    percent[row] = np.where(near >= 0, near / 100, np.nan)
    node = paid["node"]
    no_node = node < 0
    of_node = kind[np.where(no_node, 0, node)] if kind.shape[0] else paid["memo_kind"]
    number = rows.nodes.number[np.where(no_node, 0, node)] if kind.shape[0] else node
    names = (
        "number", "amount_minor", "days_from_start", "business_days_from_start",
        "is_before_start", "gap_days", "ratio", "cumulative_ratio", "confidence",
    )  # fmt: skip
    return {
        **_ids(rows, paid["contract"]),
        "txn_id": paid["txn_id"],
        "date": paid["day"],
        "currency": _currency(paid["currency"]),
        **{name: paid[name] for name in names},
        "recurring_percent": percent,
        "node_no": _whole_numbers(number, no_node),
        "kind": _texts(np.where(no_node, paid["memo_kind"], of_node), words.KINDS),
        "basis": _texts(paid["basis"], BASES),
    }


def _summary(saved: Saved, rows: Rows, status: np.ndarray, kind: np.ndarray) -> Columns:
    contracts, contract, paid = rows.contracts, rows.contract, rows.paid
    n = contracts.n
    each = per_contract(rows)
    of = paid["contract"]
    gaps = ~np.isnan(paid["gap_days"])
    n_gaps = np.bincount(of[gaps], minlength=n)
    gap = np.bincount(of[gaps], paid["gap_days"][gaps], minlength=n) / np.maximum(n_gaps, 1)
    has_clause = np.zeros(n, bool)
    has_clause[rows.nodes.contract[~rows.node["is_bare"]]] = True
    n_nodes = np.bincount(rows.nodes.contract, minlength=n)
    n_nodes_paid, n_overdue = (
        np.bincount(rows.nodes.contract[which], minlength=n).astype(np.int32)
        for which in (status == _PAID, _is_overdue(rows, saved.as_of_day))
    )
    points = contract["clause_points"]
    first = each["first_payment_days"]
    is_finished = each["paid_ratio"] >= _FINISHED
    return {
        **_ids(rows),
        "counterparty_id": contract["counterparty_id"],
        "category": contract["category"],
        "currency": _currency(contracts.currency),
        "start_date": contracts.start_day,
        "end_date": contracts.end_day,
        "total_minor": contracts.total_minor,
        "n_payments": each["n_payments"],
        "n_linked": np.bincount(of[paid["basis"] == 0], minlength=n),
        "n_matched": np.bincount(of[paid["basis"] > 0], minlength=n),
        "n_links_unseen": contract["n_links_unseen"],
        "n_before_start": np.bincount(of[paid["is_before_start"]], minlength=n),
        "paid_minor": contract["paid_minor"],
        "paid_ratio": each["paid_ratio"],
        "first_payment_days": _whole_numbers(np.nan_to_num(first), np.isnan(first)),
        "gap_mean_days": np.where(n_gaps > 0, gap, np.nan),
        "n_nodes": n_nodes,
        "n_nodes_paid": n_nodes_paid,
        "n_nodes_overdue": n_overdue,
        "nodes_basis": _texts(
            np.where(has_clause, 0, np.where(n_nodes > 0, 1, 2)), ("clause", "payments", "none")
        ),
        "clause_total_percent": np.where(points > 0, points / 100, np.nan),
        "clause_adds_up": pa.array(points == WHOLE, mask=points == 0),
        "clause_problem": contract["clause_problem"],
        **_agreement(rows, has_clause),
        "is_finished": is_finished,
        **_next(saved, rows, (status != _PAID) & ~is_finished[rows.nodes.contract], kind),
        "category_mean_payments": _mean_of(saved, "categories", contract["category_key"]),
        "supplier_mean_payments": _mean_of(saved, "suppliers", contract["counterparty_key"]),
    }


def _mean_of(saved: Saved, name: str, keys: np.ndarray) -> np.ndarray:
    """Return the mean number of payments of a group; NaN of one that came with an update."""
    fitted = saved.fitted(name)
    place = find(keys, fitted["key"], get_backend("cpu"))
    means: np.ndarray = np.append(fitted["payments_mean"], np.nan)[place]
    return means


def _agreement(rows: Rows, has_clause: np.ndarray) -> Columns:
    """Say whether the payments are those that the clause promises, and how they differ."""
    paid = rows.paid
    n = rows.contracts.n
    counted = paid["counts"] & (paid["amount_minor"] > 0) & has_clause[paid["contract"]]
    stray = counted & (paid["node"] < 0)
    tested = np.bincount(paid["contract"][counted], minlength=n) > 0
    whole = np.maximum(rows.contracts.total_minor[rows.nodes.contract], 1)
    over = (rows.node["given_minor"] - rows.nodes.amount_minor) / whole > 1 / 100
    differs: dict[int, list[str]] = {}
    for row in np.flatnonzero(stray).tolist():
        text = f"a payment of {100 * paid['ratio'][row]:.4g}% fits no node"
        differs.setdefault(int(paid["contract"][row]), []).append(text)
    for row in np.flatnonzero(over & ~rows.node["is_bare"]).tolist():
        share = 100 * rows.node["given_minor"][row] / whole[row]
        promised = 100 * rows.nodes.amount_minor[row] / whole[row]
        text = f"{share:.4g}% was paid where node {rows.nodes.number[row]} promises {promised:.4g}%"
        differs.setdefault(int(rows.nodes.contract[row]), []).append(text)
    says: list[str | None] = [None] * n
    for row, texts in differs.items():
        says[row] = "; ".join(texts)
    is_different = np.array([text is not None for text in says], bool)
    code = np.where(is_different, 1, np.where(tested, 0, 2))
    return {
        "agreement": _texts(code, ("agrees", "differs", "untested")),
        "disagreement": pa.array(says, pa.string()),
    }


def _next(saved: Saved, rows: Rows, is_awaited: np.ndarray, kind: np.ndarray) -> Columns:
    """Forecast the first node of each contract that is not paid, nor the contract in full."""
    backend = get_backend("cpu")
    n = rows.contracts.n
    waits = np.flatnonzero(is_awaited & ~rows.node["is_bare"])
    contract, first = np.unique(rows.nodes.contract[waits], return_index=True)
    node = waits[first]
    times = node_times(rows, saved.as_of_day, backend, saved.fitted("waits"))
    now = (saved.as_of_day - times["origin"][node]) / times["unit"][node]
    sort = [keys[node] for keys in times["sorts"]]
    seen = forecast(sort, now, times["clock"][node], saved.fitted("curves"), backend)
    spread = saved.fitted("amounts")
    codes = rows.contracts.currency[contract]
    scale = np.array([minor_per_major(int(c)) if c >= 0 else 1 for c in codes], np.float64)
    promised, paid = rows.nodes.amount_minor[node], rows.node["paid_minor"][node]

    def spread_out(values: np.ndarray, null: Any) -> np.ndarray:
        """Return a value a contract from one a contract that has a next node."""
        full = np.full(n, null, values.dtype)
        full[contract] = values
        return full

    def left(end: str) -> np.ndarray:
        """Return what is left to pay of a node of which in all so much will have been paid."""
        whole = promised * spread[end][0]
        return spread_out(np.maximum(whole - paid, 0.0) / scale, np.nan)

    def date(name: str) -> np.ndarray:
        """Return days as dates, after the as-of day, as nothing was paid until then."""
        day = times["origin"][node] + seen[name] * times["unit"][node]
        known = ~np.isnan(day)
        # half a day is the next day, not the even one: days are counted from 1970
        whole = np.maximum(np.floor(np.where(known, day, 0) + 0.5), saved.as_of_day + 1)
        return spread_out(np.where(known, whole, NULL_DAY).astype(np.int32), NULL_DAY)

    has_curve = seen["level"] >= 0
    return {
        "next_kind": _texts(spread_out(kind[node].astype(np.int32), -1), words.KINDS),
        "next_percent": spread_out(rows.nodes.basis_points[node] / 100, np.nan),
        "next_amount": spread_out((promised - paid) / scale, np.nan),
        "next_amount_low": left("low"),
        "next_amount_high": left("high"),
        "next_due_date": spread_out(rows.node["due_day"][node], NULL_DAY),
        "next_date": date("middle"),
        "next_date_earliest": date("early"),
        "next_date_latest": date("late"),
        "next_chance": spread_out(seen["chance"], np.nan),
        "next_basis": _texts(
            spread_out(np.where(has_curve, times["clock"][node], -1).astype(np.int32), -1), CLOCKS
        ),
        "next_n_similar": spread_out(seen["n_events"], 0),
    }
