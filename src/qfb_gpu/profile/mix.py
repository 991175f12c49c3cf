"""Features of what for and how: the mix of categories and channels of a year's payments.

A share enters a sum in whole steps of 2 ** -40, so sums are exact in any order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from qfb_gpu.ledger import Labelled
from qfb_gpu.profile.feature import Feature, declared, ratio
from qfb_gpu.profile.grouped import YEAR, count_by, total_by

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger

COLUMNS = (("category", "categories", "类别"), ("channel", "channels", "渠道"))
_RECENT = 90
_STEP = 2.0**40
_DENSE = 4
"""A table of customers by labels may have this many times the payments' cells."""


def _declared() -> tuple[Feature, ...]:
    rows: list[Feature] = []
    for name, names, zh in COLUMNS:

        def row(
            part: str, unit: str, words: str, words_zh: str, dtype: Any = "float64", of: str = name
        ) -> Feature:
            return Feature(f"mix_{of}_{part}", unit, words, words_zh, dtype, "texts")

        rows += [
            row("n_365d", names, f"distinct {names} of the payments of the last 365 days",
                f"最近365天收付的{zh}数", "int64"),
            row("entropy_365d", "nats",
                f"entropy of the numbers of payments by {name}, last 365 days: 0 is one, log n "
                f"is n alike",
                f"最近365天按{zh}的收付笔数分布熵（0为单一，log n为n类均匀）"),
            row("top_share_365d", "share",
                f"payments of the commonest {name} / payments that have one, last 365 days",
                f"最近365天最大{zh}的笔数 ÷ 有{zh}的笔数"),
            row("known_share_365d", "share",
                f"payments that have a {name} / payments, last 365 days",
                f"最近365天有{zh}的笔数 ÷ 收付笔数"),
            row("shift_90d", "share",
                f"half the sum of |p - q| over {names}: p of the last 90 days, q of the 275 "
                f"before; 0 the same mix, 1 nothing in common; null where either has none",
                f"最近90天与之前275天{zh}结构差异"
                f"（全变差距离，0相同，1完全不同；任一期没有时为空）"),
        ]  # fmt: skip
    return tuple(rows)


MIX = _declared()


class _Cells(NamedTuple):
    """Payments of a year by customer and label, in that order."""

    customer: Any
    code: Any
    n_year: Any
    n_recent: Any


def mix_features(
    ledger: Ledger, labels: dict[str, Labelled], as_of_day: int, backend: Backend
) -> tuple[dict[str, Any], dict[str, Labelled]]:
    """Return what :data:`MIX` declares, and the commonest labels.

    Parameters
    ----------
    ledger : Ledger
    labels : dict of ``category`` and ``channel`` to Labelled, shape (n_payments,)
        In the order of the ledger's payments; the labels in the order of their text.

    Returns
    -------
    features : dict of str to array, shape (n_customers,)
    tops : dict of ``mix_category_top`` and ``mix_channel_top`` to Labelled, shape (n_customers,)
        The label of most payments of the last 365 days, the first by text among equals.
    """
    xp = backend.xp
    customer = ledger.customer_of_payment(backend)
    age = as_of_day - ledger.day.astype("int64")
    places = xp.nonzero(age < YEAR)[0]
    customer, age = customer[places], age[places]
    n_year = count_by(customer, ledger.n_customers, backend)
    found: dict[str, Any] = {}
    tops: dict[str, Labelled] = {}
    for name, column in labels.items():
        cells = _cells(
            customer, column.codes[places], len(column.labels), age, ledger.n_customers, backend
        )
        summary, top = _summary(cells, n_year, backend)
        found |= {f"{name}_{part}": values for part, values in summary.items()}
        tops[f"mix_{name}_top"] = Labelled(top, column.labels)
    return declared(found, MIX, backend), tops


def _cells(
    customer: Any, code: Any, n_labels: int, age: Any, n_customers: int, backend: Backend
) -> _Cells:
    xp = backend.xp
    known = xp.nonzero(code >= 0)[0]
    width = max(n_labels, 1)
    cell = customer[known].astype("int64") * width + code[known]
    recent = cell[age[known] < _RECENT]
    n_cells = n_customers * width
    if 0 < n_cells <= _DENSE * recent.shape[0]:
        n_year = xp.bincount(cell, minlength=n_cells)
        distinct = xp.nonzero(n_year)[0]
        n_year = n_year[distinct]
        n_recent = xp.bincount(recent, minlength=n_cells)[distinct]
    else:  # thousands of labels, most of which a customer does not have
        distinct, n_year = xp.unique(cell, return_counts=True)
        recent = xp.sort(recent)
        after = xp.searchsorted(recent, distinct, side="right")
        n_recent = after - xp.searchsorted(recent, distinct)
    return _Cells(distinct // width, distinct % width, n_year.astype("int64"), n_recent)


def _summary(cells: _Cells, n_payments: Any, backend: Backend) -> tuple[dict[str, Any], Any]:
    xp, n_customers = backend.xp, n_payments.shape[0]

    def total(values: Any) -> Any:
        return total_by(cells.customer, values, n_customers, backend)

    n_known, n_recent = total(cells.n_year), total(cells.n_recent)
    n_before = n_known - n_recent
    share = cells.n_year / n_known[cells.customer]
    entropy = total(xp.rint(-share * xp.log(share) * _STEP)) / _STEP
    both = (n_recent > 0) & (n_before > 0)
    here = both[cells.customer]
    p = cells.n_recent / xp.where(here, n_recent[cells.customer], 1)
    q = (cells.n_year - cells.n_recent) / xp.where(here, n_before[cells.customer], 1)
    apart = total(xp.rint(xp.where(here, abs(p - q), 0.0) * _STEP)) / (2 * _STEP)
    order = backend.lexsort((cells.customer, -cells.n_year, cells.code))
    first = xp.searchsorted(cells.customer, xp.arange(n_customers))  # a customer's first in order
    first = xp.minimum(first, max(order.shape[0] - 1, 0))
    top, top_n = xp.full(n_customers, -1, dtype="int32"), xp.zeros(n_customers, dtype="int64")
    if order.shape[0]:
        top = xp.where(n_known > 0, cells.code[order][first], -1).astype("int32")
        top_n = xp.where(n_known > 0, cells.n_year[order][first], 0)
    summary = {
        "n_365d": count_by(cells.customer, n_customers, backend),
        "entropy_365d": xp.where(n_known > 0, xp.maximum(entropy, 0.0), xp.nan),
        "top_share_365d": ratio(top_n, n_known, xp),
        "known_share_365d": ratio(n_known, n_payments, xp),
        "shift_90d": xp.where(both, xp.minimum(apart, 1.0), xp.nan),
    }
    return summary, top
