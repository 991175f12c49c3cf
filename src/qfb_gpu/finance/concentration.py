"""Channel dependency (渠道依赖): how much of a customer's income comes from how few.

References
----------
O. C. Herfindahl, "Concentration in the steel industry"; the effective number of channels is
1 / HHI (numbers equivalent, M. A. Adelman, doi:10.2307/1924560). 10, 30 and 50% are what issuers
disclose: US S-K 101(c) (17 CFR 229.101) names customers of 10%; CSRC rules for listings ask of
the top five and of a single one over 50%; 30% is a common line of credit policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.schema import DIRECTIONS
from qfb_kernels.channels import (
    HHI,
    N_CHANNELS,
    N_FIGURES,
    TOP_1,
    TOP_5,
    TOP_MONEY,
    shares_cpu,
    shares_gpu,
    sums_cpu,
    sums_gpu,
)

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Ledger

NAMES = (
    "hhi", "top_1", "top_5", "n_channels", "top_1_minor", "supplier_hhi", "supplier_top_1",
)  # fmt: skip
DISCLOSED = (0.1, 0.3, 0.5)
_FIGURES = {
    "in": {
        "hhi": HHI,
        "top_1": TOP_1,
        "top_5": TOP_5,
        "n_channels": N_CHANNELS,
        "top_1_minor": TOP_MONEY,
    },
    "out": {"supplier_hhi": HHI, "supplier_top_1": TOP_1},
}


def dependence(
    ledger: Ledger, main: Any, years: list[tuple[int, int]], backend: Backend
) -> dict[str, Any]:
    """Return the concentration of income over each of some years.

    Parameters
    ----------
    ledger : Ledger
    main : int64 array, shape (n_customers,)
        Main currency; other currencies are left out.
    years : list of (int, int), days since 1970-01-01
        The first day of a year, and the day after its last.

    Returns
    -------
    dict of float64 arrays, shape (n_customers, n_years)
        :data:`NAMES`; NaN where nothing came in. Payments without a counterparty count as one
        channel a normalised description. A channel whose reversals exceed its payments counts 0.
        ``top_1_minor`` is what the largest channel brought, less its own reversals.
    """
    xp = backend.xp
    bounds = sorted({day for year in years for day in year})
    before = xp.empty((ledger.n_relations, len(bounds)), dtype="int64")
    backend.launch(
        sums_cpu, sums_gpu, ledger.n_relations, ledger.day, ledger.amount_minor,
        ledger.relation_offsets, backend.asarray(bounds, dtype="int64"), before,
    )  # fmt: skip
    low = backend.asarray([bounds.index(first) for first, _ in years], dtype="int64")
    high = backend.asarray([bounds.index(end) for _, end in years], dtype="int64")
    out: dict[str, Any] = {}
    for direction, names in _FIGURES.items():
        figures = xp.empty((ledger.n_customers * len(years), N_FIGURES))
        backend.launch(
            shares_cpu, shares_gpu, figures.shape[0], before, ledger.direction, ledger.currency,
            DIRECTIONS.index(direction), main, low, high, ledger.customer_offsets, figures,
        )  # fmt: skip
        table = figures.reshape(ledger.n_customers, len(years), N_FIGURES)
        out |= {name: table[:, :, at] for name, at in names.items()}
    return out
