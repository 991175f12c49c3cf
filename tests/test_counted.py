"""Counts in sentences agree with their nouns."""

import pytest

from qfb_gpu.counted import counted
from qfb_gpu.finance.orders_reasons import REASONS


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 entries"), (1, "1 entry"), (0.8, "1 entry"), (2, "2 entries"), (1234, "1,234 entries")],
)
def test_a_count_and_its_noun(number, words):
    assert counted(number, "entry", "entries") == words


def test_one_order_is_no_orders():
    row = {"pair_n_due": 1.0, "pair_failed": 1.0, "pair_delay_days": 1.0}
    [pair] = [reason for reason in REASONS if reason.code == "pair_late"]
    said = "the supplier was late to this buyer with 100% of 1 order, 1 day on average"
    assert pair.english(row) == said
