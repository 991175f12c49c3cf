"""``qfb ego OUT FIRM``: the neighbourhood of one party."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads it at run time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qfb_gpu._cli import wording
from qfb_gpu._cli.screen import MOST_ROWS

if TYPE_CHECKING:
    from rich.table import Table


def add_ego(app: typer.Typer) -> None:
    """Add the command."""

    @app.command()
    def ego(
        out: Annotated[Path, typer.Argument(help=wording.OUT)],
        firm: Annotated[str, typer.Argument(help="a customer or counterparty id")],
        limit: Annotated[
            int, typer.Option(min=1, max=MOST_ROWS, help="partners to print at most, on each side")
        ] = 10,
    ) -> None:
        """Show one party's neighbours: whom it pays, who pays it, who of them trade together."""
        from qfb_gpu._cli.screen import console
        from qfb_gpu.lake import gold
        from qfb_gpu.report.asked import has_left, of_who_left
        from qfb_gpu.report.ego import ego as neighbourhood
        from qfb_gpu.report.wording import count, plural

        read, screen = gold.reader(out), console()
        found = neighbourhood(read, firm)
        node = found.node
        if node["is_customer"] and has_left(read, node["node_id"]):
            screen.print(of_who_left(node["node_id"]), markup=False)
        screen.print(
            f"{node['node_id']}: {'customer' if node['is_customer'] else 'no customer'}, community "
            f"{node['community_id']}, core score {node['core_score']:.1f}, "
            f"{plural(node['degree_in'], 'payer')}, {plural(node['degree_out'], 'payee')}, "
            f"{count(node['triangles'])} pairs of partners deal with each other "
            f"({100 * node['clustering']:.1f}%), k-core {node['k_core']}",
            markup=False,
        )
        screen.print(_side("is paid by", found.is_paid_by, "payer_id", "income_share", limit))
        screen.print(_side("pays", found.pays, "payee_id", "spending_share", limit))
        for title, pairs in (
            ("partners that deal with each other", [f"{a} - {b}" for a, b in found.among]),
            ("related parties", [f"{r['related_id']} {r['shared']}" for r in found.related]),
        ):
            shown = ", ".join(pairs[:limit]) + (" ..." if len(pairs) > limit else "")
            screen.print(f"{title}: {shown or 'none'}", markup=False)


def _side(title: str, rows: list[dict[str, Any]], other: str, share: str, limit: int) -> Table:
    from rich.table import Table
    from rich.text import Text

    from qfb_gpu.report.wording import money_exact, percent

    n_parties = len({row[other] for row in rows})
    lines = "" if n_parties == len(rows) else f", a line for each of its currencies: {len(rows):,}"
    grid = Table(title=f"{title}: {n_parties:,}{lines}", title_justify="left", box=None)
    grid.add_column("party", overflow="fold")
    for head in ("payments of the year", "amount", "share", "last"):
        grid.add_column(head, justify="right")
    if len(rows) > limit:
        grid.caption = f"{len(rows) - limit:,} more have less; --limit shows more"
        grid.caption_justify = "left"
    for row in rows[:limit]:
        grid.add_row(
            Text(row[other]), f"{row['n_payments_365d']:,}",
            money_exact(row["amount_365d_minor"], row["currency"]), percent(row[share] or 0.0),
            str(row["last_date"]),
        )  # fmt: skip
    return grid
