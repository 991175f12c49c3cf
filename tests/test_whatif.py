"""``qfb whatif`` and the sections: the answer in words, numbers and a chart, from gold tables."""

import datetime as dt
import json
import re

import pyarrow as pa
import pytest
import report_fixture as made
from test_report import Checker
from typer.testing import CliRunner

from qfb_gpu._cli.ego import _side
from qfb_gpu._config.network import Contagion
from qfb_gpu.cli import app
from qfb_gpu.errors import ConfigError, InputError
from qfb_gpu.lake import gold
from qfb_gpu.parts.whatif import _find, what_if
from qfb_gpu.report.ego import ego
from qfb_gpu.report.sections import contagion, round_trips
from qfb_gpu.report.whatif import render, summary

FLOWS = {
    ("core", "first"): 1_000_000, ("other", "first"): 1_000_000, ("first", "second"): 300_000,
    ("other", "second"): 100_000, ("second", "third<b>"): 50_000,
}  # fmt: skip
CUSTOMERS = {"first", "second", "third<b>"}
SHARES = [0.5, 0.5, 0.75, 0.25, 1.0]


def written(tmp_path, flows, shares):
    """Write a run's network and the row of its run."""
    nodes = sorted({node for pair in flows for node in pair})
    n = len(flows)
    year = [dt.date(2024, 1, 5)] * n
    tables = {
        "graph_nodes": {
            "node_id": nodes, "is_customer": [node in CUSTOMERS for node in nodes],
            "core_score": [10.0] * len(nodes),
        },
        "graph_edges": {
            "payer_id": [pair[0] for pair in flows], "payee_id": [pair[1] for pair in flows],
            "currency": ["CNY"] * n, "n_payments": [12] * n, "amount_minor": list(flows.values()),
            "n_payments_365d": [12] * n, "amount_365d_minor": list(flows.values()),
            "first_date": year, "last_date": year, "income_share": shares,
            "spending_share": [1.0] * n,
        },
        "runs": {
            "run_id": ["r"], "as_of": [dt.date(2024, 12, 31)],
            "settings": [json.dumps({"network": {"contagion": {"recovery": 0.2}}})],
        },
    }  # fmt: skip
    for name, columns in tables.items():
        part = tmp_path / f"{name}.parquet"
        gold.write_part(part, made.table_of(name, columns, len(next(iter(columns.values())))))
        gold.publish(tmp_path, name, [part], gold.Publication("r", 1))
    return tmp_path


@pytest.fixture
def out(tmp_path):
    return written(tmp_path, FLOWS, SHARES)


def by_name(answer):
    return {hit.name: hit for hit in answer.hits}


def test_income_whose_payer_is_not_named_absorbs_a_loss_too(tmp_path):
    flows = {("core", "first"): 200_000, ("other", "first"): 200_000, ("first", "second"): 300_000}
    known = written(tmp_path / "known", flows, [0.5, 0.5, 1.0])
    half = written(tmp_path / "half", flows, [0.25, 0.25, 1.0])  # it gets as much from unnamed
    missing = {
        name: by_name(what_if(folder, "core", recovery=0.0))["second"].cleared
        for name, folder in (("known", known), ("half", half))
    }
    assert missing["known"] == pytest.approx(1 / 3)  # 200,000 are left of the 300,000 it owes
    assert missing["half"] == 0.0  # 600,000 are


def test_who_is_hit_directly_and_through_others(out):
    answer = what_if(out, "core", recovery=0.0)
    assert [hit.name for hit in answer.hits] == ["first", "second", "third<b>"]
    hits = by_name(answer)
    assert (hits["first"].lost, hits["first"].direct, hits["first"].step) == (0.5, 0.5, 1)
    assert hits["second"].lost == pytest.approx(0.375)
    assert hits["second"].indirect == pytest.approx(0.375)
    assert hits["third<b>"].lost == pytest.approx(0.375)
    assert hits["third<b>"].step == 3
    assert answer.owed == [("CNY", 1_000_000)]
    # first keeps 1.7 of its 2.0 m in a normal year: by clearing nobody behind it is hit
    assert hits["first"].cleared == pytest.approx(0.5)
    assert hits["second"].cleared == 0.0
    assert (hits["first"].currency, hits["first"].missing_minor) == ("CNY", 1_000_000)
    assert "3\xa0parties lose 1% or more" in summary(answer)


def test_the_runs_own_settings_hold_unless_told_otherwise(out):
    assert by_name(what_if(out, "core"))["first"].lost == pytest.approx(0.4)
    assert by_name(what_if(out, "core", recovery=0.5))["first"].lost == pytest.approx(0.25)
    tight = what_if(out, "core", recovery=0.0, settings=Contagion(buffer=0.5))
    assert by_name(tight)["second"].lost == pytest.approx(0.75)  # first stops altogether


def test_a_firm_that_pays_nobody_hits_nobody(out):
    answer = what_if(out, "third<b>")
    assert answer.hits == []
    assert "no customer loses income" in summary(answer)
    assert render(answer).endswith("</html>\n")


def test_why_nobody_is_hit_is_said_as_it_is(tmp_path, out):
    """That nobody was paid was said of every firm without a hit."""
    assert "pays 100% of what it paid in the year, nobody loses income." in summary(
        what_if(out, "core", recovery=1.0)
    )
    to_stranger = written(tmp_path / "stranger", {("first", "stranger"): 500}, [1.0])
    words = summary(what_if(to_stranger, "first", recovery=0.0))
    assert "no customer loses income" in words
    assert "(CNY\xa05) went to parties whose other income is not known" in words
    assert "nobody was paid" not in words


@pytest.mark.parametrize("name", ["cor", "CORE", "frist", ""])
def test_an_unknown_firm_is_one_error_with_names_like_it(out, name):
    near = "first" if name == "frist" else "core" if name else ""
    with pytest.raises(InputError, match=f"no such party; it has e.g. .*{near}"):
        what_if(out, name)


def test_no_run_no_answer(tmp_path):
    with pytest.raises(InputError, match="no table"):
        what_if(tmp_path, "core")


def test_the_page_is_whole_and_says_what_it_assumes(out):
    html = render(what_if(out, "core"))
    checker = Checker()
    checker.feed(html)
    assert checker.open == checker.outside == []
    text = re.sub(r"\s+", " ", " ".join(checker.text))
    assert "third<b>" in text
    assert "<b>" not in html
    assert "other income is not known" in text
    assert html.count("<path") == 3  # core to first to second to third


def test_the_command_prints_and_writes(out):
    done = CliRunner().invoke(app, ["whatif", str(out), "--default", "core", "--limit", "2"])
    assert done.exit_code == 0, done.output
    assert "first" in done.output
    assert "1 more lose less" in done.output
    assert (out / "whatif.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_where_the_page_cannot_be_written_the_answer_is_printed(out, tmp_path):
    page = tmp_path / "no such folder" / "page.html"
    done = CliRunner().invoke(app, ["whatif", str(out), "--default", "core", "--html", str(page)])
    assert isinstance(done.exception, ConfigError)
    assert "give another file with --html" in str(done.exception)
    assert "core" in done.output


@pytest.mark.parametrize("recovery", ["-0.1", "1.5"])
def test_a_recovery_is_a_share(out, recovery):
    done = CliRunner().invoke(
        app, ["whatif", str(out), "--default", "core", f"--recovery={recovery}"]
    )
    assert isinstance(done.exception, ConfigError)
    assert "0 (pays nothing) to 1" in str(done.exception)


def reader_of(tables):
    def read(name, columns):
        return tables[name].select(columns)

    return read


@pytest.mark.parametrize("draw", [contagion.draw, round_trips.draw])
def test_sections_of_no_rows_and_of_no_tables(draw):
    names = ("contagion", "supply_chains", "round_trips")
    empty = {name: made.table_of(name, {}, 0) for name in names}
    assert "Nothing to show" in draw(reader_of(empty))
    assert draw(reader_of({})) is None


def test_sections_show_what_there_is():
    firm = {
        "firm_id": ["<i>x"], "is_customer": [True], "debtrank": [0.05], "debtrank_direct": [0.03],
        "n_hit": [7], "n_stopped": [2], "farthest": [3], "most_hit_id": ["y"],
        "most_hit_share": [0.9],
    }  # fmt: skip
    member = {
        "core_id": ["x"], "member_id": ["y"], "side": ["upstream"], "tier": [1], "share": [0.9],
        "chain_share": [0.9],
    }  # fmt: skip
    trip = {
        "currency": ["CNY"], "parties": [json.dumps(["<a>", "丙"])], "length": [2], "n_trips": [3],
        "first_date": [dt.date(2024, 1, 1)], "last_date": [dt.date(2024, 2, 1)], "days": [4],
        "amount_minor": [12_300_000], "returned_share": [0.95], "is_complete": [False],
    }  # fmt: skip
    tables = {
        "contagion": made.table_of("contagion", firm, 1),
        "supply_chains": made.table_of("supply_chains", member, 1),
        "round_trips": made.table_of("round_trips", trip, 1),
    }
    assert isinstance(tables["round_trips"], pa.Table)
    shown = contagion.draw(reader_of(tables))
    assert "5.0%" in shown
    assert "&lt;i&gt;x" in shown
    assert "<i>x" not in shown
    shown = round_trips.draw(reader_of(tables))
    assert "&lt;a&gt; → 丙 → &lt;a&gt;" in shown
    assert "CNY\xa0123\xa0k" in shown
    assert "cut short" in shown


def test_the_neighbourhood_of_a_firm(out):
    found = ego(gold.reader(out), "second")
    assert [row["payer_id"] for row in found.is_paid_by] == ["first", "other"]
    assert [row["payee_id"] for row in found.pays] == ["third<b>"]
    assert found.among == [("first", "other")]
    assert found.related == []
    with pytest.raises(InputError, match=r"no party 'secnd'; it has e.g. second"):
        ego(gold.reader(out), "secnd")


def test_a_firm_is_found_in_another_unicode_form():
    """Its id as typed looks the same and was not there: see ``report/asked.py``."""
    nodes = pa.table({"node_id": ["cafe\u0301", "b"], "is_customer": [True, False]})
    edges = pa.table(
        {
            "payer_id": ["b"], "payee_id": ["cafe\u0301"], "currency": ["CNY"],
            "n_payments_365d": [3], "amount_365d_minor": [1], "income_share": [1.0],
            "spending_share": [1.0], "last_date": [None],
        }
    )  # fmt: skip
    tables = {"graph_nodes": nodes, "graph_edges": edges}

    def read(name, columns):
        if name not in tables:
            raise InputError(name)
        return tables[name].select(columns or tables[name].column_names)

    with pytest.warns(RuntimeWarning, match="another Unicode form"):
        found = ego(read, "caf\xe9")
    assert found.node["node_id"] == "cafe\u0301"
    assert [row["payer_id"] for row in found.is_paid_by] == ["b"]
    with pytest.warns(RuntimeWarning, match="another Unicode form"):
        assert _find("caf\xe9", nodes["node_id"].combine_chunks()) == 0


def test_partners_that_are_not_listed_are_counted():
    rows = [
        {"payer_id": f"p{n}", "n_payments_365d": 1, "amount_365d_minor": 100, "currency": "CNY",
         "income_share": 0.1, "last_date": dt.date(2024, 1, 1)}
        for n in range(12)
    ]  # fmt: skip
    assert "2 more have less; --limit shows more" in str(
        _side("is paid by", rows, "payer_id", "income_share", 10).caption
    )
    assert _side("is paid by", rows, "payer_id", "income_share", 12).caption is None


def test_a_partner_in_two_currencies_is_one_party():
    """As the first line says, which counts parties: it was 2 payers there and "is paid by: 3"."""
    row = {"n_payments_365d": 1, "amount_365d_minor": 100, "income_share": 0.1,
           "last_date": dt.date(2024, 1, 1)}  # fmt: skip
    rows = [
        {**row, "payer_id": p, "currency": c} for p, c in (("a", "CNY"), ("a", "USD"), ("b", "CNY"))
    ]
    grid = _side("is paid by", rows, "payer_id", "income_share", 10)
    assert grid.title == "is paid by: 2"
    assert grid.row_count == 3
