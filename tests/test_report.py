"""The page of a run: whole, safe, honest about what is missing, and readable."""

import datetime as dt
import re
import zlib
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest
import report_fixture as made

from qfb_gpu import pipeline
from qfb_gpu.config import build_config
from qfb_gpu.errors import InputError
from qfb_gpu.lake import gold
from qfb_gpu.report import build, write_report
from qfb_gpu.report.charts.layout import place

VOID = {"meta", "br", "rect", "line", "circle", "path", "polyline", "polygon"}


class Checker(HTMLParser):
    """Collects the text, and checks that every element is closed where it should be."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.tags, self.outside = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.outside += [
            value for name, value in attrs if name in ("src", "href") and value[0] != "#"
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)


def page(tmp_path, run):
    data = build.collect(tmp_path, run.read, run.extras)
    write_report(data, tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    checker = Checker()
    checker.feed(html)
    assert checker.open == []
    assert checker.outside == []
    return html, re.sub(r"\s+", " ", " ".join(checker.text))


def with_measures(run, rows):
    columns = {
        name: [row[at] for row in rows] for at, name in enumerate(("source", "measure", "value"))
    }
    run.tables["data_quality"] = made.table_of("data_quality", columns, len(rows))
    run.tables["rejects"] = made.table_of("rejects", {}, 0)
    run.extras.pop("left_out", None)
    return run


def test_a_run_is_one_closed_page_that_asks_for_nothing(tmp_path):
    html, text = page(tmp_path, made.many())
    assert html.startswith("<!DOCTYPE html>")
    assert "http" not in re.sub(r"http-equiv|http://www.w3.org\S*", "", html)
    for words in (
        "Regular payments",
        "Cash in the next",
        "Segments",
        "The payment network",
        "Data quality",
    ):
        assert words in text
    assert "nan" not in text.lower().split()


def test_a_run_without_payments_says_so(tmp_path):
    _, text = page(tmp_path, made.empty())
    assert "no payment was found" in text.lower()


def test_ids_cannot_change_the_page(tmp_path):
    nasty = ["<script>alert(1)</script>", '"><img src=x>', "a\u202eb", "x" * 500, "&amp;", "'"]
    html, _ = page(tmp_path, made.many(ids=nasty))
    assert "<script>alert" not in html
    assert "<img" not in html
    assert "\u202e" not in html


def test_sources_that_were_not_given_are_one_list_not_empty_cards(tmp_path):
    run = with_measures(made.many(20), [
        ("transactions", "rows", 10), ("transactions", "kept", 10),
        ("orders", "left out: no such source in the config", 0),
        ("claims", "rows", 4), ("claims", "kept", 4),
        ("claims", "not used yet: expense and billing claims", 4),
        ("open_banking", "left out: its files are elsewhere", 0),
    ])  # fmt: skip
    html, text = page(tmp_path, run)
    assert "Not in this report" in text
    assert "order delivery risk no source “orders” in the config" in text
    assert "expense and billing claims “claims” was read and kept" in text
    assert "“open_banking”: its files are elsewhere" in text
    assert "<h3>Claims" in html
    assert "<h3>Orders" not in html
    assert not re.search(r"\b0 rows read", text)


def test_customers_are_called_by_their_names_where_known(tmp_path):
    run = made.many(20)
    profiles = run.tables["customer_profiles"]
    names = [f"Firm {i}" for i in range(profiles.num_rows)]
    run.tables["customer_profiles"] = profiles.append_column("name", pa.array(names))
    _, text = page(tmp_path, run)
    assert re.search(r"Firm \d", text)


def test_every_n_days_says_how_many(tmp_path):
    run = made.many(50)
    _, text = page(tmp_path, run)
    streams = run.tables["payment_streams"].to_pylist()
    assert any(row["cadence"] == "every_n_days" and row["is_regular"] for row in streams)
    assert re.search(r"every n days|every \d+ days", text)


def test_money_of_a_segment_is_in_units_only_where_there_is_one_currency(tmp_path):
    card = '{"money_turnover_minor_365d": {"mean": 123400, "population_mean": 56700, "standard_score": -1.5, "words": "turnover"}}'
    for currencies, expected in ((("CNY",), "1.23 k | 567"), (("CNY", "USD"), "−1.5 σ")):
        run = made.many(20, currencies=currencies)
        table = run.tables["segments"]
        at = table.schema.get_field_index("feature")
        cards = pa.array([card] * table.num_rows)
        run.tables["segments"] = table.set_column(at, table.schema.field(at), cards)
        _, text = page(tmp_path, run)
        assert "turnover" in text
        assert expected.replace(" ", "") in text.replace(" ", "").replace("\xa0", "")


@pytest.mark.parametrize(
    ("n_nodes", "pairs"),
    [
        (0, []), (1, []), (2, [(0, 1)]), (5, []),
        (7, [(0, i) for i in range(1, 7)]),
        (30, [(i - i % 3, i) for i in range(30)]),
    ],
)  # fmt: skip
def test_every_node_has_a_place_of_its_own_in_the_picture(n_nodes, pairs):
    spots = place(n_nodes, pairs, [0] * n_nodes)
    assert spots.shape == (n_nodes, 2)
    assert ((spots >= 0) & (spots <= 1)).all()
    apart = [((spots[a] - spots[b]) ** 2).sum() ** 0.5 for a in range(n_nodes) for b in range(a)]
    assert all(distance > 0.03 for distance in apart)


def test_the_picture_is_the_same_every_time():
    pairs = [(0, i) for i in range(1, 9)]
    assert (place(9, pairs, [0] * 9) == place(9, pairs, [0] * 9)).all()


class InPieces:
    """Tables cut into parts and batches: a customer's rows are in one part, as in a bucket."""

    def __init__(self, run, n_parts, n_rows):
        self.run, self.n_parts, self.n_rows = run, n_parts, n_rows

    def __call__(self, name, columns=None):
        return pa.concat_tables([part() for part in self.parts(name, columns)])

    def columns(self, name):
        return self.run.read(name, None).column_names

    def parts(self, name, columns):
        table = self.run.read(name, None)
        picked = table.select(columns or table.column_names)
        if "customer_id" not in table.column_names:
            return [lambda: picked]
        who = table.column("customer_id").to_pylist()
        part = np.array([zlib.crc32((one or "").encode()) % self.n_parts for one in who])
        rows = [pa.array(np.flatnonzero(part == at)) for at in range(self.n_parts)]
        return [lambda mine=mine: picked.take(mine) for mine in rows]

    def batches(self, name, columns):
        table = self(name, columns)
        return iter([table.slice(at, self.n_rows) for at in range(0, table.num_rows, self.n_rows)])


@pytest.mark.parametrize(("n_parts", "n_rows"), [(2, 50), (5, 7), (17, 3)])
def test_a_page_is_the_same_from_any_pieces(tmp_path, n_parts, n_rows):
    """The rows of the pieces, read as a whole, are the table that it is compared with."""
    run = made.many(60)
    pieces = InPieces(run, n_parts, n_rows)
    whole = made.Gold({name: pieces(name) for name in run.tables}, run.extras)
    expected, _ = page(tmp_path, whole)
    write_report(build.collect(tmp_path, pieces, run.extras), tmp_path / "other.html")
    assert (tmp_path / "other.html").read_text(encoding="utf-8") == expected


def test_tables_that_are_not_of_the_same_parts_are_read_as_wholes(tmp_path):
    run = made.many(40)
    pieces = InPieces(run, 3, 1000)
    whole = made.Gold({name: pieces(name) for name in run.tables}, run.extras)
    expected, _ = page(tmp_path, whole)
    parts = pieces.parts
    pieces.parts = lambda name, columns: (
        [lambda: whole.read(name, columns)] if name == "expected_payments" else parts(name, columns)
    )
    write_report(build.collect(tmp_path, pieces, run.extras), tmp_path / "other.html")
    assert (tmp_path / "other.html").read_text(encoding="utf-8") == expected


def test_a_gold_table_in_parts_and_batches_is_the_table(tmp_path, monkeypatch):
    """Rows come in the order of the parts; what is not there is said as by reading it whole."""
    monkeypatch.setattr(gold, "BATCH_ROWS", 4)
    tables = [pa.table({"a": range(at, at + 7), "b": [str(at)] * 7}) for at in (0, 7, 14)]
    paths = [tmp_path / f"{at}.parquet" for at in range(3)]
    for path, table in zip(paths, tables, strict=True):
        gold.write_part(path, table)
    gold.publish(tmp_path / "out", "numbers", paths, gold.Publication("one", 1))
    read = gold.reader(tmp_path / "out")
    assert read.columns("numbers") == ["a", "b"]
    assert [part() for part in read.parts("numbers", ["b", "a"])] == [
        table.select(["b", "a"]) for table in tables
    ]
    batches = list(read.batches("numbers", ["a"]))
    assert [batch.num_rows for batch in batches] == [4, 3] * 3
    assert pa.concat_tables(batches).column("a").to_pylist() == list(range(21))
    for asked in (read.parts, read.batches, read):
        with pytest.raises(InputError, match="no column 'c'"):
            asked("numbers", ["c"])
    with pytest.raises(InputError, match="no table"):
        read.columns("letters")


def test_a_nights_own_report_knows_its_settings(tmp_path):
    """It had neither settings nor versions, and called whatever horizon was set 90 days."""
    months = [f"a,landlord,2024-{month:02d}-05,-100.00" for month in range(1, 13)]
    header = "customer_id,counterparty_id,date,amount"
    (tmp_path / "t.csv").write_text("\n".join([header, *months]) + "\n", encoding="utf-8")
    raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu", "workers": 1,
           "payments": {"horizon_days": 30}, "sources": {"transactions": {"path": "t.csv"}}}  # fmt: skip
    config = build_config(raw, base=tmp_path, where="test")
    pipeline.run(config)
    page = (config.output_dir / "report.html").read_text(encoding="utf-8").replace("\xa0", " ")
    assert "in the next 30 days" in page
    assert "next 90 days" not in page
    assert "CNY 100 out" in page
    assert "The run kept no" not in page
