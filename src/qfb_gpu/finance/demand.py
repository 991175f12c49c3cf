"""Market demand (市场需求): how regular, how foreseeable, where it broke, how it is amplified.

References
----------
Classes by average demand interval and squared coefficient of variation, cut at 1.32 and 0.49:
A. Syntetos, J. Boylan, J. Croston, doi:10.1057/palgrave.jors.2601841. Change point by the largest
cumulative sum: E. Page, doi:10.1093/biomet/41.1-2.100. Bullwhip ratio: F. Chen, Z. Drezner, J.
Ryan, D. Simchi-Levi, doi:10.1287/mnsc.46.3.436.12069. Error scaled by a seasonal naive forecast:
R. Hyndman, A. Koehler, doi:10.1016/j.ijforecast.2006.03.001.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_kernels.asked import asked_cpu, asked_gpu

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend

NAMES = ("interval", "sizes", "error", "change", "bullwhip")
CLASSES = ("smooth", "intermittent", "erratic", "lumpy")
FIGURES = (*NAMES, "scaled_error", "change_fall", "change_months", "class_code")
"""As the kernel has them, of the last 24 months at most.

``interval``: months per month with demand, less 1; ``sizes``: squared coefficient of variation of
months with demand; ``error``: mean absolute error of exponential smoothing over the mean;
``scaled_error``: the same over that of the same month a year before (NaN under 14 months);
``change``: fall at the strongest change point, weighed by how clear it is, 0 where it rose;
``change_fall``: that fall itself; ``change_months``: months since it; ``bullwhip``: squared
coefficient of variation of spending over that of sales (of a tenth at least), both with their
seasons, less 1, at least 0; ``class_code`` of :data:`CLASSES`.
"""


def write(
    tables: tuple[Any, Any, Any], windows: Any, length: Any, to: int, figures: Any, backend: Backend
) -> None:
    """Write :data:`FIGURES` of customers at dates: :func:`qfb_kernels.asked.asked_cpu`.

    Parameters
    ----------
    tables : tuple of arrays
        Income without its seasons, spending, income with its seasons (for the seasonal naive
        forecast, and beside spending), by month, the last column the latest.
    """
    asked = (*tables, windows, length, to, figures)
    backend.launch(asked_cpu, asked_gpu, figures.shape[0], *asked)
