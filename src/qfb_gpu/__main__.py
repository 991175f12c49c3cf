"""``python -m qfb_gpu`` is the command ``qfb``."""

from qfb_gpu.cli import main

if __name__ == "__main__":
    main()
