"""Standard scores and nearest centres, one customer and one feature at a time."""

import math
import statistics

CLIP = 5.0


def transformed(value, transform):
    if value is None or not transform:
        return value
    return math.log1p(max(value, {"log": 0.0, "week": 7.0}[transform]))


def scale(values, transform=""):
    """Return the median and the robust standard deviation of the values that are known."""
    middle, spread = plain_scale(values)
    return middle, max(spread, math.log(2)) if transform == "week" else spread


def plain_scale(values):
    known = [value for value in values if value is not None] or [0.0]
    if len(known) == 1:
        return known[0], 1.0
    low, middle, high = statistics.quantiles(known, n=4, method="inclusive")
    normal = statistics.NormalDist()
    spread = (high - low) / (normal.inv_cdf(0.75) - normal.inv_cdf(0.25))
    return middle, round(spread or statistics.pstdev(known), 9) or 1.0


def scores(row, scales, n_payments):
    """Return one customer's standard scores: cut at 5, the median where nothing is known.

    Of a customer with three payments a year half of each score counts, with none nothing.
    """
    n = max(0.0, n_payments or 0.0)
    return [
        0.0 if value is None else min(CLIP, max(-CLIP, (value - middle) / spread)) * n / (n + 3)
        for value, (middle, spread) in zip(row, scales, strict=True)
    ]


def nearest(row, centres):
    """Return the nearest centre, the first of equals, and the distance to it."""
    distances = [math.dist(row, centre) for centre in centres]
    return distances.index(min(distances)), min(distances)
