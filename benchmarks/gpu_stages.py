"""The stages of the payments core as ``stage(inputs, backend) -> columns``, parity and clock.

``inputs`` are the CPU's answers of the stages before, moved to the backend, so one wrong stage
does not make the next ones look wrong. Every part of the night is in ``gpu_parts.py``.
"""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from typing import TYPE_CHECKING, Any

from parity import to_backend

from qfb_gpu import network, payments, profile
from qfb_gpu.config import Network, Segments
from qfb_gpu.lake import silver
from qfb_gpu.ledger import Ledger, Streams
from qfb_gpu.models import segments

if TYPE_CHECKING:
    from collections.abc import Callable

    from qfb_gpu.backend import Backend

    Stage = Callable[[dict[str, Any], Backend], dict[str, Any]]

HORIZON_DAYS = 90
FALSE_DISCOVERY_RATE = 0.05


def ledger(inputs: dict[str, Any], backend: Backend) -> dict[str, Any]:
    """Read a bucket from the lake."""
    found = silver.read_ledger(inputs["lake"], inputs["bucket"], inputs["day"], backend)
    return {f.name: getattr(found, f.name) for f in fields(Ledger) if f.name != "texts"}


def streams(inputs: dict[str, Any], backend: Backend) -> dict[str, Any]:
    """Find the streams."""
    book = Ledger(**inputs["ledger"], texts=None)
    found: Streams = payments.score_streams(
        book, inputs["calendar"], inputs["day"], backend, HORIZON_DAYS
    )
    names = {f.name for f in fields(Streams)} - {"columns", "splits", "described"}
    rest = {name: getattr(found, name) for name in names}
    rest |= {f"split_{name}": getattr(found.splits, name) for name in payments.SPLIT_COLUMNS}
    return {**found.columns, **{f"payment.{name}": values for name, values in rest.items()}}


def decide(inputs: dict[str, Any], backend: Backend) -> dict[str, Any]:
    """Control false discoveries and mark regular streams."""
    found = inputs["streams"]
    columns = {name: v for name, v in found.items() if not name.startswith("payment.")}
    columns["relation"] = found["payment.relation"]
    q_values = payments.q_values(columns["p_value"], backend.xp)
    decided: dict[str, Any] = payments.decide(columns, q_values, FALSE_DISCOVERY_RATE, backend.xp)
    return decided


def expected(inputs: dict[str, Any], backend: Backend) -> dict[str, Any]:
    """List the payments of the coming days."""
    found: dict[str, Any] = payments.expected_payments(
        inputs["decide"], inputs["calendar"], inputs["day"], HORIZON_DAYS, backend
    )
    return found


def features(inputs: dict[str, Any], backend: Backend) -> dict[str, Any]:
    """Compute the features of every customer."""
    book = Ledger(**inputs["ledger"], texts=None)
    found: dict[str, Any] = profile.customer_features(book, inputs["day"], backend)
    return found


def regularity(inputs: dict[str, Any], backend: Backend) -> dict[str, Any]:
    """Compute the features that come from regular streams."""
    decided, book = inputs["decide"], inputs["ledger"]
    relation = decided["relation"]
    kinds = {name: book[name][relation] for name in ("direction", "currency")}
    found: dict[str, Any] = profile.regularity_features(
        {**decided, **kinds},
        book["relation_customer"][relation],
        inputs["features"]["main_currency"],
        inputs["day"],
        backend,
    )
    return found


def monthly(inputs: dict[str, Any], backend: Backend) -> dict[str, Any]:
    """Sum by month."""
    book = Ledger(**inputs["ledger"], texts=None)
    found: dict[str, Any] = profile.monthly_totals(book, backend)
    return found


def standing(inputs: dict[str, Any], backend: Backend) -> dict[str, Any]:
    """Give tiers and life cycles."""
    whole = {**inputs["features"], **inputs["regularity"]}
    found: dict[str, Any] = profile.standing(whole, inputs["day"], backend)
    return found


def edges(inputs: dict[str, Any], backend: Backend) -> dict[str, Any]:
    """Sum the payments between any two."""
    book = Ledger(**inputs["ledger"], texts=None)
    found: dict[str, Any] = network.relation_edges(book, backend, inputs["day"])
    return found


def graph(inputs: dict[str, Any], backend: Backend) -> dict[str, Any]:
    """Find components, communities and ranks."""
    host = {name: backend.to_host(values) for name, values in inputs["edges"].items()}
    merged = network.merge_edges([host], backend)
    found: dict[str, Any] = network.analyse(merged, Network(), backend)
    return found


def segment(inputs: dict[str, Any], backend: Backend) -> dict[str, Any]:
    """Fit and assign segments."""
    whole = {**inputs["features"], **inputs["regularity"]}
    model = segments.fit_segments(whole, Segments(), backend)
    segment_id, _ = segments.assign(model, whole, backend)
    return {"segment_id": segment_id}


STAGES: dict[str, Stage] = {
    "ledger": ledger,
    "streams": streams,
    "decide": decide,
    "expected": expected,
    "features": features,
    "regularity": regularity,
    "monthly": monthly,
    "standing": standing,
    "edges": edges,
    "graph": graph,
    "segment": segment,
}
"""In an order in which each finds its inputs."""


class CoreSteps:
    """The stages as functions of the backend alone, each on the CPU's answers of those before."""

    def __init__(self, shared: dict[str, Any]) -> None:
        self._shared = shared
        self._known: dict[str, Any] = {}
        self._moved: dict[tuple[int, str], Any] = {}

    def all(self) -> dict[str, Callable[[Backend], dict[str, Any]]]:
        """Return the stages by name, in their order."""
        return {name: partial(self._run, name) for name in STAGES}

    def keep(self, name: str, answer: dict[str, Any]) -> None:
        """Keep the CPU's answer of a stage for those that come after."""
        self._known[name] = answer

    def _run(self, name: str, backend: Backend) -> dict[str, Any]:
        for known, answer in self._known.items():
            key = (id(backend), known)
            if key not in self._moved:
                self._moved[key] = to_backend(answer, backend)
        moved = {known: self._moved[id(backend), known] for known in self._known}
        return STAGES[name]({**self._shared, **moved}, backend)
