"""Who takes part, and how one run of each is started in a process of its own."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from process_tree import run_measured

if TYPE_CHECKING:
    from portfolios import Portfolio

HERE = Path(__file__).parent
PEERS = ("pandas", "polars", "duckdb")
FROM_SOURCE = "qfb from source"
IMPLEMENTATIONS = ("qfb run", "qfb", FROM_SOURCE, *PEERS)
"""``qfb run`` is the whole night; ``qfb`` the peers' task alone, on the night's lake, and
``FROM_SOURCE`` that task with the ingest before it."""
QFB = str(Path(sys.executable).with_name("qfb"))
_COLUMNS = (
    "txn_id", "customer_id", "counterparty_id", "date", "amount", "direction", "currency", "memo",
    "category", "channel",
)  # fmt: skip


def run_once(
    name: str, portfolio: Portfolio, small: Portfolio, work: Path, *, timeout_seconds: float
) -> dict[str, Any]:
    """Run an implementation once, in a process of its own that warms up on ``small``.

    Its result is in :func:`output_of`; what was there is deleted before. ``qfb`` reads the lake
    that ``qfb run`` left in ``work``, or makes it, untimed.

    Returns
    -------
    dict
        ``wall_seconds`` and ``peak_bytes`` of the process, ``seconds`` of its stages.

    Raises
    ------
    CommandFailedError
        It failed, or took longer than ``timeout_seconds``.
    """
    output = output_of(name, work)
    shutil.rmtree(output, ignore_errors=True)
    log = work / f"{name.replace(' ', '-')}.log"
    if name == "qfb run":
        config = write_config(portfolio.transactions, portfolio.as_of, output, work)
        command = [QFB, "run", str(config)]
    else:
        sources = [portfolio.transactions, small.transactions]
        if name == "qfb":
            sources = [prepare_lake(portfolio, work), prepare_lake(small, work / "small")]
        script = str(HERE / "run_stages.py")
        command = [
            sys.executable,
            script,
            name,
            sources[0],
            portfolio.as_of,
            str(output),
            sources[1],
        ]
    done = run_measured(command, log=log, timeout_seconds=timeout_seconds)
    extra = last_night(output) if name == "qfb run" else {"seconds": json.loads(done.stdout)}
    return {"wall_seconds": done.wall_seconds, "peak_bytes": done.peak_bytes, **extra}


def output_of(name: str, work: Path) -> Path:
    """Return the folder that an implementation writes to."""
    return work / name.replace(" ", "-")


def prepare_lake(portfolio: Portfolio, work: Path) -> str:
    """Return the lake of a portfolio in ``work``: what a night left there, or ingested now."""
    work.mkdir(parents=True, exist_ok=True)
    output = output_of("qfb run", work)
    return str(make_lake(portfolio.transactions, portfolio.as_of, output))


def make_lake(transactions: str | Path, as_of: str, output: Path) -> Path:
    """Ingest payments into the lake of an output, where they are not there; return the lake."""
    from qfb_gpu.config import load_config
    from qfb_gpu.lake import ingest

    ingest.ingest(load_config(write_config(str(transactions), as_of, output, output.parent)))
    return output / "lake"


def write_config(transactions: str, as_of: str, output: Path, work: Path) -> Path:
    """Write the config of a night on the CPU; return its path."""
    columns = ", ".join(f'{name} = "{name}"' for name in _COLUMNS)
    config = work / "night.toml"
    config.write_text(
        f"as_of = {as_of}\n"
        'device = "cpu"\n'
        f"output = {json.dumps(str(output))}\n"
        "[sources.transactions]\n"
        f"path = {json.dumps(transactions)}\n"
        f"columns = {{ {columns} }}\n",
        encoding="utf-8",
    )
    return config


def last_night(output: Path) -> dict[str, Any]:
    """Read the seconds per stage of the last night from its own table of runs."""
    from qfb_gpu.lake import gold

    row = gold.read(output, "runs").to_pylist()[-1]
    stages = json.loads(row["stages"])
    counts = ("n_payments", "n_customers", "n_streams", "n_regular")
    return {
        "seconds": {name: stage["seconds"] for name, stage in stages.items()},
        "score_steps": stages.get("score", stages.get("update"))["steps"],
        **{name: row[name] for name in counts},
    }
