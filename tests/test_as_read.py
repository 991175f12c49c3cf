"""``qfb check`` shows rows as they are read; amounts in minor units; a config's likely mistakes."""

import datetime as dt
import re
from io import StringIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

import qfb_gpu as qfb
from qfb_gpu.config import build_config, load_config
from qfb_gpu.errors import ConfigError
from qfb_gpu.lake import manifest
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.lake.parse import DIRECTION_WORDS, IN, OUT
from qfb_gpu.lake.preview import preview
from qfb_gpu.report.show import render_preview

ROWS = 'id,who,day,money,side,note\nt1,A,20240131,"1,234.50",借,房租\nt2,B,20240201,8,贷,利息\n'
COLUMNS = {"txn_id": "id", "customer_id": "who", "date": "day", "amount": "money",
           "direction": "side", "memo": "note"}  # fmt: skip


def config(tmp_path, text=ROWS, as_of="2024-12-31", **part):
    (tmp_path / "p.csv").write_text(text, encoding="utf-8")
    part = {"path": "p.csv", "columns": COLUMNS, **part}
    raw = {"as_of": as_of, "device": "cpu", "sources": {"transactions": part}}
    return build_config(raw, base=tmp_path, where="test")


def printed(settings):
    shown = StringIO()
    assert render_preview(preview(settings), Console(file=shown, width=400))
    return shown.getvalue()


def test_check_shows_a_row_the_days_and_the_money(tmp_path):
    said = printed(config(tmp_path))
    assert (
        "as read: txn_id 't1', customer_id 'A', date 2024-01-31, amount 1,234.50 CNY, "
        "direction out, memo '房租'\n"
    ) in said
    assert "  date 2024-01-31 to 2024-02-01\n" in said
    assert "  received 8.00 CNY in 1 row; paid 1,234.50 CNY in 1 row\n" in said
    assert "warning" not in said


def test_files_and_currencies_are_added_up(tmp_path):
    text = (
        ROWS.replace("note\n", "note,currency\n").replace("房租", "x,JPY").replace("利息", "y,KWD")
    )
    (tmp_path / "q.csv").write_text(text.replace("1,234.50", "1,234"), encoding="utf-8")
    settings = config(tmp_path, text.replace("1,234.50", "1,234"), path="*.csv")
    said = printed(settings)
    assert "received 16.000 KWD in 2 rows; paid 2,468 JPY in 2 rows" in said


@pytest.mark.parametrize(
    ("part", "text", "as_of", "words"),
    [
        ({}, ROWS, "2023-12-31", "all rows tried are later than as_of 2023-12-31 (the first is of"),
        ({"columns": {k: v for k, v in COLUMNS.items() if k != "direction"}}, ROWS, "2024-12-31",
         "no direction is mapped and no amount is below 0, so every payment counts as received"),
    ],
)  # fmt: skip
def test_check_warns_of_what_reads_but_is_hardly_meant(tmp_path, part, text, as_of, words):
    assert f"warning: {words}" in printed(config(tmp_path, text, as_of, **part))


def test_check_warns_of_instants_whose_day_nobody_has_said(tmp_path):
    hours = [dt.datetime(2024, 1, 31, h, 30, tzinfo=dt.UTC) for h in range(20)]
    table = pa.table({"customer_id": ["A"] * 20, "amount": [-1] * 20,
                      "date": pa.array(hours, pa.timestamp("us", "UTC"))})  # fmt: skip
    pq.write_table(table, tmp_path / "p.parquet")
    raw = {"as_of": "2024-12-31", "sources": {"transactions": {"path": "p.parquet"}}}
    words = "warning: date has instants in UTC, and each is put on its day in UTC; set time_zone"
    assert words in printed(build_config(raw, base=tmp_path, where="test"))
    raw["sources"]["transactions"]["time_zone"] = "Asia/Shanghai"
    said = printed(build_config(raw, base=tmp_path, where="test"))
    assert "warning" not in said
    assert "date 2024-01-31 to 2024-02-01" in said


def test_a_column_of_cents_is_read_as_cents(tmp_path):
    text = ROWS.replace('"1,234.50"', "123450").replace(",8,", ",800,")
    settings = config(tmp_path, text, amount_unit="minor")
    assert "received 8.00 CNY in 1 row; paid 1,234.50 CNY in 1 row" in printed(settings)
    ingest(settings)
    rows = pq.read_table(next((tmp_path / "out/lake/transactions").rglob("part-*.parquet")))
    assert sorted(rows["amount_minor"].to_pylist()) == [800, 123450]


def test_cents_of_three_currencies_and_parts_of_a_cent(tmp_path):
    text = (
        "id,who,day,money,side,note,currency\nt1,A,20240131,1500,in,,JPY\n"
        "t2,A,20240131,1500,in,,KWD\nt3,B,20240201,12.5,in,,CNY\n"
    )
    (found,) = preview(config(tmp_path, text, amount_unit="minor"))
    assert "received 1,500 JPY in 1 row; received 1.500 KWD in 1 row" in "\n".join(
        found.read.lines()
    )
    assert list(found.left_out) == [
        "rejected: amount has more decimals than the currency has (rounding = 'half_even' rounds)"
    ]


def test_a_lake_of_before_keeps_its_fingerprint(tmp_path):
    told = manifest.settings(config(tmp_path), "transactions")["parts"][0]
    assert "amount_unit" not in told
    told = manifest.settings(config(tmp_path, amount_unit="minor"), "transactions")["parts"][0]
    assert told["amount_unit"] == "minor"


def test_a_table_in_memory_may_hold_cents():
    days = [dt.date(2024, month, 5) for month in range(1, 9)]
    table = pa.table({"customer_id": ["A"] * 8, "date": days, "amount": [-150_000] * 8})
    found = qfb.find_streams(table, as_of=dt.date(2024, 8, 31), amount_unit="minor")
    assert found["next_amount"].to_pylist() == [1500.0]


TOML = """as_of = 2024-12-31
[sources.transactions]
path = "p.csv"
columns = { customer_id = "who", date = "day", amount = "money" }
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("2024-12-31", '"31.12.2024"', "'as_of': expected a date, e.g. 2024-12-31"),
        ("as_of = 2024-12-31", "", "missing; add it, e.g. as_of = 2024-12-31"),
        ("[sources.transactions]", "[transactions]", "did you mean 'sources.transactions'"),
        ("transactions]", "transaction]", "no source is called 'transaction'; did you mean"),
        ("path =", "paths =", "unknown key 'sources.transactions.paths'; did you mean 'path'"),
        ('"p.csv"', '["p.csv", "q.csv"]', "expected one file, folder or glob such as"),
        ('"p.csv"', r'"C:\data\p.csv"', r"the line is `path = .*single quotes"),
        ('"p.csv"', "p.csv", "texts stand in straight quotes"),
        ("{ cus", "{\ncus", "all that stands in { } has to be in one line"),
        ("as_of", "as_of: 2024\nas_of", "expected key = value"),
        ("as_of", 'currency = "USD"\ncurrency = "CNY"\nas_of', "a key stands twice"),
        ("columns", '[sources.transactions]\npath = "q.csv"\ncolumns', r"write \[\[sources.NAME"),
        ("customer_id", "customer", "did you mean 'customer_id'.*our column = the file's column"),
        ('"money"', '{ multiply = ["money", 0.01] }', r"amount = .*multiply = \['quantity', 'pr"),
        ('"money"', '{ join = ["a", "b"] }', "a list of spellings of it"),
        ("columns", 'direction_values = { in = "C" }\ncolumns', "expected the file's word = 'in'"),
        ("columns", 'exclude = [{ column = "a", value = "b", reason = "c" }]\ncolumns',
         "unknown key 'sources.transactions.exclude.0.value'; did you mean 'values'"),
        ("columns", 'currency = "CNY"\ncolumns', "'currency' stands above the first .section"),
        ("columns", 'constants = { curency = "CNY" }\ncolumns', "did you mean 'currency'"),
    ],
)  # fmt: skip
def test_a_likely_mistake_is_told_in_one_line_with_what_to_do(tmp_path, old, new, words):
    path = tmp_path / "night.toml"
    path.write_text(TOML.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigError, match=words) as caught:
        load_config(path)
    assert "\n" not in str(caught.value)
    assert "{'" not in str(caught.value) or "multiply" in new or "join" in new


def test_a_heading_above_the_header_is_one_problem(tmp_path):
    (found,) = preview(config(tmp_path, "台账（2024年）,,,,,\n" + ROWS))
    assert len(found.problems) == 1
    assert "delete the lines above the header" in found.problems[0]


def test_the_page_lists_the_words_of_a_direction_that_are_known():
    page = (Path(__file__).parents[1] / "docs/sources.md").read_text(encoding="utf-8")
    for side, code in (("in", IN), ("out", OUT)):
        (listed,) = re.findall(rf"^\| `{side}` \| (.*) \|$", page, re.MULTILINE)
        assert listed.split(", ") == [word for word, c in DIRECTION_WORDS.items() if c == code]
