"""Files that were damaged on their way: told with their name, and no value of them is believed."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from odd_case import config_of, measures

from qfb_gpu.config import SourcePart
from qfb_gpu.errors import InputError
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.lake.readers import read_batches
from qfb_gpu.lake.sources import SourceFile

HEADER = "txn_id,customer_id,date,memo,amount\n"
LINES = [f't{i},C1,2024-03-{i + 1:02d},"a ""b"" {i}","{i + 1},000.00"\n' for i in range(6)]


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_a_page_whose_checksum_does_not_fit_is_refused(tmp_path, compression):
    """As Spark writes them: with a bit that fell over an amount was another one, without a word."""
    amounts = pa.array([(i * 2**40 + 12_345) % 10**9 for i in range(5000)], pa.int64())
    path, sink = tmp_path / "a.parquet", io.BytesIO()
    pq.write_table(
        pa.table({"amount": amounts}), sink,
        compression=compression, use_dictionary=False, write_page_checksum=True,
    )  # fmt: skip
    raw = bytearray(sink.getvalue())
    file = SourceFile(path, path.name, 0, "parquet", "1")
    path.write_bytes(raw)
    part = SourcePart(path="x")
    assert sum(b.rows.num_rows for b in read_batches(file, part, ["amount"], [], 1000)) == 5000
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"a.parquet: .*could not verify page integrity"):
        list(read_batches(file, part, ["amount"], [], 1000))


@pytest.mark.parametrize("cut", range(1, 10))
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "names", [HEADER, HEADER.replace("amount", "kind")], ids=["read", "unread"]
)
def test_a_row_in_whose_quotes_the_file_ends_is_rejected(tmp_path, cut, end, names):
    """``"6,000.00"`` cut to ``"6,0`` was an amount of 60."""
    whole = (names + "".join(LINES)).replace("\n", end)
    config = config_of(tmp_path, "", constants={} if names == HEADER else {"amount": "1"})
    (tmp_path / "t.csv").write_bytes(whole[: len(whole) - cut].encode())
    ingest(config)
    found = measures(config)
    is_whole = cut <= len(end)  # no more is gone than the end of the line
    n_broken = found.get("rejected: line has another number of columns than the header", 0)
    assert (found["rows"], found["kept"], n_broken) == (6, 5 + is_whole, not is_whole)


@pytest.mark.parametrize("value", ['""""', '"a"""', '"a\nb"', '""', '"', 'x"', '"x" y', '"a""b"'])
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_a_quote_that_is_closed_at_the_end_is_not_open(tmp_path, value, end):
    config = config_of(tmp_path, "")
    content = f"txn_id,customer_id,date,amount,memo\nt0,C1,2024-01-01,5,m\nt1,C1,2024-01-02,6,{value}{end}"
    (tmp_path / "t.csv").write_bytes(content.encode())
    ingest(config)
    assert measures(config)["kept"] == 2 - (value == '"')
