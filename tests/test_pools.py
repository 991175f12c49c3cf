"""Lists of what rounds leave and take, groups' numbers and fingerprints, against plain lists."""

import numpy as np
import pytest
from naive import pools as naive
from simulate import launch

from qfb_gpu.backend import get_backend
from qfb_gpu.payments.units import make_units, offsets_of
from qfb_kernels import amounts, fingerprints, groups, pools

CPU = get_backend("cpu")
NULL_DAY = -(2**31)
SEEDS = range(6)


def on_host(name, module, n_rows, *arrays):
    CPU.launch(getattr(module, f"{name}_cpu"), None, n_rows, *arrays)


def simulated(name, module, n_rows, *arrays):
    launch(getattr(module, f"{name}_gpu"), n_rows, *arrays)


def case(seed, n_relations=9):
    """Return day, amount, owner, offsets: relations of none to twelve payments in day order."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 13, n_relations)
    offsets = offsets_of(sizes, np)
    n = int(offsets[-1])
    days = [np.sort(rng.integers(-900, 900, size)) for size in sizes]
    amount = rng.integers(-3, 60, n).astype(np.int64) * 100 * (rng.random(n) < 0.8)
    owner = rng.integers(-1, 3, n).astype(np.int32)
    return np.concatenate(days).astype(np.int64), amount, owner, offsets


def check_lists(run, seed):
    _, amount, owner, offsets = case(seed)
    relations = np.flatnonzero(np.arange(9) % 3 > 0)
    want = naive.left(amount, owner, offsets, relations)
    count = np.full(relations.size, -1, np.int64)
    run("left", pools, relations.size, amount, owner, offsets, relations, count)
    assert count.tolist() == [len(payments) for payments in want]
    pool_offsets = offsets_of(count, np)
    pool = np.full(int(pool_offsets[-1]), -1, np.int32)
    run("list", pools, relations.size, amount, owner, offsets, relations, pool_offsets, pool)
    assert pool.tolist() == [i for payments in want for i in payments]


def check_takes(run, seed):
    rng = np.random.default_rng(seed)
    member = rng.permutation(40).astype(np.int32)
    start, size = np.array([0, 9, 25], np.int64), np.array([7, 11, 0], np.int32)
    group = np.array([5, 3, 8], np.int32)
    slot_due = np.where(rng.random(40) < 0.4, NULL_DAY, rng.integers(0, 99, 40)).astype(np.int32)
    slot_offset = rng.integers(-3, 4, 40).astype(np.int32)
    owner, due, offset = (np.full(40, -1, np.int32) for _ in range(3))
    run("take", pools, 3, member, start, size, group, slot_due, slot_offset, owner, due, offset)
    want = [(-1, -1, -1)] * 40
    for begin, n, number in zip(start, size, group, strict=True):
        for slot in range(begin, begin + n):
            if slot_due[slot] != NULL_DAY:
                want[member[slot]] = (number, slot_due[slot], slot_offset[slot])
    assert list(zip(owner, due, offset, strict=True)) == want
    assert (owner >= 0).any()


def check_numbers(run, seed):
    _, _, owner, offsets = case(seed)
    first = np.arange(9, dtype=np.int64) * 3  # three groups a relation
    everywhere = np.full(owner.size, -7, np.int32)
    run("over_all", groups, 9, owner, offsets, first, everywhere)
    relation = np.repeat(np.arange(9), np.diff(offsets))
    assert everywhere.tolist() == np.where(owner >= 0, owner + first[relation], -1).tolist()
    of_group = np.full(27, -1, np.int64)
    run("relations", groups, 9, everywhere, offsets, of_group)
    seen = set(everywhere[everywhere >= 0].tolist())
    assert of_group.tolist() == [group // 3 if group in seen else -1 for group in range(27)]


def check_fingerprints(run, seed):
    day, amount, _, offsets = case(seed)
    found = np.zeros(9, np.uint64)
    run("fingerprints", fingerprints, 9, day, amount, offsets, found)
    bounds = zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    want = [naive.fingerprint(day[a:b].tolist(), amount[a:b].tolist()) for a, b in bounds]
    assert found.view("int64").tolist() == want


def check_units(run, seed):
    day, amount, _, offsets = case(seed)
    keep = np.diff(offsets) > 0
    pool_offsets = offsets_of(np.diff(offsets)[keep], np)
    pool = np.arange(day.size, dtype=np.int32)
    units = make_units(day, np.abs(amount), pool, pool_offsets, CPU)
    size = np.zeros((amounts.N_LEVELS, pool.size), np.int32)
    size.ravel()[units.start] = units.size
    order = units.member.reshape(size.shape)
    start, span = (np.full(units.start.size, -1, np.int64) for _ in range(2))
    sizes, owner = (np.full(units.start.size, -1, np.int32) for _ in range(2))
    run("units", amounts, int(keep.sum()), day, order, size, pool_offsets, units.pool_offsets,
        start, sizes, span, owner)  # fmt: skip
    want = naive.listed(day.tolist(), order.tolist(), size.tolist(), pool_offsets.tolist())
    assert list(zip(start, sizes, span, owner, strict=True)) == want
    assert np.bincount(owner).tolist() == np.diff(units.pool_offsets).tolist()
    assert len(want) > keep.sum()  # some pool has groups


CHECKS = [check_lists, check_takes, check_numbers, check_fingerprints, check_units]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("check", CHECKS)
def test_on_the_host(check, seed):
    check(on_host, seed)


@pytest.mark.cudasim
@pytest.mark.parametrize("check", CHECKS[:4])
def test_in_the_simulator(check):
    check(simulated, 1)
