"""Odd but real CSV files: each row is kept or counted as left out, or the file is refused in a line."""

import bz2
import datetime as dt
import gzip

import pytest
from odd_case import measures

from qfb_gpu.config import build_config
from qfb_gpu.errors import InputError
from qfb_gpu.lake import gold
from qfb_gpu.lake.ingest import ingest

H = "txn_id,customer_id,date,amount,memo\n"
L = [f"t{i},C{i % 3},2024-03-{i + 1:02d},{i + 1}.50,memo {i}\n" for i in range(6)]
F = H + "".join(L)
CHINESE = F.replace("memo ", "备注")


def config_of(folder, files, **part):
    for name, content in files.items():
        path = folder / "in" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu",
           "sources": {"transactions": {"path": "in", **part}}}  # fmt: skip
    return build_config(raw, base=folder, where="test")


KEPT = {
    "mark of UTF-8": (b"\xef\xbb\xbf" + F.encode(), 6, 0),
    "mark and quotes": (b"\xef\xbb\xbf" + F.replace("txn_id", '"txn_id"').encode(), 6, 0),
    "CRLF": (F.replace("\n", "\r\n"), 6, 0),
    "CR": (F.replace("\n", "\r"), 6, 0),
    "line ends mixed": (H + L[0] + L[1].replace("\n", "\r\n") + L[2].replace("\n", "\r") + L[3], 4, 0),
    "no line end": (F[:-1], 6, 0),
    "half a line end": (F.replace("\n", "\r\n")[:-1], 6, 0),
    "header in wide letters": (F.replace("txn_id,", " ｔｘｎ_ｉｄ ,").replace("amount", "Amount"), 6, 0),
    "separators at all ends": (F.replace("\n", ",\n"), 6, 0),
    "quotes": (H + 't1,C1,2024-01-01,"1,234.5","a\nb ""c"""\n' + L[2], 2, 0),
    "quotes within": (H + 't1,C1,2024-01-01,5,5" pipe\nt2,C1,2024-01-01,5,"a" b\n', 2, 0),
    "space before a quote": (H + 't1,C1,2024-01-01,5, "a, b"\n' + L[1], 1, 1),
    "blank lines": (H + L[0] + "\n\n" + L[1] + "  \n,,,,\n" + L[2], 3, 2),
    "a longer and a shorter line": (H + L[0][:-1] + ",x\n" + L[1] + "t9,C1\n" + L[2], 2, 2),
    "Ctrl-Z": (F + "\x1a", 6, 1),
    "zeros behind": (F + "\0" * 50, 6, 1),
    "zeros within": (H + "t1,C1,2024-01-01,5,a\0b\nt2,C1,2024-01-02,5\0,x\n", 1, 1),
    "header again": (F + H + "t9,C1,2024-01-01,5,x\n", 7, 1),
    "totals": (F + "合计,,,21.0,\n", 6, 1),
    "wide figures": (H + "t1,C1,２０２４－０１－０１,１，２３４．５０,m\nt2,C1,2024年1月2日,－5,m\n", 2, 0),
    "Indian groups": (H + 't1,C1,2024-01-01,"12,34.50",m\n' + L[1], 1, 1),
    "a point as a comma": (H + L[0].replace("1.50", '"1,5"') + L[1], 1, 1),
    "a value of 3 MB": (H + L[0].replace("memo", "x" * 3_000_000) + L[1], 2, 0),
    "a long broken line": (H + "t9,C1," + "x," * 300_000 + "\n" + L[1], 1, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_every_row_is_kept_or_left_out_for_a_reason(tmp_path, name):
    content, kept, left_out = KEPT[name]
    config = config_of(tmp_path, {"t.csv": content})
    ingest(config)
    found = measures(config)
    counted = sum(n for why, n in found.items() if why.startswith(("rejected: ", "excluded: ")))
    assert (found["kept"], counted, found["rows"]) == (kept, left_out, kept + left_out)
    n_rejects = sum(n for why, n in found.items() if why.startswith("rejected: "))
    assert gold.read(config.output_dir, "rejects").num_rows == n_rejects


REFUSED = {
    "no bytes": ("", {}, "is empty"),
    "a mark alone": (b"\xef\xbb\xbf", {}, "first line is blank"),
    "a line end alone": ("\n", {}, "first line is blank"),
    "a header alone": (H, {}, "has no rows"),
    "semicolons": (F.replace(",", ";"), {}, "set separator = ';'"),
    "a heading": ("明细\n账号:,1\n" + F, {}, "no column 'customer_id'"),
    "sep=": ("sep=,\n" + F, {}, "no column 'customer_id'"),
    "separators behind rows": (H + "".join(L).replace("\n", ",\n"), {}, "6 columns instead of 5"),
    "two columns of a name": (F.replace("memo\n", "amount\n"), {}, "two columns are called"),
    "zeros in the header": (F.replace("memo\n", "me\0mo\n"), {}, "characters of value 0"),
    "GBK": (CHINESE.encode("gbk"), {}, "not utf-8 text.*set `encoding`"),
    "one byte that is none": (F.encode() + b"t9,C1,2024-01-01,5,\xff\n", {}, "not utf-8 text"),
    "UTF-8": (CHINESE, {"encoding": "gb18030"}, "it is UTF-8"),
    "GBK, one byte": (CHINESE.encode("gbk") + b"t9,C1,2024-01-01,5,\xff\xff\n",
                      {"encoding": "gbk"}, "not gbk text"),
    "UTF-16": (F.encode("utf-16"), {}, "not utf-8 text"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_meant_is_refused_in_a_line(tmp_path, name):
    content, part, words = REFUSED[name]
    with pytest.raises(InputError, match=words) as caught:
        ingest(config_of(tmp_path, {"t.csv": content}, **part))
    assert "\n" not in str(caught.value)


def test_every_file_is_read_by_its_own_header(tmp_path):
    other = "amount,note,date,customer_id,txn_id\n9.5,x,2024-05-01,C9,t99\n"
    fewer = "date,amount,customer_id\n2024-05-01,9.5,C9\n"
    config = config_of(tmp_path, {"a.csv": F, "b.csv": other, "c.csv": fewer, "d.csv": H})
    assert ingest(config).n_rows == 8
    assert measures(config)["null: memo"] == 2


@pytest.mark.parametrize(("name", "pack"), [("t.csv.gz", gzip.compress), ("t.csv.bz2", bz2.compress)])  # fmt: skip
def test_packed_files_are_read_to_their_end_or_refused(tmp_path, name, pack):
    lines = "".join(f"t{i},C{i % 9},2024-03-01,{i}.50,{i * i}\n" for i in range(20_000))
    half = len(lines) // 2
    whole = pack((H + lines[:half]).encode()) + pack(lines[half:].encode())
    assert ingest(config_of(tmp_path, {name: whole})).n_rows == 20_000
    for cut in (4, len(whole) // 3):
        with pytest.raises(InputError, match="cannot be read as csv .Truncated"):
            ingest(config_of(tmp_path, {name: whole[:-cut]}))
