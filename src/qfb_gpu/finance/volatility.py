"""Income volatility (收入波动): how unsteadily money comes in, by month, without the seasons.

References
----------
Arc change, bounded by -2 and 2 and defined at zero: S. Davis, J. Haltiwanger, S. Schuh, "Job
Creation and Destruction" (MIT Press, 1996). Downside semideviation: H. Markowitz, "Portfolio
Selection" (1959), ch. 9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_kernels.unsteady import N_FIGURES, unsteady_cpu, unsteady_gpu

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

NAMES = ("arc", "downside", "drawdown", "trend_break", "idle")
FIGURES = (*NAMES, "trend_fall")
"""As the kernel has them."""
WINDOW = 24


def volatility(income: Any, length: Any, backend: Backend) -> dict[str, Any]:
    """Return the parts of income volatility.

    Parameters
    ----------
    income : float64 array, shape (n_customers, n_months)
        Without its seasons, the last column the latest month; at most the last 24 are used.
    length : int64 array, shape (n_customers,)
        Months since the customer's first payment; earlier ones are not looked at.

    Returns
    -------
    dict of float64 arrays, shape (n_customers,)
        ``arc``: root mean square arc change from month to month, 0 to 2; ``downside``: semi-
        deviation below the mean over the mean; ``drawdown``: fall of the last quarter's mean from
        the highest one; ``trend_break``: fall of the last six months' mean from that before,
        weighed by how sure it is; ``trend_fall``: that fall itself; ``idle``: share of months
        without income. NaN under two months, ``trend_break`` NaN under twelve.
    """
    xp, width = backend.xp, min(int(income.shape[1]), WINDOW)
    figures = xp.empty((income.shape[0], N_FIGURES))
    windows = backend.asarray([[0, width]], dtype="int64")
    last = xp.ascontiguousarray(income[:, -width:], dtype="float64")
    write(last, windows, length.astype("int64"), 0, figures, backend)
    return {name: figures[:, at] for at, name in enumerate(FIGURES)}


def write(steady: Any, windows: Any, length: Any, to: int, figures: Any, backend: Backend) -> None:
    """Write :data:`FIGURES` of customers at dates: :func:`qfb_kernels.unsteady.unsteady_cpu`."""
    asked = (steady, windows, length, to, figures)
    backend.launch(unsteady_cpu, unsteady_gpu, figures.shape[0], *asked)
