"""Groups from night to night: ids, moves, drift and tiers, in whole nights and against a loop."""

import datetime as dt
from itertools import permutations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfb_gpu import pipeline
from qfb_gpu.backend import get_backend
from qfb_gpu.config import build_config
from qfb_gpu.lake import gold
from qfb_gpu.portfolio import write_portfolio
from qfb_gpu.profile.standing import TIERS, tier
from qfb_gpu.report.sections import segment_moves
from qfb_gpu.report.wording import plural

CPU = get_backend("cpu")
FIRST, SECOND = dt.date(2024, 9, 30), dt.date(2024, 12, 31)


def naive_tier(turnovers, number, was, margin):
    """Return the tier of one of some customers by the share that larger ones turn over."""
    own = turnovers[number]
    if own <= 0:
        return "D"
    larger = sum(t for t in turnovers if t > own) / sum(t for t in turnovers if t > 0)

    def at(shift):
        return sum(larger >= border + shift for border in (0.8, 0.95))

    plain, low, high = at(0.0), at(margin), at(-margin)
    if was in ("A", "B", "C") and low <= "ABC".index(was) <= high:
        return was
    return "ABC"[plain]


customers = st.lists(
    st.tuples(st.integers(0, 1000), st.sampled_from([*TIERS, None])), min_size=1, max_size=25
)


@given(customers, st.sampled_from([0.0, 0.02, 0.04]))
def test_a_tier_is_left_only_by_a_margin(drawn, margin):
    turnover = np.array([t for t, _ in drawn], np.int64)
    was = np.array([-1 if name is None else TIERS.index(name) for _, name in drawn], np.int8)
    features = {"main_currency": np.zeros(len(drawn), np.int16),
                "money_turnover_minor_365d": turnover}  # fmt: skip
    got = tier(features, CPU, previous_tier=was, margin=margin)
    want = [naive_tier(turnover.tolist(), i, name, margin) for i, (_, name) in enumerate(drawn)]
    assert [TIERS[code] for code in got] == want


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    """Return what two nights published: {name: table} each."""
    folder = tmp_path_factory.mktemp("groups")
    write_portfolio(folder, 150, 4, as_of=SECOND, tables={"transactions"})
    kept = []
    skip = pytest.MonkeyPatch()
    skip.setattr(pipeline, "_log", lambda *_: None)
    skip.setattr(pipeline, "write_report", lambda *_: None)
    for as_of in (FIRST, SECOND):
        raw = {"as_of": as_of, "output": "out", "workers": 1,
               "sources": {"transactions": {"path": "transactions.parquet"}}}  # fmt: skip
        pipeline.run(build_config(raw, base=folder, where="test"))
        names = ("customer_profiles", "segments", "segment_moves", "segment_drift",
                 "segment_choice")  # fmt: skip
        kept.append({name: gold.read(folder / "out", name).to_pandas() for name in names})
    skip.undo()
    return kept


def test_a_first_night_has_no_moves(nights):
    first, _ = nights
    assert len(first["segment_moves"]) == 0
    assert len(first["segment_drift"]) == 0
    assert first["segments"].segment_id.tolist() == list(range(len(first["segments"])))


def test_moves_are_the_customers_whose_segment_changed(nights):
    first, second = nights
    was = first["customer_profiles"].set_index("customer_id").segment_id
    now = second["customer_profiles"].set_index("customer_id").segment_id
    both = was.index.intersection(now.index)
    changed = both[was[both] != now[both]]
    moves = second["segment_moves"].set_index("customer_id")
    assert set(moves.index) == set(changed)
    assert (moves.from_segment_id == was[moves.index]).all()
    assert (moves.to_segment_id == now[moves.index]).all()
    assert set(moves.previous_as_of) <= {FIRST}
    common = pd.crosstab(was[both], now[both]).to_numpy()
    most = max(  # of all ways to hand the ids over, each to one segment
        sum(common[i, j] for i, j in enumerate(to) if j < common.shape[1])
        for to in permutations(range(max(common.shape)), common.shape[0])
    )
    assert len(both) - len(moves) >= 0.8 * most  # none is handed over for less than a fifth
    drift = second["segment_drift"].set_index("measure").value
    assert drift["n_moved"] == len(changed)
    assert drift["share_moved"] == pytest.approx(len(changed) / len(both))
    assert drift["n_new"] == len(now.index.difference(was.index))
    assert drift["n_segments_before"] == was.nunique() == len(first["segments"])
    assert drift["n_segments"] == now.nunique() == len(second["segments"])


def test_the_number_of_segments_is_the_one_said_to_be_chosen(nights):
    for night in nights:
        choice = night["segment_choice"]
        chosen = choice[choice.is_chosen]
        assert chosen.n_segments.tolist() == [len(night["segments"])]
        stable = choice[choice.stability >= 0.7]
        among = stable if len(stable) else choice[choice.stability == choice.stability.max()]
        best = among[among.silhouette == among.silhouette.max()]
        was = nights[0]["segment_choice"]
        before = was[was.is_chosen].n_segments.item() if night is not nights[0] else None
        if chosen.n_segments.item() == before:  # it stays where it is nearly as good
            assert chosen.silhouette.item() >= best.silhouette.item() - 0.02
        else:
            assert chosen.n_segments.item() == best.n_segments.item()


def test_who_stays_beyond_a_border_was_there_before_and_is_near_it(nights):
    first, second = nights
    was = first["customer_profiles"].set_index("customer_id").segment_id
    now = second["customer_profiles"].set_index("customer_id")
    stayed = now[now.segment_margin < 0]
    assert (stayed.segment_margin > 1 - 1 / 0.9 - 1e-12).all()
    assert (stayed.segment_id == was[stayed.index]).all()
    left = now[now.segment_second_id == was.reindex(now.index)]
    assert (left.segment_margin >= 0.1).all()
    assert (first["customer_profiles"].segment_margin.dropna() >= 0).all()


def test_the_report_says_how_the_segments_held(nights):
    def reader(night):
        return lambda name, columns: pa.Table.from_pandas(night[name]).select(columns)

    first, second = (segment_moves.draw(reader(night)) for night in nights)
    assert "first night" in first
    assert plural(len(nights[1]["segment_moves"]), "customer") in second
    for before, words in ((4.0, False), (7.0, True)):  # regrouped, or the same groups
        drift = nights[1]["segment_drift"].set_index("measure")
        drift.loc["n_segments_before", "value"] = before
        drift.loc["n_segments", "value"] = 4.0
        drawn = segment_moves.draw(reader({**nights[1], "segment_drift": drift.reset_index()}))
        assert ("There are 4 segments, and were 7" in drawn) == words
    assert segment_moves.draw(lambda _name, _columns: (_ for _ in ()).throw(KeyError("x"))) is None


def test_drift_is_told_of_money_that_float64_rounds(tmp_path, monkeypatch):
    """A turnover beyond 2**53 minor units once stopped the second night of a bank."""
    day = dt.date(2024, 9, 20)
    rows = {"customer_id": [f"C{i % 4}" for i in range(12)], "date": [day] * 12,
            "amount": [90_071_992_547_409.93] * 12, "direction": ["in"] * 12}  # fmt: skip
    pq.write_table(pa.table(rows), tmp_path / "t.parquet")
    for name in ("_log", "write_report"):
        monkeypatch.setattr(pipeline, name, lambda *_: None)
    for as_of in (FIRST, SECOND):
        raw = {"as_of": as_of, "workers": 1, "device": "cpu",
               "sources": {"transactions": {"path": "t.parquet"}}}  # fmt: skip
        output = pipeline.run(build_config(raw, base=tmp_path, where="test")).output
    turnover = gold.read(output, "customer_profiles")["money_turnover_minor_365d"]
    assert min(turnover.to_pylist()) > 2**53
    drift = gold.read(output, "segment_drift").to_pandas().set_index("measure").value
    assert drift["n_moved"] == 0
