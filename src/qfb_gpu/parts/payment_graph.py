"""The payment network of all buckets: merged once a night, read by every part that works on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu import network
from qfb_gpu.parts.part import WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qfb_gpu.backend import Backend
    from qfb_gpu.lake.work import Workspace
    from qfb_gpu.parts.part import Saved

_NODE, _EDGE = ("key", "is_customer"), ("source", "target", "edge")
_ENDS = "edges.ends"
_NUMBERED = ("currency", "n_payments", "amount_minor", "payer_is_customer", "payee_is_customer")
_ANALYSED = ("n_payments", "income_share", "spending_share")


def make(workspace: Workspace, buckets: Sequence[int], backend: Backend) -> None:
    """Merge the edges of scored buckets, number the nodes, and keep both for :func:`read`."""
    tables = [workspace.view("score", bucket, "edges") for bucket in buckets]
    books = [workspace.load("score", bucket, "books") for bucket in buckets]
    edges, ends = network.merge_and_number(tables, backend, books)
    workspace.save("fit", WHOLE, "edges", edges, backend)
    graph = network.build_graph({name: edges[name] for name in _NUMBERED}, backend, ends=ends)
    del edges
    parts = {
        _ENDS: {"payer": ends.payer.astype("int32"), "payee": ends.payee.astype("int32")},
        "graph.nodes": {name: getattr(graph, name) for name in _NODE},
        "graph.edges": {name: getattr(graph, name) for name in _EDGE},
    }
    for name, columns in parts.items():
        workspace.save("fit", WHOLE, name, columns, backend)


def read_analysed(workspace: Workspace, backend: Backend) -> tuple[dict[str, Any], network.Graph]:
    """Return what :func:`qfb_gpu.network.analyse` reads of the merged edges, and their graph.

    On the host both are mapped: no memory but the page cache's.
    """
    return _read(workspace, backend, _ANALYSED)


def read(saved: Saved) -> tuple[dict[str, Any], network.Graph]:
    """Return the merged edges and their graph, as arrays of the run's backend."""
    return _read(saved.workspace, saved.backend)


def _read(
    workspace: Workspace, backend: Backend, names: Sequence[str] | None = None
) -> tuple[dict[str, Any], network.Graph]:
    def load(name: str, wanted: Sequence[str] | None = None) -> dict[str, Any]:
        columns = workspace.load("fit", WHOLE, name)
        return {key: backend.asarray(columns[key]) for key in wanted or columns}

    return load("edges", names), network.Graph(**load("graph.nodes"), **load("graph.edges"))


def read_ends(workspace: Workspace, key: Any) -> network.Numbers:
    """Return the rows of the merged edges' ends among all nodes, whose keys ascend; on the host."""
    return network.Numbers(key, **workspace.load("fit", WHOLE, _ENDS))
