"""``qfb show``: what is there, one table, one customer; a clear line where there is nothing."""

import io
import tempfile
import unicodedata
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import report_fixture as made
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from qfb_gpu._cli.screen import console
from qfb_gpu.errors import InputError
from qfb_gpu.report import contents
from qfb_gpu.report.asked import alike
from qfb_gpu.report.grid import blocks, print_columns, print_facts, print_rows
from qfb_gpu.report.show import render
from qfb_gpu.schema import GOLD


@pytest.fixture(scope="module")
def run():
    return made.many(30)


class Pieces:
    """The tables of a run as gold gives them: files, read some rows at a time."""

    def __init__(self, run, folder):
        self.tables, self.folder, self.n_read = run.tables, folder, 0

    def __call__(self, name, columns=None):
        return self.tables[name].select(columns) if columns else self.tables[name]

    def columns(self, name):
        return self.tables[name].column_names

    def files(self, name):
        pq.write_table(self.tables[name], self.folder / name)
        return [self.folder / name]

    def batches(self, name, columns):
        for start in range(0, self.tables[name].num_rows, 7):
            self.n_read += 7
            yield self.tables[name].select(columns).slice(start, 7)


def shown(run, table=None, customer=None, limit=5):
    screen = Console(file=io.StringIO(), width=4000, highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        read = Pieces(run, Path(folder))
        render(read, [name for name, _ in run.rows()], table, customer, limit, screen)
    run.n_read = read.n_read
    return screen.file.getvalue()


def test_the_tables_are_listed_with_their_rows(run):
    text = shown(run)
    for name, n_rows in run.rows():
        assert name in text
        assert f"{n_rows:,}" in text


def test_a_table_is_cut_and_says_so(run):
    text = shown(run, "payment_streams", limit=3)
    n_rows = run.tables["payment_streams"].num_rows
    assert f"payment_streams: {n_rows:,} rows" in text
    assert f"{n_rows - 3:,} more; --limit shows more" in text
    assert run.n_read == 7  # what is not printed is not read: a table may not fit in memory


def test_a_night_is_a_line():
    """Run ids, which a replay asks for, were lost in pages of inputs and settings."""
    runs = pa.table({"run_id": ["ab12"], "settings": ['{"a": ' + "1" * 5000 + "}"]})
    text = shown(made.Gold({"runs": runs}, {}), "runs")
    assert "ab12" in text
    assert "1…" in text
    assert "1" * 50 not in text


def test_the_newest_night_is_on_top_with_its_seconds():
    """After a month the first 20 nights, which were shown, were the oldest."""
    stages = ['{"score": {"seconds": 1.0, "rows": 5}, "fit": {"seconds": 8.25}}'] * 30
    runs = pa.table({"run_id": [f"r{n:02}" for n in range(30)], "n_regular": [*range(30)],
                     "inputs": ["{}"] * 30, "stages": stages})  # fmt: skip
    text = shown(made.Gold({"runs": runs}, {}), "runs", limit=2)
    assert "runs: 30 rows" in text
    assert text.index("r29") < text.index("r28")
    assert "r27" not in text
    assert "9.2 s: fit 8.2, score 1.0" in text
    assert "28 more" in text


def test_a_customer_is_its_profile_streams_and_expected_payments(run):
    customer = run.tables["customer_profiles"].column("customer_id")[0].as_py()
    text = shown(run, customer=customer)
    assert text.startswith(f"{customer} as of")
    assert "regular of" in text
    assert "expected payments" in text


def test_a_table_of_one_customer_has_only_its_rows(run):
    streams = run.tables["payment_streams"]
    customer = streams.column("customer_id")[0].as_py()
    wanted = streams.column("customer_id").to_pylist().count(customer)
    assert f"payment_streams: {wanted:,} rows" in shown(run, "payment_streams", customer)


@pytest.mark.parametrize(
    ("table", "customer", "words"),
    [
        ("streams", None, "no table 'streams'; there are .*payment_streams"),
        ("segments", "C000001", "segments has no customers; leave --customer out"),
        ("payment_streams", "C00000l", "no customer 'C00000l'; it has e.g. C0000"),
    ],
)
def test_what_is_not_there_is_one_line(run, table, customer, words):
    with pytest.raises(InputError, match=words) as caught:
        shown(run, table, customer)
    assert "\n" not in str(caught.value)


def test_a_folder_without_tables_is_one_line():
    with pytest.raises(InputError, match="give the output folder of a `qfb run`"):
        render(lambda *_: None, [], None, None, 5, Console(file=io.StringIO()))


def test_a_table_without_rows_has_no_customer_to_give(tmp_path):
    """It said 'it has e.g.' and nothing."""
    none = {"round_trips": pa.table({"customer_id": pa.array([], pa.string())})}
    read = Pieces(made.Gold(none, {}), tmp_path)
    with pytest.raises(InputError, match="table round_trips has no rows"):
        render(read, ["round_trips"], "round_trips", "C1", 5, console())


def test_ids_are_no_markup_on_the_screen_of_the_command(capsys):
    """``[/x]`` ended in a MarkupError, ``[bold]`` and ``:a:`` were eaten."""
    console().print("[/x] [bold] :a:")
    assert capsys.readouterr().out == "[/x] [bold] :a:\n"


def test_nulls_and_markup_are_shown_as_they_are():
    nasty = made.many(ids=["[red]x[/red]", "b", "c"])
    assert "[red]x[/red]" in shown(nasty, "customer_profiles")
    assert "·" in shown(nasty, "payment_streams", limit=50)


def test_every_gold_table_is_described_and_what_is_shown_of_a_customer_is_there():
    assert set(contents.ABOUT) == set(GOLD)
    for table, columns in contents.OF_CUSTOMER.items():
        assert {"customer_id", *columns} <= set(GOLD[table].names)


@pytest.mark.parametrize(
    ("currency", "value", "printed"),
    [
        ("KWD", 1234.567, "1,234.567"), ("BHD", 0.5, "0.500"), ("JPY", 1234.0, "1,234"),
        ("JPY", 0.4, "0"), ("CNY", 1234.567, "1,234.57"), ("CNY", 0.5, "0.50"),
        ("UYW", 1.5, "1.5000"), (None, 1.5, "1.50"), ("CNY", None, "·"),
    ],
)  # fmt: skip
def test_money_has_the_decimals_of_its_currency(currency, value, printed):
    for name in contents.IN_UNITS:
        rows = pa.table({
            name: pa.array([value], pa.float64()), "confidence": [0.98765],
            "currency": pa.array([currency], pa.string()),
        })  # fmt: skip
        screen = Console(file=io.StringIO(), width=200, highlight=False)
        print_rows("t", rows, screen, in_units=contents.IN_UNITS)
        cells = screen.file.getvalue().split()[-3:]
        assert cells == [printed, "0.9877", currency or "·"]


def test_a_table_and_a_customer_show_money_with_its_decimals():
    dinars = made.many(20, currencies=("KWD",))
    streams = dinars.tables["payment_streams"].filter(
        dinars.tables["payment_streams"]["is_regular"]
    )
    stream = streams.to_pylist()[0]
    wanted = f"{stream['next_amount']:,.3f}"
    assert wanted in shown(dinars, "payment_streams", limit=500)
    assert wanted in shown(dinars, customer=stream["customer_id"], limit=500)


def test_the_columns_of_money_in_units_are_those_of_the_schema():
    found = {
        column.name: table.name
        for table in GOLD.values() for column in table.columns if "currency units" in column.doc
    }  # fmt: skip
    assert set(found) == contents.IN_UNITS
    assert all("currency" in GOLD[table].names for table in found.values())


def on_a_screen(width, table, rows):
    screen = Console(file=io.StringIO(), width=width, highlight=False)
    print_rows(table, rows, screen)
    return screen.file.getvalue()


def test_a_table_wider_than_the_screen_is_printed_block_by_block():
    """At 80 columns ``payment_streams`` was blank lines, and names were cut to four letters."""
    rows = pa.table(
        {"stream_id": [10**18 + 1, 10**18 + 2], "name": ["甲公司" * 9, "b"]}
        | {f"column_{n}": [n, n + 1] for n in range(40)}
    )
    text = on_a_screen(80, "payment_streams", rows)
    assert max(cell_len(line) for line in text.splitlines()) <= 80
    for name in rows.column_names:
        assert text.count(f" {name} ") == (1 if name != "stream_id" else text.count("stream_id"))
    assert text.count(str(10**18 + 1)) == text.count("stream_id") > 5
    assert text.count("甲") == 9  # folded, not cut
    wide = on_a_screen(10_000, "payment_streams", rows)
    assert len(wide.splitlines()) == 4  # its title, the names, the rows: one block


@given(st.lists(st.integers(0, 90), max_size=30), st.integers(1, 200))
def test_blocks_hold_every_column_once_in_order_and_fit_where_they_can(widths, room):
    found = blocks(widths, room)
    first = [one[0] for one in found if one]
    repeats = len(found) > 1 and first.count(0) > 1
    listed = [c for n, one in enumerate(found) for c in (one[1:] if repeats and n else one)]
    assert listed == list(range(len(widths)))
    for one in found:
        assert len(one) <= 1 + repeats or sum(widths[c] + 2 for c in one) <= room


def test_letters_of_json_are_shown_as_letters():
    """Ids of Chinese customers were numbers: ``\\u5ba2``."""
    text = on_a_screen(
        80, "segments", pa.table({"typical_customers": ['["\\u5ba2\\u6237"]', "[\\u"]})
    )
    assert '["客户"]' in text
    assert "[\\u" in text


def test_facts_are_under_each_other():
    screen = Console(file=io.StringIO(), width=40, highlight=False)
    print_facts("money", [f"in_minor_{n}d {n}" for n in (7, 30, 90)], screen)
    assert screen.file.getvalue() == (
        "money        in_minor_7d 7,\n             in_minor_30d 30,\n             in_minor_90d 90\n"
    )


def test_an_id_is_found_in_another_unicode_form():
    """Typed "é" is one character, an export of macOS has two: "no customer 'é'; it has e.g. é"."""
    apart = unicodedata.normalize("NFD", "café")
    made_of = made.many(ids=[apart, "b", "c"])
    with pytest.warns(RuntimeWarning, match=r"caf\\xe9' is 'cafe\\u0301' in the tables") as said:
        text = shown(made_of, customer="café")
    assert {one.filename for one in said} == {__file__}  # the line that asked, not one of ours
    assert text.startswith(f"{apart} as of")
    with pytest.warns(RuntimeWarning, match="another Unicode form"):
        assert apart in shown(made_of, "payment_streams", "café")
    with pytest.raises(InputError, match="no customer 'thé'"):
        shown(made_of, customer="thé")


def test_an_id_of_several_forms_is_asked_for_by_its_bytes():
    twice = [pa.array(["a\u030a\u0301", None, "b"]), pa.chunked_array([["\xe5\u0301"]])]
    with pytest.raises(InputError, match=r"is none of 'a\\u030a\\u0301', '\\xe5\\u0301'"):
        alike("\u01fb", twice)
    assert alike("b", twice) is None
    assert alike("é", twice) is None


def test_names_and_versions_of_models_are_whole_on_a_screen():
    """``qfb models`` said 'next_pr…' at 80 columns: what ``--promote`` asks for could not be read."""
    screen = Console(file=io.StringIO(), width=80)
    cells = {
        "model": ["next_product"],
        "version": ["12"],
        "data": ["orders " * 9],
        "gate": ["x " * 300],
    }
    print_columns(cells, screen)
    text = screen.file.getvalue()
    assert (text.count("next_product"), text.count("orders"), text.count("x")) == (2, 9, 302)
    assert "…" not in text


def test_a_customer_whom_an_update_took_out_is_said_to_have_left():
    """It was an unknown id with names like it, while tables about all customers name it."""
    run = made.many(30)
    nodes = run.tables["graph_nodes"]
    ids = run.tables["customer_profiles"]["customer_id"].to_pylist()
    gone = next(
        row["node_id"] for row in nodes.to_pylist() if row["is_customer"] and row["node_id"] in ids
    )
    for name in ("customer_profiles", "payment_streams", "expected_payments"):
        table = run.tables[name]
        rest = [one != gone for one in table["customer_id"].to_pylist()]
        run.tables[name] = table.filter(pa.array(rest))
    words = f"customer '{gone}' has no rows any more: an update took it out.*without --update"
    with pytest.raises(InputError, match=words):
        shown(run, customer=gone)
    with pytest.raises(InputError, match="has no customer 'nobody'"):
        shown(run, customer="nobody")
    run.tables["similar_customers"] = made.table_of("similar_customers", {"customer_id": [gone]}, 1)
    assert f"customer '{gone}' has no rows any more" in shown(run, "similar_customers", gone)
    other = next(one for one in ids if one != gone)
    assert "no rows any more" not in shown(run, "customer_profiles", other)
