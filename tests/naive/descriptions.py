"""Descriptions of memos, a character at a time."""

import unicodedata

from naive.text import hash_text

UNITS = "年度 年份 年 月份 月 日 号 季度 季 期数 期 周 次 笔 批".split()
COUNT = "〇零一二三四五六七八九十两"
CHINESE_MONTHS = "十一月 十二月 十月 一月 二月 三月 四月 五月 六月 七月 八月 九月".split()
MONTHS = {
    *"january february march april may june july august september".split(),
    *"october november december".split(),
    *"jan feb mar apr jun jul aug sep sept oct nov dec".split(),
}


def normalise(memo):
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", memo).casefold())
    text = without_chinese_dates(folded)
    out, run = [], ""
    for char in [*text, " "]:
        if char.isalnum() and char < "\u2e80":
            run += char
            continue
        out += [word_of(run)] if run else []
        run = ""
        out.append(char if char.isalnum() and not char.isdecimal() else " ")
    return " ".join("".join(out).split())


def word_of(run):
    letters = "".join(" " if char.isdecimal() else char for char in run).split()
    if len(letters) != 1 or letters[0] in MONTHS:
        return " "
    if letters[0] == run:
        return run
    at_an_end = run.startswith(letters[0]) or run.endswith(letters[0])
    return f" {letters[0]} " if at_an_end and len(letters[0]) > 2 else " "


def without_chinese_dates(text):
    out, i = "", 0
    while i < len(text):
        stop = ordinal_at(text, i)
        out += text[i] if stop == i else " "
        i = stop if stop > i else i + 1
    return out


def ordinal_at(text, i):
    """Return where a date or ordinal that begins at ``i`` ends; ``i`` where none begins."""
    j = i + 1 if text[i] == "第" else i
    j = digits = skip(text, j, str.isspace)
    j = skip(text, j, str.isdecimal)
    if j > digits:
        stop = unit_at(text, skip(text, j, str.isspace))
        if stop:
            return stop
    if text[i] == "第":
        j = skip(text, i + 1, lambda char: char in COUNT)
        if j > i + 1 and unit_at(text, j):
            return unit_at(text, j)
    for month in CHINESE_MONTHS:
        if text.startswith(month, i):
            stop = i + len(month)
            return stop + text.startswith("份", stop)
    return i


def skip(text, i, holds):
    while i < len(text) and holds(text[i]):
        i += 1
    return i


def unit_at(text, i):
    return next((i + len(unit) for unit in UNITS if text.startswith(unit, i)), None)


def key(description):
    return hash_text("\x1f" + description)
