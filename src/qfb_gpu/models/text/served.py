"""The text model as MLflow serves it: descriptions in, categories out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from qfb_gpu.backend import get_backend
from qfb_gpu.models.text.fileformat import read_model, write_model
from qfb_gpu.models.text.normalise import normalise
from qfb_gpu.models.text.predict import Predictor, load_predictor

MODEL, CARD = "model.bin", "card.json"


class Categoriser:
    """A model and its card; ``predict`` takes a frame with a column ``description``."""

    def __init__(self, predictor: Predictor, card: dict[str, Any]) -> None:
        self.predictor, self.card = predictor, card

    def predict(self, frame: Any) -> Any:
        """Return ``category``, ``probability`` and ``is_unknown`` of each row."""
        import pandas as pd

        texts = pa.array(frame["description"], pa.string(), from_pandas=True)
        label, probability = self.answers(texts)
        names = np.array([*self.predictor.model.dictionary.labels(), None], dtype=object)
        is_unknown = probability < self.threshold
        return pd.DataFrame(
            {"category": names[label], "probability": probability, "is_unknown": is_unknown}
        )

    @property
    def threshold(self) -> float:
        """Least probability of a category that is believed."""
        return float(self.card.get("threshold", 0.5))

    def prepared(self, texts: pa.Array) -> pa.Array:
        """Return texts as the model was trained on them."""
        return normalise(texts) if self.card.get("normalise", False) else texts

    def answers(self, texts: pa.Array) -> tuple[Any, Any]:
        """Return the best label (-1: none) and its probability, at most 1, of each text."""
        found = self.predictor.predict(self.prepared(texts))
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
