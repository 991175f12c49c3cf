"""An update equals a night over all customers that fits nothing anew, to the bit, in every table."""

import datetime as dt
import importlib
import json
import shutil
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from qfb_gpu import profile
from qfb_gpu._pipeline import gather
from qfb_gpu._pipeline import kept as keeping
from qfb_gpu._pipeline import update as updating
from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import load_calendar, to_day
from qfb_gpu.cli import app
from qfb_gpu.config import build_config
from qfb_gpu.errors import InputError, RunInterruptedError
from qfb_gpu.lake import delta, gold, silver
from qfb_gpu.lake.maintain import maintain
from qfb_gpu.lake.splice import read_new, splice
from qfb_gpu.lake.texts import hash_texts
from qfb_gpu.parts.registry import replay_config
from qfb_gpu.pipeline import run
from qfb_gpu.portfolio import generate_portfolio
from qfb_gpu.report.asked import has_left
from qfb_gpu.report.build import collect
from qfb_gpu.report.figures import part
from qfb_gpu.report.figures.known import Known
from qfb_gpu.tasks import BY_BUCKET

AS_OF = dt.date(2024, 12, 31)
SOURCES = (
    "transactions", "customers", "orders", "contracts", "contract_payments", "claims", "events",
    "touches", "products",
)  # fmt: skip
pytestmark = pytest.mark.usefixtures("no_mlflow")


def config_of(folder, **settings):
    raw = {"as_of": AS_OF, "device": "cpu", "workers": 1, "n_buckets": 3,
           "sources": {name: {"path": name} for name in SOURCES}, **settings}  # fmt: skip
    return build_config(raw, base=folder, where="test")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A whole night of 40 customers with all sources; files ``b`` are of the first two alone."""
    folder = tmp_path_factory.mktemp("update")
    tables = generate_portfolio(40, 5, AS_OF, calendar=load_calendar("CN"))
    ids = pc.unique(tables["transactions"]["customer_id"]).to_pylist()
    for name in SOURCES:
        (folder / name).mkdir()
        apart = pc.is_in(tables[name]["customer_id"], pa.array(ids[:2]))
        apart = pc.and_(apart, pa.scalar(name in ("transactions", "claims")))
        pq.write_table(tables[name].filter(pc.invert(apart)), folder / name / "a.parquet")
        if pc.any(apart).as_py():
            pq.write_table(tables[name].filter(apart), folder / name / "b.parquet")
    assert not run(config_of(folder)).unchanged
    return folder, ids


@pytest.fixture
def night(whole, tmp_path):
    """A copy of that night's folder, and the ids of its customers."""
    folder, ids = whole
    shutil.copytree(folder, tmp_path / "night")
    return tmp_path / "night", ids


def change(folder, ids):
    """Take the first customer's payments away, and some of the second's; let a new one come."""
    path = folder / "transactions" / "b.parquet"
    rest = pq.read_table(path).filter(pc.field("customer_id") == ids[1])
    rest = rest.filter(pa.array(np.arange(rest.num_rows) % 5 > 0))
    other = pq.read_table(folder / "transactions" / "a.parquet")
    new = other.filter(pc.equal(other["customer_id"], ids[3]))
    names = new.column_names
    new = new.set_column(names.index("customer_id"), "customer_id", pa.array(["NEW"] * len(new)))
    txn = pc.binary_join_element_wise(new["txn_id"], "new", "-")
    new = new.set_column(names.index("txn_id"), "txn_id", txn)
    pq.write_table(pa.concat_tables([rest, new]), path)
    claims = folder / "claims" / "b.parquet"
    table = pq.read_table(claims)
    amount = pc.add(table["amount"], pa.scalar(1)).cast(table.schema.field("amount").type)
    pq.write_table(table.set_column(table.column_names.index("amount"), "amount", amount), claims)


def everyone(touched_customers, config, kept):
    """Return all customers there are, and those that were touched, by bucket."""
    lake, found = config.output_dir / "lake", touched_customers(config, kept)
    for bucket in silver.buckets(lake):
        keys = silver.read_ledger(lake, bucket, 10**6, get_backend("cpu")).customer_key
        found[bucket] = np.union1d(found.get(bucket, keys[:0]), keys)
    return found


def tables_of(output):
    return {name: gold.read(output, name) for name in gold.tables(output) if name != "runs"}


def assert_same(left, right):
    assert sorted(left) == sorted(right)
    for name, table in left.items():
        assert table.schema.equals(right[name].schema), name
        for column in table.column_names:
            assert same(table[column], right[name][column]), (name, column)


def same(left, right):
    if pa.types.is_floating(left.type):
        left, right = (c.fill_null(np.inf).to_numpy() for c in (left, right))
        return np.array_equal(left, right, equal_nan=True)
    return left.equals(right)


def update_all(folder, monkeypatch):
    """Run an update that touches every customer; return its result."""
    of = updating.touched_customers
    with monkeypatch.context() as patch:
        patch.setattr("qfb_gpu.pipeline.updating.touched_customers", partial(everyone, of))
        return run(config_of(folder), update=True)


def test_all_customers_again_give_the_whole_night(whole, night, monkeypatch):
    folder, _ = night
    kept = keeping.load(folder / "out")
    keeping.save(folder / "out", keeping.Kept(**{**kept_fields(kept), "inputs": {}}))
    result = update_all(folder, monkeypatch)
    assert result.updated
    assert result.stages["update"]["rows"] == 40
    assert_same(tables_of(folder / "out"), tables_of(whole[0] / "out"))


def kept_fields(kept):
    return {name: getattr(kept, name) for name in kept.__dataclass_fields__}


@pytest.fixture(scope="module")
def updated(whole, tmp_path_factory):
    """Return the folder of that night with changed sources, updated."""
    folder, ids = whole
    copy = tmp_path_factory.mktemp("updated") / "night"
    shutil.copytree(folder, copy)
    change(copy, ids)
    return copy, run(config_of(copy), update=True)


def test_some_customers_give_what_all_would(updated, night, monkeypatch):
    folder, ids = night
    change(folder, ids)
    monkeypatch.setattr("qfb_gpu._pipeline.gather.PAYMENTS_A_BUCKET", 5000)
    result = update_all(folder, monkeypatch)
    got, wanted = tables_of(updated[0] / "out"), tables_of(folder / "out")
    assert updated[1].stages["update"]["rows"] < result.stages["update"]["rows"]
    assert updated[1].counts == result.counts
    assert_same(got, wanted)
    customers = got["customer_profiles"]["customer_id"].to_pylist()
    assert "NEW" in customers
    assert ids[0] not in customers
    assert got["payment_streams"].filter(pc.field("customer_id") == "NEW").num_rows > 0


def test_customers_are_written_as_dictionaries(whole):
    """Written as the text of each row they would be decoded row by row, too."""
    output = whole[0] / "out"
    for name in BY_BUCKET:
        for file in delta.table_files(output / name):
            group = pq.read_metadata(file).row_group(0)
            columns = [group.column(i) for i in range(group.num_columns)]
            owner = next(column for column in columns if column.path_in_schema == "customer_id")
            assert "RLE_DICTIONARY" in owner.encodings, (name, owner.encodings)


def test_counts_are_of_all_customers(updated):
    folder, result = updated
    tables = tables_of(folder / "out")
    assert result.counts["n_streams"] == tables["payment_streams"].num_rows
    assert result.counts["n_regular"] == pc.sum(tables["payment_streams"]["is_regular"]).as_py()
    assert result.counts["n_payments"] == tables["stream_payments"].num_rows
    assert result.counts["n_customers"] == tables["customer_profiles"].num_rows
    assert "NEW" not in gold.read(folder / "out", "graph_nodes")["node_id"].to_pylist()


def test_its_report_is_that_of_its_tables_none_of_which_it_reads(updated, monkeypatch):
    output, read, n_read = updated[0] / "out", part._read, []
    fresh = collect(output, gold.reader(output), {})
    monkeypatch.setattr(part, "_read", lambda *given: n_read.append(1) or read(*given))
    known = Known.load(keeping.figures(output))
    assert collect(output, gold.reader(output), {}, known) == fresh
    assert not n_read


def test_the_report_and_a_look_at_who_left_say_that_it_is_an_update(updated, whole):
    """The page said that every figure is of the run; who left was an unknown id."""
    folder, result = updated
    words = f"This is an update of night {result.updated}: 3\u00a0customers with changed rows"
    assert words in (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert "an update of" not in (whole[0] / "out" / "report.html").read_text(encoding="utf-8")
    gone = whole[1][0]
    assert has_left(gold.reader(folder / "out"), gone)
    assert not has_left(gold.reader(whole[0] / "out"), gone)
    assert not has_left(gold.reader(folder / "out"), whole[1][1])
    said = CliRunner().invoke(app, ["show", str(folder / "out"), "--customer", gone])
    assert f"customer '{gone}' has no rows any more" in str(said.exception)
    said = CliRunner().invoke(app, ["ego", str(folder / "out"), gone])
    assert f"customer '{gone}' has no rows any more" in said.output


def assert_monthly(output):
    """Check that what is kept by month is of all payments, and says of which files it is."""
    lake, cpu = output / "lake", get_backend("cpu")
    for bucket in silver.buckets(lake):
        files, totals = keeping.monthly(output, bucket)
        there = delta.partition_files(lake / "transactions", "bucket", str(bucket))
        assert files == {file.name for file in there}
        ledger = silver.read_ledger(lake, bucket, to_day(AS_OF), cpu)
        wanted = profile.monthly_totals(ledger, cpu)
        assert profile.merge_monthly([totals]) == profile.merge_monthly([wanted])


def test_a_bucket_written_anew_is_summed_by_month_anew(updated):
    assert_monthly(updated[0] / "out")


def test_only_files_that_came_are_summed_by_month(night, monkeypatch):
    folder, ids = night
    table = pq.read_table(folder / "transactions" / "a.parquet")
    few = first_of(table, ids[5])
    txn = pc.binary_join_element_wise(few["txn_id"], "more", "-")
    few = few.set_column(few.column_names.index("txn_id"), "txn_id", txn)
    pq.write_table(few, folder / "transactions" / "c.parquet")
    sums, summed = gather._sums, []
    monkeypatch.setattr(gather, "_sums", lambda *given: summed.append(given[0]) or sums(*given))
    assert run(config_of(folder), update=True).updated
    assert [file.stem.endswith("-more") for file in summed] == [True]
    assert_monthly(folder / "out")


def test_an_update_of_an_update(updated, night, monkeypatch, tmp_path):
    again, (other, ids) = tmp_path / "again", night
    shutil.copytree(updated[0], again)
    assert run(config_of(again), update=True).unchanged
    extract(again, ids[20])
    result = run(config_of(again), update=True)
    assert result.updated == keeping.load(again / "out").base
    assert result.stages["update"]["rows"] == 3
    change(other, ids)
    extract(other, ids[20])
    update_all(other, monkeypatch)
    assert_same(tables_of(again / "out"), tables_of(other / "out"))


def extract(folder, customer):
    """Put whole new extracts in the place of all files, rows in another order.

    Three customers have other rows than before: one lost payments, one has another memo in one,
    one lost an order.
    """
    for name in SOURCES:
        files = sorted((folder / name).glob("*.parquet"))
        table = pa.concat_tables(map(pq.read_table, files))
        if name == "transactions":
            table = pa.concat_tables([table.slice(0, table.num_rows - 3), table.slice(1, 9)])
            memo = pc.if_else(pc.equal(table["txn_id"], first_of(table, customer)["txn_id"][0]),
                              "other words", table["memo"])  # fmt: skip
            table = table.set_column(table.column_names.index("memo"), "memo", memo)
        elif name == "orders":
            table = table.slice(1)
        order = np.random.default_rng(7).permutation(table.num_rows)
        for file in files:
            file.unlink()
        pq.write_table(table.take(pa.array(order)), folder / name / "extract.parquet")


def first_of(table, customer):
    return table.filter(pc.equal(table["customer_id"], customer)).slice(0, 1)


def test_the_same_extracts_again_touch_nobody(whole, night):
    folder, _ = night
    for name in SOURCES:
        for file in (folder / name).glob("*.parquet"):
            table = pq.read_table(file)
            pq.write_table(table.take(pa.array(np.arange(table.num_rows)[::-1])), file)
    result = run(config_of(folder), update=True)
    assert (result.updated, result.unchanged) == (keeping.load(folder / "out").base, False)
    assert result.stages["update"]["rows"] == 0
    assert_same(tables_of(folder / "out"), tables_of(whole[0] / "out"))


def whole_nights(monkeypatch):
    """Return a list that grows by one where a whole night begins, which then does nothing."""
    nights = []
    monkeypatch.setattr("qfb_gpu.pipeline._night", lambda *_arguments: nights.append(1))
    return nights


def test_a_whole_night_is_run_where_it_has_to_be(night, monkeypatch):
    folder, _ = night
    nights = whole_nights(monkeypatch)
    later = run(config_of(folder, as_of=AS_OF + dt.timedelta(days=1)), update=True)
    assert not later.updated
    assert "as_of" in later.why_whole
    shutil.copyfile(folder / "claims" / "b.parquet", folder / "claims" / "a.parquet")
    (folder / "claims" / "b.parquet").unlink()
    again = run(config_of(folder, n_buckets=2), update=True)
    assert "sources.claims (it is kept in 2 buckets now, not in 3)" in again.why_whole
    monkeypatch.setattr("qfb_gpu.lake.maintain._FEW", 1)
    maintain(folder / "out")
    assert "qfb maintain" in run(config_of(folder), update=True).why_whole
    shutil.rmtree(keeping.folder(folder / "out"))
    assert "no night" in run(config_of(folder), update=True).why_whole
    assert not run(config_of(folder)).why_whole
    assert len(nights) == 5


def test_a_whole_night_is_not_taken_for_its_update(updated, monkeypatch):
    nights = whole_nights(monkeypatch)
    result = run(config_of(updated[0]))
    assert nights
    assert not result.unchanged


@pytest.mark.parametrize(
    ("where", "calls"), [("_pipeline.update.splice", 3), ("lake.gold.publish", 5)]
)
def test_an_update_that_died_goes_on(updated, night, monkeypatch, where, calls):
    folder, ids = night
    change(folder, ids)
    with monkeypatch.context() as patch:
        dies_at(patch, f"qfb_gpu.{where}", calls)
        with pytest.raises(RunInterruptedError, match="no room"):
            run(config_of(folder), update=True)
    result = run(config_of(folder), update=True)
    assert result.updated
    assert_same(tables_of(folder / "out"), tables_of(updated[0] / "out"))


def dies_at(patch, name, n_calls):
    """Let a function die when it is called for the n-th time."""
    module, _, attribute = name.rpartition(".")
    real, calls = getattr(importlib.import_module(module), attribute), []

    def dies(*arguments, **named):
        calls.append(1)
        if len(calls) == n_calls:
            raise OSError("no room")
        return real(*arguments, **named)

    patch.setattr(name, dies)


def test_an_update_is_not_replayed(updated, tmp_path):
    folder, result = updated
    stages = json.loads(gold.read(folder / "out", "runs")["stages"].to_pylist()[-1])
    assert stages["update"]["of"] == result.updated
    with pytest.raises(InputError, match=result.updated):
        replay_config(folder / "out", result.run_id, tmp_path / "replay")


def test_q_values_of_new_p_values_are_those_of_the_next_larger(updated):
    known = keeping.Workspace(keeping.folder(updated[0] / "out")).load("fit", -1, "q_values")
    assert (np.diff(known["p_value"]) > 0).all()
    assert (np.diff(known["q_value"]) >= 0).all()
    assert len(known["p_value"]) > 20


@pytest.mark.parametrize("rows_a_piece", [0, 400])
def test_spliced_rows_are_those_of_a_loop(tmp_path, monkeypatch, rows_a_piece):
    monkeypatch.setattr("qfb_gpu.lake.splice._ROWS_A_PIECE", rows_a_piece)
    rng = np.random.default_rng(3)
    ids = [f"C{i}" for i in range(30)]
    keys = dict(zip(ids, hash_texts(pa.array(ids)).tolist(), strict=True))
    for turn in range(20):
        old = rows_of(rng, ids[:25], keys)
        touched = [one for one in ids if rng.random() < 0.3]
        new = rows_of(rng, [one for one in touched if rng.random() < 0.7], keys)
        for name, rows in (("old", old), ("new", new)):
            table = pa.Table.from_pylist(rows, schema=pa.schema(
                [("customer_id", pa.string()), ("text", pa.string()), ("number", pa.int64())]
            ))  # fmt: skip
            gold.write_part(tmp_path / f"{name}.parquet", table)
        asked = np.sort(np.array([keys[one] for one in touched], np.int64))
        target = tmp_path / f"{turn}.parquet"
        splice(tmp_path / "old.parquet", [read_new(tmp_path / "new.parquet")], asked, target)
        stays = [row for row in old if row["customer_id"] not in touched]
        wanted = sorted(stays + new, key=lambda row: keys[row["customer_id"]])
        assert pq.read_table(target).to_pylist() == wanted


def rows_of(rng, ids, keys):
    ordered = sorted(ids, key=keys.get)
    return [
        {"customer_id": one, "text": f"t{rng.integers(4)}", "number": int(rng.integers(100))}
        for one in ordered
        for _ in range(rng.integers(0, 4))
    ]


def test_a_column_that_new_rows_lack_is_the_old_rows(tmp_path):
    old = pa.table({"customer_id": ["a", "b"], "x": [1, 2], "kept": ["p", None], "n": [7, 8]})
    new = pa.table({"customer_id": ["b", "c"], "x": [3, 4]})
    gold.write_part(tmp_path / "old.parquet", old)
    gold.write_part(tmp_path / "new.parquet", new)
    asked = np.sort(hash_texts(pa.array(["b", "c"])))
    rows = read_new(tmp_path / "new.parquet")
    splice(tmp_path / "old.parquet", [rows], asked, tmp_path / "both.parquet")
    rows = {row["customer_id"]: row for row in pq.read_table(tmp_path / "both.parquet").to_pylist()}
    assert rows["a"] == {"customer_id": "a", "x": 1, "kept": "p", "n": 7}
    assert rows["b"] == {"customer_id": "b", "x": 3, "kept": None, "n": 8}
    assert rows["c"] == {"customer_id": "c", "x": 4, "kept": None, "n": None}
