"""Generated pages are current."""

import importlib.util
import re
from pathlib import Path

import pytest
import typer

from qfb_gpu.cli import app

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


def commands():
    """Return each `qfb ...` of the pages: the page, the command's name and its options."""
    pages = [*DOCS.glob("*.md"), DOCS.parent / "README.md"]
    for page in pages:
        for line in re.findall(r"\bqfb ([a-z]+\b[^\n`|#]*)", page.read_text(encoding="utf-8")):
            yield page.name, line.split()[0], re.findall(r"(?<![\w-])--[a-z][a-z-]*", line)


def test_commands_and_options_of_the_pages_are_there():
    known = typer.main.get_command(app).commands
    seen = set()
    for page, name, asked in commands():
        if not asked or name not in known:
            continue
        inner = getattr(known[name], "commands", {})
        options = [*known[name].params, *(p for one in inner.values() for p in one.params)]
        there = {text for option in options for text in option.opts} | {"--help"}
        assert set(asked) <= there, f"{page}: qfb {name} has no {set(asked) - there}"
        seen.add(name)
    assert {"run", "check", "rejects", "maintain", "show", "replay", "models"} - seen <= {"check"}
