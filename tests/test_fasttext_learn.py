"""Samples, hold-outs, thresholds, and the commands: from a table to a model and its answers."""

import gzip
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from full_disk import files_end_at
from typer.testing import CliRunner

from qfb_gpu import cli
from qfb_gpu._config.text import TextTraining, load_text_job
from qfb_gpu.backend import get_backend
from qfb_gpu.cli import app
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.models import text
from qfb_gpu.models.text.sampling import held_out
from qfb_gpu.parts import text_job

QUICK = {"dim": 8, "epoch": 10, "bucket": 2000, "lr": 0.5}
KINDS = {"房租": "房租 {}月", "电费": "国网电费 {}", "insurance": "insurance premium {}"}


def table(n=400):
    """Return payments whose descriptions say what they are for."""
    names = list(KINDS)
    category = [names[i % 3] for i in range(n)]
    memo = [KINDS[c].format(i % 12 + 1) for i, c in enumerate(category)]
    group = [f"firm {i % 40}" for i in range(n)]
    return pa.table({"memo": memo, "category": category, "counterparty_id": group})


def rows_of(rows):
    return text.examples(*(rows.column(n).combine_chunks() for n in rows.column_names))


def learned(rows, **changes):
    return text.learn(rows_of(rows), TextTraining(**QUICK, **changes), get_backend("cpu"))


def test_the_order_of_rows_does_not_change_a_model():
    rows = table()
    shuffled = rows.take(pa.array(np.random.default_rng(1).permutation(rows.num_rows)))
    one, other = learned(rows), learned(shuffled)
    assert text.write_model(one.model) == text.write_model(other.model)
    assert one.card == other.card
    seeded = learned(rows, seed=5)
    assert text.write_model(one.model) != text.write_model(seeded.model)


def test_a_word_that_looks_like_a_label_teaches_none():
    """The library took it for a second label of the row, which the rows have not (KeyError)."""
    rows = table()
    memo = [f"{text} __label__evil\t__label__房租" for text in rows["memo"].to_pylist()]
    marked = learned(rows.set_column(0, "memo", pa.array(memo)), normalise=False)
    assert sorted(marked.card["labels"]) == sorted(KINDS)
    assert marked.card["unseen_counterparties"]["accuracy"] == 1


def test_no_counterparty_is_on_both_sides():
    rows = rows_of(table())
    is_out = held_out(rows.group, 0.3, 0)
    assert 0 < is_out.mean() < 1
    assert not set(rows.group[is_out]) & set(rows.group[~is_out])


def test_a_sample_keeps_floor_and_cap():
    label = np.repeat([0, 1, 2], [3, 400, 5000]).astype(np.int32)
    texts = pa.array([f"t{i}" for i in range(len(label))])
    rows = text.Examples(texts, label, ("a", "b", "c"), np.zeros(len(label), np.uint64))
    drawn = text.sample(rows, TextTraining(max_rows=600, floor=50, cap=400))
    count = np.bincount(drawn.label)
    assert count[0] == 3  # all that there are
    assert count[1] >= 50
    assert count[2] <= 400
    assert 590 <= drawn.n_rows <= 600
    assert len(set(drawn.text.to_pylist())) == drawn.n_rows


def test_a_threshold_is_the_least_that_keeps_the_precision():
    probability = np.array([0.9, 0.8, 0.7, 0.6, 0.5], np.float32)
    truth, label = np.array([1, 1, 0, 1, 1]), np.array([1, 1, 1, 1, 0])
    assert text.threshold_for(truth, label, probability, 0.99) == pytest.approx(0.8)
    assert text.threshold_for(truth, label, probability, 0.75) == pytest.approx(0.6)
    assert text.threshold_for(truth, 1 - truth, probability, 0.5) > 1


def test_a_learned_model_answers_and_knows_what_it_does_not_know():
    found = learned(table())
    model = text.Categoriser(text.load_predictor(found.model, get_backend("cpu")), found.card)
    label, probability = model.answers(pa.array(["房租 7月", "INSURANCE-premium 3", None]))
    names = [found.model.dictionary.labels()[c] if c >= 0 else None for c in label]
    assert names == ["房租", "insurance", None]
    assert probability[0] > found.card["threshold"] > 0
    assert probability[2] == 0
    assert found.card["unseen_counterparties"]["accuracy"] > 0.95


def test_one_text_is_not_a_text_a_character():
    predictor = text.load_predictor(learned(table()).model, get_backend("cpu"))
    for ask in (predictor.predict, predictor.embed):
        with pytest.raises(InputError, match="give a list of it"):
            ask("房租 1")


def test_one_class_cannot_be_learnt():
    rows = table().filter(pa.array([i % 3 == 0 for i in range(400)]))
    with pytest.raises(InputError, match=r"two classes.*[.rent.]"):
        learned(rows)


def test_votes_of_descriptions_match_naive():
    rng = np.random.default_rng(3)
    stream, label = rng.integers(0, 6, 50), rng.integers(-1, 3, 50)
    weight, count = rng.random(50).astype(np.float32), rng.integers(1, 4, 50)
    found = text.vote(stream, label, weight, count, 7)
    for s in range(7):
        sums = {}
        for i in np.flatnonzero((stream == s) & (label >= 0)):
            sums[label[i]] = sums.get(label[i], 0.0) + float(weight[i]) * count[i]
        n = count[(stream == s) & (label >= 0)].sum()
        assert found["n_described"][s] == n
        best = max(sums, key=lambda c: (sums[c], -c), default=-1)
        assert found["label"][s] == best
        assert found["probability"][s] == pytest.approx(sums[best] / n if sums else 0)


def test_money_by_category():
    found = text.money_by_category(
        np.array([0, 0, 0, 1]), np.array([0, 1, -1, -1]), np.array([50, 50, 100, 7]), 3, 2
    )
    np.testing.assert_allclose(found["entropy"], [np.log(2), np.nan, np.nan])
    np.testing.assert_allclose(found["unknown_share"], [0.5, 1, np.nan])
    np.testing.assert_allclose(found["top_share"], [0.25, 0, np.nan])
    assert found["top"].tolist() == [0, -1, -1]


def test_a_refund_takes_money_off_its_category():
    found = text.money_by_category(
        np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 0, 1, -1]),
        np.array([90, -40, 50, -5, 30, 10]), 2, 2,
    )  # fmt: skip
    np.testing.assert_allclose(found["entropy"], [np.log(2), 0])
    np.testing.assert_allclose(found["unknown_share"], [0, 0.25])
    np.testing.assert_allclose(found["top_share"], [0.5, 0.75])
    assert found["top"].tolist() == [0, 1]


def test_money_that_came_back_was_not_spent():
    """A payment of 90 that was paid back counted as 180 of its category."""
    customer, label = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 0, -1, -1])
    amount = np.array([90, -90, 50, -30, 20, -5])
    found = text.money_by_category(customer, label, amount, 3, 2)
    np.testing.assert_allclose(found["top_share"], [1, 0, np.nan])
    np.testing.assert_allclose(found["entropy"], [0, np.nan, np.nan])
    np.testing.assert_allclose(found["unknown_share"], [0, 1, np.nan])
    assert found["top"].tolist() == [1, -1, -1]


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """Train from a config; return its folder and what was printed."""
    folder = tmp_path_factory.mktemp("text")
    pq.write_table(table(), folder / "payments.parquet")
    config = 'data = "payments.parquet"\noutput = "model"\ngroup = "counterparty_id"\n[training]\n'
    settings = "".join(f"{k} = {v}\n" for k, v in QUICK.items())
    (folder / "job.toml").write_text(config + settings)
    found = CliRunner().invoke(app, ["text", "train", str(folder / "job.toml"), "--device", "cpu"])
    assert found.exit_code == 0, found.output
    return folder, found.output


def test_train_predict_test_and_embed_from_the_command_line(job):
    folder, said = job
    assert "3 categories" in said
    assert "unseen counterparties" in said
    card = json.loads((folder / "model" / "card.json").read_text(encoding="utf-8"))
    assert card["normalise"] is True
    model, rows = str(folder / "model"), str(folder / "payments.parquet")
    run = CliRunner().invoke
    assert "P@1 1.000" in run(app, ["text", "test", model, rows]).output
    out = folder / "answers.parquet"
    assert run(app, ["text", "predict", model, rows, "--out", str(out)]).exit_code == 0
    answers = pq.read_table(out)
    assert answers.column("category").to_pylist() == table().column("category").to_pylist()
    assert run(app, ["text", "predict", model, rows, "--k", "2"]).output.count("\n") == 21
    assert run(app, ["text", "embed", model, rows, "--out", str(out)]).exit_code == 0
    assert pq.read_table(out).column("embedding")[0].as_py()


def test_a_full_disk_leaves_the_model_and_the_answers_that_were_there(job, monkeypatch, capsys):
    """The old model was deleted first, and half of the new one was left in its place.

    Of a temporary folder that was full it said that the model was cut off, and to copy it anew.
    """
    folder, out = job[0], job[0] / "answers.parquet"
    model, rows = folder / "model" / "model.bin", str(folder / "payments.parquet")
    train = ["text", "train", str(folder / "job.toml"), "--device", "cpu"]
    predict = ["text", "predict", str(model), rows, "--out", str(out)]
    assert CliRunner().invoke(app, predict).exit_code == 0
    kept = {path: path.read_bytes() for path in (model, model.with_name("card.json"), out)}
    for command, said in ((train, "fastText could not write its whole"), (predict, f"{out}: ")):
        monkeypatch.setattr("sys.argv", ["qfb", *command])
        with files_end_at(40_000 if command is train else 1_000), pytest.raises(SystemExit) as end:
            cli.main()
        line = capsys.readouterr().err
        assert (end.value.code, line.count("\n"), said in line) == (2, 1, True), line
    again = learned(table())
    with files_end_at(40_000), pytest.raises(OSError, match=r"File too large.*model\.bin"):
        text_job.save_model(again, folder / "model")
    assert {path: path.read_bytes() for path in kept} == kept
    assert not list(folder.rglob("*.tmp"))


def test_a_row_without_any_of_several_texts_keeps_its_place(job, tmp_path):
    """One payment with neither memo nor channel ended every command on two columns in a traceback."""
    memo, channel = [None, "房租 1月", None, "国网电费 2", None], [None, "app", None, None, "app"]
    rows = pa.table({"memo": memo, "channel": channel, "category": [*KINDS, "房租", "电费"]})
    pq.write_table(rows, tmp_path / "rows.parquet")
    given = [
        str(job[0] / "model"),
        str(tmp_path / "rows.parquet"),
        "--text",
        "memo",
        "--text",
        "channel",
    ]
    out = tmp_path / "answers.parquet"
    for command in ("predict", "embed"):
        found = CliRunner().invoke(app, ["text", command, *given, "--out", str(out)])
        assert found.exit_code == 0, found.output
        want = [None, "房租 1月 app", None, "国网电费 2", "app"]
        assert pq.read_table(out).column("text").to_pylist() == want
    assert CliRunner().invoke(app, ["text", "test", *given]).exit_code == 0


@pytest.mark.parametrize("name", ["seed", "bucket", "min_count"])
def test_a_number_that_the_library_cannot_hold_is_one_line(name):
    """It ended in a traceback."""
    with pytest.raises(InputError, match="fastText takes no .* above 2,147,483,647"):
        text.learn(rows_of(table()), TextTraining(**QUICK | {name: 2**31}), get_backend("cpu"))


def test_wrong_settings_are_one_clear_error(tmp_path):
    path = tmp_path / "job.toml"
    path.write_text('data = "x.parquet"\n[training]\nepochs = 3\n')
    with pytest.raises(ConfigError, match=r"training\.epochs.*there are kind, dim"):
        load_text_job(path)
    with pytest.raises(ConfigError, match="no such config"):
        load_text_job(tmp_path / "none.toml")
    path.write_text('data = "x.parquet"\n[training]\nlr = "fast"\n')
    with pytest.raises(ConfigError, match=r"'training\.lr': .*number.* \(got 'fast'\)$"):
        load_text_job(path)
    path.write_text('label = "category"\n')
    with pytest.raises(ConfigError, match="key 'data' is missing; add it"):
        load_text_job(path)
    with pytest.raises(ConfigError, match=r"key 'text.*got \[\]"):
        load_text_job(path, {"data": "x", "text": []})
    with pytest.raises(ConfigError, match=r"--set data\.x: data is no table of the job"):
        load_text_job(path, {"data": "x", "data.x": 1})


LINES = "__label__a\tone two\n__label__b __label__c  three\u2028four\n\n__label__d\r\n"


def test_lines_are_taken_apart_as_the_library_does(tmp_path):
    """A tab after a label made the first word a part of it, and U+2028 a line of its own."""
    (tmp_path / "lines.txt").write_text(LINES, encoding="utf-8", newline="")
    rows = text_job.read_table(tmp_path / "lines.txt", ["memo"], "memo", "label")
    assert rows.column("label").to_pylist() == [["a"], ["b", "c"], [], ["d"]]
    words = [memo.split() for memo in rows.column("memo").to_pylist()]
    assert words == [["one", "two"], ["three", "four"], [], []]


def test_words_of_a_csv_file_are_words_and_rows_are_rows(tmp_path):
    """Arrow takes NA and null for nothing: rows of such a category were left out of training."""
    text_of_csv = 'memo,category,memo2\nNA,null,1\n"a\nb",NA,\n,x,n/a\n'
    for name, content in (
        ("t.csv", text_of_csv.encode()),
        ("T.CSV", text_of_csv.encode()),
        ("bom.csv", b"\xef\xbb\xbf" + text_of_csv.encode()),
        ("t.csv.gz", gzip.compress(text_of_csv.encode())),
    ):
        (tmp_path / name).write_bytes(content)
        rows = text_job.read_table(tmp_path / name, ["memo", "category"], "memo", "category")
        assert rows.column("memo").to_pylist() == ["NA", "a\nb", None]
        assert rows.column("category").to_pylist() == ["null", "NA", "x"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("t.csv", b"memo,category\na,b,c\n", "Expected 2 columns, got 3"),
        ("t.csv", "memo,category\n房租,b\n".encode("gbk"), "UTF-?8"),
        ("t.csv", b"", "[Ee]mpty"),
        ("t.txt", "__label__b 房租\n".encode("gbk"), "utf-8"),
        ("t.parquet", b"PAR1 no such file", "Parquet"),
        ("t.csv", b"memo,memo,category\na,b,c\n", "several columns are called 'memo'"),
    ],
)
def test_a_table_that_cannot_be_read_is_one_line(tmp_path, name, content, words):
    """Each ended the command in a traceback."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        text_job.read_table(tmp_path / name, ["memo", "category"], "memo", "category")
    assert "\n" not in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def test_labels_of_any_kind_are_what_training_made_of_them(tmp_path):
    """A null among lists had the label of the next row; of large lists there was a traceback."""
    lists = [["a"], None, ["b", "c"], []]
    for kind in (pa.list_(pa.string()), pa.large_list(pa.string()), pa.list_(pa.large_string())):
        pq.write_table(
            pa.table({"memo": list("wxyz"), "l": pa.array(lists, kind)}), tmp_path / "t.parquet"
        )
        rows = text_job.read_table(tmp_path / "t.parquet", ["memo", "l"], "memo", "l")
        assert text_job.column(rows, "l").to_pylist() == ["a", None, "b", None]
    numbers = pa.table({"memo": list("wxyz"), "l": [1.0, None, 2.5, 3.0]})
    pq.write_table(numbers, tmp_path / "t.parquet")
    rows = text_job.read_table(tmp_path / "t.parquet", ["memo", "l"], "memo", "l")
    assert text_job.column(rows, "l").to_pylist() == ["1", None, "2.5", "3"]
    assert text_job.label_lists(rows, "l") == [["1"], [], ["2.5"], ["3"]]


def test_a_label_with_another_blank_is_right_where_it_is_answered():
    """No answer was ever the label: a file of fastText keeps one blank for all."""
    kinds = [f"pay{blank}roll" for blank in ("\u00a0", "\t")] + ["rent"]
    memo = [f"{'salary bonus rent'.split()[i % 3]} {i % 7}" for i in range(300)]
    label = [kinds[i % 3] for i in range(300)]
    rows = text.examples(pa.array(memo), pa.array(label), None)
    found = text.learn(rows, TextTraining(**QUICK), get_backend("cpu"))
    loaded = text.Categoriser(text.load_predictor(found.model, get_backend("cpu")), found.card)
    measured = text_job.tested(loaded, pa.array(memo), [[name] for name in label], 1)
    assert measured["precision"] == 1
