"""Tallies of a customer's payments: counts, money and counterparties, all exact int64.

Layout: the two levels of CSR of :class:`qfb_gpu.ledger.Ledger`; a launch works on the customers
``first .. first + n_rows - 1`` and row ``i`` of its tables is customer ``first + i``. Relation
``r`` is row ``r - first_relation`` of ``windows``. The age of a payment is the as-of day less
its day, so 0 is the as-of day itself and a window of ``n`` days holds the ages ``0 .. n - 1``.
Money counts in the customer's main currency only; everything is an integer, so no order of
relations (they are sorted by hashed names) can change a bit.
"""

from __future__ import annotations

from numba import cuda

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

# Age classes: under 7, 30, 90, 365 days, and older.
N_AGES = 5
N_MONTHS, MONTH_DAYS, YEAR_DAYS, PRIOR_DAYS = 12, 30, 365, 455
# Columns of `windows`, a row per relation.
ALL_SUM, YEAR_SUM, N_90, N_YEAR = range(4)
N_WINDOWS = 4
# Columns of `counts`, a row per customer; all currencies.
N_IN, N_OUT, MONTH_N, PRIOR_N, WEEKDAY_N = 0, 5, 10, 22, 23
START_N, END_N, REVERSAL_N, FIRST_DAY, LAST_DAY = 30, 31, 32, 33, 34
N_COUNTS = 35
# Columns of `money`; main currency only.
SUM_IN, SUM_OUT, MONTH_IN, MONTH_OUT = 0, 5, 10, 22
PRIOR_IN, PRIOR_OUT, LARGEST_IN, LARGEST_OUT, PAID_IN, PAID_OUT, N_MAIN = range(34, 41)
N_MONEY = 41
# Columns of `partners`: counterparties, and how concentrated the money is among them.
KNOWN, KNOWN_90, KNOWN_YEAR, BEFORE, NEW, LOST = range(6)
KNOWN_SUM, TOP_SUM, SQUARES, WITH_MONEY = 6, 8, 10, 12  # + direction
N_PARTNERS = 14
SHARE_ONE = 2**30
"""A share of 1 in the fixed point of SQUARES, whose 1 is ``SHARE_ONE ** 2``."""

_NO_CURRENCY = 2**15
_FAR = 2**31 - 1


def _windows_row(day, amount, relation_offsets, as_of, relation, windows, row):
    """Sum one relation: money of all time and of a year, payments of 90 days and of a year."""
    total, year, n_90, n_year = 0, 0, 0, 0
    for p in range(relation_offsets[relation], relation_offsets[relation + 1]):
        age = int(as_of - day[p])
        total += amount[p]
        if age < YEAR_DAYS:
            year += amount[p]
            n_year += 1
            if age < 90:
                n_90 += 1
    windows[row, ALL_SUM] = total
    windows[row, YEAR_SUM] = year
    windows[row, N_90] = n_90
    windows[row, N_YEAR] = n_year


def _currency_row(
    day, relation_offsets, currency, windows, first_relation, start, stop, main, n_currencies, row
):
    """Choose the main currency: most payments, then latest, then most money, then first code."""
    best, best_n, best_last, best_sum, n = -1, -1, -_FAR, -1, 0
    candidate = -1
    while candidate < _NO_CURRENCY:
        following, n_paid, last, total = _NO_CURRENCY, 0, -_FAR, 0
        for r in range(start, stop):
            if currency[r] == candidate:
                n_paid += relation_offsets[r + 1] - relation_offsets[r]
                last = max(last, day[relation_offsets[r + 1] - 1])
                total += windows[r - first_relation, ALL_SUM]
            elif candidate < currency[r] < following:
                following = currency[r]
        n += n_paid > 0
        total = abs(total)
        better = n_paid > best_n or (n_paid == best_n and last > best_last)
        better = better or (n_paid == best_n and last == best_last and total > best_sum)
        if better and candidate >= 0:
            best, best_n, best_last, best_sum = candidate, n_paid, last, total
        candidate = following
    main[row] = best
    n_currencies[row] = n


def _counts_row(
    day, amount, relation_offsets, direction, month_part, as_of, start, stop, counts, row
):
    """Count one customer's payments by age, month, weekday and part of the month."""
    for c in range(N_COUNTS):
        counts[row, c] = 0
    first, last = _FAR, -_FAR
    for r in range(start, stop):
        side = N_IN if direction[r] == 0 else N_OUT
        begin, end = relation_offsets[r], relation_offsets[r + 1]
        if begin < end:
            first, last = min(first, day[begin]), max(last, day[end - 1])
        for p in range(begin, end):
            age = int(as_of - day[p])
            older = (age >= 7) + (age >= 30) + (age >= 90) + (age >= YEAR_DAYS)
            counts[row, side + older] += 1
            if age < N_MONTHS * MONTH_DAYS:
                counts[row, MONTH_N + age // MONTH_DAYS] += 1
            if age < YEAR_DAYS:
                counts[row, WEEKDAY_N + (day[p] + 3) % 7] += 1
                if month_part[age] > 0:
                    counts[row, START_N + month_part[age] - 1] += 1
                if amount[p] < 0:
                    counts[row, REVERSAL_N] += 1
            elif age < PRIOR_DAYS:
                counts[row, PRIOR_N] += 1
    counts[row, FIRST_DAY] = first
    counts[row, LAST_DAY] = last


def _money_row(
    day, amount, relation_offsets, direction, currency, main, as_of, start, stop, money, row
):
    """Sum one customer's money in the main currency by age and month; reversals subtract."""
    for c in range(N_MONEY):
        money[row, c] = 0
    for r in range(start, stop):
        if currency[r] != main[row]:
            continue
        side = 0 if direction[r] == 0 else 1
        total, month = side * N_AGES, MONTH_IN + side * N_MONTHS
        money[row, N_MAIN] += relation_offsets[r + 1] - relation_offsets[r]
        for p in range(relation_offsets[r], relation_offsets[r + 1]):
            age = int(as_of - day[p])
            older = (age >= 7) + (age >= 30) + (age >= 90) + (age >= YEAR_DAYS)
            money[row, total + older] += amount[p]
            if age < N_MONTHS * MONTH_DAYS:
                money[row, month + age // MONTH_DAYS] += amount[p]
            if age < YEAR_DAYS:
                if amount[p] > 0:
                    money[row, PAID_IN + side] += 1
                    money[row, LARGEST_IN + side] = max(money[row, LARGEST_IN + side], amount[p])
            elif age < PRIOR_DAYS:
                money[row, PRIOR_IN + side] += amount[p]


def _partners_row(
    day, relation_offsets, key, windows, first_relation, as_of, start, stop, partners, row
):
    """Count one customer's counterparties: known, active, new and lost; null ones left out."""
    for c in range(KNOWN_SUM):
        partners[row, c] = 0
    r = start
    while r < stop:
        name = key[r]
        first, n_90, n_year, n_before = _FAR, 0, 0, 0
        while r < stop and key[r] == name:
            if relation_offsets[r] < relation_offsets[r + 1]:
                first = min(first, day[relation_offsets[r]])
            n_90 += windows[r - first_relation, N_90]
            n_year += windows[r - first_relation, N_YEAR]
            r += 1
        if name == 0 or first == _FAR:
            continue
        n_before = n_year - n_90
        partners[row, KNOWN] += 1
        partners[row, KNOWN_90] += n_90 > 0
        partners[row, KNOWN_YEAR] += n_year > 0
        partners[row, BEFORE] += n_before > 0
        partners[row, NEW] += as_of - first < 90
        partners[row, LOST] += n_before > 0 and n_90 == 0


def _shares_row(
    key, direction, currency, main, windows, first_relation, start, stop, partners, row
):
    """Measure how a year's money in the main currency spreads over the known counterparties.

    A share is kept in whole steps of 2 ** -30, so that the sum of their squares is exact.
    """
    for c in range(KNOWN_SUM, N_PARTNERS):
        partners[row, c] = 0
    for r in range(start, stop):
        money = windows[r - first_relation, YEAR_SUM]
        if key[r] != 0 and currency[r] == main[row] and money > 0:
            side = 0 if direction[r] == 0 else 1
            partners[row, KNOWN_SUM + side] += money
            partners[row, TOP_SUM + side] = max(partners[row, TOP_SUM + side], money)
            partners[row, WITH_MONEY + side] += 1
    for r in range(start, stop):
        money = windows[r - first_relation, YEAR_SUM]
        if key[r] != 0 and currency[r] == main[row] and money > 0:
            side = 0 if direction[r] == 0 else 1
            share = int(money / partners[row, KNOWN_SUM + side] * SHARE_ONE + 0.5)
            partners[row, SQUARES + side] += share * share


_windows_cpu, _windows_gpu = twin(_windows_row)
_currency_cpu, _currency_gpu = twin(_currency_row)
_counts_cpu, _counts_gpu = twin(_counts_row)
_money_cpu, _money_gpu = twin(_money_row)
_partners_cpu, _partners_gpu = twin(_partners_row)
_shares_cpu, _shares_gpu = twin(_shares_row)


@rows_of("windows")
def windows_cpu(row_from, row_to, day, amount, relation_offsets, as_of, first_relation, windows):
    """Loop over the relations ``first_relation .. first_relation + n_rows - 1``."""
    for row in range(row_from, row_to):
        relation = first_relation + row
        _windows_cpu(day, amount, relation_offsets, as_of, relation, windows, row)


@cuda.jit
def windows_gpu(day, amount, relation_offsets, as_of, first_relation, windows):
    """One thread per relation."""
    row = cuda.grid(1)
    if row < windows.shape[0]:
        relation = first_relation + row
        _windows_gpu(day, amount, relation_offsets, as_of, relation, windows, row)


@rows_of("main")
def currency_cpu(
    row_from, row_to,
    day, relation_offsets, currency, windows, customer_offsets, first, main, n_currencies,
):  # fmt: skip
    """Loop over customers."""
    first_relation = customer_offsets[first]
    for row in range(row_from, row_to):
        start, stop = customer_offsets[first + row], customer_offsets[first + row + 1]
        _currency_cpu(
            day, relation_offsets, currency, windows, first_relation, start, stop,
            main, n_currencies, row,
        )  # fmt: skip


@cuda.jit
def currency_gpu(
    day, relation_offsets, currency, windows, customer_offsets, first, main, n_currencies
):
    """One thread per customer."""
    row = cuda.grid(1)
    if row < main.shape[0]:
        start, stop = customer_offsets[first + row], customer_offsets[first + row + 1]
        _currency_gpu(
            day, relation_offsets, currency, windows, customer_offsets[first], start, stop,
            main, n_currencies, row,
        )  # fmt: skip


@rows_of("counts")
def counts_cpu(
    row_from, row_to,
    day, amount, relation_offsets, direction, month_part, as_of, customer_offsets, first, counts,
):  # fmt: skip
    """Loop over customers."""
    for row in range(row_from, row_to):
        start, stop = customer_offsets[first + row], customer_offsets[first + row + 1]
        _counts_cpu(
            day, amount, relation_offsets, direction, month_part, as_of, start, stop, counts, row
        )


@cuda.jit
def counts_gpu(
    day, amount, relation_offsets, direction, month_part, as_of, customer_offsets, first, counts
):
    """One thread per customer."""
    row = cuda.grid(1)
    if row < counts.shape[0]:
        start, stop = customer_offsets[first + row], customer_offsets[first + row + 1]
        _counts_gpu(
            day, amount, relation_offsets, direction, month_part, as_of, start, stop, counts, row
        )


@rows_of("money")
def money_cpu(
    row_from, row_to,
    day, amount, relation_offsets, direction, currency, main, as_of, customer_offsets, first, money,
):  # fmt: skip
    """Loop over customers."""
    for row in range(row_from, row_to):
        start, stop = customer_offsets[first + row], customer_offsets[first + row + 1]
        _money_cpu(
            day, amount, relation_offsets, direction, currency, main, as_of, start, stop, money, row
        )


@cuda.jit
def money_gpu(
    day, amount, relation_offsets, direction, currency, main, as_of, customer_offsets, first, money
):
    """One thread per customer."""
    row = cuda.grid(1)
    if row < money.shape[0]:
        start, stop = customer_offsets[first + row], customer_offsets[first + row + 1]
        _money_gpu(
            day, amount, relation_offsets, direction, currency, main, as_of, start, stop, money, row
        )


@rows_of("partners")
def partners_cpu(
    row_from, row_to,
    day, relation_offsets, key, direction, currency, main, windows, as_of, customer_offsets,
    first, partners,
):  # fmt: skip
    """Loop over customers."""
    first_relation = customer_offsets[first]
    for row in range(row_from, row_to):
        start, stop = customer_offsets[first + row], customer_offsets[first + row + 1]
        _partners_cpu(
            day, relation_offsets, key, windows, first_relation, as_of, start, stop, partners, row
        )
        _shares_cpu(
            key, direction, currency, main, windows, first_relation, start, stop, partners, row
        )


@cuda.jit
def partners_gpu(
    day, relation_offsets, key, direction, currency, main, windows, as_of, customer_offsets,
    first, partners,
):  # fmt: skip
    """One thread per customer."""
    row = cuda.grid(1)
    if row < partners.shape[0]:
        first_relation = customer_offsets[first]
        start, stop = customer_offsets[first + row], customer_offsets[first + row + 1]
        _partners_gpu(
            day, relation_offsets, key, windows, first_relation, as_of, start, stop, partners, row
        )
        _shares_gpu(
            key, direction, currency, main, windows, first_relation, start, stop, partners, row
        )
