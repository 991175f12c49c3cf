"""The words of payment clauses: what a payment is called, what triggers it, what is no payment.

Every pattern is for text in one spelling (:func:`qfb_gpu.finance.numerals.plain`).
"""
# ruff: noqa: E501 - lists of words

from __future__ import annotations

import re

KINDS = ("预付款", "进度款", "到货款", "验收款", "结算款", "质保金", "其他")
"""Advance, progress, delivery, acceptance, settlement, retention, and what is none of these."""
ADVANCE, PROGRESS, DELIVERY, ACCEPTANCE, SETTLEMENT, RETENTION, OTHER = range(len(KINDS))

TRIGGERS = (
    "signature", "progress", "shipment", "delivery", "acceptance", "settlement", "warranty_end",
    "invoice", "period", "none",
)  # fmt: skip
(
    SIGNED, PROGRESSED, SHIPPED, DELIVERED, ACCEPTED, SETTLED, WARRANTY_END, INVOICED, PERIODIC,
    NO_TRIGGER,
) = range(len(TRIGGERS))  # fmt: skip


def pattern_of(text: str) -> re.Pattern[str]:
    """Return words of clauses as a pattern that asks for no case."""
    return re.compile(text, re.IGNORECASE)


NAMES: tuple[tuple[int, re.Pattern[str]], ...] = (
    (RETENTION, pattern_of(
        r"质保金|质保款|质量保证金|质量保修金|保修金|保留金|质保尾款|质保(?=[:为,]?\s*\d)|(?:%|作为?|做)质保(?![期到满书证函卡服])"
        r"|retention|retainage|\bretained for|held back for|withheld for|warranty (?:deposit|money|payment)")),
    (ADVANCE, pattern_of(
        r"预付款|预付(?!款保函)|预支付|定金|订金|首付款?|首期款?|头款|启动款|备料款|签约款|合同款首期"
        r"|advance(?!d)|down[ -]?payment|deposit|pre-?pa(?:y|id)|initial payment|up-?front|mobili[sz]ation")),
    (SETTLEMENT, pattern_of(
        r"结算款|决算款|审计款|竣工款|竣工结算款|结算尾款|final (?:account|settlement)"
        r"|settlement payment")),
    (ACCEPTANCE, pattern_of(
        r"验收款|终验款|初验款|调试款|安装款|上线款|交付款|acceptance payment|commissioning payment")),
    (DELIVERY, pattern_of(
        r"到货款|交货款|发货款|提货款|货到款|供货款|delivery payment|shipment payment|"
        r"payment on delivery|payment on shipment")),
    (PROGRESS, pattern_of(
        r"进度款|中期款|里程碑款|阶段款|节点款|月度款|progress payment|milestone payment|"
        r"interim payment|stage payment")),
)  # fmt: skip
"""A payment's name, the most telling first."""
NAMES_OF_PROGRESS = dict(NAMES)[PROGRESS]

EVENTS: tuple[tuple[int, re.Pattern[str]], ...] = (
    (WARRANTY_END, pattern_of(
        r"(?:质保|保修|质量保证|缺陷责任|保证|维保|维护|运维|售后)期?[^,;。]{0,14}?(?:届?满|到期|结束|期后|终了)"
        r"|(?:质保|保修|缺陷责任)期?(?:限)?(?:满)?\d+\s*个?[年月天]之?后"
        r"|质保期|保修期|缺陷责任期|质量保证期|无故障"
        r"|warranty|defects?\b|guarantee period|maintenance period|(?:fault|trouble|defect)[ -]free")),
    (SETTLED, pattern_of(r"结算|决算|审定|审计|审价|定案|审核完成|final (?:account|settlement)|settlement|audit")),
    (ACCEPTED, pattern_of(
        r"验收|终验|初验|调试|试运行|(?:稳定|正常|连续)运行|试用(?![品件版装])|投运|投产|并网|上线|安装完|交付使用|投入使用|交工|移交|[检查]验合格"
        r"|竣工(?!图|资料)|完工(?!程|量|部分|比|达?到?\s*\d)|acceptance(?! of (?:this |the |our |your |an? |its |purchase )*(?:orders?|quotation|quote|offer|proposal|PO|tender|bid|estimate)\b)|accepted(?! contract)|final inspection|sign-?off|(?:(?<=the )|(?<=upon )|(?<=after )|(?<=final ))(?:certificates? of (?:analysis|quality|conformity|conformance|inspection)|assay|analysis(?! fee))|commission|install(?!ment)|handover|go[ -]live"
        r"|taking[ -]over|(?<![a-z])(?:SAT|FAT|UAT|PAC|FAC|TOC)(?![a-z])"
        r"|(?<!% )completion(?! of (?:\d|each|every|milestone|phase|stage))")),
    (DELIVERED, pattern_of(
        r"到货|货到|交货|收货|到场|(?<![票单据书知件])送达|到达|抵达|运抵|到岸(?!价)|到港|进场|签收|入库|(?:供货|供应)(?:完|结束|齐)|[到交送供]齐|货物?[^,;。]{0,4}运(?:至|到)"
        r"|交付(?!货?款|定金|订金|租金|押金|保证金)"
        r"|deliver|receipt of (?:the )?goods|arrival|(?<![a-z])COD(?![a-z])")),
    (SHIPPED, pattern_of(r"发货|出厂|提货|装运|装船|起运|发运|备货完|shipment|shipping|shipped|dispatch|ex[ -]works"
        r"|(?<![a-z])B/L|提单|信用证|见单|bills? of lading|(?<![a-z])L/C|letters? of credit|at sight|against documents|(?<![a-z])D/[PA](?![a-z])")),
    (PROGRESSED, pattern_of(
        r"进度|节点|形象|工程量|产值|(?:完工|完成|竣工)(?:量|率)?达?到?\s*\d|完成[^,;。%付支\d]{1,8}\d[\d.]*%|里程碑|封顶|基础完|主体|施工|每月|按月|中期"
        r"|progress|milestone|certif(?![a-z]* of (?:analysis|quality|conformity|conformance|inspection|origin|weight|insurance))|monthly|interim|completion of \d|\d% complet|phase|stage")),
    (SIGNED, pattern_of(
        r"签订|签署|签约|签定|签字|盖章|生效|订立|下单|订单(?:确认|下达|生效)|下达[^,;。]{0,4}订单|开工|进场前|合同后|中标"
        r"|(?<![a-z])sign|acceptance of (?:this |the |our |your |an? |its |purchase )*(?:orders?|quotation|quote|offer|proposal|PO|tender|bid|estimate)\b|counter-?sign|kick-?off|commencement|execution of|(?:up)?on execution|effective|contract date|purchase order|order (?:confirmation|acknowledg)|placing|placement|receipt of (?:the |your |our )?(?:purchase )?(?:order|PO)\b"
        r"|\baward|\b(?:with|on|at|upon) (?:the |your )?(?:order|PO)\b")),
    (INVOICED, pattern_of(r"发票|见票|票到|开票|invoice|\bnet \d|月结|对账|账单|出账|(?<![a-z])EOM(?![a-z])|end of (?:the )?month(?!\s*\d)|due (?:up)?on receipt")),
    (PERIODIC, pattern_of(r"每期|每季|按季|按年|每年|quarterly|annually")),
)  # fmt: skip
"""What a payment waits for, the latest in a contract's life first."""
EVENT = dict(EVENTS)
KEYWORD = pattern_of("|".join(pattern.pattern for _, pattern in (*NAMES, *EVENTS)))
"""Any name of a payment, or event."""
SENTENCE_END = re.compile(r"[;。\n]|(?<!\d)\.(?=\s|$)")
WARRANTY_TOLD = pattern_of(
    r"(?:^|(?<=[,;。\s]))(?:整机|设备|产品|免费)?(?:质保|保修|质量保证|缺陷责任)期?限?(?!满|届|到期|结束|终)[^,;。%付支\d]{0,18}?(?:起(?:算|计算)?,)?\s*\d+\s*个?(?:月|年|天)(?=\s*(?:[,;。]|$))"
    r"|(?:^|(?<=[,;.] ))(?:with |and )?(?:an? |the )?(?:\d+[\s-]*(?:month|year)s?[\s-]*warranty(?: period)?|warranty(?: period)?(?: of| is| shall be|:)? \d+ (?:month|year)s?)(?: (?:from|after|starting|commencing|following) [^,.;%]*)?(?=\s*(?:[,;.]|$))"
)
"""How long a warranty is, as a part of its own that speaks of no payment: 质保期1年."""

FROM_INVOICE = pattern_of(
    r"days? (?:from|of|after|following) (?:the )?(?:date of )?(?:the )?(?:receipt of )?(?:an? |the |its |each |your |our )*(?:(?:correct|valid|proper|undisputed|approved|original|tax|commercial|final|supplier's|seller's|contractor's) )*invoices?\b"
    r"|(?<!货到)票到后?\d"
)
"""What the days of a payment are counted from, whatever else has to have come before."""
PART_DONE = pattern_of(
    r"(?:桩基|基础|主体|结构|地下室|土建|土方|屋面|幕墙|砌体|隐蔽|水电|管[线道网]|桥架|风管|支架|布线|线缆|电缆|预埋|龙骨|正负零|±0)(?:工程|结构|施工)*"
    r"[^,;。\d%付支]{0,4}?(?:完工|竣工|完成|验收|封顶|浇筑|[安敷铺]\w完[成毕]?)"
)
"""A part of the works is done, or accepted: a node on the way to the acceptance of all."""
INSTALLED = pattern_of(r"安装(?:完|就位|到位)[毕成]?|install(?!ment)\w*")
"""Acceptance, unless that comes as a payment's event of its own later: then it is a node before it."""
BEFORE_EVENT = pattern_of(
    r"(?:发货|出厂|提货|装运|发运|交货|到货|交付)之?前|(?:before|prior to) (?:\w+ )?"
    r"(?:shipment|shipping|dispatch|delivery)|款到发货|先款后货"
)
KIND_OF_TRIGGER = {
    SIGNED: ADVANCE, PROGRESSED: PROGRESS, SHIPPED: DELIVERY, DELIVERED: DELIVERY,
    ACCEPTED: ACCEPTANCE, SETTLED: SETTLEMENT, WARRANTY_END: RETENTION, INVOICED: OTHER,
    PERIODIC: PROGRESS, NO_TRIGGER: OTHER,
}  # fmt: skip
TRIGGER_OF_KIND = {
    ADVANCE: SIGNED, PROGRESS: PROGRESSED, DELIVERY: DELIVERED, ACCEPTANCE: ACCEPTED,
    SETTLEMENT: SETTLED, RETENTION: WARRANTY_END, OTHER: NO_TRIGGER,
}  # fmt: skip

MONTHLY = pattern_of(
    r"(?:[每当上]月|按月|monthly|each month)[^;。]{0,24}(?:完成|工程量|产值|进度|形象|certif|progress|work done)"
)
"""A share of what is done in a month, whoever accepts or settles that."""
NOT_PAID_BEFORE = pattern_of(
    r"(?:税率|利率|年化|违约金|滞纳金|罚款|罚金|利息|折扣|贴现|优惠|误差|偏差|赔偿"
    r"|逾期|迟延|延期|延误|每日|每天|每逾|扣款|残值|不足|浮动|超过|超出"
    r"|\bVAT|tax|\bduty|\bduties|interest|penalt\w*|damages|discount|bond|guarantee|late|tolerance|rebate"
    r"|cap(?:ped)? (?:at|of)|maximum|not (?:to )?exceed\w*|limited to)[^,;。%]{0,26}$|含税率?:?\s*$"
    r"|(?:递增|递减|上涨|上浮|下浮|涨幅|跌幅|波动|调价|价格调整|调整幅度|increas\w*|decreas\w*|escalat\w*|adjust\w*|inflation"
    r"|(?:增值|附加|所得|印花|城建|关)税|教育费附加|税费|税金|税款|保函|履约(?:保证金|担保))[^,;。%付支票价总()]{0,18}$"
    r"|(?:保函|履约(?:保证金|担保))(?:金额)?(?:为|是|:|按)(?:本|签约)?合同(?:总)?(?:价款?|金?额)的?\s*$"
)
PENALTY = pattern_of(
    r"违约金|罚款|罚金|滞纳金|赔偿|penalt|liquidated damages|late (?:delivery|payment) "
)
"""What is owed where somebody is late; neither its events nor its days are the payments'."""
NOT_PAID_AFTER = pattern_of(
    r"^\s*(?:的|作为|作|支付|计收|计付|收取|加收|缴纳|计)?(?:增值税|税|违约金|滞纳金|罚|利息|息|年利|折扣|贴现|优惠|履约|(?:银行|预付款|质量|质保|质保金|维修|等额|独立){0,2}保函|现金折扣|以内|误差|部分|范围"
    r"|VAT|tax|per (?:day|annum|month|week)|p\.a|interest|(?:early[ -]payment |prompt[ -]payment |cash )?discount|penalt|performance"
    r"|(?:bank |performance )?(?:bond|guarantee)|of (?:the )?late|rebate)"
)
DONE_BEFORE = pattern_of(
    r"(?:完成|完工|达到?|进度|产值|工程量|供货量?|到货|安装|completion of|reach\w*|progress(?: of| at)?)"
    r"[^,;。%付]{0,12}$"
)
"""A percentage of the work that is done, before its sign; not what is paid."""
DONE_AFTER = pattern_of(
    r"^\s*(?:以上|并|且|的?(?:时|后|节点|之日|之后)|(?:的)?(?:工程量|进度|产值|货物)"
    r"|(?:of )?(?:the )?(?:works?\b|complet|progress|goods\b))"
)
DONE_THEN_PAID = (
    pattern_of(r"(?:完成|完工|达到?|进度|产值|工程量)[^,;。%付款的]{0,6}$"),
    pattern_of(r"^\s*,?(?:即|就)?(?:付|支付)"),
)
"""完工50%付40%: the first is done, the second is paid."""
NOT_AT_ALL = pattern_of(
    r"(?:无|没有|不设|不付|不支付)预付款?|\b(?:no|without) (?:an? )?(?:advance|down)[ -]?(?:payment)?"
)
PAID_BEFORE = pattern_of(r"付|支|pay|paid")
CUMULATIVE_BEFORE = pattern_of(
    r"(?:付|拨|支)款?[^,;。%]{0,8}?(?:至|到|达到?|足)(?!货|场|达)[^,;。%]{0,14}$|累计[^,;。%]{0,16}$|补足[^,;。%]{0,12}$"
    r"|(?:up to|to reach|reach\w*|cumulative\w*|aggregate\w*|total(?:l?ing|s)?(?: payments?)?(?: paid)?"
    r"(?: of| to| up to| reach\w*)?|bring\w*[^,;%]{0,30} to)"
    r"(?: a)?(?: total)?(?: of)?(?: the)?[^,;%]{0,14}$"
)
OF_WORK_DONE = pattern_of(
    r"(?:产值|工程量|工作量|完成量|(?:已完|完成|审定|当月)[^,;。%付支]{0,6}(?:价款|造价|工程款)|work done|work executed)[^,;。%]{0,6}$"
)
"""A share of the work so far, so what was paid before is in it."""
CUMULATIVE_AFTER = pattern_of(r"^\s*(?:cumulative|in total|in aggregate|\(累计|\(含|\(cumulative)")
EACH_SHARE = pattern_of(
    r"各(?![方自项类种级])[^,;。%\d]{0,8}\d[\d.]*%|\d% each\b"
    r"|分别(?:[于在]|对应|[^,;。%\d]{0,10}\d[\d.]*%)|\brespectively\b|\bhalves\b"
)
"""A share of several; whoever reads it once has to say so."""
NOT_MET = pattern_of(
    r"^(?:且|但)?(?:若|如|如果|倘若?)[^,;。]*(?:未|没有|逾期|延|违约|拒|不能)|^(?:逾期|顺延|延误)"
    r"|^(?:if|should|unless) .*(?:fail|delay|\blate\b|\bnot\b)|扣回|抵扣(?!联)|冲抵|recover(?:ed|able)|recoup"
)
"""What happens if somebody does not keep to the contract, and how an advance is taken back."""
RECOVERED = pattern_of(r"(?:扣回|抵扣|冲抵|recover(?:ed|able)|recoup\w*)[^,;。%]{0,40}$")
_UNLIKE_EVENTS = r"the|a|an|our|your|its|this|such|contract|total|price|sum|value|amount|account|credit|demand|time|terms|pro|basis|all|each|or|and|calendar|months?|days?|weeks?|quarters?|years?|date|end|net"
UNKNOWN_EVENT = pattern_of(
    r"[^\s\d,;。:、()%年月日天周期款内付支]{2,}(?<![此之以今最先随及按届同准即])(?:后|时|前|之日)(?![期续缀])"
    r"|[^\s\d,;。:、()%年月日天周款内付支]{1,12}(?:履行完[毕成]|结束|[届期]满|到期)(?=支?付|\d|[,;。\s]|$)"
    r"|(?:凭|待)[^,;。\d%付支]{2,}"
    r"|\b(?:on|upon|after|following|against|before|prior to|when|once)\s+(?:(?:the|a|an|our|your|its|receipt of)\s+)*"
    rf"(?!(?:{_UNLIKE_EVENTS})\b)[a-z]{{3,}}"
)
"""A payment waits for something; it is asked of a text in which no event was found."""
REMAINDER = pattern_of(
    r"余款|剩余|其余|尾款|余额|余下|余(?=\s*\d+(?:\.\d+)?%)|(?<!overdue )balance|remain(?:der|ing)|\bthe rest\b"
)
WHOLE = pattern_of(
    r"付清|结清|付讫|全额|全款|一次性|货到付款|款到发货|先款后货|见票|票到|月结|付款|支付"
    r"|信用证|[月季年]度?[1一]付|in full|net \d|cash (?:on delivery|in advance)|(?<![a-z])COD(?![a-z])|\bpaid\b|payable|payment|\bdue\b"
    r"|(?<![a-z])L/C|letters? of credit|against documents|(?<![a-z])D/[PA](?![a-z])|instal|(?<![a-z])EOM(?![a-z])|month[- ]end\b|end of (?:the )?(?:following |next )?month(?!\s*\d)"
    r"|(?:\d(?:st|nd|rd|th)? (?:day )?of (?:the )?(?:following|next) month)|[次下]1?个?月\d{1,2}[日号]之?前?付"
)
INSTALMENTS = (
    pattern_of(r"(?:分|共|计)\s*(\d{1,2})\s*(?:期|次|批|笔|个月|季|年)"),
    pattern_of(r"\b(\d{1,2}) ?[x×*] ?(?=\d+(?:\.\d+)?%)"),
    pattern_of(r"(\d{1,2})\s*(?:期|次|笔)(?:等额|平均|均等|支付|付|各)"),
    pattern_of(r"\b(?:in|by|over) (\d{1,2}) (?:equal )?(?:monthly |quarterly |annual |yearly )?"
           r"(?:instal\w*|stages|tranches|parts|payments)"),
    pattern_of(r"\b(\d{1,2}) (?:equal )?(?:monthly |quarterly |annual |yearly )?"
           r"(?:instal\w*|tranches|payments)"),
)  # fmt: skip
EACH = pattern_of(
    r"[x×*] ?\d|(?:monthly|quarterly|annual|yearly) (?:payments|instal\w*) of"
    r"|每(?:期|次|批|笔|月|季|年|完成|到)|各(?=[^,;。]{0,6}\d)|\beach\b|\bevery\b|per (?:month|stage)|(?:月|季)付"
)
