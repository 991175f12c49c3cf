"""Descriptions in the night: a model learnt from the bank's own categories names the streams."""

import datetime as dt
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ledger_cases import CNY, EUR, build_ledger

from qfb_gpu.backend import get_backend
from qfb_gpu.config import build_config
from qfb_gpu.lake import gold
from qfb_gpu.models import text
from qfb_gpu.models.candidate import offered
from qfb_gpu.models.remembered import Version
from qfb_gpu.parts import categories
from qfb_gpu.parts.text_job import load_model, save_model
from qfb_gpu.pipeline import run
from qfb_gpu.portfolio import generate_portfolio

QUICK = {"dim": 16, "epoch": 8, "bucket": 20_000, "maxn": 4}


def test_streams_get_the_category_that_is_true(tmp_path, monkeypatch):
    tables = generate_portfolio(30, 4, tables=["transactions", "truth/stream_payments"])
    pq.write_table(tables["transactions"], tmp_path / "transactions.parquet")
    seen = []
    monkeypatch.setattr(
        "qfb_gpu.pipeline._log",
        lambda config, result, *_: seen.extend(
            offered(config.output_dir / ".work" / result.run_id)
        ),
    )
    raw = {
        "as_of": dt.date(2024, 12, 31), "device": "cpu", "output": "out",
        "sources": {"transactions": {"path": "transactions.parquet"}},
        "text": {"train": True, "training": QUICK},
    }  # fmt: skip
    config = build_config(raw, base=tmp_path, where="test")
    run(config)
    categories = gold.read(config.output_dir, "stream_categories").to_pandas()
    streams = gold.read(config.output_dir, "payment_streams").to_pandas()
    assert set(categories.stream_id) == set(streams.stream_id)
    truth = tables["truth/stream_payments"].to_pandas()[["txn_id", "customer_id", "category"]]
    paid = gold.read(config.output_dir, "stream_payments").to_pandas()
    rows = paid.merge(truth, on=["txn_id", "customer_id"]).merge(
        categories, on=["customer_id", "stream_id"], suffixes=("_true", "")
    )
    assert (rows.category == rows.category_true).mean() > 0.9
    profiles = gold.read(config.output_dir, "customer_profiles").to_pandas()
    assert profiles.text_unknown_share.dropna().between(0, 1).all()
    assert profiles.text_embedding_0.notna().mean() > 0.9
    believed_money(tables["transactions"].to_pandas(), paid, categories, profiles)
    (model,) = seen
    assert model.is_champion
    assert set(model.files) == {"model.bin", "card.json"}
    assert model.predicted.category.notna().all()


def test_money_that_moved_is_paid_in_the_main_currency_less_refunds():
    """A refund was counted as money that goes out."""
    out, received = 1, 0
    rows = [(0, 5, out, CNY, 19_000, 700), (0, 5, out, CNY, 19_001, -700),
            (0, 5, out, CNY, 19_002, 50), (0, 6, received, CNY, 19_003, 9_000),
            (0, 7, out, EUR, 19_004, 4_000)]  # fmt: skip
    ledger = build_ledger(rows)
    relation = np.arange(ledger.n_relations)
    streams = SimpleNamespace(
        stream_of_payment=np.repeat(relation, np.diff(ledger.relation_offsets)), relation=relation
    )
    given = SimpleNamespace(
        ledger=ledger, streams=streams, backend=get_backend("cpu"),
        payment_texts=lambda _: pa.table({"memo": pa.array(["rent"] * len(rows))}),
    )  # fmt: skip
    memos, moved = categories._memos(given)
    of = {key: i for i, key in enumerate(ledger.counterparty_key.tolist())}
    assert moved["amount"][[of[5], of[6], of[7]]].tolist() == [50, 0, 0]
    assert memos["count"].sum() == len(rows)


def believed_money(payments, paid, categories, profiles):
    """Compare the money of a profile's categories with sums over its payments."""
    rows = payments.merge(paid, on=["txn_id", "customer_id"])
    rows = rows.merge(categories, on=["customer_id", "stream_id"], suffixes=("_bank", ""))
    assert (rows.amount < 0).any()
    rows["category"] = rows.category.astype(object).where(~rows.is_unknown, None)
    for profile in profiles.itertuples():
        out = rows[(rows.customer_id == profile.customer_id) & (rows.direction == "out")]
        out = out[out.currency == profile.main_currency]
        spent = out.amount.astype(float).groupby(out.category.fillna("?")).sum().clip(lower=0)
        known = spent.drop("?", errors="ignore")
        part = known[known > 0] / known.sum()
        assert profile.text_top_share == pytest.approx(known.max() / spent.sum())
        assert profile.text_unknown_share == pytest.approx(1 - known.sum() / spent.sum(), abs=1e-9)
        assert profile.text_entropy == pytest.approx(-(part * np.log(part)).sum())


def test_a_model_and_training_exclude_each_other():
    from qfb_gpu.errors import ConfigError

    raw = {
        "as_of": dt.date(2024, 12, 31),
        "sources": {"transactions": {"path": "x.parquet"}},
        "text": {"train": True, "model": "m.bin"},
    }
    with pytest.raises(ConfigError, match="not both"):
        build_config(raw, base=None, where="test")


def rows_of(wrong):
    """Return payments of 300 counterparties whose memo says the category, but of a share."""
    rng = np.random.default_rng(3)
    kind = rng.integers(0, 2, 300)
    said = np.where(rng.random(300) < wrong, 1 - kind, kind)
    memo = [("rent of rooms", "wages of staff")[one] for one in said]
    columns = (memo, [("rent", "pay day")[one] for one in kind], [f"P{i}" for i in range(300)])
    return text.examples(*(pa.array(column, pa.string()) for column in columns))


@pytest.fixture(scope="module")
def champion(tmp_path_factory):
    """Return the folder of a model that is right, and a new one that is not."""
    folder = tmp_path_factory.mktemp("champion")
    training = build_config(RAW, base=folder, where="test").text.training
    held = training.model_copy(update={"normalise": False, "refit": False})
    learned = [text.learn(rows_of(wrong), held, get_backend("cpu")) for wrong in (0.0, 0.7)]
    card = learned[0].card | {"normalise": True}
    save_model(text.Learned(learned[0].model, card), folder)
    worse = text.load_predictor(learned[1].model, get_backend("cpu"))
    unseen = text.learn(rows_of(0.0), held, get_backend("cpu")).unseen
    return folder, text.Categoriser(worse, learned[1].card | {"normalise": True}), unseen


RAW = {
    "as_of": dt.date(2024, 12, 31), "device": "cpu",
    "sources": {"transactions": {"path": "x.parquet"}},
    "text": {"train": True, "training": {**QUICK, "seed": 5, "test_share": 0.3}},
}  # fmt: skip


def saved_in(folder, **training):
    text_of = {**RAW["text"], "training": {**RAW["text"]["training"], **training}}
    config = build_config({**RAW, "text": text_of}, base=folder, where="test")
    workspace = SimpleNamespace(root=folder / ".work" / "night")
    return SimpleNamespace(config=config, backend=get_backend("cpu"), workspace=workspace)


@pytest.mark.parametrize(
    ("params", "normalise", "is_pinned", "is_new"),
    [
        ({"seed": "5", "test_share": "0.3"}, True, False, False),
        ({"seed": "5", "test_share": "0.4"}, True, False, False),
        ({"seed": "5", "test_share": "0.2"}, True, False, True),  # it learnt from who tests now
        ({"seed": "6", "test_share": "0.3"}, True, False, True),
        ({"seed": "5", "test_share": "0.3"}, False, False, True),  # it reads other texts
        ({"seed": "6", "test_share": "0.2"}, True, True, False),
    ],
)
def test_a_champion_that_is_better_stays_where_both_were_tried_on_strangers(
    champion, tmp_path, monkeypatch, params, normalise, is_pinned, is_new
):
    folder, worse, unseen = champion
    version = Version("text", 3, ("champion",), {}, {}, params, folder, "id", is_pinned=is_pinned)
    monkeypatch.setattr(categories, "champion", lambda *_: version)
    saved = saved_in(tmp_path, normalise=normalise)
    chosen, took_new, why = categories._gate(worse, unseen, saved)
    assert took_new == is_new
    assert (chosen is worse) == is_new
    assert "version 3" in why
    if not is_new and not is_pinned:
        assert ": 100.0%" in why


def test_the_model_that_names_the_streams_is_the_one_that_is_stored(
    champion, tmp_path, monkeypatch
):
    folder, worse, unseen = champion
    params = {"seed": "5", "test_share": "0.3"}
    version = Version("text", 3, ("champion",), {}, {}, params, folder, "id")
    monkeypatch.setattr(categories, "champion", lambda *_: version)
    learned = text.Learned(worse.predictor.model, worse.card, unseen)
    monkeypatch.setattr(text, "learn", lambda *_: learned)
    two = {"memo": ["a", "b"], "category": ["x", "y"], "counterparty_id": ["p", "q"]}
    rows = {name: pa.array(values, pa.string()) for name, values in two.items()}
    saved = saved_in(tmp_path)
    saved.buckets, saved.scored = [0], lambda *_: {**rows, "count": np.array([1, 1])}
    categories._fit(saved)
    right = load_model(folder, saved.backend).files()["model.bin"]
    stored = load_model(tmp_path / "out" / "models" / "text", saved.backend)
    names = load_model(saved.workspace.root / "text", saved.backend)
    assert stored.files()["model.bin"] == names.files()["model.bin"] == right
    [candidate] = offered(saved.workspace.root)
    assert not candidate.is_champion
    assert candidate.files["model.bin"] == worse.files()["model.bin"] != right
