"""The firms of one block: who they are, and which of them trade with each other.

A firm is an int64 code: a customer's number (0, 1, ...), or negative for one that is not in the
bank's books (see :func:`hub` and :func:`outside`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qfb_gpu._portfolio.kinds import (
    BY_PROVINCE,
    HUB_CHOICES,
    HUBS,
    INDUSTRY_WEIGHTS,
    PROVINCE_WEIGHTS,
    SIZE_SCALE,
    SIZE_WEIGHTS,
)
from qfb_gpu._portfolio.relations import NEVER
from qfb_gpu._portfolio.setting import (
    BLOCK,
    FIRST_HUB,
    FIRST_OUTSIDE,
    NULL_FIRM,
    Part,
    Setting,
    pick,
    ragged,
)
from qfb_gpu._portfolio.text import fixed_width, letters, numbers

_OUTSIDE_PER_BLOCK = 1 << 15
_LARGE = 3
_FADES_DAYS = 270
_MOST_FADED = 0.9
_HUB_STEP = 100


@dataclass(frozen=True, slots=True)
class Firms:
    """One block's customers, arrays of shape (BLOCK,).

    ``tidy`` is 0 for a firm that always pays on the day and 1 for a sloppy one; ``churn_day`` is
    0 where the customer stays; ``core`` is the customer number of the chain's core enterprise
    (-1: none) and ``tier`` its place: 0 core, 1 supplier, 2 supplier's supplier, -1 distributor.
    """

    number: np.ndarray
    size: np.ndarray
    industry: np.ndarray
    province: np.ndarray
    scale: np.ndarray
    opened_day: np.ndarray
    currency: np.ndarray
    english: np.ndarray
    tidy: np.ndarray
    active: np.ndarray
    churn_day: np.ndarray
    core: np.ndarray
    tier: np.ndarray

    @property
    def leaves_day(self) -> np.ndarray:
        """The day each customer leaves, ``NEVER`` where it stays."""
        return np.where(self.churn_day == 0, NEVER, self.churn_day)


def fading(leaves_day: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Return the chance that something a customer would do on a day is not done: it is leaving.

    0 until ``_FADES_DAYS`` before it leaves, then ever closer to ``_MOST_FADED``.
    """
    faded: np.ndarray = np.clip(1.0 - (leaves_day - day) / _FADES_DAYS, 0.0, _MOST_FADED)
    return faded


def hub(kind: str, choice: np.ndarray) -> np.ndarray:
    """Return the codes of public counterparties: tax offices, insurers, grid companies."""
    return FIRST_HUB - HUBS.index(kind) * _HUB_STEP - choice


def hub_for(kind: str, rng: np.random.Generator, province: np.ndarray) -> np.ndarray:
    """Return the hub each firm deals with: its province's, or any."""
    if kind in BY_PROVINCE:
        return hub(kind, province)
    return hub(kind, rng.integers(0, HUB_CHOICES[kind], len(province)))


def outside(block: int, start: int, n: int) -> np.ndarray:
    """Return codes of ``n`` firms that bank elsewhere, from number ``start`` of this block on."""
    return FIRST_OUTSIDE - block * _OUTSIDE_PER_BLOCK - start - np.arange(n, dtype=np.int64)


def firm_ids(codes: np.ndarray) -> pa.Array:
    """Return the ids of firm codes: C customers, H public hubs, X others; null for none."""
    codes = np.asarray(codes, dtype=np.int64)
    inside, far = codes >= 0, codes <= FIRST_OUTSIDE
    number = np.where(inside, codes, np.where(far, FIRST_OUTSIDE - codes, NULL_FIRM - codes))
    letter = letters(np.where(inside, 0, np.where(far, 1, 2)), "CXH")
    ids = fixed_width([letter, numbers(number, 4)])
    missing = codes == NULL_FIRM
    return pc.if_else(pa.array(~missing), ids, None) if missing.any() else ids


def draw_firms(setting: Setting, block: int) -> Firms:
    """Draw the customers ``block * BLOCK`` to ``(block + 1) * BLOCK - 1``."""
    rng = setting.rng(block, Part.FIRMS)
    size = pick(rng, SIZE_WEIGHTS, BLOCK)
    scale = np.asarray(SIZE_SCALE)[size] * np.exp(rng.normal(0, 0.5, BLOCK))
    window = setting.as_of_day - setting.start_day
    opened = setting.start_day - rng.integers(30, 4000, BLOCK)
    is_new = rng.random(BLOCK) < 0.1
    opened[is_new] = setting.start_day + (rng.random(is_new.sum()) * 0.9 * window).astype(np.int64)
    leaves = rng.random(BLOCK) < 0.06
    churn = np.where(leaves, setting.as_of_day + rng.integers(20, 180, BLOCK), 0)
    core, tier = _chains(rng, size, block * BLOCK)
    return Firms(
        number=block * BLOCK + np.arange(BLOCK),
        size=size,
        industry=pick(rng, INDUSTRY_WEIGHTS, BLOCK),
        province=pick(rng, PROVINCE_WEIGHTS, BLOCK),
        scale=scale,
        opened_day=opened,
        currency=pick(rng, (0.96, 0.02, 0.01, 0.01), BLOCK),
        english=rng.random(BLOCK) < 0.15,
        tidy=rng.random(BLOCK) ** 2,
        active=np.exp(rng.normal(-0.4, 0.9, BLOCK)),
        churn_day=churn,
        core=core,
        tier=tier,
    )


def _chains(
    rng: np.random.Generator, size: np.ndarray, first: int
) -> tuple[np.ndarray, np.ndarray]:
    """Give some firms a core enterprise: one of the block's large firms, and a tier."""
    core = np.full(BLOCK, -1)
    tier = np.full(BLOCK, -9)
    cores = np.flatnonzero(size == _LARGE)
    joins = rng.random(BLOCK) < 0.45
    chosen = rng.integers(0, max(len(cores), 1), BLOCK)
    place = np.array([1, 2, -1])[pick(rng, (4, 5, 3), BLOCK)]
    if len(cores):
        core[joins] = first + cores[chosen[joins]]
        tier[joins] = place[joins]
        core[cores], tier[cores] = first + cores, 0
    return core, tier


def draw_edges(rng: np.random.Generator, firms: Firms) -> tuple[np.ndarray, np.ndarray]:
    """Draw who pays whom inside the block: chains, then trade that favours the big.

    Returns
    -------
    payer, payee : int array, shape (n_edges,), rows of ``firms``; never equal
    """
    first = int(firms.number[0])
    core_row = firms.core - first
    suppliers = np.flatnonzero(firms.tier == 1)
    buyers = np.flatnonzero(firms.tier == -1)
    second = np.flatnonzero(firms.tier == 2)
    payer = [core_row[suppliers], buyers]
    payee = [suppliers, core_row[buyers]]
    if len(suppliers):
        links = 1 + rng.poisson(0.6, len(second))
        owner, _ = ragged(links)
        payee.append(second[owner])
        payer.append(suppliers[rng.integers(0, len(suppliers), len(owner))])
    n_random = BLOCK
    weight = firms.scale**0.5
    payer.append(pick(rng, weight, n_random))
    payee.append(pick(rng, weight, n_random))
    both = np.stack([np.concatenate(payer), np.concatenate(payee)])
    both = both[:, both[0] != both[1]]
    return both[0], both[1]
