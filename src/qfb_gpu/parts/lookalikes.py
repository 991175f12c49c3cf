"""Look-alikes in the night: once over the profiles of all customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from qfb_gpu.models import lookalikes
from qfb_gpu.parts.part import Columns, Part

if TYPE_CHECKING:
    from qfb_gpu.parts.part import Saved

_N_NEAREST = 3


def _whole(saved: Saved) -> dict[str, Columns]:
    profiles = [saved.profiles(bucket) for bucket in saved.buckets]
    ids = pa.chunked_array([saved.customers(bucket)["customer_id"] for bucket in saved.buckets])
    features = {
        name: np.concatenate([one[name] for one in profiles]) for name in lookalikes.FEATURES
    }
    found = lookalikes.table(features, _N_NEAREST, saved.backend)
    return {
        "lookalikes": {
            "customer_id": ids.take(pa.array(found["customer"])),
            "rank": found["rank"],
            "similar_customer_id": ids.take(pa.array(found["similar"])),
            "distance": found["distance"],
            "alike": pa.array(found["alike"], pa.string()),
        }
    }


LOOKALIKES = Part(
    name="lookalikes",
    what="look-alikes (相似客户)",
    whole_tables=("lookalikes",),
    whole=_whole,
)
