"""Texts: golden examples, and a character-by-character reference on drawn columns."""

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from naive import prepare as naive

from qfb_gpu import prepare
from qfb_gpu.errors import ConfigError

KNOWN = "".join(naive.KNOWN.values())
FEW = st.text("ab【】()*，. é中", max_size=12)
TEXTS = st.lists(st.none() | FEW, max_size=8)
WORD = st.text("ab(中", min_size=1, max_size=2)
NTH = st.integers(-3, 3).filter(bool)


def column(texts):
    return pa.array(texts, pa.string())


def check(op, texts, reference, kind="string", **settings):
    found = getattr(prepare, op)(column(texts), **settings)
    assert found.type == kind
    assert found.to_pylist() == [None if text is None else reference(text) for text in texts]


GOLDEN = [
    # T1 special characters
    ("clean_special", "a\x00b\x1bc\td", {"remove": ["control"]}, "abc\td"),
    ("clean_special", "a\u200bb\ufeffc\u00add", {"remove": ["zero_width"]}, "abcd"),
    ("clean_special", "ＡＢ１２（中）①", {"remove": [], "half_width": True}, "AB12(中)1"),
    (
        "clean_special",
        "ok 👍🏽 👨\u200d👩\u200d👧 1\ufe0f\u20e3 #1",
        {"remove": ["emoji"]},
        "ok   1 #1",
    ),
    ("clean_special", "ক্\u200dষ", {"remove": ["emoji"]}, "ক্\u200dষ"),  # joins letters
    ("clean_special", "a，b.c—d", {"remove": ["cjk_punctuation"]}, "ab.c—d"),
    ("clean_special", "a，b.c—d", {"remove": ["ascii_punctuation"]}, "a，bc—d"),
    ("clean_special", "a，b.c—d", {"remove": ["punctuation"]}, "abcd"),
    ("clean_special", "¥5+€6 ok", {"remove": ["symbol", "whitespace"]}, "56ok"),
    ("clean_special", "！？", {"remove": ["ascii_punctuation"], "half_width": True}, ""),
    ("clean_special", None, {"remove": ["control"]}, None),
    # T3 characters and bracket pairs
    ("strip_chars", "*#ab*", {"chars": "*#"}, "ab"),
    ("strip_chars", "工资【2024年1月】款", {"brackets": ["【】"]}, "工资款"),
    ("strip_chars", "a(b(c)d)e", {"brackets": ["()"]}, "ae"),
    ("strip_chars", "a(b", {"brackets": ["()"]}, "a(b"),
    ("strip_chars", "a)b(c)", {"brackets": ["()"]}, "a)b"),
    ("strip_chars", "((a)", {"brackets": ["()"]}, "("),
    ("strip_chars", "(a【b)c】", {"brackets": ["()", "【】"]}, "c】"),
    ("strip_chars", "a^]b", {"chars": "^]"}, "ab"),
    # D1 count
    ("count_text", "a-b-c", {"text": "-"}, 2),
    ("count_text", "aaaa", {"text": "aa"}, 2),
    ("count_text", "aAá", {"text": "A", "ignore_case": True}, 2),
    ("count_text", "", {"text": "a"}, 0),
    ("count_text", None, {"text": "a"}, None),
    # D2 contains
    ("contains", "代发工资", {"text": "工资"}, 1),
    ("contains", "rent", {"text": "RENT"}, 0),
    ("contains", "rent", {"text": "RENT", "ignore_case": True}, 1),
    ("contains", "a.b", {"text": "a?b"}, 0),
    ("contains", None, {"text": "x"}, None),
    ("first_label", "社保和工资", {"labels": [("工资", "pay"), ("社保", "social")]}, "pay"),
    ("first_label", "other", {"labels": [("工资", "pay")]}, None),
    ("first_label", "other", {"labels": [("工资", "pay")], "default": "rest"}, "rest"),
    ("first_label", None, {"labels": [("工资", "pay")], "default": "rest"}, None),
    # I1 left, mid, right
    ("left", "中文abc", {"n": 3}, "中文a"),
    ("left", "ab", {"n": 3}, "ab"),
    ("right", "中文abc", {"n": 4}, "文abc"),
    ("right", "abc", {"n": 0}, ""),
    ("mid", "abcdef", {"start": 2, "n": 3}, "bcd"),
    ("mid", "abcdef", {"start": -2, "n": 3}, "ef"),
    ("mid", "abc", {"start": -5, "n": 2}, "ab"),
    ("mid", "abc", {"start": 5, "n": 2}, ""),
    ("mid", None, {"start": 5, "n": 2}, None),
    # I3 cut
    ("cut", "INV-001", {"n": 4}, "001"),
    ("cut", "12.00元", {"n": 1, "side": "right"}, "12.00"),
    ("cut", "ab", {"n": 3, "side": "right"}, ""),
    ("cut", "ab", {"n": 0, "side": "right"}, "ab"),
    # I7 between
    ("between", "a[b]c[d]", {"start": "[", "end": "]"}, "b"),
    ("between", "a[b]c[d]", {"start": "[", "end": "]", "nth": -1}, "d"),
    ("between", "a[b]c[d]", {"start": "[", "end": "]", "nth": 3}, None),
    ("between", "a|b|c", {"start": "|", "end": "|"}, "b"),
    ("between", "key=value", {"start": "=", "end": ""}, "value"),
    ("between", "key=value", {"start": "", "end": "="}, "key"),
    ("between", "a[b", {"start": "[", "end": "]"}, None),
    ("between", "[]", {"start": "[", "end": "]"}, ""),
    # I8 after
    ("after", "a/b/c/d", {"text": "/", "nth": 2}, "c/d"),
    ("after", "a/b/c/d", {"text": "/", "nth": -1}, "d"),
    ("after", "a/b/c/d", {"text": "/", "nth": -3}, "b/c/d"),
    ("after", "a/b/c/d", {"text": "/", "nth": 4}, None),
    ("after", "a/", {"text": "/"}, ""),
    ("after", None, {"text": "/"}, None),
]


@pytest.mark.parametrize(("op", "text", "settings", "expected"), GOLDEN)
def test_golden_examples(op, text, settings, expected):
    function = getattr(prepare, op)
    assert function(column([text, text]), **settings).to_pylist() == [expected] * 2
    assert function(column([]), **settings).to_pylist() == []


@pytest.mark.parametrize(("op", "text", "settings", "expected"), GOLDEN)
def test_a_series_gives_the_same_with_its_index(op, text, settings, expected):
    given = pd.Series([text, "b"], index=[5, 2], name="memo", dtype="str")
    found = getattr(prepare, op)(given, **settings)
    assert (found.index.tolist(), found.name) == ([5, 2], "memo")
    assert found.iloc[0] == expected if expected is not None else pd.isna(found.iloc[0])


@given(
    st.lists(st.text(KNOWN + "ab1中é", max_size=12), max_size=6),
    st.sets(st.sampled_from(sorted(naive.KNOWN)), min_size=1),
)
@example([KNOWN], set(naive.KNOWN))
def test_special_characters_are_those_known_by_heart(texts, remove):
    check("clean_special", texts, lambda t: naive.clean_special(t, remove), remove=sorted(remove))


@given(
    TEXTS, st.text("*, ab", max_size=3), st.lists(st.sampled_from(["【】", "()", "ab"]), max_size=2)
)
def test_brackets_go_from_the_innermost(texts, chars, brackets):
    if chars or brackets:
        check(
            "strip_chars",
            texts,
            lambda t: naive.strip_chars(t, chars, brackets),
            chars=chars,
            brackets=brackets,
        )


@given(TEXTS, WORD)
def test_counting_is_a_scan(texts, word):
    check("count_text", texts, lambda t: len(naive.starts(t, word)), "int32", text=word)
    check("contains", texts, lambda t: int(bool(naive.starts(t, word))), "int8", text=word)


@given(TEXTS, st.lists(st.tuples(WORD, st.sampled_from("xyz")), min_size=1, max_size=4))
def test_the_first_label_wins(texts, labels):
    def reference(text):
        return [label for word, label in [*labels, ("", "none")] if word in text][0]  # noqa: RUF015

    check("first_label", texts, reference, labels=labels, default="none")


@given(TEXTS, st.integers(-14, 14).filter(bool), st.integers(0, 14))
def test_parts_by_place_are_a_loop_over_places(texts, start, n):
    check("mid", texts, lambda t: naive.mid(t, start, n), start=start, n=n)
    check("left", texts, lambda t: naive.mid(t, 1, n), n=n)
    check("right", texts, lambda t: naive.mid(t, max(len(t) - n + 1, 1), n), n=n)
    check("cut", texts, lambda t: naive.mid(t, n + 1, len(t)), n=n)
    check("cut", texts, lambda t: naive.mid(t, 1, len(t) - n), n=n, side="right")


@given(TEXTS, WORD, WORD, NTH)
def test_between_is_a_lazy_expression(texts, start, end, nth):
    reference = lambda t: naive.between(t, start, end, nth)  # noqa: E731
    check("between", texts, reference, start=start, end=end, nth=nth)


@given(TEXTS, WORD, NTH)
def test_after_is_a_scan(texts, word, nth):
    check("after", texts, lambda t: naive.after(t, word, nth), text=word, nth=nth)


@given(TEXTS)
def test_a_dictionary_and_a_slice_are_the_same_column(texts):
    plain = column([*texts, "b", None])
    expected = prepare.left(plain, n=1).to_pylist()
    assert prepare.left(plain.dictionary_encode(), n=1).to_pylist() == expected
    assert prepare.left(plain.slice(1), n=1).to_pylist() == expected[1:]


@pytest.mark.parametrize(
    ("op", "settings", "words"),
    [
        ("clean_special", {"remove": ["emojis"]}, "no class is called 'emojis'; there are control"),
        ("clean_special", {"remove": []}, "nothing to do"),
        ("strip_chars", {}, "give chars or brackets"),
        ("strip_chars", {"brackets": ["【"]}, "two different characters"),
        ("strip_chars", {"brackets": ["||"]}, "two different characters"),
        ("count_text", {"text": ""}, "empty"),
        ("contains", {"text": ""}, "empty"),
        ("first_label", {"labels": []}, "pairs"),
        ("first_label", {"labels": [("", "a")]}, "no text empty"),
        ("left", {"n": -1}, "0 or more"),
        ("right", {"n": -1}, "0 or more"),
        ("cut", {"n": -1}, "0 or more"),
        ("cut", {"n": 1, "side": "both"}, "'left' or 'right'"),
        ("mid", {"start": 0, "n": 1}, "no place 0"),
        ("mid", {"start": 1, "n": -1}, "0 or more"),
        ("between", {"start": "", "end": ""}, "both empty"),
        ("between", {"start": "a", "end": "b", "nth": 0}, "no occurrence 0"),
        ("after", {"text": ""}, "empty"),
        ("after", {"text": "a", "nth": 0}, "no occurrence 0"),
    ],
)
def test_refuses(op, settings, words):
    with pytest.raises(ConfigError, match=f"{op}: .*{words}"):
        getattr(prepare, op)(column(["a"]), **settings)
