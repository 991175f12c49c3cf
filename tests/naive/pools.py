"""What rounds leave and take, relation by relation and payment by payment, in plain lists."""

_ODD, _MASK = 0x9E3779B97F4A7C15, 2**64 - 1


def left(amount, owner, offsets, relations):
    """Return the payments of each relation that no group owns, reversals left out."""
    return [
        [i for i in range(offsets[r], offsets[r + 1]) if owner[i] < 0 and amount[i] >= 0]
        for r in relations
    ]


def listed(day, order, size, offsets):
    """Return (start, size, span, pool) of all groups: by pool, then level, then place."""
    n_slots = len(size[0])
    units = []
    for pool in range(len(offsets) - 1):
        for level, sizes in enumerate(size):
            for at in range(offsets[pool], offsets[pool + 1]):
                if sizes[at] > 0:
                    days = [day[i] for i in order[level][at : at + sizes[at]]]
                    start = level * n_slots + at
                    units.append((start, sizes[at], days[-1] - days[0] + 1, pool))
    return units


def finalised(mix):
    """Return splitmix64's finaliser of a number."""
    mix = (mix ^ (mix >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    mix = (mix ^ (mix >> 27)) * 0x94D049BB133111EB & _MASK
    return mix ^ (mix >> 31)


def fingerprint(days, amounts):
    """Return the hash of a relation's payments as a signed number."""
    total = 0
    for day, amount in zip(days, amounts, strict=True):
        total += finalised(finalised(day * _ODD & _MASK) ^ (amount & _MASK))
    found = finalised((total & _MASK) ^ (len(days) * _ODD & _MASK))
    return found - 2**64 if found >= 2**63 else found
