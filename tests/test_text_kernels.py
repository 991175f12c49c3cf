"""Hashes, amounts and dates: kernels against slow references, on the host and simulated."""

import datetime as dt
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import text as naive
from simulate import launch

from qfb_kernels import days, decimals, text

ORDERS = {"ymd": days.YMD, "dmy": days.DMY, "mdy": days.MDY}
DECIMAL_WORDS = {text.MISSING: "missing", text.UNREADABLE: "unreadable"}
DATE_WORDS = {**DECIMAL_WORDS, days.IMPOSSIBLE: "impossible", days.AMBIGUOUS: "ambiguous"}
MINOR_WORDS = {
    text.OK: "ok",
    decimals.ROUNDED: "rounded",
    decimals.TOO_FINE: "too fine",
    decimals.TOO_LARGE: "too large",
}
some_texts = st.lists(st.text(max_size=20), max_size=8)
messy_amounts = st.lists(
    st.text(alphabet="0123456789,.-+() $e￥１，．−元\u00a0x", max_size=12), max_size=8
)
digits = st.integers(0, 10**12).map(str)


@st.composite
def amounts(draw):
    """Draw an amount as people and programs write it."""
    whole, fraction = draw(digits), draw(st.text(alphabet="0123456789", max_size=6))
    if draw(st.booleans()):
        whole = f"{int(whole):,}"
    figure = whole + ("." + fraction if fraction or draw(st.booleans()) else "")
    sign, space = draw(st.sampled_from("$ ¥ ￥ £ €".split())), draw(st.sampled_from(["", " "]))
    form = draw(st.sampled_from(["{0}", "-{0}", "+{0}", "{0}-", "({0})", "{1}{0}", "-{1}{0}",
                                 "{0}{1}", "({1}{0})", " {0} ", "- {1} {0}", "{0}元"]))  # fmt: skip
    return space + form.format(figure, sign)


@st.composite
def dates(draw):
    """Draw a date in one of the spellings that are read."""
    day = draw(st.dates(dt.date(1800, 1, 1), dt.date(2999, 12, 31)))
    form = draw(st.sampled_from([
        "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%y%m%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%y",
        "%Y年%m月%d日", "%d %b %Y", "%B %d, %Y", "%d-%b-%y", "%Y-%m-%dT10:11:12Z",
        "%Y-%m-%d 23:59:59.999 +0800", "%Y%m%d101112", "%Y年%m月%d日 10:00", "%Y %m %d",
    ]))  # fmt: skip
    written = day.strftime(form)
    if not form.startswith("%y") and draw(st.booleans()) and "%m%d" not in form:
        written = re.sub(r"(?<!\d)0(?=\d)", "", written)
    if draw(st.booleans()):
        written = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in written)
    return draw(st.sampled_from(["", " ", "\u3000"])) + written


def pack(texts, kind=np.int32):
    encoded = [value.encode() for value in texts]
    offsets = np.zeros(len(encoded) + 1, kind)
    offsets[1:] = np.cumsum([len(value) for value in encoded])
    return np.array(bytearray(b"".join(encoded)) or [0], np.uint8), offsets


def read_decimals(texts):
    mantissa, scale, status = (np.full(len(texts), 7, k) for k in (np.int64, np.int16, np.int8))
    decimals.parse_decimal_cpu(*pack(texts), mantissa, scale, status)
    return mantissa, scale, status


def read_dates(texts, order):
    day, status = np.full(len(texts), 7, np.int32), np.full(len(texts), 7, np.int8)
    days.parse_date_cpu(*pack(texts), ORDERS[order], day, status)
    return [DATE_WORDS.get(s, d) for d, s in zip(day.tolist(), status.tolist(), strict=True)]


@given(some_texts)
def test_hash_matches_naive(texts):
    want = [naive.hash_text(value) for value in texts]
    for kind in (np.int32, np.int64):
        out = np.zeros(len(texts), np.int64)
        text.hash_text_cpu(*pack(texts, kind), out)
        assert out.tolist() == want


@given(st.lists(amounts(), max_size=8) | messy_amounts)
@settings(max_examples=150)
def test_decimals_match_naive(texts):
    mantissa, scale, status = read_decimals(texts)
    for i, value in enumerate(texts):
        want = naive.decimal(value)
        if isinstance(want, str):
            assert DECIMAL_WORDS.get(status[i]) == want, value
        elif status[i] == decimals.TOO_LARGE:
            assert abs(want) >= 10**16, value
        else:
            assert status[i] == text.OK, value
            got = naive.Decimal(int(mantissa[i])).scaleb(-int(scale[i]))
            assert got == want or abs(got - want) < abs(want) * naive.Decimal("1e-15"), value


@given(
    st.lists(st.tuples(st.integers(-(10**17), 10**17), st.integers(-25, 40)), max_size=8),
    st.sampled_from([0, 2, 3, 4]),
    st.booleans(),
)
@settings(max_examples=150)
def test_minor_units_match_naive(rows, exponent, half_even):
    mantissa = np.array([m for m, _ in rows], np.int64)
    scale = np.array([s for _, s in rows], np.int16)
    status = np.zeros(len(rows), np.int8)
    minor = np.full(len(rows), 7, np.int64)
    exponents = np.full(len(rows), exponent, np.int8)
    decimals.to_minor_cpu(mantissa, scale, exponents, half_even, minor, status)
    for i, (m, s) in enumerate(rows):
        want = naive.to_minor(naive.Decimal(m).scaleb(-s), exponent, half_even=half_even)
        assert (int(minor[i]), MINOR_WORDS[status[i]]) == want, (m, s)


@pytest.mark.parametrize(
    ("written", "minor"),
    [("0.125", 12), ("0.135", 14), ("2.675", 268), ("-0.125", -12), ("1428.6399999999999", 142864),
     ("0.1250000000000000000001", 13), ("0.005", 0), ("0.0051", 1), ("1e-30", 0), ("5E+2", 50000)],
)  # fmt: skip
def test_rounding_half_even_of_what_is_written(written, minor):
    mantissa, scale, status = read_decimals([written])
    out = np.zeros(1, np.int64)
    decimals.to_minor_cpu(mantissa, scale, np.array([2], np.int8), True, out, status)
    assert out[0] == minor


@given(st.lists(dates() | st.text(alphabet="0123456789/-. 年月日TJan:", max_size=14), max_size=8))
@settings(max_examples=150)
def test_dates_match_naive(texts):
    for order in ORDERS:
        got = read_dates(texts, order)
        assert got == [naive.date(value, order) for value in texts]


def test_every_day_of_four_centuries():
    want = np.arange(-62091, 83948)
    texts = (np.datetime64("1970-01-01") + want).astype(str).tolist()
    assert read_dates(texts, "ymd") == want.tolist()


@pytest.mark.cudasim
def test_kernels_in_the_simulator_match_naive():
    texts = [
        "",
        "客户 A",
        "1,070,943.38",
        "(¥１2.5)",
        "1e-3",
        "x",
        "2024年3月5日",
        "31/12/1999",
        "5 Jan 20",
    ]
    data, offsets = pack(texts)
    n_rows = len(texts)
    out = np.zeros(n_rows, np.int64)
    launch(text.hash_text_gpu, n_rows, data, offsets, out)
    assert out.tolist() == [naive.hash_text(value) for value in texts]
    day, status = np.zeros(n_rows, np.int32), np.zeros(n_rows, np.int8)
    launch(days.parse_date_gpu, n_rows, data, offsets, days.DMY, day, status)
    got = [DATE_WORDS.get(s, d) for d, s in zip(day.tolist(), status.tolist(), strict=True)]
    assert got == [naive.date(value, "dmy") for value in texts]


@pytest.mark.cudasim
def test_amount_kernels_in_the_simulator_match_naive():
    texts = ["1,070,943.38", "(¥１2.5)", "1e-3", "99", "-0.125", "12345678901234567"]
    data, offsets = pack(texts)
    n_rows = len(texts)
    mantissa, scale, status = (np.zeros(n_rows, k) for k in (np.int64, np.int16, np.int8))
    launch(decimals.parse_decimal_gpu, n_rows, data, offsets, mantissa, scale, status)
    minor = np.zeros(n_rows, np.int64)
    exponent = np.full(n_rows, 2, np.int8)
    launch(decimals.to_minor_gpu, n_rows, mantissa, scale, exponent, True, minor, status)
    want = [naive.to_minor(naive.decimal(value), 2, half_even=True) for value in texts]
    assert [(int(m), MINOR_WORDS[s]) for m, s in zip(minor, status, strict=True)] == want
