"""The same payments give the same gold tables: any buckets, any row order, any names."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from qfb_gpu.calendars import load_calendar
from qfb_gpu.config import build_config
from qfb_gpu.lake import gold
from qfb_gpu.pipeline import run
from qfb_gpu.portfolio import generate_portfolio

AS_OF = dt.date(2024, 12, 31)
KEYS = {
    "payment_streams": ["customer_id", "counterparty_id", "direction", "currency", "first_date"],
    "stream_payments": ["customer_id", "txn_id"],
    "expected_payments": ["customer_id", "due_date", "amount", "direction"],
    "customer_profiles": ["customer_id"],
    "segments": ["segment_id"],
    "graph_nodes": ["node_id"],
    "graph_edges": ["payer_id", "payee_id", "currency"],
    "contagion": ["firm_id"],
    "supply_chains": ["core_id", "member_id", "side"],
    "round_trips": ["currency", "length", "n_trips", "first_date", "amount_minor"],
    "similar_customers": ["customer_id", "similar_id"],
    "likely_partners": ["customer_id", "partner_id"],
    "party_vectors": ["party_id", "direction"],
}
NAMED = (
    "customer_id", "counterparty_id", "node_id", "payer_id", "payee_id", "firm_id", "most_hit_id",
    "core_id", "member_id", "party_id", "via_id", "similar_id", "partner_id", "graph_depends_on",
)  # fmt: skip
FROM_NAMES = {"stream_id"}  # a hash of the ids; the community of equal nodes may be numbered anew


@pytest.fixture(scope="module")
def transactions():
    tables = generate_portfolio(60, 3, AS_OF, calendar=load_calendar("CN"))
    return tables["transactions"]


def night(folder, table, **settings):
    folder.mkdir()
    pq.write_table(table, folder / "payments.parquet", row_group_size=997)
    raw = {
        "as_of": AS_OF,
        "device": "cpu",
        "workers": 1,
        "sources": {
            "transactions": {
                "path": "payments.parquet",
                "columns": {name: name for name in table.column_names},
            }
        },
        **settings,
    }
    config = build_config(raw, base=folder, where="test")
    result = run(config)
    assert not result.unchanged
    return {name: gold.read(config.output_dir, name) for name in KEYS}


@pytest.fixture(scope="module")
def whole(transactions, tmp_path_factory):
    return night(tmp_path_factory.mktemp("whole") / "night", transactions, n_buckets=1)


def arranged(table, name):
    order = [(key, "ascending") for key in KEYS[name]]
    order += [(c, "ascending") for c in table.column_names if c not in KEYS[name]]
    return table.select(sorted(table.column_names)).sort_by(order)


def assert_same(got, expected, *, but=frozenset()):
    for name in KEYS:
        left, right = (
            arranged(table.drop_columns([c for c in table.column_names if c in but]), name)
            for table in (got[name], expected[name])
        )
        assert left.num_rows == right.num_rows > 0, name
        for column in right.column_names:
            assert left[column].equals(right[column]) or nan_equal(left[column], right[column]), (
                name,
                column,
            )


def nan_equal(left, right):
    if not pa.types.is_floating(left.type):
        return False
    a, b = left.to_numpy(), right.to_numpy()
    return bool(np.array_equal(a, b, equal_nan=True))


def tiny_bank(isolated):
    """Return payments of 9 customers and 4 parties, or 3 each with customers of its own."""
    rng = np.random.default_rng(0)
    rows = []
    for customer in range(9):
        for party in range(4):
            deals = customer // 3 == party if isolated else rng.random() < 0.75
            first = int(rng.integers(0, 30))
            for at in range(12 if deals else 0):
                day = AS_OF - dt.timedelta(days=first + 30 * at)
                rows.append((f"c{customer}", f"p{party}", day, ("out", "in")[party % 2]))
    columns = dict(zip(("customer_id", "counterparty_id", "date", "direction"),
                       zip(*rows, strict=True), strict=True))  # fmt: skip
    amount = rng.integers(1000, 9000, len(rows)) / 100
    txn_id = [f"t{at}" for at in range(len(rows))]
    return pa.table({name: list(values) for name, values in columns.items()}
                    | {"amount": amount, "txn_id": txn_id})  # fmt: skip


@pytest.mark.usefixtures("no_mlflow")
@pytest.mark.parametrize("isolated", [False, True])
def test_a_tiny_bank_whose_parties_are_alike(tmp_path, isolated):
    """Directions of one singular value may be turned: vectors hung on the number of buckets."""
    table = tiny_bank(isolated)
    one = night(tmp_path / "one", table, n_buckets=1)
    order = np.random.default_rng(1).permutation(table.num_rows)
    other = night(tmp_path / "other", table.take(pa.array(order)), n_buckets=16)
    reversed_ids = table
    for name in ("customer_id", "counterparty_id"):
        index = table.column_names.index(name)
        spelled = pc.binary_join_element_wise(pc.utf8_reverse(table[name]), "another", "-")
        reversed_ids = reversed_ids.set_column(index, name, spelled)
    named = night(tmp_path / "named", reversed_ids, n_buckets=5)
    for name in KEYS:
        left, right = arranged(other[name], name), arranged(one[name], name)
        for column in right.column_names:
            same = left[column].equals(right[column]) or nan_equal(left[column], right[column])
            assert same, (name, column)
    for name, start in (("customer_profiles", "behaviour_"), ("party_vectors", "vector_")):
        columns = [c for c in one[name].column_names if c.startswith(start)]
        assert columns
        found = (rows_in_order(night[name], columns) for night in (one, named))
        assert next(found) == next(found), name


def rows_in_order(table, columns):
    return sorted(zip(*(map(repr, table[c].to_pylist()) for c in columns), strict=True))


@pytest.mark.parametrize("n_buckets", [3, 8])
def test_any_number_of_buckets(transactions, whole, tmp_path, n_buckets):
    assert_same(night(tmp_path / "night", transactions, n_buckets=n_buckets), whole)


def test_any_order_of_rows(transactions, whole, tmp_path):
    order = np.random.default_rng(0).permutation(transactions.num_rows)
    shuffled = transactions.take(pa.array(order))
    assert_same(night(tmp_path / "night", shuffled, n_buckets=3), whole)


def test_rows_after_as_of_are_never_seen(transactions, whole, tmp_path):
    later = transactions.slice(0, 500)
    moved = pc.add(later["date"].cast(pa.int32()), pa.scalar(1000, pa.int32())).cast(pa.date32())
    renumbered = pc.binary_join_element_wise(later["txn_id"], pa.scalar("later"), "-")
    later = later.set_column(later.column_names.index("date"), "date", moved)
    later = later.set_column(later.column_names.index("txn_id"), "txn_id", renumbered)
    both = pa.concat_tables([transactions, later])
    assert_same(night(tmp_path / "night", both, n_buckets=2), whole)


def test_renamed_customers(transactions, whole, tmp_path):
    """Another spelling of every id, in another order, changes nothing but the ids."""
    renamed = transactions
    for column in ("customer_id", "counterparty_id"):
        index = renamed.column_names.index(column)
        renamed = renamed.set_column(index, column, pc.utf8_reverse(renamed[column]))
    got = night(tmp_path / "night", renamed, n_buckets=2)
    for name, table in got.items():
        for column in set(NAMED) & set(table.column_names):
            index = table.column_names.index(column)
            table = table.set_column(index, column, pc.utf8_reverse(table[column]))  # noqa: PLW2901
        got[name] = table
    spelled = {"stream_id", "typical_customers", "community_id", "component_id"}
    spelled |= {"graph_community_id", "graph_component_id", "parties"}
    assert_same(got, whole, but=spelled)
    for label in ("component_id", "community_id"):
        assert groups(got["graph_nodes"], label) == groups(whole["graph_nodes"], label)


def groups(nodes, label):
    members = {}
    for node, group in zip(nodes["node_id"].to_pylist(), nodes[label].to_pylist(), strict=True):
        members.setdefault(group, set()).add(node)
    return {frozenset(group) for group in members.values()}
