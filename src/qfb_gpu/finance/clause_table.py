"""Clauses of a bucket as arrays: each distinct text is read once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from qfb_gpu.finance.clauses import Clause, ClauseNode, parse_clause
from qfb_gpu.ledger import NULL_DAY


@dataclass(frozen=True, slots=True)
class ClauseNodes:
    """Nodes of distinct clauses, in CSR: clause ``c`` has ``offsets[c]:offsets[c + 1]``.

    Attributes
    ----------
    offsets : int64, shape (n_clauses + 1,)
    kind, trigger : int8; basis_points : int32
    share : int32
        The least of a clause's shares that are a basis point apart, one from the next: 33.34%,
        33.33% and 33.33% are instalments of 33.33%.
    n_instalments : int32, of how many equal instalments a node is one
    is_last : bool, the last of its instalments
    thirds_of_all : int32, what all of its instalments come to, in thirds of a basis point
    days : int32, ``NULL_DAY`` where the clause does not say
    day_kind : int8, index into ``DAY_KINDS``
    warranty_days : int32
    sum_stated : int64, ten-thousandths of the currency's unit; -1 where the clause says a share
    total_stated : int64, shape (n_clauses,)
        The total of the sums, ten-thousandths; -1 where they are shares.
    is_sum_of_all : bool, shape (n_clauses,)
        The clause states no total of its own.
    problems : tuple of str, shape (n_clauses,), empty where there are none
    """

    offsets: Any
    kind: Any
    trigger: Any
    basis_points: Any
    share: Any
    n_instalments: Any
    is_last: Any
    thirds_of_all: Any
    days: Any
    day_kind: Any
    warranty_days: Any
    sum_stated: Any
    total_stated: Any
    is_sum_of_all: Any
    problems: tuple[str, ...]


def _shares(clause: Clause) -> list[int]:
    least: dict[int, int] = {}
    for points in sorted({node.basis_points for node in clause.nodes}):
        least[points] = least.get(points - 1, points)
    return [least[node.basis_points] for node in clause.nodes]


def _thirds_of_all(nodes: list[ClauseNode]) -> list[int]:
    """Return what the instalments of each node come to; they follow one another."""
    found: list[int] = []
    for i, node in enumerate(nodes):
        if node.instalment == 0:
            alike = nodes[i : i + node.n_instalments]
            found += [sum(3 * one.basis_points + one.thirds for one in alike)] * len(alike)
    return found


def _or_none(values: list[int | None]) -> np.ndarray:
    return np.array([-1 if value is None else value for value in values], np.int64)


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
        share=np.array([share for clause in clauses for share in _shares(clause)], np.int32),
        n_instalments=np.array([node.n_instalments for node in nodes], np.int32),
        is_last=np.array([node.instalment + 1 == node.n_instalments for node in nodes], bool),
        thirds_of_all=np.array(_thirds_of_all(nodes), np.int32),
        days=np.array(days, np.int32),
        day_kind=np.array([node.rule.day_kind for node in nodes], np.int8),
        warranty_days=np.array([node.rule.warranty_days for node in nodes], np.int32),
        sum_stated=_or_none([node.sum_stated for node in nodes]),
        total_stated=_or_none([clause.total_stated for clause in clauses]),
        is_sum_of_all=np.array([clause.is_sum_of_all for clause in clauses], bool),
        problems=tuple("; ".join(clause.problems) for clause in clauses),
    )


def with_problem(clauses: ClauseNodes, problem: str) -> ClauseNodes:
    """Return the clauses and one more, the last, without nodes."""
    return replace(
        clauses,
        offsets=np.append(clauses.offsets, clauses.offsets[-1:]),
        total_stated=np.append(clauses.total_stated, -1),
        is_sum_of_all=np.append(clauses.is_sum_of_all, False),
        problems=(*clauses.problems, problem),
    )
