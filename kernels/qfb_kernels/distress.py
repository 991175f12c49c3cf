"""Distress that spreads from one firm after another, by lists of whom it comes to; host only.

Who passes on to whom is ``start`` (int64, shape (n_nodes + 1,)), ``column`` (int32, ascending
within a row), ``impact`` and ``share`` (float64, positive): a row a giver. Sums are taken in the
order of the givers' numbers, in which SciPy takes them: the same bits as by products of matrices.
Nodes come in this order by marks: one of their own in ``is_in``, one of their 64 in ``few``, one of
their 4,096 in ``many``, so that to look for them takes next to nothing where there are few.
"""

from __future__ import annotations

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

PART = 64


def _mark(node, is_in, few, many):
    """Mark a node."""
    is_in[node] = 1
    few[node // PART] = 1
    many[node // (PART * PART)] = 1


mark = twin(_mark, inline=True).cpu


def _ascending(is_in, few, many, order):
    """Write the nodes that are marked in their order, take the marks off; return how many."""
    n = is_in.shape[0] - is_in.shape[0]
    for wide in range(many.shape[0]):
        if many[wide] == 0:
            continue
        many[wide] = 0
        for part in range(wide * PART, min(wide * PART + PART, few.shape[0])):
            if few[part] == 0:
                continue
            few[part] = 0
            for node in range(part * PART, min(part * PART + PART, is_in.shape[0])):
                if is_in[node] == 1:
                    is_in[node] = 0
                    order[n] = node
                    n += 1
    return n


ascending = twin(_ascending).cpu


def _passed_on(start, column, weight, node, factor, total, hit, n):
    """Add a node's row times a factor to the totals; return how many nodes these are of."""
    for entry in range(start[node], start[node + 1]):
        taker = column[entry]
        if total[taker] == 0.0:
            hit[n] = taker
            n += 1
        total[taker] += weight[entry] * factor
    return n


passed_on = twin(_passed_on, inline=True).cpu


def _put_back(seen, n, distress, passed, lost, step):
    """Take back what a firm before has left at its nodes."""
    for at in range(n):
        node = seen[at]
        distress[node] = 0.0
        passed[node] = 0.0
        lost[node] = 0.0
        step[node] = -1


put_back = twin(_put_back).cpu


def _lose(start, column, share, seen, n, first, passed, lost, hit):
    """Add up by node which share of its income is not paid, by all in distress together."""
    for at in range(n):
        node = seen[at]
        if passed[node] > 0.0:
            passed_on(start, column, share, node, passed[node], lost, hit, n - n)
    for at in range(n):
        node = seen[at]
        lost[node] = min(lost[node], 1.0)
    lost[first] = 0.0


lose = twin(_lose).cpu


@rows_of("firm")
def spread_cpu(
    row_from, row_to, start, column, impact, share, firm, least, distress, passed, lost, step,
    seen, count, hit, order, is_in, few, many,
):  # fmt: skip
    """Let distress spread from the firm of each row until nobody passes any on.

    A row has ``distress`` (given at the firm), ``passed``, ``lost`` (zeros else) and ``step`` (-1)
    of its own, a value a node; where there is no ``share`` nothing is written to ``lost``. ``seen``
    gets the nodes in distress, ascending, ``count`` their number; what a call before has left
    there is put back first, so ``count`` begins with 0. The others are scratch, marks zeros.
    """
    for row in range(row_from, row_to):
        first, n_seen = firm[row], row - row
        amount = distress[row, first]
        put_back(seen[row], count[row], distress[row], passed[row], lost[row], step[row])
        distress[row, first] = amount
        if amount > 0.0:
            seen[row, 0] = first
            n_seen += 1
        n_turn, now = row - row, row - row
        if amount > least[0]:
            order[row, 0] = first
            n_turn += 1
        while n_turn > 0:
            n_hit = row - row
            for at in range(n_turn):
                node = order[row, at]
                step[row, node] = now
                passed[row, node] = distress[row, node]
                n_hit = passed_on(
                    start, column, impact, node, passed[row, node], lost[row], hit[row], n_hit
                )
            now += 1
            for at in range(n_hit):
                node = hit[row, at]
                before = distress[row, node]
                after = min(before + lost[row, node], 1.0)
                lost[row, node] = 0.0
                distress[row, node] = after
                if before == 0.0:
                    seen[row, n_seen] = node
                    n_seen += 1
                if step[row, node] < 0 and after > least[0]:
                    mark(node, is_in[row], few[row], many[row])
            n_turn = ascending(is_in[row], few[row], many[row], order[row])
        for at in range(n_seen):
            mark(seen[row, at], is_in[row], few[row], many[row])
        count[row] = ascending(is_in[row], few[row], many[row], seen[row])
        if share.shape[0] > 0:
            lose(
                start, column, share, seen[row], n_seen, first, passed[row], lost[row], hit[row]
            )  # fmt: skip
