"""Regular payments: which streams there are, what is regular, and what comes next."""

from qfb_gpu.payments.decision import decide, q_values
from qfb_gpu.payments.described import DESCRIBED_COLUMNS, described_on_device
from qfb_gpu.payments.forecast import expected_payments
from qfb_gpu.payments.splits import SPLIT_COLUMNS, splits_on_device
from qfb_gpu.payments.streams import score_streams

__all__ = [
    "DESCRIBED_COLUMNS",
    "SPLIT_COLUMNS",
    "decide",
    "described_on_device",
    "expected_payments",
    "q_values",
    "score_streams",
    "splits_on_device",
]
