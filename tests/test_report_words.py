"""The report's sentences: at one and at many, and no row that became something else unsaid."""

import datetime as dt

import pyarrow as pa
import pytest
import report_fixture as made
from test_report import page, with_measures

from qfb_gpu.report.sections import churn, open_banking, recommendations, risks
from qfb_gpu.report.wording import duration, percent
from qfb_gpu.schema import GOLD


def declared(rows):
    fields = {
        "customer_id": "a", "declaration_id": "d", "kind": "standing_order", "stream_id": 1,
        "agrees": False, "difference": "1 declared, 2 found", "amount": 100.0, "currency": "JPY",
    }  # fmt: skip
    table = GOLD["declared_schedules"]
    columns = {
        column.name: [{**fields, **row}.get(column.name) for row in rows]
        for column in table.columns
    }
    kinds = made.schema_of("declared_schedules")
    found = pa.table({name: pa.array(v, kinds.field(name).type) for name, v in columns.items()})
    return lambda _, names=None: found.select(names) if names else found


@pytest.mark.parametrize(("share", "words"), [
    (0.0, "0%"), (0.0004, "<0.1%"), (0.994, "99.4%"), (0.9996, ">99.9%"), (1.0, "100%"),
    (1 - 1e-14, "100.0%"), (1.5, "150%"),
])  # fmt: skip
def test_nearly_all_is_not_said_to_be_all(share, words):
    assert percent(share) == words


@pytest.mark.parametrize(("seconds", "words"), [
    (9.994, "9.99 s"), (9.996, "10.0 s"), (59.96, "1 min 00 s"), (3599.7, "1 h 00 min"),
])  # fmt: skip
def test_a_duration_rounds_into_the_next_unit(seconds, words):
    assert duration(seconds).replace("\xa0", " ") == words


def test_rows_that_were_summed_rounded_and_prepared_are_told(tmp_path):
    run = with_measures(made.many(20), [
        ("transactions", "rows", 10), ("transactions", "kept", 6), ("transactions", "files", 3),
        ("transactions", "summed: further lines of one payment", 4),
        ("transactions", "rounded: amount to the decimals of its currency", 1),
        ("contract_payments", "rows", 2), ("contract_payments", "kept", 2),
        ("contract_payments", "prepare: 1 lookup (code) unmatched", 2),
        ("open_banking", "rows", 1), ("open_banking", "kept", 1),
        ("open_banking", "not read: Party", 7), ("open_banking", "days old: next_date", 0),
    ])  # fmt: skip
    _, text = page(tmp_path, run)
    assert (
        "4 further lines were added to the payment of the same number; 1 amount was rounded" in text
    )
    assert "contract payments went through the steps of the config's prepare." in text
    assert "No row was changed" not in text
    assert "added to another 合并: 4" in text
    assert "prepare 1 lookup (code) unmatched 2" in text
    assert "not read Party 7" in text
    assert "Files 文件数 3" in text
    assert "the as-of date" in text
    assert "0 days before" not in text


def test_rows_that_stayed_as_they_were_are_said_to(tmp_path):
    run = with_measures(made.many(20), [("transactions", "rows", 1), ("transactions", "kept", 1)])
    _, text = page(tmp_path, run)
    assert "The one row that was read could be used." in text
    assert "No row was changed." in text


def test_one_schedule_differs_and_yen_have_no_decimals():
    words = open_banking.draw(declared([{}])).replace("\xa0", " ")
    assert "Of 1 schedule declared" in words
    assert "1 (100%) has payments here; 0 of 1 that can be judged are paid as declared." in words
    assert "1 schedule differs." in words
    assert "the first 20" not in words
    assert "100 JPY" in words
    assert "100.00" not in words


def test_schedules_that_cannot_be_judged_are_not_said_to_disagree():
    words = open_banking.draw(declared([{"agrees": None, "difference": None}] * 2))
    assert "none can be judged." in words
    assert "0 of 0" not in words


def test_schedules_without_payments_are_not_counted_as_different():
    """They were: 3 schedules differ, where the line above says that 0 of 1 are as declared."""
    unknown = {"agrees": None, "difference": "no payments found", "stream_id": None}
    words = open_banking.draw(declared([{}, unknown, unknown])).replace("\xa0", " ")
    assert "0 of 1 that can be judged" in words
    assert "1 schedule differs, 2 cannot be judged." in words


def test_more_schedules_than_are_shown_are_counted():
    rows = [{"customer_id": f"c{n}"} for n in range(21)]
    words = open_banking.draw(declared(rows)).replace("\xa0", " ")
    assert "21 schedules differ; the first 20 are shown." in words


def test_a_candidate_tried_on_one_customer_has_no_range_and_says_so():
    few = {"value": 1.0, "low": 1.0, "high": 1.0, "n_rows": 1}
    many = {"value": 0.3, "low": 0.2, "high": 0.4, "n_rows": 29}
    judged = [
        {"model": "next_product", "candidate": name, "is_used": False, "metric": "map", "bin": -1,
         "note": "", **one}
        for name, one in (("challenger", few), ("popularity", many))
    ]  # fmt: skip
    card = churn.figures_card(judged, "How good", "评估")
    assert "held-out cases" in card
    assert ">1</td>" in card
    assert ">29</td>" in card
    assert "1.000 (" not in card
    assert "0.300 (0.200–0.400)" in card
    assert "n_rows" in recommendations._JUDGED


def test_one_customer_at_risk_is():
    part = churn._Sums(2, 1, churn.exact(made.np.array([0.5, 0.1])), None)
    assert "1 customer of 2 is at high risk" in churn._lead([part]).replace("\xa0", " ")


def test_a_run_of_one_stream_is_in_the_singular(tmp_path):
    run = made.many(20)
    streams = run.tables["payment_streams"]
    one = [n == 0 for n in range(streams.num_rows)]
    at = streams.column_names.index("is_regular")
    run.tables["payment_streams"] = streams.set_column(at, "is_regular", pa.array(one))
    run.extras["run"] = {"as_of": dt.date(2024, 12, 31)}
    _, text = page(tmp_path, run)
    assert "1 stream of payments is regular and carries" in text
    assert "follows a schedule" in text


def test_a_customer_of_whom_nothing_was_observed_is_at_no_level_as_it_has_no_alert():
    """After a year without income channels have a raw score, of which the score has nothing."""
    found = pa.table({
        "risk": ["channel"] * 3, "level": ["severe", "severe", "high"],
        "month_end": [dt.date(2024, 12, 31)] * 3, "raw_score": [66.4, None, 66.4],
        "n_observations": [0, 12, 3],
    })  # fmt: skip
    levels = risks._summed(found).levels
    assert levels == {("channel", "not measured"): 2, ("channel", "high"): 1}
