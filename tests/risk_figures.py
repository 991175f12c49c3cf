"""Figures of two risks of customers as the engine writes them, as of the latest month, by name."""

import numpy as np

from qfb_gpu.finance import demand, volatility
from qfb_kernels import asked, unsteady


def volatility_of(income, length, backend):
    """Return :data:`volatility.FIGURES`, each shape (n_customers,).

    ``income``: float64, shape (n_customers, n_months), without its seasons, the last column the
    latest month; ``length``: months since the first payment.
    """
    width = min(income.shape[1], volatility.WINDOW)
    figures = np.empty((income.shape[0], unsteady.N_FIGURES))
    windows = np.array([[0, width]])
    last = np.ascontiguousarray(income[:, -width:], dtype=float)
    volatility.write(last, windows, length.astype(np.int64), 0, figures, backend)
    return {name: figures[:, at] for at, name in enumerate(volatility.FIGURES)}


def demand_of(sales, bought, naive, length, backend):
    """Return :data:`demand.FIGURES`, each shape (n_customers,), of tables as above."""
    n_months = sales.shape[1]
    width = min(n_months, volatility.WINDOW)
    figures = np.empty((sales.shape[0], asked.N_FIGURES))
    windows = np.array([[n_months - width, width]])
    tables = tuple(map(np.ascontiguousarray, (sales[:, -width:], bought, naive)))
    demand.write(tables, windows, length.astype(np.int64), 0, figures, backend)
    found = {name: figures[:, at] for at, name in enumerate(demand.FIGURES)}
    return {**found, "class_code": found["class_code"].astype(np.int8)}
