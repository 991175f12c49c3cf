"""Write docs/config.md from the settings: ``python docs/make_config.py``."""

from __future__ import annotations

import inspect
import re
import types
import typing
from pathlib import Path
from typing import Any

import annotated_types
from pydantic import BaseModel

from qfb_gpu.config import Config

HEAD = """# The config 配置

Every key that a config may have, with its default and what it may be. A config is a TOML file. Only
`as_of` and one source of payments are required, so this is a whole one:

```toml
as_of = 2024-12-31

[sources.transactions]
path = "payments/*.csv"
columns = { customer_id = "acct", date = "booked_on", amount = "value", direction = "side" }
```

- `qfb check CONFIG` says what is wrong with it. A key that is not listed here is refused.
- Keys without a section stand above the first `[section]`. What stands in `{ }` has to be in one
  line.
- `qfb run CONFIG --set payments.horizon_days=30` changes a key for one run. `--as-of` and
  `--device` have options of their own.
- `${NAME}` in a text is the environment variable of that name.
- Paths are relative to the config file; `path` of a source is relative to `data`.
- Keys of a source: [sources](sources.md#how-a-source-is-declared).

## Keys without a section

| key | what it is | default | may be |
|---|---|---|---|
"""
MEANING = {
    "as_of": (
        "the day that the night describes; no later row is used. A nightly job gives it with "
        "`--as-of`"
    ),
    "data": "folder of the source files",
    "output": "folder of the results; give it one of its own",
    "device": "`auto` takes a GPU if there is a working one",
    "currency": "currency of rows that name none",
    "calendar": (
        "working days and holidays: `weekends`, or an ISO 3166 code such as `CN`, `DE`, `GB-ENG`"
    ),
    "workers": (
        "processes that share the work; `auto`: one a core ([night](night.md#which-setting-helps))"
    ),
    "n_buckets": "parts that customers are divided into; `auto`: about a million payments each",
    "batch_rows": "rows that are read at a time: bounds memory ([lake](lake.md#memory))",
}
"""What the keys without a section are; sections say it in their own words."""
PAGES = {
    "payments": "payments-core", "segments": "behaviour", "network": "network",
    "features": "features", "behaviour": "behaviour", "finance.matching": "contracts",
    "finance.terms": "payment-terms", "finance.orders": "orders", "finance.risks": "risks",
    "models.churn": "models", "models.next_product": "models", "text": "text",
}  # fmt: skip
"""The page that says more about a section."""
_BOUNDS = (
    (annotated_types.Ge, "ge", "from"), (annotated_types.Gt, "gt", "above"),
    (annotated_types.Le, "le", "to"), (annotated_types.Lt, "lt", "below"),
)  # fmt: skip
_WORDS = {int: "whole number", float: "number", str: "text", bool: "true or false"}


def render() -> str:
    """Return the page."""
    rows = [
        f"| `{name}` | {MEANING[name]} | {_default(field)} | {_allowed(field)} |"
        for name, field in Config.model_fields.items()
        if name in MEANING
    ]
    parts = [HEAD + "\n".join(rows) + "\n"]
    parts += _sections(Config, "")
    parts.append("Made by `python docs/make_config.py` from the settings' own code; do not edit.\n")
    return "\n".join(parts)


def _sections(model: type[BaseModel], within: str) -> list[str]:
    found = []
    for name, field in model.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            key = within + name
            inner = _sections(section, f"{key}.")
            is_group = len(inner) == len(section.model_fields)  # it has no keys of its own
            found += inner if is_group else [_section(section, key), *inner]
    return found


def _section(model: type[BaseModel], key: str) -> str:
    rows = [
        f"| `{name}` | {_default(field)} | {_allowed(field)} |"
        for name, field in model.model_fields.items()
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel))
    ]
    more = f"\n\nMore: [{PAGES[key]}]({PAGES[key]}.md)." if key in PAGES else ""
    head = f"## `[{key}]`\n\n{_said(model)}{more}\n"
    return f"{head}\n| key | default | may be |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _said(model: type[BaseModel]) -> str:
    """Return a section's docstring as a paragraph; its list of keys as one of the page."""
    text = inspect.cleandoc(model.__doc__ or "").replace("``", "`")
    summary, _, listed = text.partition("\n\nAttributes\n----------\n")
    words = re.sub(r"\n(?!\n)", " ", summary.replace("\n\n", "\0")).replace("\0", "\n\n")
    keys = re.findall(r"^(\S.*)\n((?:    .*\n?)+)", listed, re.MULTILINE)
    items = [f"- `{name.replace(', ', '`, `')}`: {' '.join(about.split())}" for name, about in keys]
    return "\n\n".join([words, *(["\n".join(items)] if items else [])])


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if isinstance(value, str):
        return f'`"{value}"`'
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return "" if value in (None, {}) else f"`{value:_}`" if isinstance(value, int) else f"`{value}`"


def _allowed(field: Any) -> str:
    words = _of_type(field.annotation)
    bounds = _bounds(field.metadata)
    return f"{words} {bounds}".strip()


def _of_type(kind: Any) -> str:
    origin, inside = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        return f"{_of_type(inside[0])} {_bounds(inside[1:])}".strip()
    if origin is typing.Literal:
        return ", ".join(f'`"{value}"`' for value in inside)
    if origin in (typing.Union, types.UnionType):
        return ", or ".join(_of_type(one) for one in inside if one is not type(None))
    if origin is list:
        return f"list: {_of_type(inside[0])}"
    if origin is dict:
        return f"name = {_of_type(inside[1])}"
    return _WORDS.get(kind, "date" if kind.__name__ == "date" else "")


def _bounds(limits: Any) -> str:
    found: list[str] = []
    for limit in limits:
        if hasattr(limit, "metadata"):  # a Field inside of a list
            found.append(_bounds(limit.metadata))
        for kind, name, word in _BOUNDS:
            if isinstance(limit, kind):
                value = getattr(limit, name)
                found.append(f"{word} {value:,}" if isinstance(value, int) else f"{word} {value}")
    return " and ".join(one for one in found if one).replace(" and to ", " to ")


if __name__ == "__main__":
    (Path(__file__).parent / "config.md").write_text(render(), encoding="utf-8")
