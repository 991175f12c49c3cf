"""Write docs/features.md from the table of features: ``python docs/build_features.py``."""

from __future__ import annotations

from pathlib import Path

from qfb_gpu.profile.catalog import markdown


def render() -> str:
    """Return the page."""
    return markdown()


if __name__ == "__main__":
    (Path(__file__).parent / "features.md").write_text(render(), encoding="utf-8")
