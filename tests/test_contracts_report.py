"""The report's sections on contracts and payment terms."""

import deals_case
import pyarrow as pa
import pytest

from qfb_gpu.parts.contracts import CONTRACTS
from qfb_gpu.parts.payment_terms import PAYMENT_TERMS
from qfb_gpu.report.sections import contracts, payment_terms

SECTIONS = [contracts.CONTRACTS, payment_terms.PAYMENT_TERMS]
EVERY = pytest.mark.parametrize("section", SECTIONS, ids=lambda one: one.anchor)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    made = deals_case.portfolio(80, 2)
    folder = tmp_path_factory.mktemp("report")
    return deals_case.Night(folder, made, [CONTRACTS, PAYMENT_TERMS]).arrow


@EVERY
def test_a_section_shows_what_there_is(tables, section):
    page = section.draw(deals_case.reader(tables))
    assert f'id="{section.anchor}"' in page
    assert section.title_zh in page
    assert page.count("<table>") >= 1
    assert "nan" not in page.lower().replace("finance", "")
    assert "None" not in page.replace("None expected", "")


@EVERY
def test_a_section_without_rows_or_tables(tables, section):
    none = {name: table.slice(0, 0) for name, table in tables.items()}
    assert "Nothing to show" in section.draw(deals_case.reader(none))
    assert section.draw(deals_case.reader({})) is None


def test_texts_are_escaped(tables):
    ids = tables["contract_summary"]["contract_id"].to_pylist()
    bad = pa.array(["<script>" + one for one in ids])
    at = tables["contract_summary"].column_names.index("contract_id")
    forged = {
        **tables,
        "contract_summary": tables["contract_summary"].set_column(at, "contract_id", bad),
    }
    assert "<script>" not in contracts.CONTRACTS.draw(deals_case.reader(forged))


def test_only_intervals_known_is_said(tables):
    terms = tables["payment_terms"]
    bare = terms.filter(pa.compute.equal(terms["basis"].cast(pa.string()), "payments"))
    page = payment_terms.PAYMENT_TERMS.draw(deals_case.reader({**tables, "payment_terms": bare}))
    assert "only the intervals between payments are known" in page
