"""Income volatility (收入波动): how unsteadily money comes in, by month, without the seasons.

References
----------
Arc change, bounded by -2 and 2 and defined at zero: S. Davis, J. Haltiwanger, S. Schuh, "Job
Creation and Destruction" (MIT Press, 1996). Downside semideviation: H. Markowitz, "Portfolio
Selection" (1959), ch. 9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_kernels.unsteady import unsteady_cpu, unsteady_gpu

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

NAMES = ("arc", "downside", "drawdown", "trend_break", "idle")
FIGURES = (*NAMES, "trend_fall")
"""As the kernel has them, of the last :data:`WINDOW` months.

``arc``: root mean square arc change from month to month, 0 to 2; ``downside``: semi-deviation below
the mean over the mean; ``drawdown``: fall of the last quarter's mean from the highest one;
``trend_break``: fall of the last six months' mean from that before, weighed by how sure it is;
``trend_fall``: that fall itself; ``idle``: share of months without income. NaN under two months,
``trend_break`` NaN under twelve.
"""
WINDOW = 24


def write(steady: Any, windows: Any, length: Any, to: int, figures: Any, backend: Backend) -> None:
    """Write :data:`FIGURES` of customers at dates: :func:`qfb_kernels.unsteady.unsteady_cpu`."""
    asked = (steady, windows, length, to, figures)
    backend.launch(unsteady_cpu, unsteady_gpu, figures.shape[0], *asked)
