"""Round trips of money, as a list to look into."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from qfb_gpu.report.figures.reading import read_or_none
from qfb_gpu.report.markup import Html, card, empty, esc, section, table
from qfb_gpu.report.sections.section import Section
from qfb_gpu.report.wording import count, day, money, percent, plural, to_units

if TYPE_CHECKING:
    from qfb_gpu.report.figures.reading import Read

_COLUMNS = [
    "currency", "parties", "length", "n_trips", "first_date", "last_date", "days", "amount_minor",
    "returned_share", "is_complete",
]  # fmt: skip
_SHOWN = 20


def draw(read: Read) -> Html | None:
    """Return the section; None where the run did not look for round trips."""
    found = read_or_none(read, "round_trips", _COLUMNS)
    if found is None:
        return None
    if not found.num_rows:
        why = "No money came back to where it left within the days that are asked for."
        return section("round-trips", "Round trips", "资金回流", why, empty("Nothing to show."))
    longer = int(pc.sum(pc.greater(found.column("length"), 2)).as_py() or 0)
    lead = (
        f"Money came back to the party it left on {plural(found.num_rows, 'way')}, "
        f"{count(longer)} of them over three parties or more. Two firms that buy from each other "
        "are no wonder; equal sums that are back within days, or over several firms, are worth a "
        "look."
    )
    lines = [_line(row) for row in found.slice(0, _SHOWN).to_pylist()]
    heads = [("Parties, in the order of the money 路径", ""), ("Trips", "n"), ("Days", "n"),
             ("Left", "n"), ("Came back", "n"), ("Last", "n min")]  # fmt: skip
    rest = found.num_rows - _SHOWN
    note = f"{count(rest)} more are in the round_trips table." if rest > 0 else ""
    if pc.any(pc.equal(found.column("is_complete"), False)).as_py():  # noqa: FBT003
        note += " The search was cut short for some payments; a larger max_looks finds more."
    shown = card(
        "Ways of money that came back", "回流路径", table(heads, lines, "Round trips"), note=note,
        wide=True,
    )  # fmt: skip
    return section("round-trips", "Round trips", "资金回流", lead, shown)


def _line(row: dict[str, Any]) -> tuple[object, ...]:
    parties = json.loads(row["parties"])
    return (
        esc(" → ".join([*parties, parties[0]]), 300),
        count(row["n_trips"]),
        count(row["days"]),
        money(to_units(row["amount_minor"], row["currency"]), row["currency"]),
        percent(row["returned_share"]),
        day(row["last_date"]),
    )


ROUND_TRIPS = Section("round-trips", "Round trips", "资金回流", draw)
