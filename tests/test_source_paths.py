"""Which files a path leads to: links, hidden folders, folders named after values, Delta tables."""

import bz2
import datetime as dt
import gzip
import os
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from qfb_gpu.config import build_config
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.lake import gold
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.lake.preview import preview
from qfb_gpu.lake.source_paths import data_files, looking
from qfb_gpu.lake.sources import find_files

HEADER = "txn_id,customer_id,date,amount\n"
CSV = HEADER + "".join(f"t{i},C1,2024-01-{i + 1:02d},1.50\n" for i in range(8))


def table(first=0, **columns):
    plain = {
        "txn_id": pa.array([f"t{first + i}" for i in range(8)]),
        "customer_id": pa.array(["C1"] * 8),
        "date": pa.array([dt.date(2024, 1, 1 + i) for i in range(8)]),
        "amount": pa.array([1.5] * 8),
    }
    return pa.table(plain | columns)


@pytest.fixture
def put(tmp_path):
    """Write one Parquet file of eight rows."""

    def call(name, first=0, **columns):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table(first, **columns), path)
        return path

    (tmp_path / "data").mkdir()
    return call


@pytest.fixture
def measured(tmp_path):
    """Ingest parts below ``data`` into an empty lake; return the measures of the transactions."""

    def call(*paths, **part):
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        parts = [{"path": path, **part} for path in paths]
        (tmp_path / "data").mkdir(exist_ok=True)
        raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu", "data": "data",
               "sources": {"transactions": parts}}  # fmt: skip
        call.config = config = build_config(raw, base=tmp_path, where="test")
        call.seen = preview(config)
        ingest(config)
        rows = gold.read(config.output_dir, "data_quality").to_pylist()
        return {row["measure"]: row["value"] for row in rows if row["source"] == "transactions"}

    return call


def test_folders_that_are_links_are_entered_once(put, measured, tmp_path):
    """What lay behind them was not read, and nothing said so."""
    put("p/a.parquet")
    (tmp_path / "data" / "elsewhere").mkdir()
    put("elsewhere/b.parquet", 100)
    (tmp_path / "data" / "p" / "2024").symlink_to(tmp_path / "data" / "elsewhere")
    (tmp_path / "data" / "p" / "again").symlink_to(tmp_path / "data" / "p")
    assert measured("p")["kept"] == 16
    (tmp_path / "data" / "p" / "again").unlink()
    assert measured("p/**/*.parquet")["kept"] == 16


def test_a_link_to_a_file_beside_it_is_that_file(put, measured, tmp_path):
    """``latest.parquet``: without ids every payment counted twice."""
    path = put("p/a.parquet", txn_id=pa.nulls(8))
    (tmp_path / "data" / "p" / "Latest.parquet").symlink_to(path)
    for pattern in ("p", "p/*.parquet"):
        assert (measured(pattern)["kept"], len(measured.seen)) == (8, 1)


@pytest.mark.parametrize("pattern", ["p", "p/*.parquet"])
def test_a_link_to_nothing_is_no_file_less(put, measured, tmp_path, pattern):
    """Of a file system that is not mounted: its rows left the lake without a word."""
    put("p/a.parquet")
    (tmp_path / "data" / "p" / "b.parquet").symlink_to(tmp_path / "nas" / "b.parquet")
    with pytest.raises(InputError, match=r"b\.parquet is a link to .*nas.* mend the link"):
        measured(pattern)


@pytest.mark.parametrize("pattern", ["p", "p/**/*.parquet"])
def test_what_a_writer_has_in_hand_is_not_read(put, measured, pattern):
    """Spark's ``_temporary``, a notebook's checkpoints: each payment counted twice."""
    put("p/a.parquet", txn_id=pa.nulls(8))
    for folder in ("_temporary/0", ".ipynb_checkpoints"):
        put(f"p/{folder}/a.parquet", txn_id=pa.nulls(8))
    assert measured(pattern)["kept"] == 8


def test_a_hidden_folder_that_the_path_names_is_read(put, measured):
    put("_p/a.parquet")
    assert measured("_p")["kept"] == measured("_p/*.parquet")["kept"] == 8


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_columns_that_stand_in_the_names_of_folders(put, measured, kind):
    """Amounts in dollars were taken for the currency of the config."""
    for n, currency in enumerate(("CNY", "USD", "__HIVE_DEFAULT_PARTITION__")):
        path = put(f"p/currency={currency}/direction=out/a.parquet", 100 * n)
        if kind == "csv":
            path.unlink()
            path.with_suffix(".csv").write_text(CSV.replace("\nt", f"\nt{n}"))
    found = measured("p")
    assert (found["currency: CNY"], found["currency: USD"]) == (16, 8)
    silver = DeltaTable(str(measured.config.output_dir / "lake" / "transactions"))
    assert set(silver.to_pyarrow_table()["direction"].to_pylist()) == {"out"}


def test_a_file_none_of_whose_columns_are_read(put, measured):
    """A check and a run ended in an error of Arrow."""
    path = put("p/customer_id=C1/date=2024-01-05/amount=3/a.parquet")
    path.unlink()
    path.with_suffix(".csv").write_text("note,other\na,b\nc,d\n")
    assert measured("p")["kept"] == 2


@pytest.mark.parametrize("pattern", ["", "/*.parquet"])
def test_folders_above_a_path_elsewhere_are_no_columns(put, measured, pattern):
    """A mount or a home whose name has an equals sign gave all payments their currency."""
    path = put("../currency=JPY/bank/direction=out/a.parquet").resolve()
    measured(f"{path.parent}{pattern}")
    silver = DeltaTable(str(measured.config.output_dir / "lake" / "transactions"))
    found = {(row["currency"], row["direction"]) for row in silver.to_pyarrow_table().to_pylist()}
    assert found == {("CNY", "out")}


def test_a_column_of_the_file_goes_before_its_folder(put, measured):
    put("p/currency=USD/a.parquet", currency=pa.array(["EUR"] * 8))
    assert measured("p")["currency: EUR"] == 8


@pytest.mark.parametrize("pattern", ["lake", "lake/*", "lake/d/*.parquet"])
def test_files_of_a_delta_table_are_not_read_without_its_log(measured, tmp_path, pattern):
    """Rows that were deleted long ago came back."""
    for _ in range(2):
        write_deltalake(str(tmp_path / "data" / "lake" / "d"), table(), mode="overwrite")
    with pytest.raises(InputError, match=r"leads into the Delta table .*lake/d.*set path = "):
        measured(pattern)


def test_a_path_that_leads_into_the_output_folder_is_said_so(put, measured, tmp_path):
    """It said to set the path to a table of results."""
    put("a.parquet")
    assert measured("a.parquet")["kept"] == 8
    with pytest.raises(InputError, match=r"which a run of qfb wrote; .*set `output`"):
        data_files(tmp_path, ".", "sources.transactions")


def test_a_file_that_two_parts_read_in_the_same_way_is_refused(put, measured):
    put("a.parquet", txn_id=pa.nulls(8))
    with pytest.raises(InputError, match=r"\[1\]: .*a\.parquet is a file of .*\[0\], too"):
        measured("*.parquet", "./a.parquet")
    assert "[1]: " in measured.seen[1].problems[0]  # a check says so, too
    assert not measured.seen[0].problems


def test_a_check_refuses_an_output_of_others_as_a_run_does(put, tmp_path):
    put("a.parquet")
    write_deltalake(str(tmp_path / "out" / "lake" / "transactions"), table())
    raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu", "data": "data", "output": "out",
           "sources": {"transactions": {"path": "a.parquet"}}}  # fmt: skip
    config = build_config(raw, base=tmp_path, where="test")
    with pytest.raises(ConfigError, match="did not write") as refused:
        ingest(config)
    assert preview(config)[0].problems == [str(refused.value)]


def test_a_glob_of_folders_alone_says_so(put, measured):
    put("p/2024/a.parquet")
    with pytest.raises(InputError, match=r"matches only folders; end it with '/\*'"):
        measured("p/2*")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.csv", gzip.compress(CSV.encode()), r"compressed by gzip.*rename it to t\.csv\.gz"),
        ("t.gz", bz2.compress(CSV.encode()), r"compressed by bzip2.*rename it to t\.gz\.bz2"),
        ("t.csv.xz", b"\xfd7zXZ\0", "compressed by xz, which is not read"),
        ("t.csv.gz", CSV.encode(), r"not compressed as its name says; take \.gz off"),
        ("t.csv", CSV.encode("utf-16-le"), "set encoding = 'utf-16-le' or 'utf-16-be'"),
        ("t.csv", CSV.encode("utf-16"), "'utf-16'"),
        ("t.csv", CSV.replace("t3", "x" * 9_000_000).encode(),
         "longer than 4 MiB, mostly a quote that is not closed"),
    ],
)  # fmt: skip
def test_what_a_file_is_is_said(measured, tmp_path, name, content, words):
    """All but the last two were 'not utf-8 text; set encoding'."""
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        measured(name)


def test_a_banks_table_whose_log_is_broken_is_not_said_to_be_deleted(measured, tmp_path):
    """The advice for tables of the lake, which are made anew, was given for sources, too."""
    folder = tmp_path / "data" / "d"
    write_deltalake(str(folder), table())
    log = folder / "_delta_log" / "00000000000000000000.json"
    kept = log.read_text()
    for change in (lambda: log.write_text("{oops"), log.unlink):
        change()
        with pytest.raises(InputError, match="cannot be read") as refused:
            measured("d")
        assert "delete" not in str(refused.value)
    log.write_text(kept)
    next(folder.glob("*.parquet")).unlink()
    with pytest.raises(InputError, match=r"is gone, though version 0 .*vacuumed"):
        measured("d")


def test_a_delta_table_partitioned_by_an_instant_has_days_of_the_zone(measured, tmp_path):
    """The same instants in a column of the file were a day later."""
    evening = [dt.datetime(2024, 1, 1 + i, 20, tzinfo=dt.UTC) for i in range(8)]
    days = []
    for by in ([], ["date"]):
        folder = tmp_path / "data" / f"d{len(by)}"
        instants = pa.array(evening, pa.timestamp("us", "UTC"))
        write_deltalake(str(folder), table(date=instants), partition_by=by)
        measured(folder.name, time_zone="Asia/Shanghai")
        silver = DeltaTable(str(measured.config.output_dir / "lake" / "transactions"))
        days.append(sorted(silver.to_pyarrow_table()["date"].to_pylist()))
    assert days[0] == days[1] == [dt.date(2024, 1, 2 + i) for i in range(8)]


def test_in_which_order_files_came_makes_no_other_run(put, measured):
    """A replay said that sources had changed: they were listed as they had come."""
    put("p/b.parquet")
    measured("p")
    put("p/a.parquet", 100)
    grown = ingest(measured.config)
    measured("p")
    assert ingest(measured.config).inputs == grown.inputs
    assert [file["name"] for file in grown.inputs["transactions"]["files"]] == [
        "p/a.parquet", "p/b.parquet",
    ]  # fmt: skip


@pytest.fixture
def closed(tmp_path, monkeypatch):
    """Payments of two months, of which the second's folder may not be looked into."""
    for month in ("01", "02"):
        (tmp_path / "payments" / month).mkdir(parents=True)
        (tmp_path / "payments" / month / "t.csv").write_text(CSV, encoding="utf-8")

    def refusing(what, where):
        def call(path, *rest, **named):
            if where in str(path):
                raise PermissionError(13, "Permission denied", str(path))
            return what(path, *rest, **named)

        return call

    def close(*names, where="02"):
        for name in names:
            monkeypatch.setattr(os, name, refusing(getattr(os, name), where))

    return close


@pytest.mark.parametrize(
    "path", ["payments", "payments/*/*.csv", "payments/**/*.csv", "payments/0*/*", "**/*.csv"]
)
def test_a_folder_that_cannot_be_looked_into_is_refused(tmp_path, closed, path):
    """Its files were not seen, so their rows left the lake without a word."""
    closed("scandir")
    with (
        pytest.raises(
            InputError, match=r"transactions: .*02/? cannot be opened .*; run again once"
        ),
        looking("sources.transactions"),
    ):
        data_files(tmp_path, path, "sources.transactions")


@pytest.mark.parametrize("path", ["payments", "payments/*/t.csv", "payments/02", "payments/02/*"])
def test_what_cannot_be_looked_at_is_refused_before_anything_is_begun(tmp_path, closed, path):
    """A night ended with exit code 3, as one that can go on, or did not see the file."""
    closed("stat", "lstat", where="02/" if path.endswith(("csv", "*")) else "payments")
    raw = {"as_of": dt.date(2024, 12, 31), "sources": {"transactions": {"path": path}}}
    with pytest.raises(
        InputError, match=r"transactions: .*(payments|csv|02|\*) cannot be opened .*denied"
    ):
        find_files(build_config(raw, base=tmp_path, where="test"), "transactions")


def test_a_hidden_folder_that_cannot_be_looked_into_is_nobodys(tmp_path, closed):
    (tmp_path / "payments" / "_draft02").mkdir()
    closed("scandir", where="_draft02")
    assert len(data_files(tmp_path, "payments/*/*.csv", "sources.transactions")) == 2
