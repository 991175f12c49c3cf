"""Payment clauses: the generator's in every style, and spellings that it does not make."""

from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfb_gpu._portfolio.clauses import CLAUSES, NODE_KINDS, STYLES, TEMPLATES
from qfb_gpu.finance import clause_doubts as doubts
from qfb_gpu.finance.clause_table import clause_nodes
from qfb_gpu.finance.clause_words import KINDS, TRIGGERS
from qfb_gpu.finance.clauses import parse_clause
from qfb_gpu.finance.numerals import chinese_number, english_number, plain
from qfb_gpu.ledger import NULL_DAY

A, P, D, Y, S, R, OTHER = KINDS


def read(text):
    """Return [(kind, percent)] of a clause."""
    return [(KINDS[n.kind], n.basis_points / 100) for n in parse_clause(text).nodes]


def rules(text):
    return [
        (TRIGGERS[n.rule.trigger], n.rule.days, n.rule.warranty_days)
        for n in parse_clause(text).nodes
    ]


@pytest.mark.parametrize("number", range(len(CLAUSES)))
def test_every_clause_of_the_generator_is_read(number):
    nodes, style = TEMPLATES[number // len(STYLES)][1], STYLES[number % len(STYLES)]
    wanted = [(NODE_KINDS[kind], percent) for kind, percent, _, _ in nodes]
    clause = parse_clause(CLAUSES[number])
    if style in ("terse", "numerals"):  # 进度款60%（分2期）: instalments are equal
        wanted = []
        for kind, group in groupby(nodes, key=lambda node: node[0]):
            shares = [percent for _, percent, _, _ in group]
            wanted += [(NODE_KINDS[kind], sum(shares) / len(shares))] * len(shares)
    else:
        days = [(n.rule.days or 0) + n.rule.warranty_days for n in clause.nodes]
        assert days == [due for _, _, _, due in nodes]
    assert read(CLAUSES[number]) == wanted
    assert clause.problems == ()


# Clauses as contracts word them, by the shape of their language; no generator makes these.
OTHERS = [
    ("合同签订后10个工作日内，甲方向乙方支付合同总价款的百分之三十（30%）作为预付款；设备到货并经甲方签收后15日内支付40%；安装调试验收合格后支付至合同总价的95%；剩余5%作为质量保证金，质保期满24个月后一次性无息付清。",
     [(A, 30), (D, 40), (Y, 25), (R, 5)]),
    ("1、预付款：合同生效后7天内支付30%；2、到货款：货到现场支付30%；3、验收款：验收合格支付30%；4、质保金：10%，质保期一年。",
     [(A, 30), (D, 30), (Y, 30), (R, 10)]),
    ("付款方式3:3:3:1", [(A, 30), (D, 30), (Y, 30), (R, 10)]),
    ("3331付款", [(A, 30), (D, 30), (Y, 30), (R, 10)]),
    ("按3-6-1比例付款", [(A, 30), (D, 60), (R, 10)]),
    ("签约付三成，到货付六成，余款一年后付清", [(A, 30), (D, 60), (R, 10)]),
    ("合同签订后预付一成，封顶后付三成五，竣工付四成，余款质保期满付清",
     [(A, 10), (P, 35), (Y, 40), (R, 15)]),
    ("货到付款", [(D, 100)]),
    ("款到发货。", [(D, 100)]),
    ("验收合格后30日内一次性付清全部款项", [(Y, 100)]),
    ("月结60天", [(OTHER, 100)]),
    ("首付20%，余款分4期等额支付", [(A, 20), (P, 20), (P, 20), (P, 20), (P, 20)]),
    ("合同价款分四次支付：预付款10%，进度款两次各30%，质保金30%",
     [(A, 10), (P, 30), (P, 30), (R, 30)]),
    ("分三期付款：第一期40%于签约后5日内支付，第二期40%于到货后支付，第三期20%于验收后支付",
     [(A, 40), (D, 40), (Y, 20)]),
    ("服务费按季度支付，每季度末后15日内支付25%", [(P, 25)] * 4),
    ("合同签订后支付合同金额的30%；完成工程量的50%时支付至60%；竣工验收合格后支付至85%；结算审计完成后支付至97%；留3%质保金，缺陷责任期24个月满后返还。",
     [(A, 30), (P, 30), (Y, 25), (S, 12), (R, 3)]),
    ("工程预付款为合同价的10%，进度款按当月完成产值的75%支付，竣工验收合格支付至85%，结算完成支付至95%，5%作为工程质量保修金。",
     [(A, 10), (P, 65), (Y, 10), (S, 10), (R, 5)]),
    ("甲方收到乙方开具的13%增值税专用发票后30日内支付合同价的50%，验收后支付剩余50%。逾期付款的，每逾期一日按应付款的0.05%支付违约金。",
     [(A, 50), (Y, 50)]),
    ("预付款20%（凭等额预付款保函支付），到货款60%，验收款20%", [(A, 20), (D, 60), (Y, 20)]),
    ("预付50%，提货前付清余款。", [(A, 50), (D, 50)]),
    ("签约后一周内支付30%定金，余款发货前付清", [(A, 30), (D, 70)]),
    ("预付款30％　到货款30％　验收款35％　质保金5％", [(A, 30), (D, 30), (Y, 35), (R, 5)]),
    ("预付30%+到货60%+质保10%", [(A, 30), (D, 60), (R, 10)]),
    ("首付款三十万元（占30%），二期款四十万元（占40%），尾款三十万元（占30%）",
     [(A, 30), (P, 40), (Y, 30)]),
    ("甲方应于合同签订后10日内支付合同总价款的20%，计人民币20万元；货物到达甲方指定地点后15日内支付50%，计人民币50万元；安装调试并验收合格后支付25%；余5%为质保金。",
     [(A, 20), (D, 50), (Y, 25), (R, 5)]),
    ("Buyer shall pay thirty percent (30%) of the Contract Price upon signature, sixty percent (60%) prior to shipment, and the balance of ten percent (10%) upon final acceptance.",
     [(A, 30), (D, 60), (Y, 10)]),
    ("30% deposit, 70% balance before shipment", [(A, 30), (D, 70)]),
    ("Terms of payment: 30% T/T in advance, 70% against copy of B/L.", [(A, 30), (D, 70)]),
    ("20% down payment; 70% against delivery; remaining 10% 12 months after acceptance as retention",
     [(A, 20), (D, 70), (R, 10)]),
    ("Net 30 days from invoice date", [(OTHER, 100)]),
    ("Payment shall be made as follows: (a) 10% of the Contract Sum as advance payment against an advance payment bond of 10%; (b) 80% in four equal instalments upon completion of each milestone; (c) 10% upon the expiry of the Defects Liability Period.",
     [(A, 10), (P, 20), (P, 20), (P, 20), (P, 20), (R, 10)]),
    ("Upon signing 20%, upon delivery up to 70% cumulative, upon acceptance up to 95%, balance after warranty period of 24 months.",
     [(A, 20), (D, 50), (Y, 25), (R, 5)]),
    ("A deposit of 25% is due on signing. The remaining 75% is due within 30 days of delivery. Late payments bear interest at 1.5% per month.",
     [(A, 25), (D, 75)]),
    ("Fifty percent of the fee is payable on execution of this Agreement and fifty percent on acceptance of the deliverables.",
     [(A, 50), (Y, 50)]),
    ("本合同签订并生效之日起7个工作日内，甲方支付合同总额的20%；乙方完成全部货物交付后10个工作日内，甲方支付合同总额的50%；项目验收合格之日起30日内，甲方支付合同总额的25%；剩余5%作为质保金，于质保期满后10个工作日内支付。",
     [(A, 20), (D, 50), (Y, 25), (R, 5)]),
    ("甲方按以下节点付款：（一）合同签订后支付30%；（二）基础完成后支付20%；（三）主体完成后支付30%；（四）竣工验收后支付17%；（五）质保金3%。",
     [(A, 30), (P, 20), (P, 30), (Y, 17), (R, 3)]),
    ("合同总价的百分之十作为履约保证金。预付款为百分之三十，验收后付百分之七十。", [(A, 30), (Y, 70)]),
    ("预付款：10%；发货前：30%；到货验收：50%；质保：10%", [(A, 10), (D, 30), (Y, 50), (R, 10)]),
    ("租金按年支付，每年支付总租金的20%，共5年", [(P, 20)] * 5),
    ("无预付款，到货验收合格后90天内付清全款。", [(Y, 100)]),
    ("电汇，预付30%定金，70%见提单复印件付清", [(A, 30), (D, 70)]),
    ("Payment terms: 40% down, 40% on delivery, 20% net 30 after installation.",
     [(A, 40), (D, 40), (Y, 20)]),
    ("The Client will pay 25% upon project kick-off, 50% upon delivery of the beta version, and 25% upon final sign-off.",
     [(A, 25), (D, 50), (Y, 25)]),
    ("Payment by three equal installments: on signing, on delivery and on acceptance",
     [(A, 33.34), (D, 33.33), (Y, 33.33)]),
    ("Half upon signing, half upon completion", [(A, 50), (Y, 50)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), OTHERS, ids=range(len(OTHERS)))
def test_other_spellings_are_read(text, wanted):
    assert read(text) == wanted
    assert parse_clause(text).total_basis_points == 10_000


def test_due_rules():
    text = "合同签订后10个工作日内付30%；验收后一个月内付65%；5%质保金，质保期两年满后15日内付清"
    assert rules(text) == [("signature", 10, 0), ("acceptance", 30, 0), ("warranty_end", 15, 730)]
    assert parse_clause(text).nodes[0].rule.is_working
    assert not parse_clause(text).nodes[1].rule.is_working
    assert rules("Net 45 days from invoice date") == [("invoice", 45, 0)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        # a long wait of a retention is its warranty, not once more days after it
        ("验收后付95%，5%质保金90天后付清", ("warranty_end", None, 90)),
        ("验收后付95%，5%质保金一年后付清", ("warranty_end", None, 365)),
        ("验收后付95%，5%质保金60天后付清", ("warranty_end", 60, 365)),
        # of two lengths the one that limits the payment counts
        ("签约付30%，设备试运行3个月并验收合格后30日内支付70%", ("acceptance", 30, 0)),
        ("签约付30%，设备试运行3个月验收合格，不迟于30天支付70%", ("acceptance", 30, 0)),
        ("30% on signature, 70% after acceptance of a 3 months trial within 30 days",
         ("acceptance", 30, 0)),
        ("30% AT SIGNATURE, 70% WITHIN 2 WEEKS AFTER DELIVERY", ("delivery", 14, 0)),
    ],
)  # fmt: skip
def test_how_long_the_last_payment_waits(text, wanted):
    assert rules(text)[-1] == wanted
    assert not parse_clause(text).nodes[0].rule.is_working
    assert not parse_clause(text).nodes[-1].rule.is_working
    assert parse_clause(text).problems == ()


@pytest.mark.parametrize("text", ["2024年付清", "验收后99999999999天付清", "质保期2024年，验收后付清",
                                  "签订付30%，5%质保金9999999999天后付，验收付65%"])  # fmt: skip
def test_more_than_a_hundred_years_is_no_time_to_wait(text):
    """2024年 was 2,024 years; a number beyond 32 bits stopped the night."""
    found = clause_nodes([text])
    assert (found.days == NULL_DAY).all()
    assert (found.warranty_days <= 365).all()
    assert found.problems == ("",)


def test_what_does_not_add_up_is_said():
    clause = parse_clause("预付款30%，验收款60%")
    assert clause.problems == ("sums to 90%",)
    assert parse_clause("预付30%，到货付至20%").problems[0] == "20% in all after 30%"
    assert parse_clause(None).problems == ("no clause",)
    assert parse_clause("按双方约定执行").nodes == ()
    assert parse_clause("按双方约定执行").problems == ("no percentage found",)


def test_what_is_read_wrongly_is_at_least_said():
    text = "Progress payments of 20% each at 25%, 50%, 75% and 100% completion"
    assert parse_clause(text).problems  # too many percentages: their sum tells


def test_shares_that_rise_to_the_whole_are_cumulative_and_said_so():
    clause = parse_clause("预付款30%，到货款80%，验收款100%")
    assert [n.basis_points for n in clause.nodes] == [3000, 5000, 2000]
    assert clause.problems == ("read as cumulative: the shares rise to 100%",)


@pytest.mark.parametrize(
    ("text", "value"),
    [("三十五", 35), ("十", 10), ("一百二十", 120), ("十二点五", 12.5), ("百", 100), ("两", 2),
     ("二〇二四", 2024), ("元", None), ("", None)],
)  # fmt: skip
def test_chinese_numerals(text, value):
    assert chinese_number(text) == value


def test_english_numerals():
    assert english_number("Thirty-Five") == 35
    assert english_number("one hundred") == 100
    assert english_number("some") is None
    assert plain("thirty-five per cent (35%)") == "35%"


@given(st.text(alphabet="预付款验收质保金余至%。，；0123456789十百分之 abcpaydeliv()", max_size=60))
def test_any_text_gives_shares_of_a_whole_or_a_problem(text):
    clause = parse_clause(text)
    assert all(0 < node.basis_points <= 10_000 for node in clause.nodes)
    assert clause.total_basis_points == 10_000 or clause.problems


# Everyday clauses: what each is paid for, share by share, with trigger, days and warranty.
EVERYDAY = [
    ("租赁期12个月，按月支付", [(P, "period", None, 0)] * 12),
    ("租期一年，租金按月支付", [(P, "period", None, 0)] * 12),
    ("服务期12个月，每月支付1万元", [(P, "period", None, 0)] * 12),
    ("月租金5000元，按月支付，租期12个月", [(P, "period", None, 0)] * 12),
    ("租赁期三年，按季支付", [(P, "period", None, 0)] * 12),
    ("租金每半年支付一次，共3年", [(P, "period", None, 0)] * 6),
    ("按半年支付，租期2年", [(P, "period", None, 0)] * 4),
    ("租金按年支付，租期3年，每年1月31日前付", [(P, "period", None, 0)] * 3),
    ("rent payable monthly in advance for 12 months", [(P, "period", None, 0)] * 12),
    ("12-month lease, paid quarterly", [(P, "period", None, 0)] * 4),
    ("12 equal monthly instalments", [(P, "period", None, 0)] * 12),
    ("three annual payments", [(P, "period", None, 0)] * 3),
    ("付款方式：3-6-1", [(A, "signature", None, 0), (D, "delivery", None, 0), (R, "warranty_end", None, 365)]),
    ("货到付款", [(D, "delivery", None, 0)]),
    ("COD", [(D, "delivery", None, 0)]),
    ("货到7日内付款", [(D, "delivery", 7, 0)]),
    ("95%验收后支付，质保金5%一年后付", [(Y, "acceptance", None, 0), (R, "warranty_end", None, 365)]),
    ("验收付95%，余5%质保", [(Y, "acceptance", None, 0), (R, "warranty_end", None, 365)]),
    ("验收合格后付清全款，合同期3年", [(Y, "acceptance", None, 0)]),
    ("验收后一次性付清，质保期内每年巡检2次", [(Y, "acceptance", None, 0)]),
    ("验收后付清，逾期付款的，每月按2%支付利息", [(Y, "acceptance", None, 0)]),
    ("2/10 net 30", [(OTHER, "invoice", 30, 0)]),
    ("2/10, n/30", [(OTHER, "invoice", 30, 0)]),
    ("2/8 net 30", [(OTHER, "invoice", 30, 0)]),
    ("2% 10 days, net 30", [(OTHER, "invoice", 30, 0)]),
    ("due on receipt", [(OTHER, "invoice", 0, 0)]),
    ("L/C at sight", [(D, "shipment", 0, 0)]),
    ("letter of credit 60 days", [(D, "shipment", 60, 0)]),
    ("30%预付，70%即期信用证", [(A, "signature", None, 0), (D, "shipment", 0, 0)]),
    ("90天远期信用证", [(D, "shipment", 90, 0)]),
    ("首付30%，余款分3个月付清", [(A, "signature", None, 0)] + [(P, "progress", None, 0)] * 3),
    ("合同签订后支付20%，计人民币20万元；余款验收后支付",
     [(A, "signature", None, 0), (Y, "acceptance", None, 0)]),
    ("预付款20万元，占合同总价的20%，余款验收后付清",
     [(A, "signature", None, 0), (Y, "acceptance", None, 0)]),
    ("总价100万元，签订后付30%，余款验收后支付",
     [(A, "signature", None, 0), (Y, "acceptance", None, 0)]),
    # the number of payments, before all of them, was that of the first
    ("三次付清：签订30%，到货30%，验收40%",
     [(A, "signature", None, 0), (D, "delivery", None, 0), (Y, "acceptance", None, 0)]),
    ("合同总价分两期支付，首期30%，余款验收付",
     [(A, "signature", None, 0), (Y, "acceptance", None, 0)]),
    # what a penalty waits for was what the payment before it waited for
    ("签订付30%。若延期交货，每天付违约金1000元。验收付70%",
     [(A, "signature", None, 0), (Y, "acceptance", None, 0)]),
    # the term of a lease was a warranty
    ("每季支付25%，租期1年", [(P, "period", None, 0)] * 4),
    # the tax that a price contains was a payment
    ("合同总价（含税13%），预付30%，到货付70%",
     [(A, "signature", None, 0), (D, "delivery", None, 0)]),
    ("含税总价的30%预付，70%到货付", [(A, "signature", None, 0), (D, "delivery", None, 0)]),
    # the time of the works, or until the delivery, was days after the payment's event
    *[(text, [(A, "signature", None, 0), (Y, "acceptance", None, 0)]) for text in (
        "工期90天，签约付30%，验收付70%", "签约付30%，验收付70%，工期最长不超过90天",
        "交货期60天，签约付30%，验收付70%", "供货期限30日历天，预付30%，验收付70%",
        "2024年6月30日前交货，签约付30%，验收付70%", "合同签订后60天内完成交货，签约付30%，验收付70%",
        "Lead time 8 to 10 weeks, 30% on signing, 70% on acceptance",
        "Delivery by 30 June 2024. 30% on signing, 70% on acceptance.")],
    ("30% on signing, 70% on delivery. Delivery within 60 days after receipt of deposit.",
     [(A, "signature", None, 0), (D, "delivery", None, 0)]),
    ("交货期满后30天内付款", [(D, "delivery", 30, 0)]),
    # the length of a warranty, told behind the last payment, made it one at its end
    *[(text, [(A, "signature", None, 0), (Y, "acceptance", None, 0)]) for text in (
        "签约付30%，验收付70%，质保期一年", "签约付30%，验收付70%。质保期自验收之日起12个月。",
        "签约付30%，余款验收后付清，质保一年", "30% on signing, 70% on acceptance, warranty 12 months",
        "30% on signing, 70% on acceptance. Warranty 12 months.",
        "30% on signing, balance on acceptance, 12 months warranty")],
    ("签约付30%，验收付60%，尾款10%，质保期自验收合格之日起12个月",
     [(A, "signature", None, 0), (Y, "acceptance", None, 0), (R, "warranty_end", None, 365)]),
    ("签约付30%，验收付65%，质保期两年，期满付5%",
     [(A, "signature", None, 0), (Y, "acceptance", None, 0), (R, "warranty_end", None, 730)]),
    ("Payment terms are net 30 days from date of invoice. Warranty period is 12 months from delivery.",
     [(OTHER, "invoice", 30, 0)]),
    ("100% payment against delivery, 2 year warranty from date of commissioning",
     [(D, "delivery", None, 0)]),
    # days in which something else is done were those of the payment beside it
    ("签约后5日内付30%，乙方收款后15日内发货，货到后付70%",
     [(A, "signature", 5, 0), (D, "delivery", None, 0)]),
    ("20% down, 80% after commissioning. Commissioning within 30 days after arrival.",
     [(A, "signature", None, 0), (Y, "acceptance", None, 0)]),
    # a month's name was a month, and 年付 of 满1年付 every year
    ("服务费每年10万元，合同期三年，每年1月支付", [(P, "period", None, 0)] * 3),
    ("签约付30%，验收满三个月付60%，满一年付10%",
     [(A, "signature", None, 0), (Y, "acceptance", 91, 0), (R, "warranty_end", None, 365)]),
    ("签约付30%，验收满3个月付清余款", [(A, "signature", None, 0), (Y, "acceptance", 91, 0)]),
    ("完成全部工作的50%时付40%，稳定运行三个月后付60%",
     [(P, "progress", None, 0), (Y, "acceptance", 91, 0)]),
    # installment, as it is spelled in America, was an installation; design a signing
    ("First installment 30% on signing; second installment 70% on shipment",
     [(A, "signature", None, 0), (D, "shipment", None, 0)]),
    ("25% at contract signing, 25% at design freeze, 50% at FAT",
     [(A, "signature", None, 0), (P, "progress", None, 0), (Y, "acceptance", None, 0)]),
    ("10% upon execution, 80% on acceptance, 10% upon the first anniversary of acceptance",
     [(A, "signature", 0, 0), (Y, "acceptance", None, 0), (Y, "acceptance", 365, 0)]),
    ("30% on receipt of order, 70% on installation",
     [(A, "signature", None, 0), (Y, "acceptance", None, 0)]),
    # bonds, orders and the like
    ("采购订单下达后付30%，试用两个月后付70%", [(A, "signature", None, 0), (Y, "acceptance", 61, 0)]),
    ("履约保证金为合同价的10%，签约前提交。预付20%，竣工验收且提交3%质量保函后付80%",
     [(A, "signature", None, 0), (Y, "acceptance", None, 0)]),
    ("1/2 with order, 1/2 on completion; half of the delivery time is for tests",
     [(A, "signature", None, 0), (Y, "acceptance", None, 0)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), EVERYDAY, ids=range(len(EVERYDAY)))
def test_everyday_clauses_are_read(text, wanted):
    clause = parse_clause(text)
    assert [
        (KINDS[n.kind], *rule) for n, rule in zip(clause.nodes, rules(text), strict=True)
    ] == wanted
    assert clause.total_basis_points == 10_000
    assert clause.problems == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("签订后付50万元，余款验收后支付", doubts.FIXED_SUM),
        ("合同签订后支付伍拾万元整，验收后支付剩余款项", doubts.FIXED_SUM),
        ("定金10万，余款提货时付清", doubts.FIXED_SUM),
        ("验收后支付40万元", doubts.FIXED_SUM),
        ("$50,000 on signing, balance on acceptance", doubts.FIXED_SUM),
        ("RMB 100,000 advance, balance within 30 days of acceptance", doubts.FIXED_SUM),
        ("50% on signing, $20,000 on delivery, balance on acceptance", doubts.FIXED_SUM),
        ("余款验收后支付", doubts.NO_FIRST),
        ("balance on acceptance", doubts.NO_FIRST),
        ("按月支付", doubts.NO_TERM),
        ("每月5日前支付", doubts.NO_TERM),
        ("payable quarterly in advance", doubts.NO_TERM),
        ("首年租金预付，之后按季支付，租期3年", doubts.NOT_ALIKE),
        ("分期付款", doubts.NO_NUMBER),
        ("按进度付款", doubts.BY_PROGRESS),
        ("payment upon completion of each milestone", doubts.BY_PROGRESS),
        ("押一付三，租期一年", "no percentage found"),
    ],
)
def test_what_shares_cannot_hold_is_said_and_not_read_as_something_else(text, problem):
    clause = parse_clause(text)
    assert clause.nodes == ()
    assert clause.problems == (problem,)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("首付30%，余款分期支付", doubts.NO_NUMBER),
        ("首付30%，其余按月支付", doubts.NO_TERM),
        ("6个月银行承兑汇票支付", doubts.BY_BILL),
        ("payment by 90 days bank acceptance", doubts.BY_BILL),
        ("到货付款，6个月银承", doubts.BY_BILL),
        ("背靠背付款", doubts.BACK_TO_BACK),
        ("尾款30%待财政拨款到位后支付，签约付70%", doubts.BACK_TO_BACK),
        ("质保金5%一年后", "sums to 5%"),
    ],
)
def test_what_is_read_in_part_is_said(text, problem):
    clause = parse_clause(text)
    assert problem in clause.problems
    assert clause.nodes
    triggers = {TRIGGERS[node.rule.trigger] for node in clause.nodes}
    assert "acceptance" not in triggers  # neither of what remains nor of a bank


@pytest.mark.parametrize(
    ("text", "days"),
    [("net 45", 45), ("2/10 net 30", 30), ("terms: net 60.", 60), ("net 30, EOM", 30),
     ("net 10 working days", 10), ("net 30-day terms", 30), ("net 30%", None)],
)  # fmt: skip
def test_net_thirty_is_thirty_days_without_a_unit_too(text, days):
    assert [n.rule.days for n in parse_clause(text).nodes] == [days]


def test_the_term_of_a_short_named_bill_is_no_time_to_wait():
    """银承 alone was no bill: 182 days after the signature."""
    text = "签约付30%（6个月银承），发货付70%，运费由供应商承担"
    assert rules(text) == [("signature", None, 0), ("shipment", None, 0)]
    assert parse_clause(text).problems == (doubts.BY_BILL,)
