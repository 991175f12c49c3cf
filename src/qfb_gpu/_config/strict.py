"""What every section of the config is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A section whose keys are all known; an unknown one is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)
