"""What :mod:`qfb_gpu.cluster` is made of."""
