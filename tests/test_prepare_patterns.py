"""Regular expressions: RE2's answer is Python's for every pattern of the subset; others refused."""

import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfb_gpu import prepare
from qfb_gpu.errors import ConfigError
from qfb_gpu.prepare.pattern_syntax import read_pattern

ATOMS = st.sampled_from(
    ["a", "b", "A", "中", "1", "-", r"\.", r"\d", r"\w", r"\s", r"\D", r"\W", "[ab]", "[^a]", "[a-c1]",
     "[一-龥]", r"[\d-]", r"[^\s中]", ".", r"\n", r"\(", " ", "_", "é"]
)  # fmt: skip
REPEATS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,2}", "{0,2}", "*?", "+?", "??"])
ITEM = st.builds("{}{}".format, ATOMS, REPEATS)
SEQUENCE = st.lists(ITEM, min_size=1, max_size=3).map("".join)
GROUPED = st.lists(SEQUENCE, min_size=1, max_size=3).map(lambda parts: f"(?:{'|'.join(parts)})")
BODY = st.lists(st.one_of(SEQUENCE, GROUPED, SEQUENCE.map("({})".format)), min_size=1, max_size=3)
PATTERN = st.builds(
    lambda start, body, end: start + "".join(body) + end,
    st.sampled_from(["", "^"]), BODY, st.sampled_from(["", "$"]),
)  # fmt: skip
TEXTS = st.lists(st.none() | st.text("aabbAB中1-. \n_é(", max_size=8), max_size=6)


def column(texts):
    return pa.array(texts, pa.string())


def as_python(pattern):
    """Return what the user wrote, for Python: ``$`` is the very end."""
    return pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern


@settings(max_examples=40)
@given(PATTERN, TEXTS)
def test_a_match_is_pythons(pattern, texts):
    wanted = re.compile(as_python(pattern), re.ASCII)
    spelled = re.compile(read_pattern(pattern, "x").python)
    found = prepare.match_pattern(column(texts), pattern=pattern).to_pylist()
    for text, value in zip(texts, found, strict=True):
        assert value == (None if text is None else int(bool(wanted.search(text))))
        assert text is None or bool(spelled.search(text)) == value


@settings(max_examples=40)
@given(PATTERN, TEXTS)
def test_an_extract_is_pythons(pattern, texts):
    wanted = re.compile(as_python(pattern), re.ASCII)
    if wanted.groups > 1:
        with pytest.raises(ConfigError, match="groups"):
            prepare.extract_pattern(column(texts), pattern=pattern)
        return
    found = prepare.extract_pattern(column(texts), pattern=pattern).to_pylist()
    for text, value in zip(texts, found, strict=True):
        match = None if text is None else wanted.search(text)
        assert value == (match[wanted.groups] if match else None)


@settings(max_examples=40)
@given(PATTERN, TEXTS, st.sampled_from(["", "#", "<$0>", r"\\", r"[\1]"]))
def test_a_replacement_is_pythons(pattern, texts, replacement):
    wanted = re.compile(as_python(pattern), re.ASCII)
    is_refused = read_pattern(pattern, "x").can_be_empty or (
        replacement == r"[\1]" and not wanted.groups
    )
    if is_refused:
        with pytest.raises(ConfigError, match="replace_pattern"):
            prepare.replace_pattern(column(texts), pattern=pattern, replacement=replacement)
        return
    found = prepare.replace_pattern(column(texts), pattern=pattern, replacement=replacement)
    expected = [None if text is None else wanted.sub(replacement, text) for text in texts]
    assert found.to_pylist() == expected


@settings(max_examples=40)
@given(PATTERN, TEXTS)
def test_case_is_that_of_ascii_letters(pattern, texts):
    swapped = [text and "".join(c.swapcase() if c.isascii() else c for c in text) for text in texts]
    lower = prepare.match_pattern(column(texts), pattern=pattern, ignore_case=True)
    assert lower == prepare.match_pattern(column(swapped), pattern=pattern, ignore_case=True)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("", "empty"),
        (r"\bINV", r"at 3: \\b: word boundaries"),
        (r"(?=a)", "lookahead"),
        (r"(?<=a)b", "lookbehind or named"),
        (r"(?P<n>a)", "named groups"),
        (r"(?i)a", "flags"),
        (r"(a)\1", "references back"),
        (r"\p{Han}", "list the characters"),
        (r"(a|(b))c", "inside alternatives"),
        (r"(a)+", "that is repeated"),
        (r"(?:a*)+", "may be empty"),
        (r"a**", "two repeats"),
        (r"a{3,2}", "n not more than m"),
        (r"a{999}", "from 0 to 255"),
        (r"a{", "write .{"),
        (r"*a", "nothing to repeat"),
        (r"a|", "alternative is empty"),
        (r"()", "empty brackets"),
        (r"(a", "no .$"),
        (r"a)", "no .$"),
        (r"[]", "ends too early|empty class"),
        (r"[z-a]", "lower to a higher"),
        (r"[a[b]", r"write .\["),
        (r"[\D]", "not known to all"),
        (r"a^b", "very beginning"),
        (r"a$b", "very end"),
        (r"^a|b", "one side"),
        (r"a]", r"write .\]"),
        (r"\q", "unknown"),
        (r"a++", "two repeats|possessive"),
    ],
)  # fmt: skip
def test_what_engines_read_differently_is_refused(pattern, words):
    with pytest.raises(ConfigError, match=f"match_pattern: .*{words}"):
        prepare.match_pattern(column(["a"]), pattern=pattern)


@pytest.mark.parametrize(
    ("op", "settings", "words"),
    [
        ("replace_pattern", {"pattern": "a*", "replacement": ""}, "empty text"),
        ("replace_pattern", {"pattern": "a", "replacement": r"\1"}, "groups 1 to 0"),
        ("replace_pattern", {"pattern": "a", "replacement": "\\"}, "backslash is"),
        ("extract_pattern", {"pattern": "(a)(b)"}, "2 groups"),
        ("match_pattern", {"pattern": "(?:a{200}){200}"}, "too large"),
    ],
)
def test_refuses(op, settings, words):
    with pytest.raises(ConfigError, match=f"{op}: .*{words}"):
        getattr(prepare, op)(column(["a"]), **settings)
