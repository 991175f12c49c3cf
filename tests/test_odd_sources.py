"""Sources as banks deliver them: what is odd is said in one line, or counted, never taken silently."""

import datetime as dt
import uuid

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from odd_case import config_of, measures, table

from qfb_gpu import cli, pipeline
from qfb_gpu.config import build_config
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.lake import gold, silver, touched
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.lake.preview import preview
from qfb_gpu.schema import SOURCES

HEADER = "txn_id,customer_id,date,amount,memo"
LINES = [f"t{i},C{i % 3},2024-03-{i + 1:02d},{i + 1}.00,memo {i}" for i in range(20)]


@pytest.fixture
def ingested(tmp_path):
    """Ingest one file of transactions; return the config."""

    def call(content, **part):
        config = config_of(tmp_path, content, **part)
        call.seen = preview(config)[0]
        ingest(config)
        return config

    return call


def text(header=HEADER, lines=LINES):
    return "\n".join([header, *lines]) + "\n"


def test_two_columns_of_a_name_are_refused_with_and_without_a_recipe(ingested):
    """The first used to be taken without a word."""
    with pytest.raises(InputError, match="two columns are called 'amount'"):
        ingested(text(HEADER.replace("memo", "amount")))
    step = {"op": "strip_chars", "column": "Memo", "into": "note", "chars": "*"}
    twice = text(HEADER.replace("txn_id", "memo"))
    with pytest.raises(ConfigError, match="two columns are called 'Memo'"):
        ingested(twice, prepare=[step], columns={"memo": "date"})


@pytest.mark.parametrize("encoding", ["gb18030", "cp1252"])
def test_a_file_that_says_it_is_utf8_is_read_as_nothing_else(ingested, encoding):
    """Its first column had another name then, so payments lost their ids without a word."""
    with pytest.raises(InputError, match=f"begins as UTF-8 .* take encoding = '{encoding}' out"):
        ingested("\ufeff" + text(), encoding=encoding)
    for right in ("utf-8", "utf_8", "UTF8", "utf-8-sig"):
        config = ingested("\ufeff" + text(), encoding=right)
        ids = silver.read_texts(config.output_dir / "lake", 0, ["txn_id"]).column(0).to_pylist()
        assert sorted(ids) == sorted(line.partition(",")[0] for line in LINES)


def test_a_line_break_in_a_header_makes_no_row(ingested):
    config = ingested(text(HEADER.replace("memo", '"memo\n(note)"')))
    assert (measures(config)["rows"], measures(config)["kept"]) == (20, 20)


def test_a_header_without_an_end_has_no_rows(ingested):
    with pytest.raises(InputError, match=r"sources.transactions: has no rows"):
        ingested(HEADER)


@pytest.mark.parametrize("closed", [False, True])
def test_rows_that_an_open_quote_swallowed_are_kept_as_they_came(ingested, closed):
    """To the end of the file, or to the next stray quote: they were gone without a trace."""
    lines = list(LINES)
    lines[4] = lines[4].replace("memo 4", '"memo 4')
    if closed:
        lines[9] = lines[9].replace("memo 9", '"memo 9')
    config = ingested(text(lines=lines))
    rejects = gold.read(config.output_dir, "rejects").to_pylist()
    assert [row["row"] for row in rejects] == [4]
    gone = range(4, 10) if closed else range(4, 20)
    assert all(f"t{i},C{i % 3}" in rejects[0]["row_json"] for i in gone if i > 4)
    assert measures(config)["kept"] == 20 - len(gone)
    assert ingested.seen.left_out == {
        "rejected: line has another number of columns than the header": 1
    }


def test_line_breaks_in_a_text_are_no_open_quote(ingested):
    lines = [line.replace("memo", '"first, second,\nthird\n') + '"' for line in LINES]
    assert measures(ingested(text(lines=lines)))["kept"] == 20


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"memo": pa.array([["a", "b"]] * 8)}, r"column 'memo' is list<.*not one value a row"),
        ({"amount": pa.array([{"x": 1}] * 8)}, r"column 'amount' is struct<.*not one value"),
        (
            {"txn_id": pa.array([uuid.UUID(int=i << 120).bytes for i in range(128, 136)], pa.binary(16))},
            "'txn_id' is fixed_size_binary.*hexadecimal",
        ),
        ({"customer_id": pa.array([b"\xff\xfe"] * 8)}, "'customer_id' is binary and no UTF-8"),
    ],
    ids=["list", "struct", "uuid", "bytes"],
)  # fmt: skip
def test_columns_without_one_text_a_row_are_named(ingested, columns, words):
    with pytest.raises(InputError, match=words):
        ingested(table(**columns))
    assert "column" in ingested.seen.problems[0]


def test_bytes_that_are_texts_are_texts(ingested):
    config = ingested(table(customer_id=pa.array(["客户".encode()] * 8)))
    assert measures(config)["kept"] == 8


@pytest.mark.parametrize(
    ("source", "part", "words"),
    [
        ("orders", {"columns": {"quantity": {"multiply": ["a", "b"]}}}, "only an amount"),
        ("claims", {"columns": {"date": "d"}, "constants": {"date": "2024-01-01"}}, "take one"),
    ],
)
def test_mappings_that_would_be_half_ignored_are_refused(source, part, words):
    """``quantity = { multiply = ... }`` was the first of the two columns."""
    sources = {"transactions": {"path": "t.csv"}, source: {"path": "x.csv", **part}}
    raw = {"as_of": dt.date(2024, 12, 31), "sources": sources}
    with pytest.raises(ConfigError, match=words):
        build_config(raw, base=None, where="test")


@pytest.mark.parametrize("year", [1, 9999])
def test_a_day_that_no_night_is_of_is_refused(year):
    """The year 9999 used to end in an OverflowError in the middle of a night."""
    raw = {"as_of": dt.date(year, 12, 31), "sources": {"transactions": {"path": "t.csv"}}}
    with pytest.raises(ConfigError, match="as_of"):
        build_config(raw, base=None, where="test")


@pytest.fixture
def checked(tmp_path, monkeypatch, capsys):
    """Run ``qfb check`` on a config; return the exit code and what it says."""

    def call(content):
        (tmp_path / "t.csv").write_text(text(), encoding="utf-8")
        (tmp_path / "qfb.toml").write_bytes(content.encode())
        monkeypatch.setattr("sys.argv", ["qfb", "check", str(tmp_path / "qfb.toml")])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        said = capsys.readouterr()
        return stopped.value.code or 0, said.out + said.err

    return call


SOURCE = '[sources.transactions]\npath = "t.csv"\n'


def test_a_config_that_notepad_wrote_is_read(checked):
    assert checked(f"\ufeffas_of = 2024-12-31\r\n{SOURCE}")[0] == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f"as_off = 2024-12-31\n{SOURCE}", "unknown key 'as_off'; did you mean 'as_of'?"),
        ("as_of = 2024-12-31\n[source.transactions]\n", "unknown key 'source'; did you mean"),
        (f'as_of = 2024-12-31\ncalendar = "ZZ"\n{SOURCE}', "no calendar is called 'ZZ'"),
    ],
)
def test_what_a_run_would_refuse_a_check_refuses(checked, content, words):
    """A key that was misspelt was 'missing; add it'; a calendar that is none was only found by a run."""
    code, said = checked(content)
    assert (code, words in said) == (2, True), said


OPTIONAL = [name for name in SOURCES if name not in ("transactions", "open_banking")]


def test_a_night_whose_other_sources_have_no_rows_goes_on(tmp_path, monkeypatch, capsys):
    """A month without claims stopped it; ``check`` and the report say what is empty."""
    monkeypatch.setattr(pipeline, "_log", lambda *_: None)  # MLflow takes most of such a night
    (tmp_path / "t.csv").write_text(text(), encoding="utf-8")
    lines = [
        'as_of = 2024-12-31\ndevice = "cpu"\nworkers = 1',
        '[sources.transactions]\npath = "t.csv"',
    ]
    for at, name in enumerate(OPTIONAL):
        kind = ("csv", "parquet")[at % 2]
        headers = pa.table({column: pa.array([], pa.string()) for column in SOURCES[name].names})
        path = tmp_path / f"{name}.{kind}"
        if kind == "csv":
            path.write_text(",".join(headers.column_names) + "\n", encoding="utf-8")
        else:
            pq.write_table(headers, path)
        lines.append(f'[sources.{name}]\npath = "{path.name}"')
    night = tmp_path / "night.toml"
    night.write_text("\n".join(lines), encoding="utf-8")
    for command in ("check", "run"):
        monkeypatch.setattr("sys.argv", ["qfb", command, str(night)])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        said = capsys.readouterr()
        assert not stopped.value.code, said
        assert command == "run" or said.out.count("1 file, no rows") == len(OPTIONAL)
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert report.count("The source is there and has no rows") == len(OPTIONAL)
    counts = gold.read(tmp_path / "out", "data_quality").to_pylist()
    assert {c["source"] for c in counts if (c["measure"], c["value"]) == ("rows", 0)} == {*OPTIONAL}
    assert gold.read(tmp_path / "out", "contract_summary").num_rows == 0


def test_a_row_of_rejects_is_found_in_the_file(ingested):
    """As documented: line ``row`` + 2, where the header is line 1."""
    content = text(lines=[*LINES[:7], LINES[7].replace("2024-03-08", "soon"), *LINES[8:]])
    [row] = gold.read(ingested(content).output_dir, "rejects").to_pylist()
    assert "soon" in content.splitlines()[row["row"] + 2 - 1]


@pytest.fixture
def with_claims(tmp_path):
    """Write claims beside twenty payments; return the config."""

    def call(content):
        (tmp_path / "t.csv").write_text(text(), encoding="utf-8")
        (tmp_path / "claims.csv").write_text(content, encoding="utf-8")
        sources = {"transactions": {"path": "t.csv"}, "claims": {"path": "claims.csv"}}
        raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu", "sources": sources}
        return build_config(raw, base=tmp_path, where="test")

    return call


CLAIMS = "claim_id,customer_id,date,amount\n"


def test_rows_that_come_to_an_empty_source_and_go_again(with_claims):
    kept, n_touched = [], []
    for content in (CLAIMS, CLAIMS + "k1,C1,2024-03-01,5.00\n") * 2:
        config = with_claims(content)
        lake = config.output_dir / "lake"
        since = touched.ingest_ids(lake) if kept else {}
        ingest(config)
        rows = gold.read(config.output_dir, "data_quality").to_pylist()
        kept += [r["value"] for r in rows if (r["source"], r["measure"]) == ("claims", "kept")]
        found = touched.touched(lake, since)["claims"]
        n_touched.append(sum(keys.size for keys in found.customers.values()))
        assert found.known == (len(kept) > 1)
    assert kept == [0, 1, 0, 1]
    assert n_touched == [0, 1, 1, 1]


def test_a_source_of_refused_rows_is_no_empty_one(with_claims):
    config = with_claims(CLAIMS + "k1,C1,?,?\n")
    assert "none of its 1 row can be kept" in preview(config)[1].problems[0]
    with pytest.raises(InputError, match=r"sources.claims: none of its 1 row can be kept"):
        ingest(config)


@pytest.mark.parametrize(
    ("dates", "part"),
    [
        (pa.array([2**62, 1704067200000000] * 4, pa.timestamp("us")), {}),
        (pa.array([2**60, 1704067200000] * 4, pa.timestamp("ms")), {}),
        (pa.array([2**31 - 1, 19723, -(2**31) + 9, 19723] * 2, pa.int32()).cast(pa.date32()), {}),
        (
            pa.array([253402300799 * 10**6, 1704067200000000] * 4, pa.timestamp("us", "UTC")),
            {"time_zone": "Asia/Shanghai"},
        ),
    ],
    ids=["us", "ms", "days", "9999-12-31 east of Greenwich"],
)
def test_days_that_no_calendar_has_are_rejected(ingested, dates, part):
    """They ended in an OverflowError when ``data_quality`` was written."""
    found = measures(ingested(table(date=dates), **part))
    assert (found["kept"], found["rejected: date is no day of the calendar"]) == (4, 4)


def test_an_open_end_in_old_timestamps_of_spark_is_not_in_the_past(tmp_path):
    """In nanoseconds, as which INT96 was read, 9999-12-31 wraps around to 1816."""
    seconds = pa.array([253402214400] * 7 + [1706831940])  # 9999-12-31, 2024-02-01 23:59
    rows = table(date=seconds.cast(pa.timestamp("s")).cast(pa.timestamp("us")))
    pq.write_table(rows, tmp_path / "t.parquet", use_deprecated_int96_timestamps=True)
    raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu",
           "sources": {"transactions": {"path": "t.parquet"}}}  # fmt: skip
    config = build_config(raw, base=tmp_path, where="test")
    ingest(config)
    silver = DeltaTable(str(config.output_dir / "lake" / "transactions")).to_pyarrow_table()
    days = sorted(silver["date"].to_pylist())
    assert days == [dt.date(2024, 2, 1), *[dt.date(9999, 12, 31)] * 7]


@pytest.mark.parametrize("separator", ["、", '"', "\n", "\r"])
def test_a_separator_that_no_reader_takes_is_refused(separator):
    """``、`` ended in a ValueError; a quote was said to be missing in the header."""
    sources = {"transactions": {"path": "t.csv", "separator": separator}}
    with pytest.raises(ConfigError, match="one ASCII character that is no quote"):
        build_config({"as_of": dt.date(2024, 12, 31), "sources": sources}, base=None, where="test")
