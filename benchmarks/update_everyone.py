"""An update that takes every customer for touched: what an update of few has to be equal to.

python benchmarks/update_everyone.py CONFIG
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qfb_gpu import pipeline
from qfb_gpu._pipeline import update
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import to_day
from qfb_gpu.config import load_config
from qfb_gpu.lake import silver

if TYPE_CHECKING:
    from qfb_gpu._pipeline.kept import Kept
    from qfb_gpu.config import Config

_touched = update.touched_customers


def everyone(config: Config, kept: Kept) -> dict[int, np.ndarray]:
    """Return the customers that were touched and all that there are, by bucket."""
    lake, found = config.output_dir / "lake", _touched(config, kept)
    for bucket in silver.buckets(lake):
        ledger = silver.read_ledger(lake, bucket, to_day(config.as_of), get_backend("cpu"))
        found[bucket] = np.union1d(found.get(bucket, ledger.customer_key[:0]), ledger.customer_key)
    return found


def main() -> None:
    """Run the update of the config that the command line names."""
    update.touched_customers = everyone  # type: ignore[assignment]
    pipeline.run(load_config(Path(sys.argv[1])), update=True)


if __name__ == "__main__":
    main()
