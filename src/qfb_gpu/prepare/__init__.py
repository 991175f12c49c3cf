"""Preparation of raw columns: texts, dates, combinations, labels by time.

Every function takes a pandas, cuDF or Arrow column and gives the same kind back; null in, null
out unless it says otherwise. All of them work in host memory, over Arrow and NumPy, and on the
distinct values of a text column, so an answer cannot depend on the library of the column; ones
that stay on the GPU are a later step. :mod:`qfb_gpu.prepare.recipe` runs them from a config.
"""

from __future__ import annotations

from qfb_gpu.prepare.combine import duplicates, join_columns, split_columns
from qfb_gpu.prepare.dates import in_intervals, month_end, pick_date
from qfb_gpu.prepare.parts import after, between, cut, left, mid, right
from qfb_gpu.prepare.periods import label_445, label_hours, label_intervals, label_period
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
    "first_label",
    "in_intervals",
    "join_columns",
    "label_445",
    "label_hours",
    "label_intervals",
    "label_period",
    "left",
    "mid",
    "month_end",
    "pick_date",
    "right",
    "split_columns",
    "strip_chars",
    "working_days",
]
