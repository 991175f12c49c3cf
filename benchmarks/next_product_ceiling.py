"""How well anything could name the next product of the generated portfolios.

    python benchmarks/next_product_ceiling.py [--blocks 4] [--seeds 4]

A customer's product is opened at a rate of its own: size, and three tastes that nobody sees. Among
customers that open a product in 180 days: an oracle that knows the rates; the best that can be
known without the tastes, their mean given what was opened and when (by 4,000 draws from the
prior); size alone; the true popularity, once of what a customer does not hold and once of what it
never had.
"""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path

import numpy as np
import results_file

from qfb_gpu._portfolio import holdings as drawn
from qfb_gpu._portfolio.firms import draw_firms
from qfb_gpu._portfolio.holdings import _BY_SIZE, _CARE, _CREDIT, _PER_YEAR, _TRADE
from qfb_gpu._portfolio.relations import NEVER
from qfb_gpu._portfolio.setting import BLOCK, Part
from qfb_gpu.portfolio import _setting

AS_OF = dt.date(2024, 12, 31)
DRAWS, TASTE, YEAR, MOST = 4_000, 0.9, 365.2425, 2.0
LOADS = np.stack([_CREDIT, _TRADE, _CARE])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    chosen = parser.parse_args()
    file = results_file.ResultsFile.open(
        chosen.out, "next_product_ceiling", {"customers": chosen.blocks * BLOCK}
    )
    for seed in range(1, chosen.seeds + 1):
        for method, place in places(seed, chosen.blocks).items():
            row = {"seed": seed, "method": method, "n_rows": int(place.size)}
            row |= {f"hit_rate_{k}": float(np.mean(place < k)) for k in (1, 3)}
            file.append(row)
            print(row)
    print(file.path)


def places(seed, n_blocks):
    """Return how many products each method puts before the one that is opened first."""
    setting = _setting(n_blocks * BLOCK, seed, AS_OF, 24, 1.0, None)
    tastes = np.random.default_rng(0).normal(0, TASTE, (DRAWS, 3))
    found = {}
    for block in range(n_blocks):
        for method, place in of_block(setting, block, np.exp(tastes @ LOADS)).items():
            found.setdefault(method, []).append(place)
    return {method: np.concatenate(parts) for method, parts in found.items()}


def of_block(setting, block, multiples):
    firms = draw_firms(setting, block)
    held = drawn.draw_holdings(setting, block, firms)
    own = setting.rng(block, Part.HOLDINGS).normal(0, TASTE, (3, BLOCK, 1))  # as it drew them
    by_size = _BY_SIZE * (firms.size[:, None] - 0.5)
    usual = _PER_YEAR * np.exp(by_size)
    rates = np.minimum(usual * np.exp((own * LOADS[:, None, :]).sum(axis=0)), MOST)
    day = np.where(held.opened > setting.as_of_day, held.opened, NEVER)
    first = day.argmin(axis=1)
    opens = np.flatnonzero(day[np.arange(BLOCK), first] <= setting.as_of_day + drawn.HORIZON_DAYS)
    had = held.opened <= setting.as_of_day
    holds = had & (held.closed > setting.as_of_day)
    until = np.where(had, held.opened, setting.as_of_day) - firms.opened_day[:, None]
    expected = np.zeros(rates.shape)
    for at in opens:
        rate = np.minimum(usual[at] * multiples, MOST)
        seen = np.where(had[at], np.log(np.maximum(rate, 1e-12)), 0.0) - rate * until[at] / YEAR
        seen = seen[:, np.arange(len(drawn.PRODUCTS)) != drawn.ACCOUNT].sum(axis=1)
        weight = np.exp(seen - seen.max())
        expected[at] = weight @ rate / weight.sum()
    scores = {
        "oracle of the rates": np.where(had, -1, rates),
        "best without the tastes": np.where(had, -1, expected),
        "size": np.where(had, -1, usual),
        "true popularity, never had": np.where(had, -1, _PER_YEAR),
        "true popularity, not held": np.where(holds, -1, _PER_YEAR),
    }
    return {
        method: (score[opens] > score[opens, first[opens]][:, None]).sum(axis=1)
        for method, score in scores.items()
    }


if __name__ == "__main__":
    main()
