"""Whole nights of all sources whose input is changed in a way that should change next to nothing.

No true answer is needed: two nights are compared, table by table and column by column.
"""

import datetime as dt
import decimal
import itertools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from qfb_gpu.calendars import load_calendar
from qfb_gpu.config import build_config
from qfb_gpu.lake import gold
from qfb_gpu.pipeline import run
from qfb_gpu.portfolio import generate_portfolio
from qfb_gpu.schema import GOLD, SOURCES

AS_OF = dt.date(2024, 12, 31)
LONG = 28 * 1461 // 4
"""Days of 28 years: weekdays, months and leap years come again."""
DATED = {"orders": "order_date", "contracts": "start_date", "products": "opened_date"}

pytestmark = pytest.mark.usefixtures("no_mlflow")


@pytest.fixture(scope="module")
def sources():
    tables = generate_portfolio(40, 3, AS_OF, calendar=load_calendar("CN"))
    return {name: tables[name] for name in SOURCES if name in tables}


def as_parquet(folder, name, table):
    pq.write_table(table, folder / f"{name}.parquet")
    return {"path": f"{name}.parquet"}


def night(folder, tables, write=as_parquet, **settings):
    """Return the gold tables of one night."""
    folder.mkdir()
    raw = {"as_of": AS_OF, "device": "cpu", "workers": 1, "n_buckets": 1, "calendar": "weekends"}
    raw["sources"] = {name: write(folder, name, table) for name, table in tables.items()}
    config = build_config(raw | settings, base=folder, where="test")
    run(config)
    there = {path.parent.name for path in config.output_dir.glob("*/_delta_log")}
    return {name: gold.read(config.output_dir, name) for name in GOLD if name in there - {"runs"}}


@pytest.fixture(scope="module")
def plain(sources, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qfb_gpu.pipeline._log", lambda *_arguments: None)
        return night(tmp_path_factory.mktemp("plain") / "night", sources)


def rows(table, name):
    """Return the columns of a table as lists, its rows in the order of its key."""
    key = [(column, "ascending") for column in GOLD[name].key if column in table.column_names]
    table = table.sort_by(key) if key else table
    return {column: table[column].to_pylist() for column in table.column_names}


def different(found, wanted):
    """Return the columns that differ, as "table.column", and tables that differ in their rows."""
    assert set(found) == set(wanted)
    names = set()
    for name in wanted:
        left, right = rows(found[name], name), rows(wanted[name], name)
        if found[name].num_rows != wanted[name].num_rows:
            names.add(name)
            continue
        names |= {
            f"{name}.{column}" for column in right if repr(left[column]) != repr(right[column])
        }
    return names


def test_any_order_of_all_rows_in_many_files_and_buckets(sources, plain, tmp_path):
    rng = np.random.default_rng(1)

    def write(folder, name, table):
        (folder / name).mkdir()
        table = table.take(pa.array(rng.permutation(table.num_rows)))
        ends = [0, *sorted(rng.integers(0, table.num_rows, 4).tolist()), table.num_rows]
        for at, (start, stop) in enumerate(itertools.pairwise(ends)):
            pq.write_table(table.slice(start, stop - start), folder / name / f"{9 - at}.parquet")
        return {"path": name}

    found = night(tmp_path / "night", sources, write, n_buckets=5)
    assert different(found, plain) <= {"data_quality.value"}  # how many files there are
    quality = [rows(one["data_quality"], "data_quality") for one in (found, plain)]
    changed = {
        measure
        for measure, one, other in zip(
            quality[1]["measure"], *(q["value"] for q in quality), strict=True
        )
        if one != other
    }
    assert changed == {"files"}


def test_csv_in_gbk_is_as_parquet(sources, plain, tmp_path):
    def write(folder, name, table):
        path = folder / f"{name}.csv"
        pyarrow.csv.write_csv(table, path)
        path.write_bytes(path.read_bytes().decode("utf-8").encode("gbk"))
        return {"path": path.name, "encoding": "gbk"}

    assert different(night(tmp_path / "night", sources, write), plain) == set()


def test_rows_that_came_twice_and_rows_after_the_as_of_date(sources, plain, tmp_path):
    def more(name, table):
        """Return the table with rows of it once more, and others moved beyond the date."""
        later = table.slice(0, table.num_rows // 3)
        if DATED.get(name, "date") not in table.column_names:
            return table
        for column, kind in zip(table.column_names, table.schema.types, strict=True):
            at = table.column_names.index(column)
            if pa.types.is_date(kind):
                days = pc.add(later[column].cast(pa.int32()), pa.scalar(9000, pa.int32()))
                later = later.set_column(at, column, days.cast(pa.date32()))
            elif column in SOURCES[name].key and column not in {"customer_id", "product_id"}:
                later = later.set_column(
                    at, column, pc.binary_join_element_wise(later[column], "later", "-")
                )
        return pa.concat_tables([table, table.slice(5, 50), later])

    found = night(tmp_path / "night", {name: more(name, t) for name, t in sources.items()})
    assert different(found, plain) == {"rejects", "data_quality"}
    assert found["rejects"].num_rows
    assert not plain["rejects"].num_rows


def times(table, currency, factor):
    if "amount" not in table.column_names:
        return table
    amount = table["amount"].cast(pa.decimal128(24, 2))
    more = pc.multiply(amount, pa.scalar(decimal.Decimal(factor))).cast(pa.decimal128(34, 2))
    chosen = pc.if_else(pc.equal(table["currency"], currency), more, amount.cast(more.type))
    return table.set_column(table.column_names.index("amount"), "amount", chosen)


def test_another_unit_of_one_currency(sources, plain, tmp_path):
    """Where all amounts of one currency are counted in another unit, risks and streams stay."""
    tables = {name: times(table, "CNY", 100) for name, table in sources.items()}
    found = night(tmp_path / "night", tables)
    names = different(found, plain)
    assert not {name for name in names if name.startswith(("customer_risks", "risk_backtest"))}
    streams = {f"payment_streams.{column}" for column in (
        "stream_id", "cadence", "period_days", "roll", "status", "next_date", "next_date_earliest",
        "next_date_latest", "q_value", "amount_kind", "n_missed",
    )}  # fmt: skip
    alike = {f"customer_profiles.{column}" for column in (
        "tier", "lifecycle", "main_currency", "counterparty_hhi_in", "counterparty_hhi_out",
        "money_main_currency_share", "risk_overall_score", "frequency_n_365d",
    )}  # fmt: skip
    assert not names & (streams | alike | {"recommendations.product_id", "recommendations.lift"})
    assert not {name for name in names if name.startswith("stream_payments")}
    for table in ("supply_chains", "graph_edges"):
        left, right = (rows(one[table], table) for one in (found, plain))
        for column in set(right) - {"amount_minor", "amount_365d_minor"}:
            if not column.endswith("share"):
                assert left[column] == right[column], (table, column)
                continue
            shares = (np.array(one[column], np.float64) for one in (left, right))
            np.testing.assert_allclose(*shares, rtol=1e-9, err_msg=f"{table}.{column}")
    factor = np.where(np.array(right["currency"]) == "CNY", 100, 1)
    np.testing.assert_array_equal(left["amount_minor"], np.array(right["amount_minor"]) * factor)


def moved(table, days):
    for at, (column, kind) in enumerate(zip(table.column_names, table.schema.types, strict=True)):
        if pa.types.is_date(kind):
            shifted = pc.add(table[column].cast(pa.int32()), pa.scalar(days, pa.int32()))
            table = table.set_column(at, column, shifted.cast(pa.date32()))
    return table


def test_28_years_earlier(sources, plain, tmp_path):
    """The calendar comes again, so a night of the same payments does, too (without holidays)."""
    earlier = {name: moved(table, -LONG) for name, table in sources.items()}
    found = night(tmp_path / "night", earlier, as_of=AS_OF - dt.timedelta(LONG))
    found = {name: moved(table, LONG) for name, table in found.items()}
    words = {"payment_terms.cap_source", "payment_streams.schedule_anchor"}  # a law, a month
    words |= {"data_quality.detail", "order_risk.reasons", "risk_backtest.date"}  # dates in words
    assert different(found, plain) <= words
