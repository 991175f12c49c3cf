"""Recipes: every mistake is one clear line; what a step changed is counted, also through a run."""

import datetime as dt
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qfb_gpu.cli import main
from qfb_gpu.config import load_config
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.lake import gold
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.lake.preview import preview
from qfb_gpu.prepare.compile import compile_recipe
from qfb_gpu.prepare.operations import OPERATIONS
from qfb_gpu.prepare.recipe import n_changed

HEADERS = ["memo", "Booked On", "due"]
END = {"op": "month_end", "column": "due", "into": "due"}


def compiled(*steps, headers=HEADERS):
    return compile_recipe(list(steps), headers, "sources.orders", str.casefold)


def batch(**columns):
    return pa.RecordBatch.from_pydict(columns)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (
            {"op": "month_ends"},
            r"prepare\[0\]: no operation is called 'month_ends'; did you mean 'm",
        ),
        ({}, "no operation is called None.*there are working_days"),
        (
            {**END, "offset": 1},
            "month_end.*no argument is called 'offset'; there are op, column, in",
        ),
        ({"op": "month_end", "column": "due"}, "argument 'into' is missing"),
        ({**END, "column": "duo"}, "no column 'duo'; it has 'memo'.*did you mean 'due'"),
        ({**END, "months": "soon"}, "months: Input should be a valid integer.*'soon'"),
        ({**END, "months": 99_999}, "months is from -12000"),
        ({**END, "into": 3}, "into is the name of a column"),
        ({"op": "in_intervals", "column": "due", "into": "x"}, "argument 'intervals' is missing"),
        (
            {"op": "present_in", "column": "memo", "table": "t.csv", "key": "code"},
            "argument 'into' is missing",
        ),
    ],
)
def test_a_wrong_step_is_one_clear_line(step, words):
    with pytest.raises(ConfigError, match=words) as caught:
        compiled(step)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("step", "made"),
    [
        ({"op": "strip_chars", "chars": "*#"}, ["ab"]),
        ({"op": "clean_special", "remove": ["punctuation"]}, ["ab"]),
        ({"op": "cut", "n": 1}, ["#ab*"]),
        ({"op": "replace_pattern", "pattern": "#a", "replacement": "c"}, ["*cb*"]),
        ({"op": "split_rows", "separator": "#"}, ["*", "ab*"]),
    ],
)
def test_without_into_a_text_is_changed_itself(step, made):
    step = {**step, "column": "memo"}
    changed = compiled(step).apply(batch(memo=["*#ab*"])).rows
    assert changed.column("memo").to_pylist() == made
    named = compiled({**step, "into": "memo"}).apply(batch(memo=["*#ab*"])).rows
    assert changed.equals(named)


def test_metadata_of_a_batch_stays():
    """That of pandas says what its index is: a notebook lost it."""
    recipe = compiled({"op": "strip_chars", "column": "memo", "into": "memo", "chars": "*"})
    known = {b"pandas": b"{}", b"of": b"a bank"}
    rows = batch(memo=["*a", "b"], **{"Booked On": ["", ""]}, due=["", ""])
    made = recipe.apply(rows.replace_schema_metadata(known)).rows
    assert made.schema.metadata == known
    assert made.column("memo").to_pylist() == ["a", "b"]


def test_headers_match_as_in_the_mapping_and_later_steps_see_what_is_made():
    recipe = compiled(
        {"op": "month_end", "column": "BOOKED ON", "into": "end"},
        {"op": "working_days", "start": "booked on", "end": "END", "into": "left"},
    )
    assert recipe.names == [*HEADERS, "end", "left"]
    assert recipe.to_read(["memo", "end"]) == ["memo", "Booked On"]
    rows, _, _ = recipe.apply(batch(**{"Booked On": ["2024-05-30"]}))
    assert rows.column("left").to_pylist() == [2]


def test_no_step_leaves_the_batch_alone():
    rows = batch(memo=["a"])
    assert compiled().apply(rows) == (rows, {}, None)


def test_what_changed_is_counted():
    recipe = compiled(END, {**END, "into": "end"})
    rows, counts, _ = recipe.apply(batch(due=["2024-05-30", "2024-05-31", None, "someday"]))
    assert rows.column("due").to_pylist() == [dt.date(2024, 5, 31)] * 2 + [None] * 2
    assert counts == {
        "prepare: 1 month_end (due) changed": 2,
        "prepare: 1 month_end (due) no date": 1,
        "prepare: 2 month_end (end) changed": 0,
    }


def test_a_value_that_a_step_refuses_names_the_step():
    recipe = compiled({"op": "working_days", "start": "due", "end": "due", "into": "n"})
    with pytest.raises(
        InputError, match=r"sources.orders.prepare\[0\] \(working_days\): .*2004-2026"
    ):
        recipe.apply(batch(due=["2044-05-30"]))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (["a", None, "b", "c"], ["a", None, None, "d"], 2),
        ([None], ["a"], 1),
        ([], [], 0),
        (["a", "b"], [1, None], 1),
    ],
)
def test_changed_rows(before, after, expected):
    left, right = pa.array(before, pa.string()), pa.array(after)
    right = right.cast(pa.string()) if pa.types.is_null(right.type) else right
    assert n_changed(left, right) == expected
    assert n_changed(left.dictionary_encode(), right) == expected


@pytest.mark.parametrize("op", OPERATIONS)
def test_every_operation_has_columns_into_and_documented_settings(op):
    operation = OPERATIONS[op]
    assert operation.columns or operation.lists or operation.pairs
    doc = operation.run.__doc__
    assert all(part in doc for part in ("Parameters", "Returns", "Raises"))
    for name in [*operation.columns.values(), *operation.lists.values(), *operation.arguments]:
        assert name in doc or name in ("op", "into", *operation.columns, *operation.lists)


# Through a run -------------------------------------------------------------------------------

CONFIG = """
as_of = 2024-12-31
device = "cpu"
[sources.transactions]
path = "p.csv"
columns = { date = "closed_on" }
prepare = [
    { op = "month_end", column = "booked", months = -1, into = "closed_on" },
    { op = "in_intervals", column = "booked", intervals = [[2024-01-01, 2024-06-30], ["", 2020-01-01]], into = "channel" },
]
"""
ROWS = "customer_id,booked,amount,counterparty_id\n"


def night(tmp_path, config=CONFIG):
    body = "".join(f"c,2024-{m:02d}-15,-10.00,p\n" for m in range(1, 13)) + "c,nothing,1.00,p\n"
    (tmp_path / "p.csv").write_text(ROWS + body, encoding="utf-8")
    (tmp_path / "q.toml").write_text(config, encoding="utf-8")
    return load_config(tmp_path / "q.toml")


def test_ingest_prepares_before_it_maps_and_counts_what_changed(tmp_path):
    config = night(tmp_path)
    ingest(config)
    quality = gold.reader(tmp_path / "out")("data_quality").to_pylist()
    measures = {row["measure"]: row["value"] for row in quality if row["source"] == "transactions"}
    assert measures["prepare: 1 month_end (closed_on) changed"] == 12
    assert measures["prepare: 1 month_end (closed_on) no date"] == 1
    assert measures["prepare: 2 in_intervals (channel) changed"] == 12
    (path,) = (tmp_path / "out" / "lake" / "transactions").rglob("part-*.parquet")
    silver = pq.read_table(path).to_pylist()
    assert sorted(row["date"] for row in silver)[:2] == [
        dt.date(2023, 12, 31),
        dt.date(2024, 1, 31),
    ]
    assert sorted(row["channel"] for row in silver) == ["0"] * 6 + ["1"] * 6
    (reject,) = gold.reader(tmp_path / "out")("rejects").to_pylist()
    assert reject["reason"] == "date is missing"
    assert '"booked": "nothing"' in reject["row_json"]  # as it came


def test_check_tells_a_wrong_step_and_does_not_call_changes_left_out(tmp_path):
    (found,) = preview(night(tmp_path))
    assert (found.problems, found.left_out) == ([], {"rejected: date is missing": 1})
    (found,) = preview(night(tmp_path, CONFIG.replace('column = "booked"', 'column = "date"')))
    assert len(found.problems) == 1
    assert "sources.transactions.prepare[0] (month_end): no column 'date'" in found.problems[0]


# Steps with a table of their own, steps that make rows, steps that see a whole file -------------

RATES = pa.table(
    {"Code": ["A", "B"], "name": ["Alpha", "Beta"], "since": ["2024-01-01", "2024-06-01"]}
)
LOOKUP = {"op": "lookup", "table": "rates.csv", "on": ["code"], "take": ["NAME"]}


def looked_up(*steps, headers=("memo", "code", "due"), table=RATES):
    load = {"rates.csv": table}.__getitem__
    return compile_recipe(list(steps), list(headers), "sources.orders", str.casefold, load)


def test_a_lookup_finds_its_columns_and_counts():
    recipe = looked_up(
        LOOKUP, {**LOOKUP, "on": [["MEMO", "name"]], "take": ["Code"], "into": ["back"]}
    )
    assert recipe.names == ["memo", "code", "due", "name", "back"]
    assert recipe.to_read([]) == ["code", "memo"]
    rows, counts, origin = recipe.apply(batch(memo=["Beta", "x"], code=["A", "Z"]))
    assert rows.column("name").to_pylist() == ["Alpha", None]
    assert rows.column("back").to_pylist() == ["B", None]
    assert origin is None
    assert counts["prepare: 1 lookup (name) matched"] == 1
    assert counts["prepare: 1 lookup (name) unmatched"] == 1


def test_rows_from_rows_know_where_they_came_from():
    recipe = looked_up(
        {"op": "split_rows", "column": "memo", "separator": "|"},
        {**LOOKUP, "unmatched": "drop"},
        {"op": "lookup_asof", "table": "rates.csv", "on": ["code"], "date": "due",
         "other_date": "since", "take": ["name"], "into": ["then"]},
    )  # fmt: skip
    given = batch(
        memo=["x|y", "z", "w"], code=["B", "Z", "A"], due=["2024-01-01", "", "2024-05-05"]
    )
    rows, counts, origin = recipe.apply(given)
    assert rows.column("memo").to_pylist() == ["x", "y", "w"]
    assert rows.column("then").to_pylist() == [None, None, "Alpha"]
    assert origin.tolist() == [0, 0, 2]
    assert counts["prepare: 1 split_rows (memo) rows added"] == 1
    assert counts["prepare: 2 lookup (name) rows left out"] == 1


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"op": "lookup", "on": ["code"], "take": ["name"]}, "argument 'table' is missing"),
        ({**LOOKUP, "table": 3}, "table is the path"),
        ({**LOOKUP, "take": ["nam"]}, "no column 'nam'; rates.csv has 'Code'.*did you mean 'name'"),
        ({**LOOKUP, "on": ["cod"]}, "no column 'cod'; it has 'memo'"),
        ({**LOOKUP, "on": [["code", "x"]]}, "no column 'x'; rates.csv has"),
        ({**LOOKUP, "into": ["memo"]}, "has a column 'memo' already"),
        ({**LOOKUP, "cardinality": "two"}, "cardinality: Input should be 'one' or 'many'"),
        ({"op": "union_tables"}, r"no step of a recipe: .*\[\[sources.NAME\]\]"),
        ({"op": "join_tables"}, "it is called lookup"),
        ({"op": "show_zero", "column": "due", "into": "due"}, "name another column: the raw value"),
    ],
)
def test_a_wrong_lookup_is_one_clear_line(step, words):
    with pytest.raises(ConfigError, match=words):
        looked_up(step)


def test_a_table_that_breaks_its_cardinality_is_found_before_a_row_is_read():
    twice = pa.concat_tables([RATES, RATES])
    with pytest.raises(InputError, match=r"prepare\[0\] \(lookup\): .*several rows.*'A' with 2"):
        looked_up(LOOKUP, table=twice)


WHOLE = """
as_of = 2024-12-31
device = "cpu"
batch_rows = 1000
n_buckets = 1
[sources.transactions]
path = "p.csv"
columns = { date = "booked", txn_id = "id", memo = "memos" }
prepare = [
    { op = "group_texts", column = "memo", by = ["customer_id"], into = "memos" },
    { op = "lookup", table = "rates.csv", on = ["code"], take = ["name"], into = ["category"] },
    { op = "split_rows", column = "tags", separator = "|", place = "n" },
    { op = "join_columns", columns = ["ref", "n"], separator = "-", into = "id" },
]
"""


def test_a_night_sees_whole_files_looks_up_and_splits_rows(tmp_path):
    lines = [
        f"c{i % 2},2024-01-{i % 28 + 1:02d},-1.00,p,r{i},m{i % 3},{'AZ'[i % 2]},x|y"
        for i in range(3000)
    ]
    lines.append("c0,never,-1.00,p,bad,m9,A,x|y")
    head = "customer_id,booked,amount,counterparty_id,ref,memo,code,tags\n"
    (tmp_path / "p.csv").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "rates.csv").write_text("\ufeffcode,name\nA,Alpha\n", encoding="utf-8")
    (tmp_path / "q.toml").write_text(WHOLE, encoding="utf-8")
    config = load_config(tmp_path / "q.toml")
    result = ingest(config)
    counts = result.counts["transactions"]
    assert (counts["rows"], counts["kept"]) == (3001, 6000)
    assert counts["prepare: 3 split_rows (tags, n) rows added"] == 3001
    assert counts["prepare: 2 lookup (category) unmatched"] == 1500
    (path,) = (tmp_path / "out" / "lake" / "transactions").rglob("part-*.parquet")
    silver = pq.read_table(path)
    assert set(silver["txn_id"].to_pylist()) == {f"r{i}-{n}" for i in range(3000) for n in (1, 2)}
    assert {(r["customer_id"], r["memo"], r["category"]) for r in silver.to_pylist()} == {
        ("c0", "m0、m1、m2、m9", "Alpha"), ("c1", "m0、m1、m2", None)
    }  # fmt: skip
    rejects = gold.reader(tmp_path / "out")("rejects").to_pylist()
    assert [(row["row"], '"ref": "bad"' in row["row_json"]) for row in rejects] == [
        (3000, True)
    ] * 2
    assert not ingest(config).changed
    (tmp_path / "rates.csv").write_text("code,name\nA,Alpha\nZ,Zeta\n", encoding="utf-8")
    assert ingest(config).counts["transactions"]["prepare: 2 lookup (category) matched"] == 3001


HOURS = """    { op = "label_hours", column = "booked", hours = [[22, 6, "night"]], into = "channel" },
]
"""


def test_one_time_that_cannot_be_read_is_counted_and_stops_no_night(tmp_path):
    """A header again in the middle, or a 30th of February, refused the file."""
    times = [f"2024-01-{n % 28 + 1:02d} {n % 24:02d}:30:00" for n in range(300)]
    times[7], times[8], times[200] = "2024-02-30 05:00:00", " ", "booked"
    body = "".join(f"c,{time},-10.00,p\n" for time in times)
    config = night(
        tmp_path, CONFIG[: CONFIG.index("    { op")].replace("closed_on", "booked") + HOURS
    )
    (tmp_path / "p.csv").write_text(ROWS + body, encoding="utf-8")
    counts = ingest(config).counts["transactions"]
    n_nights = sum(n % 24 in (22, 23, 0, 1, 2, 3, 4, 5) for n in range(300) if n not in (7, 8, 200))
    assert counts["prepare: 1 label_hours (channel) no time"] == 2
    (path,) = (tmp_path / "out" / "lake" / "transactions").rglob("part-*.parquet")
    assert pq.read_table(path)["channel"].to_pylist().count("night") == n_nights
    assert (counts["rows"], counts["kept"]) == (300, 297)
    hours = "".join(f"c,{n % 24:02d}h30,-10.00,p\n" for n in range(100))
    (tmp_path / "p.csv").write_text(ROWS + hours, encoding="utf-8")
    with pytest.raises(InputError, match="expected timestamps such as 2024-01-31 09:30:00.*h30"):
        ingest(config)


def test_explain_shows_steps_columns_and_counts(tmp_path, capsys, monkeypatch):
    night(tmp_path)
    monkeypatch.setattr("sys.argv", ["qfb", "prepare", str(tmp_path / "q.toml"), "--explain"])
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code == 0
    said = capsys.readouterr().out
    assert "sources.transactions: 1 file, the first 13 rows" in said
    assert "columns in: customer_id, booked, amount, counterparty_id" in said
    assert re.search(
        r"1 month_end \(closed_on\) +booked +closed_on +13 +1 no date, 12 changed", said
    )
    assert "columns out: customer_id, booked, amount, counterparty_id, closed_on, channel" in said
    monkeypatch.setattr("sys.argv", ["qfb", "prepare", str(tmp_path / "q.toml"), "--limit", "1"])
    with pytest.raises(SystemExit):
        main()
    assert "2023-12-31" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--source", "orders"], "--source orders: the config has transactions"),
        (["--set", "sources.transactions.prepare=[]"], "nothing to explain"),
    ],
)
def test_explain_refuses(tmp_path, capsys, monkeypatch, arguments, words):
    night(tmp_path)
    monkeypatch.setattr("sys.argv", ["qfb", "prepare", str(tmp_path / "q.toml"), *arguments])
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code == 2
    assert words in capsys.readouterr().err


def test_a_table_that_is_not_there_is_named(tmp_path):
    config = night(
        tmp_path,
        CONFIG.replace(
            "prepare = [",
            'prepare = [ { op = "lookup", table = "no.csv", on = ["booked"], take = ["x"] },',
        ),
    )
    with pytest.raises(InputError, match="table .*no.csv cannot be read"):
        ingest(config)
