"""The standing payments of firms: what for, to whom, how often, how much, in which words.

A kind is one row of :data:`STANDING`; weights are written ``"name weight name weight"``.
``{m}`` etc. in a memo is filled: m 2024年03月, p 202403, M Mar 2024, q 2024Q1, n a number of the
payment, c a number of the contract.
"""

from __future__ import annotations

from dataclasses import dataclass

SIZES = ("micro", "small", "medium", "large")
SIZE_WEIGHTS = (0.55, 0.30, 0.12, 0.03)
SIZE_SCALE = (0.35, 1.0, 4.0, 20.0)

INDUSTRIES = (
    "制造业", "批发业", "零售业", "建筑业", "交通运输", "住宿餐饮", "信息技术", "农业", "商务服务", "医药",
)  # fmt: skip
INDUSTRY_WEIGHTS = (22, 18, 17, 9, 7, 8, 7, 4, 6, 2)
RETAIL = (2, 5)  # industries that sell to consumers

PROVINCES = (
    "浙江", "广东", "江苏", "山东", "四川", "河南", "湖北", "福建", "上海", "北京", "湖南", "安徽", "河北", "陕西", "重庆", "辽宁",
)  # fmt: skip
PROVINCE_WEIGHTS = (13, 15, 13, 9, 7, 6, 5, 6, 5, 5, 4, 4, 3, 2, 2, 1)

HUBS = ("tax", "social", "fund", "power", "water", "telecom", "bank", "insurer", "acquirer",
        "platform", "finance", "software")  # fmt: skip
HUB_CHOICES = {"tax": 16, "social": 16, "fund": 16, "power": 16, "water": 16, "telecom": 3,
               "bank": 12, "insurer": 8, "acquirer": 4, "platform": 5, "finance": 16,
               "software": 9}  # fmt: skip
BY_PROVINCE = ("tax", "social", "fund", "power", "water", "finance")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of standing payment; ``per_firm`` is the mean number by size."""

    name: str
    direction: str
    party: str
    per_firm: tuple[float, float, float, float]
    amount: float
    cadences: str
    days: str
    rolls: str
    amounts: str
    contracts: tuple[float, ...]
    channel: str
    category_out: str
    category_in: str
    memos: tuple[str, ...]
    memos_en: tuple[str, ...]
    spread: float = 0.7
    variation: float = 0.15


_ANY_DAY = "1 2 3 1 5 2 8 1 10 3 12 1 15 3 18 1 20 2 22 1 25 2 28 1 30 1 31 1 0 2 -1 1 -2 1"

STANDING: tuple[Kind, ...] = (
    Kind("rent", "out", "outside", (0.5, 0.7, 1.0, 2.5), 12000,
         "monthly 5 quarterly 4 semiannual 1 annual 1 bimonthly 1", _ANY_DAY,
         "none 2 preceding 2 following 3 modified_following 2", "fixed 5 stepped 4 trend 0.3",
         (0.6, 0.3, 0.1), "网银", "房租", "租金收入",
         ("房租{m}", "租金 {q}", "厂房租赁费{m}", "物业服务费{m}", "仓库租金 合同{c}", "商铺租金"),
         ("Rent {M}", "Office rent", "Service charge {q}", "Warehouse lease {c}")),
    Kind("salary", "out", "payroll", (0.5, 0.85, 1.0, 1.5), 60000,
         "monthly 8 semimonthly 1 biweekly 0.5", "5 3 8 2 10 5 15 4 20 1 25 2 28 1 0 2",
         "preceding 7 following 1 none 1", "variable 5 trend 3 fixed 1 stepped 1",
         (0.9, 0.1), "代发", "工资", "工资",
         ("代发工资{m}", "{p}工资", "工资及绩效{m}", "劳务费 {m}"), ("Payroll {M}", "Salaries {M}"),
         0.5, 0.06),
    Kind("tax", "out", "tax", (0.5, 0.9, 1.0, 1.0), 8000, "monthly 6 quarterly 5",
         "15 6 10 1 12 1 14 1", "following 1", "variable 8 fixed 1", (0.7, 0.3), "银税",
         "税款", "税款", ("增值税{p}", "税款缴库 {q}", "企业所得税{q}", "附加税费 {p}", "个人所得税{p}"),
         ("VAT payment {M}", "Tax {q}"), 0.8, 0.35),
    Kind("social", "out", "social", (0.5, 0.85, 1.0, 1.0), 9000, "monthly 1",
         "5 1 8 1 10 3 15 3 20 2 25 2", "following 4 preceding 2 none 1",
         "stepped 5 fixed 2 trend 2 variable 1", (1.0,), "批扣", "社保", "社保",
         ("社会保险费{p}", "社保缴费{m}", "城镇职工社保{m}"), ("Social insurance {M}",), 0.6, 0.05),
    Kind("fund", "out", "fund", (0.2, 0.6, 0.9, 1.0), 5000, "monthly 1", "10 2 15 2 20 2 25 2 0 1",
         "none 2 following 3 preceding 1", "stepped 5 fixed 3 trend 2", (1.0,), "批扣", "公积金",
         "公积金", ("住房公积金{m}", "公积金汇缴{p}"), ("Housing fund {M}",), 0.6),
    Kind("power", "out", "power", (0.35, 0.6, 1.0, 2.0), 5000, "monthly 8 bimonthly 3",
         "3 1 8 2 12 2 18 2 22 1 25 1 28 1", "none 4 following 3", "variable 1", (0.85, 0.15),
         "批扣", "电费", "电费", ("电费{m}", "国网电费 户号{c}", "{p}电费"), ("Electricity {M}",), 0.9, 0.2),
    Kind("water", "out", "water", (0.1, 0.2, 0.4, 1.0), 800, "monthly 3 bimonthly 4 quarterly 2",
         "5 1 10 2 15 2 20 2 25 1", "none 4 following 3", "variable 1", (1.0,), "批扣", "水费",
         "水费", ("水费{m}", "自来水费 户号{c}", "燃气费{m}"), ("Water {M}", "Gas bill {M}"), 0.8, 0.2),
    Kind("telecom", "out", "telecom", (0.2, 0.4, 0.7, 1.5), 400, "monthly 1",
         "1 2 5 2 8 1 10 1 16 1 26 1", "none 3 following 1", "fixed 5 variable 3 stepped 1",
         (0.75, 0.2, 0.05), "批扣", "通讯费", "通讯费",
         ("宽带费{m}", "手机话费{p}", "专线租用费 {c}", "云通信服务费{m}"), ("Broadband {M}", "Phone bill {M}"),
         0.7, 0.12),
    Kind("loan", "out", "bank", (0.15, 0.3, 0.5, 1.5), 25000, "monthly 6 quarterly 3",
         "20 4 21 4 5 1 15 1 25 1", "none 4 following 4 modified_following 2",
         "fixed 5 stepped 2 trend 2", (0.7, 0.2, 0.1), "批扣", "贷款还款", "贷款还款",
         ("贷款还款 {c}", "贷款利息{m}", "按揭还款 {c}", "融资租赁还款{c}"), ("Loan repayment {c}", "Loan interest {M}")),
    Kind("insurance", "out", "insurer", (0.2, 0.35, 0.6, 1.5), 6000,
         "annual 4 semiannual 3 quarterly 2 monthly 3", _ANY_DAY,
         "none 3 following 3 modified_following 1", "fixed 6 stepped 2", (0.35, 0.3, 0.25, 0.1),
         "批扣", "保险费", "保险费",
         ("保险费 保单{c}", "财产险保费 保单{c}", "团体意外险{q}", "车险保费 {c}", "雇主责任险 保单{c}"),
         ("Insurance premium policy {c}", "Property cover {c}", "Liability premium"), 0.9),
    Kind("lease", "out", "outside", (0.08, 0.2, 0.5, 1.0), 18000, "monthly 5 quarterly 3",
         _ANY_DAY, "following 3 modified_following 2 none 1", "fixed 6 stepped 1", (0.8, 0.15, 0.05),
         "网银", "设备租赁", "租赁收入", ("设备租赁费{m}", "融资租赁租金 第{n}期", "车辆租赁费{m}"),
         ("Equipment lease {c}", "Vehicle hire {M}")),
    Kind("software", "out", "software", (0.08, 0.2, 0.4, 1.0), 900,
         "monthly 4 annual 2 every_n_days 2", _ANY_DAY, "none 1", "fixed 6 stepped 2 variable 1",
         (0.8, 0.2), "卡", "软件服务", "软件服务", ("云服务费{m}", "软件订阅费", "SaaS年费 {c}", "短信服务费{p}"),
         ("Subscription {M}", "Cloud services {M} inv {n}", "SaaS licence {c}"), 0.9),
    Kind("logistics", "out", "outside", (0.1, 0.25, 0.6, 2.0), 5000,
         "weekly 4 biweekly 3 every_n_days 3 semimonthly 2", "1 1 15 1 5 1 10 1", "none 3 following 3",
         "variable 6 fixed 2 trend 1", (0.85, 0.15), "网银", "运费", "运输收入",
         ("运费结算 {n}", "物流费{m}", "快递月结 {p}", "货运费 运单{n}"), ("Freight settlement {n}", "Courier {M}"),
         0.8, 0.25),
    Kind("cleaning", "out", "outside", (0.08, 0.2, 0.5, 1.0), 2500,
         "semimonthly 3 biweekly 2 monthly 3 weekly 1", _ANY_DAY, "none 1 following 2 preceding 1",
         "fixed 6 stepped 2 variable 1", (0.8, 0.2), "网银", "物业保洁", "服务收入",
         ("保洁服务费{m}", "保安服务费{m}", "绿化养护费", "食堂承包费{m}"), ("Cleaning {M}", "Security services {M}")),
    Kind("advice", "out", "outside", (0.15, 0.3, 0.5, 1.5), 8000, "annual 5 semiannual 2 quarterly 1",
         _ANY_DAY, "following 2 none 1", "fixed 4 stepped 3", (0.85, 0.15), "网银", "咨询审计", "服务收入",
         ("年度审计费", "法律顾问费 {q}", "商会会费", "代理记账费 {q}", "ISO认证年费"),
         ("Annual audit fee", "Legal retainer {q}", "Membership fee")),
    Kind("supply", "out", "outside", (0.3, 0.55, 1.2, 4.0), 15000,
         "weekly 3 biweekly 3 every_n_days 5 semimonthly 3 monthly 4 bimonthly 0.5 daily 0.25",
         "0 3 1 1 15 2 10 2 20 1 25 2 5 1", "none 2 following 3 preceding 1 modified_following 2",
         "variable 7 fixed 2 trend 1 stepped 0.5", (0.85, 0.15), "网银", "货款", "货款收入",
         ("货款 发票{n}", "材料款{m}", "采购款 {n}", "旬结货款", "周结货款 {n}", "原料款 合同{c}"),
         ("Payment invoice {n}", "INV-{n}", "Supplies {M}", "PO {n}"), 1.0, 0.3),
    Kind("fee", "out", "bank", (0.25, 0.4, 0.6, 1.0), 60, "monthly 3 quarterly 2 annual 1", "20 2 21 2 0 1 1 1",
         "none 1", "variable 4 fixed 4", (0.9, 0.1), "批扣", "手续费", "手续费",
         ("账户管理费", "网银服务费{m}", "手续费 {p}", "回单箱年费"), ("Account fee", "Bank charges {M}"), 0.5, 0.3),
    Kind("takings", "in", "acquirer", (0.035, 0.05, 0.04, 0.1), 4000, "daily 8 weekly 1", "1 1",
         "none 1", "variable 1", (1.0,), "收单", "收单结算", "收单结算",
         ("收单结算款", "POS结算 {n}", "扫码收款结算"), ("Card settlement {n}", "POS takings"), 0.8, 0.4),
    Kind("platform", "in", "platform", (0.12, 0.15, 0.15, 0.3), 9000,
         "every_n_days 4 weekly 3 biweekly 3 semimonthly 1", "1 1 16 1", "none 3 following 2",
         "variable 5 trend 2", (0.95, 0.05), "平台", "平台结算", "平台结算",
         ("平台货款结算 {n}", "电商提现", "直播带货结算{m}"), ("Marketplace payout {n}", "Seller payout"), 0.9, 0.35),
    Kind("rental", "in", "outside", (0.1, 0.15, 0.3, 1.0), 8000,
         "monthly 6 quarterly 4 semiannual 1 annual 1", _ANY_DAY, "none 2 following 2 preceding 1",
         "fixed 5 stepped 3", (0.75, 0.2, 0.05), "网银", "房租", "租金收入",
         ("租金收入{m}", "厂房出租 {q}", "场地使用费{m}"), ("Rent received {M}", "Sublet {q}")),
    Kind("service", "in", "outside", (0.35, 0.5, 0.9, 2.0), 12000,
         "monthly 6 biweekly 2 weekly 1 quarterly 2 every_n_days 2 semimonthly 1 bimonthly 1", _ANY_DAY,
         "none 1 following 3 preceding 1 modified_following 1", "fixed 4 variable 4 trend 1 stepped 1",
         (0.8, 0.15, 0.05), "网银", "服务费", "服务收入",
         ("服务费{m}", "维保费 合同{c}", "技术服务费 {n}", "加工费{m}"), ("Service fee {M}", "Maintenance {c}", "Invoice {n}"),
         0.9, 0.2),
    Kind("subsidy", "in", "finance", (0.05, 0.1, 0.2, 0.5), 20000, "annual 3 semiannual 2 quarterly 2",
         _ANY_DAY, "following 2 none 1", "fixed 3 variable 2", (0.95, 0.05), "财政", "政府补贴", "政府补贴",
         ("稳岗补贴 {q}", "高新技术企业奖励", "财政贴息{q}"), ("Subsidy {q}",), 0.8, 0.3),
    Kind("interest", "in", "bank", (0.5, 0.6, 0.8, 1.0), 30, "quarterly 8 monthly 1", "21 6 20 3",
         "none 1", "variable 1", (1.0,), "系统", "利息", "利息",
         ("结息", "存款利息{q}", "季度结息"), ("Credit interest {q}", "Interest"), 1.0, 0.4),
)  # fmt: skip

FAR_DAYS = (5, 7, 10, 10, 10, 10, 12, 18, 20, 21, 21, 28, 28, 28, 30, 35, 45, 45, 45, 60)
"""Periods of ``every_n_days``, as often as they occur (5 and 7 not at all: see EVERY_N)."""
EVERY_N = FAR_DAYS[2:]
PAIRS = ((1, 15), (1, 16), (5, 20), (10, 25), (15, 0))


@dataclass(frozen=True, slots=True)
class Trade:
    """One kind of irregular payment; ``shape`` is how its days fall."""

    name: str
    direction: str
    party: str
    per_firm: tuple[float, float, float, float]
    per_year: float
    amount: float
    shape: str
    channel: str
    category_out: str
    category_in: str
    memos: tuple[str, ...]
    memos_en: tuple[str, ...]
    spread: float = 0.6


IRREGULAR: tuple[Trade, ...] = (
    Trade("purchase", "out", "outside", (1.6, 2.5, 5.0, 22.0), 7, 9000,
          "poisson 5 bursty 3 seasonal 2", "网银", "货款", "货款收入",
          ("货款 发票{n}", "采购款", "材料款 {n}", "付货款 合同{c}", "配件款"), ("Payment INV-{n}", "PO {n}", "Goods")),
    Trade("sale", "in", "outside", (2.0, 3.0, 6.0, 26.0), 7, 11000,
          "poisson 5 bursty 2 seasonal 3", "网银", "货款", "货款收入",
          ("货款 发票{n}", "销售回款", "收货款 {n}", "订单款{n}"), ("Invoice {n}", "Receipt {n}", "Order {n}")),
    Trade("travel", "out", "none", (0.15, 0.3, 0.5, 1.0), 10, 1200, "poisson 1 bursty 2", "卡",
          "差旅费", "差旅费", ("差旅费报销", "机票 {n}", "酒店住宿", "高铁票"), ("Travel", "Hotel {n}", "Airline {n}"), 0.8),
    Trade("office", "out", "outside", (0.3, 0.5, 0.8, 2.0), 6, 600, "poisson 1", "卡", "办公费", "货款收入",
          ("办公用品", "打印耗材 {n}", "快递费", "维修费 {n}"), ("Office supplies {n}", "Repairs"), 0.8),
    Trade("cash", "out", "none", (0.2, 0.15, 0.05, 0.02), 14, 3000, "poisson 1", "柜台", "现金支取",
          "现金支取", ("现金支取", "ATM取款", "备用金"), ("Cash withdrawal", "ATM"), 0.5),
    Trade("freight", "out", "outside", (0.1, 0.2, 0.4, 1.0), 9, 1500, "poisson 2 bursty 1", "网银",
          "运费", "运输收入", ("运费 {n}", "搬运装卸费", "油费充值"), ("Freight {n}", "Fuel"), 0.7),
    Trade("constant", "out", "outside", (0.25, 0.3, 0.4, 1.0), 5, 500, "decoy 1", "卡", "杂费",
          "服务收入", ("检测费", "通行卡充值", "公证费", "招聘服务", "体检费"), ("Toll top-up", "Test fee", "Job advert"), 0.0),
    Trade("topup", "in", "outside", (0.12, 0.15, 0.2, 0.5), 5, 5000, "decoy 1", "网银", "往来款",
          "往来款", ("往来款", "保证金退回", "定金"), ("Deposit", "Transfer"), 0.0),
)  # fmt: skip

ORDER = Trade("order", "out", "outside", (0.35, 0.7, 1.4, 5.0), 6, 9000, "poisson 1", "网银", "货款", "货款收入",
              (), (), 0.9)  # fmt: skip
CONTRACT = Trade("contract", "out", "outside", (0.25, 0.5, 1.2, 5.0), 0, 0, "poisson 1", "网银", "工程款",
                 "货款收入", (), ())  # fmt: skip
"""Deals; the words of their memos are in the vocabulary."""

SHAPES = ("poisson", "bursty", "seasonal", "decoy")


def weighted(text: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Return the names and the weights of ``"name weight name weight"``."""
    words = text.split()
    return tuple(words[::2]), tuple(float(word) for word in words[1::2])
