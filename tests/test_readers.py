"""Files into batches: row numbers, ragged lines, encodings, partitions, nothing lost."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfb_gpu.config import SourcePart
from qfb_gpu.errors import InputError
from qfb_gpu.lake.readers import estimate_rows, headers, read_batches
from qfb_gpu.lake.sources import SourceFile


def source(path, kind="csv", table=None):
    return SourceFile(path, path.name, 0, kind, "1", table)


def part(**settings):
    return SourcePart(path="x", **settings)


def csv(folder, text, encoding="utf-8", name="a.csv"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return source(path)


def numbered(file, settings, columns, batch_rows=1000):
    """Return {row number: values} as ingest numbers rows, and {row number: broken line}."""
    whole, broken = {}, {}
    for batch in read_batches(file, settings, columns, [], batch_rows):
        numbers = list(range(batch.first_row, batch.first_row + batch.rows.num_rows))
        for row, text in batch.broken:
            numbers = [n + (n >= row) for n in numbers]
            broken[row] = text
        values = zip(*(c.to_pylist() for c in batch.rows.columns), strict=True)
        for number, value in zip(numbers, values, strict=True):
            assert number not in whole
            whole[number] = value
    return whole, broken


@given(kinds=st.lists(st.sampled_from("gggglsb"), max_size=60))
def test_every_line_keeps_its_number_whatever_is_around_it(tmp_path_factory, kinds):
    """g: a good line, l: too long, s: too short, b: blank (which is no row)."""
    lines, wanted, ragged, row = [], {}, set(), 0
    for at, kind in enumerate(kinds):
        lines.append({"g": f"{at},x", "l": f"{at},x,y", "s": f"{at}", "b": ""}[kind])
        if kind == "g":
            wanted[row] = (str(at), "x")
        elif kind != "b":
            ragged.add(row)
        row += kind != "b"
    file = csv(tmp_path_factory.mktemp("lines"), "a,b\n" + "".join(line + "\n" for line in lines))
    whole, broken = numbered(file, part(), ["a", "b"])
    assert whole == wanted
    assert set(broken) == ragged


def test_row_numbers_hold_over_many_blocks(tmp_path):
    n = 400_000
    lines = [f"{i},{'x' * 5}" for i in range(n)]
    for at in (3, 150_000, 399_998):
        lines[at] += ",more"
    whole, broken = numbered(csv(tmp_path, "a,b\n" + "\n".join(lines)), part(), ["a"])
    assert set(broken) == {3, 150_000, 399_998}
    assert len(whole) == n - 3
    assert all(whole[i] == (str(i),) for i in (0, 4, 149_999, 150_001, n - 1))


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf8", "UTF-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "cp1252"]
)
def test_an_encoding_is_read_as_stated(tmp_path, encoding):
    word = "café" if encoding == "cp1252" else "转账"
    file = csv(tmp_path, f"a,{word}\n1,{word}\n", encoding)
    settings = part(encoding=encoding)
    assert headers(file, settings) == ["a", word]
    assert numbered(file, settings, [word])[0] == {0: (word,)}


def test_a_byte_order_mark_is_no_part_of_the_first_header(tmp_path):
    file = csv(tmp_path, "a,b\n1,2\n", "utf-8-sig")
    assert headers(file, part()) == ["a", "b"]
    assert numbered(file, part(), ["a"])[0] == {0: ("1",)}


@pytest.mark.parametrize("rows", [1, 5000])
def test_a_wrong_encoding_says_what_to_set(tmp_path, rows):
    file = csv(tmp_path, "a,b\n" + "1,x\n" * rows + "2,转账\n", "gbk")
    with pytest.raises(InputError, match="not utf-8 text.*set `encoding`.*gb18030"):
        numbered(file, part(), ["a", "b"])


def test_quotes_hold_separators_and_line_ends(tmp_path):
    file = csv(tmp_path, 'a,b\n1,"x, ""y""\nz"\n2,w\n')
    assert numbered(file, part(), ["b"])[0] == {0: ('x, "y"\nz',), 1: ("w",)}


def test_texts_are_not_guessed(tmp_path):
    file = csv(tmp_path, "a,b\n007,NA\n1e5,null\n,true\n")
    assert list(numbered(file, part(), ["a", "b"])[0].values()) == [
        ("007", "NA"), ("1e5", "null"), ("", "true"),
    ]  # fmt: skip


def test_a_packed_file_is_unpacked(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"a;b\n1;2\n"))
    file, settings = source(path), part(separator=";")
    assert headers(file, settings) == ["a", "b"]
    assert numbered(file, settings, ["b"])[0] == {0: ("2",)}
    assert estimate_rows(file, settings) >= 1


@pytest.mark.parametrize(
    ("text", "n_rows"),
    [(b"a,b\n", 0), (b"a,b", 0), (b"a,b\n1,2\n", 1), (b"a,b\n1,2", 1), (b"a,b\r1,2\r3,4", 2)],
)
def test_the_header_is_no_row(tmp_path, text, n_rows):
    (tmp_path / "a.csv").write_bytes(text)
    assert estimate_rows(source(tmp_path / "a.csv"), part()) == n_rows


@pytest.mark.parametrize("kind", ["gzip", "bz2", "zstd", "lz4"])
def test_rows_of_a_large_packed_file_are_estimated_alike(tmp_path, kind):
    """A file packed with lz4 was taken for one that is not packed."""
    ending = {"gzip": "gz", "zstd": "zst"}.get(kind, kind)
    rows = b"".join(b"%07d,%07d\n" % (i, 7919 * i % 9973) for i in range(100_000))
    path = tmp_path / f"a.csv.{ending}"
    with pa.output_stream(str(path), compression=kind) as stream:
        stream.write(b"a,b\n" + rows)
    estimate = estimate_rows(source(path), part())
    by_size = path.stat().st_size * 5 / len(rows) * 100_000
    assert estimate == pytest.approx(by_size, rel=0.01)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a;b\n1;2\n", "set separator = ';'"),
        ("\na,b\n", "first line is blank"),
        (" \n1\n", "blank"),
    ],
)
def test_a_header_that_cannot_be_meant_is_refused(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        headers(csv(tmp_path, text), part())


@pytest.mark.parametrize("batch_rows", [1, 7, 1000])
def test_parquet_rows_come_whole_in_their_order(tmp_path, batch_rows):
    table = pa.table({"a": list(range(100)), "b": [f"t{i % 3}" for i in range(100)]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=13)
    file = source(tmp_path / "a.parquet", "parquet")
    assert headers(file, part()) == ["a", "b"]
    assert estimate_rows(file, part()) == 100
    seen = []
    for batch in read_batches(file, part(), ["b", "a"], ["b"], batch_rows):
        assert batch.first_row == len(seen)
        assert batch.rows.num_rows <= batch_rows
        seen += batch.rows.to_pylist()
    assert seen == table.select(["b", "a"]).to_pylist()


@pytest.mark.parametrize(
    "content", [b"PAR1", b"PAR1 and then something else PAR1", b"PAR1\x00\x00"]
)
def test_a_broken_parquet_file_is_named(tmp_path, content):
    path = Path(tmp_path / "broken.parquet")
    path.write_bytes(content)
    with pytest.raises(InputError, match="broken.parquet: cannot be read as Parquet") as caught:
        headers(source(path, "parquet"), part())
    assert "\n" not in str(caught.value)
