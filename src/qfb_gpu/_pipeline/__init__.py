"""Pieces of :mod:`qfb_gpu.pipeline`."""
