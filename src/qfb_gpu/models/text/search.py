"""Settings to try, the likeliest to help first; a list, not chance, so a search can be repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from qfb_gpu._config.text import TextTraining

_LADDER: tuple[dict[str, Any], ...] = (
    {},
    {"minn": 2, "maxn": 5, "word_ngrams": 2},
    {"minn": 1, "maxn": 3, "word_ngrams": 2},
    {"minn": 2, "maxn": 5, "word_ngrams": 1},
    {"minn": 2, "maxn": 5, "word_ngrams": 3},
    {"minn": 0, "maxn": 0, "word_ngrams": 2},
    {"lr": 0.5},
    {"lr": 1.0},
    {"dim": 128},
    {"copies": 1},
    {"copies": 10},
    {"bucket": 1_000_000},
    {"min_count": 2},
    {"loss": "softmax"},
)


def candidates(settings: TextTraining) -> Iterator[dict[str, Any]]:
    """Yield changes of the settings, none twice; the first changes nothing."""
    seen: list[TextTraining] = []
    for changes in _LADDER:
        tried = settings.model_copy(update=changes)
        if tried not in seen:
            seen.append(tried)
            yield changes
