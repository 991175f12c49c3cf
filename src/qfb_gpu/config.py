"""The settings of a run, read from TOML.

Every key is checked; an unknown one is refused with the keys there are. ``${NAME}`` in a text
is the environment variable NAME. Paths are relative to the config file, sources to ``data``.
"""

from __future__ import annotations

import datetime as dt
import difflib
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator

from qfb_gpu._config.behaviour import SECTIONS as BEHAVIOUR_SECTIONS
from qfb_gpu._config.behaviour import Behaviour
from qfb_gpu._config.features import SECTIONS as FEATURES_SECTIONS
from qfb_gpu._config.features import Features
from qfb_gpu._config.finance import SECTIONS as FINANCE_SECTIONS
from qfb_gpu._config.finance import Finance
from qfb_gpu._config.models import SECTIONS as MODELS_SECTIONS
from qfb_gpu._config.models import Models
from qfb_gpu._config.network import SECTIONS as NETWORK_SECTIONS
from qfb_gpu._config.network import Network
from qfb_gpu._config.reading import read_toml
from qfb_gpu._config.sources import (
    ColumnSpec,
    Concat,
    Exclude,
    Multiply,
    SourcePart,
    check_sources,
)
from qfb_gpu._config.strict import Seed, Strict
from qfb_gpu._config.text import SECTIONS as TEXT_SECTIONS
from qfb_gpu._config.text import Text
from qfb_gpu.currencies import EXPONENT
from qfb_gpu.errors import ConfigError
from qfb_gpu.schema import SOURCE_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


__all__ = [
    "ColumnSpec", "Concat", "Config", "Exclude", "Multiply", "Payments", "Segments", "SourcePart",
    "build_config", "load_config",
]  # fmt: skip


class Payments(Strict):
    """How regular payments are decided."""

    false_discovery_rate: Annotated[float, Field(gt=0, lt=1)] = 0.05
    horizon_days: Annotated[int, Field(ge=1, le=366)] = 90


class Segments(Strict):
    """How customers are grouped; ``auto`` chooses the number of segments.

    A number has to reach ``least_stability``, an adjusted Rand index, over bootstrap samples. Last
    night's answer is left by a margin: ``number_margin`` of silhouette, ``least_margin`` of
    ``segment_margin``, ``tier_margin`` of the share of turnover.
    """

    method: Literal["kmeans", "hdbscan"] = "kmeans"
    least_stability: Annotated[float, Field(ge=0, le=1)] = 0.7
    number_margin: Annotated[float, Field(ge=0, lt=0.2)] = 0.02
    least_margin: Annotated[float, Field(ge=0, lt=0.5)] = 0.1
    tier_margin: Annotated[float, Field(ge=0, lt=0.05)] = 0.02
    n_segments: Literal["auto"] | Annotated[int, Field(ge=2, le=50)] = "auto"
    sample_rows: Annotated[int, Field(ge=1000)] = 100_000
    seed: Seed = 0


class Config(Strict):
    """Everything a run needs to know. ``base`` is the folder of the config file."""

    as_of: Annotated[dt.date, Field(ge=dt.date(1900, 1, 1), lt=dt.date(3000, 1, 1))]
    sources: dict[str, list[SourcePart]]
    output: Annotated[str, Field(min_length=1)] = "out"
    data: str = "."
    device: Literal["auto", "cpu", "gpu"] = "auto"
    currency: str = "CNY"
    calendar: str = "CN"
    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=1024)] = "auto"
    n_buckets: Literal["auto"] | Annotated[int, Field(ge=1, le=65536)] = "auto"
    batch_rows: Annotated[int, Field(ge=1000)] = 1_000_000
    payments: Payments = Payments()
    segments: Segments = Segments()
    network: Network = Network()
    features: Features = Features()
    behaviour: Behaviour = Behaviour()
    finance: Finance = Finance()
    models: Models = Models()
    text: Text = Text()
    base: Path = Path()

    @field_validator("sources", mode="before")
    @classmethod
    def _one_part_or_several(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: part if isinstance(part, list) else [part] for name, part in value.items()}

    @field_validator("sources")
    @classmethod
    def _known_sources(cls, value: dict[str, list[SourcePart]]) -> dict[str, list[SourcePart]]:
        check_sources(value)
        return value

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, value: str) -> str:
        if value not in EXPONENT:
            msg = f"{value!r} is not an ISO 4217 code such as CNY"
            raise ValueError(msg)
        return value

    @property
    def output_dir(self) -> Path:
        """Folder of the gold tables, the lake, the report and the MLflow store."""
        return (self.base / self.output).resolve()

    @property
    def data_dir(self) -> Path:
        """Folder that source paths are relative to."""
        return (self.base / self.data).resolve()


def load_config(path: Path, overrides: dict[str, Any] | None = None) -> Config:
    """Read a config file, apply overrides, check everything.

    Parameters
    ----------
    path : Path
        A TOML file.
    overrides : dict of dotted key to value
        E.g. ``{"payments.horizon_days": "30"}``; a text is read as TOML where that works.

    Raises
    ------
    ConfigError
        With the file, the key and what to do.
    """
    raw = read_toml(path, "no such config file; `qfb demo` writes one to start from")
    for key, value in (overrides or {}).items():
        _set(raw, key, value)
    return build_config(raw, base=path.resolve().parent, where=str(path))


def build_config(raw: dict[str, Any], *, base: Path, where: str) -> Config:
    """Check a config that is already a dictionary; ``where`` names it in errors."""
    expanded = _expand(raw, where, "")
    try:
        config = Config(**expanded, base=base)
    except ValidationError as error:
        msg = f"{where}: {_first_error(error, expanded)}"
        raise ConfigError(msg) from error
    special = re.search(r"%[0-9A-Fa-f]{2}|[?#\\\x00-\x1f\x7f]", str(config.output_dir))
    if special:  # to Delta's reader and to the database of models a path is an address
        msg = (
            f"{where}: key 'output': tables cannot be kept in {config.output_dir}, whose name "
            f"holds {special[0]!r}; give a folder without it"
        )
        raise ConfigError(msg)
    if (long := len(os.fsencode(config.output_dir))) > _LONGEST_OUTPUT:
        msg = (
            f"{where}: key 'output': the folder's name is {long} bytes long with all above it, the "
            f"database of models takes {_LONGEST_OUTPUT}; give a shorter one ({config.output_dir})"
        )
        raise ConfigError(msg)
    return config


_EXAMPLE = {
    "as_of": ", e.g. as_of = 2024-12-31, or --as-of",
    "sources": ': a section [sources.transactions] with path = "..."',
    "path": ', e.g. path = "payments/*.csv"',
    "reason": ", a few words that the counts are listed under",
}
"""What a key that is missing looks like."""
_LONGEST_OUTPUT = 480
"""Bytes: SQLite opens names of 504, and the draft of its database lies below."""
_MODELS: Mapping[str, Sequence[type[BaseModel]]] = {
    "sources": [SourcePart],
    "columns": [Concat, Multiply],
    "exclude": [Exclude],
    "payments": [Payments],
    "segments": [Segments],
    **NETWORK_SECTIONS,
    **FEATURES_SECTIONS,
    **BEHAVIOUR_SECTIONS,
    **FINANCE_SECTIONS,
    **MODELS_SECTIONS,
    **TEXT_SECTIONS,
}


def _first_error(error: ValidationError, raw: dict[str, Any]) -> str:
    first = error.errors()[0]
    sections: list[tuple[int | str, ...]] = [()]
    if first["type"] == "missing":  # rather name the key that is there in its place
        sections.append(first["loc"][:-1])
    unknown = (e for e in error.errors() if e["type"] == "extra_forbidden")
    first = next((e for e in unknown if e["loc"][:-1] in sections), first)
    place = _place(first, raw)
    key = ".".join(place)
    if first["type"] == "extra_forbidden":
        known = _known_keys(place[:-1])
        near = [] if place[:-1] else _elsewhere(place[-1])
        if len(place) == 1 and place[0] in SOURCE_NAMES:
            near = [f"sources.{place[0]}"]
        if len(place) > 1 and place[-1] in Config.model_fields:
            return f"unknown key {key!r}; {place[-1]!r} stands above the first [section]"
        near = near or difflib.get_close_matches(place[-1], known, n=1)
        hint = f"did you mean {' or '.join(map(repr, near))}? " if near else ""
        return f"unknown key {key!r}; {hint}there are {', '.join(known)}"
    if first["type"] == "missing":
        return f"key {key!r} is missing; add it{_EXAMPLE.get(place[-1], '')}"
    same = [other for other in error.errors() if _place(other, raw) == place]
    messages = dict.fromkeys(other["msg"].removeprefix("Value error, ") for other in same)
    got = "" if isinstance(first["input"], dict) else f" (got {first['input']!r:.80})"
    return f"key {key!r}: {' or: '.join(messages)}{got}"


def _place(error: Any, raw: dict[str, Any]) -> list[str]:
    """Return the keys that lead to an error, as the config spells them."""
    place: list[str] = []
    node: Any = raw
    for part in error["loc"]:
        is_there = part in node if isinstance(node, dict) else (
            isinstance(node, list) and isinstance(part, int) and part < len(node)
        )  # fmt: skip
        if is_there:
            place.append(str(part))
            node = node[part]
    return [*place, str(error["loc"][-1])] if error["type"] == "missing" else place


def _known_keys(parents: list[str]) -> list[str]:
    known: Sequence[type[BaseModel]] = [Config]
    for part in parents:
        known = _MODELS.get(part, known)
    return [name for model in known for name in model.model_fields if name != "base"]


def _elsewhere(name: str, model: type[BaseModel] = Config, within: str = "") -> list[str]:
    """Return the keys of that name in sections, as an override spells them."""
    found = []
    for key, field in model.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            found += _elsewhere(name, section, f"{within}{key}.")
        elif within and key == name:
            found.append(within + key)
    return found


def _set(raw: dict[str, Any], dotted: str, value: Any) -> None:
    *parents, last = dotted.split(".")
    node: Any = raw
    try:
        for part in parents:
            node = node[int(part)] if isinstance(node, list) else node.setdefault(part, {})
        node[int(last) if isinstance(node, list) else last] = _parse(value)
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        msg = f"--set {dotted}: the config has no such place; docs/config.md lists its keys"
        raise ConfigError(msg) from error


def _parse(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return value


def _expand(value: Any, where: str, key: str) -> Any:
    if isinstance(value, dict):
        return {k: _expand(v, where, f"{key}.{k}" if key else k) for k, v in value.items()}
    if isinstance(value, list):
        return [_expand(v, where, f"{key}.{i}") for i, v in enumerate(value)]
    if not isinstance(value, str):
        return value

    def lookup(match: re.Match[str]) -> str:
        """Return what the environment has for a ``${NAME}``."""
        name = match.group(1)
        if name not in os.environ:
            msg = (
                f"{where}: key {key!r} uses ${{{name}}}, which is not set; "
                f"export {name}=FOLDER or pass --set {key}=VALUE"
            )
            raise ConfigError(msg)
        return os.environ[name]

    return re.sub(r"\$\{(\w+)\}", lookup, value)
