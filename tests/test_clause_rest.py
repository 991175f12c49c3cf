"""What is paid off last is what remains, called so or not; where that is doubtful it is said."""

import pytest

from qfb_gpu.finance.clause_rest import rest_named
from qfb_gpu.finance.clause_words import TRIGGERS
from qfb_gpu.finance.clauses import parse_clause


def read(text):
    """Return [(share, trigger, days)]."""
    return [
        (n.basis_points / 100, TRIGGERS[n.rule.trigger], n.rule.days)
        for n in parse_clause(text).nodes
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("预付30%，货到付清", [(30, "signature", None), (70, "delivery", None)]),
        ("先付全款的50%，提货时付清", [(50, "signature", None), (50, "shipment", None)]),
        ("签约付30%，到货付40%，验收合格后30日内一次性付清。",
         [(30, "signature", None), (40, "delivery", None), (30, "acceptance", 30)]),
        ("合同签订后付至30%，到货付至80%，验收付清",
         [(30, "signature", None), (50, "delivery", None), (20, "acceptance", None)]),
        ("预付款30%，质保金10%，验收后付清",
         [(30, "signature", None), (60, "acceptance", None), (10, "warranty_end", None)]),
        ("竣工付95%，质保金一年后付清", [(95, "acceptance", None), (5, "warranty_end", None)]),
        ("签约付30%，货到付清。逾期付款按日0.05%支付违约金",
         [(30, "signature", None), (70, "delivery", None)]),
        ("合同总价60万，签约付20万，货到付清",
         [(33.33, "signature", None), (66.67, "delivery", None)]),
        ("30% deposit, paid in full before shipment",
         [(30, "signature", None), (70, "shipment", None)]),
    ],
)  # fmt: skip
def test_the_last_payment_is_all_that_remains(text, wanted):
    """They were the first payments alone, at the last event: 30% on delivery."""
    assert read(text) == wanted
    assert parse_clause(text).problems == ()


@pytest.mark.parametrize(
    "text",
    [
        "质保金10%，质保期满付清",
        "预付款30%，签约后7日内付清",  # the advance itself
        "首付30%，3个月内付清",  # at no event
        "定金20%（发货前付清），到货付60%",
        "30% on signing. Invoices are paid in full within 30 days.",
        "10% retention, released in full after the warranty",
    ],
)
def test_what_may_be_the_payment_before_is_not_what_remains(text):
    assert any(said.startswith("sums to") for said in parse_clause(text).problems)


def test_a_sum_of_no_stated_total_has_no_rest():
    assert parse_clause("签约付20万，货到付清").nodes == ()


def test_what_is_called_the_rest_stays_as_it_is():
    assert rest_named("预付30%,余款货到付清") is None
    assert rest_named("预付30%,到货付70%") is None
    assert rest_named("货到付清") is None
    assert rest_named("预付30%,货到付清") == "预付30%,余款货到付清"
