"""Clauses of a bucket as arrays: each distinct text is read once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from qfb_gpu.finance.clauses import Clause, parse_clause
from qfb_gpu.ledger import NULL_DAY


@dataclass(frozen=True, slots=True)
class ClauseNodes:
    """Nodes of distinct clauses, in CSR: clause ``c`` has ``offsets[c]:offsets[c + 1]``.

    Attributes
    ----------
    offsets : int64, shape (n_clauses + 1,)
    kind, trigger : int8; basis_points : int32
    days : int32, ``NULL_DAY`` where the clause does not say
    is_working : bool
    warranty_days : int32
    problems : tuple of str, shape (n_clauses,), empty where there are none
    """

    offsets: Any
    kind: Any
    trigger: Any
    basis_points: Any
    days: Any
    is_working: Any
    warranty_days: Any
    problems: tuple[str, ...]


@lru_cache(maxsize=65_536)
def _parsed(text: str | None) -> Clause:
    return parse_clause(text)


def clause_nodes(texts: list[str | None]) -> ClauseNodes:
    """Read distinct clauses; arrays are on the host."""
    clauses = [_parsed(text) for text in texts]
    nodes = [node for clause in clauses for node in clause.nodes]
    sizes = [len(clause.nodes) for clause in clauses]
    days = [NULL_DAY if node.rule.days is None else node.rule.days for node in nodes]
    return ClauseNodes(
        offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        kind=np.array([node.kind for node in nodes], np.int8),
        trigger=np.array([node.rule.trigger for node in nodes], np.int8),
        basis_points=np.array([node.basis_points for node in nodes], np.int32),
        days=np.array(days, np.int32),
        is_working=np.array([node.rule.is_working for node in nodes], bool),
        warranty_days=np.array([node.rule.warranty_days for node in nodes], np.int32),
        problems=tuple("; ".join(clause.problems) for clause in clauses),
    )
