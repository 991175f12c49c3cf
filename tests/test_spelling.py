"""Texts in one spelling, beside Python's own NFKC a text at a time."""

import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfb_gpu.models.text.normalise import normalise
from qfb_gpu.parts.related import plain_attribute
from qfb_gpu.spelling import nfkc

ODD = "aeA\u030a\u00e9\u0301\u0323ＡｶﾞがＣ①㍿\u212b한\u1112\u1161\u11ab\u0915\u093c\u0958中，\u0344\uf900"


def expected(texts):
    return [None if one is None else unicodedata.normalize("NFKC", one) for one in texts]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()], ids=str)
@given(texts=st.lists(st.none() | st.text(ODD, max_size=6) | st.text("ab é", max_size=6)))
def test_nfkc_is_what_unicode_says(kind, texts):
    found = nfkc(pa.array(["cut off", *texts], kind).slice(1))
    assert found.type == kind
    assert found.to_pylist() == expected(texts)


def test_long_columns_are_looked_at_in_pieces():
    texts = ["Cafe\u0301", None, "plain", "房租（一）"] * 3000 + ["Café 东京"] * 9000
    assert nfkc(pa.array(texts)).to_pylist() == expected(texts)


def test_what_a_model_sees_is_composed():
    """Arrow's kernel left "é" as two characters, of which no dictionary of words knows one."""
    texts = ["Café № 12", "Cafe\u0301 No 12", "ＣＡＦÉ no 34"]
    assert normalise(pa.array(texts)).to_pylist() == ["café no 00"] * 3
    assert normalise(pa.array(["회사 한국"])).to_pylist() == ["회사 한국"]


def test_related_attributes_keep_the_letters_that_they_are_written_with():
    same = plain_attribute(pa.array(["Rue de l'Été 5", "rue de l éte\u0301 5"]), "address")
    assert same.to_pylist() == ["ruedelété5"] * 2
    apart = plain_attribute(pa.array(["ถนนสี 1", "ถนนสา 1", "ถนนสุ 1"]), "address").to_pylist()
    assert len(set(apart)) == 3  # vowels of Thai are marks
    korean = plain_attribute(pa.array(["서울시", "\u1109\u1165\u110b\u116e\u11af시"]), "address")
    assert len(set(korean.to_pylist())) == 1
