"""Regular payments: which streams there are, what is regular, and what comes next."""

from qfb_gpu.payments.carried import from_columns, to_columns
from qfb_gpu.payments.decision import decide, q_values, q_values_known, q_values_of
from qfb_gpu.payments.described import DESCRIBED_COLUMNS
from qfb_gpu.payments.forecast import expected_payments
from qfb_gpu.payments.splits import SPLIT_COLUMNS
from qfb_gpu.payments.streams import score_streams

__all__ = [
    "DESCRIBED_COLUMNS",
    "SPLIT_COLUMNS",
    "decide",
    "expected_payments",
    "from_columns",
    "q_values",
    "q_values_known",
    "q_values_of",
    "score_streams",
    "to_columns",
]
