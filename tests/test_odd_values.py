"""Dates, amounts and ids that may be read in several ways: one of them, or rejected."""

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from odd_case import config_of, measures, table

from qfb_gpu.config import build_config
from qfb_gpu.lake import delta
from qfb_gpu.lake import manifest as state
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.lake.parse import TURNED, parse_dates
from qfb_kernels import days
from qfb_kernels.text import MISSING, OK


@pytest.fixture
def ingested(tmp_path):
    """Ingest one table of transactions; return the config."""

    def call(content, **part):
        config = config_of(tmp_path, content, **part)
        ingest(config)
        return config

    return call


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
        pa.array([2.0**53, -(2.0**53), 2.0**53 - 1, 2, 3, 4, 5, None]),
        pa.array([2.0**24, -(2.0**24), 2.0**24 - 1, 2, 3, 4, 5, None], pa.float32()),
        pa.array(["6.22588E+18", "6,22588E+18", "1E5", "12E10", "E+18", "a", "b", None]),
        pa.array(["6.22588E+18", " 6.1e+18 ", "1E5", "12E10", "E+18", "a", "+", None]),
    ],
    ids=["double", "float", "least double", "least float", "text", "texts"],
)
def test_ids_that_lost_their_digits_are_rejected(ingested, column, ids):
    """Two customers were one: numbers of 19 digits as floats, or as a spreadsheet shows them."""
    found = measures(ingested(table(**{column: ids})))
    assert found[f"rejected: {column} has lost its last digits (export it as text)"] == 2
    assert found["kept"] == (5 if column == "customer_id" else 6)


@pytest.mark.filterwarnings("ignore:.* any more, which files before it had")
@pytest.mark.parametrize("kind", [pa.float32(), pa.float64()], ids=str)
def test_an_id_that_is_no_number_is_missing(ingested, kind):
    """Polars writes NaN where pandas writes null: all such rows were of one customer, 'nan'."""
    ids = pa.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, float("nan"), float("nan")], kind)
    found = measures(ingested(table(customer_id=ids, counterparty_id=ids, txn_id=ids)))
    assert (found["kept"], found["rejected: customer_id is missing"]) == (6, 2)
    found = measures(ingested(table(counterparty_id=ids)))
    assert (found["kept"], found["null: counterparty_id"]) == (8, 2)


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


@pytest.mark.parametrize(
    ("text", "code", "is_kept"),
    [
        ("100元", "CNY", True), ("100元", "HKD", True), ("100元", "USD", False),
        ("100円", "JPY", True), ("100円", "CNY", False), ("100円", "HKD", False),
        ("€1", "EUR", True), ("€1", "CHF", False), ("¥1", "HKD", False), ("$1", "HKD", True),
        ("£1", "EGP", True), ("＄1", "CNY", False),
    ],
)  # fmt: skip
def test_whose_a_sign_is(ingested, text, code, is_kept):
    """100元 in a column of dollars was 100 dollars, €1 in one of francs a franc."""
    amount = pa.array([text] + ["1"] * 7)
    found = measures(ingested(table(amount=amount, currency=pa.array([code] * 8))))
    assert found["kept"] == 7 + is_kept


def test_signs_of_factors_are_looked_at_too(ingested):
    """The price of a line in dollars was one in yuan."""
    price = pa.array(["$1.50", "¥1.50", *["2"] * 6])
    columns = {"amount": {"multiply": ["price", "n"]}}
    content = table(price=price, n=pa.array([2] * 8)).drop_columns("amount")
    assert measures(ingested(content, columns=columns))["kept"] == 7


WIDE = [
    "０１／０２／２４",
    "\u300001/02/24",
    "01\u00a002\u00a024",
    "01−02−24",
    "01,02,24",
    " 1／2／24 10:00",
    "２０２４／１／５",
    "2024−01−05",
]


def test_a_year_of_two_digits_is_found_however_it_is_written(ingested):
    """Between full-width marks, after a wide space and after commas it was a day of 2001."""
    found = measures(ingested(table(date=pa.array(WIDE))))
    assert (found["kept"], found[LAST]) == (2, 6)
    assert measures(ingested(table(date=pa.array(WIDE)), date_order="dmy"))["kept"] == 8


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_days_of_timestamps_are_those_of_python(unit):
    """The first day of nanoseconds, which pandas has for an open beginning, was one of 2262."""
    least = -9_223_372_036 if unit == "ns" else -62_135_596_800
    seconds = [least, -86_401, -86_400, -1, 0, 86_399, 86_400, 9_223_372_036]
    step = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    stamps = pa.array([one * step for one in seconds] + [None], pa.int64()).view(pa.timestamp(unit))
    days, status = parse_dates(stamps, "auto")
    assert days[:-1].tolist() == [one // 86_400 for one in seconds]
    assert status.tolist() == [OK] * len(seconds) + [MISSING]


def test_the_last_instants_of_nanoseconds_have_their_day_in_a_zone():
    """2262-04-12 in Shanghai, which is beyond what nanoseconds tell there, was a day of 1677."""
    stamps = pa.array([2**63 - 1, None], pa.int64()).view(pa.timestamp("ns", "Asia/Shanghai"))
    days, status = parse_dates(stamps, "auto")
    assert days[0] == ((2**63 - 1) // 10**9 + 8 * 3600) // 86_400
    assert status.tolist() == [OK, MISSING]


@pytest.mark.parametrize("coded", [False, True])
def test_an_id_that_came_as_a_decimal_is_the_whole_number(ingested, coded):
    """A database's NUMBER is a decimal of many places: 1 was 1.0000000000, and met no other 1."""
    numbers = [
        Decimal(one) for one in ("1", "2", "20", "300", "0", "12345678901234567890", "7.5", "1")
    ]
    ids = pa.array(numbers, pa.decimal128(38, 10))
    config = ingested(table(customer_id=ids.dictionary_encode() if coded else ids))
    assert measures(config)["kept"] == 8
    files = delta.table_files(config.output_dir / "lake" / "transactions")
    rows = [row for path in files for row in pq.ParquetFile(path).read().to_pylist()]
    want = ["0", "1", "1", "12345678901234567890", "2", "20", "300", "7.5000000000"]
    assert sorted(row["customer_id"] for row in rows) == want


@pytest.mark.parametrize(("order", "turned"), [("dmy", "12/31/2025"), ("mdy", "31/12/2025")])
def test_a_day_only_the_other_way_round_says_that_a_file_mixes_both(order, turned):
    """Its rows with days up to 12 are read as the config says, half of them a wrong day."""
    texts = ["05/04/2025", turned, "31/31/2025", "2025-02-30", "2025-02-28", "", "30/02/2025", None]
    _, status = parse_dates(pa.array(texts), order)
    impossible = days.IMPOSSIBLE
    assert status.tolist() == [OK, TURNED, impossible, impossible, OK, MISSING, impossible, MISSING]
    _, coded = parse_dates(pa.array(texts).dictionary_encode(), order)
    assert coded.tolist() == status.tolist()
