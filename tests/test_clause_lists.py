"""Clauses in which several events have a share each."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qfb_gpu.finance import clause_words as words
from qfb_gpu.finance.clause_lists import written_out
from qfb_gpu.finance.clause_words import KINDS
from qfb_gpu.finance.clauses import parse_clause
from qfb_gpu.finance.numerals import plain

A, P, D, Y, S, R, OTHER = KINDS
THREE = [(A, 30.0), (D, 30.0), (Y, 30.0)]
THIRDS = [(A, 33.33), (D, 33.34), (Y, 33.33)]
EVENTS = {"签约": A, "到货": D, "验收": Y, "结算": S}


def read(text):
    return [(KINDS[node.kind], node.basis_points / 100) for node in parse_clause(text).nodes]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("签约、到货、验收各付30%，余款质保期满付", [*THREE, (R, 10.0)]),
        ("签约、到货、验收各30%，质保金10%", [*THREE, (R, 10.0)]),
        ("合同签订、到货及验收合格后各支付合同总价的30%，尾款10%质保期满支付", [*THREE, (R, 10.0)]),
        ("预付款、到货款、验收款各30%，质保金10%", [*THREE, (R, 10.0)]),
        ("分三期，签约、到货、验收各付30%，余款一年后付", [*THREE, (R, 10.0)]),
        ("总价100万，分三次：签约、到货、验收各付30万，余款质保期满付清", [*THREE, (R, 10.0)]),
        ("合同总价60万，签约、到货、验收各付20万", THIRDS),
        ("签约付30%，到货、验收各付30%，质保金10%", [*THREE, (R, 10.0)]),
        ("签约时、到货时、验收时各付三分之一", [(A, 33.33), (D, 33.33), (Y, 33.34)]),
        ("签约、到货、验收分别付30%、40%、30%", [(A, 30.0), (D, 40.0), (Y, 30.0)]),
        ("签约和到货分别支付60%和40%", [(A, 60.0), (D, 40.0)]),
        ("30% each on signing, delivery and acceptance, balance after warranty", [*THREE, (R, 10.0)]),
        ("50% each payable on delivery and after acceptance", [(D, 50.0), (Y, 50.0)]),
        # an event of two words, and shares before their events
        ("30% each on signing, delivery and inspection and acceptance, balance after warranty",
         [*THREE, (R, 10.0)]),
        ("30% each on signing, delivery, and installation and commissioning; 10% retention",
         [*THREE, (R, 10.0)]),
        ("货款的30%、40%、30%分别于签约、到货、验收后支付", [(A, 30.0), (D, 40.0), (Y, 30.0)]),
        ("30%、40%、30%，分别在签约、到货、验收后10个工作日内支付", [(A, 30.0), (D, 40.0), (Y, 30.0)]),
        ("签约、到货、验收各付20万元", THIRDS),
        ("签约、到货、验收分别付18万元、24万元、18万元", [(A, 30.0), (D, 40.0), (Y, 30.0)]),
    ],
)  # fmt: skip
def test_each_event_of_a_list_is_a_payment(text, wanted):
    """They were one payment of one event, and what remains was 70% of the total."""
    assert read(text) == wanted
    assert parse_clause(text).problems == ()


def test_days_after_the_last_event_are_those_after_each():
    nodes = parse_clause("签约、到货、验收后10个工作日内各付30%，余款质保期满付").nodes
    assert [node.rule.days for node in nodes[:3]] == [10, 10, 10]
    triggers = [words.SIGNED, words.DELIVERED, words.ACCEPTED, words.WARRANTY_END]
    assert [node.rule.trigger for node in nodes] == triggers


@pytest.mark.parametrize(
    "text",
    [
        "签订、到货各付60%",  # more than the whole
        "甲方、乙方各付50%",  # no events
        "签约、到货、验收分别付30%、70%",  # not as many
        "安装、调试、验收合格后付30%,余款付清",  # one event of three words
        "每季度各付25%",
        "25% each quarter",
    ],
)
def test_what_is_no_list_of_payments_stays_as_it_was(text):
    assert written_out(plain(text)) == plain(text)


@given(st.permutations(list(EVENTS)), st.integers(2, 4), st.sampled_from("、和及与"), st.data())
@settings(max_examples=60)
def test_a_list_reads_as_its_events_one_by_one(order, n, mark, data):
    events, share = order[:n], data.draw(st.integers(5, 100 // n))
    alone = ",".join(f"{event}付{share}%" for event in events)
    assert written_out(f"{'、'.join(events[:-1])}{mark}{events[-1]}各付{share}%") == alone
    shares = [share + at - n // 2 for at in range(n)] if share * n <= 90 else [share] * n
    listed = "、".join(f"{one}%" for one in shares)
    assert read(f"{'、'.join(events)}分别付{listed}") == read(
        ",".join(f"{event}付{one}%" for event, one in zip(events, shares, strict=True))
    )


@pytest.mark.parametrize("text", ["、a" * 20_000, "30% each on " + "a, " * 9_000, "a、b" * 9_000])
def test_long_texts_take_no_time(text):
    """Lists are of 25 events at most: half a minute went by over twenty thousand."""
    assert written_out(text) == text
