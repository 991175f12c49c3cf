"""The payment network's methods on a public network with a known truth."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from qfb_gpu._config.network import Network
from qfb_gpu.backend import get_backend
from qfb_gpu.network import adjacency, analyse, build_graph, pair_scores

CPU = get_backend("cpu")


@pytest.fixture(scope="module")
def email(real_data):
    """Return email-Eu-core: who writes to whom, and each member's department."""
    folder = real_data / "graphs"
    if not folder.is_dir():
        pytest.skip(f"real data set graphs is not in {real_data}; set QFB_DATA")
    tables = [
        np.array([line.split() for line in (folder / name).read_text().splitlines()[1:]], np.int64)
        for name in ("email-Eu-core.txt", "email-Eu-core-department-labels.txt")
    ]
    return tables[0], tables[1][np.argsort(tables[1][:, 0]), 1]


def edges_of(pairs):
    ones, yes = np.ones(len(pairs), np.int64), np.ones(len(pairs), bool)
    return {
        "payer_key": pairs[:, 0], "payee_key": pairs[:, 1],
        "currency": np.zeros(len(pairs), np.int16), "n_payments": ones, "amount_minor": ones,
        "payer_is_customer": yes, "payee_is_customer": yes,
        "income_share": np.zeros(len(pairs)), "spending_share": np.zeros(len(pairs)),
    }  # fmt: skip


def test_communities_are_near_the_departments(email):
    pairs, department = email
    for resolution, ari, nmi in ((1.0, 0.30, 0.57), (4.0, 0.53, 0.71)):
        nodes = analyse(edges_of(pairs), Network(resolution=resolution), CPU)
        truth = department[nodes["key"]]
        assert adjusted_rand_score(truth, nodes["community_id"]) > ari
        assert normalized_mutual_info_score(truth, nodes["community_id"]) > nmi


def test_cores_and_triangles_are_those_published(email):
    """105,461 triangles and a mean clustering of 0.3994 (SNAP, email-Eu-core)."""
    nodes = analyse(edges_of(email[0]), Network(), CPU)
    assert nodes["triangles"].sum() == 3 * 105_461
    assert nodes["clustering"].mean() == pytest.approx(0.3994, abs=2e-4)
    assert nodes["k_core"].max() == 34


def test_hidden_links_score_above_pairs_that_are_none(email):
    pairs = email[0]
    low, high = pairs.min(axis=1), pairs.max(axis=1)
    n = int(high.max()) + 1
    code = np.unique((low * n + high)[low != high])
    rng = np.random.default_rng(0)
    held = rng.choice(code, 800, replace=False)
    kept = np.setdiff1d(code, held)
    graph = build_graph(edges_of(np.stack([kept // n, kept % n], axis=1)), CPU)
    number = np.full(n, -1)
    number[graph.key] = np.arange(graph.n_nodes)
    other = np.stack([held // n, rng.choice(graph.key, 800)])
    is_link = np.isin(other.min(axis=0) * n + other.max(axis=0), code) | (other[0] == other[1])
    ends = np.concatenate([np.stack([held // n, held % n]), other[:, ~is_link]], axis=1)
    ends = ends[:, (number[ends] >= 0).all(axis=0)]
    truth = np.isin(ends.min(axis=0) * n + ends.max(axis=0), held)
    matrix = adjacency(graph, CPU)
    wins = {}
    for method in ("resource_allocation", "preferential_attachment"):
        score = pair_scores(matrix, number[ends[0]], number[ends[1]], method, CPU)
        above = score[truth][:, None] > score[~truth][None, :]
        level = score[truth][:, None] == score[~truth][None, :]
        wins[method] = float((above + 0.5 * level).mean())
    assert wins["resource_allocation"] > 0.87
    assert wins["resource_allocation"] > wins["preferential_attachment"] + 0.1
