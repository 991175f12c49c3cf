"""The whole number nearest to a number."""

from __future__ import annotations

from qfb_kernels.twin import twin


def _nearest(value):
    """Return the whole number nearest to one that is not negative, halves to the even one."""
    whole = int(value)
    apart = value - whole
    if apart > 0.5 or (apart == 0.5 and whole % 2 == 1):
        whole += 1
    return whole


nearest = twin(_nearest, inline=True)
