"""The network of a night, kept and read again, is the one that was made."""

from types import SimpleNamespace

import numpy as np
from test_contagion import CPU

from qfb_gpu import network
from qfb_gpu.lake.work import Workspace
from qfb_gpu.parts import payment_graph


def edges_of(seed):
    rng = np.random.default_rng(seed)
    n = 40
    one, other = rng.integers(1, 30, n), rng.integers(30, 60, n)
    _, first = np.unique(np.stack([one, other]), axis=1, return_index=True)
    columns = {
        "payer_key": one, "payee_key": other, "currency": np.full(n, 3, np.int16),
        "side": np.full(n, seed % 2, np.int8),
        **{name: rng.integers(1, 50, n) for name in network.edges._SUMS},
        "first_date": np.full(n, 9, np.int32), "last_date": np.full(n, 99, np.int32),
        "named_share": np.ones(n),
    }  # fmt: skip
    return {name: values[first] for name, values in columns.items()}


def books_of(seed):
    columns = {
        "customer_key": [1 + seed, 40 + seed],
        "currency": [3, 3],
        "side": [1 - seed, 0],
        "amount_365d_minor": [900, 70],
    }
    kinds = {"currency": np.int16, "side": np.int8}
    return {name: np.array(rows, kinds.get(name, np.int64)) for name, rows in columns.items()}


def test_what_is_read_is_what_was_made(tmp_path):
    work = Workspace(tmp_path)
    for bucket in (0, 1):
        work.save("score", bucket, "edges", edges_of(bucket), CPU)
        work.save("score", bucket, "books", books_of(bucket), CPU)
    payment_graph.make(work, (0, 1), CPU)
    edges, graph = payment_graph.read_analysed(work, CPU)
    merged = network.merge_edges([edges_of(0), edges_of(1)], CPU, [books_of(0), books_of(1)])
    again, read = payment_graph.read(SimpleNamespace(workspace=work, backend=CPU))
    assert set(again) == set(merged)
    for name, values in edges.items():  # what is analysed at once
        np.testing.assert_array_equal(values, merged[name])
    for name, values in merged.items():
        np.testing.assert_array_equal(again[name], values)
        assert again[name].dtype == values.dtype
    for name in ("key", "source", "target", "edge", "is_customer"):
        np.testing.assert_array_equal(getattr(read, name), getattr(graph, name))
