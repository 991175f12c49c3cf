"""``qfb show``: what is there, one table, one customer; a clear line where there is nothing."""

import io
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import report_fixture as made
from rich.console import Console

from qfb_gpu._cli.screen import console
from qfb_gpu.errors import InputError
from qfb_gpu.report import contents
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
