"""Ids that a file writes as a spreadsheet's formulas, ``="001"``, are those of other files."""

import csv
import io

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st
from odd_case import config_of

from qfb_gpu.config import SourcePart
from qfb_gpu.lake import recipe_tables
from qfb_gpu.lake.formulas import without_formulas
from qfb_gpu.lake.ingest import ingest
from qfb_gpu.lake.readers import read_batches
from qfb_gpu.lake.sources import SourceFile

IDS = ["001", "0062220210010000001", "C 3", "", "=A1", '="a" & "b"', '"x"', "1=2"]
COLUMNS = ["txn_id", "customer_id", "amount", "memo"]


def file_of(folder, formula):
    """Write rows whose first two columns are formulas, or plain; return the file as a source."""
    path = folder / "t.csv"
    rows = [[formula(f"t{i}"), formula(one), "1.50", "m"] for i, one in enumerate(IDS)]
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([COLUMNS, *rows])
    return SourceFile(path, path.name, 0, "csv", "1")


def test_an_id_in_a_formula_is_the_id_in_a_file_that_a_spreadsheet_saved(tmp_path):
    found = []
    for formula in (str, lambda text: f'="{text}"' if '"' not in text else text):
        file = file_of(tmp_path, formula)
        (batch,) = read_batches(file, SourcePart(path="x"), COLUMNS, [], 100)
        found.append(batch.rows.to_pylist())
    assert found[0] == found[1]


def test_a_customer_that_excel_was_to_leave_alone_is_no_customer_of_another_name(tmp_path):
    lines = [f'="t{i}",="00{i % 3}",2024-01-0{i + 1},="1.5"' for i in range(6)]
    config = config_of(tmp_path, "txn_id,customer_id,date,amount\n" + "\n".join(lines))
    ingest(config)
    paths = (config.output_dir / "lake" / "transactions").rglob("part-*.parquet")
    rows = [row for path in paths for row in pq.read_table(path).to_pylist()]
    assert {(row["txn_id"], row["customer_id"], row["amount_minor"]) for row in rows} == {
        (f"t{i}", f"00{i % 3}", 150) for i in range(6)
    }


@given(st.lists(st.one_of(st.none(), st.text('=" a1,\n', max_size=8))))
def test_only_a_whole_text_in_quotes_is_taken_out(texts):
    def plainly(text):
        bare = (text or "").strip(" \n")
        inner = bare[2:-1]
        is_one = len(bare) > 2 and bare.startswith('="') and bare.endswith('"') and '"' not in inner
        return inner if is_one else text

    assert without_formulas(pa.array(texts, pa.string())).to_pylist() == [plainly(t) for t in texts]


def test_a_table_to_look_things_up_in_may_hold_formulas_and_line_breaks(tmp_path):
    """Of more than a block of Arrow, whose end fell into a text of two lines: rows were made up."""
    rows = [{"code": f"{i:06d}", "name": f"of two\n{i},lines"} for i in range(50_000)]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, ["code", "name"])
    writer.writeheader()
    writer.writerows({**row, "code": f'="{row["code"]}"'} for row in rows)
    (tmp_path / "names.csv").write_text(text.getvalue(), encoding="utf-8", newline="")
    config = config_of(tmp_path, "txn_id,customer_id,date,amount\n")
    assert recipe_tables.loader(config, "test")("names.csv").to_pylist() == rows
