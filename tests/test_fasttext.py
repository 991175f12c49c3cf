"""Text models: files to the bit, the same answers as the library, whatever the text."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfb_gpu.backend import get_backend
from qfb_gpu.errors import InputError
from qfb_gpu.models import text

fasttext = pytest.importorskip("fasttext")
TRAIN = [
    ("房租", "房租 2024年1月"), ("房租", "厂房租赁费"), ("房租", "office rent march"),
    ("保险", "insurance premium policy 8812"), ("保险", "车险保费"), ("保险", "团体意外险"),
    ("工资", "代发工资 3月"), ("工资", "payroll april"), ("工资", "salaries and bonus"),
    ("电费", "国网电费 户号"), ("电费", "electricity bill"), ("电费", "power supply ltd"),
]  # fmt: skip
ODD = [
    "", " ", "房租", "保险 费 房租 2024", "zzz qqq xxx", "rent", "RENT", "日本語 テスト カタカナ",
    "é à ü œ", "\U0001f600 smile", "a\tb\rc\x0bd", "</s> rent", "rent </s> insurance", "x",
    "__label__房租 rent", "__label__none policy", "\u00a0", "a" * 300, "房" * 80, "-", "．．．",
    "rent\x00insurance", "\u200d\u0301", "office rent march",
]  # fmt: skip
SHAPES = {
    "words": {"minn": 0, "maxn": 0, "wordNgrams": 1},
    "word n-grams": {"minn": 0, "maxn": 0, "wordNgrams": 3, "bucket": 997},
    "characters": {"minn": 1, "maxn": 4, "wordNgrams": 2, "bucket": 1000},
}


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    path = tmp_path_factory.mktemp("fasttext") / "lines.txt"
    path.write_text("".join(f"__label__{label} {memo}\n" for label, memo in TRAIN * 3))
    return path


def trained(lines, kind="supervised", **options):
    """Return the library's model and its file's bytes."""
    options = {"dim": 16, "epoch": 8, "thread": 1, "verbose": 0, "minCount": 1, **options}
    if kind == "supervised":
        model = fasttext.train_supervised(str(lines), lr=1.0, **options)
    else:
        model = fasttext.train_unsupervised(str(lines), model=kind, **options)
    path = lines.with_name("model.bin")
    model.save_model(str(path))
    return fasttext.load_model(str(path)), path.read_bytes()


def ours(data, backend=None):
    return text.load_predictor(text.read_model(data), backend or get_backend("cpu"))


def theirs(model, texts, k=1):
    """Return the library's labels and probabilities, None and 0 where it gives none."""
    labels, chances = model.predict(list(texts), k=k)
    names = [[n.removeprefix("__label__") for n in row] for row in labels]
    return names, [np.asarray(row) for row in chances]


def assert_same(data, model, texts, k=1, atol=2e-6):
    found = ours(data).predict(texts, k)
    for i, (names, chances) in enumerate(zip(*theirs(model, texts, k), strict=True)):
        mine = [found.labels[c] for c in found.label[i] if c >= 0]
        np.testing.assert_allclose(found.probability[i][: len(chances)], chances, atol=atol)
        gaps = np.abs(np.diff(chances))
        if not (gaps < 1e-5).any():  # equal chances have no order
            assert mine == names, texts[i]
        assert len(mine) == len(names), texts[i]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("loss", ["softmax", "hs", "ova", "ns"])
def test_answers_are_those_of_the_library(lines, shape, loss):
    model, data = trained(lines, loss=loss, **SHAPES[shape])
    texts = [memo for _, memo in TRAIN] + ODD
    assert_same(data, model, texts)
    assert_same(data, model, texts, k=3)


@pytest.mark.parametrize("shape", SHAPES)
def test_files_come_back_to_the_bit(lines, shape):
    _, data = trained(lines, **SHAPES[shape])
    assert text.write_model(text.read_model(data)) == data


@pytest.mark.parametrize("options", [
    {"qnorm": True}, {"qnorm": False, "dsub": 3}, {"qnorm": True, "qout": True, "cutoff": 400},
])  # fmt: skip
def test_quantised_models_come_back_and_answer_the_same(lines, options):
    labels = 300 if options.get("qout") else 4
    many = lines.with_name("many.txt")
    rows = [f"__label__c{i % labels} {memo} t{i}" for i in range(600) for _, memo in TRAIN[:2]]
    many.write_text("\n".join(rows) + "\n")
    model, _ = trained(many, minn=2, maxn=3, wordNgrams=2, bucket=2000, epoch=2)
    model.quantize(thread=1, verbose=0, **options)
    path = lines.with_name("model.ftz")
    model.save_model(str(path))
    data = path.read_bytes()
    assert text.write_model(text.read_model(data)) == data
    assert_same(data, fasttext.load_model(str(path)), ["房租 t3", "厂房租赁费 t17", *ODD])


@given(st.lists(st.text(max_size=25), min_size=1, max_size=6))
@settings(max_examples=60)
def test_any_text_has_the_vector_that_the_library_gives(any_model, texts):
    model, predictor = any_model
    clean = [t.replace("\n", " ") for t in texts]
    want = np.stack([model.get_sentence_vector(t) for t in clean])
    np.testing.assert_allclose(predictor.embed(clean), want, atol=1e-6)


@pytest.fixture(scope="module")
def any_model(lines):
    model, data = trained(lines, minn=1, maxn=3, wordNgrams=3, bucket=5000)
    return model, ours(data)


@pytest.mark.parametrize("kind", ["skipgram", "cbow"])
def test_sentence_vectors_of_unsupervised_models(lines, kind):
    plain = lines.with_name("plain.txt")
    plain.write_text("".join(f"{memo}\n" for _, memo in TRAIN * 3))
    model, data = trained(plain, kind, minn=2, maxn=4, bucket=1000)
    texts = [t for t in ODD if "\x00" not in t] + [memo for _, memo in TRAIN]
    want = np.stack([model.get_sentence_vector(t) for t in texts])
    np.testing.assert_allclose(ours(data).embed(texts), want, atol=1e-6)
    with pytest.raises(InputError, match="no labels to predict"):
        ours(data).predict(texts)


def test_nulls_repeats_and_other_rows_change_nothing(lines):
    _, data = trained(lines, **SHAPES["characters"])
    predictor = ours(data)
    texts = [memo for _, memo in TRAIN]
    alone = predictor.predict(texts, 2)
    mixed = predictor.predict(pa.chunked_array([pa.array([None, *texts[::-1]]), texts * 700]), 2)
    assert (mixed.label[0] == -1).all()
    assert (mixed.probability[0] == 0).all()
    n = len(texts)
    np.testing.assert_array_equal(mixed.probability[1 : n + 1][::-1], alone.probability)
    np.testing.assert_array_equal(mixed.label[n + 1 :].reshape(700, n, 2)[350], alone.label)
    assert (predictor.embed(pa.array([None, "rent"]))[0] == 0).all()


def test_texts_of_a_slice_and_of_a_dictionary(lines):
    _, data = trained(lines, **SHAPES["words"])
    predictor = ours(data)
    whole = pa.array([memo for _, memo in TRAIN])
    want = predictor.predict(whole).label
    np.testing.assert_array_equal(predictor.predict(whole.slice(3, 5)).label, want[3:8])
    np.testing.assert_array_equal(predictor.predict(whole.dictionary_encode()).label, want)
    assert predictor.predict(pa.array([], pa.string())).label.shape == (0, 1)


@pytest.mark.parametrize("cut", [3, 60, 400, -5])
def test_a_broken_file_is_one_clear_error(lines, cut):
    _, data = trained(lines, **SHAPES["words"])
    with pytest.raises(InputError, match="cut off"):
        text.read_model(data[:cut], "m.bin")
    with pytest.raises(InputError, match=r"m\.bin: expected a fastText"):
        text.read_model(b"PK\x03\x04" + data[4:], "m.bin")


def test_k_is_at_least_one_and_at_most_the_labels(lines):
    _, data = trained(lines, **SHAPES["words"])
    with pytest.raises(InputError, match="expected 1 or more, got 0"):
        ours(data).predict(["rent"], 0)
    assert ours(data).predict(["rent"], 99).label.shape == (1, 4)


def test_cooking_is_answered_as_the_library_answers(real_data, tmp_path):
    """The tutorial's set with its settings, but for fewer epochs and buckets; every row, k = 3."""
    folder = real_data / "cooking"
    if not folder.is_dir():
        pytest.skip(f"no cooking questions in {real_data}")
    model = fasttext.train_supervised(
        str(folder / "cooking.train"), lr=1.0, epoch=3, wordNgrams=2, bucket=50_000, dim=50,
        thread=1, verbose=0,
    )  # fmt: skip
    model.save_model(str(tmp_path / "cooking.bin"))
    data = (tmp_path / "cooking.bin").read_bytes()
    rows = Path(folder / "cooking.valid").read_text(encoding="utf-8").splitlines()
    questions = [" ".join(w for w in r.split(" ") if not w.startswith("__label__")) for r in rows]
    assert_same(data, model, questions)
    assert_same(data, model, questions, k=3)
