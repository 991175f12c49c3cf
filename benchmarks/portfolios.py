"""Generated portfolios of a wanted number of payments, kept outside the checkout.

A portfolio is made once for a size and a seed, and again when the generator's code changes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[1]
AS_OF = dt.date(2024, 12, 31)
SEED = 20241231
_PILOT_CUSTOMERS = 512
_GENERATOR = (
    "src/qfb_gpu/portfolio.py",
    "src/qfb_gpu/_portfolio",
    "src/qfb_gpu/calendars.py",
    "benchmarks/portfolios.py",
)


@dataclass(frozen=True, slots=True)
class Portfolio:
    """Where a generated portfolio lies, and how large it came out."""

    folder: str
    n_customers: int
    n_payments: int
    transactions: str
    transactions_bytes: int
    as_of: str
    seed: int


def portfolio_of(n_payments: int, data: Path) -> Portfolio:
    """Return a portfolio of about ``n_payments`` payments, generating it if need be.

    The number of customers is scaled from a pilot, so the size comes out within some per cent;
    the exact count is in the result and is what rates are computed from.
    """
    pilot = _cached(data, _PILOT_CUSTOMERS)
    n_customers = max(1, round(_PILOT_CUSTOMERS * n_payments / pilot.n_payments))
    return _cached(data, n_customers)


def _cached(data: Path, n_customers: int) -> Portfolio:
    folder = data / f"portfolio-{_generator_hash()}-{SEED}-{n_customers}"
    about = folder / "portfolio.json"
    if about.is_file():
        return Portfolio(**json.loads(about.read_text(encoding="utf-8")))
    data.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix="generating-", dir=data))
    try:
        _generate(draft, n_customers)
        shutil.rmtree(folder, ignore_errors=True)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    made = _describe(folder, n_customers)
    about.write_text(json.dumps(asdict(made), indent=1), encoding="utf-8")
    return made


def _generate(folder: Path, n_customers: int) -> None:
    from qfb_gpu.calendars import load_calendar
    from qfb_gpu.portfolio import write_portfolio

    write_portfolio(
        folder,
        n_customers,
        SEED,
        as_of=AS_OF,
        calendar=load_calendar("CN"),
        tables=("transactions",),
    )
    _forget_some_memos(folder / "transactions.parquet")


def _forget_some_memos(path: Path) -> None:
    """Take the memo off payments without a counterparty, in place.

    By their memos the engine tells such payments apart, which the task of the peers does not ask.
    """
    draft = path.with_suffix(".draft")
    with pq.ParquetFile(path) as whole, pq.ParquetWriter(draft, whole.schema_arrow) as writer:
        for group in range(whole.num_row_groups):
            table = whole.read_row_group(group)
            known = table.column("counterparty_id").is_valid()
            memo = pc.if_else(known, table.column("memo"), pa.scalar(None, pa.string()))
            table = table.set_column(table.column_names.index("memo"), "memo", memo)
            writer.write_table(table, row_group_size=max(table.num_rows, 1))
    draft.replace(path)


def _describe(folder: Path, n_customers: int) -> Portfolio:
    [transactions] = folder.glob("transactions*")
    files = [transactions] if transactions.is_file() else sorted(transactions.rglob("*.parquet"))
    return Portfolio(
        folder=str(folder),
        n_customers=n_customers,
        n_payments=ds.dataset([str(f) for f in files]).count_rows(),
        transactions=str(transactions),
        transactions_bytes=sum(f.stat().st_size for f in files),
        as_of=AS_OF.isoformat(),
        seed=SEED,
    )


def _generator_hash() -> str:
    digest = hashlib.sha256()
    for name in _GENERATOR:
        path = ROOT / name
        for file in [path] if path.is_file() else sorted(path.rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:10]
