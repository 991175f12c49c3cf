"""How far groups and scores differ by who a customer is, which none of them was made of.

Nothing here changes a score: it says what a person should look at. A difference by size is to be
expected, as size is behaviour; one by region at the same behaviour asks for a reason.

References
----------
W. Bergsma (2013), "A bias-correction for Cramér's V and Tschuprow's T",
doi:10.1016/j.jkss.2012.10.002. M. Tomczak, E. Tomczak (2014), "The need to report effect size
estimates revisited": (H - k + 1) / (n - k) of Kruskal and Wallis, without what chance gives, which
they write as eta squared; it is Kelley's epsilon squared of the ranks. Y. Benjamini, Y. Hochberg
(1995), doi:10.1111/j.2517-6161.1995.tb02031.x.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from qfb_gpu.models.false_discovery import benjamini_hochberg

FEWEST = 30
"""Customers of a group below which it is left out."""
_DIGITS = 4
"""Significant digits of a number: what differs by less is alike."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How far one outcome differs by one attribute.

    Attributes
    ----------
    measure : str
        ``cramers_v`` of a label, ``epsilon_squared`` of a number: 0 alike, 1 decided by it.
    value : float
    p_value : float
        Of such a difference by chance; NaN where nothing differs at all.
    label : str or None
        The label whose share differs most; None for a number.
    lowest_group, highest_group : str
    lowest, highest : float
        Share of ``label``, or mean, in the groups where it is lowest and highest.
    n_groups, n_customers : int
    """

    measure: str
    value: float
    p_value: float
    label: str | None
    lowest_group: str
    lowest: float
    highest_group: str
    highest: float
    n_groups: int
    n_customers: int


def difference(groups: list[str | None], outcome: list[Any]) -> Difference | None:
    """Measure how far an outcome differs between groups.

    Parameters
    ----------
    groups : list of str or None, length n_customers
        What the customer is; None is left out, as are groups under :data:`FEWEST` customers.
    outcome : list of str or float or None, length n_customers
        Labels, or numbers; None and NaN are left out.

    Returns
    -------
    Difference, or None where fewer than two groups are left.
    """
    known = [
        (group, value if isinstance(value, str) else float(f"{value:.{_DIGITS}g}"))
        for group, value in zip(groups, outcome, strict=True)
        if group is not None and value is not None and value == value  # noqa: PLR0124
    ]
    of_group: dict[str, list[Any]] = {}
    for group, value in known:
        of_group.setdefault(group, []).append(value)
    kept = {g: sorted(values) for g, values in sorted(of_group.items()) if len(values) >= FEWEST}
    if len(kept) < 2:  # noqa: PLR2004
        return None
    is_label = any(isinstance(values[0], str) for values in kept.values())
    return _of_labels(kept) if is_label else _of_numbers(kept)


def q_values(found: list[Difference]) -> list[float]:
    """Return Benjamini-Hochberg q values; NaN where the p value is."""
    q = benjamini_hochberg(np.array([one.p_value for one in found], dtype=np.float64))
    return [float(value) for value in q]


def _of_labels(kept: dict[str, list[str]]) -> Difference:
    from scipy.stats import chi2_contingency

    labels = sorted({label for values in kept.values() for label in values})
    counts = np.array([[values.count(label) for label in labels] for values in kept.values()])
    sizes = counts.sum(axis=1)
    shares = counts / sizes[:, None]
    most = int(np.argmax(np.ptp(shares, axis=0)))
    n, n_groups = int(sizes.sum()), len(kept)
    value, p_value = 0.0, math.nan
    if len(labels) > 1:
        tested = chi2_contingency(counts, correction=False)
        p_value = float(tested.pvalue)
        freedom = (n_groups - 1) * (len(labels) - 1)
        phi2 = max(0.0, float(tested.statistic) / n - freedom / (n - 1))
        smaller = min(m - (m - 1) ** 2 / (n - 1) for m in counts.shape)
        value = math.sqrt(phi2 / (smaller - 1))
    return _difference("cramers_v", value, p_value, labels[most], kept, shares[:, most])


def _of_numbers(kept: dict[str, list[float]]) -> Difference:
    from scipy.stats import kruskal

    means = np.array([math.fsum(values) / len(values) for values in kept.values()])
    n, n_groups = sum(map(len, kept.values())), len(kept)
    value, p_value = 0.0, math.nan
    if len({number for values in kept.values() for number in values}) > 1:
        statistic, p_value = map(float, kruskal(*kept.values()))
        value = max(0.0, (statistic - n_groups + 1) / (n - n_groups))
    return _difference("epsilon_squared", value, p_value, None, kept, means)


def _difference(
    measure: str, value: float, p_value: float, label: str | None, kept: dict[str, Any], at: Any
) -> Difference:
    names = list(kept)
    low, high = int(np.argmin(at)), int(np.argmax(at))
    n = sum(map(len, kept.values()))
    return Difference(
        measure, value, p_value, label, names[low], float(at[low]), names[high], float(at[high]),
        len(names), n,
    )  # fmt: skip
