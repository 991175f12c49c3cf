"""Sections of the config, a file each; :mod:`qfb_gpu.config` puts them together."""
