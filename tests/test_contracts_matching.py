"""Payments without a link are matched where it is sure: wrong ones are worse than none."""

import deals_case
import numpy as np
import pyarrow as pa
import pytest
from ledger_cases import CNY, EUR, build_ledger

from qfb_gpu.backend import get_backend
from qfb_gpu.finance import clause_words as words
from qfb_gpu.finance import matching, quoted, references
from qfb_gpu.parts.contracts import CONTRACTS
from qfb_gpu.schema import DIRECTIONS

CPU = get_backend("cpu")
OUT, IN = DIRECTIONS.index("out"), DIRECTIONS.index("in")
DAY = 19_800


@pytest.fixture(scope="module")
def tables():
    return deals_case.portfolio(90, 6)


def without(tables, source, column):
    table = tables[source]
    nulls = pa.nulls(table.num_rows, pa.string())
    return table.set_column(table.column_names.index(column), column, nulls)


@pytest.mark.parametrize(
    ("lacks", "recall"), [("nothing", 0.85), ("memo", 0.6), ("clause", 0.5)], ids=str
)
def test_without_any_link_what_is_matched_is_right(tables, tmp_path, lacks, recall):
    bare = {**tables, "contract_payments": tables["contract_payments"].slice(0, 0)}
    if lacks == "memo":
        bare["transactions"] = without(tables, "transactions", "memo")
    if lacks == "clause":
        bare["contracts"] = without(tables, "contracts", "clause")
    night = deals_case.Night(tmp_path, bare, [CONTRACTS])
    truth = tables["truth/contract_nodes"].to_pandas().dropna(subset="txn_id")
    true = set(zip(truth.contract_id, truth.txn_id, strict=True))
    paid = night.table("contract_payments")
    got = set(zip(paid.contract_id, paid.txn_id, strict=True))
    assert len(got) == len(paid)
    assert len(got - true) <= 0.01 * len(got)
    assert len(got & true) >= recall * len(true)
    assert paid.basis.isin(["amount", "reference"]).all()


def claims(*rows):
    """Return Claims of (deal, counterparty, amount, reference) of customer 0, all days."""
    n = len(rows)
    deal, party, amount, reference = (np.array([r[i] for r in rows], np.int64) for i in range(4))
    return matching.Claims(deal, np.zeros(n, np.int32), party, np.full(n, CNY, np.int16), amount,
                           np.full(n, DAY - 9, np.int32), np.full(n, DAY + 99, np.int32), reference)  # fmt: skip


def matched(wanted, payments, memos, taken=()):
    """Return {payment's memo: (deal, confidence)}."""
    rows = [(0, party, OUT, currency, day, amount) for party, currency, day, amount in payments]
    ledger = build_ledger(rows)
    in_order = sorted(range(len(rows)), key=lambda i: rows[i])
    texts = pa.array([memos[i] for i in in_order], pa.string())
    free = np.array(taken, np.int64)
    at = matching.candidates(wanted, free, ledger, CPU)
    chosen = texts.take(pa.array(at))
    says = references.says(chosen)
    quotes = matching.Quotes(at, references.references(chosen), says == 1, says == 2)
    found = matching.match(wanted, quotes, free, ledger, CPU)
    return {
        texts[int(p)].as_py(): (int(d), float(c))
        for p, d, c in zip(found["payment"], found["deal"], found["confidence"], strict=True)
    }


ODD = 1_234_567


def test_an_odd_amount_to_the_party_is_a_match_and_another_currency_or_party_is_none():
    wanted = claims((0, 7, ODD, -1))
    assert matched(wanted, [(7, CNY, DAY, ODD)], ["a"])["a"][1] > 0.99
    assert matched(wanted, [(8, CNY, DAY, ODD)], ["a"]) == {}
    assert matched(wanted, [(7, EUR, DAY, ODD)], ["a"]) == {}
    assert matched(wanted, [(7, CNY, DAY + 200, ODD)], ["a"]) == {}
    assert matched(wanted, [(7, CNY, DAY, ODD)], ["a"], taken=[0]) == {}


def test_a_round_amount_among_round_ones_is_not_sure():
    wanted = claims((0, 7, 100_000, -1))
    others = [(7, CNY, DAY + i, 200_000 + 100_000 * i) for i in range(1, 6)]
    rows = [(7, CNY, DAY, 100_000), *others]
    memos = list("abcdef")
    assert matched(wanted, rows, memos)["a"][1] < 0.5
    numbered = claims((0, 7, 100_000, 123_456_789))
    assert matched(numbered, rows, ["合同123456789", *memos[1:]])["合同123456789"][1] > 0.9


def test_two_payments_or_two_contracts_of_one_amount_are_not_sure_but_their_numbers_tell():
    both = [(7, CNY, DAY, ODD), (7, CNY, DAY + 1, ODD)]
    assert max(c for _, c in matched(claims((0, 7, ODD, -1)), both, ["a", "b"]).values()) < 0.6
    two = claims((0, 7, ODD, 111_111_111), (1, 7, ODD, 222_222_222))
    assert max(c for _, c in matched(two, both, ["a", "b"]).values()) < 0.6
    told = matched(two, both, ["222222222", "111111111"])
    assert {text: deal for text, (deal, _) in told.items()} == {"222222222": 1, "111111111": 0}
    assert min(c for _, c in told.values()) > 0.9


def test_a_memo_that_quotes_another_contract_or_an_order_is_no_match():
    wanted = claims((0, 7, ODD, 111_111_111), (1, 9, 55, 222_222_222))
    assert matched(wanted, [(7, CNY, DAY, ODD)], ["合同222222222"]) == {}
    assert matched(wanted, [(7, CNY, DAY, ODD)], ["订单111111111"]) == {}


def test_numbers_in_memos():
    texts = ["预付款 合同003000001", "HT-2023-00123", "2024-01-05 付款", "2024年1月 合同 HT2023/00123",
             "房租2024年1月", "PO 42", None]  # fmt: skip
    found = references.references(pa.array(texts))
    assert found.tolist() == [3_000_001, 202_300_123, -1, 202_300_123, -1, -1, -1]
    assert references.references(pa.array(["HT000000003000001"])).tolist() == [3_000_001]


def test_parts_that_quote_a_contract_are_its_until_the_total_is_paid():
    wanted = claims((0, 7, 100, 111_111_111))
    ledger = build_ledger([(0, 7, OUT, CNY, DAY + i, 40) for i in range(4)])
    rows = quoted.of_parties(wanted, np.zeros(0, np.int64), ledger, CPU)
    assert rows.tolist() == [0, 1, 2, 3]

    def quotes(*, is_named):
        return matching.Quotes(
            rows, np.full(4, 111_111_111), np.zeros(4, bool), np.full(4, is_named)
        )

    assert quoted.quoted(wanted, quotes(is_named=True), ledger, CPU)["payment"].tolist() == [0, 1]
    assert quoted.quoted(wanted, quotes(is_named=False), ledger, CPU)["payment"].tolist() == []


NUMBERS = (111_111_111, 222_222_222, -1)


@pytest.mark.parametrize("seed", range(12))
def test_payments_that_quote_a_contract_are_those_of_loops(seed):
    """To its named party, out, in its currency and days; of a number of two contracts none."""
    rng = np.random.default_rng(seed)
    deals = [(at, int(rng.choice([0, 7, 8])), int(rng.integers(50, 200)), int(rng.choice(NUMBERS)))
             for at in range(5)]  # fmt: skip
    wanted = claims(*deals)
    rows = sorted(
        (0, int(rng.choice([0, 7, 8, 9])), int(rng.choice([IN, OUT, OUT])),
         int(rng.choice([CNY, CNY, EUR])), DAY + int(rng.choice([-10, -9, 5, 99, 100])),
         int(rng.choice([-20, 20, 50, 90])))
        for _ in range(40)
    )  # fmt: skip
    ledger = build_ledger(rows)
    taken = np.array([3, 7])
    free = [
        at
        for at, (_, party, way, currency, _, amount) in enumerate(rows)
        if way == OUT and amount > 0 and currency == CNY and at not in taken
        and party != 0 and party in {deal[1] for deal in deals}
    ]  # fmt: skip
    found = quoted.of_parties(wanted, taken, ledger, CPU)
    assert found.tolist() == free
    number = rng.choice(NUMBERS, len(free))
    is_named, is_foreign = rng.random((2, len(free))) < [[0.8], [0.2]]
    says = matching.Quotes(found, number, is_foreign, is_named)
    expected = []
    for deal, party, total, reference in deals:
        if reference < 0 or [d[1::2] for d in deals].count((party, reference)) > 1:
            continue
        mine = [
            (rows[at][4], rows[at][5], at)
            for at, one, named, foreign in zip(free, number, is_named, is_foreign, strict=True)
            if one == reference and named and not foreign
            and rows[at][1] == party and DAY - 9 <= rows[at][4] <= DAY + 99
        ]  # fmt: skip
        paid = np.cumsum([amount for _, amount, _ in sorted(mine)])
        expected += [(rows[at], deal) for (_, _, at), so_far
                     in zip(sorted(mine), paid, strict=True) if so_far <= total]  # fmt: skip
    got = quoted.quoted(wanted, says, ledger, CPU)
    pairs = zip(got["payment"].tolist(), got["deal"].tolist(), strict=True)
    assert sorted((rows[at], deal) for at, deal in pairs) == sorted(expected)


def test_kinds_that_memos_name():
    texts = ["预付款 合同1", "第2期进度款", "支付质保金", "Final settlement 7", "房租", None]
    names = [words.KINDS[k] if k >= 0 else None for k in references.kinds(pa.array(texts))]
    assert names == ["预付款", "进度款", "质保金", "结算款", None, None]
    assert references.says(pa.array(["PO 7", "合同款", "rent"])).tolist() == [1, 2, 0]
