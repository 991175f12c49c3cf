"""Every part of the night, in the order it is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.parts.contagion import CONTAGION
from qfb_gpu.parts.contracts import CONTRACTS
from qfb_gpu.parts.lifetime import LIFETIME
from qfb_gpu.parts.network import NETWORK
from qfb_gpu.parts.open_banking import OPEN_BANKING
from qfb_gpu.parts.orders import ORDERS
from qfb_gpu.parts.source_features import SOURCE_FEATURES

if TYPE_CHECKING:
    from qfb_gpu.parts.part import Part

PARTS: tuple[Part, ...] = (
    *SOURCE_FEATURES,
    LIFETIME,
    CONTRACTS,
    OPEN_BANKING,
    ORDERS,
    CONTAGION,
    NETWORK,
)
