"""The generated portfolio: its columns, its determinism, and streams whose truth is recomputed."""

import datetime as dt
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from full_disk import files_end_at
from naive import portfolio as naive

from qfb_gpu import portfolio
from qfb_gpu._portfolio.block import block_tables
from qfb_gpu.calendars import load_calendar, to_day
from qfb_gpu.errors import ConfigError
from qfb_gpu.portfolio import AS_OF, TABLES, generate_portfolio, write_portfolio
from qfb_gpu.schema import ATTRIBUTES, CADENCES, ROLLS, SOURCES

N = 300
KINDS = {"string": pa.string(), "date": pa.date32(), "int64": pa.decimal128(18, 2),
         "float64": pa.float64(), "bool": pa.bool_()}  # fmt: skip
STREAM_TABLES = ("transactions", "truth/streams", "truth/stream_payments", "truth/irregular")

NOT_MADE = {"open_banking", "cancellations"}
"""Sources that the generator does not make."""
VALIDITY = ("valid_from", "valid_to", *ATTRIBUTES)  # its customers do not change nor share


@pytest.fixture(scope="module")
def real():
    return generate_portfolio(N, 5)


@pytest.fixture(scope="module")
def clean():
    return generate_portfolio(N, 5, hardness=0, tables=STREAM_TABLES)


@pytest.fixture(scope="module")
def is_working():
    calendar = load_calendar("CN")
    return lambda date: bool(calendar.is_working[to_day(date) - calendar.first_day])


def test_sources_have_the_columns_of_the_schema(real):
    made = [name for name in real if "/" not in name]
    assert sorted(made) == sorted(set(SOURCES) - NOT_MADE)
    for name in made:
        columns = [c for c in SOURCES[name].columns if c.name not in VALIDITY]
        assert real[name].schema.names == [column.name for column in columns]
        assert real[name].schema.types == [KINDS[column.kind] for column in columns], name
        for column in columns:
            if column.required:
                assert real[name][column.name].null_count == 0, (name, column.name)


@pytest.mark.parametrize("name", sorted(set(SOURCES) - NOT_MADE))
def test_keys_are_unique(real, name):
    keys = real[name].select([k for k in SOURCES[name].key if k not in VALIDITY]).to_pandas()
    assert not keys.duplicated().any()


def test_payments_of_a_customer_have_numbers_of_their_own():
    # Days before the window once broke the sort: rows of one customer were numbered twice.
    table = generate_portfolio(2000, 1, tables=["transactions"])["transactions"]
    own = table.select(["customer_id", "txn_id"]).to_pandas()
    assert not own.duplicated().any()
    start = dt.date(2023, 1, 1)
    dates = table["date"].to_numpy()
    assert (dates >= np.datetime64(start)).all()
    assert (dates <= np.datetime64(AS_OF)).all()
    assert own["customer_id"].is_monotonic_increasing
    counts = own.groupby("customer_id")["txn_id"].agg(["size", "max"])
    assert (counts["max"].str[-6:].astype(int) == counts["size"] - 1).all()


def test_same_seed_same_bytes_and_another_seed_another_portfolio(tmp_path):
    for folder, seed in (("one", 3), ("two", 3), ("other", 4)):
        write_portfolio(tmp_path / folder, 40, seed, threads=1 + (folder == "two"))
    for name in TABLES:
        one, two, other = (
            (tmp_path / folder / f"{name}.parquet").read_bytes()
            for folder in ("one", "two", "other")
        )
        assert one == two
        assert one != other, name


@pytest.mark.parametrize("how", ["full", "stopped"])
def test_a_portfolio_that_is_not_done_leaves_the_one_that_was_there(tmp_path, monkeypatch, how):
    """Stopped, it left tables of its first customers, each a whole file; the old ones were lost."""
    write_portfolio(tmp_path, 20, 5)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def one_block(setting, block, *rest):
        if block:
            raise KeyboardInterrupt
        return block_tables(setting, block, *rest)

    if how == "full":
        for room in (0, 20_000):
            with files_end_at(room), pytest.raises(OSError, match=rf"too large.*{tmp_path}"):
                write_portfolio(tmp_path, 300, 6)
    else:
        monkeypatch.setattr(portfolio, "block_tables", one_block)
        with pytest.raises(KeyboardInterrupt):
            write_portfolio(tmp_path, 300, 6, chunk_customers=256)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_chunks_and_the_number_of_customers_change_no_row(tmp_path, real):
    written = {}
    for chunk in (256, 4096):
        rows = write_portfolio(tmp_path / str(chunk), N, 5, chunk_customers=chunk)
        written[chunk] = {n: pq.read_table(tmp_path / str(chunk) / f"{n}.parquet") for n in rows}
        assert rows == {name: table.num_rows for name, table in written[chunk].items()}
    more = generate_portfolio(520, 5)
    first = pa.array([f"C{number:012}" for number in range(N)])
    for name in TABLES:
        assert written[256][name].equals(written[4096][name]), name
        assert written[256][name].equals(real[name]), name
        kept = pa.compute.is_in(more[name]["customer_id"], value_set=first)
        assert more[name].filter(kept).equals(real[name]), name


def test_a_table_does_not_depend_on_which_others_are_made(tmp_path, real):
    for name in TABLES:
        alone = generate_portfolio(N, 5, tables=[name])
        assert list(alone) == [name]
        assert alone[name].equals(real[name]), name
    rows = write_portfolio(tmp_path, 20, 5, tables={"transactions"})
    assert list(rows) == ["transactions"]
    assert [path.name for path in tmp_path.rglob("*.parquet")] == ["transactions.parquet"]


def test_streams_recomputed_by_loops_from_their_payments(real):
    facts = naive.stream_facts(
        naive.rows(real["transactions"]), naive.rows(real["truth/stream_payments"])
    )
    streams = naive.rows(real["truth/streams"])
    assert {row["stream_no"] for row in streams} == set(facts)
    for row in streams:
        assert (row["n_payments"], row["first_date"], row["last_date"]) == facts[row["stream_no"]]
        if row["next_date"] is not None:
            assert row["status"] == "active"
            assert row["next_date"] > AS_OF
            assert row["next_amount"] > 0
        if row["status"] == "ended":
            assert row["next_date"] is None


def test_due_dates_obey_the_schedule(real, is_working):
    schedule = {row["stream_no"]: row["schedule"] for row in naive.rows(real["truth/streams"])}
    for row in naive.rows(real["truth/stream_payments"]):
        if row["due_date"] is not None:
            assert naive.obeys(row["due_date"], schedule[row["stream_no"]], is_working), row


def test_clean_streams_pay_every_due_date_on_its_day(clean, is_working):
    date_of = {
        (row["customer_id"], row["txn_id"]): row["date"]
        for row in naive.rows(clean["transactions"])
    }
    dues = {}
    for row in naive.rows(clean["truth/stream_payments"]):
        if row["stream_no"] is not None:
            assert row["role"] == "regular"
            date = date_of[row["customer_id"], row["txn_id"]]
            dues.setdefault(row["stream_no"], []).append((row["due_date"], date))
    for row in naive.rows(clean["truth/streams"]):
        due, _ = first = min(dues[row["stream_no"]])
        for expected in sorted(dues[row["stream_no"]]):
            assert expected == (due, naive.rolled(due, row["roll"], is_working)), (row, first)
            due = naive.next_due(due, row["schedule"], is_working)
        if row["next_date"] is not None:
            # A due date just before as_of may roll past it, or one after it roll back before.
            assert row["next_date"] == naive.rolled(due, row["roll"], is_working), row
            assert row["next_due_date"] == row["next_date"]  # nothing slips and nothing is skipped


def test_the_next_due_date_is_after_as_of_and_mostly_the_date_of_the_next_payment(real):
    streams = [row for row in naive.rows(real["truth/streams"]) if row["next_date"] is not None]
    assert all(row["next_due_date"] > AS_OF for row in streams)
    same = sum(row["next_due_date"] == row["next_date"] for row in streams)
    assert 0.6 < same / len(streams) < 1  # some are skipped, late or early


def test_clean_amounts_are_fixed_or_by_rule(clean):
    amounts = {}
    for row, truth in zip(
        naive.rows(clean["transactions"]), naive.rows(clean["truth/stream_payments"]), strict=True
    ):
        assert row["txn_id"] == truth["txn_id"]
        if truth["stream_no"] is not None:
            amounts.setdefault(truth["stream_no"], []).append((truth["due_date"], row["amount"]))
    sizes = {"fixed": {1}, "stepped": {2}}
    for row in naive.rows(clean["truth/streams"]):
        paid = [amount for _, amount in sorted(amounts[row["stream_no"]])]
        if row["amount_kind"] == "trend":
            assert paid in (sorted(paid), sorted(paid, reverse=True))
        else:
            assert len(set(paid)) in sizes[row["amount_kind"]], row
    assert all(memo is not None for memo in clean["transactions"]["memo"].to_pylist())


def test_every_cadence_and_roll_is_there_and_pairs_with_several_contracts(real):
    streams = real["truth/streams"].to_pandas()
    assert set(streams["cadence"]) == set(CADENCES) - {"irregular"}
    assert set(streams["roll"]) == set(ROLLS)
    assert set(streams["amount_kind"]) == {"fixed", "stepped", "variable", "trend"}
    assert set(streams["status"]) == {"active", "ended"}
    known = streams.dropna(subset="counterparty_id")
    relation = known.groupby(["customer_id", "counterparty_id", "direction", "currency"]).size()
    assert (relation == 1).sum() > 100
    assert (relation == 2).sum() > 50
    assert (relation >= 3).sum() > 10
    assert streams["schedule"].str.contains("last").any()
    assert set(real["truth/irregular"]["shape"].to_pylist()) == {
        "poisson", "bursty", "seasonal", "decoy",
    }  # fmt: skip


def test_real_streams_skip_slip_and_return(real, is_working):
    roles = real["truth/stream_payments"].to_pandas()["role"].value_counts(normalize=True)
    assert roles["late"] > 0.005
    assert roles["early"] > 0.002
    assert 0.0005 < roles["returned"] < 0.01
    dues = {}
    for row, payment in zip(
        naive.rows(real["truth/stream_payments"]), naive.rows(real["transactions"]), strict=True
    ):
        assert (payment["amount"] < 0) == (row["role"] == "returned")
        if row["role"] in ("late", "early", "regular"):
            dues.setdefault(row["stream_no"], set()).add(row["due_date"])
    skipped = 0
    for row in naive.rows(real["truth/streams"]):
        due = min(dues[row["stream_no"]])
        while due < max(dues[row["stream_no"]]):
            skipped += due not in dues[row["stream_no"]]
            due = naive.next_due(due, row["schedule"], is_working)
    assert 0.003 < skipped / sum(map(len, dues.values())) < 0.05


def test_salaries_and_taxes_and_memos_in_two_languages(real):
    payments = real["transactions"].to_pandas()
    payments["category"] = real["truth/stream_payments"]["category"].to_pandas()
    for category in (
        "工资",
        "税款",
        "社保",
        "房租",
        "电费",
        "贷款还款",
        "货款",
        "货款收入",
        "工程款",
    ):
        customers = payments.loc[payments["category"] == category, "customer_id"].nunique()
        assert customers > N / 10, category
    memo = payments["memo"].dropna()
    chinese = memo.str.contains("[一-龥]")
    english = memo.str.contains(r"[A-Za-z]{4}") & ~chinese
    assert chinese.mean() > 0.5
    assert english.mean() > 0.05
    assert 0.005 < payments["memo"].isna().mean() < 0.1
    assert set(payments["currency"]) >= {"CNY", "USD"}
    yen = payments.loc[payments["currency"] == "JPY", "amount"]
    assert len(yen)
    assert all(amount == amount.to_integral_value() for amount in yen)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"n_customers": 0}, "n_customers from 1"),
        ({"seed": -1}, "seed from 0"),
        ({"months": 0}, "months from 1 to 240"),
        ({"hardness": 4.5}, "hardness from 0 to 4"),
        ({"hardness": float("nan")}, "hardness from 0 to 4"),
        ({"as_of": dt.date(1990, 1, 1)}, "as_of from 1995"),
        ({"as_of": dt.date(1995, 6, 1)}, "first year from 1995"),
        ({"as_of": dt.date(2039, 1, 1)}, "as_of from 1995"),
        ({"tables": ["transactions", "orderz"]}, "orderz.*choose from transactions"),
        ({"tables": "transactions"}, "choose from transactions"),
        ({"tables": []}, "choose from transactions"),
    ],
)
def test_a_bad_argument_gives_one_clear_line(tmp_path, changed, words):
    arguments = {"n_customers": 3, "seed": 1, **changed}
    with pytest.raises(ConfigError, match=words) as caught:
        generate_portfolio(**arguments)
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match=re.escape(str(caught.value))):
        write_portfolio(tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["chunk_customers", "threads"])
def test_chunks_and_threads_are_at_least_one(tmp_path, name):
    with pytest.raises(ConfigError, match=f"{name} from 1"):
        write_portfolio(tmp_path / "out", 3, 1, **{name: 0})


@pytest.mark.parametrize(
    ("as_of", "months", "hardness", "calendar"),
    [
        (dt.date(2024, 2, 29), 1, 4.0, "CN"),
        (dt.date(2023, 5, 17), 7, 2.0, "weekends"),
        (dt.date(2030, 12, 31), 60, 1.0, "GB-ENG"),
    ],
)
def test_other_windows_and_calendars(as_of, months, hardness, calendar):
    tables = generate_portfolio(
        30, 9, as_of, months=months, hardness=hardness, calendar=load_calendar(calendar)
    )
    dates = tables["transactions"]["date"].to_pylist()
    assert as_of - dt.timedelta(days=31 * months) < min(dates)
    assert max(dates) <= as_of
    assert tables["transactions"].num_rows > 30 * months
    keys = tables["transactions"].select(["customer_id", "txn_id"]).to_pandas()
    assert not keys.duplicated().any()


def test_the_page_names_every_column_of_the_truth(real):
    page = (Path(__file__).parents[1] / "docs" / "portfolio.md").read_text(encoding="utf-8")
    for name, table in real.items():
        if name.startswith("truth/"):
            section = page.partition(f"### {name}\n")[2].partition("###")[0]
            missing = [column for column in table.schema.names if f"`{column}`" not in section]
            assert not missing, (name, missing)
