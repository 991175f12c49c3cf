"""Features of sources other than the payments, against plain Python, block by block."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_cases import AS_OF, CNY, EUR, build_ledger
from naive import source_features as naive
from simulate import simulated_backend
from strategies import ledgers

from qfb_gpu import profile
from qfb_gpu.backend import get_backend
from qfb_gpu.ledger import NULL_DAY, NULL_MINOR, Labelled, SourceRows
from qfb_gpu.models.response import fit_response_rate, shrunk_rate

CPU = get_backend("cpu")
N_CUSTOMERS = 3
STEPS = {"view": ("view",), "apply": ("apply", "申请"), "submit": ("submit",)}
LABELS = {
    "step": ("apply", "login", "submit", "view", "申请"),
    "channel": ("app", "web"),
    "category": ("税款", "货款", "货款收入"),  # in the order of their text
}
FEW = settings(max_examples=25, deadline=None)

ages = st.integers(0, 20) | st.integers(0, 460) | st.sampled_from([6, 7, 29, 30, 89, 90, 364, 365])
days = ages.map(lambda age: AS_OF - age)
maybe_days = st.none() | days
moneys = st.none() | st.integers(0, 500) | st.sampled_from([100, 100, 250])
currencies = st.sampled_from([CNY, CNY, EUR])


def rows_of(name, **columns):
    """Draw rows of a source: dicts with a customer of 0 .. 2, or -1, who has no payment."""
    row = st.fixed_dictionaries({"customer": st.integers(-1, N_CUSTOMERS - 1), **columns})
    return st.lists(row, max_size=14).map(lambda rows: (name, rows))


def source_rows(name, rows):
    """Return SourceRows of dicts, in the order of their customers, all read-only."""
    rows = sorted(rows, key=lambda row: row["customer"])
    columns, keys = {}, {}
    for column in rows[0] if rows else ():
        values = [row[column] for row in rows]
        if column in LABELS:
            codes = [-1 if v is None else LABELS[column].index(v) for v in values]
            columns[column] = Labelled(np.array(codes, np.int32), LABELS[column])
        elif "date" in column:
            columns[column] = np.array([NULL_DAY if v is None else v for v in values], np.int32)
        elif column == "amount":
            filled = [NULL_MINOR if v is None else v for v in values]
            columns["amount_minor"] = np.array(filled, np.int64)
        elif column == "currency":
            columns[column] = np.array(values, np.int16)
        elif column == "responded":
            columns[column] = np.array([-1 if v is None else v for v in values], np.int8)
        elif column != "customer":
            keys[f"{column}_key"] = np.array([v or 0 for v in values], np.int64)
    customer = np.array([row["customer"] for row in rows], np.int32)
    for array in (*columns.values(), *keys.values(), customer):
        getattr(array, "codes", array).flags.writeable = False
    return SourceRows(name, columns, keys, pa.table({}), customer)


def own(rows, customer):
    return [row for row in rows if row["customer"] == customer]


def check(columns, wanted, block):
    """Compare each customer's columns with {name: value}; None is NaN."""
    for customer, found in enumerate(wanted):
        for name, value in found.items():
            got = columns[f"{block}_{name}"][customer].item()
            if value is None:
                assert np.isnan(got), (block, name, customer)
            elif isinstance(value, int) and isinstance(got, int):
                assert got == value, (block, name, customer)
            else:
                np.testing.assert_allclose(got, value, rtol=1e-9, atol=1e-9, err_msg=name)


maybe_key = st.none() | st.integers(1, 3)
events = rows_of(
    "events", date=days, session=maybe_key,
    step=st.none() | st.sampled_from(LABELS["step"]),
    channel=st.none() | st.sampled_from(LABELS["channel"]),
)  # fmt: skip
touches = rows_of("touches", date=days, responded=st.none() | st.booleans())
held = rows_of("products", opened_date=days, closed_date=maybe_days)
claim_rows = rows_of(
    "claims", date=days, submitted_date=maybe_days, paid_date=maybe_days, amount=moneys,
    currency=currencies,
)  # fmt: skip
ends = st.none() | st.integers(AS_OF - 300, AS_OF + 300)
contract_rows = rows_of(
    "contracts", counterparty=maybe_key, start_date=days, end_date=ends, amount=moneys,
    currency=currencies,
)  # fmt: skip
order_rows = rows_of(
    "orders", supplier=maybe_key, order_date=days, due_date=maybe_days, delivered_date=maybe_days,
    amount=moneys, currency=currencies,
)  # fmt: skip


def empty_is_skipped(drawn):
    return bool(drawn[1])


@given(events.filter(empty_is_skipped))
@FEW
def test_journey_matches_naive(drawn):
    name, rows = drawn
    got = profile.journey_features(source_rows(name, rows), N_CUSTOMERS, AS_OF, CPU, steps=STEPS)
    check(got, [naive.journey(own(rows, c), AS_OF, STEPS) for c in range(N_CUSTOMERS)], "journey")


@given(touches.filter(empty_is_skipped))
@FEW
def test_marketing_matches_naive(drawn):
    name, rows = drawn
    got = profile.marketing_features(source_rows(name, rows), N_CUSTOMERS, AS_OF, CPU)
    check(got, [naive.marketing(own(rows, c), AS_OF) for c in range(N_CUSTOMERS)], "marketing")


@given(held.filter(empty_is_skipped))
@FEW
def test_products_match_naive(drawn):
    name, rows = drawn
    got = profile.products_features(source_rows(name, rows), N_CUSTOMERS, AS_OF, CPU)
    check(got, [naive.products(own(rows, c), AS_OF) for c in range(N_CUSTOMERS)], "products")


mains = st.lists(st.sampled_from([CNY, EUR]), min_size=N_CUSTOMERS, max_size=N_CUSTOMERS)


@given(claim_rows.filter(empty_is_skipped), mains)
@FEW
def test_claims_match_naive(drawn, main):
    name, rows = drawn
    codes = np.array(main, np.int16)
    got = profile.claims_features(source_rows(name, rows), codes, AS_OF, CPU)
    wanted = [naive.claims(own(rows, c), main[c], AS_OF) for c in range(N_CUSTOMERS)]
    check(got, wanted, "claims")


@given(contract_rows.filter(empty_is_skipped), mains)
@FEW
def test_contracts_match_naive(drawn, main):
    name, rows = drawn
    codes = np.array(main, np.int16)
    got = profile.contracts_features(source_rows(name, rows), codes, AS_OF, CPU)
    wanted = [naive.contracts(own(rows, c), main[c], AS_OF) for c in range(N_CUSTOMERS)]
    check(got, wanted, "contracts")


def picked(rng, n, *values):
    """Return values of a few, drawn evenly; None among them stays None."""
    return [values[i] for i in rng.integers(0, len(values), n)]


def some_days(rng, n, share_null=0.0):
    """Return days of the last 460, most of the last 100, some null."""
    age = rng.integers(0, rng.choice([100, 460], n))
    is_null = rng.random(n) < share_null
    return [None if null else AS_OF - int(a) for null, a in zip(is_null, age, strict=True)]


def busy_rows(rng, n, **columns):
    customer = rng.integers(-1, N_CUSTOMERS, n).tolist()
    table = {"customer": customer, **columns}
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def known_values(wanted, *ones):
    """Tell that figures are neither null nor at an end of what they can be, for some customer."""
    for name in ones:
        assert {one[name] for one in wanted} - {None, 0, 1, -1}, name


@pytest.mark.parametrize("seed", range(4))
def test_features_of_busy_customers_match_naive(seed):
    """Rows as a source has them; the examples that are drawn have few with anything in common."""
    rng, n, each = np.random.default_rng(seed), 150, range(N_CUSTOMERS)
    main = [CNY, EUR, CNY]
    money = {"amount": picked(rng, n, None, 100, 250, 7, 99_999),
             "currency": picked(rng, n, CNY, CNY, EUR)}  # fmt: skip
    rows = busy_rows(
        rng, n, date=some_days(rng, n), session=picked(rng, n, None, *range(1, 90)),
        step=picked(rng, n, None, *LABELS["step"]), channel=picked(rng, n, None, "app", "web"),
    )  # fmt: skip
    got = profile.journey_features(
        source_rows("events", rows), N_CUSTOMERS, AS_OF, CPU, steps=STEPS
    )
    wanted = [naive.journey(own(rows, c), AS_OF, STEPS) for c in each]
    check(got, wanted, "journey")
    known_values(wanted, "conversion_365d", "completion_365d", "visits_quarter", "n_left_90d")
    rows = busy_rows(rng, n, date=some_days(rng, n), responded=picked(rng, n, None, True, False))
    got = profile.marketing_features(source_rows("touches", rows), N_CUSTOMERS, AS_OF, CPU)
    wanted = [naive.marketing(own(rows, c), AS_OF) for c in each]
    check(got, wanted, "marketing")
    known_values(wanted, "response_rate_365d", "n_responses", "days_since_response")
    rows = busy_rows(rng, n, opened_date=some_days(rng, n), closed_date=some_days(rng, n, 0.5))
    got = profile.products_features(source_rows("products", rows), N_CUSTOMERS, AS_OF, CPU)
    check(got, [naive.products(own(rows, c), AS_OF) for c in each], "products")
    codes = np.array(main, np.int16)
    rows = busy_rows(
        rng, n, date=some_days(rng, n), submitted_date=some_days(rng, n, 0.3),
        paid_date=some_days(rng, n, 0.3), **money,
    )  # fmt: skip
    got = profile.claims_features(source_rows("claims", rows), codes, AS_OF, CPU)
    wanted = [naive.claims(own(rows, c), main[c], AS_OF) for c in each]
    check(got, wanted, "claims")
    known_values(wanted, "submit_lag_mean_days", "open_minor", "oldest_open_days")
    rows = busy_rows(
        rng, n, counterparty=picked(rng, n, None, 1, 2, 3, 4), start_date=some_days(rng, n),
        end_date=picked(rng, n, None, AS_OF - 1, AS_OF, AS_OF + 1, AS_OF + 30), **money,
    )  # fmt: skip
    got = profile.contracts_features(source_rows("contracts", rows), codes, AS_OF, CPU)
    check(got, [naive.contracts(own(rows, c), main[c], AS_OF) for c in each], "contracts")


@pytest.mark.parametrize(("due", "n_overdue"), [(AS_OF - 1, 1), (AS_OF, 1), (AS_OF + 1, 0)])
def test_an_order_is_overdue_at_the_end_of_its_promised_day_as_in_order_risk(due, n_overdue):
    row = {"customer": 0, "supplier": 1, "order_date": AS_OF - 20, "due_date": due,
           "delivered_date": None, "amount": 100, "currency": CNY}  # fmt: skip
    ledger, _ = whole_ledger([])
    main = np.full(N_CUSTOMERS, CNY, np.int16)
    got = profile.terms_features(source_rows("orders", [row]), ledger, main, AS_OF, CPU)
    assert got["terms_n_overdue"].tolist() == [n_overdue, 0, 0]


def whole_ledger(payments):
    """Return a ledger that has all three customers, and the payments in it."""
    payments = [row for row in payments if row[0] < N_CUSTOMERS]
    payments += [(c, 0, 0, CNY, AS_OF - 400, 1) for c in range(N_CUSTOMERS)]
    return build_ledger(payments), payments


@given(
    contract_rows.filter(empty_is_skipped), ledgers(max_size=20),
    st.lists(st.tuples(st.integers(0, 13), st.integers(0, 25)), max_size=12, unique=True), mains,
)  # fmt: skip
@FEW
def test_what_contracts_were_paid_matches_naive(drawn, payments, pairs, main):
    check_paid(drawn[1], payments, pairs, main)


@pytest.mark.parametrize("seed", range(8))
def test_what_many_linked_payments_paid_matches_naive(seed):
    """Most links lead to a contract and to a payment; some to one of another customer, or none."""
    rng = np.random.default_rng(seed)
    rows = [
        {"customer": int(customer), "counterparty": 1, "start_date": AS_OF - 100,
         "end_date": end, "amount": amount, "currency": currency}
        for customer, end, amount, currency in zip(
            rng.integers(-1, N_CUSTOMERS, 24), rng.choice([AS_OF - 1, AS_OF, AS_OF + 9, None], 24),
            rng.choice([None, 0, 300, 300, 9000, 9000], 24), rng.choice([CNY, CNY, EUR], 24),
            strict=True,
        )
    ]  # fmt: skip
    payments = [
        (int(c), int(party), int(side), int(currency), AS_OF - int(age), int(amount))
        for c, party, side, currency, age, amount in zip(
            rng.integers(0, N_CUSTOMERS, 30), rng.integers(0, 3, 30),
            rng.choice([0, 1, 1], 30), rng.choice([CNY, CNY, EUR], 30),
            rng.integers(0, 460, 30), rng.integers(-50, 500, 30), strict=True,
        )
    ]  # fmt: skip
    pairs = [(c, t) for c in range(27) for t in range(36) if rng.random() < 0.2]
    wanted = check_paid(rows, payments, pairs, [CNY, EUR, CNY])
    assert any(one["paid_minor_active"] for one in wanted)


def check_paid(rows, payments, pairs, main):
    """The hash of a transaction is its place, of a contract its place + 1; both by customer."""
    rows = sorted(rows, key=lambda row: row["customer"])
    rows = [{**row, "contract": place + 1} for place, row in enumerate(rows)]
    ledger, _ = whole_ledger(payments)
    lengths = np.diff(ledger.relation_offsets)
    payer = np.repeat(ledger.relation_customer, lengths)
    currency, direction = (np.repeat(a, lengths) for a in (ledger.currency, ledger.direction))
    signed = np.where(direction == 1, ledger.amount_minor, -ledger.amount_minor)  # in: a refund
    paid = {
        c: {int(t): (int(currency[t]), int(signed[t])) for t in np.flatnonzero(payer == c)}
        for c in range(N_CUSTOMERS)
    }
    links = [
        {"customer": c, "contract": contract, "txn": txn}
        for contract, txn in pairs
        for c in range(N_CUSTOMERS)
        if txn and contract
    ]
    if not links:
        return []
    got = profile.contracts_paid_features(
        source_rows("contracts", rows), source_rows("contract_payments", links), ledger,
        np.array(main, np.int16), AS_OF, CPU,
    )  # fmt: skip
    wanted = [
        naive.contracts_paid(
            own(rows, c), [(r["contract"], r["txn"]) for r in own(links, c)], paid[c], main[c],
            AS_OF,
        )
        for c in range(N_CUSTOMERS)
    ]  # fmt: skip
    check(got, wanted, "contracts")
    return wanted


payments_out = st.lists(
    st.tuples(
        st.integers(0, N_CUSTOMERS - 1), st.integers(0, 3), st.integers(0, 1), currencies, days,
        st.sampled_from([100, 250, 7]),
    ),
    max_size=25,
)  # fmt: skip


def check_terms(rows, payments, main, backend):
    ledger, payments = whole_ledger(payments)
    codes = np.array(main, np.int16)
    got = profile.terms_features(source_rows("orders", rows), ledger, codes, AS_OF, backend)
    out = [[(p[1], *p[3:6]) for p in payments if p[0] == c and p[2] == 1] for c in range(3)]
    wanted = [naive.terms(own(rows, c), out[c], main[c], AS_OF) for c in range(N_CUSTOMERS)]
    check(got, wanted, "terms")
    return wanted


@given(order_rows.filter(empty_is_skipped), payments_out, mains)
@settings(max_examples=40, deadline=None)
def test_terms_match_naive(drawn, payments, main):
    check_terms(drawn[1], payments, main, CPU)


@pytest.mark.parametrize("seed", range(6))
def test_terms_of_orders_that_are_paid_match_naive(seed):
    """Three of four orders delivered have a payment of their amount, 0 to 200 days later."""
    rng, n = np.random.default_rng(seed), 90
    rows = busy_rows(
        rng, n, supplier=picked(rng, n, None, 1, 2, 3), order_date=some_days(rng, n),
        due_date=some_days(rng, n, 0.2), delivered_date=some_days(rng, n, 0.2),
        amount=picked(rng, n, None, 0, 100, 250, 7), currency=picked(rng, n, CNY, CNY, EUR),
    )  # fmt: skip
    payments = [
        (row["customer"], row["supplier"], int(rng.random() < 0.9), row["currency"],
         min(AS_OF, row["delivered_date"] + int(rng.choice([0, 20, 59, 60, 61, 180, 181]))),
         row["amount"])
        for row in rows
        if row["customer"] >= 0 and row["supplier"] and row["delivered_date"] and row["amount"]
        if rng.random() < 0.75
    ]  # fmt: skip
    wanted = check_terms(rows, payments, [CNY, EUR, CNY], CPU)
    known_values(wanted, "matched_share_365d", "days_to_pay_mean", "days_to_pay_std",
                 "days_to_pay_longest", "paid_after_60_share", "n_paid_365d")  # fmt: skip


def order(**changes):
    row = {"customer": 0, "supplier": 2, "order_date": AS_OF - 200, "due_date": AS_OF - 150,
           "delivered_date": AS_OF - 140, "amount": 100, "currency": CNY}  # fmt: skip
    return {**row, **changes}


@pytest.mark.cudasim
def test_orders_in_the_simulator_match_naive():
    rows = [order(), order(delivered_date=AS_OF - 120), order(supplier=1), order(customer=1)]
    payments = [
        (0, 2, 1, CNY, AS_OF - 100, 100), (0, 2, 1, CNY, AS_OF - 90, 100),
        (0, 1, 0, CNY, AS_OF - 90, 100), (0, 1, 1, EUR, AS_OF - 90, 100),
        (1, 2, 1, CNY, AS_OF - 141, 100), (1, 2, 1, CNY, AS_OF - 140, 100),
    ]  # fmt: skip
    check_terms(rows, payments, [CNY, CNY, EUR], simulated_backend())


def test_the_order_that_came_first_takes_the_first_payment():
    rows = [order(delivered_date=AS_OF - 120), order()]
    payments = [(0, 2, 1, CNY, AS_OF - day, 100) for day in (100, 80)]
    ledger, _ = whole_ledger(payments)
    codes = np.full(N_CUSTOMERS, CNY, np.int16)
    got = profile.terms_features(source_rows("orders", rows), ledger, codes, AS_OF, CPU)
    assert got["terms_days_to_pay_mean"][0] == 40
    assert got["terms_days_to_pay_std"][0] == 0


@pytest.mark.parametrize("dense", [0, 4])
@given(
    payments=ledgers(), drawn=st.lists(st.none() | st.sampled_from(LABELS["category"]), max_size=45)
)
@settings(max_examples=15, deadline=None)
def test_mix_matches_naive(dense, payments, drawn):
    ledger, _ = whole_ledger(payments)
    texts = [drawn[i % len(drawn)] if drawn else None for i in range(ledger.n_payments)]
    check_mix(ledger, texts, dense)


@pytest.mark.parametrize("dense", [0, 4])
@pytest.mark.parametrize("seed", range(3))
def test_the_mix_of_busy_customers_matches_naive(seed, dense):
    rng = np.random.default_rng(seed)
    payments = [
        (int(c), int(party), 1, CNY, AS_OF - int(age), 100)
        for c, party, age in rng.integers(0, (N_CUSTOMERS, 4, 420), (90, 3))
    ]
    ledger, _ = whole_ledger(payments)
    texts = picked(rng, ledger.n_payments, None, *LABELS["category"], LABELS["category"][1])
    wanted = check_mix(ledger, texts, dense)
    known_values(wanted, "shift_90d", "entropy_365d", "top_share_365d", "known_share_365d")


@pytest.mark.parametrize(
    ("ages", "names", "shift", "known"),
    [
        ([89, 90], "ab", 1.0, 1.0),  # one payment on either side of the border
        ([0, 364, 365], "abb", 1.0, 1.0),
        ([89, 90, 364, 365], "abac", 0.5, 1.0),
        ([90, 365], "ab", None, 1.0),
        ([364, 365], ".a", None, 0.0),
    ],
)
def test_the_mix_is_of_the_last_90_and_the_275_days_before(ages, names, shift, known):
    ledger, _ = whole_ledger([(0, 1, 1, CNY, AS_OF - age, 100) for age in ages])
    texts = dict(zip([AS_OF - age for age in ages], names, strict=True))
    of_name = dict(zip("abc", LABELS["category"], strict=True))
    wanted = check_mix(ledger, [of_name.get(texts.get(day)) for day in ledger.day.tolist()], 4)
    assert (wanted[0]["shift_90d"], wanted[0]["known_share_365d"]) == (shift, known)


def check_mix(ledger, texts, dense):
    labels, wanted = LABELS["category"], []
    codes = np.array([-1 if t is None else labels.index(t) for t in texts], np.int32)
    column = Labelled(codes, labels)
    both = {"category": column, "channel": column}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qfb_gpu.profile.mix._DENSE", dense)
        got, tops = profile.mix_features(ledger, both, AS_OF, CPU)
    payer = np.repeat(ledger.relation_customer, np.diff(ledger.relation_offsets))
    for customer in range(ledger.n_customers):
        rows = [(int(ledger.day[i]), texts[i]) for i in np.flatnonzero(payer == customer)]
        want, top = naive.mix(rows, AS_OF)
        one = {name: values[customer : customer + 1] for name, values in got.items()}
        check(one, [want], "mix_category")
        code = tops["mix_category_top"].codes[customer]
        assert code == (-1 if top is None else labels.index(top))
        wanted.append(want)
    return wanted


@given(ledgers())
@FEW
def test_purchase_history_matches_naive(payments):
    ledger, payments = whole_ledger(payments)
    main = profile.main_currency(ledger, CPU)
    got = profile.purchase_history(ledger, main, AS_OF, CPU)
    got = {f"history_{name}": values for name, values in got.items()}
    customers = range(ledger.n_customers)
    own_rows = [
        [(p[4], p[5]) for p in payments if p[0] == c and p[3] == main[c]] for c in customers
    ]
    check(got, [naive.history(rows, AS_OF) for rows in own_rows], "history")


def test_the_last_customer_may_have_no_purchase():
    """The days of all are one list, of which it begins where the list ends."""
    ledger = build_ledger([(0, 1, 0, CNY, AS_OF - 3, 5), (1, 1, 0, CNY, AS_OF, -5)])
    got = profile.purchase_history(ledger, profile.main_currency(ledger, CPU), AS_OF, CPU)
    assert got["n_days"].tolist() == [1, 0]
    assert got["days_observed"].tolist() == [3, 0]


@given(ledgers())
@FEW
def test_the_main_currency_is_that_of_the_features(payments):
    ledger = build_ledger(payments)
    whole = profile.customer_features(ledger, AS_OF, CPU)["main_currency"]
    np.testing.assert_array_equal(profile.main_currency(ledger, CPU), whole)


def test_a_source_without_rows_gives_counts_of_zero_and_nulls():
    """Columns as the lake reads them; a customer that has none is told from what is not known."""
    full = {"customer": 0, "date": AS_OF, "session": 1, "step": "view", "channel": "app"}
    rows = source_rows("events", [full])
    nobody = SourceRows(
        "events",
        {n: getattr(v, "codes", v)[:0] if n == "date" else Labelled(v.codes[:0], v.labels)
         for n, v in rows.columns.items()},
        {n: v[:0] for n, v in rows.keys.items()}, rows.texts, rows.customer[:0],
    )  # fmt: skip
    got = profile.journey_features(nobody, N_CUSTOMERS, AS_OF, CPU, steps=STEPS)
    for feature in profile.FEATURES:
        if feature.block == "journey":
            values = got[feature.name]
            assert values.dtype == np.dtype(feature.dtype)
            empty = values == 0 if feature.dtype == "int64" else np.isnan(values)
            assert empty.all(), feature.name


def test_the_response_rate_is_found_again_and_shrinks():
    rng = np.random.default_rng(5)
    n = rng.integers(0, 12, 20_000)
    k = rng.binomial(n, rng.beta(2.0, 14.0, n.size))
    model = fit_response_rate(k, n)
    assert model.a == pytest.approx(2.0, rel=0.1)
    assert model.b == pytest.approx(14.0, rel=0.1)
    rates = shrunk_rate(model, np.array([0, 1, 30]), np.array([0, 1, 100]))
    assert rates[0] == pytest.approx(model.a / (model.a + model.b))
    assert rates[0] < rates[1] < 0.3
    assert rates[2] == pytest.approx(0.3, abs=0.05)
    assert model.n_customers == (n > 0).sum()  # of others nothing is known
    assert fit_response_rate(k[:20], n[:20]) is None
    thirty = np.flatnonzero(n > 0)[29] + 1
    assert fit_response_rate(k[:thirty], n[:thirty]).n_customers == 30
    assert fit_response_rate(k[: thirty - 1], n[: thirty - 1]) is None
    assert np.isnan(shrunk_rate(None, k[:3], n[:3])).all()
