"""Gold: contracts, orders, payment terms and risks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qfb_gpu._schema.model import Table

TABLES: tuple[Table, ...] = ()
