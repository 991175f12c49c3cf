"""Files read and written by page hold what reading and writing them as a whole gives."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfb_gpu.lake import gold, pages

ROWS = 40
"""Of a page, here."""
CODED = ["who", "role", "never"]


def rows(n_rows, seed=0):
    """Return a table with a column of each kind that gold has."""
    rng = np.random.default_rng(seed)
    who = pa.array([f"c{i:03}" for i in range(30)])
    day = dt.date(2024, 1, 1)
    return pa.table({
        "txn_id": pa.array([f"t{seed}-{i}" if i % 5 else None for i in range(n_rows)], pa.string()),
        "who": pa.DictionaryArray.from_arrays(pa.array(np.sort(rng.integers(0, 30, n_rows)), pa.int32()), who),
        "role": pa.array(rng.choice(["regular", "late", None], n_rows), pa.string()).dictionary_encode(),
        "never": pa.array([None] * n_rows, pa.string()).dictionary_encode(),
        "number": pa.array(rng.integers(-9, 9, n_rows), mask=rng.random(n_rows) < 0.2),
        "due": pa.array([day + dt.timedelta(days=int(d)) for d in rng.integers(0, 99, n_rows)], pa.date32()),
        "size": pa.array(rng.normal(size=n_rows), mask=np.arange(n_rows) < n_rows // 2),
        "is_on": pa.array(rng.random(n_rows) < 0.5),
        "none": pa.array([None] * n_rows, pa.float64()),
    })  # fmt: skip


def same_dictionaries(*tables):
    """Return tables that share their dictionaries, which begin with those of the first."""
    together = pa.concat_tables(tables).unify_dictionaries()
    starts = np.cumsum([0, *(table.num_rows for table in tables)])
    return [together.slice(a, table.num_rows) for a, table in zip(starts, tables, strict=False)]


OPTIONS = {"compression": "zstd", "use_dictionary": CODED, "store_schema": False}


def written(table, path, **options):
    pq.write_table(table, path, **{**OPTIONS, **pages.of_rows(ROWS), **options})
    return path


def decoded(table):
    """Return a table without dictionaries, in one chunk."""
    kinds = [f.type.value_type if pa.types.is_dictionary(f.type) else f.type for f in table.schema]
    return table.cast(pa.schema(list(zip(table.column_names, kinds, strict=True)))).combine_chunks()


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(pages, "ROWS", ROWS)
    monkeypatch.setattr(pages, "FEW", 2)


@pytest.mark.parametrize("n_rows", [1, ROWS, ROWS + 1, 7 * ROWS + 3])
@pytest.mark.parametrize("names", [["txn_id"], ["number", "role"], rows(1).column_names])
def test_rows_of_some_pages(tmp_path, n_rows, names):
    table = rows(n_rows)
    paged = pages.opened(written(table, tmp_path / "t").read_bytes(), names)
    assert paged.starts.tolist() == [*range(0, n_rows, ROWS), n_rows]
    for picked in ([0], list(range(paged.n_pages)), list(range(0, paged.n_pages, 2))):
        found = paged.read(picked, names, CODED)
        pieces = [table.slice(ROWS * page, ROWS) for page in picked]
        assert found.column_names == names
        assert decoded(found).equals(decoded(pa.concat_tables(pieces).select(names)))


@settings(max_examples=60, deadline=None)
@given(
    n_rows=st.integers(1, 6 * ROWS),
    changes=st.dictionaries(st.integers(0, 5), st.integers(0, 3 * ROWS), min_size=1),
    length=st.integers(1, 2),
)
def test_runs_of_pages_with_other_rows(tmp_path_factory, n_rows, changes, length):
    folder = tmp_path_factory.mktemp("pages")
    n_pages = -(-n_rows // ROWS)
    runs, sizes = [], []
    for page, size in sorted(changes.items()):
        if page < n_pages and (not runs or page > runs[-1][1]):
            runs.append((page, min(page + length, n_pages)))
            sizes.append(size)
    new = [rows(size, seed) for seed, size in enumerate(sizes, 1)]
    before, *new = same_dictionaries(rows(n_rows), *new)
    if not runs:
        return
    old = pages.opened(written(rows(n_rows), folder / "old").read_bytes())
    data = pages.patched(old, runs, new, **OPTIONS)
    if not sum(sizes):
        assert data is None
        return
    (folder / "new").write_bytes(b"".join(data))
    pieces, at = [], 0
    for (start, stop), table in zip(runs, new, strict=True):
        pieces += [before.slice(at, start * ROWS - at), table]
        at = stop * ROWS
    wanted = decoded(pa.concat_tables([*pieces, before.slice(at)]))
    assert decoded(pq.read_table(folder / "new")).equals(wanted)
    assert decoded(pq.read_table(folder / "new", read_dictionary=CODED)).equals(wanted)
    again = pages.opened((folder / "new").read_bytes())
    assert again.starts[-1] == wanted.num_rows
    assert decoded(again.read(range(again.n_pages), wanted.column_names, CODED)).equals(wanted)
    _others_read(folder / "new", wanted)


def _others_read(path, wanted):
    """Look at a file with the readers of other engines, where they are installed."""
    try:
        import duckdb
        import polars as pl
    except ImportError:
        return
    found = pl.read_parquet(path).to_arrow()
    assert found.cast(wanted.schema).equals(wanted)
    found = duckdb.sql(f"select * from read_parquet('{path}')").to_arrow_table()
    assert found.cast(wanted.schema).equals(wanted)


@pytest.mark.parametrize(
    "options",
    [
        {"write_batch_size": 7},
        {"row_group_size": 2 * ROWS},
        {"data_page_version": "2.0"},
        {"compression": "snappy"},
        {"use_dictionary": ["who"]},
        {"use_dictionary": [*CODED, "number"]},
    ],
)
def test_pages_that_are_otherwise_are_not_joined(tmp_path, options):
    table = rows(5 * ROWS)
    path = written(table, tmp_path / "t", **options)
    old = pages.opened(path.read_bytes())
    data = None if old is None else pages.patched(old, [(1, 2)], [table.slice(0, ROWS)], **OPTIONS)
    if options == {"write_batch_size": 7}:  # pages may be as small as they like
        data = b"".join(data)
        assert pq.read_table(pa.BufferReader(data)).num_rows == 6 * ROWS - 7
    else:
        assert data is None


def test_columns_whose_pages_are_not_aligned(tmp_path):
    pq.write_table(rows(1000), tmp_path / "t", write_batch_size=64, data_page_size=500)
    data = (tmp_path / "t").read_bytes()
    assert pages.opened(data) is None
    assert pages.opened(data, ["number"]) is not None


def test_what_is_no_such_file(tmp_path):
    nested = pa.table({"a": [[1, 2], [3]]})
    assert pages.opened(written(nested, tmp_path / "t").read_bytes()) is None
    whole = written(rows(300), tmp_path / "t").read_bytes()
    assert pages.opened(whole, ["absent"]) is None
    assert pages.opened(whole[:2000] + whole[-8:]) is None
    assert pages.opened(b"PAR1PAR1PAR1") is None


def test_gold_is_written_so(tmp_path):
    for n_rows, n_pages in ((5 * ROWS + 1, 6), (2 * ROWS - 1, 1)):
        gold.write_part(tmp_path / "part", rows(n_rows))
        assert pages.opened((tmp_path / "part").read_bytes()).n_pages == n_pages
