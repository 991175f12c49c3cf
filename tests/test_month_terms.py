"""Due by the month: after the end of the event's month, or on a day of the month that follows."""

import calendar
import datetime as dt

import deals_case
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qfb_gpu.backend import get_backend
from qfb_gpu.calendars import first_day, load_calendar, month_index, to_date, to_day
from qfb_gpu.finance import clause_doubts as doubts
from qfb_gpu.finance import contracts as con
from qfb_gpu.finance import nodes, timing
from qfb_gpu.finance.clause_table import clause_nodes
from qfb_gpu.finance.clause_words import TRIGGERS
from qfb_gpu.finance.clauses import parse_clause
from qfb_gpu.finance.due_rules import DAY_KINDS
from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.parts.contracts import CONTRACTS
from qfb_gpu.parts.payment_terms import PAYMENT_TERMS

CPU = get_backend("cpu")
CN = load_calendar("CN")


def rules(text):
    """Return (trigger, days, what they are) of each node of a clause."""
    return [
        (TRIGGERS[n.rule.trigger], n.rule.days, DAY_KINDS[n.rule.day_kind])
        for n in parse_clause(text).nodes
    ]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("net 30 EOM", [("invoice", 30, "month_end")]),
        ("2% 10, net 30 EOM", [("invoice", 30, "month_end")]),
        ("net 30 end of month", [("invoice", 30, "month_end")]),
        ("30 days EOM", [("invoice", 30, "month_end")]),
        ("30 days end of month", [("invoice", 30, "month_end")]),
        ("EOM 30", [("invoice", 30, "month_end")]),
        ("30% on signing, 70% net 60 EOM",
         [("signature", None, "calendar"), ("invoice", 60, "month_end")]),
        ("月结30天", [("invoice", 30, "month_end")]),
        ("月结", [("invoice", None, "month_end")]),
        ("验收后当月底前付清", [("acceptance", 0, "month_end")]),
        ("验收合格后，次月5个工作日内支付", [("acceptance", 5, "month_end_working")]),
        ("次月15日前付", [("none", 15, "next_month_day")]),
        ("货到后次月十五日前付清", [("delivery", 15, "next_month_day")]),
        ("月结60天，次月5日付", [("invoice", 5, "next_month_day")]),
        ("验收后次月底前付清", [("acceptance", 31, "next_month_day")]),
        ("收到发票的次月付款", [("invoice", 31, "next_month_day")]),
        ("net 10th prox", [("invoice", 10, "next_month_day")]),
        ("月末后10日内付清", [("none", 10, "month_end")]),
        ("15th of the following month", [("none", 15, "next_month_day")]),
        ("payment by the 15th of the month following delivery",
         [("delivery", 15, "next_month_day")]),
        ("70% on delivery, 30% by the end of the month following acceptance",
         [("delivery", None, "calendar"), ("acceptance", 31, "next_month_day")]),
        ("租赁期12个月，每月底支付", [("period", 0, "month_end")] * 12),
        # March is a date, no length of three months and no end of the event's month
        ("合同签订后3月底前付30%，验收付70%",
         [("signature", None, "calendar"), ("acceptance", None, "calendar")]),
        ("签订后30日内付30%，验收后10个工作日付70%",
         [("signature", 30, "calendar"), ("acceptance", 10, "working")]),
    ],
)  # fmt: skip
def test_terms_by_the_month_are_read_and_no_longer_doubted(text, wanted):
    assert rules(text) == wanted
    assert parse_clause(text).problems == ()


@pytest.mark.parametrize("text", ["30 days after the end of the month following delivery",
                                  "月末提交发票，甲方收到并审核发票后30日内付款"])  # fmt: skip
def test_days_of_something_else_than_the_end_of_the_month_are_still_doubted(text):
    clause = parse_clause(text)
    assert doubts.MONTH_END in clause.problems
    assert [DAY_KINDS[node.rule.day_kind] for node in clause.nodes] == ["calendar"]


def due(text, start):
    """Return the due date of the one node of a clause whose event is a contract's start."""
    one = con.Contracts(
        key=np.ones(1, np.int64), counterparty_key=np.ones(1, np.int64),
        customer=np.zeros(1, np.int32), start_day=np.array([to_day(start)], np.int32),
        end_day=np.array([NULL_DAY], np.int32), total_minor=np.array([100_000]),
        currency=np.zeros(1, np.int16), category=np.zeros(1, np.int32),
    )  # fmt: skip
    promised = nodes.promised(one, np.zeros(1, np.int64), clause_nodes([text]), CPU)
    assert promised.n == 1
    return to_date(timing.due_days(promised, one, CN, CPU, by_month=True)[0])


def last_of(date):
    return date.replace(day=calendar.monthrange(date.year, date.month)[1])


@given(
    st.dates(dt.date(1950, 1, 1), dt.date(2150, 12, 31)), st.integers(1, 120), st.integers(1, 31)
)
def test_due_dates_by_the_month_are_those_of_the_calendar(start, days, day):
    end = last_of(start)
    following = last_of(end + dt.timedelta(1))
    assert due(f"合同签订后月结{days}天付清", start) == end + dt.timedelta(days)
    assert due("合同签订后当月底付清", start) == end
    assert due("合同签订后次月底前付清", start) == following
    wanted = following.replace(day=min(day, following.day))
    assert due(f"合同签订后次月{day}日前付清", start) == wanted


def test_without_a_day_of_the_event_half_a_month_is_counted_to_its_end():
    start, end = to_day(dt.date(2024, 1, 10)), to_day(dt.date(2024, 12, 31))
    one = con.Contracts(*(np.array([value]) for value in (1, 1, 0, start, end, 100_000, 0, 0)))
    text = "签订后10日内付20%，到货后30日内付30%，验收后月结30天付50%"
    promised = nodes.promised(one, np.zeros(1, np.int64), clause_nodes([text]), CPU)
    due_day = timing.due_days(promised, one, CN, CPU, by_month=True)
    clock = timing.clocks(promised, due_day, one, CPU)
    event = timing.EVENT
    assert clock["clock"].tolist() == [timing.DUE, event, event]
    assert (clock["origin"] - start).tolist() == [10, 30, 45]


def test_working_days_are_counted_from_the_end_of_the_month():
    assert due("合同签订后次月3个工作日内付清", dt.date(2024, 9, 12)) == dt.date(2024, 10, 10)


@given(st.integers(-(10**6), 10**6))
def test_months_and_their_first_days_are_those_of_numpy(day):
    month = np.datetime64(day, "D").astype("datetime64[M]")
    found = month_index(np.array([day]), np)
    assert found[0] == month.astype("int64") + 1970 * 12
    assert first_day(found, np)[0] == month.astype("datetime64[D]").astype("int64")


@pytest.fixture(scope="module")
def nights(tmp_path_factory):
    """Return a portfolio's contracts, and its night with advances due 10 days after the month."""
    tables = deals_case.portfolio(60, 4)
    contracts = tables["contracts"]
    place = contracts.column_names.index("clause")
    text = "合同签订后月结10天付30%，验收后月结60天付70%"
    clauses = pa.array([text] * contracts.num_rows, pa.string())
    other = {**tables, "contracts": contracts.set_column(place, "clause", clauses)}
    night = deals_case.Night(tmp_path_factory.mktemp("n"), other, [CONTRACTS, PAYMENT_TERMS])
    return contracts.to_pandas().set_index("contract_id"), night


def test_a_night_tells_due_dates_and_lateness_by_the_month(nights):
    contracts, night = nights
    found = night.table("contract_nodes")
    advances = found[found.node_no == 0]
    for row in advances.itertuples():
        begun = contracts.loc[row.contract_id].start_date
        assert row.due_date == last_of(begun) + dt.timedelta(10)
    assert (advances.due_days_kind == "month_end").all()
    assert (advances.due_days == 10).all()
    paid = advances[advances.paid_date.notna()]
    assert len(paid) > 30
    late = [(a - b).days for a, b in zip(paid.paid_date, paid.due_date, strict=True)]
    assert paid.late_days.tolist() == late
    open_ = advances[advances.paid_date.isna()]
    is_late = [date <= deals_case.AS_OF for date in open_.due_date]
    assert (open_.status.isin(["overdue", "part"]) >= np.array(is_late)).all()
    assert found[found.node_no == 1].due_date.isna().all()  # no source tells acceptance
    assert found[found.node_no == 1].due_days_kind.eq("month_end").all()


def test_agreed_terms_are_the_days_that_those_by_the_month_come_to(nights):
    contracts, night = nights
    terms = night.table("payment_terms")
    mine = terms[(terms.basis == "contracts") & (terms.role == "buyer") & terms.terms_days.notna()]
    begun = {}
    for row in contracts.itertuples():
        wait = (last_of(row.start_date) - row.start_date).days + 10
        begun.setdefault((row.customer_id, row.counterparty_id, row.currency), []).append(wait)
    assert len(mine) > 20
    for row in mine.itertuples():
        waits = begun[row.customer_id, row.counterparty_id, row.currency]
        assert min(waits) <= row.terms_days <= max(waits)
