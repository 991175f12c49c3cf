"""``[text]``: categories and embeddings of descriptions; the job of ``qfb text train``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from qfb_gpu._config.reading import read_toml
from qfb_gpu._config.strict import Strict
from qfb_gpu.errors import ConfigError

Share = Annotated[float, Field(ge=0, le=0.9)]
Count = Annotated[int, Field(ge=0)]


class TextTraining(Strict):
    """How a model is trained; the defaults suit short descriptions of payments.

    Attributes
    ----------
    kind
        ``supervised`` needs labels; ``skipgram`` and ``cbow`` learn embeddings from texts alone.
    dim, lr, epoch, word_ngrams, minn, maxn, bucket, min_count, loss
        As fastText's options; ``auto`` epochs see about a million descriptions.
    floor, cap
        Rows of a class that a sample keeps at least and at most, where it has so many.
    max_rows
        Rows trained on at most; ``floor`` rows of each class are kept even beyond it.
    copies
        Rows with the same text and label that are kept at most.
    test_share
        Counterparties held out to measure and to calibrate on; 0 measures nothing.
    refit
        After measuring, train once more on all rows.
    precision
        The share of right answers that the threshold of ``unknown`` is set for.
    autotune_seconds
        Time to search better settings in; 0 takes those given.
    quantise
        Keep the model as codes (.ftz): about an eighth of the size; takes a minute longer.
    """

    kind: Literal["supervised", "skipgram", "cbow"] = "supervised"
    dim: Annotated[int, Field(ge=1, le=1024)] = 64
    lr: Annotated[float, Field(gt=0)] = 0.2
    epoch: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    word_ngrams: Annotated[int, Field(ge=1, le=5)] = 2
    minn: Annotated[int, Field(ge=0, le=10)] = 3
    maxn: Annotated[int, Field(ge=0, le=10)] = 6
    bucket: Count = 200_000
    min_count: Annotated[int, Field(ge=1)] = 1
    loss: Literal["softmax", "hs", "ova", "ns"] = "ova"
    seed: Count = 0
    normalise: bool = True
    floor: Count = 20
    cap: Annotated[int, Field(ge=1)] = 50_000
    max_rows: Annotated[int, Field(ge=10)] = 1_000_000
    copies: Annotated[int, Field(ge=1)] = 100
    test_share: Share = 0.2
    refit: bool = True
    precision: Annotated[float, Field(gt=0, lt=1)] = 0.9
    autotune_seconds: Annotated[float, Field(ge=0)] = 0
    quantise: bool = False


class Text(Strict):
    """Categories of payments and streams by their description, and its embedding.

    Attributes
    ----------
    model
        A fastText ``.bin`` or ``.ftz`` file, relative to the config. Beside it the card that
        ``qfb text train`` writes says how texts are normalised and when a category is unknown.
    train
        Train in the night, on the payments that have a category.
    threshold
        Least probability of a category; below it is unknown. None: the card's, else 0.5.
    """

    model: str | None = None
    train: bool = False
    threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    training: TextTraining = TextTraining()

    @model_validator(mode="after")
    def _one_model(self) -> Text:
        if self.model is not None and self.train:
            msg = "give text.model or text.train = true, not both"
            raise ValueError(msg)
        return self

    @property
    def is_on(self) -> bool:
        """Whether the night reads descriptions."""
        return self.train or self.model is not None


class TextJob(Strict):
    """What ``qfb text train`` reads: a table, its columns, where the model goes.

    Attributes
    ----------
    data
        Parquet or CSV (file, folder or glob), or lines of fastText (``__label__x text``).
    text, label, group
        Columns: the description, its category, and whose description it is (a counterparty or
        merchant is on one side of the split only). Several text columns are joined.
    output
        Folder for ``model.bin`` (or ``.ftz``) and ``card.json``.
    """

    data: str
    output: str = "text_model"
    text: str | Annotated[list[str], Field(min_length=1)] = "memo"
    label: str | None = "category"
    group: str | None = None
    training: TextTraining = TextTraining()
    base: Path = Path()


SECTIONS: dict[str, list[type[Strict]]] = {"text": [Text], "training": [TextTraining]}
"""Each table of this section, by its key: what an unknown key is compared with."""


def load_text_job(path: Path, overrides: dict[str, Any] | None = None) -> TextJob:
    """Read the config of a training job.

    Raises
    ------
    ConfigError
        With the file, the key and what to do.
    """
    raw = read_toml(path, "no such config; it needs data, text, label, output; see docs/text.md")
    for key, value in (overrides or {}).items():
        node = raw
        *parents, last = key.split(".")
        for parent in parents:
            node = node.setdefault(parent, {})
            if not isinstance(node, dict):
                msg = f"--set {key}: {parent} is no table of the job; see docs/text.md"
                raise ConfigError(msg)
        node[last] = value
    try:
        return TextJob(**raw, base=path.resolve().parent)
    except ValidationError as error:
        msg = f"{path}: {_said(error.errors()[0])}"
        raise ConfigError(msg) from error


def _said(error: Any) -> str:
    """Return what is wrong with a key, and what to do."""
    key = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        fields = (TextTraining if key.startswith("training.") else TextJob).model_fields
        return f"unknown key {key!r}; there are {', '.join(n for n in fields if n != 'base')}"
    if error["type"] == "missing":
        return f"key {key!r} is missing; add it"
    return f"key {key!r}: {error['msg'].removeprefix('Value error, ')} (got {error['input']!r:.80})"
