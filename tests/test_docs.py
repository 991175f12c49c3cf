"""Generated pages are current."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize(
    ("script", "page"),
    [
        ("make_tables", "tables.md"),
        ("build_features", "features.md"),
        ("make_config", "config.md"),
    ],
)
def test_a_generated_page_is_current(script, page):
    spec = importlib.util.spec_from_file_location(script, DOCS / f"{script}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    expected = (DOCS / page).read_text(encoding="utf-8")
    assert module.render() == expected, f"run `python docs/{script}.py`"
