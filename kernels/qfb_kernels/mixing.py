"""The finaliser of splitmix64, in words of 64 bits.

Source: Steele, Lea and Flood (2014), doi:10.1145/2714064.2660195.
"""

from __future__ import annotations

from numba import uint64

from qfb_kernels.twin import twin

_FIRST, _SECOND = uint64(0xBF58476D1CE4E5B9), uint64(0x94D049BB133111EB)


def _finalised(mix):
    """Return a number whose every bit depends on all of another's, as ``qfb_gpu.keys`` has it."""
    mix = (mix ^ (mix >> uint64(30))) * _FIRST
    mix = (mix ^ (mix >> uint64(27))) * _SECOND
    return mix ^ (mix >> uint64(31))


finalised = twin(_finalised, inline=True)
