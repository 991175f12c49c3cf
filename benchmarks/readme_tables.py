"""Write the speed tables of README.md from the newest results, between their markers.

python benchmarks/readme_tables.py            write
python benchmarks/readme_tables.py --check    exit 1 where README.md differs
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from device_bound_table import bound_table
from gpu_table import gpu_tables, newest_round
from incremental_table import incremental_table
from payment_steps_table import steps_table
from regular_table import regular_tables
from scale_table import scale_table

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
RESULTS = Path(__file__).parent / "results"
NAMES = {
    "qfb": "**qfb**, from its lake",
    "qfb from source": "qfb, ingest included",
    "pandas": "pandas + SciPy",
    "polars": "Polars + SciPy",
    "duckdb": "DuckDB + SciPy",
}
STAGES = ("read", "streams", "spectrum", "features", "write")
_HEAD = ("read", "streams", "FFT", "features", "write")
_MISSING = "–"


def newest(folder: Path, benchmark: str) -> dict[str, Any] | None:
    """Return the content of a benchmark's newest file that has runs, None where there is none.

    The others are its ``earlier``, newest first.
    """
    contents = [
        json.loads(path.read_text(encoding="utf-8")) for path in folder.glob(f"{benchmark}-*.json")
    ]
    contents = [content for content in contents if content["runs"]]
    contents.sort(key=lambda content: content["date"], reverse=True)
    return {**contents[0], "earlier": contents[1:]} if contents else None


def nightly_tables(results: dict[str, Any]) -> str:
    """Return the Markdown of the nightly benchmark: stages at one size, then growth.

    That of most implementations, then of most runs, then the largest.
    """
    sizes = _sizes_of(results, "qfb") or _sizes(results)

    def rank(size: int) -> tuple[int, int, int]:
        n_names = sum(bool(_runs(results, size, name)) for name in NAMES)
        return n_names, len(_runs(results, size, "qfb")), size

    size = max(sizes, key=rank)
    return "\n\n".join(
        part
        for part in (
            _introduction(results, size),
            _stage_table(results, size),
            _night_line(results, size),
            _growth_table(results),
        )
        if part
    )


def _introduction(results: dict[str, Any], size: int) -> str:
    machine, portfolio = results["hardware"], results["portfolios"][str(size)]
    runs = len([run for run in results["runs"] if run["size"] == size and run["name"] == "qfb"])
    changed = " and changes" if results["dirty"] else ""
    return (
        f"The same two tables (streams with their intervals and dominant period, eighteen features "
        f"a customer) from {portfolio['n_payments']:,} generated payments of "
        f"{portfolio['n_customers']:,} customers: seconds, median of {runs}, on "
        f"{machine['cores']} cores of {machine['processor']}, {machine['memory_gib']:.0f} GiB "
        f"({results['date'][:10]}, commit {results['commit'][:7]}{changed}). "
        "[What each row contains](docs/benchmarks.md)."
    )


def _stage_table(results: dict[str, Any], size: int) -> str:
    rows = []
    base = _median(results, size, "qfb", _stage_sum)
    for name, words in NAMES.items():
        total = _median(results, size, name, _stage_sum)
        cells = [_seconds(_median(results, size, name, _of_stage(stage))) for stage in STAGES]
        rows.append([words, *cells, *_summary(results, size, name, total, base)])
    head = ["", *_HEAD, "total", "payments/s", "times qfb", "peak GiB"]
    return _table(head, rows)


def _summary(
    results: dict[str, Any], size: int, name: str, total: float | None, base: float | None
) -> list[str]:
    if total is None:
        return [_failed(results, size, name), "", "", ""]
    n_payments = results["portfolios"][str(size)]["n_payments"]
    ratio = f"{total / base:.2f}" if base else _MISSING
    return [_seconds(total), f"{n_payments / total:,.0f}", ratio, _peak(results, size, name)]


def _night_line(results: dict[str, Any], size: int) -> str:
    wall = _median(results, size, "qfb run", _wall)
    if wall is None:
        return ""
    stages = next(r for r in _runs(results, size, "qfb run"))["seconds"]
    parts = ", ".join(
        f"{stage} {_seconds(_median(results, size, 'qfb run', _of_stage(stage)))}"
        for stage in stages
    )
    n_payments = results["portfolios"][str(size)]["n_payments"]
    return (
        f"The whole night, `qfb run`, on the same payments: **{_seconds(wall)} s** "
        f"({parts} s; {n_payments / wall:,.0f} payments/s), at most "
        f"{_peak(results, size, 'qfb run')} GiB over all its processes."
    )


def _growth_table(results: dict[str, Any]) -> str:
    columns = _growth_columns(results)
    if len(columns) < 2:
        return ""
    head = ["seconds per million, peak GiB"]
    for size, of in columns:
        millions = f"{of['portfolios'][str(size)]['n_payments'] / 1e6:.1f} million"
        head.append(millions if of is results else f"{millions} (commit {of['commit'][:7]})")
    rows = []
    for name, words in {"qfb run": "`qfb run`, the whole night", **NAMES}.items():
        cells = [_growth_cell(of, size, name) for size, of in columns]
        if any(cell != _MISSING for cell in cells):
            rows.append([words, *cells])
    return _table(head, rows)


def _growth_columns(results: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    """Return each size with the results it is from.

    Larger ones than the newest file has are of the newest earlier one of this machine that does.
    """
    found = dict.fromkeys(_sizes(results), results)
    largest = max(found)
    for earlier in results.get("earlier", []):
        larger = [size for size in _sizes_of(earlier, "qfb run") if size > largest]
        if larger and earlier["hardware"] == results["hardware"]:
            found |= dict.fromkeys(larger, earlier)
            break
    return sorted(found.items(), key=lambda item: item[0])


def _growth_cell(results: dict[str, Any], size: int, name: str) -> str:
    value = _wall if name == "qfb run" else _stage_sum
    seconds = _median(results, size, name, value)
    if seconds is None:
        return _failed(results, size, name)
    millions = results["portfolios"][str(size)]["n_payments"] / 1e6
    return f"{seconds / millions:.2f} s, {_peak(results, size, name)}"


def _wall(run: dict[str, Any]) -> float:
    seconds: float = run["wall_seconds"]
    return seconds


def _runs(results: dict[str, Any], size: int, name: str) -> list[dict[str, Any]]:
    return [
        run
        for run in results["runs"]
        if run["size"] == size and run["name"] == name and "failed" not in run
    ]


def _sizes(results: dict[str, Any]) -> list[int]:
    return sorted({run["size"] for run in results["runs"]})


def _sizes_of(results: dict[str, Any], name: str) -> list[int]:
    return [size for size in _sizes(results) if _runs(results, size, name)]


def _failed(results: dict[str, Any], size: int, name: str) -> str:
    tried = [run for run in results["runs"] if run["size"] == size and run["name"] == name]
    return "failed" if tried else _MISSING


def _median(results: dict[str, Any], size: int, name: str, value: Any) -> float | None:
    runs = _runs(results, size, name)
    return statistics.median(value(run) for run in runs) if runs else None


def _of_stage(stage: str) -> Any:
    return lambda run: run["seconds"][stage] + (_ingest(run) if stage == "read" else 0.0)


def _stage_sum(run: dict[str, Any]) -> float:
    return _ingest(run) + sum(run["seconds"][stage] for stage in STAGES)


def _ingest(run: dict[str, Any]) -> float:
    """Return the seconds of making a lake first, which count as reading; 0 where none is made."""
    seconds: float = run["seconds"].get("ingest", 0.0)
    return seconds


def _peak(results: dict[str, Any], size: int, name: str) -> str:
    peak = _median(results, size, name, lambda run: run["peak_bytes"])
    return _MISSING if peak is None else f"{peak / 2**30:.2f}"


def _seconds(seconds: float | None) -> str:
    return _MISSING if seconds is None else f"{seconds:.2f}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    ruler = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ruler, *rows])


def between_markers(text: str, name: str, content: str) -> str:
    """Return ``text`` with ``content`` between the markers ``benchmark:name``.

    Raises
    ------
    ValueError
        The markers are not there, once each and in order.
    """
    start, end = f"<!-- benchmark:{name} -->", f"<!-- /benchmark:{name} -->"
    pattern = re.compile(re.escape(start) + ".*?" + re.escape(end), re.DOTALL)
    if len(pattern.findall(text)) != 1:
        msg = f"expected one '{start}' and one '{end}' after it; add them where the table goes"
        raise ValueError(msg)
    return pattern.sub(lambda _: f"{start}\n{content}\n{end}", text)


PAGES: dict[str, dict[str, Callable[[dict[str, Any]], str]]] = {
    "README.md": {
        "nightly": nightly_tables,
        "regular_payments": regular_tables,
        "payment_steps": steps_table,
    },
    "docs/scale.md": {
        "scale_model": scale_table,
        "device_bound": bound_table,
    },
    "docs/update.md": {"incremental": incremental_table},
}
"""Page to benchmark to what makes its table."""
GPU_ROUND = "gpu_round"
GPU_MARK = f"<!-- benchmark:{GPU_ROUND} -->"
"""On whatever page: its table says so where there are no results."""


def written(text: str, folder: Path, page: str = "README.md") -> str:
    """Return a page's text with every table that there are results for."""
    for name, make in PAGES[page].items():
        if (results := newest(folder, name)) is not None:
            text = between_markers(text, name, make(results))
    if GPU_MARK in text:
        text = between_markers(text, GPU_ROUND, gpu_tables(newest_round(folder)))
    return text


def main(arguments: list[str]) -> int:
    """Write the pages, or check them."""
    differ = 0
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        new = written(text, RESULTS, page)
        differ += new != text
        if "--check" not in arguments:
            (ROOT / page).write_text(new, encoding="utf-8")
    return int(differ > 0 and "--check" in arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
