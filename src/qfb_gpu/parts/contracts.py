"""Contracts in the night: payments, nodes, what recurs, and when the next node is paid.

合同支付比例识别, 付款间隔天数, 支付次数平均值. A bucket's contracts are matched with its payments;
what recurs across contracts and how long nodes take is learnt from all of them; then each bucket
writes its rows.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from qfb_gpu.currencies import minor_per_major
from qfb_gpu.finance import claims, matching, quoted, references, timing
from qfb_gpu.finance import contracts as con
from qfb_gpu.finance import nodes as nod
from qfb_gpu.finance.clause_doubts import SUM_DIFFERS, TOTAL_DIFFERS
from qfb_gpu.finance.clause_sums import PER_UNIT
from qfb_gpu.finance.clause_table import clause_nodes, with_problem
from qfb_gpu.finance.due_rules import MONTH_END
from qfb_gpu.ledger import NULL_MINOR, Labelled
from qfb_gpu.parts.contract_learning import fit, whole
from qfb_gpu.parts.contract_tables import publish
from qfb_gpu.parts.part import Columns, Given, Part
from qfb_gpu.parts.payment_texts import texts_of

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.finance.clause_table import ClauseNodes
    from qfb_gpu.ledger import SourceRows

_TEXTS = ("contract_id", "customer_id", "counterparty_id")
_AS_STATED = "the contract has no amount: its total is the one that the clause states"
_NO_AMOUNT = "the contract has no amount above 0 that the clause could be held against"
_NOTES = ("", _AS_STATED, _NO_AMOUNT)


def score(given: Given) -> dict[str, Columns]:
    """Match one bucket's contracts with its payments and its clauses."""
    backend, ledger = given.backend, given.ledger
    rows, links = given.sources["contracts"], given.sources["contract_payments"]
    contracts = con.contracts_of(rows, backend)
    read, clauses = _clauses(rows)
    contracts, note = _with_stated_totals(read, clauses, contracts, backend)
    host_clause, clauses = _of_their_total(read, clauses, contracts, backend)
    clause = backend.asarray(host_clause)
    nodes = nod.promised(contracts, clause, clauses, backend)
    paid, n_unseen = con.linked_payments(contracts, links, ledger, backend)
    paid = _matched(given, contracts, nodes, paid)
    counts = con.only_countable(paid, contracts, ledger, backend)
    paid = con.signed(paid, ledger, backend)
    texts = texts_of(given, paid.payment, "txn_id", "memo")
    memo_kind = backend.asarray(references.kinds(texts["memo"]))
    nodes, is_bare = nod.from_payments(paid, counts, memo_kind, contracts, nodes, backend)
    assigned = nod.assign(nodes, paid, counts, contracts, backend)
    by_month = bool((clauses.day_kind >= MONTH_END).any())
    due = timing.due_days(nodes, contracts, given.calendar, backend, by_month=by_month)
    measured = con.measures(paid, counts, contracts, given.calendar, backend)
    return {
        "contracts": {
            **{name: rows.texts.column(name).combine_chunks() for name in _TEXTS},
            **_of(contracts),
            "category": rows.columns["category"],
            "category_key": backend.asarray(_category_keys(rows.columns["category"], backend)),
            "clause": clause,
            "clause_points": backend.asarray(_per_contract(clause, _totals(clauses), 0, backend)),
            "clause_problem": _problems(host_clause, note, clauses),
            "paid_minor": con.paid_minor(paid, counts, contracts, backend),
            "n_links_unseen": n_unseen,
        },
        "nodes": {
            **_of(nodes), "is_bare": is_bare, "due_day": due,
            **nod.settled(nodes, paid, assigned, contracts, backend),
        },
        "paid": {
            **_of(paid), **measured, "counts": counts, "node": assigned, "memo_kind": memo_kind,
            "txn_id": texts["txn_id"],
            "currency": ledger.currency[ledger.relation_of_payment(backend)[paid.payment]],
        },
    }  # fmt: skip


def _of(columns: Any) -> Columns:
    return {name: getattr(columns, name) for name in columns.__dataclass_fields__}


def _clauses(rows: SourceRows) -> tuple[np.ndarray, ClauseNodes]:
    """Return each contract's row among the distinct clauses (-1 for none), and those."""
    coded = rows.texts.column("clause").combine_chunks().cast(pa.string()).dictionary_encode()
    codes = np.asarray(coded.indices.fill_null(-1)).astype(np.int64)
    return codes, clause_nodes(coded.dictionary.to_pylist())


def _with_stated_totals(
    clause: np.ndarray, clauses: ClauseNodes, contracts: con.Contracts, backend: Backend
) -> tuple[con.Contracts, np.ndarray]:
    """Return the contracts, those without an amount with the total that their clause states.

    Of a clause that states none nothing tells that its sums are the whole. And what is to be said
    of that: of each contract the place in :data:`_NOTES`.
    """
    total, currency = (backend.to_host(a) for a in (contracts.total_minor, contracts.currency))
    n_nodes = np.append(np.diff(clauses.offsets), 0)[clause]
    per_minor = _per_minor(currency)
    is_stated = np.append((clauses.total_stated > 0) & ~clauses.is_sum_of_all, False)[clause]
    stated = np.append(clauses.total_stated, -1)[clause]
    is_told = (total == NULL_MINOR) & (currency >= 0) & is_stated & (stated % per_minor == 0)
    told = np.where(is_told, stated // per_minor, total)
    note = np.where(is_told, 1, np.where((n_nodes > 0) & (told <= 0), 2, 0))
    if not is_told.any():
        return contracts, note
    return replace(contracts, total_minor=backend.asarray(told)), note


def _per_minor(currency: np.ndarray) -> np.ndarray:
    """Return how many parts of :data:`PER_UNIT` a minor unit of each contract's currency is."""
    distinct, place = np.unique(currency, return_inverse=True)
    scale = [minor_per_major(int(code)) if code >= 0 else 1 for code in distinct]
    return PER_UNIT // np.array(scale, np.int64)[place]


def _of_their_total(
    clause: np.ndarray, clauses: ClauseNodes, contracts: con.Contracts, backend: Backend
) -> tuple[np.ndarray, ClauseNodes]:
    """Return the clauses, with two unread ones for contracts whose clause has another total.

    One is for what clauses state, one for what their sums come to.

    Where there is no total there is nothing to compare, and no node either.
    """
    if not (clauses.total_stated >= 0).any():
        return clause, clauses
    total, currency = (backend.to_host(a) for a in (contracts.total_minor, contracts.currency))
    per_minor = _per_minor(currency)
    stated = np.append(clauses.total_stated, -1)[clause]
    is_other = (stated % per_minor != 0) | (stated // per_minor != total)
    differs = (stated >= 0) & backend.to_host(contracts.has_total) & is_other
    unread = len(clauses.problems) + np.append(clauses.is_sum_of_all, False)[clause]
    both = with_problem(with_problem(clauses, TOTAL_DIFFERS), SUM_DIFFERS)
    return np.where(differs, unread, clause), both


def _totals(clauses: ClauseNodes) -> np.ndarray:
    running = np.concatenate([[0], np.cumsum(clauses.basis_points)])
    totals: np.ndarray = running[clauses.offsets[1:]] - running[clauses.offsets[:-1]]
    return totals


def _per_contract(clause: Any, values: np.ndarray, absent: int, backend: Any) -> np.ndarray:
    codes = backend.to_host(clause)
    return np.append(values, absent)[codes].astype(np.int64)


def _problems(clause: np.ndarray, note: np.ndarray, clauses: ClauseNodes) -> Labelled:
    """Return what each contract's clause does not tell, and what is noted of its total."""
    of_clause = np.append(clauses.problems, "no clause").astype(object)
    distinct, place = np.unique(clause * len(_NOTES) + note, return_inverse=True)
    which, noted = np.divmod(distinct, len(_NOTES))
    texts = [
        "; ".join(filter(None, (of_clause[w], _NOTES[n])))
        for w, n in zip(which, noted, strict=True)
    ]
    labels = tuple(sorted({text for text in texts if text} | {"no clause"}))
    codes = np.array([labels.index(text) if text else -1 for text in texts], np.int32)
    return Labelled(codes[place], labels)


def _category_keys(category: Labelled, backend: Any) -> np.ndarray:
    """Return a number of each contract's category that is the same in every bucket."""
    keys = [zlib.crc32(label.strip().lower().encode()) for label in category.labels]
    return np.array([*keys, 0], np.int64)[backend.to_host(category.codes)]


def _matched(given: Given, contracts: con.Contracts, nodes: nod.Nodes, paid: con.Paid) -> con.Paid:
    """Return the payments, with those that no link names but that surely pay a contract."""
    backend, ledger = given.backend, given.ledger
    ids = given.sources["contracts"].texts.column("contract_id").combine_chunks()
    reference = backend.asarray(references.references(ids))
    counts = con.only_countable(paid, contracts, ledger, backend)
    signed = con.signed(paid, ledger, backend)
    assigned = nod.assign(nodes, signed, counts, contracts, backend)
    answers = nod.settled(nodes, signed, assigned, contracts, backend)
    wanted = claims.contract_claims(
        contracts,
        nodes,
        answers["n_payments"] > 0,
        con.paid_minor(signed, counts, contracts, backend),
        reference,
        backend,
    )
    rows = matching.candidates(wanted, paid.payment, ledger, backend)
    found = matching.match(wanted, _quotes(given, rows), paid.payment, ledger, backend)
    sure = found["confidence"] >= given.config.finance.matching.confidence
    basis = backend.xp.where(found["is_quoted"][sure], con.REFERENCE, con.AMOUNT).astype("int8")
    more = _paid(given, {name: found[name][sure] for name in found}, basis)
    return _quoted(given, contracts, con.join(paid, more, ledger, backend), reference)


def _quoted(given: Given, contracts: con.Contracts, paid: con.Paid, reference: Any) -> con.Paid:
    """Return the payments, with those that quote a contract but no amount of its clause."""
    backend, ledger, xp = given.backend, given.ledger, given.backend.xp
    if given.config.finance.matching.confidence > quoted.CONFIDENCE:
        return paid
    counts = con.only_countable(paid, contracts, ledger, backend)
    signed = con.signed(paid, ledger, backend)
    so_far = con.paid_minor(signed, counts, contracts, backend)
    wanted = claims.open_contracts(contracts, so_far, reference, backend)
    rows = quoted.of_parties(wanted, paid.payment, ledger, backend)
    found = quoted.quoted(wanted, _quotes(given, rows), ledger, backend)
    n = found["payment"].shape[0]
    found["confidence"] = xp.full(n, quoted.CONFIDENCE)
    more = _paid(given, found, xp.full(n, con.REFERENCE, dtype="int8"))
    return con.join(paid, more, ledger, backend)


def _quotes(given: Given, rows: Any) -> matching.Quotes:
    """Return what the memos of some payments quote."""
    backend = given.backend
    memo = texts_of(given, rows, "memo")["memo"]
    says = references.says(memo)
    is_named = (says == references.SAYS.index("contract")) | (references.kinds(memo) >= 0)
    return matching.Quotes(
        payment=rows,
        reference=backend.asarray(references.references(memo)),
        is_foreign=backend.asarray(says == references.SAYS.index("order")),
        is_named=backend.asarray(is_named),
    )


def _paid(given: Given, found: Columns, basis: Any) -> con.Paid:
    payment = found["payment"]
    return con.Paid(
        contract=found["deal"],
        payment=payment,
        day=given.ledger.day[payment],
        amount_minor=given.ledger.amount_minor[payment],
        basis=basis,
        confidence=found["confidence"],
    )


CONTRACTS = Part(
    name="contracts",
    what="contract payments and their nodes",
    needs=("contracts",),
    may_use=("contract_payments",),
    tables=("contract_summary", "contract_nodes", "contract_payments"),
    whole_tables=("contract_groups",),
    score=score,
    fit=fit,
    publish=publish,
    whole=whole,
)
