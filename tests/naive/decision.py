"""Benjamini and Hochberg's q-values by their definition: the least rate at which one is found."""

import math


def q_values(p_values):
    """Return for each p-value the smallest false-discovery rate that still rejects it."""
    tested = [p for p in p_values if not math.isnan(p)]
    found = []
    for p in p_values:
        if math.isnan(p):
            found.append(math.nan)
            continue
        rates = [
            len(tested) * bound / sum(other <= bound for other in tested)
            for bound in tested
            if bound >= p
        ]
        found.append(min(1.0, *rates) if rates else 1.0)
    return found
