"""Texts: golden examples, and a character-by-character reference on drawn columns."""

import unicodedata

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
        ("first_label", {"labels": {"工资": "pay"}}, "pairs"),
        ("first_label", {"labels": ["工资", "房租"]}, "pairs"),
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


ODD = "aeA\u030a\u00e9\u0301\u0323ＡｶﾞがＣ①㍿\u212b한\u1112\u1161\u11ab\u0915\u093c\u0958中，\u0344\uf900"


@given(st.lists(st.none() | st.text(ODD, max_size=6) | st.text(max_size=6), max_size=6))
def test_half_width_is_nfkc(texts):
    """Arrow's normalisation left letters and their marks apart: "Café" became five letters."""
    found = prepare.clean_special(pa.array(texts, pa.string()), remove=[], half_width=True)
    want = [None if one is None else unicodedata.normalize("NFKC", one) for one in texts]
    assert found.to_pylist() == want
