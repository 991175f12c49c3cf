"""``[features]``: what the steps of a digital journey are called, and the lifetime fit."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from qfb_gpu._config.strict import Strict


class Features(Strict):
    """Which labels of ``events.step`` mean what; how many customers the lifetime models see."""

    view_steps: list[str] = ["view", "browse", "浏览", "查看"]
    apply_steps: list[str] = ["apply", "application", "申请"]
    submit_steps: list[str] = ["submit", "submitted", "提交"]
    lifetime_sample_rows: Annotated[int, Field(ge=100)] = 1_000_000


SECTIONS: dict[str, list[type[Strict]]] = {"features": [Features]}
"""Each table of this section, by its key: what an unknown key is compared with."""
