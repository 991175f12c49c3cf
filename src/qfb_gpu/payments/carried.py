"""What one night knows of streams, as arrays by name that can be kept for the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.payments.described import DESCRIBED_COLUMNS, Described
from qfb_gpu.payments.splits import SPLIT_COLUMNS, Splits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import Streams


def to_columns(streams: Streams, backend: Backend) -> dict[str, Any]:
    """Return splits and measures of streams as arrays on the host, of several lengths."""
    found = {name: getattr(streams.splits, name) for name in SPLIT_COLUMNS}
    found |= {name: getattr(streams.described, name) for name in DESCRIBED_COLUMNS}
    return dict(zip(found, backend.all_to_host(list(found.values())), strict=True))


def from_columns(columns: Mapping[str, Any], backend: Backend) -> tuple[Splits, Described]:
    """Return what :func:`to_columns` took apart, as arrays of the backend."""
    splits = {name: backend.asarray(columns[name]) for name in SPLIT_COLUMNS}
    described = {name: backend.asarray(columns[name]) for name in DESCRIBED_COLUMNS}
    return Splits(**splits), Described(**described)
