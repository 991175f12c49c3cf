"""``[models]``: churn, next product and the other fitted models."""

from __future__ import annotations

from qfb_gpu._config.strict import Strict


class Models(Strict):
    """Churn, next product and the other fitted models."""


SECTIONS: dict[str, list[type[Strict]]] = {"models": [Models]}
"""Each table of this section, by its key: what an unknown key is compared with."""
