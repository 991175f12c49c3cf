"""Offer a night's own model to the registry, whatever the gate said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from qfb_gpu.calendars import to_date
from qfb_gpu.models import registry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qfb_gpu.models.remembered import Version
    from qfb_gpu.parts.part import Saved

_EXAMPLE_ROWS = 5


class About(NamedTuple):
    """What the registry shows of a model beside its files and figures.

    ``answer`` names what it predicts; ``params`` stand beside the day and the number of features.
    """

    name: str
    loader: str
    answer: str
    params: Mapping[str, Any]
    card: str


def metric_name(name: str) -> str:
    """Return a rule's name as the registry takes it: ``BG/NBD`` is ``bg_nbd``."""
    return "_".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def may_be_compared(version: Version, seed: int, test_share: float) -> bool:
    """Return whether nobody who tests tonight trained a version, or a person chose it.

    Customers test by a hash of their key and the seed, those below the share: with another seed, or
    a smaller share, a version learnt from some who test now.
    """
    params = version.params
    same_seed = params.get("seed", str(seed)) == str(seed)
    enough = float(params.get("test_share", test_share)) >= test_share
    return version.is_pinned or (same_seed and enough)


def offer(
    saved: Saved,
    model: Any,
    tested: Mapping[str, Any],
    figures: Mapping[str, float],
    about: About,
    verdict: tuple[bool, str],
) -> None:
    """Offer a model, with a few tested rows as its example and the gate's verdict and words."""
    example = pd.DataFrame(
        {name: np.asarray(tested[name][:_EXAMPLE_ROWS], dtype="float64") for name in model.names}
    )
    said = model.predict(model.matrix({name: example[name] for name in model.names}, np), np)
    as_of = str(to_date(saved.as_of_day))
    candidate = registry.Candidate(
        name=about.name,
        loader=about.loader,
        files=model.to_files(),
        example=example,
        predicted=pd.DataFrame({about.answer: said}),
        metrics={name: value for name, value in figures.items() if np.isfinite(value)},
        params={"as_of": as_of, "n_features": len(model.names), **about.params},
        card=about.card,
        is_champion=verdict[0],
        why=verdict[1],
    )
    registry.offer(saved.workspace.root, candidate)
