"""Every part of the night, in the order it is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.parts.behaviour import BEHAVIOUR
from qfb_gpu.parts.categories import CATEGORIES
from qfb_gpu.parts.churn import CHURN
from qfb_gpu.parts.contagion import CONTAGION
from qfb_gpu.parts.contracts import CONTRACTS
from qfb_gpu.parts.identity_audit import IDENTITY_AUDIT
from qfb_gpu.parts.lifetime import LIFETIME
from qfb_gpu.parts.lookalikes import LOOKALIKES
from qfb_gpu.parts.model_rows import MODEL_EVALUATIONS
from qfb_gpu.parts.network import NETWORK
from qfb_gpu.parts.next_product import NEXT_PRODUCT
from qfb_gpu.parts.open_banking import OPEN_BANKING
from qfb_gpu.parts.orders import ORDERS
from qfb_gpu.parts.payment_terms import PAYMENT_TERMS
from qfb_gpu.parts.related import RELATED
from qfb_gpu.parts.risks import RISK
from qfb_gpu.parts.source_features import SOURCE_FEATURES

if TYPE_CHECKING:
    from qfb_gpu.parts.part import Part

PARTS: tuple[Part, ...] = (
    *SOURCE_FEATURES,
    LIFETIME,
    BEHAVIOUR,
    IDENTITY_AUDIT,
    CONTRACTS,
    PAYMENT_TERMS,
    OPEN_BANKING,
    ORDERS,
    RISK,
    CONTAGION,
    NETWORK,
    RELATED,
    CATEGORIES,
    CHURN,
    NEXT_PRODUCT,
    LOOKALIKES,
    MODEL_EVALUATIONS,
)
