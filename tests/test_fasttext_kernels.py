"""Kernels of the text models against slow references, on the host and simulated."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import fasttext as naive
from simulate import simulated_backend

from qfb_gpu.backend import get_backend
from qfb_gpu.models.text.model import Dictionary, Settings, TextModel
from qfb_gpu.models.text.predict import load_predictor
from qfb_gpu.models.text.strings import spans
from qfb_gpu.models.text.vocabulary import features_of, vocabulary

WORDS = ["</s>", "房租", "rent", "é", "2024"]
LABELS = ["__label__a", "__label__b", "__label__c"]
TEXTS = ["", "房租 rent", "unseen 词", "rent </s> more", "__label__a x", "é" * 5, " 2024\t rent "]
SHAPES = [
    {"minn": 0, "maxn": 0, "word_ngrams": 1}, {"minn": 1, "maxn": 3, "word_ngrams": 2},
    {"minn": 3, "maxn": 5, "word_ngrams": 4},
]  # fmt: skip
BUCKET, DIM = 101, 3


def small_model(loss="softmax", kept=None, **shape):
    rng = np.random.default_rng(7)
    data = [word.encode() for word in WORDS + LABELS]
    offsets = np.append(0, np.cumsum([len(d) for d in data]))
    is_label = np.array([0] * len(WORDS) + [1] * len(LABELS), np.int8)
    count = np.array([9, 5, 4, 3, 1, 6, 2, 1])
    words = Dictionary(np.frombuffer(b"".join(data), np.uint8), offsets, count, is_label, 31, kept)
    settings = Settings(dim=DIM, ws=5, epoch=1, min_count=1, neg=5, loss=loss, kind="supervised",
                        bucket=BUCKET, lr_update_rate=100, t=1e-4, **shape)  # fmt: skip
    n_rows = len(WORDS) + (BUCKET if kept is None else len(kept))
    matrices = [rng.normal(size=(n, DIM)).astype(np.float32) for n in (n_rows, len(LABELS))]
    return TextModel(settings, words, *matrices)


def rows_of(texts, model, backend):
    words = vocabulary(model, backend, in_order=True)
    found = features_of(spans(pa.array(texts, pa.string()), backend), words, backend)
    return [
        found.feature[f : f + c].tolist()
        for f, c in zip(found.first, found.count[:, 0], strict=True)
    ]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@given(texts=st.lists(st.text(max_size=12) | st.sampled_from(TEXTS), max_size=5))
@settings(max_examples=60)
def test_features_match_naive(shape, texts):
    got = rows_of(texts, small_model(**shape), get_backend("cpu"))
    assert got == [naive.features(text, WORDS, bucket=BUCKET, **shape) for text in texts]


def test_a_pruned_model_keeps_the_rows_it_has():
    kept = np.array([[h, i] for i, h in enumerate(range(0, BUCKET, 3))], np.int32)
    shape = SHAPES[1]
    got = rows_of(TEXTS, small_model(kept=kept, **shape), get_backend("cpu"))
    row = dict(kept.tolist())
    n = len(WORDS)
    for text, mine in zip(TEXTS, got, strict=True):
        whole = naive.features(text, WORDS, bucket=BUCKET, **shape)
        assert mine == [r if r < n else n + row[r - n] for r in whole if r < n or r - n in row]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_probabilities_match_the_formula(shape):
    model = small_model(**shape)
    found = load_predictor(model, get_backend("cpu")).predict(TEXTS, 3)
    for text, label, chance in zip(TEXTS, found.label, found.probability, strict=True):
        rows = naive.features(text, WORDS, bucket=BUCKET, **shape)
        hidden = np.mean(model.input[rows].astype(float), axis=0)
        logits = model.output.astype(float) @ hidden
        want = np.exp(logits) / np.exp(logits).sum() + 1e-5
        np.testing.assert_allclose(chance, want[label], rtol=1e-5)
        assert (np.diff(chance) <= 0).all()
        assert sorted(label) == [0, 1, 2]


@pytest.mark.cudasim
@pytest.mark.parametrize("loss", ["softmax", "hs", "ova"])
def test_answers_in_the_simulator_equal_cpu(loss):
    model = small_model(loss, **SHAPES[1])
    got = load_predictor(model, simulated_backend()).predict(TEXTS, 2)
    want = load_predictor(model, get_backend("cpu")).predict(TEXTS, 2)
    np.testing.assert_allclose(got.probability, want.probability, rtol=1e-5)
    assert got.label.tolist() == want.label.tolist()
