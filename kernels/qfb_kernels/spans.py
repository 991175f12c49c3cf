"""Parts of texts as spans of bytes: by place, between delimiters, after an occurrence.

Texts are laid out as in :mod:`qfb_kernels.text`; a text that is searched for is bytes, too: UTF-8
never holds a character inside another, so places of bytes are places of characters. A span is
``data[first:last]``; ``first`` is -1 where there is none.
The host launchers are serial and let other threads run: callers give each its batch.
"""

from __future__ import annotations

from numba import cuda, njit

from qfb_kernels.twin import twin


def _forward(data, pos, stop, n):
    """Return where the character begins that is ``n`` characters later."""
    while n > 0 and pos < stop:
        pos += 1
        while pos < stop and (int(data[pos]) & 0xC0) == 0x80:
            pos += 1
        n -= 1
    return pos


def _backward(data, start, pos, n):
    """Return where the character begins that is ``n`` characters before."""
    while n > 0 and pos > start:
        pos -= 1
        while pos > start and (int(data[pos]) & 0xC0) == 0x80:
            pos -= 1
        n -= 1
    return pos


forward, backward = twin(_forward), twin(_backward)


def _place_row(data, offsets, row, start, n, drop, first, last):
    """Span of ``n`` characters from ``start`` (negative: from the end) of all but ``drop``."""
    begin, end = int(offsets[row]), int(offsets[row + 1])
    end = backward(data, begin, end, drop)
    pos = backward(data, begin, end, -start) if start < 0 else forward(data, begin, end, start)
    first[row] = pos
    last[row] = end if n >= end - pos else forward(data, pos, end, n)


_place_row_cpu, _place_row_gpu = twin(_place_row, forward, backward)


def _find(data, pos, stop, wanted):
    """Return where ``wanted`` is first, from ``pos`` on; -1 where it is not."""
    n = wanted.shape[0]
    head = wanted[0]
    last = stop - n
    while pos <= last:
        if data[pos] == head:
            i = n - n + 1
            while i < n and data[pos + i] == wanted[i]:
                i += 1
            if i == n:
                return pos
        pos += 1
    return -1


find = twin(_find)


def _occurrences(data, pos, stop, wanted):
    """Count occurrences without overlap, from the left."""
    count = pos - pos
    at = find(data, pos, stop, wanted)
    while at >= 0:
        count += 1
        at = find(data, at + wanted.shape[0], stop, wanted)
    return count


occurrences = twin(_occurrences, find)
_occurrences_cpu, _occurrences_gpu = occurrences


def _after_row(data, offsets, row, wanted, nth, first, last):
    """Span behind the nth occurrence; a negative ``nth`` counts those from the end."""
    pos, stop = int(offsets[row]), int(offsets[row + 1])
    first[row] = -1
    last[row] = -1
    if nth < 0:
        nth = occurrences(data, pos, stop, wanted) + 1 + nth
    while nth > 0:
        at = find(data, pos, stop, wanted)
        if at < 0:
            return
        pos = at + wanted.shape[0]
        nth -= 1
        if nth == 0:
            first[row] = pos
            last[row] = stop


_after_row_cpu, _after_row_gpu = twin(_after_row, find, occurrences)


def _parts(data, pos, stop, opening, closing):
    """Count parts between two delimiters; they do not overlap."""
    count = pos - pos
    at = find(data, pos, stop, opening)
    while at >= 0:
        at = find(data, at + opening.shape[0], stop, closing)
        if at >= 0:
            count += 1
            at = find(data, at + closing.shape[0], stop, opening)
    return count


parts = twin(_parts, find)


def _between_row(data, offsets, row, opening, closing, nth, first, last):
    """Span of the nth part between delimiters; a negative ``nth`` counts from the end.

    An empty ``opening`` is the beginning of the text, an empty ``closing`` its end.
    """
    pos, stop = int(offsets[row]), int(offsets[row + 1])
    first[row] = -1
    last[row] = -1
    is_one = opening.shape[0] == 0 or closing.shape[0] == 0
    if nth < 0:
        nth = (1 if is_one else parts(data, pos, stop, opening, closing)) + 1 + nth
    if is_one and nth != 1:
        return
    while nth > 0:
        begin = pos if opening.shape[0] == 0 else find(data, pos, stop, opening)
        if begin < 0:
            return
        begin += opening.shape[0]
        end = stop if closing.shape[0] == 0 else find(data, begin, stop, closing)
        if end < 0:
            return
        nth -= 1
        pos = end + closing.shape[0]
        if nth == 0:
            first[row] = begin
            last[row] = end


_between_row_cpu, _between_row_gpu = twin(_between_row, find, parts)


def _first_row(data, offsets, row, words, ends, out):
    """Write which of several texts is the first that is in a text; their number where none is."""
    pos, stop = int(offsets[row]), int(offsets[row + 1])
    n_words = ends.shape[0] - 1
    number = n_words - n_words
    while number < n_words and find(data, pos, stop, words[ends[number] : ends[number + 1]]) < 0:
        number += 1
    out[row] = number


_first_row_cpu, _first_row_gpu = twin(_first_row, find)


def _copy_row(data, first, last, row, offsets, out):
    """Copy one span to where it goes; over slices, so that bytes are copied many at once."""
    to = out[offsets[row] : offsets[row + 1]]
    span = data[first[row] : last[row]]
    for i in range(to.shape[0]):
        to[i] = span[i]


_copy_row_cpu, _copy_row_gpu = twin(_copy_row)


@njit(nogil=True, cache=True)
def place_cpu(data, offsets, start, n, drop, first, last):
    """Write the span of each text by places."""
    for row in range(first.shape[0]):
        _place_row_cpu(data, offsets, row, start, n, drop, first, last)


@cuda.jit
def place_gpu(data, offsets, start, n, drop, first, last):
    """One thread per text."""
    row = cuda.grid(1)
    if row < first.shape[0]:
        _place_row_gpu(data, offsets, row, start, n, drop, first, last)


@njit(nogil=True, cache=True)
def after_cpu(data, offsets, wanted, nth, first, last):
    """Write the span of each text behind an occurrence."""
    for row in range(first.shape[0]):
        _after_row_cpu(data, offsets, row, wanted, nth, first, last)


@cuda.jit
def after_gpu(data, offsets, wanted, nth, first, last):
    """One thread per text."""
    row = cuda.grid(1)
    if row < first.shape[0]:
        _after_row_gpu(data, offsets, row, wanted, nth, first, last)


@njit(nogil=True, cache=True)
def between_cpu(data, offsets, opening, closing, nth, first, last):
    """Write the span of each text between two delimiters."""
    for row in range(first.shape[0]):
        _between_row_cpu(data, offsets, row, opening, closing, nth, first, last)


@cuda.jit
def between_gpu(data, offsets, opening, closing, nth, first, last):
    """One thread per text."""
    row = cuda.grid(1)
    if row < first.shape[0]:
        _between_row_gpu(data, offsets, row, opening, closing, nth, first, last)


@njit(nogil=True, cache=True)
def count_cpu(data, offsets, wanted, out):
    """Count the occurrences in each text, without overlap."""
    for row in range(out.shape[0]):
        out[row] = _occurrences_cpu(data, int(offsets[row]), int(offsets[row + 1]), wanted)


@cuda.jit
def count_gpu(data, offsets, wanted, out):
    """One thread per text."""
    row = cuda.grid(1)
    if row < out.shape[0]:
        out[row] = _occurrences_gpu(data, int(offsets[row]), int(offsets[row + 1]), wanted)


@njit(nogil=True, cache=True)
def first_cpu(data, offsets, words, ends, out):
    """Write which of ``words[ends[i]:ends[i + 1]]`` is the first that is in each text."""
    for row in range(out.shape[0]):
        _first_row_cpu(data, offsets, row, words, ends, out)


@cuda.jit
def first_gpu(data, offsets, words, ends, out):
    """One thread per text."""
    row = cuda.grid(1)
    if row < out.shape[0]:
        _first_row_gpu(data, offsets, row, words, ends, out)


@njit(nogil=True, cache=True)
def copy_cpu(data, first, last, offsets, out):
    """Copy the span of each text to ``out[offsets[row]:offsets[row + 1]]``."""
    for row in range(first.shape[0]):
        _copy_row_cpu(data, first, last, row, offsets, out)


@cuda.jit
def copy_gpu(data, first, last, offsets, out):
    """One thread per text."""
    row = cuda.grid(1)
    if row < first.shape[0]:
        _copy_row_gpu(data, first, last, row, offsets, out)
