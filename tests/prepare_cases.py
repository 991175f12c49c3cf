"""The golden table of the preparation operations: tests run it, docs/preparation.md shows it.

A text case is (operation, text, settings, expected). A column case is (operation, columns,
settings, expected column). A table case is (operation, tables, settings, expected table, counts);
tables are dictionaries of lists.
"""

from __future__ import annotations

import datetime as dt

D = dt.date

TEXTS = [
    # T1 special characters
    ("clean_special", "a\x00b\x1bc\td", {"remove": ["control"]}, "abc\td"),
    ("clean_special", "a\u200bb\ufeffc\u00add", {"remove": ["zero_width"]}, "abcd"),
    ("clean_special", "ＡＢ１２（中）①", {"remove": [], "half_width": True}, "AB12(中)1"),
    (
        "clean_special",
        "ok 👍🏽 👨\u200d👩\u200d👧 1\ufe0f\u20e3 #1",
        {"remove": ["emoji"]},
        "ok   1 #1",
    ),
    ("clean_special", "ক্\u200dষ", {"remove": ["emoji"]}, "ক্\u200dষ"),  # joins letters
    ("clean_special", "a，b.c—d", {"remove": ["cjk_punctuation"]}, "ab.c—d"),
    ("clean_special", "a，b.c—d", {"remove": ["ascii_punctuation"]}, "a，bc—d"),
    ("clean_special", "a，b.c—d", {"remove": ["punctuation"]}, "abcd"),
    ("clean_special", "¥5+€6 ok", {"remove": ["symbol", "whitespace"]}, "56ok"),
    ("clean_special", "！？", {"remove": ["ascii_punctuation"], "half_width": True}, ""),
    ("clean_special", None, {"remove": ["control"]}, None),
    # T3 characters and bracket pairs
    ("strip_chars", "*#ab*", {"chars": "*#"}, "ab"),
    ("strip_chars", "工资【2024年1月】款", {"brackets": ["【】"]}, "工资款"),
    ("strip_chars", "a(b(c)d)e", {"brackets": ["()"]}, "ae"),
    ("strip_chars", "a(b", {"brackets": ["()"]}, "a(b"),
    ("strip_chars", "a)b(c)", {"brackets": ["()"]}, "a)b"),
    ("strip_chars", "((a)", {"brackets": ["()"]}, "("),
    ("strip_chars", "(a【b)c】", {"brackets": ["()", "【】"]}, "c】"),
    ("strip_chars", "a^]b", {"chars": "^]"}, "ab"),
    # D1 count
    ("count_text", "a-b-c", {"text": "-"}, 2),
    ("count_text", "aaaa", {"text": "aa"}, 2),
    ("count_text", "aAá", {"text": "A", "ignore_case": True}, 2),
    ("count_text", "", {"text": "a"}, 0),
    ("count_text", None, {"text": "a"}, None),
    # D2 contains
    ("contains", "代发工资", {"text": "工资"}, 1),
    ("contains", "rent", {"text": "RENT"}, 0),
    ("contains", "rent", {"text": "RENT", "ignore_case": True}, 1),
    ("contains", "a.b", {"text": "a?b"}, 0),
    ("contains", None, {"text": "x"}, None),
    ("first_label", "社保和工资", {"labels": [("工资", "pay"), ("社保", "social")]}, "pay"),
    ("first_label", "other", {"labels": [("工资", "pay")]}, None),
    ("first_label", "other", {"labels": [("工资", "pay")], "default": "rest"}, "rest"),
    ("first_label", None, {"labels": [("工资", "pay")], "default": "rest"}, None),
    # D3 regular expressions
    ("match_pattern", "INV-001", {"pattern": r"^[A-Z]+-\d{3}$"}, 1),
    ("match_pattern", "INV-001\n", {"pattern": r"^[A-Z]+-\d{3}$"}, 0),
    ("match_pattern", "inv-001", {"pattern": r"INV", "ignore_case": True}, 1),
    ("match_pattern", "٣", {"pattern": r"\d"}, 0),  # a digit, but no ASCII one
    ("match_pattern", None, {"pattern": r"\d"}, None),
    ("extract_pattern", "付款 INV-001/房租", {"pattern": r"INV-(\d+)"}, "001"),
    ("extract_pattern", "房租2024年1月", {"pattern": r"\d+年\d+月"}, "2024年1月"),
    ("extract_pattern", "房租", {"pattern": r"\d+"}, None),
    ("replace_pattern", "房租2024年1月", {"pattern": r"\d+", "replacement": "#"}, "房租#年#月"),
    (
        "replace_pattern",
        "a1b2",
        {"pattern": r"([a-z])(\d)", "replacement": r"\2\1"},
        "1a2b",
    ),
    # I1 left, mid, right
    ("left", "中文abc", {"n": 3}, "中文a"),
    ("left", "ab", {"n": 3}, "ab"),
    ("right", "中文abc", {"n": 4}, "文abc"),
    ("right", "abc", {"n": 0}, ""),
    ("mid", "abcdef", {"start": 2, "n": 3}, "bcd"),
    ("mid", "abcdef", {"start": -2, "n": 3}, "ef"),
    ("mid", "abc", {"start": -5, "n": 2}, "ab"),
    ("mid", "abc", {"start": 5, "n": 2}, ""),
    ("mid", None, {"start": 5, "n": 2}, None),
    # I3 cut
    ("cut", "INV-001", {"n": 4}, "001"),
    ("cut", "12.00元", {"n": 1, "side": "right"}, "12.00"),
    ("cut", "ab", {"n": 3, "side": "right"}, ""),
    ("cut", "ab", {"n": 0, "side": "right"}, "ab"),
    # I7 between
    ("between", "a[b]c[d]", {"start": "[", "end": "]"}, "b"),
    ("between", "a[b]c[d]", {"start": "[", "end": "]", "nth": -1}, "d"),
    ("between", "a[b]c[d]", {"start": "[", "end": "]", "nth": 3}, None),
    ("between", "a|b|c", {"start": "|", "end": "|"}, "b"),
    ("between", "key=value", {"start": "=", "end": ""}, "value"),
    ("between", "key=value", {"start": "", "end": "="}, "key"),
    ("between", "a[b", {"start": "[", "end": "]"}, None),
    ("between", "[]", {"start": "[", "end": "]"}, ""),
    # I8 after
    ("after", "a/b/c/d", {"text": "/", "nth": 2}, "c/d"),
    ("after", "a/b/c/d", {"text": "/", "nth": -1}, "d"),
    ("after", "a/b/c/d", {"text": "/", "nth": -3}, "b/c/d"),
    ("after", "a/b/c/d", {"text": "/", "nth": 4}, None),
    ("after", "a/", {"text": "/"}, ""),
    ("after", None, {"text": "/"}, None),
]

_SPRING = [(D(2024, 1, 1), D(2024, 3, 31))]
_DAYS = ["2024-02-09", "2024-02-18", "2024-02-18", None]
_ENDS = ["2024-02-18", "2024-02-09", "2024-02-18", "2024-02-18"]

COLUMNS = [
    # T2 shown as 0: the raw column stays
    ("show_zero", [["1.50", "-3", "∞", "-inf", None, " ", "n/a"]], {},
     ["1.50", "0", "0", "0", "0", "0", "n/a"]),
    ("show_zero", [["1.50", "-3", "∞", None]], {"negative": False, "null": False},
     ["1.50", "-3", "0", None]),
    ("show_zero", [[1.5, -3.0, float("inf"), float("nan"), None]], {}, [1.5, 0.0, 0.0, 0.0, 0.0]),
    # T4 duplicates across columns
    ("duplicates", [[["a", "b", None], ["b", "x", "y"]]], {"rule": "first_in_others"},
     [0, 1, None]),
    ("duplicates", [[["a", "b", None], ["a", "x", "y"]]], {"rule": "all_equal"}, [1, 0, None]),
    ("duplicates", [[["a", "b", None], ["x", "x", "y"], ["a", None, None]]],
     {"rule": "two_equal"}, [1, 0, None]),
    ("shared_values", [[["b", "a", "a", None], ["a", "c"], ["c", "b"]]], {"at_least": 2},
     ["a", "b", "c"]),
    ("present_in", [["a", "b", None], ["b", None]], {}, [0, 1, None]),
    # D4 one of two dates
    ("pick_date", [["2024-01-02", None, None], ["2024-01-01", "2024-01-05", None]],
     {"rule": "first"}, [D(2024, 1, 2), D(2024, 1, 5), None]),
    ("pick_date", [["2024-01-02", None], ["2024-01-01", "2024-01-05"]], {"rule": "earliest"},
     [D(2024, 1, 1), D(2024, 1, 5)]),
    ("pick_date", [["2024-01-02", None], ["2024-01-01", "2024-01-05"]], {"rule": "latest"},
     [D(2024, 1, 2), D(2024, 1, 5)]),
    ("pick_date", [["2024-01-02"] * 3, ["2024-01-01"] * 3, ["paid", "open", None]],
     {"rule": "condition", "values": ["paid"]}, [D(2024, 1, 2), D(2024, 1, 1), None]),
    # D5 working days: 9 February worked, New Year 10-17, Sunday 18 made up (调休)
    ("working_days", [_DAYS, _ENDS], {}, [2, -2, 1, None]),
    ("working_days", [_DAYS, _ENDS], {"closed": "left"}, [1, -1, 0, None]),
    ("working_days", [_DAYS, _ENDS], {"calendar": "weekends"}, [6, -6, 0, None]),
    ("working_days", [["2024-10-01"] * 3, ["2024-10-01"] * 3], {"calendar": ["CN", "DE", None]},
     [0, 1, None]),
    # D6 month end
    ("month_end", [["2024-02-10", "2023-12-31", None]], {},
     [D(2024, 2, 29), D(2023, 12, 31), None]),
    ("month_end", [["2024-01-31", "2024-03-31"]], {"months": -1},
     [D(2023, 12, 31), D(2024, 2, 29)]),
    # D7 within intervals
    ("in_intervals", [["2023-12-31", "2024-01-01", "2024-03-31", None]],
     {"intervals": _SPRING}, [0, 1, 1, None]),
    ("in_intervals", [["2024-01-01", "2024-02-01", "2024-03-31"]],
     {"intervals": _SPRING, "closed": "left"}, [1, 1, 0]),
    # I4 split into columns, I6 join columns
    ("split_columns", [["a-b-c", "a", None]], {"separator": "-", "n": 2},
     [["a", "a", None], ["b-c", None, None]]),
    ("join_columns", [[["a", "b", None], ["x", None, None]]], {"separator": "-"},
     ["a-x", None, None]),
    ("join_columns", [[["a", "b", None], ["x", None, None]]], {"separator": "-", "nulls": "skip"},
     ["a-x", "b", None]),
    ("join_columns", [[["a", "b", None], ["x", None, None]]],
     {"separator": "-", "nulls": "replace", "replacement": "?"}, ["a-x", "b-?", "?-?"]),
    # I9 texts of a group
    ("group_texts", [["b", "a", "b", None, "c"], [["g", "g", "g", "h", "g"]]], {},
     ["a、b、c", "a、b、c", "a、b、c", None, "a、b、c"]),
    ("group_texts", [["b", "a", "b", "c"], [["g", "g", "g", "g"]]],
     {"order": "count", "separator": "|", "max_length": 3}, ["b|a…"] * 4),
    ("group_texts", [["b", "a", "b"], [["g", "g", "g"]], ["2024-03-01", "2024-02-01", "2024-01-01"]],
     {"order": "first"}, ["b、a"] * 3),
    # G1 labels by time
    ("label_intervals", [["2024-02-01", "2024-07-01", "2025-01-01", None]],
     {"intervals": [(D(2024, 1, 1), D(2024, 6, 30), "H1"), (D(2024, 7, 1), D(2024, 12, 31), "H2")],
      "default": "later"}, ["H1", "H2", "later", None]),
    ("label_hours", [["2024-01-01 05:59:59", "2024-01-01 06:00:00", "2024-01-01 22:00:00", None]],
     {"hours": [(22, 6, "night"), (6, 22, "day")]}, ["night", "day", "night", None]),
    ("label_period", [["2024-03-31", None]], {"unit": "quarter"}, ["2024-Q1", None]),
    ("label_445", [["2022-12-31", "2023-01-28", "2023-12-29", "2024-01-01"]],
     {"starts": [D(2022, 12, 31), D(2023, 12, 30)]},
     ["2023-P01", "2023-P02", "2023-P12", None]),
]  # fmt: skip

_PAID = {"id": [1, 2, 3, 4], "code": ["A", "Z", None, "B"], "day": ["2024-01-15"] * 4}
_NAMES = {"code": ["A", "B", "B"], "name": ["Alpha", "Beta", "Bravo"],
          "since": ["2024-01-01", "2023-01-01", "2024-01-15"]}  # fmt: skip

TABLES = [
    # I2 union and join
    ("union_tables", [{"a": [1, 2], "b": ["x", None]}, {"c": [D(2024, 1, 1)], "a": [1.5]}], {},
     {"a": [1.0, 2.0, 1.5], "b": ["x", None, None], "c": [None, None, D(2024, 1, 1)]},
     {"rows": 3, "filled with null": 3, "columns left out": 0}),
    ("union_tables", [{"a": [1], "b": ["x"]}, {"a": [2]}], {"columns": "common", "source": "file"},
     {"a": [1, 2], "file": [0, 1]}, {"rows": 2, "filled with null": 0, "columns left out": 1}),
    ("join_tables", [{"k": ["a", "b"], "v": [1, 2]}, {"k": ["a", "c"], "v": [5, 6]}],
     {"on": ["k"], "how": "outer"},
     {"k": ["a", "b", "c"], "v": [1, 2, None], "v_other": [5, None, 6]},
     {"matched": 1, "unmatched": 1, "without a key": 0, "only in the other": 1}),
    ("join_tables", [{"k": ["a", "b"], "v": [1, 2]}, {"k": ["a", "a"], "w": [5, 6]}],
     {"on": ["k"], "how": "inner", "cardinality": "many"},
     {"k": ["a", "a"], "v": [1, 1], "w": [5, 6]},
     {"matched": 1, "unmatched": 1, "without a key": 0, "matched several": 1}),
    # I4 split into rows
    ("split_rows", [{"id": [1, 2, 3], "tags": ["x|y", "", None]}],
     {"column": "tags", "separator": "|", "place": "n"},
     {"id": [1, 1, 2, 3], "tags": ["x", "y", "", None], "n": [1, 2, 1, 1]}, {"rows added": 1}),
    # I5 lookup
    ("lookup", [{"id": [1, 2, 3], "code": ["A", "Z", None]}, {"code": ["A", "B"], "name": ["Alpha", "Beta"]}],
     {"on": ["code"], "take": ["name"]},
     {"id": [1, 2, 3], "code": ["A", "Z", None], "name": ["Alpha", None, None]},
     {"matched": 1, "unmatched": 1, "without a key": 1}),
    ("lookup", [_PAID, _NAMES], {"on": ["code"], "take": ["name"], "cardinality": "many", "unmatched": "drop"},
     {"id": [1, 4, 4], "code": ["A", "B", "B"], "day": ["2024-01-15"] * 3, "name": ["Alpha", "Beta", "Bravo"]},
     {"matched": 2, "unmatched": 1, "without a key": 1, "matched several": 1}),
    ("lookup_asof", [_PAID, _NAMES],
     {"on": ["code"], "date": "day", "other_date": "since", "take": ["name"]},
     {**_PAID, "name": ["Alpha", None, None, "Bravo"]},
     {"matched": 2, "unmatched": 1, "without a key": 1}),
    # I9 texts of a group
    ("join_texts", [{"who": ["c1", "c1", "c2", "c1"], "memo": ["rent", "pay", None, "rent"]}],
     {"by": ["who"], "column": "memo", "order": "count"},
     {"who": ["c1", "c2"], "memo": ["rent、pay", None], "n_texts": [2, 0]},
     {"groups": 2, "shortened": 0, "texts left out": 0}),
]  # fmt: skip
