"""Features of the products that a customer holds and has held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.profile.feature import Feature, declared
from qfb_gpu.profile.grouped import YEAR, grouped, within

if TYPE_CHECKING:
    from qfb_gpu.backend import Backend
    from qfb_gpu.ledger import SourceRows


def _row(name: str, unit: str, words: str, words_zh: str, dtype: Any = "float64") -> Feature:
    return Feature(f"products_{name}", unit, words, words_zh, dtype, "products")


PRODUCTS = (
    _row("n_held", "products", "products opened and not closed by the as-of day",
         "截止日已开立且未关闭的产品数",
         "int64"),
    _row("n_ever", "products", "products ever opened", "曾开立的产品数", "int64"),
    _row("n_opened_365d", "products", "opened in the last 365 days", "最近365天新开产品数",
         "int64"),
    _row("n_closed_365d", "products", "closed in the last 365 days", "最近365天关闭产品数",
         "int64"),
    _row("tenure_days", "days", "as-of day less the first opening; null: never held one",
         "截止日距首次开立的天数（从未持有为空）"),
    _row("days_since_opened", "days", "as-of day less the last opening",
         "截止日距最近一次开立的天数"),
    _row("days_since_closed", "days", "as-of day less the last closing; null: none closed",
         "截止日距最近一次关闭的天数（没有关闭为空）"),
)  # fmt: skip


def products_features(
    products: SourceRows, n_customers: int, as_of_day: int, backend: Backend
) -> dict[str, Any]:
    """Return what :data:`PRODUCTS` declares, a value per customer of the ledger."""
    rows = grouped(products, n_customers, as_of_day, backend)
    opened, closed = rows.column("opened_date"), rows.column("closed_date")
    found = {
        "n_held": rows.count(closed == NULL_DAY),
        "n_ever": rows.count(opened != NULL_DAY),
        "n_opened_365d": rows.count(within(rows.age("opened_date"), YEAR)),
        "n_closed_365d": rows.count(within(rows.age("closed_date"), YEAR)),
        "tenure_days": rows.since(opened, first=True),
        "days_since_opened": rows.since(opened),
        "days_since_closed": rows.since(closed),
    }
    return declared(found, PRODUCTS, backend)
