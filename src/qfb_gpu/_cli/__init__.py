"""Commands of ``qfb`` beyond the night, a file each; :mod:`qfb_gpu.cli` puts them together."""
