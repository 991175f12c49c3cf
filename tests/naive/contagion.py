"""DebtRank and clearing on small networks by loops and dense linear algebra."""

import numpy as np

UNDISTRESSED, DISTRESSED, INACTIVE = "U", "D", "I"


def debtrank(impact, start):
    """Return distress at the end; ``impact[i][j]`` is what i's distress does to j.

    Word for word from the paper: three states, each node spreads in one round only.
    """
    n = len(start)
    h = list(start)
    state = [DISTRESSED if value > 0 else UNDISTRESSED for value in h]
    while DISTRESSED in state:
        new = list(h)
        for j in range(n):
            new[j] = min(1.0, h[j] + sum(impact[i][j] * h[i] for i in range(n)
                                         if state[i] == DISTRESSED))  # fmt: skip
        state = [
            INACTIVE if state[j] in (DISTRESSED, INACTIVE)
            else DISTRESSED if new[j] > 0 else UNDISTRESSED
            for j in range(n)
        ]  # fmt: skip
        h = new
    return h


def clearing(debts, outside, most):
    """Return the greatest clearing payments by the fictitious default sequence.

    ``debts[i][j]`` is what i owes j. Who defaults pays all it has, found by a linear system;
    who cannot pay then joins the defaulters, until nobody does.
    """
    debts, outside = np.asarray(debts, float), np.asarray(outside, float)
    owed = debts.sum(axis=1)
    share = np.divide(debts, owed[:, None], out=np.zeros_like(debts), where=owed[:, None] > 0)
    limit = np.minimum(owed, most)
    broken = np.zeros(len(owed), bool)
    paid = limit.copy()
    while True:
        has = outside + share.T @ paid
        now = broken | (has < limit - 1e-12 * np.maximum(limit, 1))
        if (now == broken).all():
            return paid
        broken = now
        inside = np.flatnonzero(broken)
        system = np.eye(len(inside)) - share.T[np.ix_(inside, inside)]
        given = outside[inside] + share.T[np.ix_(inside, ~broken)] @ limit[~broken]
        paid = limit.copy()
        paid[inside] = np.linalg.solve(system, given)
