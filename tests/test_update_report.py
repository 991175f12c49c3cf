"""After any series of updates the page equals one made from scratch of the same tables."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from qfb_gpu._pipeline import kept as keeping
from qfb_gpu.calendars import load_calendar
from qfb_gpu.config import build_config
from qfb_gpu.lake import gold
from qfb_gpu.pipeline import run
from qfb_gpu.portfolio import generate_portfolio
from qfb_gpu.report import build, write_report
from qfb_gpu.report.figures import cash, largest, part, streams

AS_OF = dt.date(2024, 12, 31)
SOURCES = ("transactions", "customers")
pytestmark = pytest.mark.usefixtures("no_mlflow")


@pytest.fixture(autouse=True)
def few_are_kept(monkeypatch):
    """Let most parts have more streams than are kept of their largest ones."""
    for module in (largest, cash, streams):
        monkeypatch.setattr(module, "KEPT", 4)
        monkeypatch.setattr(module, "LISTED", 2)


@pytest.fixture
def pages(monkeypatch, tmp_path):
    """Return a list that gets of each page how many parts it read; each is made twice."""
    n_read, made, read, read_part = [], [], build.collect, part._read

    def counted(*given):
        n_read.append(1)
        return read_part(*given)

    def twice(output, gold_tables, extras, known=None):
        del n_read[:]
        found = read(output, gold_tables, extras, known)
        made.append(len(n_read))
        again = read(output, gold.reader(output), extras)
        assert found == again
        for name, data in (("one", found), ("other", again)):
            write_report(data, tmp_path / f"{name}.html")
        one, other = ((tmp_path / f"{name}.html").read_bytes() for name in ("one", "other"))
        assert one == other
        return found

    monkeypatch.setattr(part, "_read", counted)
    monkeypatch.setattr("qfb_gpu.pipeline.report_data.collect", twice)
    return made


def config_of(folder):
    raw = {"as_of": AS_OF, "device": "cpu", "workers": 1, "n_buckets": 3,
           "sources": {name: {"path": name} for name in SOURCES}}  # fmt: skip
    return build_config(raw, base=folder, where="test")


def another_currency(table, currency):
    at = table.column_names.index("currency")
    values = pa.array([currency] * len(table), table.schema.field(at).type)
    return table.set_column(at, "currency", values)


def changed(draw, there, all_rows, step):
    """Return other payments by customer: some come, some go, some have others than before."""
    now = dict(there)
    ids = sorted(now)
    kind = step % 4
    if kind == 0:  # every second one is gone: of a small bucket perhaps all
        for one in ids[::2]:
            del now[one]
    elif kind == 1:
        one = str(draw.choice(ids))
        now[one] = another_currency(now[one], "USD")
    elif kind == 2:  # they come again, and one has fewer payments
        now = {**all_rows, **now}
        now[ids[0]] = now[ids[0]].filter(pa.array(draw.random(len(now[ids[0]])) < 0.5))
    else:
        for one in draw.choice(ids, max(1, len(ids) - 2), replace=False).tolist():
            del now[one]
    return now


@pytest.mark.parametrize("seed", [1, 2])
def test_the_page_is_that_of_the_tables_after_any_update(tmp_path, pages, seed):
    draw = np.random.default_rng(seed)
    tables = generate_portfolio(12, seed, AS_OF, calendar=load_calendar("CN"))
    rows = tables["transactions"]
    ids = pc.unique(rows["customer_id"]).to_pylist()
    all_rows = {one: rows.filter(pc.equal(rows["customer_id"], one)) for one in ids}
    for name in SOURCES:
        (tmp_path / name).mkdir()
    pq.write_table(tables["customers"], tmp_path / "customers" / "a.parquet")
    there, path = all_rows, tmp_path / "transactions" / "a.parquet"
    pq.write_table(rows, path)
    run(config_of(tmp_path))
    for step in range(5):
        there = changed(draw, there, all_rows, step)
        pq.write_table(pa.concat_tables(there.values()), path)
        if step == seed:  # it is a cache: lost, or written down by half
            figures = keeping.figures(tmp_path / "out")
            figures.write_text(figures.read_text("utf-8")[: -10 * seed], "utf-8")
        assert run(config_of(tmp_path), update=True).updated
    assert len(pages) == 6
    assert min(pages) < pages[0]  # some were told without their rows
