"""Every part is fitted once, after what it reads."""

from qfb_gpu import parts
from qfb_gpu.parts.part import PAYMENT_GRAPH, PROFILES
from qfb_gpu.schema import SOURCE_NAMES


def test_every_part_is_fitted_once():
    sources = tuple(SOURCE_NAMES)
    kinds = ("", PAYMENT_GRAPH, PROFILES)
    names = [name for waits in kinds for name in parts.fitted_after(sources, waits)]
    assert sorted(names) == sorted(part.name for part in parts.active(sources))
