"""How the rows of each file of a source are cleaned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.lake.clean import FilePlan
from qfb_gpu.lake.prune import DATED
from qfb_gpu.lake.readers import headers
from qfb_gpu.lake.sources import (
    OPEN_BANKING,
    excluded_headers,
    match_columns,
    part_key,
    parts_of,
    recipe_of,
)
from qfb_gpu.schema import SOURCES

if TYPE_CHECKING:
    from qfb_gpu.config import Config
    from qfb_gpu.lake.feed import Feed
    from qfb_gpu.lake.sources import SourceFile


class Planner:
    """Makes the plans of one source's files."""

    def __init__(self, config: Config, source: str) -> None:
        self._config = config
        self._source = source
        self._schema = SOURCES[source]
        self._parts = parts_of(config, source)

    def files(self, files: list[SourceFile], first: int) -> list[FilePlan]:
        """Return the plans of files; their numbers begin with ``first``.

        Raises
        ------
        InputError
            With the first problem, and how many more there are.
        """
        plans, problems = [], []
        for number, file in enumerate(files, first):
            there = headers(file, self._parts[file.part])
            plan, wrong = self.plan(number, file.name, file.part, there)
            problems += wrong
            if plan is not None:
                plans.append(plan)
        if problems:
            more = f" (and {len(problems) - 1} more; see qfb check)" if len(problems) > 1 else ""
            raise InputError(problems[0] + more)
        return plans

    def feed(self, feed: Feed, number: int) -> FilePlan:
        """Return the plan of a change feed; raises as :meth:`files`."""
        plan, wrong = self.plan(number, feed.name, feed.part, list(feed.columns))
        if plan is None:
            raise InputError(wrong[0])
        return plan

    def plan(
        self, number: int, name: str, part_number: int, there: list[str]
    ) -> tuple[FilePlan | None, list[str]]:
        """Return how a file with some headers is cleaned, or what is wrong with it."""
        part = self._parts[part_number]
        if part.since is not None and self._source not in {*DATED, OPEN_BANKING}:
            where = part_key(self._config, self._source, part_number)
            msg = f"{where}: its rows have no date that `since` could mean; take `since` away"
            raise ConfigError(msg)
        recipe = recipe_of(self._config, self._source, part_number, there)
        mapped, wrong = match_columns(part, self._schema, recipe.names, name)
        if wrong:
            return None, wrong
        excludes = excluded_headers(part, recipe.names)
        currency = self._config.currency
        plan = FilePlan(
            number, name, self._source, part, self._schema, mapped, excludes, currency, recipe
        )
        return plan, []
