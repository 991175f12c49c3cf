"""Bad input, through the command line: one clear line and exit code 2, or a counted reject."""

import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qfb_gpu import cli
from qfb_gpu.lake import gold

HEAD = "ref,acct,peer,booked,value,ccy\n"
CONFIG = """
as_of = 2024-12-31
device = "cpu"
workers = 1
[sources.transactions]
path = "p.csv"
columns = { txn_id = "ref", customer_id = "acct", counterparty_id = "peer", date = "booked", amount = "value", currency = "ccy" }
"""


def rows(n=6, ref="t", currency="CNY", amount="-1000.00"):
    return "".join(
        f"{ref}{i},a1,landlord,2024-{i + 1:02d}-05,{amount},{currency}\n" for i in range(n)
    )


@pytest.fixture
def night(tmp_path, monkeypatch, capsys):
    """Run the command line on one file; the experiment log is left out, it takes seconds."""
    monkeypatch.setattr("qfb_gpu.pipeline._log", lambda *_args: None)

    def call(data, *arguments, config=CONFIG, name="p.csv", command="run"):
        if data is not None:
            content = data if isinstance(data, bytes) else data.encode()
            (tmp_path / name).write_bytes(content)
        path = tmp_path / "night.toml"
        path.write_text(config.replace("p.csv", name), encoding="utf-8")
        monkeypatch.setattr("sys.argv", ["qfb", command, str(path), *arguments])
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        captured = capsys.readouterr()
        return stopped.value.code or 0, captured.out, captured.err

    call.out = tmp_path / "out"
    return call


def refused(result, *words):
    """Check that a run ended with exit code 2 and one line that holds all words."""
    code, _, err = result
    assert code == 2, err
    assert err.startswith("qfb: ")
    assert err.count("\n") == 1
    for word in words:
        assert word in err, err


def measures(out):
    table = gold.read(out, "data_quality").to_pylist()
    return {row["measure"]: row["value"] for row in table if row["source"] == "transactions"}


def rejected(out):
    return [(row["row"], row["reason"]) for row in gold.read(out, "rejects").to_pylist()]


def money(out):
    """Return the minor units of each counterparty and currency, over all its streams."""
    total = {}
    for row in gold.read(out, "payment_streams").to_pylist():
        key = (row["counterparty_id"], row["currency"])
        total[key] = total.get(key, 0) + row["amount_total_minor"]
    return total


WHOLE = {
    "missing-file": (None, {}, ["p.csv does not exist", "correct `path`"]),
    "wrong-column": (
        HEAD + rows(),
        {"config": CONFIG.replace('"booked"', '"bookd"')},
        ["no column 'bookd' (for date)", "'acct', 'peer', 'booked'", "did you mean 'booked'?"],
    ),
    "unknown-key": (
        HEAD + rows(),
        {"config": "colour = 1\n" + CONFIG},
        ["unknown key 'colour'", "there are as_of, sources"],
    ),
    "misspelt-key": (
        HEAD + rows(),
        {"config": CONFIG + "seperator = ';'\n"},
        ["sources.transactions.seperator", "did you mean 'separator'?"],
    ),
    "unreadable-dates": (
        HEAD + rows().replace("2024-", "20x4-"),
        {},
        ["none of its 6 rows", "date is unreadable", "20x4-01-05", "correct the mapping"],
    ),
    "text-amounts": (
        HEAD + rows(amount="ten"),
        {},
        ["none of its 6 rows", "amount is not a number", "ten"],
    ),
    "empty-file": (b"", {}, ["p.csv is empty", "expected a header and rows"]),
    "blank-lines": (b"\n\n", {}, ["first line is blank", "column names"]),
    "header-only": (HEAD, {}, ["has no rows", "expected at least one below the header"]),
    "gbk-read-as-utf-8": (
        (HEAD + rows().replace("landlord", "房东")).encode("gbk"),
        {},
        ["not utf-8 text", "set `encoding`", "gb18030"],
    ),
    "unknown-encoding": (
        HEAD + rows(),
        {"config": CONFIG + 'encoding = "klingon"\n'},
        ["sources.transactions.encoding", "klingon", "gb18030"],
    ),
    "other-separator": (
        (HEAD + rows()).replace(",", ";"),
        {},
        ["no ','", "set separator = ';'"],
    ),
    "excel": (b"PK\x03\x04....", {}, ["Excel", "save it as CSV or Parquet"]),
    "cut-gzip": (
        gzip.compress((HEAD + rows()).encode())[:60],
        {"name": "p.csv.gz"},
        ["p.csv.gz", "cannot be read", "mend or replace"],
    ),
    "unknown-calendar": (
        HEAD + rows(),
        {"config": 'calendar = "XX"\n' + CONFIG},
        ["no calendar is called 'XX'", "GB-ENG"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", list(WHOLE))
def test_input_that_cannot_be_used_is_one_line(night, case):
    data, options, words = WHOLE[case]
    refused(night(data, **options), *words)


@pytest.mark.parametrize(
    "case", ["missing-file", "wrong-column", "unreadable-dates", "header-only", "gbk-read-as-utf-8"]
)
def test_check_says_the_same_before_the_night(night, case):
    data, options, words = WHOLE[case]
    code, out, _ = night(data, command="check", **options)
    assert code == 2
    for word in words[:1] if case == "unreadable-dates" else words:
        assert word in out


def parquet(tmp_path):
    table = pa.table({
        "ref": [f"t{i}" for i in range(5000)], "acct": ["a"] * 5000, "peer": ["b"] * 5000,
        "booked": ["2024-01-05"] * 5000, "value": [f"{i}.5" for i in range(5000)],
        "ccy": ["CNY"] * 5000,
    })  # fmt: skip
    pq.write_table(table, tmp_path / "whole.parquet", compression="zstd")
    return (tmp_path / "whole.parquet").read_bytes()


def test_a_cut_parquet_file_is_one_line(night, tmp_path):
    refused(night(parquet(tmp_path)[:3000], name="p.parquet"), "p.parquet", "cannot be read")


def test_a_damaged_page_is_one_line_and_nothing_is_kept(night, tmp_path):
    data = bytearray(parquet(tmp_path))
    data[2000:2400] = b"\xff" * 400
    refused(night(bytes(data), name="p.parquet"), "p.parquet", "mend or replace")
    assert not (night.out / "payment_streams").exists()


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("nonsense", ["--set nonsense", "key=value"]),
        ("=5", ["key=value"]),
        ("colour=red", ["unknown key 'colour'"]),
        ("payments.horizon_days=many", ["payments.horizon_days", "'many'"]),
        ("payments.horizon_days=0", ["payments.horizon_days", "greater than or equal to 1"]),
        ("payments=3", ["payments"]),
        ("n_buckets=0", ["n_buckets", "'auto' or"]),
        ("sources.transactions.path=9", ["sources.transactions.path", "valid string"]),
        ("sources.transactions.separator=ab", ["sources.transactions.separator"]),
        ("as_of=2024-02-30", ["as_of", "2024-02-30"]),
        ("device=quantum", ["device", "'auto', 'cpu' or 'gpu'"]),
        ("output=", ["output"]),
        ("data=/nowhere", ["/nowhere"]),
    ],
)
def test_set_with_nonsense_is_one_line(night, assignment, words):
    refused(night(HEAD + rows(), "--set", assignment), *words)


def test_an_output_that_cannot_be_written_is_one_line(night, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for output in ("file", "file/below"):
        result = night(HEAD + rows(), "--set", f"output={tmp_path / output}")
        refused(result, "cannot write in", "set `output`")


def test_an_as_of_before_all_payments_is_one_line(night):
    refused(
        night(HEAD + rows(), "--as-of", "2020-01-01"),
        "as_of 2020-01-01", "the first is on 2024-01-05", "later as_of",
    )  # fmt: skip


def test_payments_after_as_of_are_counted_not_used(night):
    code, out, _ = night(HEAD + rows(), "--as-of", "2024-04-30")
    assert code == 0
    assert "4 payments of" in out
    assert "2 payments later than as_of" in out
    assert money(night.out) == {("landlord", "CNY"): 400_000}


def test_rows_that_cannot_be_used_are_kept_with_row_and_reason(night):
    bad = (
        "t6,a1,landlord,2024-13-45,-1,CNY\n"
        "t7,a1,landlord,2024-10-05,ten,CNY\n"
        "t1,a1,landlord,2024-02-05,-1000.00,CNY\n"
        "t2,a1,landlord,2024-10-05,-7,CNY\n"
        "t8,,landlord,2024-10-05,-10,CNY\n"
        "t9,a1,landlord,2024-10-05,-10,ZZZ\n"
        "t10,a1,landlord,2024-10-05,-10,CNY,extra\n"
        "t11,a1\n"
        ",,,,,\n"
        "t12,a1,landlord,01/02/2003,-10,CNY\n"
        "t13,a1,landlord,2024-10-05,-10.005,CNY\n"
        "t14,a1,landlord,2024-10-05,99999999999999999999,CNY\n"
    )
    code, out, _ = night(HEAD + rows() + bad + rows(1, ref="last", amount="-5"))
    assert code == 0
    assert sorted(rejected(night.out)) == [
        (6, "date is no day of the calendar"),
        (7, "amount is not a number"),
        (8, "duplicate txn_id"),
        (9, "duplicate txn_id"),
        (10, "customer_id is missing"),
        (11, "currency is not an ISO 4217 code"),
        (12, "line has another number of columns than the header"),
        (13, "line has another number of columns than the header"),
        (15, "date may be day or month first (set date_order = 'dmy' or 'mdy')"),
        (16, "amount has more decimals than the currency has (rounding = 'half_even' rounds)"),
        (17, "amount is too large"),
    ]
    assert "11 rows rejected" in out
    counts = measures(night.out)
    assert counts["rows"] == 19
    assert counts["kept"] == 7
    assert counts["excluded: blank row"] == 1
    assert sum(n for measure, n in counts.items() if measure.startswith("rejected")) == 11
    assert money(night.out) == {("landlord", "CNY"): 600_500}
    page = (night.out / "report.html").read_text(encoding="utf-8")
    for word in ("duplicate txn_id", "currency is not an ISO 4217 code", "2024-13-45"):
        assert word in page


def test_the_first_of_two_rows_with_one_id_is_kept_whatever_their_order(night):
    first, second = "t1,a1,x,2024-01-05,-1,CNY\n", "t1,a1,x,2024-03-05,-7,CNY\n"
    night(HEAD + second + first)
    assert money(night.out) == {("x", "CNY"): 100}


def test_currencies_never_mix(night):
    data = rows() + rows(ref="u", currency="usd") + rows(ref="j", currency="JPY", amount="-1000")
    code, _, _ = night(HEAD + data)
    assert code == 0
    assert money(night.out) == {
        ("landlord", "CNY"): 600_000, ("landlord", "USD"): 600_000, ("landlord", "JPY"): 6_000,
    }  # fmt: skip
    edges = gold.read(night.out, "graph_edges").to_pylist()
    assert {(e["currency"], e["amount_minor"]) for e in edges} == {
        ("CNY", 600_000), ("USD", 600_000), ("JPY", 6_000),
    }  # fmt: skip
    streams = gold.read(night.out, "payment_streams").to_pylist()
    assert sorted(s["currency"] for s in streams) == ["CNY", "JPY", "USD"]
    assert all(s["amount_typical"] == 1000 for s in streams)


SPELLINGS = [
    ("-1,234.56", -123_456), ("(1,234.56)", -123_456), ("1 234.56", None), ("¥12.00", 1_200),
    ("12.00-", -1_200), ("1e3", 100_000), ("+7", 700), ("0.10", 10), ("1,23", None),
    ("1.234,56", None), ("NaN", None), ("12..0", None), ("--5", None), ("0x10", None),
]  # fmt: skip


def test_amounts_are_read_exactly_or_not_at_all(night):
    data = "".join(
        f'k{i},a1,p{i},2024-01-05,"{text}",CNY\n' for i, (text, _) in enumerate(SPELLINGS)
    )
    code, _, _ = night(HEAD + data)
    assert code == 0
    edges = gold.read(night.out, "graph_edges").to_pylist()
    found = {}
    for edge in edges:
        is_out = edge["payer_id"] == "a1"
        peer = edge["payee_id"] if is_out else edge["payer_id"]
        found[peer] = -edge["amount_minor"] if is_out else edge["amount_minor"]
    expected = {f"p{i}": minor for i, (_, minor) in enumerate(SPELLINGS) if minor is not None}
    assert found == expected
    reasons = {reason for _, reason in rejected(night.out)}
    assert reasons == {"amount is not a number"}
    assert len(rejected(night.out)) == len(SPELLINGS) - len(expected)


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8-sig", "utf-16"])
def test_texts_in_the_stated_encoding_are_read(night, encoding):
    data = (HEAD.replace("peer", "对手") + rows().replace("landlord", "房东")).encode(encoding)
    stated = "" if encoding == "utf-8-sig" else f'encoding = "{encoding}"\n'
    code, _, _ = night(data, config=CONFIG.replace('"peer"', '"对手"') + stated)
    assert code == 0
    assert money(night.out) == {("房东", "CNY"): 600_000}
