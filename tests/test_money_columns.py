"""Money of any kind of column, and products of two, against Python's own decimals."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfb_gpu.lake import texts
from qfb_gpu.lake.amounts import multiply, parse_decimals, to_minor
from qfb_gpu.lake.parse import parse_bools, parse_numbers
from qfb_kernels.decimals import ROUNDED, TOO_FINE, TOO_LARGE
from qfb_kernels.text import MISSING, OK

EXACT = Context(prec=80)


def minor_by_hand(amount, exponent, *, half_even):
    """Return whole minor units and what may be said of an amount."""
    if amount is None:
        return 0, {MISSING}
    exact = amount.scaleb(exponent, EXACT)
    whole = exact.to_integral_value(ROUND_HALF_EVEN, EXACT)
    refused = {TOO_FINE} if whole != exact and not half_even else set()
    refused |= {TOO_LARGE} if abs(whole) >= 10**17 else set()
    if refused:
        return 0, refused
    return int(whole), {OK if whole == exact else ROUNDED}


def told(read, amounts, exponents=(0, 2, 3)):
    for exponent in exponents:
        for half_even in (False, True):
            column = np.full(len(amounts), exponent, np.int8)
            minor, status = to_minor(read, column, half_even=half_even)
            for row, amount in enumerate(amounts):
                whole, said = minor_by_hand(amount, exponent, half_even=half_even)
                assert minor[row] == whole, amount
                assert status[row] in said, amount


factors = st.one_of(
    st.decimals(-1_000, 1_000, places=3),
    st.decimals(-(10**9), 10**9, places=7),
    st.integers(-30, 30).map(Decimal),
    st.sampled_from([Decimal("0.5"), Decimal("2.5"), Decimal("0.005"), Decimal("-0.025")]),
    st.none(),
)


@given(st.lists(st.tuples(factors, factors), min_size=1, max_size=8))
@settings(max_examples=150)
def test_a_price_times_a_quantity_is_exact(pairs):
    """Both may have decimals; what a currency does not have is rounded once, or refused."""
    left, right = (
        parse_decimals(
            pa.array([None if one is None else format(one, "f") for one in side], pa.string())
        )
        for side in zip(*pairs, strict=True)
    )
    products = [None if a is None or b is None else EXACT.multiply(a, b) for a, b in pairs]
    told(multiply(left, right), products)


@given(st.lists(st.none() | st.floats(-1e14, 1e14) | st.integers(-(10**9), 10**9).map(
    lambda cents: cents / 100), min_size=1, max_size=8))  # fmt: skip
@settings(max_examples=150)
def test_a_float_is_the_shortest_decimal_that_is_equal_to_it(values):
    read = parse_decimals(pa.array(values, pa.float64()))
    told(read, [None if one is None else Decimal(repr(one)) for one in values])


@pytest.mark.parametrize("scale", [0, 2, 4])
def test_decimals_of_128_bits_and_whole_numbers_are_what_they_are(scale):
    values = [Decimal(n).scaleb(-scale) for n in (0, 1, -1, 12_345, 2**63 - 1, -(2**63) + 1)]
    column = pa.array([*values, None], pa.decimal128(38, scale))
    told(parse_decimals(column), [*values, None])
    told(parse_decimals(column.slice(2)), [*values, None][2:])
    wide = [Decimal(2**63).scaleb(-scale), Decimal(10**25).scaleb(-scale), Decimal(3)]
    told(parse_decimals(pa.array(wide, pa.decimal128(38, scale))), wide)
    whole = [0, 5, -(10**16), None]
    amounts = [None if one is None else Decimal(one) for one in whole]
    told(parse_decimals(pa.array(whole, pa.int64())), amounts)
    told(parse_decimals(pa.array(whole).dictionary_encode()), amounts)


def test_numbers_that_are_no_money_keep_their_decimals():
    written = ["1.5", "-0.25", "1,234.5", "12", "much", None, "0"]
    number, status = parse_numbers(pa.array(written))
    np.testing.assert_array_equal(number, [1.5, -0.25, 1234.5, 12, np.nan, np.nan, 0])
    assert [code == OK for code in status] == [True, True, True, True, False, False, True]
    assert status[5] == MISSING != status[4]
    number, _ = parse_numbers(pa.array(["1,5", "1.234,5"]), ",")
    assert number.tolist() == [1.5, 1234.5]


def test_ids_that_came_as_floats_are_whole_numbers_and_other_floats_themselves():
    """Where some are missing a table has ids as floats; 1.5 is no id 1."""
    came = [1.0, 123_456_789_012.0, 1.5, -2.0, None, float("nan"), 0.25]
    assert texts.as_text(pa.array(came)).to_pylist() == [
        "1", "123456789012", "1.5", "-2", None, None, "0.25",
    ]  # fmt: skip


def test_truths_are_read_in_english_and_chinese():
    written = [
        "true",
        " Yes",
        "Y",
        "1",
        "t",
        "是",
        "FALSE",
        "no",
        "n",
        "0",
        "f",
        "否",
        "maybe",
        None,
    ]
    truth, status = parse_bools(pa.array(written))
    assert [bool(one) for one in truth[:12]] == [True] * 6 + [False] * 6
    assert [code == OK for code in status] == [True] * 12 + [False] * 2
    assert status[13] == MISSING != status[12]
