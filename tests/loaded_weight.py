"""A model that MLflow can load, for test_registry: one weight."""

import json
from pathlib import Path

import pandas as pd


class Weight:
    def __init__(self, weight):
        self.weight = weight

    def predict(self, frame):
        return pd.DataFrame({"probability": self.weight * frame["days"]})


def _load_pyfunc(folder):
    return Weight(json.loads((Path(folder) / "model.json").read_text())["weight"])
