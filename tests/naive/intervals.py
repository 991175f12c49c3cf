"""Gaps between payments: lists and ``statistics``."""

import math
import statistics
from itertools import pairwise


def gap_stats(days):
    """Return mean, population standard deviation and median of the gaps of days in order."""
    gaps = [after - before for before, after in pairwise(days)]
    if not gaps:
        return math.nan, math.nan, math.nan
    return statistics.fmean(gaps), statistics.pstdev(gaps), statistics.median(gaps)
