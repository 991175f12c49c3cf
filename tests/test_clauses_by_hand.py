"""Sets of payment clauses written before the rules saw them, against what a reader expects."""

import re
from pathlib import Path

import pytest

from qfb_gpu.finance.clause_words import TRIGGERS
from qfb_gpu.finance.clauses import parse_clause
from qfb_gpu.finance.due_rules import DAY_KINDS

_SUFFIX = {"": "calendar", "w": "working", "e": "month_end", "ew": "month_end_working"} | {
    "m": "next_month_day"
}
_WARRANTY = TRIGGERS.index("warranty_end")


def rows(name):
    """Return [(clause, expected)] of a set; None where it cannot be told in shares."""
    lines = (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line and not line.startswith("#")]
    pairs = zip(lines[::2], lines[1::2], strict=True)
    return [(text, None if said == "= flag" else _nodes(said[2:])) for text, said in pairs]


def _nodes(said):
    nodes = []
    for part in said.split(" | "):
        share, triggers, days, *more = part.split()
        times = [int(word[1:]) for word in more if word.startswith("x")] or [1]
        warranty = [int(word[1:]) for word in more if word.startswith("~")] or [None]
        nodes += [(float(share), triggers.split("/"), days, warranty[0])] * times[0]
    return nodes


def _fits(node, wanted):
    share, triggers, days, warranty = wanted
    rule = node.rule
    if abs(node.basis_points / 100 - share) > 0.02:
        return False
    if triggers != ["*"] and TRIGGERS[rule.trigger] not in triggers:
        return False
    if rule.trigger == _WARRANTY and warranty is not None and days != "?":
        waits = rule.warranty_days + (rule.days or 0)
        return waits == warranty + (0 if days == "-" else int(re.sub(r"\D", "", days)))
    if days == "?":
        return True
    if days == "-":
        return not rule.days
    number, suffix = re.fullmatch(r"(\d+)(\w*)", days).groups()
    return rule.days == int(number) and DAY_KINDS[rule.day_kind] == _SUFFIX[suffix]


def verdict(text, wanted):
    """Return right, flagged or silently wrong; a flag with wrong nodes is told apart."""
    clause = parse_clause(text)
    nodes = list(clause.nodes)
    if wanted is None:
        right = bool(clause.problems) and not nodes
    else:
        right = len(nodes) == len(wanted) and all(map(_fits, nodes, wanted))
    if right:
        return "right"
    if clause.problems:
        return "flagged, with nodes" if nodes else "flagged"
    return "silently wrong"


# Rows, from 0, of which not all is read, which ``problems`` says.
FLAGGED = {
    "eighty": {12, 45, 49, 57, 63, 68},
    "forty": {3, 11, 14, 24, 35},
    "last": {3, 12, 22, 25, 29, 34},
    "fresh": {15, 19, 20, 23, 30},
}


@pytest.mark.parametrize("name", list(FLAGGED))
def test_a_clause_is_read_right_or_said_not_to_be(name):
    verdicts = [verdict(*row) for row in rows(f"clauses_{name}.txt")]
    assert "silently wrong" not in verdicts
    assert {i for i, said in enumerate(verdicts) if said != "right"} == FLAGGED[name]
