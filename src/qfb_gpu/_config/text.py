"""``[text]``: categories and embeddings of descriptions."""

from __future__ import annotations

from qfb_gpu._config.strict import Strict


class Text(Strict):
    """Categories and embeddings of descriptions."""


SECTIONS: dict[str, list[type[Strict]]] = {"text": [Text]}
"""Each table of this section, by its key: what an unknown key is compared with."""
