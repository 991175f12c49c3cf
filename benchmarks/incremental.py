"""What a night costs in which few customers changed, beside the full night of the same payments.

    python benchmarks/incremental.py --payments 1e6 --share 0.01
    python benchmarks/incremental.py --payments 1e8 --nights first update
    python benchmarks/incremental.py --payments 1e6 1e7 --changes replace --nights first update

``first``: a night from nothing. Then payments of a share of the customers come, in a further file
(``add``) or in a new extract of all payments in the place of the old one (``replace``); or the
next day's payments of everyone come in a further file, and ``as_of`` is a day later (``day``), for
which there is no update. Over the same lake follow ``update`` (``qfb run --update``), ``later``
(the whole night again) and ``everyone``, an update that takes every customer for touched; ``full``
is a night from nothing over both files. Gold tables of ``later`` and ``full`` must be equal, but
for what a night keeps of the one before on purpose; those of ``update`` and ``everyone`` must be
equal, all of them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from implementations import QFB, last_night, write_config
from incremental_table import incremental_table
from portfolios import AS_OF, SEED, portfolio_of
from process_tree import run_measured
from pyarrow.dataset import dataset
from results_file import ResultsFile

from qfb_gpu.lake import gold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portfolios import Portfolio

BY_PAYMENTS = (
    "payment_streams",
    "stream_payments",
    "expected_payments",
    "graph_edges",
    "payment_terms",
    "associations",
)
"""Tables that no earlier night has a say in."""
_ROWS_PER_CUSTOMER = 3
NIGHTS = {
    "update": [QFB, "run", "--update"],
    "later": [QFB, "run"],
    "everyone": [sys.executable, str(Path(__file__).with_name("update_everyone.py"))],
    "full": [QFB, "run"],
}


def main(arguments: list[str] | None = None) -> Path:
    """Run the three nights; return the file of results."""
    options = _options(arguments)
    settings = {"seed": SEED, "as_of": AS_OF.isoformat(), "share": options.share}
    results = ResultsFile.open(options.out, "incremental", settings)
    sizes = sorted(round(float(size)) for size in options.payments)
    for size, change in itertools.product(sizes, options.changes):
        portfolio = portfolio_of(size, options.data)
        with tempfile.TemporaryDirectory(dir=options.data, prefix="incremental-") as folder:
            if change == "day":
                changes = read_where(portfolio, pc.field("date") == AS_OF)
            else:
                changes = changed_payments(portfolio, options.share)
            found = measure(portfolio, changes, change, Path(folder), options)
            run = {"size": size, "change": change, **found}
        results.append(run)
        _say(run)
    return results.path


def measure(
    portfolio: Portfolio, changes: pa.Table, change: str, work: Path, options: argparse.Namespace
) -> dict[str, Any]:
    """Return the seconds of the nights, and which tables differ."""
    source, as_of, timeout = work / "payments", portfolio.as_of, options.timeout
    source.mkdir()
    before, first, names = as_of, source / "first.parquet", set(options.nights)
    if change == "day":
        before, names = (AS_OF - dt.timedelta(days=1)).isoformat(), names & {"later", "full"}
        pq.write_table(read_where(portfolio, pc.field("date") < AS_OF), first)
    else:
        first.symlink_to(portfolio.transactions)
    nights = {"first": _night([QFB, "run"], source, work / "first", before, timeout)}
    if change == "replace":
        first.unlink()
        write_extract(portfolio, changes, first)
    else:
        pq.write_table(changes, source / "second.parquet")
    later = [name for name in NIGHTS if name in names]
    for name in later:
        if name != "full":
            shutil.copytree(work / "first", work / name)
        nights[name] = _night(NIGHTS[name], source, work / name, as_of, timeout)
    return {
        "n_payments": portfolio.n_payments,
        "n_customers": portfolio.n_customers,
        "n_new_payments": changes.num_rows,
        "n_changed_customers": len(pc.unique(changes.column("customer_id"))),
        **nights,
        "different": {
            f"{one}, {other}": different_tables(work / one, work / other, tables)
            for one, other, tables in (("later", "full", BY_PAYMENTS), ("update", "everyone", ()))
            if one in later and other in later
        },
    }


def changed_payments(portfolio: Portfolio, share: float) -> pa.Table:
    """Return further payments of every n-th customer: the last three again."""
    file = pq.ParquetFile(portfolio.transactions, read_dictionary=["customer_id"])
    customers = pc.unique(file.read(columns=["customer_id"]).column(0)).cast(pa.string()).sort()
    chosen = customers.take(pa.array(range(0, len(customers), round(1 / share))))
    table = read_where(portfolio, pc.field("customer_id").isin(chosen))
    table = table.sort_by([("customer_id", "ascending"), ("date", "descending")])
    first = pc.index_in(table.column("customer_id"), table.column("customer_id").combine_chunks())
    rank = pc.subtract(pa.array(range(table.num_rows), pa.int32()), first)
    table = table.filter(pc.less(rank, _ROWS_PER_CUSTOMER))
    ids = pc.binary_join_element_wise(table.column("txn_id"), "again", "-")
    return table.set_column(table.column_names.index("txn_id"), "txn_id", ids)


def read_where(portfolio: Portfolio, condition: pc.Expression) -> pa.Table:
    """Return the payments for which a condition holds."""
    return dataset(portfolio.transactions, format="parquet").to_table(filter=condition)


def write_extract(portfolio: Portfolio, changes: pa.Table, path: Path) -> None:
    """Write all payments and the new ones as one file, the new ones first: every line moves."""
    file = pq.ParquetFile(portfolio.transactions)
    with pq.ParquetWriter(path, file.schema_arrow) as writer:
        writer.write_table(changes.cast(file.schema_arrow))
        for batch in file.iter_batches(1 << 20):
            writer.write_batch(batch)


def different_tables(later: Path, full: Path, names: Sequence[str]) -> list[str]:
    """Return the tables whose rows are not the same to the bit, in any order; of all if of none."""
    found = []
    for name in names or [name for name in gold.tables(full) if name != "runs"]:
        tables = [gold.read(output, name) for output in (later, full)]
        order = [(column, "ascending") for column in tables[0].column_names]
        if not tables[0].sort_by(order).equals(tables[1].sort_by(order)):
            found.append(name)
    return found


def _night(
    command: list[str], source: Path, output: Path, as_of: str, timeout_seconds: float
) -> dict[str, Any]:
    work = output.parent
    config = write_config(str(source), as_of, output, work)
    log = work / "night.log"
    done = run_measured([*command, str(config)], log=log, timeout_seconds=timeout_seconds)
    return {
        "wall_seconds": done.wall_seconds,
        "peak_bytes": done.peak_bytes,
        **last_night(output),
    }


def _say(run: dict[str, Any]) -> None:
    sys.stdout.write(f"{incremental_table({'runs': [run]})}\nDifferent: {run['different']}\n")
    sys.stdout.flush()


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    default_data = Path(os.environ.get("QFB_BENCH_DATA", tempfile.gettempdir())) / "qfb-bench"
    parser.add_argument("--payments", nargs="+", default=["1e6"], help="sizes, e.g. 1e6 10e6")
    parser.add_argument("--share", type=float, default=0.01, help="of the customers that change")
    changes = ("add", "replace", "day")
    parser.add_argument("--changes", nargs="+", default=["add"], choices=changes, help="how")
    names = ("first", *NIGHTS)
    parser.add_argument("--nights", nargs="+", default=names, choices=names, help="all, or some")
    parser.add_argument("--data", type=Path, default=default_data, help="portfolios and outputs")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds for one night")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
