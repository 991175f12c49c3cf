"""The preparation operations in pandas and Polars, as a good user of each would write them.

``CASES`` has {operation: {implementation: callable(columns)}}; every implementation gets its own
library's columns and gives its own back. ``qfb`` gets Arrow. What a peer has no operation for is
left out of its row. Working days are those of weekends here, the only ones that the peers know.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd
import polars as pl

from qfb_gpu import prepare

D = dt.date
FIRST, LAST = D(2023, 1, 1), D(2023, 12, 31)
LABELS = [("工资", "pay"), ("房租", "rent"), ("社保", "social")]
PATTERN = r"INV-(\d+)"
SPANS = [(D(2023, 1, 1), D(2023, 6, 30), "H1"), (D(2023, 7, 1), D(2023, 12, 31), "H2")]
TEXT = pl.col("memo").str


def _int(holds: Any, c: Any) -> Any:
    return holds.astype("Int8").mask(c.memo.isna())  # pandas says False of a null


def _first_label_pandas(c: Any) -> Any:
    found = pd.Series(None, index=c.index, dtype="str")
    for text, label in reversed(LABELS):
        found = found.mask(c.memo.str.contains(text, regex=False), label)
    return found


def _first_label_polars() -> Any:
    chain: Any = pl
    for text, label in LABELS:
        chain = chain.when(TEXT.contains(text, literal=True)).then(pl.lit(label))
    return chain.otherwise(None)


def _label_polars() -> Any:
    chain: Any = pl
    for first, last, label in SPANS:
        chain = chain.when(pl.col("day").is_between(first, last)).then(pl.lit(label))
    return chain.otherwise(None)


def _split_rows_pandas(c: Any) -> Any:
    return c[["id", "tags"]].assign(tags=c.tags.str.split("|")).explode("tags")


def _join_texts_pandas(c: Any) -> Any:
    pairs = c[["who", "kind"]].drop_duplicates().sort_values(["who", "kind"])
    return pairs.groupby("who", sort=True)["kind"].agg("、".join).reset_index()


def _asof_polars(c: Any) -> Any:
    left = c.select("id", "code", "day").sort("day")
    found = left.join_asof(
        c.rates.sort("since"), left_on="day", right_on="since", by="code", check_sortedness=False
    )
    return found.sort("id").get_column("rate")


def _asof_pandas(c: Any) -> Any:
    left = c[["id", "code", "day"]].sort_values("day")
    right = c.attrs["rates"].frame.sort_values("since")
    found = pd.merge_asof(left, right, left_on="day", right_on="since", by="code")
    return found.sort_values("id").rate


class Polars:
    """Columns and the two other tables, in Polars."""

    def __init__(self, frame: pl.DataFrame, names: pl.DataFrame, rates: pl.DataFrame) -> None:
        self.frame, self.names, self.rates = frame, names, rates

    def select(self, *what: Any) -> pl.DataFrame:
        """Return some columns."""
        return self.frame.select(*what)

    def get(self, expression: Any) -> pl.Series:
        """Return one column."""
        return self.frame.select(expression.alias("x")).get_column("x")


def _on(name: str, **settings: Any) -> Any:
    return lambda c: getattr(prepare, name)(c["memo"], **settings)


CASES: dict[str, dict[str, Any]] = {
    "clean_special (NFKC, zero width)": {
        "qfb": _on("clean_special", remove=["zero_width"], half_width=True),
        "pandas": lambda c: c.memo.str.normalize("NFKC").str.replace(
            "[\u200b\ufeff]", "", regex=True
        ),
        "polars": lambda c: c.get(TEXT.normalize("NFKC").str.replace_all("[\u200b\ufeff]", "")),
    },
    "show_zero": {
        "qfb": lambda c: prepare.show_zero(c["value"]).result,
        "pandas": lambda c: c.value.mask(
            c.value.isna() | (c.value < 0) | (c.value == float("inf")), 0.0
        ),
        "polars": lambda c: c.get(
            pl.when(
                pl.col("value").is_null() | (pl.col("value") < 0) | pl.col("value").is_infinite()
            )
            .then(0.0)
            .otherwise(pl.col("value"))
        ),
    },
    "strip_chars (characters)": {
        "qfb": _on("strip_chars", chars="*#"),
        "pandas": lambda c: c.memo.str.replace("[*#]", "", regex=True),
        "polars": lambda c: c.get(TEXT.replace_all("[*#]", "")),
    },
    "strip_chars (brackets)": {
        "qfb": _on("strip_chars", brackets=["【】"]),
        "pandas": lambda c: c.memo.str.replace("【[^】]*】", "", regex=True),
        "polars": lambda c: c.get(TEXT.replace_all("【[^】]*】", "")),
    },
    "duplicates (first in others)": {
        "qfb": lambda c: prepare.duplicates([c["code"], c["other"]], rule="first_in_others"),
        "pandas": lambda c: c.code.isin(c.other.dropna().unique()).astype("int8"),
        "polars": lambda c: c.get(
            pl.col("code").is_in(pl.col("other").drop_nulls().unique().implode()).cast(pl.Int8)
        ),
    },
    "duplicates (all equal)": {
        "qfb": lambda c: prepare.duplicates([c["code"], c["other"]], rule="all_equal"),
        "pandas": lambda c: (c.code == c.other).astype("int8"),
        "polars": lambda c: c.get((pl.col("code") == pl.col("other")).cast(pl.Int8)),
    },
    "count_text": {
        "qfb": _on("count_text", text="/"),
        "pandas": lambda c: c.memo.str.count("/"),
        "polars": lambda c: c.get(TEXT.count_matches("/", literal=True)),
    },
    "contains": {
        "qfb": _on("contains", text="房租"),
        "pandas": lambda c: _int(c.memo.str.contains("房租", regex=False), c),
        "polars": lambda c: c.get(TEXT.contains("房租", literal=True).cast(pl.Int8)),
    },
    "first_label": {
        "qfb": _on("first_label", labels=LABELS),
        "pandas": _first_label_pandas,
        "polars": lambda c: c.get(_first_label_polars()),
    },
    "match_pattern": {
        "qfb": _on("match_pattern", pattern=r"\d{3}】"),
        "pandas": lambda c: _int(c.memo.str.contains(r"[0-9]{3}】", regex=True), c),
        "polars": lambda c: c.get(TEXT.contains(r"[0-9]{3}】").cast(pl.Int8)),
    },
    "extract_pattern": {
        "qfb": _on("extract_pattern", pattern=PATTERN),
        "pandas": lambda c: c.memo.str.extract(PATTERN, expand=False),
        "polars": lambda c: c.get(TEXT.extract(r"INV-([0-9]+)", 1)),
    },
    "replace_pattern": {
        "qfb": _on("replace_pattern", pattern=r"\d+", replacement="#"),
        "pandas": lambda c: c.memo.str.replace(r"\d+", "#", regex=True),
        "polars": lambda c: c.get(TEXT.replace_all(r"[0-9]+", "#")),
    },
    "pick_date (earliest)": {
        "qfb": lambda c: prepare.pick_date(c["day"], c["due"], rule="earliest"),
        "pandas": lambda c: c[["day", "due"]].min(axis=1),
        "polars": lambda c: c.get(pl.min_horizontal("day", "due")),
    },
    "working_days (weekends)": {
        "qfb": lambda c: prepare.working_days(
            c["day"], c["later"], calendar="weekends", closed="left"
        ),
        "polars": lambda c: c.get(pl.business_day_count("day", "later")),
    },
    "month_end": {
        "qfb": lambda c: prepare.month_end(c["day"]),
        "pandas": lambda c: c.day + pd.offsets.MonthEnd(0),
        "polars": lambda c: c.get(pl.col("day").dt.month_end()),
    },
    "in_intervals": {
        "qfb": lambda c: prepare.in_intervals(c["day"], intervals=[(FIRST, LAST)]),
        "pandas": lambda c: c.day.between(pd.Timestamp(FIRST), pd.Timestamp(LAST)).astype("int8"),
        "polars": lambda c: c.get(pl.col("day").is_between(FIRST, LAST).cast(pl.Int8)),
    },
    "left": {
        "qfb": _on("left", n=5),
        "pandas": lambda c: c.memo.str[:5],
        "polars": lambda c: c.get(TEXT.head(5)),
    },
    "right": {
        "qfb": _on("right", n=5),
        "pandas": lambda c: c.memo.str[-5:],
        "polars": lambda c: c.get(TEXT.tail(5)),
    },
    "mid": {
        "qfb": _on("mid", start=3, n=7),
        "pandas": lambda c: c.memo.str[2:9],
        "polars": lambda c: c.get(TEXT.slice(2, 7)),
    },
    "cut": {
        "qfb": _on("cut", n=4),
        "pandas": lambda c: c.memo.str[4:],
        "polars": lambda c: c.get(TEXT.slice(4)),
    },
    "between": {
        "qfb": _on("between", start="【", end="】"),
        "pandas": lambda c: c.memo.str.extract("【([^】]*)】", expand=False),
        "polars": lambda c: c.get(TEXT.extract("【([^】]*)】", 1)),
    },
    "after (second)": {
        "qfb": _on("after", text="/", nth=2),
        "pandas": lambda c: c.memo.str.split("/", n=2).str[2],
        "polars": lambda c: c.get(TEXT.splitn("/", 3).struct.field("field_2")),
    },
    "join_columns": {
        "qfb": lambda c: prepare.join_columns([c["code"], c["memo"]], separator="-"),
        "pandas": lambda c: c.code.str.cat(c.memo, sep="-"),
        "polars": lambda c: c.get(pl.concat_str("code", "memo", separator="-")),
    },
    "split_columns": {
        "qfb": lambda c: prepare.split_columns(c["memo"], separator="/", n=3)[1],
        "pandas": lambda c: c.memo.str.split("/", n=2, expand=True)[1],
        "polars": lambda c: c.select(TEXT.splitn("/", 3)).unnest("memo").get_column("field_1"),
    },
    "split_rows": {
        "qfb": lambda c: prepare.split_rows(
            c.select(["id", "tags"]), column="tags", separator="|"
        ).result["tags"],
        "pandas": lambda c: _split_rows_pandas(c).tags,
        "polars": lambda c: (
            c.select("id", pl.col("tags").str.split("|")).explode("tags").get_column("tags")
        ),
    },
    "union_tables": {
        "qfb": lambda c: prepare.union_tables(
            [c.select(["id", "code"]), c.select(["id", "day"])]
        ).result["code"],
        "pandas": lambda c: pd.concat([c[["id", "code"]], c[["id", "day"]]]).code,
        "polars": lambda c: pl.concat(
            [c.select("id", "code"), c.select("id", "day")], how="diagonal"
        ).get_column("code"),
    },
    "lookup": {
        "qfb": lambda c: prepare.lookup(
            c.select(["id", "code"]), c.names, on=["code"], take=["name"]
        ).result["name"],
        "pandas": lambda c: (
            c[["id", "code"]].merge(c.attrs["names"].frame, on="code", how="left").name
        ),
        "polars": lambda c: (
            c.select("id", "code")
            .join(c.names, on="code", how="left", maintain_order="left")
            .get_column("name")
        ),
    },
    "lookup_asof": {
        "qfb": lambda c: prepare.lookup_asof(
            c.select(["id", "code", "day"]),
            c.rates,
            on=["code"],
            date="day",
            other_date="since",
            take=["rate"],
        ).result["rate"],
        "pandas": _asof_pandas,
        "polars": _asof_polars,
    },
    "join_texts": {
        "qfb": lambda c: prepare.join_texts(
            c.select(["who", "kind"]), by=["who"], column="kind"
        ).result["kind"],
        "pandas": lambda c: _join_texts_pandas(c).kind,
        "polars": lambda c: (
            c.select("who", "kind")
            .group_by("who")
            .agg(pl.col("kind").unique().sort().str.join("、"))
            .sort("who")
            .get_column("kind")
        ),
    },
    "label_intervals": {
        "qfb": lambda c: prepare.label_intervals(c["day"], intervals=SPANS),
        "polars": lambda c: c.get(_label_polars()),
    },
    "label_hours": {
        "qfb": lambda c: prepare.label_hours(c["time"], hours=[(22, 6, "night"), (6, 22, "day")]),
        "pandas": lambda c: c.time.dt.hour.between(6, 21).map({True: "day", False: "night"}),
        "polars": lambda c: c.get(
            pl.when(pl.col("time").dt.hour().is_between(6, 21))
            .then(pl.lit("day"))
            .otherwise(pl.lit("night"))
        ),
    },
    "label_period (month)": {
        "qfb": lambda c: prepare.label_period(c["day"], unit="month"),
        "pandas": lambda c: c.day.dt.strftime("%Y-%m"),
        "polars": lambda c: c.get(pl.col("day").dt.strftime("%Y-%m")),
    },
}
