"""The report's sentences: at one and at many, and no row that became something else unsaid."""

import datetime as dt
import re
from dataclasses import replace

import pyarrow as pa
import pytest
import report_fixture as made
from test_report import page, with_measures

from qfb_gpu.report.charts.network import network as picture
from qfb_gpu.report.data import Link, Network, Node
from qfb_gpu.report.page.network import network
from qfb_gpu.report.sections import churn, open_banking, recommendations, risks
from qfb_gpu.report.wording import compact, duration, percent
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


@pytest.mark.parametrize(("value", "words"), [
    (12_345, "12.3 k"), (999_950, "1.00 m"), (5.2e15, "5,200 tn"), (-2.1197e16, "−21,197 tn"),
    (870, "870"), (0.5, "0.50"), (-0.001, "0.00"),
])  # fmt: skip
def test_money_has_about_three_digits_and_the_largest_is_readable(value, words):
    assert compact(value).replace("\xa0", " ") == words


def test_what_a_colour_means_is_true_of_the_dark_page_too(tmp_path):
    """On a dark screen a day of many payments is the lightest."""
    _, text = page(tmp_path, made.many(20))
    assert "the stronger the colour, the more" in text
    assert "darker" not in text


def test_a_night_that_read_nothing_does_not_praise_its_rows(tmp_path):
    _, text = page(tmp_path, made.empty())
    assert "No row was read. No source was read in this run." in text


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


def test_rows_left_out_for_many_reasons_are_all_counted(tmp_path):
    reasons = [("transactions", f"{kind}: why {at}", 30 - at)
               for kind in ("excluded", "rejected") for at in range(22)]  # fmt: skip
    total = sum(n for _, _, n in reasons) // 2
    rows = [("transactions", "rows", 2 * total + 1), ("transactions", "kept", 1)]
    _, text = page(tmp_path, with_measures(made.many(20), [*rows, *reasons]))
    assert f"left out 排除: {total} rejected 拒绝: {total}" in text
    assert text.count("2 other reasons 19") == 2
    assert f"{total} were left out on purpose" in text


def test_columns_and_currencies_that_are_not_listed_are_counted(tmp_path):
    nulls = [("customers", f"null: {name}", 5) for name in "abcdefghijk"]
    mix = [("customers", f"currency: C{at:02}", 1) for at in range(8)]
    rows = [("customers", "rows", 10), ("customers", "kept", 10), *nulls, *mix]
    _, text = page(tmp_path, with_measures(made.many(20), rows))
    assert "g 50%, h 50%, 3 more" in text
    assert "C06 10%, C07 10% " in text


def test_rows_that_a_step_made_are_told_beside_those_read(tmp_path):
    run = with_measures(made.many(20), [
        ("transactions", "rows", 3), ("transactions", "kept", 4),
        ("transactions", "made: further rows by prepare", 2),
        ("transactions", "rejected: amount is missing", 1),
    ])  # fmt: skip
    _, text = page(tmp_path, run)
    assert "3 rows read, 2 more made of them 80%" in text
    assert "Of 3 rows read and 2 rows made of them, 1 (20%) could not be used" in text


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


@pytest.mark.parametrize(("name", "wide"), [("H{:012d}", 6.0), ("杭州金鼎科技{:02d}公司", 9.0)])
def test_no_name_in_the_network_lies_over_another(name, wide):
    """Twelve hubs who pay each other and five each: drawn close together."""
    hubs = [Node(name.format(at), False, 0, 1 - at / 50, 5, 5, True) for at in range(12)]
    rest = [Node(f"r{at}", True, 0, 0.01, 1, 1, False) for at in range(60)]
    links = [Link(at, other, 1) for at in range(12) for other in range(at)]
    links += [Link(12 + at, at % 12, 1) for at in range(60)]
    page = picture([*hubs, *rest], links, "title")
    tags = re.findall(r'<text x="(.*?)" y="(.*?)" class="tag mid">(.*?)</text>', page)
    assert tags[0][2] == hubs[0].name  # the highest PageRank is named first
    boxes = [(float(x), float(y), wide * len(words) / 2) for x, y, words in tags]
    for at, (x, y, half) in enumerate(boxes):
        assert 0 <= x - half <= x + half <= 760
        for other_x, other_y, other_half in boxes[:at]:
            assert abs(x - other_x) >= half + other_half or abs(y - other_y) >= 11.5


def test_the_last_size_of_separate_pieces_has_words_of_its_own():
    sizes = replace(made_network(), component_sizes=[("1", 3), ("2", 1), ("more", 1)])
    words = network(sizes)
    assert ">1 party<" in words
    assert ">more than 1,000 parties<" in words


def made_network():
    return Network(
        n_nodes=1, n_customers=1, n_edges=0, n_components=1, n_communities=1, largest_component=1,
        component_sizes=[], communities=[], top=[], nodes=[], links=[], pagerank_share=[],
        payee_share={},
    )  # fmt: skip
