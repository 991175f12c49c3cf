"""Nights whose config has other sources than the night before: as if there had been no other."""

import datetime as dt
import shutil

import pytest

from qfb_gpu import pipeline
from qfb_gpu.config import build_config
from qfb_gpu.lake import gold
from qfb_gpu.portfolio import write_portfolio

ALL = ("transactions", "customers", "orders", "contracts", "contract_payments")
TABLES = ("payment_terms", "contract_summary", "contract_payments", "order_risk")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("portfolio")
    write_portfolio(folder / "sources", 20, 5)
    return folder


def tables(folder, output, sources, monkeypatch):
    monkeypatch.setattr(pipeline, "_log", lambda *_: None)  # MLflow takes most of such a night
    raw = {"as_of": dt.date(2024, 12, 31), "device": "cpu", "workers": 1, "output": output,
           "data": "sources", "sources": {n: {"path": f"{n}.parquet"} for n in sources}}  # fmt: skip
    config = build_config(raw, base=folder, where="test")
    pipeline.run(config)
    there = set(gold.tables(config.output_dir))
    return {n: gold.read(config.output_dir, n) for n in TABLES if n in there}


@pytest.mark.parametrize("gone", ["orders", "contract_payments"])
def test_a_source_that_is_taken_out_of_the_config_is_not_seen(written, monkeypatch, gone):
    """Its silver was: payments were still linked to contracts, orders still paid."""
    left = [name for name in ALL if name != gone]
    shutil.rmtree(written / "out", ignore_errors=True)
    before = tables(written, "out", ALL, monkeypatch)
    after = tables(written, "out", left, monkeypatch)
    anew = tables(written, f"without {gone}", left, monkeypatch)
    for name, table in anew.items():
        assert after[name].equals(table), name
    for name in set(TABLES) - set(anew):
        assert after[name].num_rows == 0
    changed = "payment_terms" if gone == "orders" else "contract_summary"
    assert not before[changed].equals(after[changed])
    again = tables(written, "out", ALL, monkeypatch)
    assert all(again[name].equals(table) for name, table in before.items())
