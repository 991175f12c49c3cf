"""Write the table of examples in docs/preparation.md: ``python docs/make_preparation.py``.

The examples are those that tests/test_prepare_cases.py runs.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))
START, END = "<!-- examples -->", "<!-- /examples -->"


def render() -> str:
    """Return the page with current examples."""
    from prepare_cases import COLUMNS, TABLES, TEXTS

    rows = ["| operation | given | settings | result |", "|---|---|---|---|"]
    rows += [_row(op, [text], settings, [expected]) for op, text, settings, expected in TEXTS]
    rows += [_row(op, columns, settings, expected) for op, columns, settings, expected in COLUMNS]
    rows += [
        _row(op, tables, settings, expected, counts)
        for op, tables, settings, expected, counts in TABLES
    ]
    page = (HERE / "preparation.md").read_text(encoding="utf-8")
    head, _, rest = page.partition(START)
    _, _, tail = rest.partition(END)
    return head + START + "\n" + "\n".join(rows) + "\n" + END + tail


def _row(
    op: str, given: list[Any], settings: dict[str, Any], result: Any, counts: Any = None
) -> str:
    came = "<br>".join(_code(_say(one)) for one in given)
    said = "<br>".join(_code(f"{key} = {_say(value)}") for key, value in settings.items())
    is_text = result.__class__ is list and not isinstance(given[0], list | dict)
    made = _code(_say(result[0] if is_text else result))
    counted = f"<br>{_say(counts)}" if counts else ""
    return f"| `{op}` | {came} | {said} | {made}{counted} |"


def _say(value: Any) -> str:  # noqa: PLR0911  a kind of value each
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_say(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_say(inner) for inner in value) + "]"
    if value is None:
        return "null"
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + "".join(_visible(char) for char in value) + '"'
    return json.dumps(value) if value == value and abs(value) != float("inf") else str(value)  # noqa: PLR0124


def _visible(char: str) -> str:
    is_hidden = not char.isprintable() or char in "\ufe0f\u20e3"
    return f"\\u{ord(char):04x}" if is_hidden else char


def _code(text: str) -> str:
    return (
        "<code>"
        + (
            text.replace("&", "&amp;")
            .replace("<", "&lt;")
            .replace("|", "&#124;")
            .replace("*", "&#42;")
        )
        + "</code>"
    )


if __name__ == "__main__":
    (HERE / "preparation.md").write_text(render(), encoding="utf-8")
