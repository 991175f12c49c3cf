"""The tables of :mod:`qfb_gpu.schema`, by subject."""
