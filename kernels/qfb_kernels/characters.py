"""Characters of texts: which there are, and texts without some of them and without brackets.

Texts are laid out as in :mod:`qfb_kernels.text` and are valid UTF-8. ``verdict`` has a byte for
each of the 0x110000 code points: bit 0, it goes; bit 1, it is an emoji, beside which a joiner
goes where ``joiner`` is 1. ``lead`` says which bytes may begin a character that goes; others are
passed by. The host launchers are serial and let other threads run.
"""

from __future__ import annotations

from numba import cuda, njit

from qfb_kernels.twin import twin

GOES, EMOJI = 1, 2
_JOINER = 0x200D


def _code_point(data, pos):
    """Return the code point that begins at ``pos``, and its width in bytes."""
    first = int(data[pos]) + 0
    if first < 0x80:
        return first, 1
    second = int(data[pos + 1]) & 63
    if first < 0xE0:
        return ((first & 31) << 6) | second, 2
    third = int(data[pos + 2]) & 63
    if first < 0xF0:
        return ((first & 15) << 12) | (second << 6) | third, 3
    return ((first & 7) << 18) | (second << 12) | (third << 6) | (int(data[pos + 3]) & 63), 4


code_point = twin(_code_point)


def _seen_row(data, offsets, row, seen):
    """Mark every code point of one text."""
    pos, stop = int(offsets[row]), int(offsets[row + 1])
    while pos < stop:
        point, width = code_point(data, pos)
        seen[point] = 1
        pos += width


_seen_row_cpu, _seen_row_gpu = twin(_seen_row, code_point)


def _strip_pair(data, begin, stop, pair, keep, opened):
    """Take out what one pair of brackets holds: a closing one meets the last open one.

    ``pair`` is the bytes of both, four each, behind their numbers of bytes.
    """
    depth = begin - begin
    n_open, n_close = int(pair[0]), int(pair[1])
    opening, closing = pair[2], pair[6]
    for pos in range(begin, stop):
        if keep[pos] == 1 and data[pos] == opening:
            i = n_open - n_open + 1
            while i < n_open and data[pos + i] == pair[2 + i]:
                i += 1
            if i == n_open:
                opened[begin + depth] = pos
                depth += 1
        if depth > 0 and keep[pos] == 1 and data[pos] == closing:
            i = n_close - n_close + 1
            while i < n_close and data[pos + i] == pair[6 + i]:
                i += 1
            if i == n_close:
                depth -= 1
                for j in range(int(opened[begin + depth]), pos + n_close):
                    keep[j] = 0


strip_pair = twin(_strip_pair)


def _is_emoji(data, pos, begin, stop, verdict):
    """Return whether the character before, or after, a joiner at ``pos`` is an emoji."""
    found = False
    if pos + 3 < stop:
        point, _ = code_point(data, pos + 3)
        found = (int(verdict[point]) & EMOJI) != 0
    if pos > begin and not found:
        before = pos - 1
        while before > begin and (int(data[before]) & 0xC0) == 0x80:
            before -= 1
        point, _ = code_point(data, before)
        found = (int(verdict[point]) & EMOJI) != 0
    return found


is_emoji = twin(_is_emoji, code_point)


def _strip_row(data, offsets, row, pairs, verdict, lead, joiner, keep, opened, length):
    """Mark which bytes of one text stay (``keep``), and how many (``length``)."""
    begin, stop = int(offsets[row]), int(offsets[row + 1])
    kept = keep[begin:stop]
    for i in range(kept.shape[0]):
        kept[i] = 1
    for pair in range(pairs.shape[0]):
        strip_pair(data, begin, stop, pairs[pair], keep, opened)
    for pos in range(begin, stop):
        if lead[data[pos]] == 1:
            point, width = code_point(data, pos)
            goes = (int(verdict[point]) & GOES) != 0
            if joiner == 1 and point == _JOINER and not goes:
                goes = is_emoji(data, pos, begin, stop, verdict)
            if goes:
                for i in range(pos, pos + width):
                    keep[i] = 0
    n_kept = begin - begin
    for i in range(kept.shape[0]):
        n_kept += kept[i]
    length[row] = n_kept


_strip_row_cpu, _strip_row_gpu = twin(_strip_row, code_point, strip_pair, is_emoji)


def _pack_row(data, offsets, row, keep, to, out):
    """Copy the bytes of one text that stay."""
    place = int(to[row])
    for pos in range(int(offsets[row]), int(offsets[row + 1])):
        if keep[pos] == 1:
            out[place] = data[pos]
            place += 1


_pack_row_cpu, _pack_row_gpu = twin(_pack_row)


@njit(nogil=True, cache=True)
def seen_cpu(data, offsets, seen):
    """Mark the code points of all texts."""
    for row in range(offsets.shape[0] - 1):
        _seen_row_cpu(data, offsets, row, seen)


@cuda.jit
def seen_gpu(data, offsets, seen):
    """One thread per text; all write the same mark."""
    row = cuda.grid(1)
    if row < offsets.shape[0] - 1:
        _seen_row_gpu(data, offsets, row, seen)


@njit(nogil=True, cache=True)
def strip_cpu(data, offsets, pairs, verdict, lead, joiner, keep, opened, length):
    """Mark which bytes of each text stay."""
    for row in range(length.shape[0]):
        _strip_row_cpu(data, offsets, row, pairs, verdict, lead, joiner, keep, opened, length)


@cuda.jit
def strip_gpu(data, offsets, pairs, verdict, lead, joiner, keep, opened, length):
    """One thread per text."""
    row = cuda.grid(1)
    if row < length.shape[0]:
        _strip_row_gpu(data, offsets, row, pairs, verdict, lead, joiner, keep, opened, length)


@njit(nogil=True, cache=True)
def pack_cpu(data, offsets, keep, to, out):
    """Copy the bytes of each text that stay to ``out[to[row]:to[row + 1]]``."""
    for row in range(offsets.shape[0] - 1):
        _pack_row_cpu(data, offsets, row, keep, to, out)


@cuda.jit
def pack_gpu(data, offsets, keep, to, out):
    """One thread per text."""
    row = cuda.grid(1)
    if row < offsets.shape[0] - 1:
        _pack_row_gpu(data, offsets, row, keep, to, out)
