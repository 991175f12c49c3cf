"""What every section of the config is made of."""

from __future__ import annotations

import datetime as dt
import typing
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""Of random numbers; what the libraries take."""
_MOST = 2**32
"""No setting means a greater whole number; arrays of 64 bits hold sums of such."""


class Strict(BaseModel):
    """A section whose keys are all known and whose values are of their type and finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _of_its_type(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse what would be taken for something else: ``true`` for 1, a number for a date."""
        kinds = _kinds(cls.model_fields[str(info.field_name)].annotation)
        msg = ""
        if isinstance(value, bool) and bool not in kinds and kinds & {int, float}:
            msg = "expected a number"
        elif dt.date in kinds and not _is_day(value, kinds):
            msg = "expected a date, e.g. 2024-12-31"
        elif isinstance(value, dt.datetime) and dt.date in kinds:
            msg = "expected a date without a time, e.g. 2024-12-31"
        elif isinstance(value, int) and abs(value) > _MOST and kinds & {int, float}:
            msg = f"expected a number up to {_MOST:,}"
        elif isinstance(value, str) and "\0" in value:
            msg = "a text cannot hold a character of value 0"
        if msg:
            raise ValueError(msg)
        return value


def _is_day(value: Any, kinds: set[Any]) -> bool:
    """Say whether a value is a date, or a text that is one; a date with a time is judged later."""
    if isinstance(value, str):
        try:
            dt.datetime.fromisoformat(value)
        except ValueError:
            return False
        return not value.isdigit()
    return isinstance(value, dt.date) or (value is None and type(None) in kinds)


def _kinds(annotation: Any) -> set[Any]:
    """Return the types that an annotation is made of."""
    inner = [kind for one in typing.get_args(annotation) for kind in _kinds(one)]
    return {annotation, *inner} if isinstance(annotation, type) else set(inner)
