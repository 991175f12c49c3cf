"""Scores of many customers ranked bucket by bucket: the same as ranked at once."""

from functools import partial
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfb_gpu.backend import get_backend
from qfb_gpu.finance import ranks
from qfb_gpu.finance.levels import auc, rank_correlation

CPU = get_backend("cpu")
buckets = st.lists(
    st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.integers(0, 9)), max_size=20),
    min_size=1, max_size=4,
).filter(any)  # fmt: skip


def columns(rows):
    """Return scores, what is true, and other scores."""
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1] > 0, table[:, 2]


@pytest.mark.parametrize("at_once", [2**22, 3])
@settings(max_examples=60)
@given(rows=buckets)
def test_scores_are_ranked_as_if_at_once(rows, at_once):
    on = [columns(one) for one in rows]
    score, is_true, _ = columns(list(chain(*rows)))
    score, n = score / 7.0, score.size
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranks, "ROWS_AT_ONCE", at_once)
        found = ranks.ranked(lambda: ((a / 7.0, b) for a, b, _ in on), n, CPU)
    want = auc(score, is_true, CPU)
    assert found.auc == want or (np.isnan(want) and np.isnan(found.auc))
    top = score >= np.sort(score)[n - max(1, n // 5)]
    assert (found.n_top, found.n_true_top) == (top.sum(), (top & is_true).sum())


@settings(max_examples=60)
@given(rows=buckets)
def test_whole_scores_are_ranked_as_if_at_once(rows):

    on = [columns(one) for one in rows]
    true, false, left, right = (ranks.WholeRanks(9, np) for _ in range(4))
    for a, is_true, b in on:
        for kept, scores in ((true, a[is_true]), (false, a[~is_true]), (left, a), (right, b)):
            kept.add(scores)
    score, is_true, other = columns(list(chain(*rows)))
    same = partial(pytest.approx, rel=1e-15, nan_ok=True)
    assert ranks.auc_of_whole(true, false) == same(auc(score / 1.0, is_true, CPU))
    found = ranks.correlation_of_whole(((a, b) for a, _, b in on), left, right)
    assert found == same(rank_correlation(score / 1.0, other / 1.0, CPU))


def test_sums_may_be_larger_than_an_integer_of_64_bits():
    products = np.array([2**62, 2**62 - 1, -(2**62) + 5, 2**61 + 7], dtype=np.int64)
    times = np.array([2**20, 3, 2**19, 1])
    want = sum(int(a) * int(b) for a, b in zip(products, times, strict=True))
    assert ranks._sum(products, times) == want
