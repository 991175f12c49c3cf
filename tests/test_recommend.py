"""Next product: holdings as of a day, the market by counting, ranks and hits by a loop."""

import datetime as dt

import numpy as np
import pytest

from qfb_gpu.ledger import NULL_DAY
from qfb_gpu.models import recommend, size_classes
from qfb_gpu.models.recommend_words import card, reason
from qfb_gpu.parts import next_product_gate as gate

DAY, HORIZON = 20_000, 180


def holdings(rows, n_customers, n_products):
    table = np.array(rows, dtype=np.int64).reshape(-1, 4)
    return recommend.Holdings(*table.T, n_customers=n_customers, n_products=n_products)


@pytest.fixture(scope="module")
def bank():
    """Return customers of two tastes: an opening follows the taste that the holdings show."""
    rng = np.random.default_rng(8)
    rows = []
    n_customers = 700
    for customer in range(n_customers):
        taste = customer % 2
        for product in range(8):
            rate = 0.6 if product % 2 == taste else 0.05
            opened = DAY - 2000 + int(rng.exponential(1500 / rate))
            rows.append((customer, product, opened, NULL_DAY))
    return holdings(rows, n_customers, 8)


def test_holdings_are_those_of_the_day():
    one = holdings(
        [(0, 0, DAY - 50, NULL_DAY), (0, 1, DAY - 50, DAY), (1, 1, DAY - 9, DAY + 5), (1, 0, DAY + 1, NULL_DAY)],
        2, 2,
    )  # fmt: skip
    assert one.held(DAY).tolist() == [[True, False], [False, True]]
    assert one.opened_in(DAY, DAY + 10).tolist() == [[False, False], [True, False]]
    history = one.history(DAY)
    assert history["products_held"].tolist() == [1, 1]
    assert history["products_closed_year"].tolist() == [1, 0]
    assert history["days_since_opening"].tolist() == [50, 9]


def test_the_market_counts_what_a_loop_counts(bank):
    size = np.linspace(0, 1, bank.n_customers)
    known = recommend.market(bank, size, DAY, HORIZON)
    held, before = bank.held(DAY), bank.held(DAY - 360)
    opened = bank.opened_in(DAY - 360, DAY)
    for product in range(8):
        could = sum(not before[c, product] for c in range(bank.n_customers))
        did = sum(bool(opened[c, product]) for c in range(bank.n_customers))
        assert known.rate[product] == pytest.approx((did + 1) / (could + 20) * HORIZON / 360)
        for other in range(8):
            if other == product:
                assert known.lift[other, product] == 0
                continue
            both = sum(held[:, other] & held[:, product])
            usual = (held[:, product].sum() + 1) / (bank.n_customers + 2)
            expected = np.log((both + 20 * usual) / (held[:, other].sum() + 20) / usual)
            assert known.lift[other, product] == pytest.approx(expected)
    assert known.lift[0, 2] > 0.1 > -0.1 > known.lift[0, 1]


@pytest.mark.parametrize("comes_back", [False, True])
def test_who_had_a_product_before_is_told_apart(comes_back):
    """Half of the customers had product 0 and closed it; they never, or always, open it again."""
    rows = [(c, 1, DAY - 900, NULL_DAY) for c in range(400)]
    for customer in range(400):
        if customer % 2:
            rows.append((customer, 0, DAY - 900, DAY - 500))
            if comes_back:
                rows.append((customer, 0, DAY - 100, NULL_DAY))
        elif customer % 4 == 0:
            rows.append((customer, 0, DAY - 200, NULL_DAY))
    one = holdings(rows, 400, 3)
    known = recommend.market(one, np.zeros(400), DAY, 360)
    assert known.rate_new[0] == pytest.approx((100 + 1) / (200 + 20))
    assert known.rate[0] == pytest.approx((100 + (200 if comes_back else 0) + 1) / (400 + 20))
    assert (known.rate_again[0] > 0.9) if comes_back else (known.rate_again[0] < 0.01)
    state = {"size": np.zeros(400)}
    customer, product, features = recommend.pairs(known, one, state, DAY, np.arange(400))
    again = features["had_before"] > 0
    assert again.sum() == (0 if comes_back else 200)
    if not comes_back:
        np.testing.assert_array_equal(again, (product == 0) & (customer % 2 == 1))
    expected = np.where(again, known.rate_again[product], known.rate_new[product])
    np.testing.assert_allclose(np.exp(features["popularity"]), expected)
    plain = recommend.popularity(recommend.POPULARITY, known, product, features)
    np.testing.assert_allclose(np.exp(plain), known.rate[product])


def test_nothing_later_is_in_a_row(bank):
    size = {"size": np.zeros(bank.n_customers)}
    rows = np.arange(bank.n_customers)
    seen = bank.opened <= DAY
    past = recommend.Holdings(
        bank.customer[seen], bank.product[seen], bank.opened[seen], bank.closed[seen],
        bank.n_customers, bank.n_products,
    )  # fmt: skip
    answers = [
        recommend.pairs(recommend.market(one, size["size"], DAY, HORIZON), one, size, DAY, rows)
        for one in (bank, past)
    ]
    for left, right in zip(answers[0][:2], answers[1][:2], strict=True):
        np.testing.assert_array_equal(left, right)
    for name, values in answers[0][2].items():
        np.testing.assert_array_equal(values, answers[1][2][name], err_msg=name)


def test_customers_who_came_later_change_nothing_of_an_earlier_day(bank):
    size = np.random.default_rng(2).random(bank.n_customers)
    alone = recommend.market(bank, size, DAY, HORIZON)
    later = [(bank.n_customers + row, row % 8, DAY + 5 + row, NULL_DAY) for row in range(300)]
    table = np.array(later, dtype=np.int64)
    columns = (bank.customer, bank.product, bank.opened, bank.closed)
    grown = recommend.Holdings(
        *(np.concatenate([old, new]) for old, new in zip(columns, table.T, strict=True)),
        bank.n_customers + 300, bank.n_products,
    )  # fmt: skip
    there = np.arange(grown.n_customers) < bank.n_customers
    found = recommend.market(grown, np.append(size, np.zeros(300)), DAY, HORIZON, there)
    for name in ("rate", "rate_new", "rate_again", "lift", "size_edges", "size_lift"):
        np.testing.assert_array_equal(getattr(found, name), getattr(alone, name), err_msg=name)


def test_the_order_of_customers_changes_no_bit(bank):
    size = {"size": np.random.default_rng(0).random(bank.n_customers)}
    known = recommend.market(bank, size["size"], DAY, HORIZON)
    whole = recommend.pairs(known, bank, size, DAY, np.arange(bank.n_customers))
    part = recommend.pairs(known, bank, size, DAY, np.arange(100, 130))
    inside = (whole[0] >= 100) & (whole[0] < 130)
    for name, values in part[2].items():
        np.testing.assert_array_equal(values, whole[2][name][inside], err_msg=name)


def test_ranks_and_hits_are_those_of_a_loop():
    rng = np.random.default_rng(3)
    customer = np.sort(rng.integers(0, 40, 300))
    product = np.concatenate([np.arange(n) for n in np.bincount(customer)])
    score = np.round(rng.random(300), 1)
    opened = rng.random(300) < 0.2
    first = opened & (product % 2 == 0)
    order, rank = recommend.ranked(customer, product, [score])
    found = recommend.hits(customer, order, rank, opened, first)
    precision, near = [], {1: [], 3: []}
    for one in range(40):
        own = [i for i in range(300) if customer[i] == one]
        own.sort(key=lambda i: (-score[i], product[i]))
        places = [at for at, i in enumerate(own, 1) if opened[i]]
        if not places:
            continue
        precision.append(np.mean([n / at for n, at in enumerate(places, 1)]))
        for k, hit in near.items():
            hit.append(float(any(first[i] for i in own[:k])))
    np.testing.assert_allclose(found["map"], precision)
    for k, hit in near.items():
        np.testing.assert_array_equal(found[f"hit_rate_{k}"], hit)


def test_it_learns_the_taste_that_popularity_cannot_see(bank, cpu):
    size = {"size": np.zeros(bank.n_customers)}
    parts = []
    for back in (0, 360):
        day = DAY - back
        known = recommend.market(bank, size["size"], day, HORIZON)
        rows = np.arange(bank.n_customers)
        customer, product, features = recommend.pairs(known, bank, size, day, rows)
        opened = bank.opened_in(day, day + HORIZON)[customer, product]
        parts.append((customer, product, features, opened))
    tests = [part[0] % 4 == 0 for part in parts]
    learn = {
        name: np.concatenate([p[2][name][~t] for p, t in zip(parts[1:], tests[1:], strict=True)])
        for name in parts[0][2]
    }
    opened = np.concatenate([p[3][~t] for p, t in zip(parts[1:], tests[1:], strict=True)])
    who = np.concatenate([p[0][~t] for p, t in zip(parts[1:], tests[1:], strict=True)])
    model = recommend.fit(
        learn, opened, who % 4 == 1, who, horizon_days=HORIZON, seed=0, backend=cpu
    )
    customer, product, features, opened = parts[0]
    test = tests[0]
    features = {name: values[test] for name, values in features.items()}
    again = recommend.NextProductModel.from_files(model.to_files())
    probability = again.predict(again.matrix(features))
    np.testing.assert_array_equal(probability, model.predict(model.matrix(features)))
    first = bank.first_opened(DAY, DAY + HORIZON)[customer[test], product[test]]
    quality = {}
    for name, score in (("ours", probability), ("popularity", features["popularity"])):
        order, rank = recommend.ranked(customer[test], product[test], [score])
        found = recommend.hits(customer[test], order, rank, opened[test], first)
        quality[name] = found["map"].mean()
    assert quality["ours"] > quality["popularity"] + 0.1
    assert probability.mean() == pytest.approx(opened[test].mean(), rel=0.25)
    low, high = again.range(probability)
    assert ((low <= probability) & (probability <= high)).all()


def test_a_reason_says_what_is_held_and_done(bank):
    known = recommend.market(bank, np.zeros(bank.n_customers), DAY, HORIZON)
    names = [f"p{at}" for at in range(8)]
    english, chinese = reason(2, {"looks_30": 4.0, "applies_90": 1.0}, [0, 1], names, known, 0)
    times = np.exp(known.lift[0, 2])
    assert f"holds p0, whose holders have it {times:.1f} times as often" in english
    assert "looked at products 4 times in 30 days" in english
    assert "近90天发起申请1次" in chinese
    plain, _ = reason(2, {}, [], names, known, 0)
    assert plain == f"{known.rate[2]:.1%} of those without it open it in the horizon"


def test_the_first_that_is_opened_counts_from_the_day_after_to_the_last_of_the_horizon():
    one = holdings(
        [(0, 0, DAY, NULL_DAY), (0, 1, DAY + 10, NULL_DAY), (0, 2, DAY + 11, NULL_DAY),
         (1, 0, DAY + 1, DAY + 2), (1, 1, DAY + 1, NULL_DAY), (1, 2, DAY + 5, NULL_DAY)],
        3, 3,
    )  # fmt: skip
    assert one.first_opened(DAY, DAY + 10).tolist() == [
        [False, True, False],
        [True, True, False],
        [False, False, False],
    ]


def test_years_of_a_history_end_with_the_day():
    """A year is 360 days: (day - 360, day]; who never opened anything did so ten years ago."""
    rows = [
        (0, 0, DAY - 900, DAY - 360),
        (0, 1, DAY - 900, DAY - 359),
        (1, 0, DAY - 720, DAY),
        (1, 1, DAY - 719, NULL_DAY),
        (1, 2, DAY, DAY + 1),
    ]
    history = holdings(rows, 3, 3).history(DAY)
    assert history["products_held"].tolist() == [0, 2, 0]
    assert history["products_closed_year"].tolist() == [1, 1, 0]
    assert history["products_opened_2_years"].tolist() == [0, 2, 0]
    assert history["days_since_opening"].tolist() == [900, 0, 3_650]


def test_the_market_of_each_size_is_what_a_loop_counts(bank):
    size = np.where(np.arange(bank.n_customers) % 10, np.arange(bank.n_customers) / 7, np.nan)
    known = recommend.market(bank, size, DAY, HORIZON)
    edges = np.quantile([one for one in size if one == one], [0.25, 0.5, 0.75])
    np.testing.assert_allclose(known.size_edges, edges)
    groups = [-1 if one != one else sum(one > edge for edge in edges) for one in size]
    had, opened = bank.had(DAY - 360), bank.opened_in(DAY - 360, DAY)
    for product in range(8):
        could = [c for c in range(bank.n_customers) if not had[c, product]]
        share = (sum(bool(opened[c, product]) for c in could) + 1) / (len(could) + 20)
        for group in range(4):
            own = [c for c in could if groups[c] == group]
            did = sum(bool(opened[c, product]) for c in own)
            expected = np.log((did + 20 * share) / (len(own) + 20) / share)
            assert known.size_lift[group, product] == pytest.approx(expected)


def test_the_market_is_the_same_to_the_bit_in_any_order_of_customers():
    rng = np.random.default_rng(2)
    n, opened = 90, DAY - rng.integers(0, 1200, 400)
    closed = np.where(rng.random(400) < 0.5, opened + rng.integers(1, 400, 400), NULL_DAY)
    who, what, size = rng.integers(0, n, 400), rng.integers(0, 8, 400), rng.random(n)
    found = []
    for seed in range(30):
        place = np.random.default_rng(seed).permutation(n)
        one = recommend.Holdings(place[who], what, opened, closed, n, 8)
        known = recommend.market(one, size[np.argsort(place)], DAY, HORIZON)
        found.append([getattr(known, name).tolist() for name in recommend.Market.__slots__])
    assert all(one == found[0] for one in found)


def test_a_size_is_compared_with_those_of_its_currency():
    rng = np.random.default_rng(5)
    currency = rng.choice([1, 4, 9], 400, p=[0.5, 0.45, 0.05])
    size = rng.normal(10, 2, 400)
    size[::41] = np.nan
    shift = size_classes.shifts(size, currency)
    assert set(shift) == {1, 4}
    found = size_classes.comparable(size, currency, shift, np)
    np.testing.assert_array_equal(found[currency == 1], size[currency == 1])
    medians = [np.nanmedian(found[currency == code]) for code in (1, 4)]
    assert medians[0] == pytest.approx(medians[1])
    other = size + np.array([0, 0, 0, 0, -7, 0, 0, 0, 0, 2])[currency]
    again = size_classes.comparable(other, currency, size_classes.shifts(other, currency), np)
    np.testing.assert_allclose(again, found, atol=1e-12)
    classes = size_classes.class_of(found, size_classes.edges_of(found))
    assert (classes[currency == 9] == size_classes.NO_CLASS).all()
    assert (classes[np.isnan(size)] == size_classes.NO_CLASS).all()
    assert size_classes.shifts(np.array([np.nan]), np.array([3])) == {}
    assert size_classes.shifts(np.array([1.0, 2.0, 3.0]), np.array([4, 2, 2])) == {2: 0.0}


def test_who_has_no_size_is_in_no_class(bank):
    """It was in that of the smallest."""
    size = np.full(bank.n_customers, np.nan)
    known = recommend.market(bank, size, DAY, HORIZON)
    np.testing.assert_allclose(known.size_lift, 0, atol=1e-12)
    state = {"size": size}
    *_, features = recommend.pairs(known, bank, state, DAY, np.arange(50))
    assert not features["size_lift"].any()


def learning(n_rows, n_opened):
    """Return features, whether each row opened, which half calibrates, and keys."""
    rng = np.random.default_rng(n_rows)
    calibrates = np.arange(n_rows) % 2 == 1
    opened = np.zeros(n_rows, bool)
    opened[np.flatnonzero(~calibrates)[:n_opened]] = True
    opened[np.flatnonzero(calibrates)[:n_opened]] = True
    features = {"b": opened + rng.normal(size=n_rows), "a": rng.normal(size=n_rows),
                "unknown": np.where(calibrates, 1.0, np.nan)}  # fmt: skip
    return features, opened, calibrates, np.arange(n_rows)


@pytest.mark.parametrize(("n_opened", "n_calibrating"), [(29, 200), (30, 200), (30, 0)])
def test_without_thirty_openings_to_fit_on_or_any_row_to_calibrate_on_there_is_no_model(
    cpu, n_opened, n_calibrating
):
    features, opened, calibrates, key = learning(400, n_opened)
    calibrates &= n_calibrating > 0
    model = recommend.fit(features, opened, calibrates, key, horizon_days=9, seed=0, backend=cpu)
    assert (model is not None) == (n_opened >= 30 and n_calibrating > 0)


def test_features_are_told_by_name_and_those_that_no_fitting_row_has_are_left_out(cpu):
    features, opened, calibrates, key = learning(400, 60)
    models = [
        recommend.fit(one, opened, calibrates, key, horizon_days=9, seed=0, backend=cpu)
        for one in (features, dict(reversed(features.items())))
    ]
    assert models[0].names == ("a", "b")
    assert models[0].to_files() == models[1].to_files()
    again = recommend.NextProductModel.from_files(models[0].to_files())
    for name in ("edges", "n_rows", "n_true"):
        np.testing.assert_array_equal(getattr(again, name), getattr(models[0], name))
    assert (again.n_true <= again.n_rows).all()
    assert again.n_true.sum() == 60


def deposits(seed):
    """Return openings of customers who hold several of a product, close some and come back."""
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(150):
        opened = DAY - int(rng.integers(-200, 900))
        closed = NULL_DAY if rng.random() < 0.5 else opened + int(rng.integers(1, 600))
        rows.append((int(rng.integers(12)), int(rng.integers(3)), opened, closed))
    return rows


def holders(rows, product, day):
    return {c for c, p, a, b in rows if p == product and a <= day and (b == NULL_DAY or b > day)}


@pytest.mark.parametrize("seed", range(4))
def test_another_of_what_is_held_is_no_opening_of_who_does_not_hold_it(seed):
    """A rate is of those without the product; who has one and opens a second is not among them."""
    rows = deposits(seed)
    known = recommend.market(holdings(rows, 12, 3), np.full(12, np.nan), DAY, HORIZON)
    for product in range(3):
        without = set(range(12)) - holders(rows, product, DAY - 360)
        opened = {c for c, p, a, _ in rows if p == product and DAY - 360 < a <= DAY}
        wanted = (len(opened & without) + 1) / (len(without) + 20) * HORIZON / 360
        assert known.rate[product] == pytest.approx(wanted)


@pytest.mark.parametrize("seed", range(4))
def test_the_first_product_is_the_first_of_those_that_can_be_recommended(seed):
    rows = deposits(seed)
    first = holdings(rows, 12, 3).first_opened(DAY, DAY + HORIZON)
    for customer in range(12):
        new = [
            (a, p)
            for c, p, a, _ in rows
            if c == customer and DAY < a <= DAY + HORIZON and customer not in holders(rows, p, DAY)
        ]
        earliest = min((a for a, _ in new), default=None)
        wanted = {p for a, p in new if a == earliest}
        assert set(np.flatnonzero(first[customer]).tolist()) == wanted


def test_the_registry_sees_every_rule_and_of_how_many_customers_a_figure_is():
    """Plain popularity alone stood beside the model, which it beat, while a better rule served."""

    def judged(n_openers, score):
        customer = np.repeat(np.arange(n_openers), 2)
        product, opened = np.tile([0, 1], n_openers), np.tile([True, False], n_openers)
        pairs = gate.Pairs(customer, product, {}, {}, opened, opened)
        return gate._judge(pairs, np.tile(score, n_openers))

    rules = {name: judged(9, (2.0, 1.0)) for name in recommend.BASELINES}
    rules[recommend.POPULARITY] = judged(9, (1.0, 2.0))
    way = "earlier days only"
    found = gate._card_figures(
        {**rules, "challenger": judged(4, (2.0, 1.0)), way: judged(9, (1.0, 2.0))}, way
    )
    assert found["popularity_map"] == found["backtest_map"] == 0.5
    assert found["popularity_held_before_apart_map"] == found["popularity_by_size_map"] == 1.0
    assert (found["n_openers"], found["backtest_n_openers"]) == (4, 9)
    assert found["popularity_by_size_n_openers"] == found["popularity_n_openers"] == 9
    assert "of the same rows" in card(found, dt.date(2024, 12, 31), HORIZON, "held out")
    assert "of the same rows" not in card({"map": 1.0}, dt.date(2024, 12, 31), HORIZON, "")
