"""Every part is fitted once, after what it reads."""

from qfb_gpu import parts
from qfb_gpu.parts.part import PAYMENT_GRAPH, PROFILES
from qfb_gpu.schema import SOURCE_NAMES


def test_every_part_is_fitted_once():
    sources = tuple(SOURCE_NAMES)
    kinds = ("", PAYMENT_GRAPH, PROFILES)
    names = [
        name
        for waits in kinds
        for measured in (False, True)
        for name in parts.fitted_after(sources, waits, measured=measured)
    ]
    assert sorted(names) == sorted(part.name for part in parts.active(sources))


def test_a_part_that_measures_is_fitted_after_that_alone():
    """The night starts such fits when all buckets are measured, and asks for nothing else."""
    assert all(not part.waits for part in parts.PARTS if part.measure is not None)
