"""Parts of :mod:`qfb_gpu.portfolio`: firms, what they pay, order, sign, claim, look at and hold.

Everything is drawn in blocks of ``BLOCK`` customers from generators keyed by (seed, block,
part), so a customer's content depends on the seed and its number alone. ``block`` puts the tables
together: what several of them need is drawn once, what none needs is not drawn.
"""
