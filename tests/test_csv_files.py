"""CSV as banks write it: pairs of bytes, quotes in columns that nobody reads, columns of one name."""

import io

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numba import njit
from odd_case import config_of, measures
from test_text_kernels import pack

from qfb_gpu.config import SourcePart
from qfb_gpu.currencies import currency_code
from qfb_gpu.errors import InputError
from qfb_gpu.lake import csv_files, gold
from qfb_gpu.lake.amounts import _SIGNS, has_foreign_sign
from qfb_gpu.lake.double_bytes import Utf8OfPairs
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.lake.readers import read_batches
from qfb_gpu.lake.sources import SourceFile
from qfb_kernels import days, decimals

HEADER = "txn_id,customer_id,date,amount,note,memo"
LINES = [f"t{i},C{i % 3},2024-03-{i + 1:02d},{i + 1}.00,note {i},memo {i}" for i in range(20)]


def written(folder, content):
    """Write the bytes of a file; return it as a source."""
    path = folder / "t.csv"
    path.write_bytes(content)
    return SourceFile(path, path.name, 0, "csv", "1")


def pieces_of(file, columns, batch_rows=1000, **settings):
    part = SourcePart(path="x", **settings)
    names = csv_files.headers(file, part)
    return list(csv_files.pieces(file, part, names, columns, batch_rows))


def decoded(content, encoding, size):
    stream, found = Utf8OfPairs(io.BytesIO(content), encoding), []
    while piece := stream.read(size):
        assert len(piece) <= max(size, 4)
        found.append(piece)
    return b"".join(found)


@given(
    st.text(st.characters(codec="gb18030"), max_size=40),
    st.sampled_from(["gbk", "gb18030", "gb2312", "big5", "GB2312", "cp936"]),
    st.integers(1, 40),
)
@example("账户,𠀀é€\n", "gb18030", 5)
def test_pairs_of_bytes_are_what_python_reads_whatever_the_pieces(text, encoding, size):
    content = text.encode(encoding, "ignore")
    assert decoded(content, encoding, size) == content.decode(encoding).encode()


@given(st.binary(max_size=12), st.sampled_from(["gbk", "gb18030", "big5"]), st.integers(1, 9))
@example(b"a\xb1", "gbk", 4)
@example(b"a\x81\x30\x81", "gb18030", 4)
def test_bytes_that_are_no_pairs_are_refused_as_python_does(content, encoding, size):
    try:
        wanted = content.decode(encoding).encode()
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            decoded(content, encoding, size)
    else:
        assert decoded(content, encoding, size) == wanted


@pytest.mark.parametrize("encoding", ["gbk", "cp1252", "latin-1"])
def test_a_file_that_is_utf8_is_read_as_nothing_else(tmp_path, encoding):
    """One file of a folder in another encoding: its ids and texts were other characters, unsaid."""
    file = written(tmp_path, "\n".join([HEADER, *LINES]).replace("memo", "备注").encode())
    words = f"it is UTF-8 .42 characters.*take encoding = '{encoding}' out"
    with pytest.raises(InputError, match=words):
        csv_files.headers(file, SourcePart(path="x", encoding=encoding))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("转账,é", "gb18030"), ("联通", "gbk"), ("café, Zoë, Müller, naïve", "cp1252"), ("a", "gbk"),
     ("é", "latin-1"), ("转账", "utf-16"), ("转账" * 9, "utf-8")],
)  # fmt: skip
def test_a_file_in_the_encoding_that_is_said_is_not_refused(tmp_path, text, encoding):
    file = written(tmp_path, f"a,b\n1,{text}\n".encode(encoding))
    assert csv_files.headers(file, SourcePart(path="x", encoding=encoding)) == ["a", "b"]


@pytest.mark.parametrize("packed", [False, True])
def test_rows_that_a_quote_took_in_a_column_nobody_reads_are_kept_as_they_came(tmp_path, packed):
    """``note`` is no column of ours: of 20 rows 15 were counted, one made of the ends of two."""
    lines = list(LINES)
    lines[4] = lines[4].replace("note 4", '"note 4')
    lines[9] = lines[9].replace("note 9", 'note 9"')
    content = "\n".join([HEADER, *lines]) + "\n"
    config = config_of(tmp_path, content, **({"path": "t.csv.gz"} if packed else {}))
    if packed:
        with pa.CompressedOutputStream(str(tmp_path / "t.csv.gz"), "gzip") as sink:
            sink.write(content.encode())
    ingest(config)
    [reject] = gold.read(config.output_dir, "rejects").to_pylist()
    assert reject["row"] == 4
    assert all(f"t{i},C{i % 3}" in reject["row_json"] for i in range(5, 10))
    assert measures(config)["kept"] == 20 - 6


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("memo", ["", "memo of a usual length"])
def test_short_rows_and_rows_of_any_line_end_are_not_swallowed(tmp_path, end, memo):
    """Rows of fewer than 24 bytes, and lines that end in CR alone, were gone without a word."""
    lines = [f"{i},7,2401{i + 1:02d},5,{memo}" for i in range(20)]
    lines[4] = f'4,7,240105,5,"{memo}'
    lines[5] += '"'
    content = end.join(["txn_id,customer_id,date,amount,memo", *lines]) + end
    ingest(config := config_of(tmp_path, content))
    [reject] = gold.read(config.output_dir, "rejects").to_pylist()
    assert (reject["row"], measures(config)["kept"]) == (4, 20 - 2)
    assert "5,7,240106" in reject["row_json"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("batch_rows", [1, 3000, 10**6])
def test_a_file_without_quotes_is_read_as_one_with_them(tmp_path, end, quote, batch_rows):
    n_rows = 60_000
    lines = [f"{quote}{i}{quote},x{i},{'y' * 20}" for i in range(n_rows)]
    lines[7] += ",more"
    lines[59_000] = "less"
    lines[30_000] += end  # a blank line, which is no row
    file = written(tmp_path, end.join(["a,b,c", *lines]).encode())
    found = pieces_of(file, ["b", "a"], batch_rows)
    rows = [row for one in found for row in one.rows.to_pylist()]
    assert rows == [{"b": f"x{i}", "a": f"{i}"} for i in range(n_rows) if i not in (7, 59_000)]
    assert [row for one in found for row, _ in one.broken] == [7, 59_000]
    assert not any(one.others for one in found)


def test_only_what_is_asked_for_is_read_where_no_quote_can_be_open(tmp_path, monkeypatch):
    """What an ingest costs goes with the columns that are read."""
    opened = []
    convert = csv_files.pacsv.ConvertOptions

    def converted(**options):
        opened.append(options["include_columns"])
        return convert(**options)

    monkeypatch.setattr(csv_files.pacsv, "ConvertOptions", converted)
    file = written(tmp_path, "\n".join([HEADER, *LINES]).encode())
    [piece] = pieces_of(file, ["date", "amount", "none such"])
    assert piece.rows.schema.names == ["date", "amount"]
    assert (piece.others, piece.broken) == ({}, [])
    assert pa.types.is_string(piece.rows.schema.types[0])
    quoted = "\n".join([HEADER, *LINES]).replace("memo 5", '"memo 5"')
    [again] = pieces_of(written(tmp_path, quoted.encode()), ["date", "amount"])
    assert again.rows == piece.rows
    assert opened == [["2", "3"], ["2", "3", "0", "1", "4", "5"]]


def test_pieces_hold_a_bounded_number_of_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_files, "_MOST_TOGETHER", 1 << 21)
    line = "x" * 500 + "," + "y" * 500 + "\n"
    file = written(tmp_path, ("a,b\n" + line * 20_000).encode())
    found = pieces_of(file, ["a"], 10**6)
    assert sum(one.rows.num_rows for one in found) == 20_000
    assert len(found) > 3  # no more than a block beyond it
    assert max(one.rows.nbytes for one in found) <= 1 << 22


def test_pieces_have_the_rows_that_are_wanted(tmp_path):
    """Not those of a block: a batch of few rows costs each bucket as much as one of many."""
    line = ",".join("x" * 30 for _ in range(6)) + "\n"
    file = written(tmp_path, (HEADER + "\n" + line * 100_000).encode())
    part = SourcePart(path="x")
    sizes = [b.rows.num_rows for b in read_batches(file, part, ["memo"], [], 50_000)]
    assert sum(sizes) == 100_000
    assert len(sizes) <= 4
    assert max(sizes) <= 50_000


def test_two_columns_of_a_name_that_a_rule_means_are_refused(tmp_path):
    """The first was looked at: rows that the second would leave out were kept."""
    lines = ["txn_id,customer_id,date,amount,state,State", "t1,C1,2024-03-01,5,ok,void"]
    rule = {"column": "state", "values": ["void"], "reason": "void"}
    config = config_of(tmp_path, "\n".join(lines), exclude=[rule])
    with pytest.raises(InputError, match="two columns are called 'state'"):
        ingest(config)


@njit
def _dates_long_way(data, offsets, order, day, status):
    for row in range(status.shape[0]):
        days._date_row_cpu(data, offsets, order, row, day, status)


@njit
def _decimals_long_way(data, offsets, mantissa, scale, status):
    for row in range(status.shape[0]):
        decimals._decimal_row_cpu(data, offsets, row, mantissa, scale, status)


NEARLY = st.from_regex(r"\A[0-9]{4}[-/.][0-9]{2}[-/.][0-9]{2}[0-9T :Z日-]{0,4}\Z", fullmatch=True)


@given(st.lists(NEARLY | st.text("0123456789-/. ", min_size=8, max_size=12), max_size=12))
@example(["2024-02-30", "1799-12-31", "2024-01-31 ", "2024-01-311", "0000-00-00", "2024-01/31"])
def test_the_short_way_of_dates_leads_where_the_long_one_does(texts):
    for order in (days.YMD, days.DMY):
        found = [(np.zeros(len(texts), np.int32), np.ones(len(texts), np.int8)) for _ in range(2)]
        days.parse_date_cpu(*pack(texts), order, *found[0])
        _dates_long_way(*pack(texts), order, *found[1])
        assert [a.tolist() for a in found[0]] == [a.tolist() for a in found[1]], texts


FIGURES = st.from_regex(r"\A-?[0-9]{0,3}(,?[0-9]{2,3}){0,6}[.]?[0-9]{0,4}\Z", fullmatch=True)


@given(st.lists(FIGURES | st.text("0123456789,.-", max_size=24), max_size=12))
@example(["9" * 16, "9" * 17, "0" * 20 + "1", ".5", "5.", "-", "-.", "1,23", "12,34,567", "1,234."])
@example(["-" + "9,999" * 3 + ",999.9999", "1,2345", ",123", "1.234,5", "1.2.3", "--1", "1-"])
def test_the_short_way_of_amounts_leads_where_the_long_one_does(texts):
    kinds = (np.int64, np.int16, np.int8)
    found = [[np.ones(len(texts), kind) for kind in kinds] for _ in range(2)]
    decimals.parse_decimal_cpu(*pack(texts), *found[0])
    _decimals_long_way(*pack(texts), *found[1])
    assert [a.tolist() for a in found[0]] == [a.tolist() for a in found[1]], texts


CODES = ["CNY", "USD", "JPY", "HKD", "EUR", "GBP", "EGP", "CHF"]


@given(st.lists(st.tuples(st.text("¥￥円元$＄€£￡1.é", max_size=4), st.sampled_from(CODES))))
def test_signs_of_currencies_are_found_in_every_text(rows):
    """Against a loop over the texts: whose a sign is, and which codes it contradicts."""
    signed = {code for codes in _SIGNS.values() for code in codes}

    def is_wrong(text, code):
        groups = [(signs, own) for signs, own in _SIGNS.items() if set(signs) & set(text)]
        return any(
            code not in own if signs[0] in "¥円€" else code in signed - set(own)
            for signs, own in groups
        )

    texts = pa.array([text for text, _ in rows] + [None], pa.string())
    codes = np.array([currency_code(code) for _, code in rows] + [0], np.int16)
    wanted = [n for n, row in enumerate(rows) if is_wrong(*row)]
    assert has_foreign_sign(texts, codes).tolist() == wanted
    assert has_foreign_sign(texts.dictionary_encode(), codes).tolist() == wanted
