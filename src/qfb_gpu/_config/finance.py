"""``[finance]``: contracts, orders, payment terms and the four risks."""

from __future__ import annotations

from qfb_gpu._config.strict import Strict


class Finance(Strict):
    """Contracts, orders, payment terms and the four risks."""


SECTIONS: dict[str, list[type[Strict]]] = {"finance": [Finance]}
"""Each table of this section, by its key: what an unknown key is compared with."""
