"""What is known of a bucket when its streams are decided, put together from what was saved.

Nothing is saved twice: of a decision only the q-values are, of a profile only what the features
do not say, so that a night's intermediates take a seventh less of the disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from qfb_gpu import payments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qfb_gpu.backend import Backend
    from qfb_gpu.config import Config
    from qfb_gpu.lake.work import Workspace

DECIDED, REGULARITY, PLACED = "q_values", "regularity", "placed"


def streams(workspace: Workspace, bucket: int, config: Config) -> dict[str, Any]:
    """Return the decided streams of a bucket: what was scored, blank where not regular.

    Returns
    -------
    dict of NumPy arrays, Labelled or Arrow arrays, shape (n_streams,)
        Those of :func:`qfb_gpu.payments.decide`, and ``relation``.
    """
    scored = workspace.load("score", bucket, "streams")
    q_value = workspace.load("decide", bucket, DECIDED)["q_value"]
    return payments.decide(scored, q_value, config.payments.false_discovery_rate, np)


def features(workspace: Workspace, bucket: int) -> Mapping[str, Any]:
    """Return the features of a bucket's customers, those of regular streams included, as a view."""
    view = workspace.view
    return together(view("score", bucket, "features"), view("decide", bucket, REGULARITY))


def profiles(workspace: Workspace, bucket: int) -> Mapping[str, Any]:
    """Return the profile columns of a bucket's customers, as a view: features and their place."""
    return together(features(workspace, bucket), workspace.view("fit", bucket, PLACED))


def together(*sets: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the columns of several sets, as a view; a name is the last one's that has it."""
    return _Together(*sets)


def save_places(
    workspace: Workspace, bucket: int, places: Mapping[str, Any], backend: Backend
) -> None:
    """Save where a bucket's customers stand among all: segment, tier, place in the network."""
    workspace.save("fit", bucket, PLACED, places, backend)


class _Together(Mapping[str, Any]):
    """See :func:`together`."""

    def __init__(self, *sets: Mapping[str, Any]) -> None:
        self._of = {name: one for one in sets for name in one}

    def __getitem__(self, name: str) -> Any:
        return self._of[name][name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._of)

    def __len__(self) -> int:
        return len(self._of)
