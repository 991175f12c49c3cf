"""A text's fastText features: its words, their character n-grams, its word n-grams.

Layout: text ``i`` is the UTF-8 bytes ``data[start[i]:stop[i]]``; a dictionary is its entries' bytes
and offsets, and an open-addressing table of entry numbers (-1: free) whose size is a power of
two. A text writes features (rows of the input table) to its slice of ``feature``; behind them in
the slice there is room for the hash of each of its words. :func:`bounds_cpu` says how much room.
Hashes are FNV-1a of 32 bits over *signed* bytes, as fastText has them; arithmetic is on int64
that do not overflow, so the host, a device and the simulator give the same bits.
"""

from __future__ import annotations

from numba import cuda, njit

from qfb_kernels.rows_of import rows_of
from qfb_kernels.twin import twin

_M32 = 0xFFFFFFFF
_SEED, _PRIME = 2166136261, 16777619
_WORD_PRIME = 116049371
_HALF = 0x80000000
_OPEN, _CLOSE = 60, 62


def _is_space(byte):
    """Return whether a byte ends a word: blanks, tabs, line ends and the zero byte."""
    return byte == 32 or (9 <= byte <= 13) or byte == 0


is_space = twin(_is_space)
is_space_cpu = is_space.cpu


def _add_byte(hash32, byte):
    """Return the hash after one more byte; a byte of 128 or more counts as a negative number."""
    signed = byte if byte < 128 else (byte | 0xFFFFFF00)
    return ((hash32 ^ signed) * _PRIME) & _M32


add_byte = twin(_add_byte)


def _hash_bytes(data, start, stop):
    """Return the hash of some bytes, 0 <= hash < 2**32."""
    hash32 = start - start + _SEED
    for i in range(start, stop):
        hash32 = add_byte(hash32, int(data[i]) + 0)
    return hash32


hash_bytes = twin(_hash_bytes, add_byte)
hash_bytes_cpu = hash_bytes.cpu


def _find(data, start, stop, hash32, entry_data, entry_offsets, table):
    """Return the number of the dictionary entry that is ``data[start:stop]``; -1: none."""
    mask = table.shape[0] - 1
    place = hash32 & mask
    size = stop - start
    while table[place] >= 0:
        entry = int(table[place]) + 0
        first = entry_offsets[entry]
        if entry_offsets[entry + 1] - first == size:
            i = size - size
            while i < size and data[start + i] == entry_data[first + i]:
                i += 1
            if i == size:
                return entry
        place = (place + 1) & mask
    return place - place - 1


find = twin(_find)


def _word_byte(data, start, stop, i):
    """Return byte ``i`` of ``<word>``."""
    if i == 0:
        return i - i + _OPEN
    return int(data[start + i - 1]) + 0 if start + i <= stop else i - i + _CLOSE


word_byte = twin(_word_byte)


def _kept_row(bucket_hash, kept, n_words):
    """Return the row of an n-gram's hash; -1 where a pruned model has none for it."""
    if kept.shape[0] == 0:
        return n_words + bucket_hash
    row = int(kept[bucket_hash]) + 0
    return n_words + row if row >= 0 else row


kept_row = twin(_kept_row)


def _char_ngrams(data, start, stop, minn, maxn, bucket, kept, n_words, feature, at):
    """Write the character n-grams of one word at ``at``; return where they end."""
    size = stop - start + 2
    for i in range(size):
        if (word_byte(data, start, stop, i) & 0xC0) == 0x80:
            continue
        hash32 = size - size + _SEED
        j = i
        n = 1
        while j < size and n <= maxn:
            hash32 = add_byte(hash32, word_byte(data, start, stop, j))
            j += 1
            while j < size and (word_byte(data, start, stop, j) & 0xC0) == 0x80:
                hash32 = add_byte(hash32, word_byte(data, start, stop, j))
                j += 1
            if n >= minn and not (n == 1 and (i == 0 or j == size)):
                row = kept_row(hash32 % bucket, kept, n_words)
                if row >= 0:
                    feature[at] = row
                    at += 1
            n += 1
    return at


char_ngrams = twin(_char_ngrams, add_byte, word_byte, kept_row)


def _word_ngrams(n_hashes, hash_at, longest, bucket, kept, n_words, feature, at):
    """Write the word n-grams of a text, whose word hashes are ``feature[hash_at:]``."""
    wrap = (_M32 + 1) % bucket
    for i in range(n_hashes):
        low = int(feature[hash_at + i]) & _M32
        high = _M32 if low >= _HALF else low - low
        for j in range(i + 1, min(n_hashes, i + longest)):
            product = low * _WORD_PRIME
            other = int(feature[hash_at + j]) & _M32
            low = (product & _M32) + other
            high = high * _WORD_PRIME + (product >> 32) + (low >> 32)
            if other >= _HALF:
                high += _M32
            low = low & _M32
            high = high & _M32
            row = kept_row((high % bucket * wrap + low) % bucket, kept, n_words)
            if row >= 0:
                feature[at] = row
                at += 1
    return at


word_ngrams = twin(_word_ngrams, kept_row)


def _is_label(data, start, stop, prefix):
    """Return whether a token that is in no dictionary is a label by its prefix."""
    size = prefix.shape[0]
    if stop - start < size:
        return False
    i = start - start
    while i < size and data[start + i] == prefix[i]:
        i += 1
    return i == size


is_label = twin(_is_label)


def _bounds_row(data, start, stop, minn, maxn, longest, row, bound):
    """Count what a text may write at most: features, then room for word hashes."""
    tokens = start - start + 1
    ngrams = start - start
    chars = start - start
    for i in range(start, stop + 1):
        ends = i == stop or is_space(int(data[i]) + 0)
        if ends and chars > 0:
            tokens += 1
            for n in range(max(minn, 1), maxn + 1):
                ngrams += max(chars + 3 - n, 0)
            chars = start - start
        elif not ends and (chars == 0 or (int(data[i]) & 0xC0) != 0x80):
            chars += 1
    bound[row, 0] = ngrams + tokens * (longest + 1)
    bound[row, 1] = tokens


_bounds_row_cpu, _bounds_row_gpu = twin(_bounds_row, is_space)


def _is_end(data, start, stop):
    """Return whether a token is ``</s>``, after which fastText reads no further."""
    return (
        stop - start == 4
        and data[start] == 60
        and data[start + 1] == 47
        and data[start + 2] == 115
        and data[start + 3] == 62
    )


is_end = twin(_is_end)


def _features_row(
    data, start, stop, entry_data, entry_offsets, table, prefix, word_rows, word_offsets,
    word_count, kept, options, first, hash_at, feature, row, count,
):  # fmt: skip
    """Write a text's features; count them, and the rows of the input matrix they stand for."""
    minn, maxn, longest, bucket = options[0], options[1], options[2], options[3]
    end_hash, end_entry = options[4], options[5]
    n_words = word_count.shape[0]
    at = first
    n_hashes = first - first
    n_rows = first - first
    i = start
    reads = True
    while reads:
        while i < stop and is_space(int(data[i]) + 0):
            i += 1
        token = i
        while i < stop and not is_space(int(data[i]) + 0):
            i += 1
        is_last = token == i
        if is_last:
            hash32 = end_hash
            entry = end_entry
        else:
            hash32 = hash_bytes(data, token, i)
            entry = find(data, token, i, hash32, entry_data, entry_offsets, table)
            is_last = options[6] != 0 and is_end(data, token, i)
        reads = not is_last
        if token == i and options[6] == 0:
            continue
        if entry >= n_words or (entry < 0 and is_label(data, token, i, prefix)):
            continue
        if entry >= 0:
            for k in range(word_offsets[entry], word_offsets[entry + 1]):
                feature[at] = word_rows[k]
                at += 1
            n_rows += word_count[entry]
        elif not is_last and maxn > 0:
            before = at
            at = char_ngrams(data, token, i, minn, maxn, bucket, kept, n_words, feature, at)
            n_rows += at - before
        feature[hash_at + n_hashes] = hash32 if hash32 < _HALF else hash32 - _M32 - 1
        n_hashes += 1
    if longest > 1:
        before = at
        at = word_ngrams(n_hashes, hash_at, longest, bucket, kept, n_words, feature, at)
        n_rows += at - before
    count[row, 0] = at - first
    count[row, 1] = n_rows


_features_row_cpu, _features_row_gpu = twin(
    _features_row, is_space, hash_bytes, find, is_label, is_end, char_ngrams, word_ngrams
)


@rows_of("start")
def bounds_cpu(row_from, row_to, data, start, stop, options, bound):
    """Bound the room of each text on the host, on all its threads."""
    for row in range(row_from, row_to):
        _bounds_row_cpu(data, start[row], stop[row], options[0], options[1], options[2], row, bound)


@cuda.jit
def bounds_gpu(data, start, stop, options, bound):
    """One thread per text."""
    row = cuda.grid(1)
    if row < start.shape[0]:
        _bounds_row_gpu(data, start[row], stop[row], options[0], options[1], options[2], row, bound)


@rows_of("start")
def features_cpu(
    row_from, row_to,
    data, start, stop, entry_data, entry_offsets, table, prefix, word_rows, word_offsets,
    word_count, kept, options, first, hash_at, feature, count,
):  # fmt: skip
    """Write the features of each text on the host, on all its threads."""
    for row in range(row_from, row_to):
        _features_row_cpu(
            data, start[row], stop[row], entry_data, entry_offsets, table, prefix, word_rows,
            word_offsets, word_count, kept, options, first[row], hash_at[row], feature, row, count,
        )  # fmt: skip


@cuda.jit
def features_gpu(
    data, start, stop, entry_data, entry_offsets, table, prefix, word_rows, word_offsets,
    word_count, kept, options, first, hash_at, feature, count,
):  # fmt: skip
    """One thread per text."""
    row = cuda.grid(1)
    if row < start.shape[0]:
        _features_row_gpu(
            data, start[row], stop[row], entry_data, entry_offsets, table, prefix, word_rows,
            word_offsets, word_count, kept, options, first[row], hash_at[row], feature, row, count,
        )  # fmt: skip


@njit(cache=True)
def fill_table_cpu(entry_data, entry_offsets, table):
    """Enter every dictionary entry into a table of free places (-1); done once a model."""
    mask = table.shape[0] - 1
    for entry in range(entry_offsets.shape[0] - 1):
        place = hash_bytes_cpu(entry_data, entry_offsets[entry], entry_offsets[entry + 1]) & mask
        while table[place] >= 0:
            place = (place + 1) & mask
        table[place] = entry


@njit(cache=True)
def words_cpu(data, start, stop, n_words, word_start, word_stop):
    """Write where each text's words are; ``n_words`` counts them up to the text, from 0."""
    at = 0
    n_words[0] = 0
    for row in range(start.shape[0]):
        i = start[row]
        while i < stop[row]:
            if is_space_cpu(int(data[i])):
                i += 1
                continue
            token = i
            while i < stop[row] and not is_space_cpu(int(data[i])):
                i += 1
            word_start[at] = token
            word_stop[at] = i
            at += 1
        n_words[row + 1] = at
