"""Parts of :mod:`qfb_gpu.portfolio`: firms, their relations, when they pay, what it says.

Everything is drawn in blocks of ``BLOCK`` customers from generators keyed by (seed, block,
part), so a customer's content depends on the seed and its number alone.
"""
