"""The payment network: who pays whom, who belongs together, who matters."""

from qfb_gpu.network.analysis import analyse
from qfb_gpu.network.edges import merge_edges, relation_edges
from qfb_gpu.network.tables import edge_table, node_features, node_table

__all__ = [
    "analyse",
    "edge_table",
    "merge_edges",
    "node_features",
    "node_table",
    "relation_edges",
]
