"""What a clause says that its nodes do not hold is told, and nothing of clauses that are alike."""

import pytest

from qfb_gpu.finance import clause_audit as audit
from qfb_gpu.finance import clause_doubts as doubts
from qfb_gpu.finance.clauses import parse_clause

# A problem, a clause that has it, and one alike that has none.
PAIRS = [
    (audit.BY_PERIOD, "每月5日前核对上月供货，收到发票后45日内付款", "每日核对供货，收到发票后45日内付款"),
    (audit.BY_PERIOD, "Framework agreement: call-offs are paid 30 days after invoice",
     "Agreement: paid 30 days after invoice"),
    (audit.BY_PERIOD, "每月对账一次，收到发票后45日内付款", "逾期的每月付违约金，收到发票后45日内付款"),
    (audit.BY_PERIOD, "按月对账，验收后付款", "月结60天，每月25日对账，开票后付款"),
    (audit.BY_PERIOD, "每月出账，账单送达后20日内付款", "账单送达后20日内付款"),
    (audit.CHOICE, "选择一次付款的，签约付清；选择分期付款的，签约付40%，交付付60%", "选择分期付款的，签约付40%，交付付60%"),
    (audit.CHOICE, "Option 1: 100% on signing less 2%. Option 2: 40% on signing, 60% on delivery",
     "40% on signing, 60% on delivery"),
    (audit.ALL_DAYS, "签约付30%，到货付70%。以上款项均在收到发票后15日内支付", "签约付30%，到货付70%。每笔付款前应提供发票"),
    (audit.ALL_DAYS, "30% on signing, 70% on delivery. All payments are due within 30 days of invoice",
     "30% on signing, 70% on delivery. All payments are made in euro"),
    (audit.ALL_DAYS, "40% on signing and 60% on delivery, each payable within 30 days of invoice",
     "40% on signing; 60% by monthly certificates, each payable within 28 days"),
    (audit.ONE_EVENT, "首付40%，余款分24期，每月10日等额支付", "首付40%，余款分24期付清"),
    (audit.EARLIER_OR_LATER, "签约付90%，10%于验收后或到货后6个月付清", "签约付90%，10%于到货后6个月付清"),
    (audit.EARLIER_OR_LATER, "90% on delivery, 10% on acceptance or 6 months after delivery",
     "90% on delivery, 10% on acceptance or rejection"),
    (audit.BACK_IN_TIME, "签约付30%，到货付40%，业主盖章后付30%", "到货付款70%，签约预付30%"),
    (audit.DATE_UNUSED, "2024年3月31日前付30%，验收后付70%", "本合同于2024年3月31日签订，签约付30%，验收后付70%"),
    (audit.DATE_UNUSED, "签约付30%，2024年6月30日付70%", "签约付30%，2024年6月30日前交货后付70%"),
    (audit.DATE_UNUSED, "签约付30%，2024-6-30付70%", "合同编号2024-06-30，签约付30%，验收付70%"),
    (audit.DATE_UNUSED, "40% payable on 1 March 2025, 60% on acceptance",
     "Per quotation of 1 March 2025, 40% on signing and 60% on acceptance"),
    (audit.FREE_PERIOD, "租期3年，免租期2个月，按季支付", "租期3年，按季支付"),
    (audit.EARLIER_OR_LATER, "30% on signing, 70% on acceptance or 90 days after delivery, whichever is earlier",
     "30% on signing, 70% on acceptance"),
    (audit.EARLIER_OR_LATER, "验收后30日内付款，最迟不超过发货后90日", "验收后付款，最迟不超过30日"),
    (audit.EARLIER_OR_LATER, "验收后30日内付款，最迟不超过发货后30日", "发票后最迟30日内付款"),
    (audit.EARLIER_OR_LATER, "30% deposit, 70% on acceptance but no later than 2 months after delivery",
     "30% deposit, 70% no later than 2 months after delivery"),
    (audit.EARLIER_OR_LATER, "80% on delivery, 20% on acceptance, but in any event within 120 days of delivery",
     "80% on delivery, 20% on acceptance"),
    (audit.EARLIER_OR_LATER, "签约付30%，验收付70%，以两者较晚者为准", "签约付30%，验收付70%。逾期罚款以较低者为准"),
    (audit.SUM_UNREAD, "预付款20万元于保函开立后支付，到货付60%，验收付40%",
     "预付款20万元（占30%）签约后支付，到货付60%，验收付10%"),
    (audit.SEVERAL_TOTALS, "设备款200万元：预付30%，到货70%。服务费50万元：验收后付清",
     "设备款200万元：预付30%，到货70%"),
    (audit.ONE_EVENT, "货款分6期等额支付，首期于发货后30日支付", "货款分6期等额支付"),
    (audit.ONE_EVENT, "首付40%，余款分24个月按月等额支付", "首付40%，余款分24个月付清"),
    (audit.RETAINED_UNTIL, "验收付95%，5%质保金于年度考核合格后支付", "验收付95%，5%质保金在无质量问题后支付"),
    (audit.RETAINED_UNTIL, "95% on delivery; 5% retention released upon completion of the final audit",
     "95% on delivery; 5% retention released upon expiry of the warranty"),
    (doubts.OTHER_BASE, "签约付30%，到货后支付不含税价的50%，余款验收后付", "签约付30%，到货后支付合同价的50%，余款验收后付"),
    (doubts.OTHER_BASE, "30% on signing, 70% of the software licences on delivery",
     "30% of the hire on signing, 70% of the total contract price on delivery"),
]  # fmt: skip


@pytest.mark.parametrize(("problem", "text", "alike"), PAIRS, ids=range(len(PAIRS)))
def test_what_is_left_out_is_told_and_nothing_else(problem, text, alike):
    clause, other = parse_clause(text), parse_clause(alike)
    assert clause.nodes
    assert other.nodes
    assert problem in clause.problems
    assert other.problems == ()


def test_every_problem_of_the_audit_has_its_pair():
    told = {value for name, value in vars(audit).items() if name.isupper() and name[0] != "_"}
    assert {said for said in told if isinstance(said, str)} <= {problem for problem, _, _ in PAIRS}


def test_the_nodes_stay_as_they_are():
    """Shares and due rules are those of the clause without what is told."""
    told = parse_clause("签约付30%，2024年6月30日付70%")
    assert [node.basis_points for node in told.nodes] == [3000, 7000]
    assert (
        parse_clause("每月对账一次，收到发票后45日内付款").nodes
        == parse_clause("收到发票后45日内付款").nodes
    )


def test_a_clause_without_nodes_is_not_asked():
    assert parse_clause("2024年3月31日前，按月支付").problems == (doubts.NO_TERM,)
