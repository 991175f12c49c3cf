"""Clauses that state their total and sums: read as shares of it, to the minor unit."""

from decimal import Decimal

import deals_case
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stand_in import stand_in_backend

from qfb_gpu.backend import get_backend
from qfb_gpu.finance import clause_doubts as doubts
from qfb_gpu.finance import contracts as con
from qfb_gpu.finance import nodes
from qfb_gpu.finance.clause_sums import PER_UNIT, in_shares
from qfb_gpu.finance.clause_table import clause_nodes
from qfb_gpu.finance.clause_words import KINDS
from qfb_gpu.finance.clauses import parse_clause
from qfb_gpu.finance.numerals import plain
from qfb_gpu.parts.contracts import CONTRACTS

A, P, D, Y, S, R, OTHER = KINDS


def read(text):
    """Return [(kind, sum in the currency's unit)] and the stated total of a clause."""
    clause = parse_clause(text)
    nodes = [(KINDS[n.kind], Decimal(n.sum_stated) / PER_UNIT) for n in clause.nodes]
    return nodes, Decimal(clause.total_stated) / PER_UNIT


@pytest.mark.parametrize(
    ("text", "total", "wanted"),
    [
        ("合同总价60万，签订付20万，验收付30万，余款质保期满付", 600_000,
         [(A, 200_000), (Y, 300_000), (R, 100_000)]),
        ("合同总价：人民币陆拾万元整（¥600,000.00），合同签订后5日内支付贰拾万元整（¥200,000.00），验收合格后支付三十万元，余款于质保期满后付清。",
         600_000, [(A, 200_000), (Y, 300_000), (R, 100_000)]),
        ("签订后付20万元，到货后付30万元，质保金10万元一年后付，合计60万元", 600_000,
         [(A, 200_000), (D, 300_000), (R, 100_000)]),
        ("总价60万，预付款20万元，到货款30万元，质量保证金10万元质保期满付", 600_000,
         [(A, 200_000), (D, 300_000), (R, 100_000)]),
        ("合同总价120万元（含税13%），预付36万，到货付72万，质保金12万", 1_200_000,
         [(A, 360_000), (D, 720_000), (R, 120_000)]),
        ("合同总额二十五万五千元，预付五万元，余款验收付", 255_000, [(A, 50_000), (Y, 205_000)]),
        ("合同金额1,200,000元，签订后10日内付400,000元，验收后30日内付800,000元", 1_200_000,
         [(A, 400_000), (Y, 800_000)]),
        ("合同总价60万元，签订付20万，到货付至50万，余款质保期满付", 600_000,
         [(A, 200_000), (D, 300_000), (R, 100_000)]),
        ("合同总价60万元，签订付30%，验收付30万，余款质保期满付", 600_000,
         [(A, 180_000), (Y, 300_000), (R, 120_000)]),
        ("合同总价60万，三次付清：签订20万，到货20万，验收20万", 600_000,
         [(A, 200_000), (D, 200_000), (Y, 200_000)]),
        ("合同总价100万元，首付40万元，余款分4期等额支付", 1_000_000,
         [(A, 400_000)] + [(P, 150_000)] * 4),
        ("合同总价60万元，每期支付5万元，共12期", 600_000, [(P, 50_000)] * 12),
        ("合同总价60万元，签订后付18万元，验收后付42万元。逾期付款每日按应付款0.05%支付违约金，违约金总额不超过6万元。",
         600_000, [(A, 180_000), (Y, 420_000)]),
        ("合同总价60万元。签订付20万元。若延期交货，违约金每天1000元，总额不超过3万元。验收付40万元",
         600_000, [(A, 200_000), (Y, 400_000)]),
        ("总价60万元，月付5万元，租期12个月", 600_000, [(P, 50_000)] * 12),
        ("Total contract price USD 100,000: USD 30,000 on signing, USD 60,000 on delivery, balance on acceptance",
         100_000, [(A, 30_000), (D, 60_000), (Y, 10_000)]),
        ("The Buyer shall pay the total price of $100,000 as follows: $30,000 upon signature; $60,000 upon shipment; and $10,000 upon final acceptance.",
         100_000, [(A, 30_000), (D, 60_000), (Y, 10_000)]),
        ("Contract value: EUR 1.2 million. EUR 0.4 million on signing, EUR 0.8 million on delivery",
         1_200_000, [(A, 400_000), (D, 800_000)]),
    ],
)  # fmt: skip
def test_sums_of_a_stated_total_are_read(text, total, wanted):
    assert read(text) == (wanted, total)
    assert parse_clause(text).problems == ()
    assert parse_clause(text).total_basis_points == 10_000


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("总价60万，签订付20万，验收付30万", doubts.SUMS_DIFFER),
        ("总价60万，签订付20万，验收付50万，余款质保期满付", doubts.SUMS_DIFFER),
        ("总价60万，签订付70万，余款质保期满付", doubts.FIXED_SUM),  # more than the total
        ("总价60万，货款合计50万，签订付20万，余款验收付", doubts.FIXED_SUM),  # two totals
        ("总价60万，签订付20万五，余款验收付", doubts.FIXED_SUM),  # not how sums are written
        ("总价60万元，签订付贰拾万元（¥210,000），余款验收付", doubts.FIXED_SUM),
        ("总价1亿元，每期支付1元", doubts.SUMS_DIFFER),  # a hundred million nodes
        ("违约金总额6万元，签订付2万，余款验收付", doubts.FIXED_SUM),
        ("签订付20万，余款质保期满付", doubts.FIXED_SUM),
        ("合同总价60万元，首付款不低于20万元，余款验收后付", doubts.FIXED_SUM),
        # what the price is made of is no payment
        ("总价60万，其中设备款40万元，安装费20万元，验收合格后一次性付清", doubts.FIXED_SUM),
    ],
)
def test_sums_that_contradict_themselves_are_said_and_not_read(text, problem):
    clause = parse_clause(text)
    assert (clause.nodes, clause.problems) == ((), (problem,))


@given(
    st.lists(st.integers(100_000, 10**12), min_size=1, max_size=5),
    st.integers(100_000, 10**12),
    st.sampled_from(["{:,.2f}元", "¥{:.2f}", "RMB {:,.2f}"]),
)
def test_every_sum_comes_back_to_the_cent(cents, rest, form):
    total = sum(cents) + rest
    events = ("签订", "到货", "验收", "结算完成", "投产")
    paid = [f"{e}后付" + form.format(Decimal(c) / 100) for e, c in zip(events, cents, strict=False)]
    text = f"合同总价{form.format(Decimal(total) / 100)}，" + "，".join([*paid, "余款质保期满付"])
    clause = parse_clause(text)
    if clause.nodes:  # none where a sum is no hundredth of a per cent
        assert [n.sum_stated // 100 for n in clause.nodes] == [*cents, rest]
    else:
        assert min(*cents, rest) * 10_000 < 2 * total
        assert clause.problems == (doubts.FIXED_SUM,)


PIECES = ["合同总价", "总额", "合计", "total price ", "签订付", "验收后付", "余款", "质保金", "付至", "各", "每期",
          "分3期", "万", "亿", "元", "百", "十五", "两", "¥", "USD ", "k", " million", "%", "（", "）", "，", "。", ";",
          ":", ".", ",", " ", "月结", "EOM", "次月", "15日", "30天", "月底", "0", "1", "20", "300", "5.5"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@settings(max_examples=300, deadline=None)
def test_any_sums_are_of_a_whole_or_a_problem(text):
    clause = parse_clause(text)
    assert all(0 < node.basis_points <= 10_000 for node in clause.nodes)
    assert clause.total_basis_points == 10_000 or clause.problems
    if clause.total_stated is not None:
        assert sum(node.sum_stated for node in clause.nodes) == clause.total_stated


@pytest.mark.parametrize("text", ["预付30%，验收70%", "总价100万元，签订后付30%，余款验收后支付",
                                  "合同总价60万元，验收合格后一次性付清"])  # fmt: skip
def test_clauses_without_sums_stay_as_they_are(text):
    assert in_shares(plain(text)) is None


def promised(text, total_minor):
    """Return the nodes of one contract."""
    one = con.Contracts(
        key=np.ones(1, np.int64), counterparty_key=np.ones(1, np.int64),
        customer=np.zeros(1, np.int32), start_day=np.zeros(1, np.int32),
        end_day=np.ones(1, np.int32), total_minor=np.array([total_minor]),
        currency=np.zeros(1, np.int16), category=np.zeros(1, np.int32),
    )  # fmt: skip
    return nodes.promised(one, np.zeros(1, np.int64), clause_nodes([text]), get_backend("cpu"))


@pytest.mark.parametrize(
    ("text", "total", "amounts"),
    [
        ("租赁期12个月，按月支付", 100_000_000, [8_333_333] * 11 + [8_333_337]),
        ("首付30%，余款分3期等额支付", 100_000_000, [30_000_000] + [23_333_333] * 2 + [23_333_334]),
        ("分3期等额支付", 200_000_000, [66_666_667] * 2 + [66_666_666]),
        ("租赁期12个月，按月支付", 7, [0] * 11 + [7]),
        ("分3期等额支付", 5, [2, 2, 1]),
        (
            "签约付三分之一，到货付三分之一，余款验收付",
            100_000_000,
            [33_333_333, 33_333_333, 33_333_333],
        ),
        ("签约、到货、验收各付三分之一", 100_000_000, [33_333_333, 33_333_333, 33_333_333]),
        ("签约付1/3，验收付至三分之二，余款一年后付", 300, [100, 100, 100]),
        ("Two thirds on delivery, one third on acceptance", 900, [600, 300]),
        ("签约付33.33%，到货付33.33%，验收付33.34%", 1_000_000, [333_300, 333_300, 333_400]),
    ],
)
def test_instalments_and_thirds_are_told_to_the_minor_unit(text, total, amounts):
    """They were so many basis points: of 12 of a million 83,400 and 83,300, which nobody pays."""
    assert promised(text, total).amount_minor.tolist() == amounts


@pytest.mark.parametrize("scale", [1, 100, 1_000, 10_000])
def test_sums_are_in_minor_units_of_any_currency(scale):
    text = "合同总价60万，签订付20万，验收付30万，余款质保期满付"
    found = promised(text, 600_000 * scale)
    wanted = [200_000 * scale, 300_000 * scale, 100_000 * scale]
    assert found.amount_minor.tolist() == wanted
    assert found.basis_points.tolist() == [3_333, 5_000, 1_667]


def test_what_a_price_is_made_of_does_not_disturb_its_shares():
    clause = parse_clause("合同总价60万元，其中设备款40万元，安装费20万元。签订付30%，验收付70%")
    assert [node.basis_points for node in clause.nodes] == [3_000, 7_000]
    assert clause.problems == ()


NODES = ["contract_id", "node_no", "kind", "percent", "amount_minor", "paid_minor", "n_payments",
         "paid_date", "due_date", "status"]  # fmt: skip


def in_sums(clause, amount, stated):
    """Return a clause of shares with the sums that they are, and a stated total."""
    words = {"signature": "签订", "progress": "进度确认", "delivery": "到货", "acceptance": "验收",
             "settlement": "结算"}  # fmt: skip
    parts, left = [], amount
    for n in parse_clause(clause).nodes:
        paid = (amount * n.basis_points / 10_000).quantize(Decimal("0.01"))
        left -= paid
        kind = KINDS[n.kind]
        if kind == R:
            parts.append(f"质保金{paid}元，质保期12个月满后{n.rule.days or 0}日内付")
        else:
            wait = f"{n.rule.days}日内" if n.rule.days is not None else ""
            parts.append(f"{words[TRIGGERS_OF[kind]]}后{wait}支付{kind}{paid}元")
    assert left == 0
    return (f"合同总价{stated}元。" if stated else "") + "；".join(parts)


TRIGGERS_OF = {A: "signature", P: "progress", D: "delivery", Y: "acceptance", S: "settlement"}


def with_clauses(tables, change):
    rows = tables["contracts"].to_pylist()
    clauses = [change(row) for row in rows]
    place = tables["contracts"].column_names.index("clause")
    contracts = tables["contracts"].set_column(place, "clause", pa.array(clauses, pa.string()))
    return {**tables, "contracts": contracts}


def test_a_night_of_sums_gives_the_nodes_of_the_shares(tmp_path):
    tables = deals_case.portfolio(60, 4)
    summed = with_clauses(
        tables, lambda row: row["clause"] and in_sums(row["clause"], row["amount"], row["amount"])
    )
    shares, sums = (
        deals_case.Night(tmp_path / name, given, [CONTRACTS]).table("contract_nodes")
        for name, given in (("shares", tables), ("sums", summed))
    )
    assert (sums.basis != "payments").sum() > 100
    assert sums.n_payments.sum() > 100
    pd.testing.assert_frame_equal(shares[NODES], sums[NODES])


def test_sums_without_a_total_are_nodes_where_they_come_to_the_amount(tmp_path):
    """A clause of one sum stays unread: nothing says that the sum is all that is paid."""

    def in_several(row):
        clause = row["clause"]
        is_one = clause is not None and len(parse_clause(clause).nodes) == 1
        return clause if clause is None or is_one else in_sums(clause, row["amount"], None)

    tables = deals_case.portfolio(60, 4)
    summed = with_clauses(tables, in_several)
    shares, sums = (
        deals_case.Night(tmp_path / name, given, [CONTRACTS]).table("contract_nodes")
        for name, given in (("shares", tables), ("sums", summed))
    )
    assert (sums.basis != "payments").sum() > 100
    pd.testing.assert_frame_equal(shares[NODES], sums[NODES])


def test_a_contract_without_an_amount_has_the_total_that_its_clause_states(tmp_path):
    """It had no nodes, and nothing was said of it. Sums alone may be a part of what is paid."""
    tables = deals_case.portfolio(60, 4)
    ids = sorted(tables["contracts"]["contract_id"].to_pylist())
    stating = set(ids[::2])

    def in_some(row):
        stated = row["amount"] if row["contract_id"] in stating else None
        return row["clause"] and in_sums(row["clause"], row["amount"], stated)

    summed = with_clauses(tables, in_some)
    place = summed["contracts"].column_names.index("amount")
    amount = summed["contracts"]["amount"]
    bare = summed["contracts"].set_column(place, "amount", pa.nulls(len(amount), amount.type))
    night = deals_case.Night(tmp_path / "bare", {**summed, "contracts": bare}, [CONTRACTS])
    both = deals_case.Night(tmp_path / "both", summed, [CONTRACTS])
    found, known = (one.table("contract_summary") for one in (night, both))
    by_clause = (known.nodes_basis == "clause").to_numpy()
    is_read = by_clause & known.contract_id.isin(stating).to_numpy()
    assert min(is_read.sum(), (by_clause & ~is_read).sum()) > 10
    assert found[is_read].total_minor.tolist() == known[is_read].total_minor.tolist()
    assert found[is_read].paid_minor.sum() > 0
    said = "the contract has no amount: its total is the one that the clause states"
    assert (found[is_read].clause_problem == said).all()
    said = "the contract has no amount above 0 that the clause could be held against"
    assert (found[by_clause & ~is_read].clause_problem == said).all()
    assert found[~is_read].total_minor.isna().all()
    names = ["contract_id", "node_no", "kind", "percent", "amount_minor"]
    mine, wanted = (one.table("contract_nodes")[names] for one in (night, both))
    wanted = wanted[wanted.contract_id.isin(known.contract_id[is_read])]
    pd.testing.assert_frame_equal(mine, wanted.reset_index(drop=True))


@pytest.mark.parametrize("amount", [None, 0])
def test_shares_of_a_contract_without_an_amount_are_said_to_be_of_nothing(tmp_path, amount):
    tables = deals_case.portfolio(8, 4)
    n, place = tables["contracts"].num_rows, tables["contracts"].column_names.index("amount")
    kind = tables["contracts"]["amount"].type
    bare = tables["contracts"].set_column(place, "amount", pa.array([amount] * n, kind))
    found = deals_case.Night(tmp_path, {**tables, "contracts": bare}, [CONTRACTS])
    summary = found.table("contract_summary")
    said = "the contract has no amount above 0 that the clause could be held against"
    has_shares = summary.clause_adds_up.notna()
    assert has_shares.sum() > 3
    assert (summary[has_shares].clause_problem == said).all()


def test_sums_that_do_not_come_to_the_amount_are_said_and_not_read(tmp_path):
    tables = deals_case.portfolio(25, 4)
    cent = Decimal("0.01")

    def in_two(row):
        first = row["amount"] * 3 // 10
        return f"签约付{first}元，验收付{row['amount'] - first + cent * is_odd(row)}元"

    found = deals_case.Night(tmp_path, with_clauses(tables, in_two), [CONTRACTS])
    summary = found.table("contract_summary")
    odd = np.array([is_odd({"contract_id": one}) for one in summary.contract_id])
    assert 10 < odd.sum() < len(odd) - 10
    assert (summary[odd].clause_problem == doubts.SUM_DIFFERS).all()
    assert (summary[odd].nodes_basis != "clause").all()
    assert summary[~odd].clause_problem.isna().all()
    np.testing.assert_array_equal(summary[~odd].clause_total_percent, 100)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("签约付20万，到货付30万，尾款10万元验收后付", [(A, 200_000), (D, 300_000), (Y, 100_000)]),
        ("签约、到货分别付20万、30万", [(A, 200_000), (D, 300_000)]),
        ("$20,000 each on signing, delivery and inspection and acceptance",
         [(A, 20_000), (D, 20_000), (Y, 20_000)]),
    ],
)  # fmt: skip
def test_sums_without_a_total_have_that_of_their_own(text, wanted):
    nodes, total = read(text)
    assert nodes == wanted
    assert total == sum(paid for _, paid in wanted)
    assert parse_clause(text).is_sum_of_all


@pytest.mark.parametrize(
    "text",
    [
        "签约付20万，到货付30万，尾款验收后付",  # what remains of what?
        "第一期付20万，第二期累计付50万",
        "各付20万",
        "签约付20万，到货付至50万",
        "签约付20万，到货付约30万",
    ],
)
def test_sums_that_are_not_all_that_is_paid_have_no_total(text):
    assert parse_clause(text).nodes == ()
    assert parse_clause(text).problems == (doubts.FIXED_SUM,)


def test_sums_on_a_device_are_the_same(tmp_path):
    tables = deals_case.portfolio(25, 4)
    summed = with_clauses(
        tables, lambda row: row["clause"] and in_sums(row["clause"], row["amount"], row["amount"])
    )
    host, device = (
        deals_case.Night(tmp_path / name, summed, [CONTRACTS], backend=backend)
        for name, backend in (("host", None), ("device", stand_in_backend()))
    )
    for name, table in host.tables.items():
        pd.testing.assert_frame_equal(table, device.table(name), rtol=1e-12)


def is_odd(row):
    return int(row["contract_id"][-1]) % 2 == 1


def test_a_stated_total_that_is_not_the_contracts_is_said_and_not_read(tmp_path):
    tables = deals_case.portfolio(25, 4)
    cent = Decimal("0.01")
    other = with_clauses(tables, lambda row: f"合同总价{row['amount'] + cent * is_odd(row)}元，"
                                             f"签订付{row['amount'] * 3 // 10}元，余款验收付")  # fmt: skip
    found = deals_case.Night(tmp_path, other, [CONTRACTS]).table("contract_summary")
    odd = np.array([is_odd({"contract_id": one}) for one in found.contract_id])
    assert 10 < odd.sum() < len(odd) - 10
    assert (found[odd].clause_problem == doubts.TOTAL_DIFFERS).all()
    assert (found[odd].nodes_basis != "clause").all()
    assert found[~odd].clause_problem.isna().all()
    np.testing.assert_array_equal(found[~odd].clause_total_percent, 100)
