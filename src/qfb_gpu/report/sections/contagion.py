"""Contagion: on whom most hangs, and the chains of the core enterprises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.report.charts.rows import rows
from qfb_gpu.report.figures.reading import read_or_none
from qfb_gpu.report.markup import Html, card, cards, empty, legend, name, section, table
from qfb_gpu.report.sections.section import Section
from qfb_gpu.report.wording import count, percent, plural

if TYPE_CHECKING:
    from qfb_gpu.report.figures.reading import Read

_FIRMS = [
    "firm_id", "is_customer", "debtrank", "debtrank_direct", "n_hit", "n_stopped", "farthest",
    "most_hit_id", "most_hit_share",
]  # fmt: skip
_CHAINS = ["core_id", "member_id", "side", "tier", "via_id", "share", "chain_share"]
_SHOWN = 12
_CORES = 12


def draw(read: Read) -> Html | None:
    """Return the section; None where the run has no contagion."""
    firms = read_or_none(read, "contagion", _FIRMS)
    if firms is None:
        return None
    found = firms.to_pylist()
    chains = read_or_none(read, "supply_chains", _CHAINS)
    members = [] if chains is None else chains.to_pylist()
    if not found:
        why = (
            "No firm is listed: none was asked for (network.contagion.n_firms), or no payment of "
            "the year up to the as-of date that names both its sides reached a customer."
        )
        return section("contagion", "Contagion", "风险传导", why, empty("Nothing to show."))
    return section(
        "contagion", "Contagion", "风险传导", _lead(found), cards(_bars(found), _cores(members)),
        _table(found),
    )  # fmt: skip


def _lead(found: list[dict[str, Any]]) -> str:
    worst = found[0]
    return (
        f"Of {plural(len(found), 'firm')} on which most hangs, the default of "
        f"{worst['firm_id']} would cost the others most: {percent(worst['debtrank'])} of all "
        f"customers' business (DebtRank), {plural(worst['n_hit'], 'customer')} losing 1% or more "
        "of a year's income. Ask about any firm with qfb whatif OUT --default FIRM."
    )


def _bars(found: list[dict[str, Any]]) -> Html:
    items = []
    for one in found[:_SHOWN]:
        beyond = max(one["debtrank"] - one["debtrank_direct"], 0.0)
        parts = [
            ("bad", one["debtrank_direct"], f"directly {percent(one['debtrank_direct'])}"),
            ("out", beyond, f"through others {percent(beyond)}"),
        ]
        items.append((one["firm_id"], parts, percent(one["debtrank"])))
    keys = legend(("bad", "at those it pays"), ("out", "through others"))
    return card(
        "Business lost if it stops paying", "违约损失", keys, rows(items),
        note="Share of all customers' yearly business, beyond the firm's own. A firm passes on as "
        "much as it loses; the settings are under network.contagion.",
    )  # fmt: skip


def _cores(members: list[dict[str, Any]]) -> Html:
    chains: dict[str, dict[str, list[float]]] = {}
    for one in members:
        sides = chains.setdefault(one["core_id"], {"upstream": [], "downstream": []})
        sides[one["side"]].append(one["chain_share"])
    if not chains:
        shown = empty("No customer's business hangs on one firm by the share that is asked for.")
        return card("Core enterprises and their chains", "核心企业与上下游", shown)
    items = []
    for core, sides in list(chains.items())[:_CORES]:
        up, down = len(sides["upstream"]), len(sides["downstream"])
        parts = [("in", float(up), f"{up} upstream"), ("mature", float(down), f"{down} downstream")]
        items.append((core, parts, f"{count(up)} + {count(down)}"))
    keys = legend(("in", "sell towards it 上游"), ("mature", "buy from it 下游"))
    return card(
        "Core enterprises and their chains", "核心企业与上下游", keys, rows(items),
        note="Customers whose business hangs on the firm by at least the share of the settings, "
        "directly or over others; highest core score first.",
    )  # fmt: skip


def _table(found: list[dict[str, Any]]) -> Html:
    heads = [("If it stops paying 违约企业", ""), ("", "min"), ("DebtRank", "n"), ("Direct", "n"),
             ("Hit 受影响", "n"), ("Stopped 停付", "n"), ("Farthest", "n min"),
             ("Most hit 损失最大", ""), ("loses", "n")]  # fmt: skip
    lines = [
        (name(one["firm_id"]), "customer" if one["is_customer"] else "counterparty",
         percent(one["debtrank"]), percent(one["debtrank_direct"]), count(one["n_hit"]),
         count(one["n_stopped"]), count(one["farthest"]),
         name(one["most_hit_id"]) if one["most_hit_id"] else "",
         percent(one["most_hit_share"]))
        for one in found[:_SHOWN]
    ]  # fmt: skip
    return card(
        "Firms on which most hangs", "系统重要企业", table(heads, lines, "Costliest defaults"),
        note="Hit: customers that lose 1% or more of a year's income. Farthest: payments in a row "
        "to the farthest of them.",
        wide=True,
    )  # fmt: skip


CONTAGION = Section("contagion", "Contagion", "风险传导", draw)
