"""What stands behind :mod:`qfb_gpu.backend`: opening a device, graphs on it."""
