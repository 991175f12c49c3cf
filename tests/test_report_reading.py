"""The report as it is read: on a screen in the dark, on paper, in a font of Chinese characters."""

import re
from pathlib import Path

import qfb_gpu.report
from qfb_gpu.report.charts.front import front

FOLDER = Path(qfb_gpu.report.__file__).parent
CSS = (FOLDER / "static" / "page.css").read_text(encoding="utf-8")


def rules(css):
    """Return {selector: declarations} of a style sheet, the media queries' among them."""
    return {
        name.strip(): body
        for names, body in re.findall(r"([^{}]+)\{([^{}]*)\}", css)
        for name in names.split(",")
    }


def test_dots_have_a_colour_of_the_page():
    """They were black, which nobody sees on a dark card."""
    drawn = front([(0, 1, "a"), (2, 3, "b")], ("x", "y"), "title")
    classes = set(re.findall(r'<circle class="(\w+)"', str(drawn)))
    assert classes
    assert all("fill: var(" in rules(CSS)[f".{name}"] for name in classes)


def test_no_apostrophe_is_taken_from_a_chinese_font():
    """There it is as wide as a character: 'year’ s'."""
    files = [file for file in FOLDER.rglob("*.py") if "’" in file.read_text(encoding="utf-8")]
    assert files == []


def test_reasons_wrap_and_paper_is_as_wide_as_the_tables():
    """A Chinese sentence in one line pushed the reasons off the screen; on paper they were cut."""
    assert rules(CSS)["td br + .zh"].strip() == "white-space: normal;"
    assert "landscape" in rules(CSS)["@page"]
