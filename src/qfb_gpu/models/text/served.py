"""The text model as MLflow serves it: descriptions in, categories out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu.backend import get_backend
from qfb_gpu.models.text.fileformat import read_model, write_model
from qfb_gpu.models.text.normalise import normalise
from qfb_gpu.models.text.predict import Predictor, load_predictor
from qfb_gpu.models.text.strings import distinct

MODEL, CARD = "model.bin", "card.json"


class Categoriser:
    """A model and its card.

    ``predict`` takes a frame with a column ``description`` and, where the card says
    ``with_direction``, the payments' ``direction`` (``in``, ``out``).
    """

    def __init__(self, predictor: Predictor, card: dict[str, Any]) -> None:
        self.predictor, self.card = predictor, card

    def predict(self, frame: Any) -> Any:
        """Return ``category``, ``probability`` and ``is_unknown`` of each row."""
        import pandas as pd

        texts = pa.array(frame["description"], pa.string(), from_pandas=True)
        has_direction = self.card.get("with_direction") and "direction" in frame
        direction = pa.array(frame["direction"], pa.string()) if has_direction else None
        label, probability = self.answers(texts, direction)
        names = np.array([*self.predictor.model.dictionary.labels(), None], dtype=object)
        is_unknown = probability < self.threshold
        return pd.DataFrame(
            {"category": names[label], "probability": probability, "is_unknown": is_unknown}
        )

    @property
    def threshold(self) -> float:
        """Least probability of a category that is believed."""
        return float(self.card.get("threshold", 0.5))

    def prepared(self, texts: pa.Array, direction: pa.Array | None = None) -> pa.Array:
        """Return texts as the model was trained on them."""
        column = distinct(texts)
        known = column.values  # noqa: PD011
        values = normalise(known) if self.card.get("normalise", False) else known
        ready = values.take(pa.array(column.code, mask=column.code < 0))
        if direction is None or not self.card.get("with_direction"):
            return ready
        return pc.binary_join_element_wise(ready, direction, " ")

    def answers(self, texts: pa.Array, direction: pa.Array | None = None) -> tuple[Any, Any]:
        """Return the best label (-1: none) and its probability, at most 1, of each text."""
        found = self.predictor.predict(self.prepared(texts, direction))
        return found.label[:, 0], np.minimum(found.probability[:, 0], np.float32(1))

    def files(self) -> dict[str, bytes]:
        """Return what :func:`_load_pyfunc` reads."""
        card = json.dumps(self.card, indent=1, ensure_ascii=False).encode()
        return {MODEL: write_model(self.predictor.model), CARD: card}


def _load_pyfunc(folder: str) -> Categoriser:
    path = Path(folder)
    card = json.loads((path / CARD).read_text(encoding="utf-8"))
    model = read_model((path / MODEL).read_bytes(), str(path / MODEL))
    return Categoriser(load_predictor(model, get_backend("cpu")), card)
