"""Segments: what sets each apart, from the JSON of the segments table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from qfb_gpu.report.data import Feature, Segment
from qfb_gpu.report.figures.reading import read_or_none

if TYPE_CHECKING:
    from qfb_gpu.report.figures.reading import Read

_FEATURES = 6
_TYPICAL = 3
_COLUMNS = ["segment_id", "n_customers", "share", "label", "feature", "typical_customers"]
_MEAN = ("mean", "segment_mean", "value")
_EVERYONE = ("population_mean", "population", "everyone", "overall")
_SCORE = ("standard_score", "score", "z", "z_score")


def collect(read: Read) -> list[Segment]:
    """Return every segment, largest first, with the features that set it most apart."""
    table = read_or_none(read, "segments", _COLUMNS)
    rows = table.to_pylist() if table is not None else []
    rows.sort(key=lambda row: row["segment_id"])
    return [
        Segment(
            segment_id=row["segment_id"],
            n_customers=row["n_customers"],
            share=row["share"] or 0.0,
            label=row["label"] or "",
            features=features(row["feature"])[:_FEATURES],
            typical=[str(name) for name in _json(row["typical_customers"], [])][:_TYPICAL],
        )
        for row in rows
    ]


def features(text: str | None) -> list[Feature]:
    """Return the features of a segment's JSON, furthest from everyone's mean first."""
    parsed = _json(text, {})
    found = [_feature(str(name), value) for name, value in parsed.items()]
    known = [feature for feature in found if feature is not None]
    return sorted(known, key=lambda feature: (-abs(feature.score), feature.name))


def _feature(name: str, value: Any) -> Feature | None:
    if isinstance(value, dict):
        mean, everyone, score = (_first(value, names) for names in (_MEAN, _EVERYONE, _SCORE))
    elif isinstance(value, list):
        mean, everyone, score = [*value, None, None, None][:3]
    else:
        return None
    if score is None:
        return None
    words = value.get("words") if isinstance(value, dict) else None
    is_money = "_minor" in name
    return Feature(name, words or name.replace("_", " "), is_money, mean, everyone, float(score))


def _first(value: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((value[name] for name in names if value.get(name) is not None), None)


def _json(text: str | None, empty: Any) -> Any:
    parsed = json.loads(text) if text else empty
    return parsed if isinstance(parsed, type(empty)) else empty
