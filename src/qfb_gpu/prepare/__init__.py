"""Preparation of raw columns and tables: texts, dates, combinations, lookups, labels by time.

Every function takes a pandas, cuDF or Arrow column (or table) and gives the same kind back; null
in, null out unless it says otherwise. Those that count what they did return
:class:`~qfb_gpu.prepare.tables.Counted`. :mod:`qfb_gpu.prepare.recipe` runs them from a config.
"""

from __future__ import annotations

from qfb_gpu.prepare.combine import duplicates, join_columns, shared_values, split_columns
from qfb_gpu.prepare.dates import in_intervals, month_end, pick_date
from qfb_gpu.prepare.groups import group_texts, join_texts
from qfb_gpu.prepare.joins import join_tables
from qfb_gpu.prepare.lookups import lookup, lookup_asof, present_in
from qfb_gpu.prepare.parts import after, between, cut, left, mid, right
from qfb_gpu.prepare.patterns import extract_pattern, match_pattern, replace_pattern
from qfb_gpu.prepare.periods import label_445, label_hours, label_intervals, label_period
from qfb_gpu.prepare.rows import split_rows, union_tables
from qfb_gpu.prepare.shown import show_zero
from qfb_gpu.prepare.text import clean_special, contains, count_text, first_label, strip_chars
from qfb_gpu.prepare.workdays import working_days

__all__ = [
    "after",
    "between",
    "clean_special",
    "contains",
    "count_text",
    "cut",
    "duplicates",
    "extract_pattern",
    "first_label",
    "group_texts",
    "in_intervals",
    "join_columns",
    "join_tables",
    "join_texts",
    "label_445",
    "label_hours",
    "label_intervals",
    "label_period",
    "left",
    "lookup",
    "lookup_asof",
    "match_pattern",
    "mid",
    "month_end",
    "pick_date",
    "present_in",
    "replace_pattern",
    "right",
    "shared_values",
    "show_zero",
    "split_columns",
    "split_rows",
    "strip_chars",
    "union_tables",
    "working_days",
]
