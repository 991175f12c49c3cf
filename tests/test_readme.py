"""The figures in README.md are those of the newest results, and of nothing else."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from readme_tables import PAGES, between_markers, newest, nightly_tables, written  # noqa: E402

STAGES = ("read", "streams", "spectrum", "features", "write")


def results(sizes=(1_000_000, 3_000_000)):
    runs = []
    for size in sizes:
        for name, seconds in {"qfb": 0.1, "pandas": 0.4, "polars": 0.05}.items():
            for repeat in (1.0, 3.0, 1.2):
                stages = dict.fromkeys(STAGES, seconds * repeat * size / 1000000.0)
                runs.append({"size": size, "name": name, "seconds": stages, "peak_bytes": 2**30})
        made = {"ingest": 2.0, **dict.fromkeys(STAGES, 0.12)}
        runs.append({"size": size, "name": "qfb from source", "seconds": made, "peak_bytes": 2**31})
        runs.append({"size": size, "name": "duckdb", "failed": "out of memory"})
        night = {"ingest": 2.0, "score": 6.0}
        runs.append(
            {"size": size, "name": "qfb run", "seconds": night, "wall_seconds": 10.0,
             "peak_bytes": 3 * 2**30}
        )  # fmt: skip
    return {
        "hardware": {"cores": 2, "processor": "Test CPU", "memory_gib": 23.4},
        "portfolios": {
            str(size): {"n_payments": size, "n_customers": size // 400} for size in sizes
        },
        "date": "2026-11-24T03:00:00+00:00",
        "commit": "0123456789abcdef",
        "dirty": False,
        "runs": runs,
    }


def row(text, start):
    line = next(line for line in text.splitlines() if line.startswith(f"| {start} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_tables_show_medians_ratios_failures_and_growth():
    text = nightly_tables(results())
    assert "from 3,000,000 generated payments of 7,500 customers" in text
    assert "median of 3, on 2 cores of Test CPU, 23 GiB (2026-11-24, commit 0123456)" in text
    assert row(text, "**qfb**, from its lake")[1:7] == ["0.36"] * 5 + ["1.80"]
    pandas = [line for line in text.splitlines() if line.startswith("| pandas + SciPy")]
    assert pandas[0].split("|")[7:11] == [" 7.20 ", " 416,667 ", " 4.00 ", " 1.00 "]
    assert pandas[1].split("|")[2:4] == [" 2.40 s, 1.00 ", " 2.40 s, 1.00 "]
    polars = next(line for line in text.splitlines() if line.startswith("| Polars + SciPy"))
    assert " 0.50 " in polars  # a peer that is faster stays, with its ratio
    assert sum("failed" in line for line in text.splitlines()) == 2
    with_ingest = row(text, "qfb, ingest included")
    assert with_ingest[1:3] + with_ingest[6:] == [
        "2.12",
        "0.12",
        "2.60",
        "1,153,846",
        "1.44",
        "2.00",
    ]
    assert "**10.00 s** (ingest 2.00, score 6.00 s; 300,000 payments/s), at most 3.00 GiB" in text
    assert row(text, "`qfb run`, the whole night")[1:] == ["10.00 s, 3.00", "3.33 s, 3.00"]


def test_one_size_has_no_growth_table():
    assert "whole night |" not in nightly_tables(results(sizes=(1_000_000,)))


def test_larger_sizes_of_an_earlier_file_are_shown_with_its_commit():
    of_now, earlier = results(sizes=(1_000_000,)), results(sizes=(1_000_000, 100_000_000))
    other = {**results(sizes=(200_000_000,)), "hardware": {"cores": 64}}
    earlier["commit"] = "fedcba9876543210"
    text = nightly_tables({**of_now, "earlier": [other, earlier]})
    head = "| seconds per million, peak GiB | 1.0 million | 100.0 million (commit fedcba9) |"
    assert head in text
    assert row(text, "`qfb run`, the whole night")[1:] == ["10.00 s, 3.00", "0.10 s, 3.00"]


def test_markers_are_asked_for():
    with pytest.raises(ValueError, match="<!-- benchmark:nightly -->"):
        between_markers("no markers", "nightly", "x")
    text = "a\n<!-- benchmark:nightly -->\nold\n<!-- /benchmark:nightly -->\nb"
    once = between_markers(text, "nightly", "new")
    assert once == text.replace("old", "new")
    assert between_markers(once, "nightly", "new") == once


@pytest.mark.parametrize("page", PAGES)
def test_pages_have_the_figures_of_the_newest_results(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    folder = ROOT / "benchmarks" / "results"
    assert written(text, folder, page) == text, "run: python benchmarks/readme_tables.py"
    for name in PAGES[page]:
        if newest(folder, name) is None:
            between = re.search(rf"<!-- benchmark:{name} -->(.*?)<!-- /", text, re.DOTALL)
            assert between is not None
            assert between.group(1).strip() == "", "figures without results: remove them"
