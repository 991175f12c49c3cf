"""Descriptions in the night: a model learnt from the bank's own categories names the streams."""

import datetime as dt

import numpy as np
import pyarrow.parquet as pq
import pytest

from qfb_gpu.config import build_config
from qfb_gpu.lake import gold
from qfb_gpu.models.candidate import offered
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
