"""The payment network: who pays whom, who belongs together, who matters, who falls with whom."""

from qfb_gpu.network.analysis import analyse
from qfb_gpu.network.chains import SIDES, chains
from qfb_gpu.network.cycles import Loops, Trips, edge_of, find_trips, loops, summed
from qfb_gpu.network.dependence import dependents, income_shares, spending_shares
from qfb_gpu.network.edges import edges_and_books, merge_and_number, merge_edges, relation_edges
from qfb_gpu.network.fans import fan_peaks
from qfb_gpu.network.graph import Graph, build_graph
from qfb_gpu.network.links import METHODS, adjacency, likely_partners, pair_scores
from qfb_gpu.network.numbers import Numbers
from qfb_gpu.network.related import related
from qfb_gpu.network.similarity import partners, similar
from qfb_gpu.network.systemic import systemic
from qfb_gpu.network.tables import edge_tables, node_features, node_table
from qfb_gpu.network.whatif import Impact, batch_size, candidates, clearing, exposures, impacts

__all__ = [
    "METHODS",
    "SIDES",
    "Graph",
    "Impact",
    "Loops",
    "Numbers",
    "Trips",
    "adjacency",
    "analyse",
    "batch_size",
    "build_graph",
    "candidates",
    "chains",
    "clearing",
    "dependents",
    "edge_of",
    "edge_tables",
    "edges_and_books",
    "exposures",
    "fan_peaks",
    "find_trips",
    "impacts",
    "income_shares",
    "likely_partners",
    "loops",
    "merge_and_number",
    "merge_edges",
    "node_features",
    "node_table",
    "pair_scores",
    "partners",
    "related",
    "relation_edges",
    "similar",
    "spending_shares",
    "summed",
    "systemic",
]
