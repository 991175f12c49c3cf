"""The report on churn and recommendations: everything is escaped, every table may be empty."""

import re

import numpy as np
import pyarrow as pa

from qfb_gpu.parts.model_rows import Judged, evaluation_rows, evaluation_table
from qfb_gpu.report.sections import churn, recommendations
from qfb_gpu.report.wording import percent
from qfb_gpu.schema import GOLD


def reader(tables):
    def read(name, columns=None):
        table = tables[name]
        return table.select(columns) if columns else table

    return read


def evaluations():
    rng = np.random.default_rng(0)
    true = rng.random(200) < 0.2
    judged = [
        Judged("challenger", true, np.clip(0.3 * true + 0.5 * rng.random(200), 0, 1), is_used=True),
        Judged("recency rule", true, rng.random(200), is_used=False, is_probability=False),
    ]
    rows = evaluation_rows("churn", judged, "note with <b>", 20_000)
    return as_table(rows)


def as_table(columns):
    names = [column.name for column in GOLD["model_evaluations"].columns]
    return pa.table({name: columns[name] for name in names})


def profiles():
    return pa.table({
        "customer_id": ["<script>", "b"],
        "churn_probability": [0.4, 0.01],
        "churn_probability_low": [0.2, 0.0],
        "churn_probability_high": [0.6, 0.1],
        "churn_level": ["high", "low"],
        "churn_reasons_en": ["no payment for 40 days & more", None],
        "churn_reasons_zh": ["已40天无收付", None],
    })  # fmt: skip


def recommended():
    return pa.table({
        "customer_id": ["<i>", "b"], "rank": pa.array([1, 1], pa.int32()),
        "product_id": ["loan", "fx"], "probability": [0.3, 0.1], "lift": [2.0, 1.0],
        "reasons_en": ["holds a", "holds b"], "reasons_zh": ["持有a", "持有b"],
        "basis": ["popularity", "popularity"],
    })  # fmt: skip


def test_churn_shows_whom_to_call_why_and_how_good_it_is():
    page = churn.draw(reader({"model_evaluations": evaluations(), "customer_profiles": profiles()}))
    assert "&lt;script&gt;" in page
    assert "<script>" not in page
    assert "note with &lt;b&gt;" in page
    assert "no payment for 40 days &amp; more" in page
    assert page.index("b</") > page.index("&lt;script&gt;")  # the likeliest first
    assert "challenger ✓" in page


def test_a_list_of_the_likeliest_that_are_all_as_likely_says_so():
    """Twelve lines of 1.4%, under "Whom to call first", read as a ranking."""

    def drawn(n, apart):
        chance = [0.0139 + apart * at for at in range(n)]
        ids = [f"c{at:02}" for at in range(n)]
        profile = pa.table({
            **{name: [profiles()[name].to_pylist()[1]] * n for name in profiles().column_names},
            "customer_id": ids, "churn_probability": chance,
        })  # fmt: skip
        first = pa.table({
            **{name: [recommended()[name].to_pylist()[0]] * n for name in recommended().column_names},
            "customer_id": ids, "rank": pa.array([1] * n, pa.int32()), "probability": chance,
        })  # fmt: skip
        judged = {"model_evaluations": evaluations()}
        return (
            churn.draw(reader({**judged, "customer_profiles": profile})),
            recommendations.draw(reader({**judged, "recommendations": first})),
        )

    words = "as likely as one another"
    assert all(words in page for page in drawn(30, 1e-9))
    assert not any(words in page for page in drawn(30, 0.002))
    assert not any(words in page for page in drawn(3, 0.0))


def test_recommendations_show_what_and_why():
    page = recommendations.draw(
        reader({"recommendations": recommended(), "model_evaluations": evaluations()})
    )
    assert "&lt;i&gt;" in page
    assert "2.0×" in page
    assert "持有a" in page


def test_every_product_has_its_name_and_number_on_the_page():
    names = [f"product_{at:02}" for at in range(14) for _ in range(20 - at)]
    table = {
        "customer_id": [f"c{at}" for at in range(len(names))], "product_id": names,
        **{n: recommended()[n].to_pylist()[:1] * len(names)
           for n in ("probability", "lift", "reasons_en", "reasons_zh", "basis")},
        "rank": pa.array([1] * len(names), pa.int32()),
    }  # fmt: skip
    nothing = as_table(evaluation_table([]))
    page = recommendations.draw(
        reader({"recommendations": pa.table(table), "model_evaluations": nothing})
    )
    bars = re.findall(r'class="what">(.*?)<.*?class="value">(.*?)<', page)
    shares = [(f"product_{at:02}", f"{20 - at} · {percent(20 - at, 189)}") for at in range(12)]
    assert bars == shares
    assert "2 other products for 15 other customers." in page.replace("\xa0", " ")


def test_empty_tables_are_said_or_left_out():
    nothing = as_table(evaluation_table([]))
    empty = {"model_evaluations": nothing, "customer_profiles": profiles().slice(0, 0)}
    assert churn.draw(reader(empty)) is None
    some = {"model_evaluations": evaluations(), "customer_profiles": profiles().slice(0, 0)}
    assert "Nobody is scored" in churn.draw(reader(some))
    none = {"recommendations": recommended().slice(0, 0), "model_evaluations": nothing}
    assert "Nothing to recommend" in recommendations.draw(reader(none))


def test_a_model_that_could_not_be_fitted_has_a_row_that_says_why():
    table = as_table(evaluation_rows("churn", [], "nobody fitted: few", 20_000))
    assert table.num_rows == 1
    assert table["note"].to_pylist() == ["nobody fitted: few"]
