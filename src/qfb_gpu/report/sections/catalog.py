"""The further sections of the page, in the order they are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.report.sections.churn import CHURN
from qfb_gpu.report.sections.contagion import CONTAGION
from qfb_gpu.report.sections.contracts import CONTRACTS
from qfb_gpu.report.sections.identity_audit import IDENTITY
from qfb_gpu.report.sections.open_banking import DECLARED
from qfb_gpu.report.sections.orders import ORDERS
from qfb_gpu.report.sections.payment_terms import PAYMENT_TERMS
from qfb_gpu.report.sections.recommendations import RECOMMENDATIONS
from qfb_gpu.report.sections.risks import RISKS
from qfb_gpu.report.sections.round_trips import ROUND_TRIPS
from qfb_gpu.report.sections.segment_moves import SEGMENT_MOVES

if TYPE_CHECKING:
    from qfb_gpu.report.sections.section import Section

SECTIONS: tuple[Section, ...] = (
    SEGMENT_MOVES,
    CHURN,
    RECOMMENDATIONS,
    CONTRACTS,
    PAYMENT_TERMS,
    ORDERS,
    RISKS,
    CONTAGION,
    ROUND_TRIPS,
    DECLARED,
    IDENTITY,
)
