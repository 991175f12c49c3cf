"""Kernels of texts: the CUDA launchers in the simulator against slow references."""

from itertools import pairwise

import numpy as np
import pytest
from naive import prepare as naive
from simulate import launch

from qfb_kernels import characters, spans, workdays

TEXTS = [
    "",
    "a",
    "中文abc中",
    "a【b】c【d】",
    "((x)y",
    "bbbb",
    "1👍2",
    "x👨\u200d👩",
    "ক\u200dষ",
    "end/",
]


def layout(texts):
    encoded = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.int32)
    return np.frombuffer(b"".join(encoded), np.uint8), offsets


def wanted(text):
    return np.frombuffer(text.encode(), np.uint8)


def parts(data, first, last):
    return [
        None if a < 0 else bytes(data[a:b]).decode()
        for a, b in zip(first.tolist(), last.tolist(), strict=True)
    ]


def spans_of(kernel, *arguments):
    data, offsets = layout(TEXTS)
    first, last = (np.full(len(TEXTS), -9, np.int32) for _ in range(2))
    launch(kernel, len(TEXTS), data, offsets, *arguments, first, last)
    return data, first, last


@pytest.mark.cudasim
@pytest.mark.parametrize(("start", "n", "drop"), [(0, 2, 0), (1, 9, 0), (-2, 3, 0), (0, 9, 1)])
def test_places(start, n, drop):
    found = parts(*spans_of(spans.place_gpu, start, n, drop))
    expected = []
    for text in TEXTS:
        whole = text[: max(len(text) - drop, 0)]
        expected.append(naive.mid(whole, start + 1 if start >= 0 else start, n))
    assert found == expected


@pytest.mark.cudasim
@pytest.mark.parametrize("nth", [1, 2, -1, -2])
def test_parts_between_and_after(nth):
    found = parts(*spans_of(spans.between_gpu, wanted("【"), wanted("】"), nth))
    assert found == [naive.between(text, "【", "】", nth) for text in TEXTS]
    found = parts(*spans_of(spans.after_gpu, wanted("b"), nth))
    assert found == [naive.after(text, "b", nth) for text in TEXTS]


@pytest.mark.cudasim
def test_counts_and_copies():
    data, offsets = layout(TEXTS)
    counts = np.full(len(TEXTS), -1, np.int32)
    launch(spans.count_gpu, len(TEXTS), data, offsets, wanted("bb"), counts)
    assert counts.tolist() == [text.count("bb") for text in TEXTS]
    words = ["中文", "bb", "b"]
    ends = np.array([0, 6, 8, 9], np.int32)
    launch(spans.first_gpu, len(TEXTS), data, offsets, wanted("".join(words)), ends, counts)
    assert counts.tolist() == [
        next((n for n, word in enumerate(words) if word in text), 3) for text in TEXTS
    ]
    data, first, last = spans_of(spans.place_gpu, 1, 2, 0)
    to = np.concatenate([[0], np.cumsum(last - first)]).astype(np.int32)
    out = np.zeros(to[-1], np.uint8)
    launch(spans.copy_gpu, len(TEXTS), data, first, last, to, out)
    assert bytes(out).decode() == "".join(text[1:3] for text in TEXTS)


@pytest.mark.cudasim
@pytest.mark.parametrize("brackets", [[], ["()", "【】"]])
def test_characters(brackets):
    data, offsets = layout(TEXTS)
    seen = np.zeros(0x110000, np.uint8)
    launch(characters.seen_gpu, len(TEXTS), data, offsets, seen)
    assert {chr(point) for point in np.flatnonzero(seen)} == set("".join(TEXTS))
    verdict = np.zeros(0x110000, np.uint8)
    for char in "👍👨👩":
        verdict[ord(char)] = characters.GOES | characters.EMOJI
    pairs = np.zeros((len(brackets), 10), np.uint8)
    for pair, sides in zip(pairs, brackets, strict=True):
        for n, side in enumerate(sides):
            pair[n] = len(side.encode())
            pair[2 + 4 * n : 2 + 4 * n + pair[n]] = wanted(side)
    lead = np.ones(256, np.uint8)
    lead[0x80:0xC0] = 0  # no character begins so
    keep, opened = np.zeros(len(data), np.uint8), np.zeros(len(data), np.int32)
    length = np.zeros(len(TEXTS), np.int32)
    launch(
        characters.strip_gpu,
        len(TEXTS),
        data,
        offsets,
        pairs,
        verdict,
        lead,
        1,
        keep,
        opened,
        length,
    )  # fmt: skip, data, offsets, pairs, verdict, 1, keep, opened, length)
    to = np.concatenate([[0], np.cumsum(length)]).astype(np.int32)
    out = np.zeros(to[-1], np.uint8)
    launch(characters.pack_gpu, len(TEXTS), data, offsets, keep, to, out)
    texts = [text.replace("👨\u200d👩", "") for text in TEXTS]
    expected = [naive.strip_chars(text, "👍", brackets) for text in texts]
    found = [bytes(out[a:b]).decode() for a, b in pairwise(to)]
    assert found == expected


@pytest.mark.cudasim
@pytest.mark.parametrize("closed", [0, 1])
def test_working_days_of_two_calendars(closed):
    works = [[1, 1, 0, 1, 1, 0, 1], [0, 1, 1, 1]]  # from day 10 and from day 12
    first, known = np.array([10, 12]), np.array([[10, 16], [12, 15]])
    before = np.concatenate([np.cumsum([0, *days]) for days in works]).astype(np.int32)
    offsets = np.array([0, 8, 13])
    rows = [(10, 16, 0), (16, 10, 0), (12, 12, 0), (12, 15, 1), (11, 13, 1), (13, 17, 0),
            (workdays.NULL_DAY, 12, 0), (12, 12, -1)]  # fmt: skip
    start, end, calendar = (np.array(c, np.int32) for c in zip(*rows, strict=True))
    out, status = np.full(len(rows), -9, np.int32), np.full(len(rows), -9, np.int8)
    launch(workdays.working_days_gpu, len(rows), start, end, calendar, first, known, offsets,
           before, closed, out, status)  # fmt: skip
    for row, (begin, stop, number) in enumerate(rows):
        is_null = number < 0 or begin == workdays.NULL_DAY
        if is_null or min(begin, stop) < known[number, 0] or max(begin, stop) > known[number, 1]:
            assert status[row] == (workdays.NULL if is_null else workdays.OUTSIDE)
            continue
        days = range(min(begin, stop), max(begin, stop) + closed)
        n_days = sum(works[number][day - first[number]] for day in days)
        assert (status[row], out[row]) == (workdays.OK, n_days if stop >= begin else -n_days)
