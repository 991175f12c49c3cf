"""What is said of a source's rows, counted again from the rows themselves."""

import datetime as dt
import unicodedata
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from qfb_gpu import pipeline
from qfb_gpu.config import build_config
from qfb_gpu.errors import InputError
from qfb_gpu.lake import gold, measures
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.report.figures import quality as figures
from qfb_gpu.report.page.quality import quality as page
from qfb_gpu.schema import ATTRIBUTES, SOURCES

AS_OF = dt.date(2024, 6, 30)
DATES = [dt.date(1969, 12, 31), dt.date(2024, 6, 1), dt.date(2024, 7, 5), dt.date(2024, 6, 20)]
PAYMENTS = {
    "txn_id": ["1", "2", "3", "4", "4"],
    "customer_id": ["a", "b", "c", "d", "d"],
    "date": [*DATES, DATES[3]],
    "amount": ["1.00"] * 5,
    "currency": ["USD", "USD", "CNY", None, None],
    "memo": ["x", None, "", "y", "y"],
}  # fmt: skip
ORDERS = {
    "order_id": ["1", "2"],
    "customer_id": ["a", "b"],
    "order_date": [dt.date(2024, 6, 1), dt.date(2024, 6, 2)],
    "due_date": [dt.date(2024, 12, 1), dt.date(2999, 1, 1)],
    "delivered_date": [None, dt.date(2024, 7, 1)],
}


@pytest.fixture
def measured(tmp_path):
    pq.write_table(pa.table(PAYMENTS), tmp_path / "p.parquet")
    pq.write_table(pa.table(ORDERS), tmp_path / "o.parquet")

    def run(as_of=AS_OF):
        sources = {"transactions": {"path": "p.parquet"}, "orders": {"path": "o.parquet"}}
        raw = {"as_of": as_of, "device": "cpu", "sources": sources, "n_buckets": 3}
        ingest(build_config(raw, base=tmp_path, where="test"))
        rows = gold.read(tmp_path / "out", "data_quality").to_pylist()
        return {(r["source"], r["measure"]): (r["value"], r["detail"]) for r in rows}

    run.out = tmp_path / "out"
    return run


def test_every_measure_is_what_the_rows_say(measured):
    found = measured()
    kept = 4
    assert found["transactions", "null: memo"] == (2, None)
    assert found["transactions", "null: counterparty_id"] == (kept, None)
    assert ("transactions", "null: date") not in found
    assert found["transactions", "duplicate keys"] == (1, None)
    mix = Counter({"USD": 2, "CNY": 2})  # what gives none is in the config's
    assert {k[1][10:]: v[0] for k, v in found.items() if k[1].startswith("currency")} == mix
    assert found["transactions", "out of range: date"] == (2, "1969-12-31 to 2024-07-05")
    assert found["transactions", "days old: date"] == (-5, "2024-07-05")
    assert found["orders", "days old: order_date"] == (28, "2024-06-02")
    assert found["orders", "out of range: due_date"] == (1, "2024-12-01 to 2999-01-01")
    assert found["orders", "out of range: delivered_date"] == (1, "2024-07-01 to 2024-07-01")


def test_dates_and_age_follow_the_night(measured):
    measured()
    later = measured(dt.date(2024, 7, 6))
    assert later["transactions", "out of range: date"][0] == 1
    assert later["transactions", "days old: date"] == (1, "2024-07-05")


def test_a_night_before_all_payments_republishes_nothing(tmp_path, monkeypatch):
    """Its counts of late dates and days of age, of a day without a night, stood beside last night's."""
    monkeypatch.setattr(pipeline, "_log", lambda *_: None)
    days = [dt.date(2024, 1, 1) + dt.timedelta(days=n) for n in range(20)]
    many = {"txn_id": [str(n) for n in range(20)], "customer_id": ["a"] * 20, "date": days,
            "amount": ["1.00"] * 20}  # fmt: skip
    pq.write_table(pa.table(many), tmp_path / "p.parquet")

    def night(as_of):
        raw = {"as_of": as_of, "device": "cpu", "workers": 1,
               "sources": {"transactions": {"path": "p.parquet"}}}  # fmt: skip
        pipeline.run(build_config(raw, base=tmp_path, where="test"))

    def published():
        tables = gold.tables(tmp_path / "out")
        return {name: gold.read(tmp_path / "out", name) for name in tables}

    with pytest.raises(InputError, match="the first is on 2024-01-01; set a later as_of"):
        night(dt.date(2023, 12, 31))
    assert gold.tables(tmp_path / "out") == []
    night(days[0])
    before = published()
    assert before["data_quality"].num_rows
    with pytest.raises(InputError, match=r"as_of 2000-01-01: .* the first is on 2024-01-01"):
        night(dt.date(2000, 1, 1))
    assert published() == before


def test_the_profile_of_buckets_is_that_of_their_rows():
    table = pa.table({
        "customer_id": ["a", "b", "c"], "name": ["x", None, None],
        "industry": pa.nulls(3, pa.string()), "region": ["r"] * 3, "size": ["s"] * 3,
        "opened_date": [None, dt.date(1960, 1, 1), dt.date(2020, 1, 1)],
        "valid_from": pa.nulls(3, pa.date32()), "valid_to": pa.nulls(3, pa.date32()),
        **{name: pa.nulls(3, pa.string()) for name in ATTRIBUTES},
    })  # fmt: skip
    schema = SOURCES["customers"]
    whole = measures.together([measures.profile(table, schema)])
    parts = [measures.profile(table.slice(n, 1), schema) for n in range(3)]
    assert measures.together(parts) == whole
    assert whole["nulls"]["name"] == 2
    assert whole["dates"]["opened_date"] == (-3653, 18262, 1)
    assert measures.together([])["rows"] == 0


def test_ids_that_are_others_in_nfc_are_counted_and_left_as_they_are(tmp_path):
    """Rows of macOS spell an id in two letters where other systems have one: two customers."""
    composed, decomposed = (unicodedata.normalize(form, "Café 株") for form in ("NFC", "NFD"))
    ids = [composed, decomposed, decomposed, "plain", "株式会社"]
    columns = {"txn_id": list("12345"), "customer_id": ids, "date": [DATES[1]] * 5,
               "amount": ["1.00"] * 5, "counterparty_id": [None, "x", None, decomposed, "x"]}  # fmt: skip
    pq.write_table(pa.table(columns), tmp_path / "p.parquet")
    raw = {"as_of": AS_OF, "device": "cpu", "n_buckets": 3,
           "sources": {"transactions": {"path": "p.parquet"}}}  # fmt: skip
    config = build_config(raw, base=tmp_path, where="test")
    ingest(config)
    rows = gold.read(tmp_path / "out", "data_quality").to_pylist()
    found = {row["measure"]: row["value"] for row in rows if "NFC" in row["measure"]}
    assert found == {"not in NFC: counterparty_id": 1, "not in NFC: customer_id": 2}
    seen = figures.collect(gold.reader(tmp_path / "out"), {}, {}).sources[0]
    [said] = [words for what, _, words in seen.health if what == "Ids not in NFC"]
    assert said.replace("\xa0", " ").startswith("customer_id 2 rows, counterparty_id 1 row; ")
    assert not [measure for measure, _ in seen.measures if "NFC" in measure]
    silver = DeltaTable(str(config.output_dir / "lake" / "transactions")).to_pyarrow_table()
    assert sorted(silver["customer_id"].to_pylist()) == sorted(ids)


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
)
def test_decomposed_ids_are_counted_in_any_layout(kind):
    ids = ["a", "e\u0301", None, "\u00e9", "e\u0301", "b"]
    column = pa.chunked_array([pa.array(ids).cast(kind), pa.array(["a", None]).cast(kind)])
    assert measures._n_decomposed(column) == 2
    assert measures._n_decomposed(column.slice(2, 3)) == 1
    assert measures._n_decomposed(pa.chunked_array([pa.nulls(3, pa.string())])) == 0
    assert measures._n_decomposed(pa.chunked_array([], pa.string())) == 0


def test_what_is_not_looked_at_for_nfc_composes_nothing():
    parts = {
        part
        for code in range(0x80, 0x30000)
        if (found := unicodedata.decomposition(chr(code))) and "<" not in found
        for part in (int(one, 16) for one in found.split()[1:])
    }
    for code in [*range(0x80, 0x300), *range(0x4000, 0xA000)]:
        text = chr(code)
        assert not measures._may_be_decomposed(np.frombuffer(text.encode(), np.uint8))
        assert unicodedata.normalize("NFC", text) == text
        assert not unicodedata.combining(text)
        assert code not in parts
    for text in ("e\u0301", "\u212b", "\u304b\u3099", "\u1100\u1161", "\uf900", "\U0002f800"):
        assert unicodedata.normalize("NFC", text) != text
        assert measures._may_be_decomposed(np.frombuffer(text.encode(), np.uint8)), text


def test_the_page_says_it_in_words(measured):
    measured()
    data = figures.collect(gold.reader(measured.out), {}, {"transactions": {}})
    html = str(page(data)).replace("\N{NO-BREAK SPACE}", " ")
    for words in ("新鲜度", "2024-07-05, 5 days after the as-of date", "USD 50", "memo 50",
                  "1969-12-31 to 2024-07-05; 2 rows out of range", "重复键"):  # fmt: skip
        assert words in html, words
