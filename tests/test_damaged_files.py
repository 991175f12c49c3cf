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
