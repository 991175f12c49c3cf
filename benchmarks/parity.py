"""Is one backend's answer the other's? Integers, labels and dates to the bit, floats nearly."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu.ledger import Labelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from qfb_gpu.backend import Backend

RELATIVE, ABSOLUTE = 1e-6, 1e-9
"""For float64 sums taken in another order."""
SPECTRAL = 2e-3
"""For what comes out of a float32 transform."""
SPECTRAL_SHARE = 2e-4
"""And for its shares of power, absolutely (it was 4e-6): of some 18,000 streams one had a strength
of 0.02638 by one transform and 0.02629 by the other, its period being the same."""
SAME_GROUPS = 0.99
"""Adjusted Rand index of groups that a library found by its own way."""


def move(value: Any, place: Callable[[Any], Any]) -> Any:
    """Return a structure with ``place`` applied to every array in it."""
    if isinstance(value, Labelled):
        return Labelled(place(value.codes), value.labels)
    if isinstance(value, dict):
        return {name: move(part, place) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(move(part, place) for part in value)
    if is_dataclass(value) and not isinstance(value, type):
        parts = {f.name: move(getattr(value, f.name), place) for f in fields(value)}
        return replace(value, **parts)
    return place(value) if hasattr(value, "dtype") and hasattr(value, "shape") else value


def to_backend(value: Any, backend: Backend) -> Any:
    """Return a structure of host arrays as arrays of the backend."""
    return move(value, backend.asarray)


def to_host(value: Any, backend: Backend) -> Any:
    """Return a structure of the backend's arrays as host arrays."""
    return move(value, backend.to_host)


def compare(got: dict[str, Any], want: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what differs between two tables of host columns; nothing when they agree.

    Returns
    -------
    list of dict
        ``column``, ``n_different`` of ``n_rows``, ``largest`` relative difference (floats), or
        ``problem`` where the columns cannot be compared.
    """
    got, want = _flat(got), _flat(want)
    if set(got) != set(want):
        return [{"column": name, "problem": "is on one side only"} for name in set(got) ^ set(want)]
    found = [_difference(name, got[name], want[name]) for name in sorted(want)]
    return [difference for difference in found if difference]


def _flat(columns: dict[str, Any]) -> dict[str, Any]:
    """Return columns with those that are structures of arrays taken apart; Labelled stay whole."""
    flat: dict[str, Any] = {}
    for name, value in columns.items():
        if is_dataclass(value) and not isinstance(value, (Labelled, type)):
            parts = {f"{name}.{f.name}": getattr(value, f.name) for f in fields(value)}
            flat |= _flat(parts)
        else:
            flat[name] = value
    return flat


def _difference(name: str, got: Any, want: Any) -> dict[str, Any] | None:
    if isinstance(want, Labelled):
        labels = getattr(got, "labels", None)
        if labels != want.labels:
            return {"column": name, "problem": f"labels {labels} are not {want.labels}"}
        got, want = got.codes, want.codes
    got, want = _plain(got), _plain(want)
    if got.shape != want.shape or got.dtype != want.dtype:
        return {
            "column": name,
            "problem": f"{got.dtype}{got.shape} is not {want.dtype}{want.shape}",
        }
    if name.endswith(("community", "community_id", "segment_id")):
        return _groups(name, got, want)
    if want.dtype.kind != "f":
        n_different = int((got != want).sum())
        return _row(name, n_different, want.size, None) if n_different else None
    relative, absolute = RELATIVE, ABSOLUTE
    if "spectrum" in name:
        relative, absolute = SPECTRAL, SPECTRAL_SHARE
    near = np.isclose(got, want, rtol=relative, atol=absolute, equal_nan=True)
    if near.all():
        return None
    with np.errstate(all="ignore"):
        largest = np.nanmax(np.abs(got - want) / np.maximum(np.abs(want), ABSOLUTE))
    return _row(name, int((~near).sum()), want.size, float(largest))


def _plain(values: Any) -> Any:
    """Return a host array; of Arrow's texts one of objects."""
    if hasattr(values, "to_pylist"):
        return np.array([*values.to_pylist(), None], dtype=object)[:-1]
    return np.asarray(values)


def _groups(name: str, got: Any, want: Any) -> dict[str, Any] | None:
    from sklearn.metrics import adjusted_rand_score

    index = float(adjusted_rand_score(want, got)) if want.size else 1.0
    if index >= SAME_GROUPS:
        return None
    return {"column": name, "problem": f"adjusted Rand index {index:.3f}"}


def _row(name: str, n_different: int, n_rows: int, largest: float | None) -> dict[str, Any]:
    return {"column": name, "n_different": n_different, "n_rows": n_rows, "largest": largest}
