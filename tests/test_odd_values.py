"""Dates, amounts and ids that may be read in several ways: one of them, or rejected."""

import datetime as dt

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from qfb_gpu.config import build_config
from qfb_gpu.lake import gold
from qfb_gpu.lake import manifest as state
from qfb_gpu.lake.ingest import ingest


@pytest.fixture
def ingested(tmp_path):
    """Ingest one table of transactions; return the config."""

    def call(content, **part):
        pq.write_table(content, tmp_path / "t.parquet")
        raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu",
               "sources": {"transactions": {"path": "t.parquet", **part}}}  # fmt: skip
        config = build_config(raw, base=tmp_path, where="test")
        ingest(config)
        return config

    return call


def table(**columns):
    n_rows = 8
    plain = {
        "customer_id": pa.array(["C1"] * n_rows),
        "date": pa.array([dt.date(2024, 1, 1 + i) for i in range(n_rows)]),
        "amount": pa.array([1.5] * n_rows),
        "memo": pa.array([f"memo {i}" for i in range(n_rows)]),
    }
    return pa.table(plain | columns)


def measures(config):
    rows = gold.read(config.output_dir, "data_quality").to_pylist()
    return {row["measure"]: row["value"] for row in rows}


SERIAL = "rejected: date may be a spreadsheet's serial number (export dates, or as YYYYMMDD)"


@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.string()], ids=str)
def test_five_digits_are_no_date(ingested, kind):
    """40201 is 2010-01-23 to a spreadsheet; as a whole number it was 2004-02-01, as a text refused."""
    dates = pa.array([40201, 45322, 40301, 99366, 240131, 20240131, 20240201, 20240301])
    found = measures(ingested(table(date=dates.cast(kind))))
    assert (found["kept"], found[SERIAL]) == (4, 4)


@pytest.mark.parametrize("column", ["customer_id", "counterparty_id", "txn_id"])
@pytest.mark.parametrize(
    "ids",
    [
        pa.array([6225880123456789012.0, 6225880123456789013.0, 1, 2, 3, 4, 5, None]),
        pa.array([16777218.0, 16777220.0, 1, 2, 3, 4, 5, None], pa.float32()),
        pa.array(["6.22588E+18"] * 2 + ["1E5", "12E10", "E+18", "a", "b", None]),
    ],
    ids=["double", "float", "text"],
)
def test_ids_that_lost_their_digits_are_rejected(ingested, column, ids):
    """Two customers were one: numbers of 19 digits as floats, or as a spreadsheet shows them."""
    if column == "txn_id" and pa.types.is_string(ids.type):
        return  # texts that do not repeat are not looked at: two such are a duplicate
    found = measures(ingested(table(**{column: ids})))
    assert found[f"rejected: {column} has lost its last digits (export it as text)"] == 2
    assert found["kept"] == (5 if column == "customer_id" else 6)


NUMBERS = {
    "1.234,56": 123456, "1 234,56": 123456, "1\u00a0234,56": 123456, "1\u202f234\u202f567,8": 123456780,
    "1'234,00": 123400, "1’234": 123400, "-1234,5": -123450, "1234,5-": -123450, "(1.234,50)": -123450,
    "¥ 1,50": 150, "１．２３４，５６": 123456, "1.234": 123400, "0,1": 10, "1,23 ": 123, "5": 500,
    "1,234.56": None, "12.34": None, "1,2,3": None, "1..2": None, "1 23,4": None, "a1,5": None,
}  # fmt: skip


@pytest.mark.parametrize("kind", ["csv", "parquet", "codes"])
def test_a_comma_before_the_decimals_where_the_config_says_so(tmp_path, kind):
    """An extract of Europe could not be read at all."""
    texts = list(NUMBERS)
    rows = {"txn_id": [f"t{i}" for i in range(len(texts))], "customer_id": ["C1"] * len(texts),
            "date": ["2024-01-05"] * len(texts), "amount": texts}  # fmt: skip
    if kind == "csv":
        lines = [";".join(rows), *(";".join(row) for row in zip(*rows.values(), strict=True))]
        (tmp_path / "t").write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        made = pa.table(rows)
        coded = made.set_column(3, "amount", made["amount"].dictionary_encode())
        pq.write_table(made if kind == "parquet" else coded, tmp_path / "t")
    raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu", "sources": {"transactions": {
        "path": "t", "decimal": ",", **({"separator": ";"} if kind == "csv" else {})}}}  # fmt: skip
    config = build_config(raw, base=tmp_path, where="test")
    ingest(config)
    silver = DeltaTable(str(config.output_dir / "lake" / "transactions")).to_pyarrow_table()
    found = {
        row["txn_id"]: row["amount_minor"] * (1 if row["direction"] == "in" else -1)
        for row in silver.to_pylist()
    }
    wanted = {f"t{i}": minor for i, minor in enumerate(NUMBERS.values()) if minor is not None}
    assert found == wanted


def test_numbers_that_are_no_texts_have_no_mark(ingested):
    assert measures(ingested(table(), decimal=","))["kept"] == 8


def test_a_lake_is_not_read_anew_for_a_setting_that_came_later(ingested):
    config = ingested(table())
    assert "decimal" not in state.settings(config, "transactions")["parts"][0]
    other = ingested(table(), decimal=",")
    assert state.fingerprint(config, "transactions") != state.fingerprint(other, "transactions")


LAST = "rejected: date may have its year last (set date_order = 'ymd', 'dmy' or 'mdy')"
SHORT = [
    "31/01/24",
    "01/02/24",
    "1.2.24",
    "24-01-31 10:00",
    " 01 02 24",
    "31-Jan-24",
    "2024-1-3",
    "240131",
]


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize(
    ("part", "kept", "refused"),
    [({}, 3, 5), ({"date_order": "ymd"}, 7, 0), ({"date_order": "dmy"}, 8, 0)],
)
def test_a_year_of_two_digits_may_be_the_last(ingested, coded, part, kept, refused):
    """Every day of an extract in dd/mm/yy was a day of another year, without a word."""
    dates = pa.array(SHORT)
    found = measures(ingested(table(date=dates.dictionary_encode() if coded else dates), **part))
    assert (found["kept"], found.get(LAST, 0)) == (kept, refused)


@pytest.mark.parametrize("coded", [False, True])
def test_a_sign_that_contradicts_the_currency_is_no_amount(ingested, coded):
    """Dollars in a file without a column of currencies were taken for yuan."""
    amount = pa.array(["$1.50", "¥1.50", "￥2", "€1.50", "$1.50", "$1.50", "£3", "1.50"])
    currency = pa.array([None, None, "JPY", "USD", "USD", "CAD", "EUR", "CNY"])
    texts = amount.dictionary_encode() if coded else amount
    found = measures(ingested(table(amount=texts, currency=currency)))
    why = "rejected: amount has the sign of another currency (map currency, or set it in constants)"
    assert (found["kept"], found[why]) == (5, 3)
